"""Writes tests/fixtures/checkpoints/loras.{json,safetensors}: what a tiny network computes with each kind of LoRA.

Run from the repository root, after `checkpoints.py`: `python tests/reference/loras.py`. The network is the UNet, for one
case the text encoder, of `tiny_sd1`. The JSON lists each LoRA's tensors; their numbers follow from their names (`fill`).
Changes of weights come from LyCORIS' own functions; the case `diffusers` is run by diffusers and peft without merging
anything, and once more merged.
"""

import json

import torch
from checkpoints import TINY, fill, ldm_unet_name, text_state
from diffusers import UNet2DConditionModel
from lycoris.functional import locon, loha, lokr
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel

OUTPUT = "tests/fixtures/checkpoints/loras"
STRENGTH = 0.7
RANK = 4

TO_Q = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
TO_K = "up_blocks.1.attentions.1.transformer_blocks.0.attn2.to_k"
TO_OUT = "mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0"
FF = "down_blocks.0.attentions.1.transformer_blocks.0.ff.net.0.proj"
PROJ = "down_blocks.0.attentions.0.proj_in"
CONV = "down_blocks.1.resnets.0.conv1"
UPSAMPLE = "up_blocks.0.upsamplers.0.conv"
TEXT = ["text_model.encoder.layers.0.self_attn.q_proj", "text_model.encoder.layers.0.mlp.fc1"]


def low_rank(shape, core=False):
    kernel = tuple(shape[2:])
    ones = (1,) * len(kernel)
    parts = {".lora_down.weight": (RANK, shape[1]) + (ones if core else kernel), ".lora_up.weight": (shape[0], RANK) + ones}
    return parts | ({".lora_mid.weight": (RANK, RANK) + kernel} if core else {}) | {".alpha": ()}


def peft(shape):
    kernel = tuple(shape[2:])
    return {".lora_A.weight": (RANK, shape[1]) + kernel, ".lora_B.weight": (shape[0], RANK) + (1,) * len(kernel)}


def hada(shape, core=False):
    kernel = tuple(shape[2:])
    if core:
        half = lambda i: {f".hada_t{i}": (RANK, RANK) + kernel, f".hada_w{i}_a": (RANK, shape[0]), f".hada_w{i}_b": (RANK, shape[1])}
    else:
        inner = shape[1] * torch.Size(kernel).numel()
        half = lambda i: {f".hada_w{i}_a": (shape[0], RANK), f".hada_w{i}_b": (RANK, inner)}
    return half(1) | half(2) | {".alpha": ()}


def kron(shape, small_whole=True, large="whole"):
    (out, inputs), kernel = shape[:2], tuple(shape[2:])
    small = {".lokr_w1": (4, 4)} if small_whole else {".lokr_w1_a": (4, RANK), ".lokr_w1_b": (RANK, 4)}
    c, d = out // 4, inputs // 4
    if large == "whole":
        rest = {".lokr_w2": (c, d) + kernel}
    elif large == "product":
        rest = {".lokr_w2_a": (c, RANK), ".lokr_w2_b": (RANK, d * torch.Size(kernel).numel())}
    else:
        rest = {".lokr_t2": (RANK, RANK) + kernel, ".lokr_w2_a": (RANK, c), ".lokr_w2_b": (RANK, d)}
    return small | rest | {".alpha": ()}


def numbers(name, shape):
    """As `fill`; how strong a change is, is 2."""
    return torch.tensor(2.0, dtype=torch.float16) if name.endswith(".alpha") else fill(name, shape)


