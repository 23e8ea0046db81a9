"""Pictures for training, made from the rendered art: backgrounds, recolours, counts, pairs, relations and plain shapes.

`python compose.py --cache CACHE --out sheet.png` draws eighty of them and prints their captions.
"""
import argparse
import json
import os
import random
import zlib

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from colour import COLOURS, RECOLOUR, recolour
from nouns import nouns
from render import SIZE, resize_rgba
from scenes import SCENES, background

# How often each style is drawn. Stickers are made from the flat drawings, with a white rim.
STYLES = {'3d': 0.4, 'flat': 0.32, 'cartoon': 0.14, 'sticker': 0.14}
# What a picture shows: the share of pairs, of twos and threes, and of single things in another colour than their own.
PAIRS, COUNTS, RECOLOURED = 0.26, 0.07, 0.4
RIM = 4
SHAPES = ('circle', 'square', 'triangle', 'star', 'heart')
RELATIONS = ('and', 'next to', 'above', 'under', 'on')
TONES = (*RECOLOUR, 'white', 'black', 'gray')


def held_back(*words):
    """One in eight combinations is never trained on, so that the score can ask for what was not seen."""
    return zlib.crc32(' | '.join(words).encode()) % 8 == 0


class Art:
    """The cache: `rows` (facts of each picture), `rgba` (n, 128, 128, 4) uint8, and which rows show a noun in a style."""

    def __init__(self, cache):
        self.rows = json.load(open(os.path.join(cache, 'rows.json')))
        path = os.path.join(cache, 'rgba.npy')
        self.rgba = np.load(path, mmap_mode='r') if os.path.exists(path) else None
        known = {r['noun'] for r in self.rows}
        self.nouns = [n for n in nouns() if n.name in known]
        self.by_name = {n.name: n for n in self.nouns}
        self.weights = [n.weight for n in self.nouns]
        self.shown = {}
        for i, r in enumerate(self.rows):
            self.shown.setdefault((r['noun'], r['style']), []).append(i)

    def rows_of(self, noun, style):
        """Rows that show the noun in the style; stickers are made of flat drawings."""
        return self.shown.get((noun, 'flat' if style == 'sticker' else style), [])

    def pick(self, style, rng, avoid=()):
        """A noun and a row of it in the style."""
        while True:
            noun = rng.choices(self.nouns, self.weights)[0]
            rows = self.rows_of(noun.name, style)
            if rows and noun.name not in avoid:
                return noun, rng.choice(rows)


def paste(bg, im, cx, cy):
    """Lay `im` (RGBA) over `bg` with its middle at (cx, cy); what falls outside is cut."""
    h, w = im.shape[:2]
    x0, y0 = int(round(cx - w / 2)), int(round(cy - h / 2))
    xs, ys, xe, ye = max(0, x0), max(0, y0), min(SIZE, x0 + w), min(SIZE, y0 + h)
    s = im[ys - y0:ye - y0, xs - x0:xe - x0].astype(np.float32)
    a = s[..., 3:] / 255
    bg[ys:ye, xs:xe] = bg[ys:ye, xs:xe] * (1 - a) + s[..., :3] * a


def fitted(im, w, h):
    """The subject without its margin, as large as fits in (w, h)."""
    ys, xs = np.where(im[..., 3] > 16)
    t = im[ys.min():ys.max() + 1, xs.min():xs.max() + 1]
    f = min(w / t.shape[1], h / t.shape[0])
    return resize_rgba(t, max(1, int(t.shape[1] * f)), max(1, int(t.shape[0] * f)))


def sticker(im):
    """The subject with a white rim of RIM pixels; larger than before by the rim."""
    wide = np.pad(im, ((RIM, RIM), (RIM, RIM), (0, 0)))
    n = RIM * 2 + 1
    disc = np.hypot(*np.mgrid[-RIM:RIM + 1, -RIM:RIM + 1]) <= RIM + 0.5
    alpha = np.pad(wide[..., 3], RIM)
    rim = np.max([alpha[y:y + wide.shape[0], x:x + wide.shape[1]] for y in range(n) for x in range(n) if disc[y, x]], 0)
    rim = np.asarray(Image.fromarray(rim).filter(ImageFilter.GaussianBlur(0.6)))
    a = wide[..., 3:].astype(np.float32) / 255
    rgb = wide[..., :3] * a + 255 * (1 - a)
    return np.concatenate([rgb, np.maximum(rim, wide[..., 3])[..., None]], -1).astype(np.uint8)


def shape(name, colour):
    """A plain shape as (128, 128, 4) uint8, drawn four times larger and reduced."""
    n, fill = SIZE * 4, (*COLOURS[colour], 255)
    im = Image.new('RGBA', (n, n))
    d = ImageDraw.Draw(im)
    m, e = n * 0.12, n * 0.88
    if name == 'circle':
        d.ellipse((m, m, e, e), fill)
    elif name == 'square':
        d.rectangle((m, m, e, e), fill)
    elif name == 'triangle':
        d.polygon(((n / 2, m), (e, e), (m, e)), fill)
    elif name == 'star':
        r = [(n * (0.44 if k % 2 == 0 else 0.18), k * np.pi / 5 - np.pi / 2) for k in range(10)]
        d.polygon([(n / 2 + a * np.cos(b), n / 2 + a * np.sin(b)) for a, b in r], fill)
    else:
        t = np.linspace(0, 2 * np.pi, 200)
        x, y = 16 * np.sin(t) ** 3, 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
        d.polygon([(n / 2 + a * n / 42, n * 0.48 - b * n / 42) for a, b in zip(x, y)], fill)
    return np.asarray(im.resize((SIZE, SIZE), Image.LANCZOS))


