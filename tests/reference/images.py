"""Pictures through torch, Pillow and kornia for `tests/image_nodes.rs`.

    python tests/reference/images.py     # writes tests/fixtures/images/*.safetensors

Inputs are small and seeded. A case's tensors share its name. Planes are [planes, height, width], pictures
[batch, height, width, channels].
"""

import os
import zlib

import kornia
import numpy as np
import torch
import torch.nn.functional as F
from kornia import morphology
from PIL import Image
from safetensors.torch import save_file

FOLDER = "tests/fixtures/images"


def draw(name, *shape):
    """Numbers 0..1, seeded by the name. Smoothed a little, so that they look more like a picture than noise."""
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    values = torch.rand(shape, generator=generator)
    return (values * 0.7 + values.flip(-1) * 0.15 + values.flip(-2) * 0.15).contiguous()


def to_pillow(picture):
    """[height, width, channels] or [height, width] -> 8 bit, cut off as ComfyUI does."""
    return Image.fromarray(np.clip(255.0 * picture.numpy(), 0, 255).astype(np.uint8))


def from_pillow(image):
    return torch.from_numpy(np.array(image).astype(np.float32) / 255.0)


def resample():
    tensors = {}
    sizes = {"up": (14, 17), "down": (5, 4), "mixed": (4, 20), "one": (1, 1), "same_rows": (9, 7)}
    x = tensors["planes"] = draw("planes", 2, 9, 13)
    for size, to in sizes.items():
        for mode in ["nearest-exact", "bilinear", "area", "bicubic"]:
            tensors[f"{mode}.{size}"] = F.interpolate(x[None], to, mode=mode)[0]
        for plane, channel in enumerate(x):
            resized = to_pillow(channel).resize(to[::-1], Image.Resampling.LANCZOS)
            tensors[f"lanczos.{size}.{plane}"] = from_pillow(resized)
    # Positions far from 0, where the rounding of single precision shows: the end of a long line.
    line = (torch.arange(1500) * 37 % 101) / 101
    for mode in ["nearest-exact", "bilinear", "bicubic"]:
        tensors[f"{mode}.line"] = F.interpolate(line[None, None, None], (1, 1100), mode=mode)[0, 0, 0, -100:]
    for channels in [3, 4]:
        x = tensors[f"picture{channels}"] = draw(f"picture{channels}", 9, 13, channels)
        if channels == 4:
            x[2:4, 3:9, 3] = 0.0
            x[6:, :, 3] = 1.0
        for size in ["up", "down", "mixed"]:
            resized = to_pillow(x).resize(sizes[size][::-1], Image.Resampling.LANCZOS)
            tensors[f"lanczos{channels}.{size}"] = from_pillow(resized)
            x4 = x.movedim(-1, 0)[None]
            tensors[f"bicubic{channels}.{size}"] = F.interpolate(x4, sizes[size], mode="bicubic")[0].movedim(0, -1)
    return tensors


def scene():
    """[32, 28, 3]: a disc, a bar and a slope, so that there are edges of every direction and strength."""
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(28.0), indexing="ij")
    picture = torch.stack([x / 80, y / 100, (x + y) / 200], -1)
    picture[((x - 10) ** 2 + (y - 11) ** 2) < 50] = torch.tensor([0.9, 0.6, 0.2])
    picture[((x + 2 * y - 66).abs() < 6)] += torch.tensor([0.1, 0.2, 0.3])
    picture[20:27, 19:25] = torch.tensor([0.0, 0.1, 1.0])
    # Uneven: of two places that are equal but for rounding either may be the edge.
    return (picture + 0.02 * draw("scene", 32, 28, 3)).clamp(0, 1)


def bell(radius, sigma):
    """The weights of ComfyUI's blur: on a square from -1 to 1, whatever the radius."""
    x, y = torch.meshgrid(*[torch.linspace(-1, 1, 2 * radius + 1)] * 2, indexing="ij")
    kernel = torch.exp(-(x * x + y * y) / (2 * sigma * sigma))
    return kernel / kernel.sum()


def convolve(picture, kernel):
    """[height, width, channels], mirrored at the edges."""
    radius = kernel.shape[0] // 2
    x = F.pad(picture.movedim(-1, 0)[:, None], (radius,) * 4, mode="reflect")
    return F.conv2d(x, kernel[None, None])[:, 0].movedim(0, -1)


