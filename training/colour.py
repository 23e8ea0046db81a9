"""Named colours, and turning a subject to one of them."""
import numpy as np

COLOURS = {
    'white': (255, 255, 255), 'black': (24, 24, 28), 'gray': (150, 152, 158), 'red': (214, 40, 48), 'orange': (245, 140, 36),
    'yellow': (250, 214, 64), 'green': (64, 168, 84), 'teal': (40, 164, 164), 'blue': (48, 112, 220), 'light blue': (150, 208, 246),
    'purple': (132, 72, 196), 'pink': (246, 140, 184), 'brown': (130, 84, 52), 'navy': (26, 40, 92), 'beige': (238, 222, 190),
}
RECOLOUR = {'red': 0.99, 'orange': 0.075, 'yellow': 0.14, 'green': 0.35, 'blue': 0.6, 'purple': 0.76, 'pink': 0.92}
GREYS = {'white': (0.62, 0.38), 'black': (0.04, 0.42), 'gray': (0.25, 0.5)}


def hue_of(rgb):
    """(h, w, 3) in 0..1 -> hue, saturation, value, each (h, w) in 0..1."""
    r, g, b = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    top, low = rgb.max(-1), rgb.min(-1)
    d = np.maximum(top - low, 1e-6)
    h = np.where(top == r, (g - b) / d % 6, np.where(top == g, (b - r) / d + 2, (r - g) / d + 4)) / 6
    return h, np.where(top > 0, (top - low) / np.maximum(top, 1e-6), 0), top


def rgb_of(h, s, v):
    """The inverse of `hue_of`."""
    i = np.floor(h * 6)
    f = h * 6 - i
    i = i.astype(int) % 6
    p, q, t = v * (1 - s), v * (1 - f * s), v * (1 - (1 - f) * s)
    return np.stack([np.choose(i, [v, q, p, p, t, v]), np.choose(i, [t, v, v, q, p, p]), np.choose(i, [p, p, t, v, v, q])], -1)


def recolour(im, name):
    """Turn the dominant hue of an RGBA picture to the named colour; light and shade stay."""
    rgb = im[..., :3].astype(np.float32) / 255
    if name in GREYS:
        a, b = GREYS[name]
        light = rgb @ np.array([0.3, 0.59, 0.11], np.float32)
        new = np.repeat((a + b * light)[..., None], 3, -1)
    else:
        h, s, v = hue_of(rgb)
        solid = im[..., 3] > 128
        weight = (s * v * solid).ravel()
        hist = np.bincount((h.ravel() * 24).astype(int) % 24, weight, 24)
        main = (int(np.argmax(hist + np.roll(hist, 1) * 0.5 + np.roll(hist, -1) * 0.5)) + 0.5) / 24
        away = (h - main + 0.5) % 1 - 0.5
        grey = weight.sum() < 0.12 * max(1, solid.sum())      # a subject without colour: give it some everywhere
        turned = (RECOLOUR[name] + np.clip(away, -0.12, 0.12) * 0.5) % 1
        richer = np.maximum(s, 0.62 * (1 - np.clip((v - 0.93) / 0.07, 0, 1) * 0.6)) if grey else np.where(s > 0.15, np.maximum(s, 0.55), s)
        v = 0.35 + 0.65 * v if name == 'yellow' else v
        change = (np.abs(away) < 0.2) | grey | (name in ('blue', 'green'))
        new = rgb_of(np.where(change, turned, h), np.where(change, richer, s), v)
    out = im.copy()
    out[..., :3] = np.clip(new * 255, 0, 255).astype(np.uint8)
    return out
