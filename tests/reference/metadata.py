"""Writes tests/fixtures/metadata: pictures of a few pixels with texts, as Pillow writes them.

Run from the repository root: `python tests/reference/metadata.py`. `index.json` names the texts that each
file holds. ComfyUI and AUTOMATIC1111 save with Pillow; where they choose tags and encodings, so does this.
"""

import json
import os

from PIL import Image
from PIL.PngImagePlugin import PngInfo

FOLDER = "tests/fixtures/metadata"
PROMPT = json.dumps({"3": {"class_type": "KSampler", "inputs": {"text": "a dragon — 龍"}}})
WORKFLOW = json.dumps({"version": 0.4, "nodes": []})
INFOTEXT = "a dragon, 龍 in the café\nNegative prompt: text\nSteps: 20, Sampler: Euler a, Seed: 1, Size: 4x4"
LATIN = "a café\nSteps: 20, Sampler: Euler a, Seed: 1"

USER_COMMENT, EXIF_FOLDER = 0x9286, 0x8769


def picture(seed=0):
    image = Image.new("RGB", (4, 3))
    image.putdata([(i * 20 + seed, 255 - i * 20, 7 * i) for i in range(12)])
    return image


def exif(tags=(), comment=None, endian="<"):
    out = Image.Exif()
    out.endian = endian
    for tag, value in tags:
        out[tag] = value
    if comment is not None:
        out.get_ifd(EXIF_FOLDER)[USER_COMMENT] = comment
    return out


def main():
    os.makedirs(FOLDER, exist_ok=True)
    index = {}

    def save(name, texts, frames=(), **options):
        index[name] = texts
        if frames:
            options |= {"save_all": True, "append_images": list(frames)}
        picture().save(f"{FOLDER}/{name}", **options)

    comfy = [["prompt", PROMPT], ["workflow", WORKFLOW]]
    info = PngInfo()
    for key, text in comfy:
        info.add_text(key, text)
    save("text.png", comfy, pnginfo=info)
    info = PngInfo()
    info.add_text("prompt", PROMPT, zip=True)
    info.add_itxt("workflow", WORKFLOW, zip=True)
    info.add_text("note", "café")
    info.add_text("parameters", INFOTEXT)  # not Latin-1: Pillow makes it an iTXt
    save("packed.png", [*comfy, ["note", "café"], ["parameters", INFOTEXT]], pnginfo=info)
    save("plain.png", [])

    tags = [(0x0110, "prompt:" + PROMPT), (0x010F, "workflow:" + WORKFLOW)]
    # In the order of the tags.
    save("comfy.webp", [comfy[1], comfy[0]], exif=exif(tags), lossless=True)
    save("comfy_animated.webp", [comfy[1], comfy[0]], [picture(9)], exif=exif(tags), lossless=True)

    def unicode(order):
        return b"UNICODE\0" + INFOTEXT.encode("utf-16-" + order)

    a1111 = [["parameters", INFOTEXT]]
    save("a1111.webp", a1111, exif=exif(comment=unicode("be"), endian=">"), lossless=True)
    save("a1111_be.jpg", a1111, exif=exif(comment=unicode("be"), endian=">"))
    # The order of the letters is not that of the block.
    save("a1111_mixed.jpg", a1111, exif=exif(comment=unicode("be")))
    save("a1111_le.jpg", a1111, exif=exif(comment=unicode("le")))
    ascii_comment = b"ASCII\0\0\0" + LATIN.encode("latin-1")
    save("ascii.jpg", [["parameters", LATIN]], exif=exif(comment=ascii_comment))
    save("undefined.jpg", a1111, exif=exif(comment=bytes(8) + INFOTEXT.encode()))
    save("camera.jpg", [], exif=exif([(0x010F, "Canon: made")], comment=b"ASCII\0\0\0Screenshot"))
    # Pillow leaves EXIF out of an AVIF whose outer directory is empty.
    tags = [(0x0131, "Pillow")]
    save("a1111.avif", a1111, exif=exif(tags, unicode("be"), endian=">"))
    save("a1111.gif", a1111, [picture(9)], comment=INFOTEXT.encode())
    save("gimp.gif", [], comment=b"Created with GIMP")

    with open(f"{FOLDER}/index.json", "w", encoding="utf-8") as file:
        json.dump(index, file, ensure_ascii=False, indent=1)
        file.write("\n")


main()
