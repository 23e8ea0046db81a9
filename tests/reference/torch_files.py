"""Writes tests/fixtures/torch: files of torch's own format, what is in them, and files that do harm.

Run from the repository root: `python tests/reference/torch_files.py`. `good.json` lists for each file the tensors that
are to be found; `bad.json` for each of the others the error's code and words of it. torch itself, told to read weights
only, must take the good ones, but for the class names it does not know.
"""

import io
import json
import os
import pickle
import shutil
import struct
import sys
import types
import zipfile
from collections import OrderedDict

import numpy as np
import torch

FOLDER = "tests/fixtures/torch"
DRAW = torch.Generator().manual_seed(20261128)


def random(*shape):
    return torch.randn(*shape, generator=DRAW)


def state():
    """A network's tensors: every number format, parts of one array, one array twice, with a dictionary's notes."""
    shared = random(6, 4)
    tensors = OrderedDict(
        whole=random(2, 3),
        half=random(5).half(),
        brain=random(2, 2).bfloat16(),
        double=random(3).double(),
        rows=shared[2:5],
        tied=shared[2:5],
        column=random(4, 1).t(),
        scalar=torch.tensor(2.5),
        nothing=torch.zeros(0, 3),
        count=torch.tensor([3, -1]),
        flags=torch.tensor([True, False]),
        parameter=torch.nn.Parameter(random(2)),
    )
    tensors._metadata = OrderedDict([("", {"version": 1})])
    return tensors


class ModelCheckpoint:
    pass


def lightning():
    """What PyTorch Lightning saves: the weights beside what the training needs to go on."""
    module = types.ModuleType("pytorch_lightning.callbacks.model_checkpoint")
    module.ModelCheckpoint = ModelCheckpoint
    ModelCheckpoint.__module__, ModelCheckpoint.__qualname__ = module.__name__, "ModelCheckpoint"
    for name in ("pytorch_lightning", "pytorch_lightning.callbacks", module.__name__):
        sys.modules[name] = module
    return {
        "epoch": 6,
        "global_step": 2**40,
        "pytorch-lightning_version": "1.4.2",
        "state_dict": {"model_ema.decay": torch.tensor(0.5), "model.diffusion_model.out.2.bias": random(4)},
        "callbacks": {ModelCheckpoint: {"best_model_score": np.float64(0.25), "dirpath": None, "every": -1}},
        "optimizer_states": [{"state": {0: {"exp_avg": random(3), "step": 10}}, "param_groups": [{"lr": 1e-4, "betas": (0.9, 0.999)}]}],
    }


def embedding(parameters):
    """What AUTOMATIC1111 saves of textual inversion."""
    return {
        "string_to_token": {"*": torch.tensor(265)},
        "string_to_param": parameters,
        "name": "müsli",
        "step": 499,
        "sd_checkpoint": None,
        "sd_checkpoint_name": None,
    }


class OldParameters(torch.nn.ParameterDict):
    """As torch before 1.12.1 saved a dictionary of parameters: as a module."""

    def __init__(self, parameters):
        torch.nn.Module.__init__(self)
        self._parameters = OrderedDict(parameters)


OldParameters.__module__, OldParameters.__qualname__ = "torch.nn.modules.container", "ParameterDict"


def parameter(*shape):
    return torch.nn.Parameter(random(*shape))


def save(value, **options):
    out = io.BytesIO()
    torch.save(value, out, **options)
    return out.getvalue()


GOOD = {
    "state.pth": (save(state()), lambda: state()),
    "protocol4.pt": (save({"a": {"b": random(2)}, "list": [random(1), (random(1),)]}, pickle_protocol=4), None),
    "upscaler.pth": (save({"params_ema": {"conv_first.weight": random(4, 3, 3, 3)}, "params": {"conv_first.weight": random(4, 3, 3, 3)}}), None),
    "lightning.ckpt": (save(lightning()), None),
    "embedding.pt": (save(embedding({"*": parameter(2, 32)})), None),
    "embedding_old.pt": (None, None),
}


def flat(value, path=""):
    """The tensors of a result, as they are to be found."""
    if isinstance(value, torch.Tensor):
        return {path: value}
    if isinstance(value, (list, tuple)):
        value = {str(i): one for i, one in enumerate(value)}
    if not isinstance(value, (dict, torch.nn.ParameterDict)):
        return {}
    found = {}
    for key, one in value.items():
        found |= flat(one, f"{path}.{key}" if path else str(key))
    return found


# ---- files that do harm