def filters():
    x = draw("filters", 9, 13, 3)
    tensors = {"picture": x, "scene": scene()}
    for radius, sigma in [(1, 1.0), (3, 0.5), (7, 2.0)]:
        kernel = bell(radius, sigma)
        tensors[f"blur/{radius}/{sigma}"] = convolve(x, kernel)
        for alpha in [0.2, 1.0] if radius == 1 else [0.5]:
            sharpening = -10 * alpha * kernel
            sharpening[radius, radius] += 1 - sharpening.sum()
            tensors[f"sharpen/{radius}/{sigma}/{alpha}"] = convolve(x, sharpening).clamp(0, 1)
    x4 = tensors["scene"].movedim(-1, 0)[None]
    for low, high in [(0.4, 0.8), (0.1, 0.2), (0.2, 0.9)]:
        tensors[f"canny/{low}/{high}"] = kornia.filters.canny(x4, low, high)[1][0, 0]
    x4 = x.movedim(-1, 0)[None]
    operations = {
        "erode": morphology.erosion, "dilate": morphology.dilation, "open": morphology.opening,
        "close": morphology.closing, "gradient": morphology.gradient,
        "bottom_hat": morphology.bottom_hat, "top_hat": morphology.top_hat,
    }
    for name, operation in operations.items():
        for size in [3, 4]:
            tensors[f"{name}/{size}"] = operation(x4, torch.ones(size, size))[0].movedim(0, -1)
    tensors["erode/9"] = morphology.erosion(x4, torch.ones(9, 9))[0].movedim(0, -1)
    yuv = tensors["yuv"] = kornia.color.rgb_to_ycbcr(x.movedim(-1, 0))
    tensors["rgb"] = kornia.color.ycbcr_to_rgb(yuv.roll(1, -1)).movedim(0, -1)
    return tensors


def thresholds(side):
    """Bayer's pattern, -1/2..1/2."""
    ranks = np.zeros((1, 1))
    while len(ranks) < side:
        ranks = np.block([[4 * ranks, 4 * ranks + 2], [4 * ranks + 3, 4 * ranks + 1]])
    return (ranks + 0.5) / side**2 - 0.5


def quantized(picture, colours, dither):
    """[height, width, 3] of 8-bit numbers."""
    palette = picture.quantize(colours)
    if dither.startswith("bayer"):
        side = int(dither.split("-")[1])
        spread = 2 * 256 / (len(palette.getpalette()) // 3)
        pattern = spread * thresholds(side) + 0.5
        height, width = picture.height, picture.width
        pattern = np.tile(pattern, (-(-height // side), -(-width // side)))[:height, :width, None]
        wanted = np.clip(np.array(picture).astype(np.float32) + pattern.astype(np.float32), 0, 255)
        picture = Image.fromarray(wanted.astype(np.uint8))
    diffuse = dither == "floyd-steinberg"
    method = Image.Dither.FLOYDSTEINBERG if diffuse else Image.Dither.NONE
    return torch.from_numpy(np.array(picture.quantize(palette=palette, dither=method).convert("RGB")))


def quantize():
    tensors = {"picture": draw("quantize", 14, 20, 3)}
    picture = to_pillow(tensors["picture"])
    dithers = ["none", "floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16"]
    for colours in [256, 7]:
        for dither in dithers:
            tensors[f"{dither}.{colours}"] = quantized(picture, colours, dither)
    tensors["none.1"] = quantized(picture, 1, "none")
    # More colours than median cut tells apart.
    many = np.arange(320 * 320, dtype=np.uint32) * np.uint32(2654435761)
    many = np.stack([many >> 24, many >> 16 & 255, many >> 8 & 255], -1).astype(np.uint8).reshape(320, 320, 3)
    assert len(np.unique(many.reshape(-1, 3), axis=0)) > 65536
    tensors["many"] = quantized(Image.fromarray(many), 40, "none")[::16, ::16]
    return {key: value if value.is_floating_point() else value / 255 for key, value in tensors.items()}


FAMILIES = {"resample": resample, "filters": filters, "quantize": quantize}


def main():
    torch.set_num_threads(1)
    os.makedirs(FOLDER, exist_ok=True)
    for name, family in FAMILIES.items():
        tensors = {key: value.float().contiguous() for key, value in family().items()}
        path = f"{FOLDER}/{name}.safetensors"
        save_file(tensors, path)
        print(f"{path}: {len(tensors)} tensors, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main()
