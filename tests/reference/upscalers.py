"""Writes tests/fixtures/upscalers: tiny upscalers of the real classes, and what they make of a picture.

Run from the repository root: `python tests/reference/upscalers.py`. Each file is one network under one set of
published tensor names, in one number format, read back by spandrel as ComfyUI reads it, so it is spandrel that says
what kind of network the names mean. Widths are tiny and weights random; every tensor is known to matter.

With the path of a reference pair of the bundled upscaler it also cuts `animevideov3.safetensors` out of that pair.
"""

import os
import re
import sys
import zlib

import torch
from safetensors.torch import load_file, save_file
from spandrel import ModelLoader
from spandrel.architectures.Compact import Compact
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.__arch_helpers import block

FOLDER = "tests/fixtures/upscalers"
GROWTH = 3


def tiny_dense_blocks() -> None:
    """spandrel's RRDBNet has 32 channels of growth written into it, whatever its width."""
    real = block.RRDB

    class Tiny(real):
        def __init__(self, **options):
            super().__init__(**(options | {"gc": GROWTH}))

    block.RRDB = Tiny


def generator(name: str) -> torch.Generator:
    return torch.Generator().manual_seed(zlib.crc32(name.encode()))


def randomise(model: torch.nn.Module, name: str, dtype: torch.dtype) -> None:
    """Activations stay near 1 and pictures within 0..1, so that spandrel's clamping changes none."""
    draw = generator(name)
    for key, parameter in sorted(model.named_parameters()):
        values = torch.randn(parameter.shape, generator=draw)
        if parameter.dim() == 4:
            values = values * 1.4 * parameter[0].numel() ** -0.5
        elif key.endswith("bias"):
            values = values * 0.5
        else:  # slopes
            values = 0.2 + values * 0.3
        parameter.copy_(values.to(dtype).float())

    # A compact network adds the picture itself, which `picture` keeps in the middle.
    centre, spread = (0.0, 0.15) if isinstance(model, Compact) else (0.5, 0.3)
    x = picture(model, (12, 12), name)
    y = model(x)
    if isinstance(model, Compact):
        y = y - torch.nn.functional.interpolate(x, scale_factor=model.upscale, mode="nearest")
    conv = [module for module in model.modules() if isinstance(module, torch.nn.Conv2d)][-1]
    factor = spread / (y - y.mean()).abs().max()
    conv.weight.copy_((conv.weight * factor).to(dtype).float())
    conv.bias.copy_(((conv.bias - y.mean()) * factor + centre).to(dtype).float())


def picture(model: torch.nn.Module, size: tuple[int, int], name: str) -> torch.Tensor:
    x = torch.rand(2, 3, *size, generator=generator(f"{name} picture"))
    return 0.3 + 0.4 * x if isinstance(model, Compact) else x


# ---- the three sets of names of an ESRGAN; spandrel's module has the oldest


def later_names(key: str, blocks: int, doublings: int, words: dict[str, str]) -> str:
    path, kind = key.rsplit(".", 1)
    whole = {
        "model.0": "conv_first",
        f"model.1.sub.{blocks}": words["body_conv"],
        f"model.{3 * doublings + 2}": words["high"],
        f"model.{3 * doublings + 4}": "conv_last",
    } | {f"model.{3 * i}": f"{words['up']}{i}" for i in range(1, doublings + 1)}
    if path in whole:
        return f"{whole[path]}.{kind}"
    number, dense, conv = re.fullmatch(r"model\.1\.sub\.(\d+)\.RDB(\d)\.(conv\d)\.0", path).groups()
    return f"{words['body']}.{number}.{words['dense']}{dense}.{conv}.{kind}"


TRUNK = {"body": "RRDB_trunk", "dense": "RDB", "body_conv": "trunk_conv", "up": "upconv", "high": "HRconv"}
BODY = {"body": "body", "dense": "rdb", "body_conv": "conv_body", "up": "conv_up", "high": "conv_hr"}


# ---- cases


def esrgan(name, size, blocks=1, doublings=2, square=None, words=None, prefix="", dtype=torch.float16, plus=False):
    width = 5
    model = ESRGAN(
        in_nc=3 * (square or 1) ** 2,
        num_filters=width,
        num_blocks=blocks,
        scale=2**doublings,
        shuffle_factor=square,
        plus=plus,
    )
    rename = (lambda key: later_names(key, blocks, doublings, words)) if words else (lambda key: key)
    return case(name, model, size, rename, prefix, dtype)


def compact(name, size, scale, layers=2, prefix="", dtype=torch.float16):
    model = Compact(num_feat=6, num_conv=layers, upscale=scale)
    return case(name, model, size, lambda key: key, prefix, dtype)


