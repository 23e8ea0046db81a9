"""Render the art of the nouns once, 128×128 with alpha.

`python render.py --npm NODE_MODULES --out CACHE` reads the packages of `package.json` (`npm ci` beside this file) and writes `rgba.npy`
(n, 128, 128, 4) uint8 with straight alpha and `rows.json`: for each picture its noun, style, label and package.
"""
import argparse
import glob
import io
import json
import os
import re

import numpy as np
from PIL import Image

from nouns import nouns

SIZE = 128
# Package of SVG drawings -> the style its pictures stand for. Fluent 3D is a folder of WebP pictures.
SVG_SETS = {'fluent-emoji-flat': 'flat', 'noto': 'cartoon'}
MODEL_SET = ('@lobehub/fluent-emoji-3d', '3d')
VARIANT = re.compile(r'skin-tone|tone[1-5]|-(light|medium-light|medium|medium-dark|dark)$')


def resize_rgba(im, w, h):
    """Resize straight-alpha RGBA so that colours behind full transparency do not bleed in."""
    a = im.astype(np.float32)
    a[..., :3] *= a[..., 3:] / 255
    o = np.stack([np.asarray(Image.fromarray(a[..., c]).resize((w, h), Image.LANCZOS)) for c in range(4)], -1)
    alpha = np.clip(o[..., 3:], 0, 255)
    o[..., :3] = o[..., :3] * 255 / np.maximum(alpha, 1)
    o[..., 3:] = alpha
    return np.clip(o + 0.5, 0, 255).astype(np.uint8)


def code_points(name):
    """`1F600-FE0F` -> `1f600`: emoji are compared without the presentation selector."""
    return '-'.join(x for x in name.lower().split('-') if x != 'fe0f').lstrip('0')


def svg(pack, name):
    icon = pack['icons'][name]
    w, h = icon.get('width', pack.get('width', 16)), icon.get('height', pack.get('height', 16))
    return ('<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="{icon.get("left", 0)} {icon.get("top", 0)} {w} {h}" width="{w}" height="{h}">{icon["body"]}</svg>')


def pictures(npm):
    """Yield (label, style, package, draw): `draw()` gives the picture as RGBA of any size."""
    emoji = json.load(open(os.path.join(npm, 'emojibase-data/en/data.json'), encoding='utf8'))
    label_of = {code_points(e['hexcode']): e['label'].lower() for e in emoji}
    plain = {re.sub('[^a-z0-9 ]', '', v): v for v in label_of.values()}
    package, style = MODEL_SET
    for f in sorted(glob.glob(os.path.join(npm, package, 'assets/*.webp'))):
        if label := label_of.get(code_points(os.path.basename(f)[:-5])):
            yield label, style, package, lambda f=f: Image.open(f)
    import resvg_py
    for name, style in SVG_SETS.items():
        base = os.path.join(npm, '@iconify-json', name)
        pack = json.load(open(os.path.join(base, 'icons.json'), encoding='utf8'))
        chars = os.path.join(base, 'chars.json')
        points = {v: code_points(k) for k, v in json.load(open(chars, encoding='utf8')).items()} if os.path.exists(chars) else {}
        for icon in pack['icons']:
            label = label_of.get(points.get(icon)) or plain.get(re.sub('[^a-z0-9 ]', '', icon.replace('-', ' ')))
            if label and not VARIANT.search(icon):
                yield label, style, '@iconify-json/' + name, lambda text=svg(pack, icon): Image.open(
                    io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=text, width=SIZE, height=SIZE))))


def square(im):
    """RGBA of any shape -> SIZE×SIZE, centred, whole."""
    im = im.convert('RGBA')
    f = SIZE / max(im.size)
    a = resize_rgba(np.asarray(im), max(1, round(im.width * f)), max(1, round(im.height * f)))
    out = np.zeros((SIZE, SIZE, 4), np.uint8)
    y, x = (SIZE - a.shape[0]) // 2, (SIZE - a.shape[1]) // 2
    out[y:y + a.shape[0], x:x + a.shape[1]] = a
    return out


def render(npm, out, every=1):
    """`every`: take only each n-th noun, for a small run of the whole chain."""
    os.makedirs(out, exist_ok=True)
    noun_of = {label: n.name for n in nouns()[::every] for label in n.labels}
    rows, arts, seen = [], [], set()
    for label, style, package, draw in pictures(npm):
        if label not in noun_of or (label, style) in seen:
            continue
        art = square(draw())
        if (art[..., 3] > 128).mean() < 0.02:
            raise SystemExit(f'{package}: {label} is empty')
        seen.add((label, style))
        rows.append(dict(noun=noun_of[label], style=style, label=label, package=package))
        arts.append(art)
    missing = {n for n in noun_of.values()} - {r['noun'] for r in rows}
    if missing:
        raise SystemExit(f'no picture of {sorted(missing)}: the packages are not the pinned ones')
    np.save(os.path.join(out, 'rgba.npy'), np.stack(arts))
    json.dump(rows, open(os.path.join(out, 'rows.json'), 'w'), indent=0)
    print(len(rows), 'pictures of', len(set(noun_of.values())), 'nouns')


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--npm', required=True)
    p.add_argument('--out', required=True)
    p.add_argument('--every', type=int, default=1)
    a = p.parse_args()
    render(a.npm, a.out, a.every)
