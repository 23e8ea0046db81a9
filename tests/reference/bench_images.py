"""Milliseconds of torch's and Pillow's picture operations on one thread, beside ours: `make bench-images`.

    python tests/reference/bench_images.py OURS     # OURS: what `cargo bench --bench images` printed

Pictures are 1024 x 1024, as in `benches/images.rs`. Each case starts and ends with what ComfyUI's nodes do: pictures
are [batch, height, width, channels] in torch, so what Pillow does includes the way to 8-bit samples and back.
"""

import sys
import time

import kornia
import numpy as np
import torch
import torch.nn.functional as F
from kornia import morphology
from PIL import Image

from images import bell, thresholds

SIDE = 1024


def picture(seed):
    i = np.arange(SIDE * SIDE, dtype=np.uint32)
    y, x = i // SIDE, i % SIDE
    grain = ((i + np.uint32(seed)) * np.uint32(2654435761)) >> 28
    samples = np.stack([x // 5, y // 5, (x + y) // 10], -1) + grain[:, None]
    return torch.from_numpy((samples % 256).astype(np.float32) / 255).reshape(1, SIDE, SIDE, 3)


def to_pillow(x):
    return Image.fromarray(np.clip(255.0 * x[0].numpy(), 0, 255).astype(np.uint8))


def from_pillow(image):
    return torch.from_numpy(np.array(image).astype(np.float32) / 255.0)[None]


def scale(x, mode, side):
    if mode == "lanczos":
        return from_pillow(to_pillow(x).resize((side, side), Image.Resampling.LANCZOS))
    return F.interpolate(x.movedim(-1, 1), (side, side), mode=mode).movedim(1, -1).contiguous()


def filtered(x, kernel):
    radius = kernel.shape[0] // 2
    x = F.pad(x.movedim(-1, 1), (radius,) * 4, mode="reflect")
    return F.conv2d(x, kernel.expand(3, 1, -1, -1), groups=3).movedim(1, -1).contiguous()


def sharpened(x, radius, alpha):
    kernel = -10 * alpha * bell(radius, 1.0)
    kernel[radius, radius] += 1 - kernel.sum()
    return filtered(x, kernel).clamp(0, 1)


def overlay(a, b):
    return torch.where(a <= 0.5, 2 * a * b, 1 - 2 * (1 - a) * (1 - b))


def soft_light(a, b):
    lit = torch.where(a <= 0.25, ((16 * a - 12) * a + 4) * a, a.sqrt())
    return torch.where(b <= 0.5, a - (1 - 2 * b) * a * (1 - a), a + (2 * b - 1) * (lit - a))


def mixed(a, b, mode):
    return (a * 0.5 + mode(a, b) * 0.5).clamp(0, 1)


def quantized(x, dither):
    image = to_pillow(x)
    palette = image.quantize(64)
    if dither == "bayer-4":
        pattern = 8 * thresholds(4) + 0.5
        pattern = torch.from_numpy(np.tile(pattern, (SIDE // 4, SIDE // 4)).astype(np.float32))
        wanted = (torch.from_numpy(np.array(image).astype(np.float32)) + pattern[..., None]).clamp(0, 255)
        image = Image.fromarray(wanted.to(torch.uint8).numpy())
    method = Image.Dither.FLOYDSTEINBERG if dither == "floyd-steinberg" else Image.Dither.NONE
    return from_pillow(image.quantize(palette=palette, dither=method).convert("RGB"))


def padded(x):
    out = torch.full((1, SIDE + 256, SIDE + 256, 3), 0.5)
    out[:, 128:-128, 128:-128] = x
    return out


def stitched(a, b):
    return torch.cat([a, torch.ones(1, SIDE, 16, 3), from_pillow(to_pillow(b))], 2)


def yuv(x):
    parts = kornia.color.rgb_to_ycbcr(x.movedim(-1, 1)).movedim(1, -1)
    return [parts[..., i : i + 1].expand_as(x).contiguous() for i in range(3)]


def rgb(y, u, v):
    parts = torch.cat([part.mean(-1, keepdim=True) for part in (y, u, v)], -1).movedim(-1, 1)
    return kornia.color.ycbcr_to_rgb(parts).movedim(1, -1).contiguous()


def edges(x):
    return kornia.filters.canny(x.movedim(-1, 1), 0.4, 0.8)[1].repeat(1, 3, 1, 1).movedim(1, -1).contiguous()


def morphed(x, operation, size):
    return operation(x.movedim(-1, 1), torch.ones(size, size)).movedim(1, -1).contiguous()


def cases():
    a, b = picture(0), picture(1)
    mask = torch.full((1, SIDE, SIDE, 1), 0.25)
    for mode, side in [
        ("nearest-exact", 1536), ("bilinear", 1536), ("bicubic", 1536), ("lanczos", 1536),
        ("bilinear", 512), ("area", 512), ("lanczos", 512),
    ]:
        yield f"ImageScale {mode} to {side}", lambda mode=mode, side=side: scale(a, mode, side)
    yield "ImageCrop", lambda: a[:, 100:612, 100:612].contiguous()
    yield "ImageFlip y-axis", lambda: a.flip(2)
    yield "ImageRotate 90 degrees", lambda: torch.rot90(a, 1, [2, 1]).contiguous()
    yield "ImageStitch", lambda: stitched(a, b)
    yield "ImagePadForOutpaint", lambda: padded(a)
    yield "ImageInvert", lambda: 1 - a
    yield "ImageBatch", lambda: torch.cat([a, b])
    yield "ImageBlend normal", lambda: mixed(a, b, lambda _, b: b)
    yield "ImageBlend overlay", lambda: mixed(a, b, overlay)
    yield "ImageBlend soft_light", lambda: mixed(a, b, soft_light)
    yield "ImageCompositeMasked", lambda: mask * b + (1 - mask) * a
    yield "ImageAddNoise", lambda: (
        a + 0.1 * torch.randn(a.shape, generator=torch.Generator().manual_seed(1))
    ).clamp(0, 1)
    yield "ImageBlur radius 5", lambda: filtered(a, bell(5, 1.0))
    yield "ImageSharpen radius 2", lambda: sharpened(a, 2, 0.5)
    for dither in ["none", "floyd-steinberg", "bayer-4"]:
        yield f"ImageQuantize 64 {dither}", lambda dither=dither: quantized(a, dither)
    yield "Canny", lambda: edges(a)
    yield "Morphology dilate 3", lambda: morphed(a, morphology.dilation, 3)
    yield "Morphology close 15", lambda: morphed(a, morphology.closing, 15)
    yield "ImageRGBToYUV", lambda: yuv(a)
    yield "ImageYUVToRGB", lambda: rgb(a, a, a)


def best_millis(run):
    best, start, runs = float("inf"), time.perf_counter(), 0
    while runs < 3 or time.perf_counter() - start < 0.4:
        began = time.perf_counter()
        run()
        best, runs = min(best, time.perf_counter() - began), runs + 1
    return best * 1e3


def main():
    torch.set_num_threads(1)
    with open(sys.argv[1]) as file:
        ours = dict(line.rstrip("\n").split("\t") for line in file if "\t" in line)
    print("| 1024 × 1024, one thread | Tintype, ms | torch or Pillow, ms |\n| --- | --- | --- |")
    with torch.no_grad():
        for name, run in cases():
            print(f"| {name} | {ours.pop(name, '-')} | {best_millis(run):.1f} |")
    for name, millis in ours.items():
        print(f"| {name} | {millis} | - |")


if __name__ == "__main__":
    main()