def archive(program, arrays=(), order=b"little", compression=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as file:
        file.writestr("a/data.pkl", program)
        if order:
            file.writestr("a/byteorder", order)
        for i, data in enumerate(arrays):
            file.writestr(f"a/data/{i}", data)
    return out.getvalue()


class Calls:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def integer(value):
    return b"\x8a\x08" + struct.pack("<q", value)


def view(offset, shape, strides, numbers, key="0", kind="FloatStorage", dims=None):
    """A program with one tensor `w` of an array that it says has this many numbers."""
    tuple_of = lambda values: b"(" + b"".join(integer(value) for value in values) + b"t"
    array = b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text("cpu") + integer(numbers) + b"tQ"
    call = b"ctorch._utils\n_rebuild_tensor_v2\n(" + array + integer(offset) + tuple_of(shape) + tuple_of(strides)
    call += b"\x89ccollections\nOrderedDict\n)RtR"
    return b"\x80\x02}" + text("w") + call + b"s."


def nested(depth):
    """A dictionary in a dictionary, and so on: each is of a few bytes."""
    return b"\x80\x02" + (b"}" + text("a")) * depth + b"}" + b"s" * depth + b"."


def laughs(levels):
    """Ten names for a dictionary of ten names for a dictionary: short to say, and without end to write down."""
    program = b"\x80\x02}q\x00" + text("t") + view(0, [1], [1], 4)[3 + 6 :].removesuffix(b"s.") + b"s"
    for level in range(levels):
        program += b"}q" + bytes([level + 1]) + b"(" + b"".join(text(str(i)) + b"h" + bytes([level]) for i in range(10)) + b"u"
    return program + b"."


def doubling(times):
    """A list that is told to add its own elements to itself, again and again."""
    again = b"ctorch.nn.modules.container\nParameterDict\n)\x81q\x00" + text("k") + b"Ns"
    state = b"}" + text("_parameters") + b"h\x00s"
    return b"\x80\x02" + again + (state + b"b") * times + b"."


FOUR = struct.pack("<4f", 1, 2, 3, 4)
PLAIN = view(0, [2, 2], [2, 1], 4)
WHOLE = archive(PLAIN, [FOUR])
CANARY = "tintype-was-here"
HUGE = 2**62

BAD = {
    "os_system.pt": (save(Calls(os.system, f"touch {CANARY}")), "bad_file", ["asks for `posix.system`", "nothing of it was run", "convert"]),
    "eval.ckpt": (save({"state_dict": {"w": Calls(eval, "1 + 1")}}), "bad_file", ["asks for `__builtin__.eval`"]),
    "getattr.pt": (archive(b"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93."), "bad_file", ["asks for `builtins.getattr`"]),
    "load_inside.pt": (archive(b"\x80\x02ctorch.storage\n_load_from_bytes\n."), "bad_file", ["asks for `torch.storage._load_from_bytes`"]),
    "complex.pt": (save({"w": torch.zeros(2, dtype=torch.complex64)}), "bad_file", ["asks for `torch.ComplexFloatStorage`"]),
    "instance.pt": (archive(b"\x80\x02(ios\nsystem\n."), "bad_file", ["instruction 0x69"]),
    "legacy.pt": (save({"w": random(2)}, _use_new_zipfile_serialization=False), "bad_file", ["before version 1.6", "convert it to safetensors"]),
    "deflated.pt": (archive(PLAIN, [FOUR * 100], compression=zipfile.ZIP_DEFLATED), "bad_file", ["`a/data.pkl` is compressed", "convert"]),
    "no_program.zip": (WHOLE.replace(b"a/data.pkl", b"a/date.txt"), "bad_file", ["without torch's `data.pkl`"]),
    "big_endian.pt": (archive(PLAIN, [FOUR], order=b"big"), "bad_file", ["highest byte first"]),
    "cut.pt": (WHOLE[:-60], "bad_file", ["list of entries is missing", "download the file again"]),
    "cut_in_half.pt": (WHOLE[: len(WHOLE) // 2], "bad_file", ["list of entries is missing"]),
    "list_elsewhere.pt": (WHOLE[:-6] + struct.pack("<I", 2**31) + WHOLE[-2:], "bad_file", ["list of entries is missing or damaged"]),
    "one_name_twice.pt": (archive(PLAIN, [FOUR, FOUR]).replace(b"a/data/1", b"a/data/0"), "bad_file", ["two entries of one name"]),
    "no_array.pt": (archive(PLAIN), "bad_offsets", ["`w`", "there is no `a/data/0`"]),
    "array_outside.pt": (archive(view(0, [2], [1], 4, key="../../secret"), [FOUR]), "bad_offsets", ["there is no `a/data/../../secret`"]),
    "array_short.pt": (archive(PLAIN, [FOUR[:-4]]), "bad_offsets", ["needs 16 bytes, `a/data/0` has 12"]),
    "array_claims_more.pt": (archive(view(0, [1], [1], 5), [FOUR]), "bad_offsets", ["needs 20 bytes"]),
    "offset_outside.pt": (archive(view(3, [2], [1], 4), [FOUR]), "bad_offsets", ["needs 20 bytes, `a/data/0` has 16"]),
    "offset_huge.pt": (archive(view(HUGE, [2], [1], 4), [FOUR]), "bad_offsets", ["more numbers than there can be"]),
    "offset_negative.pt": (archive(view(-1, [2], [1], 4), [FOUR]), "bad_file", ["damaged at byte"]),
    "shape_huge.pt": (archive(view(0, [HUGE, HUGE], [HUGE, 1], 4), [FOUR]), "bad_offsets", ["more numbers than there can be"]),
    "array_huge.pt": (archive(view(0, [1], [1], HUGE), [FOUR]), "bad_file", ["damaged at byte"]),
    "strides_outside.pt": (archive(view(0, [2, 2], [1000000, 1], 4), [FOUR]), "bad_offsets", ["strides [1000000, 1] is not row by row", "convert"]),
    "strides_repeat.pt": (archive(view(0, [1000, 2], [0, 1], 4), [FOUR]), "bad_offsets", ["strides [0, 1]"]),
    "strides_fewer.pt": (archive(view(0, [2, 2], [1], 4), [FOUR]), "bad_file", ["damaged at byte"]),
    "axes.pt": (archive(view(0, [1] * 9, [1] * 9, 4), [FOUR]), "bad_file", ["damaged at byte"]),
    "nested.pt": (archive(nested(2000)), "bad_file", ["nested without end"]),
    "laughs.pt": (archive(laughs(12), [FOUR]), "bad_file", ["nested without end"]),
    "doubling.pt": (archive(doubling(60)), "bad_file", ["more than any checkpoint needs"]),
    "memo_far.pt": (archive(b"\x80\x02}r\xff\xff\xff\x7f."), "bad_file", ["damaged at byte 3"]),
    "memo_nothing.pt": (archive(b"\x80\x02h\x07."), "bad_file", ["damaged at byte 2"]),
    "text_longer_than_program.pt": (archive(b"\x80\x02X\xff\xff\xff\xffa."), "bad_file", ["damaged at byte 2"]),
    "no_end.pt": (archive(b"\x80\x02}"), "bad_file", ["damaged at byte 3"]),
    "nothing_on_the_stack.pt": (archive(b"\x80\x02R."), "bad_file", ["damaged at byte 2"]),
    "no_mark.pt": (archive(b"\x80\x02}u."), "bad_file", ["damaged at byte 3"]),
    "empty_program.pt": (archive(b""), "bad_file", ["damaged at byte 0"]),
    "twice.pt": (archive(b"\x80\x02}(" + text("a") + b"K\x01" + text("a") + b"K\x02u.", []), "bad_file", ["`a` is there twice"]),
}


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    torch.nn.modules.container.ParameterDict, real = OldParameters, torch.nn.modules.container.ParameterDict
    old = save(embedding(OldParameters({"*": parameter(2, 32)})))
    torch.nn.modules.container.ParameterDict = real
    listed = {}
    for name, (content, _) in GOOD.items():
        content = content or old
        with open(f"{FOLDER}/{name}", "wb") as file:
            file.write(content)
        result = torch.load(f"{FOLDER}/{name}", weights_only=False)
        if not name.startswith(("lightning", "embedding_old", "protocol4")):
            torch.load(f"{FOLDER}/{name}", weights_only=True)
        inner = result.get("state_dict", result.get("string_to_param", result))
        inner = inner._parameters if "old" in name else inner
        listed[name] = {
            key: [str(one.dtype).removeprefix("torch."), list(one.shape), one.detach().double().flatten().tolist()]
            for key, one in flat(inner).items()
        }
    rows = []
    for name, (content, code, words) in BAD.items():
        with open(f"{FOLDER}/{name}", "wb") as file:
            file.write(content)
        rows.append({"file": name, "code": code, "words": words})
    dump = lambda value: json.dumps(value, ensure_ascii=False)
    with open(f"{FOLDER}/good.json", "w", encoding="utf-8", newline="\n") as file:
        file.write("{\n" + ",\n".join(f" {dump(name)}: {dump(value)}" for name, value in listed.items()) + "\n}\n")
    with open(f"{FOLDER}/bad.json", "w", encoding="utf-8", newline="\n") as file:
        file.write("[\n" + ",\n".join(f" {dump(row)}" for row in rows) + "\n]\n")


if __name__ == "__main__":
    main()
