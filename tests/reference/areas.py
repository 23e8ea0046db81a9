"""Conditions with areas, masks and strengths mixed by weight: tests/fixtures/sampling/areas.json.

The weighting of ComfyUI as plain numpy, from its description: every condition's answer times its weight,
summed, divided by the summed weights; an area is cut out of the latent and asked for at its own size; an
area without a mask fades out over 8 positions, or a quarter of its side, towards edges inside the picture.

The network is a function that sees the whole of what it is given, so that a wrong cut shows.
"""

import json
from pathlib import Path

import numpy as np

OUT = Path(__file__).parent.parent / "fixtures" / "sampling"
SHAPE = (2, 2, 24, 18)


def latent():
    return np.sin(np.arange(np.prod(SHAPE)) * 0.37).reshape(SHAPE).astype(np.float32)


def network(condition, x):
    """Its own slope and offset, and the mean over each picture's plane."""
    return x * (0.5 + 0.25 * condition) + condition + x.mean(axis=(2, 3), keepdims=True)


def ramp(start, side, whole):
    weights = np.ones(side)
    steps = min(8, side // 4)
    for i in range(steps):
        if start > 0:
            weights[i] *= (i + 1) / steps
        if start + side < whole:
            weights[side - 1 - i] *= (i + 1) / steps
    return weights


def mixed(entries):
    x = latent()
    total, weight = np.zeros(SHAPE), np.zeros(SHAPE)
    for entry in entries:
        y, left, height, width = entry.get("area", (0, 0, SHAPE[2], SHAPE[3]))
        rows, columns = slice(y, y + height), slice(left, left + width)
        if "mask" in entry:
            masks = np.array(entry["mask"], dtype=np.float64)
            of_batch = [masks[b % len(masks)][rows, columns] for b in range(SHAPE[0])]
            w = np.stack(of_batch)[:, None].repeat(SHAPE[1], axis=1)
        elif "area" in entry:
            plane = np.outer(ramp(y, height, SHAPE[2]), ramp(left, width, SHAPE[3]))
            w = np.broadcast_to(plane, (*SHAPE[:2], height, width))
        else:
            w = np.ones(SHAPE)
        w = w * entry.get("strength", 1.0)
        total[:, :, rows, columns] += network(entry["condition"], x[:, :, rows, columns]) * w
        weight[:, :, rows, columns] += w
    return np.divide(total, weight, out=np.zeros(SHAPE), where=weight > 0)


def stripes(period, count):
    rows, columns = np.indices(SHAPE[2:])
    planes = [((rows + columns * (i + 1)) % period / (period - 1)).round(3) for i in range(count)]
    return [plane.tolist() for plane in planes]


CASES = {
    "one": [{"condition": 1, "strength": 0.3}],
    "two strengths": [{"condition": 0, "strength": 1.5}, {"condition": 2, "strength": 0.4}],
    "areas over a whole": [
        {"condition": 0},
        {"condition": 1, "area": (0, 0, 24, 9), "strength": 2.0},
        {"condition": 2, "area": (5, 3, 17, 11)},
    ],
    "area alone": [{"condition": 3, "area": (8, 8, 16, 8), "strength": 0.7}],
    "narrow areas": [{"condition": 1}, {"condition": 2, "area": (20, 1, 3, 16)}, {"condition": 0, "area": (1, 16, 22, 2)}],
    "masks": [{"condition": 0, "strength": 0.5}, {"condition": 1, "mask": stripes(5, 2), "strength": 1.2}],
    "mask in an area": [{"condition": 2, "mask": stripes(3, 1), "area": (2, 4, 10, 12)}, {"condition": 1, "area": (0, 0, 12, 18)}],
}


def main():
    OUT.mkdir(exist_ok=True)
    cases = []
    for name, entries in CASES.items():
        out = mixed(entries).ravel()[::5]
        cases.append({"name": name, "entries": entries, "every_fifth": [float(f"{v:.7g}") for v in out]})
    (OUT / "areas.json").write_text(json.dumps({"shape": SHAPE, "cases": cases}, separators=(",", ":")))


if __name__ == "__main__":
    main()
