"""Pictures through torch, Pillow and kornia for `tests/image_nodes.rs`.

    python tests/reference/images.py     # writes tests/fixtures/images/*.safetensors

Inputs are small and seeded. A case's tensors share its name. Planes are [planes, height, width], pictures
[batch, height, width, channels].
"""

import os
import zlib

import numpy as np
import torch
import torch.nn.functional as F
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


FAMILIES = {"resample": resample}


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
