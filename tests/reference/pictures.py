"""Writes tests/fixtures/pictures: small files of every kind a person may load, and what Pillow reads in them.

Run from the repository root: `python tests/reference/pictures.py`. `index.json` has, for each file, the shape
and the bytes of its colours (each frame turned as its EXIF says, then converted to RGB) and of its opacity,
absent where the file has none.
"""

import json
import os

import numpy as np
from PIL import Image, ImageOps, ImageSequence

FOLDER = "tests/fixtures/pictures"
random = np.random.default_rng(11)


def pixels(*shape):
    return random.integers(0, 256, shape).astype(np.uint8)


def rgb():
    return Image.fromarray(pixels(3, 4, 3))


def rgba():
    return Image.fromarray(pixels(3, 4, 4))


def oriented(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def palette():
    image = Image.fromarray((pixels(3, 4) % 5).astype(np.uint8), "P")
    image.putpalette(pixels(15).tobytes())
    return image


def moving(make):
    """Each frame differs from the one before in one corner only, so that it is saved as a part."""
    frames = [make()]
    for i in range(3):
        frame = frames[-1].copy()
        frame.putpixel((i, 1), (10 * i, 200, 3) + ((90 * i,) if frame.mode == "RGBA" else ()))
        frames.append(frame)
    return frames


def main():
    os.makedirs(FOLDER, exist_ok=True)
    index = {}

    def save(name, image, **options):
        path = f"{FOLDER}/{name}"
        image.save(path, **options)
        colours, opacity = [], []
        with Image.open(path) as file:
            for frame in ImageSequence.Iterator(file):
                frame = ImageOps.exif_transpose(frame)
                colours.append(np.asarray(frame.convert("RGB")))
                if "A" in frame.getbands() or "transparency" in frame.info:
                    opacity.append(np.asarray(frame.convert("RGBA").getchannel("A")))
        colours = np.stack(colours)
        entry = {"shape": colours.shape, "colours": colours.ravel().tolist()}
        if opacity:
            entry["opacity"] = np.stack(opacity).ravel().tolist()
        index[name] = entry

    save("rgb.png", rgb())
    save("rgba.png", rgba())
    save("grey.png", rgb().convert("L"))
    save("grey_alpha.png", rgba().convert("LA"))
    save("bits.png", Image.fromarray(pixels(3, 4) > 127))
    save("palette.png", palette())
    save("palette_transparent.png", palette(), transparency=bytes([0, 128, 255, 7, 9]))
    save("colour_key.png", palette().convert("RGB"), transparency=tuple(pixels(3).tolist()))
    for value in range(1, 9):
        save(f"turned_{value}.png", rgb(), exif=oriented(value))
    save("turned_6.webp", rgba(), exif=oriented(6), lossless=True, exact=True)
    save("still.webp", rgb(), lossless=True)
    for make in (rgb, rgba):
        frames = moving(make)
        options = {"save_all": True, "append_images": frames[1:], "duration": 100}
        save(f"moving_{make.__name__}.png", frames[0], **options)
        save(f"moving_{make.__name__}.webp", frames[0], lossless=True, exact=True, **options)

    # Pillow has no 16-bit colours; what is in the file is what is written here.
    wide = random.integers(0, 65536, (3, 4)).astype(np.uint16)
    Image.fromarray(wide).save(f"{FOLDER}/wide.png")
    index["wide.png"] = {"shape": (1, 3, 4, 3), "wide": np.repeat(wide, 3).tolist()}
    # A flat picture survives JPEG.
    save("turned_8.jpg", Image.new("RGB", (16, 8), (200, 200, 200)), exif=oriented(8), quality=95)

    with open(f"{FOLDER}/index.json", "w", encoding="utf-8") as file:
        json.dump(index, file, separators=(",", ":"))
        file.write("\n")


main()
