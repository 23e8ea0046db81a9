"""Writes tests/fixtures/ops/*.safetensors: one small case for every operation of src/ops.

Run from the repository root: `python tests/reference/ops.py`. Inputs are drawn from a generator that
is seeded per case by its name, so adding a case leaves the others byte for byte as they are. What is
not in a tensor (groups, eps, padding) stands in the file's metadata, under the case's name.
"""

import json
import math
import os
import zlib

import torch
import torch.nn.functional as F
from diffusers.models.activations import GEGLU
from diffusers.models.embeddings import get_timestep_embedding
from safetensors.torch import save_file
from transformers.activations import ACT2FN

FOLDER = "tests/fixtures/ops"


class Case:
    """Tensors and settings of one operation; `draw` is seeded by the case's name."""

    def __init__(self, name: str, **settings):
        self.name = name
        self.settings = settings
        self.tensors: dict[str, torch.Tensor] = {}
        self.generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))

    def draw(self, tensor: str, *shape: int, scale: float = 1.0, mean: float = 0.0) -> torch.Tensor:
        values = torch.randn(shape, generator=self.generator) * scale + mean
        return self.keep(tensor, values)

    def keep(self, tensor: str, values: torch.Tensor) -> torch.Tensor:
        assert torch.isfinite(values).all(), f"{self.name}.{tensor}"
        self.tensors[tensor] = values.float().contiguous()
        return self.tensors[tensor]


def conv(name, x, out, kernel, stride=1, padding=(1, 1, 1, 1), bias=True):
    """`padding` is left, right, top, bottom, as torch's F.pad counts."""
    case = Case(name, stride=stride, padding_left_right_top_bottom=padding)
    inputs = case.draw("x", *x)
    fan_in = x[1] * kernel * kernel
    weight = case.draw("weight", out, x[1], kernel, kernel, scale=fan_in**-0.5)
    offset = case.draw("bias", out, scale=0.5) if bias else None
    case.keep("y", F.conv2d(F.pad(inputs, padding), weight, offset, stride=stride))
    return case


def convs():
    none = (0, 0, 0, 0)
    return [
        conv("conv3x3", (2, 5, 9, 7), 6, 3),
        conv("conv3x3_no_bias", (1, 4, 6, 5), 3, 3, bias=False),
        conv("conv3x3_one_pixel", (1, 3, 1, 1), 4, 3),
        conv("conv3x3_wide", (1, 96, 8, 8), 12, 3),
        conv("conv1x1", (2, 5, 9, 7), 6, 1, padding=none),
        conv("conv1x1_wide", (1, 96, 8, 4), 192, 1, padding=none),
        # The UNet's downsampler: padding 1 all around. Even and odd sizes differ in what is cut off.
        conv("conv_stride2", (2, 4, 8, 6), 5, 3, stride=2),
        conv("conv_stride2_odd", (1, 4, 9, 7), 5, 3, stride=2),
        # The autoencoder's downsampler: one column on the right, one row at the bottom, no other padding.
        conv("conv_stride2_asymmetric", (2, 4, 8, 6), 5, 3, stride=2, padding=(0, 1, 0, 1)),
        conv("conv_stride2_asymmetric_odd", (1, 4, 9, 7), 5, 3, stride=2, padding=(0, 1, 0, 1)),
    ]


def linear(name, x, out, bias=True):
    case = Case(name)
    inputs = case.draw("x", *x)
    weight = case.draw("weight", out, x[-1], scale=x[-1] ** -0.5)
    offset = case.draw("bias", out, scale=0.5) if bias else None
    case.keep("y", F.linear(inputs, weight, offset))
    return case


def linears():
    return [
        linear("linear", (2, 7, 10), 13),
        linear("linear_no_bias", (2, 7, 10), 13, bias=False),
        linear("linear_rows", (3, 20), 5),
        linear("linear_wide", (1, 9, 96), 32),
    ]


def group_norm(name, shape, groups, eps=1e-5, silu=False, scale=1.0, mean=0.5):
    case = Case(name, groups=groups, eps=eps, silu=silu)
    inputs = case.draw("x", *shape, scale=scale, mean=mean)
    weight = case.draw("weight", shape[1], scale=0.3, mean=1.0)
    offset = case.draw("bias", shape[1], scale=0.3)
    outputs = F.group_norm(inputs, groups, weight, offset, eps)
    case.keep("y", F.silu(outputs) if silu else outputs)
    return case