def case(name, model, size, rename, prefix, dtype) -> None:
    randomise(model.eval(), name, dtype)
    tensors = {rename(key): value.to(dtype) for key, value in model.state_dict().items()}
    made = {prefix + key: value.contiguous() for key, value in tensors.items()}
    if prefix == "params_ema.":  # beside them what training went on with, which is not to be taken
        made |= {"params." + key: torch.zeros_like(value) for key, value in tensors.items()}
    path = f"{FOLDER}/upscale_models/{name}.safetensors"
    save_file(made, path, metadata={"format": "pt"})

    loaded = load_file(path)
    if prefix.startswith("params"):  # a `.pth` file has a table in a table there, which spandrel unwraps
        loaded = {key.removeprefix(prefix): value for key, value in loaded.items() if key.startswith(prefix)}
    upscaler = ModelLoader().load_from_state_dict({key: value.float() for key, value in loaded.items()}).eval()
    assert type(upscaler.model) is type(model), name
    for key, value in model.state_dict().items():
        assert torch.equal(value, upscaler.model.state_dict()[key]), key

    x = picture(model, size, name)
    blocks = {}
    if name in ("esrgan_old_x4", "compact_x4"):
        for path, module in upscaler.model.named_modules():
            if type(module).__name__ in ("Tiny", "ResidualDenseBlock_5C", "PReLU"):
                keep = lambda _module, _inputs, output, path=path: blocks.__setitem__(path, output[:1].clone())
                module.register_forward_hook(keep)
    y = upscaler(x)
    assert y.shape == (2, 3, size[0] * upscaler.scale, size[1] * upscaler.scale), name
    inside = ((y > 0) & (y < 1)).all()
    assert inside and y.std() > 0.02, f"{name}: {y.min()} {y.max()} {y.std()}"
    check_that_tensors_matter(name, upscaler, x, y)
    blocks = dict(blocks)
    reference = {"x": x, "y": y, "small.x": x[:, :, :2, :1]} | {f"blocks.{key}": value for key, value in blocks.items()}
    reference["small.y"] = upscaler(reference["small.x"])
    save_file({key: value.contiguous() for key, value in reference.items()}, f"{FOLDER}/{name}.reference.safetensors")
    kind = f"{upscaler.architecture.id} ×{upscaler.scale} {upscaler.tags}"
    print(f"{name}: {kind}, {sum(value.numel() for value in made.values())} numbers")


def check_that_tensors_matter(name, upscaler, x, y) -> None:
    for key, parameter in upscaler.model.named_parameters():
        before = parameter.clone()
        parameter.copy_(before.roll(1, 0) if before.dim() > 1 else before.roll(1) + 0.1)
        moved = ((upscaler(x) - y).abs().max() / y.abs().max()).item()
        # What a dense block adds is scaled by 0.2 twice. The tests allow a tenth of this.
        assert moved > 1e-4, f"{name} {key}: {moved}"
        parameter.copy_(before)


def cut_pair(path: str) -> None:
    """The first corner of the pair: what 44 × 44 pixels are by, and of it what no pixel beyond has a part in."""
    pair = load_file(path)
    seen, sees = 44, 18
    x = pair["input"][:, :, :seen, :seen].contiguous()
    y = pair["output"][:, :, : 4 * (seen - sees), : 4 * (seen - sees)].contiguous()
    save_file({"x": x, "y": y}, f"{FOLDER}/animevideov3.safetensors")
    upscaler = ModelLoader().load_from_file("www/public/models/upscale_models/realesr-animevideov3-x4.safetensors")
    ours = upscaler.eval().float().model(x)[:, :, : y.shape[2], : y.shape[3]]
    print(f"animevideov3: within {(ours - y).abs().max():.1e} of torch here, spread {y.std():.2f}")


@torch.no_grad()
def main():
    torch.set_num_threads(1)
    os.makedirs(f"{FOLDER}/upscale_models", exist_ok=True)
    tiny_dense_blocks()
    esrgan("esrgan_old_x4", (7, 6), blocks=2)
    esrgan("esrgan_old_x1", (6, 5), doublings=0, dtype=torch.float32)
    esrgan("esrgan_old_x2", (6, 5), doublings=1, dtype=torch.bfloat16)
    esrgan("esrgan_old_x8", (4, 3), doublings=3)
    esrgan("esrgan_trunk_x2", (5, 6), doublings=1, words=TRUNK, prefix="module.")
    esrgan("esrgan_body_x4", (5, 6), words=BODY, prefix="params.")
    # Sides that are no multiples of 4: the picture is mirrored at its edges, and `small` goes on after that.
    esrgan("esrgan_squares_x2", (9, 14), square=2, words=BODY, prefix="params_ema.")
    esrgan("esrgan_squares_x1", (9, 15), square=4, words=BODY)
    esrgan("esrgan_plus_x4", (5, 4), plus=True)
    compact("compact_x4", (7, 6), 4)
    compact("compact_x2", (6, 5), 2, layers=3, prefix="params.", dtype=torch.bfloat16)
    compact("compact_x1", (6, 5), 1, dtype=torch.float32)
    if len(sys.argv) > 1:
        cut_pair(sys.argv[1])


if __name__ == "__main__":
    main()