def change(parts, shape):
    """A layer's change of this shape, by LyCORIS."""
    get = lambda suffix: parts.get(suffix)
    alpha = float(parts.get(".alpha", RANK))
    if ".lora_down.weight" in parts:
        return locon.diff_weight(get(".lora_down.weight"), get(".lora_up.weight"), get(".lora_mid.weight"), gamma=alpha / RANK)
    if ".hada_w1_a" in parts:
        pair = lambda i: (get(f".hada_w{i}_b"), get(f".hada_w{i}_a"))
        scale = torch.tensor(alpha / RANK)
        return loha.diff_weight(*pair(1), *pair(2), get(".hada_t1"), get(".hada_t2"), gamma=scale).reshape(shape)
    names = ["w1", "w1_a", "w1_b", "w2", "w2_a", "w2_b", "t2"]
    parts = dict(parts)
    if ".lokr_w2_b" in parts and ".lokr_t2" not in parts:
        kernel = tuple(shape[2:])
        parts[".lokr_w2_b"] = parts[".lokr_w2_b"].reshape(RANK, shape[1] // 4, *kernel)
    # The function takes the second axis of a part for the rank, which with a core it is not: its own scale is made 1, and
    # LyCORIS' module's, alpha / rank where anything is a product, applied here.
    product = parts.get(".lokr_w1_a", parts.get(".lokr_w2_a"))
    own = 1 if product is None else product.shape[1]
    scale = 1 if product is None else alpha / RANK
    return scale * lokr.diff_weight(*(parts.get(f".lokr_{name}") for name in names), gamma=own).reshape(shape)


def main():
    torch.set_num_threads(1)
    unet_config, encoders, _ = TINY["tiny_sd1"]
    unet = UNet2DConditionModel(**unet_config).eval()
    base = {name: fill(name, tensor.shape).float() for name, tensor in unet.state_dict().items()}
    shape = lambda path: tuple(base[f"{path}.weight"].shape)
    attends = [kind.startswith("Cross") for kind in unet.config.up_block_types]
    kohya = lambda path: "lora_unet_" + path.replace(".", "_")
    ldm = lambda path: "lora_unet_" + ldm_unet_name(f"{path}.weight", 2, attends).removesuffix(".weight").replace(".", "_")
    # Case -> layer -> its name in the file and the parts of its change.
    cases = {
        "kohya": {path: (kohya(path), low_rank(shape(path))) for path in [TO_Q, TO_K, TO_OUT, FF, PROJ, CONV]},
        "kohya_ldm": {path: (ldm(path), low_rank(shape(path))) for path in [TO_Q, TO_K, CONV, UPSAMPLE]},
        "tucker": {path: (kohya(path), low_rank(shape(path), True)) for path in [CONV, UPSAMPLE]},
        "loha": {TO_Q: (kohya(TO_Q), hada(shape(TO_Q))), CONV: (kohya(CONV), hada(shape(CONV))), UPSAMPLE: (kohya(UPSAMPLE), hada(shape(UPSAMPLE), True))},
        "lokr": {
            TO_Q: (kohya(TO_Q), kron(shape(TO_Q))), TO_K: (kohya(TO_K), kron(shape(TO_K), False)), FF: (kohya(FF), kron(shape(FF), False, "product")),
            CONV: (kohya(CONV), kron(shape(CONV), True, "product")), UPSAMPLE: (kohya(UPSAMPLE), kron(shape(UPSAMPLE), True, "core")),
        },
        "diff": {TO_Q: (kohya(TO_Q), {".diff": shape(TO_Q)}), CONV: (kohya(CONV), {".diff": shape(CONV), ".diff_b": shape(CONV)[:1]})},
    }
    given = load_file("tests/fixtures/checkpoints/tiny.safetensors")
    run = lambda: unet(given["tiny_sd1.sample"], 500, given["tiny_sd1.context"]).sample
    listed, answers = {}, {}
    with torch.no_grad():
        for case, layers in cases.items():
            state = dict(base)
            for path, (name, parts) in layers.items():
                tensors = {suffix: numbers(name + suffix, part).float() for suffix, part in parts.items()}
                if ".diff" in tensors:
                    state[f"{path}.weight"] = state[f"{path}.weight"] + STRENGTH * tensors[".diff"]
                    if ".diff_b" in tensors:
                        state[f"{path}.bias"] = state[f"{path}.bias"] + STRENGTH * tensors[".diff_b"]
                else:
                    state[f"{path}.weight"] = state[f"{path}.weight"] + STRENGTH * change(tensors, shape(path))
            unet.load_state_dict(state)
            answers[case] = run()
            listed[case] = [[name + suffix, list(part)] for name, parts in layers.values() for suffix, part in parts.items()]

        unet.load_state_dict(base)
        answers["none"] = run()
        names = {f"unet.{path}{suffix}": part for path in [TO_Q, TO_K, TO_OUT, FF, CONV] for suffix, part in peft(shape(path)).items()}
        listed["diffusers"] = [[name, list(part)] for name, part in names.items()]
        unet.load_lora_adapter({name: numbers(name, part).float() for name, part in names.items()}, adapter_name="a", prefix="unet")
        unet.set_adapters("a", STRENGTH)
        answers["diffusers"] = run()
        unet.fuse_lora()
        assert (run() - answers["diffusers"]).abs().max() < 1e-5

        model = CLIPTextModel(CLIPTextConfig(vocab_size=49408, max_position_embeddings=77, eos_token_id=49407, **encoders[0][1])).eval()
        state = {}
        listed["text"] = []
        for ours, (key, tensor) in text_state(model).items():
            state[key] = fill(ours, tensor.shape).float()
            if (path := ours.removesuffix(".weight")) in TEXT:
                name = "lora_te_" + path.replace(".", "_")
                parts = low_rank(tuple(tensor.shape))
                listed["text"] += [[name + suffix, list(part)] for suffix, part in parts.items()]
                state[key] += STRENGTH * change({suffix: numbers(name + suffix, part).float() for suffix, part in parts.items()}, tensor.shape)
        model.load_state_dict(state)
        ids = torch.tensor([[49406, 320, 1125, 539, 320, 2368, 49407]])
        answers["text"] = model(ids, output_hidden_states=True).hidden_states[-2]
    for case, answer in answers.items():
        if case not in ("none", "text"):
            moved = float((answer - answers["none"]).abs().max() / answers["none"].abs().max())
            print(case, f"moves the output by {moved:.3f}")
            assert moved > 0.01
    with open(f"{OUTPUT}.json", "w", encoding="utf-8", newline="\n") as file:
        file.write("{\n" + ",\n".join(f" {json.dumps(case)}: {json.dumps(tensors)}" for case, tensors in listed.items()) + "\n}\n")
    save_file({name: value.contiguous() for name, value in answers.items()}, f"{OUTPUT}.safetensors")


main()