def layer_norm(name, shape, eps=1e-5, scale=1.0, mean=0.5):
    case = Case(name, eps=eps)
    inputs = case.draw("x", *shape, scale=scale, mean=mean)
    weight = case.draw("weight", shape[-1], scale=0.3, mean=1.0)
    offset = case.draw("bias", shape[-1], scale=0.3)
    case.keep("y", F.layer_norm(inputs, shape[-1:], weight, offset, eps))
    return case


def norms():
    return [
        group_norm("group_norm", (2, 12, 5, 7), 4),
        group_norm("group_norm_silu", (2, 12, 5, 7), 4, silu=True),
        group_norm("group_norm_one_group", (2, 6, 3, 5), 1),
        group_norm("group_norm_group_per_channel", (2, 6, 3, 5), 6),
        group_norm("group_norm_tokens", (2, 12, 35), 3),
        # A variance near eps: the wrong eps, or eps outside the root, is off by far more than rounding.
        group_norm("group_norm_eps_1e-5", (1, 8, 4, 3), 4, eps=1e-5, scale=2e-3, mean=0.0),
        group_norm("group_norm_eps_1e-6", (1, 8, 4, 3), 4, eps=1e-6, scale=2e-3, mean=0.0),
        # A mean far above the spread: E[x^2] - E[x]^2 in f32 loses what a two-pass variance keeps.
        group_norm("group_norm_large_mean", (1, 8, 6, 5), 2, mean=100.0),
        layer_norm("layer_norm", (2, 7, 24)),
        layer_norm("layer_norm_eps_1e-5", (1, 4, 16), scale=2e-3, mean=0.0),
        layer_norm("layer_norm_large_mean", (1, 4, 33), mean=100.0),
    ]


def attention(name, batch, queries, keys, heads, size, causal=False, scale=1.0):
    """q, k, v and y are `[batch, tokens, heads * size]`: a head's channels lie together."""
    case = Case(name, heads=heads, head_size=size, causal=causal)
    q = case.draw("q", batch, queries, heads * size, scale=scale)
    k = case.draw("k", batch, keys, heads * size, scale=scale)
    v = case.draw("v", batch, keys, heads * size)
    split = [t.reshape(batch, -1, heads, size).transpose(1, 2) for t in (q, k, v)]
    y = F.scaled_dot_product_attention(*split, is_causal=causal)
    case.keep("y", y.transpose(1, 2).reshape(batch, queries, heads * size))
    return case


def attentions():
    return [
        attention("attention_self_3x8", 2, 17, 17, heads=3, size=8),
        attention("attention_self_2x40", 1, 9, 9, heads=2, size=40),
        attention("attention_one_head_24", 2, 15, 15, heads=1, size=24),
        attention("attention_cross_2x24", 2, 14, 11, heads=2, size=24),
        attention("attention_cross_4x8", 1, 6, 77, heads=4, size=8),
        attention("attention_one_key", 1, 5, 1, heads=2, size=8),
        # Scores of some hundreds: exp overflows unless the row's largest score is subtracted first.
        attention("attention_large_scores", 1, 9, 11, heads=2, size=8, scale=20.0),
        attention("attention_causal_4x8", 2, 19, 19, heads=4, size=8, causal=True),
        attention("attention_causal_2x24", 1, 7, 7, heads=2, size=24, causal=True),
    ]


def pointwise(name, function, span=6.0):
    case = Case(name)
    near = torch.randn(2, 5, 13, generator=case.generator) * (span / 3)
    ends = torch.tensor([-90.0, -30.0, -10.0, -5.0, -1e-3, 0.0, 1e-3, 5.0, 10.0, 30.0, 90.0, -0.75, 0.75])
    inputs = case.keep("x", torch.cat([near, ends.expand(2, 1, 13)], dim=1))
    case.keep("y", function(inputs))
    return case


def geglu():
    """diffusers' GEGLU without its projection: first half times gelu of the second half."""
    case = Case("geglu")
    inputs = case.draw("x", 2, 5, 22, scale=2.0)
    module = GEGLU(22, 11)
    module.proj = torch.nn.Identity()
    case.keep("y", module(inputs))
    return case


def softmax(name, scale):
    case = Case(name, axis=-1)
    case.keep("y", torch.softmax(case.draw("x", 2, 3, 5, 17, scale=scale), dim=-1))
    return case


def prelu(name, shape):
    case = Case(name)
    inputs = case.draw("x", *shape)
    slopes = case.draw("slopes", shape[1], scale=0.3, mean=0.2)
    case.keep("y", F.prelu(inputs, slopes))
    return case


