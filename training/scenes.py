"""Backgrounds: one colour, a gradient, or a place, drawn anew each time."""
import numpy as np
from PIL import Image, ImageDraw

from colour import COLOURS

SIZE = 128
# Each place and the ways a caption says it.
SCENES = {
    'meadow': [' in a meadow', ' on the grass', ' on a green meadow'],
    'beach': [' on a beach', ' at the beach', ' on the sand by the sea'],
    'sea': [' in the sea', ' under water', ' underwater'],
    'forest': [' in a forest', ' in the woods'],
    'snow': [' in the snow', ' in a snowy landscape'],
    'desert': [' in the desert', ' in a desert'],
    'night': [' at night', ' under a starry sky', ' under the stars'],
    'space': [' in space', ' in outer space'],
    'city': [' in the city', ' in a city', ' in front of a city'],
    'sunset': [' at sunset', ' in front of a sunset'],
}


def vertical(top, bottom):
    """A gradient, (128, 128, 3) float32 in 0…255."""
    t = np.linspace(0, 1, SIZE, dtype=np.float32)[:, None, None]
    a, b = (np.array(c, np.float32) for c in (top, bottom))
    return np.broadcast_to(a * (1 - t) + b * t, (SIZE, SIZE, 3)).copy()


def near(colour, rng, k=10):
    return tuple(int(min(255, max(0, v + rng.randint(-k, k)))) for v in colour)


def stars(d, rng, n, below=SIZE):
    for _ in range(n):
        x, y, r = rng.uniform(0, 256), rng.uniform(0, below * 2), rng.choice((1.5, 2, 2, 3))
        d.ellipse((x - r, y - r, x + r, y + r), (255, 250, 220))


def hill(d, rng, colour, level):
    """Ground with a gently curved edge at `level` (0 the top, 1 the bottom)."""
    y, c, w = level * 256, rng.uniform(40, 216), rng.uniform(260, 420)
    d.ellipse((c - w, y, c + w, y + 2 * w), colour)


def place(name, rng):
    sky = {'meadow': ((120, 190, 250), (214, 238, 255)), 'beach': ((96, 190, 246), (206, 240, 255)), 'sea': ((40, 150, 220), (10, 60, 130)),
           'forest': ((150, 210, 190), (220, 240, 200)), 'snow': ((150, 190, 230), (226, 238, 250)), 'desert': ((250, 200, 130), (255, 232, 190)),
           'night': ((14, 20, 66), (52, 60, 130)), 'space': ((10, 8, 30), (34, 18, 66)), 'city': ((140, 180, 230), (236, 226, 220)),
           'sunset': ((120, 60, 140), (255, 150, 70))}[name]
    im = Image.fromarray(vertical(near(sky[0], rng), near(sky[1], rng)).astype(np.uint8)).resize((256, 256))
    d = ImageDraw.Draw(im)
    if name == 'meadow':
        hill(d, rng, near((110, 190, 84), rng), rng.uniform(0.5, 0.6))
        hill(d, rng, near((76, 160, 62), rng), rng.uniform(0.68, 0.76))
    elif name == 'beach':
        y = rng.uniform(0.46, 0.54) * 256
        d.rectangle((0, y, 256, 256), near((34, 150, 200), rng))
        hill(d, rng, near((240, 214, 150), rng), rng.uniform(0.64, 0.7))
    elif name == 'sea':
        for _ in range(14):
            x, y, r = rng.uniform(0, 256), rng.uniform(0, 256), rng.uniform(3, 9)
            d.ellipse((x - r, y - r, x + r, y + r), outline=(150, 215, 245), width=2)
        hill(d, rng, near((196, 180, 130), rng), rng.uniform(0.84, 0.9))
    elif name == 'forest':
        for level, tone in ((0.5, (86, 150, 100)), (0.62, (50, 116, 70))):
            for k in range(7):
                x, y, h = k * 42 + rng.uniform(-14, 14), 256 * level + rng.uniform(-10, 10), rng.uniform(70, 110)
                d.polygon(((x, y - h), (x + 30, y + 30), (x - 30, y + 30)), near(tone, rng))
            d.rectangle((0, 256 * level + 26, 256, 256), near(tone, rng, 4))
        hill(d, rng, near((84, 140, 60), rng), 0.76)
    elif name == 'snow':
        hill(d, rng, near((214, 228, 244), rng), rng.uniform(0.5, 0.58))
        hill(d, rng, (248, 251, 255), rng.uniform(0.68, 0.76))
        for _ in range(26):
            x, y, r = rng.uniform(0, 256), rng.uniform(0, 180), rng.uniform(2, 4)
            d.ellipse((x - r, y - r, x + r, y + r), 'white')
    elif name == 'desert':
        x, y = rng.uniform(30, 226), rng.uniform(24, 60)
        d.ellipse((x - 20, y - 20, x + 20, y + 20), (255, 244, 200))
        hill(d, rng, near((226, 170, 96), rng), rng.uniform(0.54, 0.62))
        hill(d, rng, near((206, 144, 72), rng), rng.uniform(0.72, 0.8))
    elif name == 'night':
        stars(d, rng, 30, 80)
        hill(d, rng, near((24, 40, 60), rng), rng.uniform(0.72, 0.8))
    elif name == 'space':
        stars(d, rng, 50)
        x, y, r = rng.choice(((20, 30), (236, 30), (226, 226), (26, 230))) + (rng.uniform(20, 34),)
        d.ellipse((x - r, y - r, x + r, y + r), near((150, 110, 190), rng, 40))
    elif name == 'city':
        for level, tone in ((0.34, (150, 160, 190)), (0.5, (104, 114, 150))):
            x = -10
            while x < 256:
                w, y = rng.uniform(26, 44), 256 * level + rng.uniform(-30, 40)
                d.rectangle((x, y, x + w, 256), near(tone, rng))
                for wy in range(int(y) + 8, 200, 16):
                    for wx in range(int(x) + 6, int(x + w) - 6, 12):
                        d.rectangle((wx, wy, wx + 5, wy + 7), (250, 230, 150))
                x += w + 2
        d.rectangle((0, 200, 256, 256), near((96, 98, 106), rng))
    else:
        x = rng.uniform(70, 186)
        d.ellipse((x - 40, 100, x + 40, 180), (255, 224, 120))
        d.rectangle((0, 164, 256, 256), near((70, 50, 90), rng))
    return np.asarray(im.resize((SIZE, SIZE), Image.BOX), np.float32).copy()


def background(spec, rng):
    """`['plain', colour]`, `['gradient', top, bottom]` or `['scene', name]` -> (128, 128, 3) float32 in 0…255."""
    if spec[0] == 'scene':
        return place(spec[1], rng)
    if spec[0] == 'gradient':
        return vertical(COLOURS[spec[1]], COLOURS[spec[2]])
    tone = COLOURS[spec[1]]
    return vertical(*[tone if spec[1] == 'white' else near(tone, rng)] * 2)