def places(n, relation):
    """Middles and the largest size of each of n subjects, in pixels."""
    if relation in ('above', 'on'):
        gap = 4 if relation == 'above' else -8
        return [(64, 33 - gap / 2), (64, 95 + gap / 2)], (84, 58)
    if relation == 'under':
        return [(64, 97), (64, 31)], (84, 58)
    if n == 2:
        return [(34, 66), (94, 66)], (58, 84)
    return [(64, 34), (34, 94), (94, 94)], (56, 56)


def draw_background(nouns_, style, rng):
    u = rng.random() * (0.5 if style == 'sticker' else 1)         # a white rim wants something behind it
    if u < 0.34:
        return ['plain', rng.choice([c for c in COLOURS if c != 'white' and not any(held_back(n, 'on', c) for n in nouns_)])]
    if u < 0.37:
        return ['gradient', *rng.sample(list(COLOURS), 2)]
    return ['scene', rng.choice(list(SCENES))] if u < 0.5 else ['plain', 'white']


def can_recolour(noun):
    """Not faces and people, nor what has a colour in its name."""
    return noun.recolours and not any(c in w.split() for w in noun.words for c in COLOURS)


def draw_colour(noun, style, bg, rng, chance):
    """A new colour for the subject, or None. It never is the colour behind it."""
    if rng.random() > chance or not can_recolour(noun):
        return None
    allowed = [c for c in TONES if c not in bg and not held_back(noun.name, c)]
    return rng.choice([c for c in allowed if c in RECOLOUR] * 2 + allowed)


def sample(art, rng, row=None):
    """-> (128, 128, 3) uint8 and its record, from which captions are made. With `row`: only that picture, on white."""
    if row is not None:
        r = art.rows[row]
        rec = dict(style=r['style'], bg=['plain', 'white'], relation=None, count=1, shape=None, subjects=[dict(noun=r['noun'], colour=None)])
        bg = background(rec['bg'], rng)
        paste(bg, np.asarray(art.rgba[row]), 64, 64)
        return np.clip(bg + 0.5, 0, 255).astype(np.uint8), rec
    style = rng.choices(list(STYLES), list(STYLES.values()))[0]
    noun, row = art.pick(style, rng)
    rec = dict(style=style, relation=None, count=1, shape=None)
    u = rng.random()
    chosen = [(noun, row)]
    if u < PAIRS:
        rec['relation'] = rng.choice(RELATIONS)
        other = art.pick(style, rng, (noun.name,))
        while held_back(noun.name, 'with', other[0].name):
            other = art.pick(style, rng, (noun.name,))
        chosen.append(other)
    elif u < PAIRS + COUNTS:
        rec['count'] = rng.choice((2, 2, 3))
    rec['bg'] = draw_background([n.name for n, _ in chosen], style, rng)
    chance = RECOLOURED if len(chosen) == 1 else RECOLOURED / 2
    rec['subjects'] = [dict(noun=n.name, colour=draw_colour(n, style, rec['bg'], rng, chance)) for n, _ in chosen]
    ims = [recolour(np.asarray(art.rgba[i]), s['colour']) if s['colour'] else np.asarray(art.rgba[i]) for (_, i), s in zip(chosen, rec['subjects'])]
    if u > 0.97 and style == 'flat':
        rec['shape'] = rng.choice(SHAPES)
        rec['subjects'] = [dict(noun=rec['shape'], colour=rng.choice([c for c in TONES if c not in rec['bg']]))]
        ims = [shape(rec['shape'], rec['subjects'][0]['colour'])]
    rimmed = sticker if style == 'sticker' else lambda im: im
    bg = background(rec['bg'], rng)
    if rec['count'] > 1:
        ims = ims * rec['count']
    if len(ims) == 1:
        # The art as it was drawn keeps its margin; in front of a place it is smaller and stands lower.
        scene = rec['bg'][0] == 'scene'
        f = rng.uniform(0.66, 0.84) if scene else rng.uniform(0.82, 0.98) if rng.random() < 0.3 else 1.0
        n = int(SIZE * (f * 0.9 if style == 'sticker' else f))
        s = (SIZE - n) * 0.35
        paste(bg, rimmed(ims[0] if n == SIZE else resize_rgba(ims[0], n, n)), 64 + rng.uniform(-s, s), 64 + (s * 0.6 if scene else rng.uniform(-s, s)))
    else:
        middles, (w, h) = places(len(ims), rec['relation'])
        order = reversed(list(zip(ims, middles))) if rec['relation'] == 'on' else zip(ims, middles)
        for one, (x, y) in order:
            paste(bg, rimmed(fitted(one, w - 8, h - 8) if style == 'sticker' else fitted(one, w, h)), x, y)
    return np.clip(bg + 0.5, 0, 255).astype(np.uint8), rec


def sheet(cache, out):
    from captions import caption
    art, rng = Art(cache), random.Random(1)
    g = Image.new('RGB', (132 * 10, 132 * 8), 'white')
    for k in range(80):
        im, rec = sample(art, rng)
        g.paste(Image.fromarray(im), (132 * (k % 10), 132 * (k // 10)))
        print(k, '|', caption(art, rec, rng))
    g.save(out)


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--cache', required=True)
    p.add_argument('--out', required=True)
    a = p.parse_args()
    sheet(a.cache, a.out)