def activations():
    return [
        pointwise("silu", F.silu),
        pointwise("quick_gelu", ACT2FN["quick_gelu"]),
        pointwise("gelu", ACT2FN["gelu"]),
        geglu(),
        pointwise("leaky_relu", lambda x: F.leaky_relu(x, 0.2)),
        prelu("prelu", (2, 5, 4, 7)),
        prelu("prelu_one_pixel", (3, 6, 1, 1)),
        softmax("softmax", 2.0),
        softmax("softmax_large", 200.0),
    ]


def upsample(name, shape, size=None):
    case = Case(name, size=size or [2 * shape[2], 2 * shape[3]])
    inputs = case.draw("x", *shape)
    case.keep("y", F.interpolate(inputs, **({"size": size} if size else {"scale_factor": 2.0}), mode="nearest"))
    return case


def upsamples():
    return [
        upsample("upsample_nearest", (2, 3, 5, 7)),
        # What the UNet asks for on the way up when a level had an odd size on the way down.
        upsample("upsample_nearest_to_odd", (1, 3, 5, 4), size=[9, 7]),
        upsample("upsample_nearest_to_odd_height", (1, 3, 5, 4), size=[9, 8]),
    ]


def shuffle(name, shape, factor, function):
    case = Case(name, factor=factor)
    case.keep("y", function(case.draw("x", *shape), factor))
    return case


def shuffles():
    return [
        shuffle("pixel_shuffle_2", (2, 8, 5, 3), 2, F.pixel_shuffle),
        shuffle("pixel_shuffle_4", (1, 48, 3, 4), 4, F.pixel_shuffle),
        shuffle("pixel_unshuffle_2", (2, 3, 6, 10), 2, F.pixel_unshuffle),
        shuffle("pixel_unshuffle_4", (1, 3, 12, 8), 4, F.pixel_unshuffle),
    ]


def sinusoid(name, width, flip, shift):
    case = Case(name, width=width, flip_sin_to_cos=flip, freq_shift=shift, max_period=10000)
    timesteps = case.keep("timesteps", torch.tensor([0.0, 1.0, 21.5, 500.0, 741.3721, 999.0]))
    case.keep("y", get_timestep_embedding(timesteps, width, flip, shift))
    return case


def embeddings():
    return [
        sinusoid("timestep_cos_sin", 32, True, 0),
        sinusoid("timestep_cos_sin_wide", 96, True, 0),
        sinusoid("timestep_sin_cos_shift1", 32, False, 1),
    ]


def halve(name, shape):
    case = Case(name)
    case.keep("y", F.avg_pool2d(case.draw("x", *shape), 2, ceil_mode=True))
    return case


def relu(name, shape):
    case = Case(name)
    case.keep("y", F.relu(case.draw("x", *shape)))
    return case


def adapters():
    """What T2I-Adapters have and no other network."""
    return [
        halve("halve", (2, 3, 4, 6)),
        halve("halve_odd", (1, 2, 5, 7)),
        halve("halve_one_row", (1, 2, 1, 4)),
        relu("relu", (2, 3, 4, 5)),
    ]


def check_by_hand():
    """The facts the fixtures stand for, said a second time without the library."""
    x = torch.tensor([-2.0, 0.3, 1.7])
    assert torch.allclose(ACT2FN["quick_gelu"](x), x * torch.sigmoid(1.702 * x))
    assert torch.allclose(ACT2FN["gelu"](x), 0.5 * x * (1 + torch.erf(x / math.sqrt(2))))
    case = next(c for c in activations() if c.name == "geglu")
    value, gate = case.tensors["x"].split(11, dim=-1)
    assert torch.allclose(case.tensors["y"], value * F.gelu(gate))
    case = next(c for c in upsamples() if c.name == "upsample_nearest_to_odd")
    double = F.interpolate(case.tensors["x"], scale_factor=2.0, mode="nearest")
    assert torch.equal(case.tensors["y"], double[:, :, :9, :7])


@torch.no_grad()
def main():
    torch.set_num_threads(1)
    check_by_hand()
    os.makedirs(FOLDER, exist_ok=True)
    families = {
        "activation": activations(),
        "adapter": adapters(),
        "attention": attentions(),
        "conv": convs(),
        "embedding": embeddings(),
        "linear": linears(),
        "norm": norms(),
        "shuffle": shuffles(),
        "upsample": upsamples(),
    }
    for family, cases in families.items():
        tensors = {f"{c.name}.{key}": value for c in cases for key, value in c.tensors.items()}
        # One metadata key: safetensors writes several in an order that changes from run to run.
        settings = {c.name: c.settings for c in cases if c.settings}
        path = f"{FOLDER}/{family}.safetensors"
        save_file(tensors, path, metadata={"settings": json.dumps(settings)})
        print(f"{path}: {len(cases)} cases, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main()
