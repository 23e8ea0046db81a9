"""Writes tests/fixtures/masks.json: what scipy and torch make of small masks.

Run from the repository root: `python tests/reference/masks.py`. Inputs are sixteenths, so that they are
exact in JSON and in f32.
"""

import json

import numpy as np
import torch
from scipy import ndimage

PATH = "tests/fixtures/masks.json"
random = np.random.default_rng(7)


def draw(*shape):
    return random.integers(0, 17, shape).astype(np.float32) / 16


def listed(array):
    return [round(float(v), 7) for v in np.asarray(array).ravel()]


def grow():
    masks = draw(2, 7, 9)
    # Mostly flat, so that what grows can be told from what was there.
    masks = np.where(random.random(masks.shape) < 0.7, 0.5, masks).astype(np.float32)
    cases = []
    for tapered in (True, False):
        corner = 0 if tapered else 1
        footprint = np.array([[corner, 1, corner], [1, 1, 1], [corner, 1, corner]])
        for expand in (-20, -3, -1, 0, 1, 2, 20):
            step = ndimage.grey_erosion if expand < 0 else ndimage.grey_dilation
            out = masks.copy()
            for one in out:
                for _ in range(abs(expand)):
                    one[:] = step(one, footprint=footprint)
            cases.append({"expand": expand, "tapered": tapered, "out": listed(out)})
    return {"shape": masks.shape, "mask": listed(masks), "cases": cases}


def composite():
    destination, source = torch.tensor(draw(2, 4, 5)), torch.tensor(draw(2, 3, 3))
    operations = {
        "multiply": torch.mul,
        "add": torch.add,
        "subtract": torch.sub,
        "and": lambda a, b: torch.logical_and(a.round(), b.round()).float(),
        "or": lambda a, b: torch.logical_or(a.round(), b.round()).float(),
        "xor": lambda a, b: torch.logical_xor(a.round(), b.round()).float(),
    }
    cases = []
    for name, operation in operations.items():
        for x, y in ((0, 0), (3, 2), (1, 1)):
            out = destination.clone()
            to = out[:, y : y + 3, x : x + 3]
            to[:] = operation(to, source[:, : to.shape[1], : to.shape[2]])
            cases.append({"operation": name, "x": x, "y": y, "out": listed(out.clamp(0, 1))})
    return {
        "destination_shape": destination.shape,
        "destination": listed(destination),
        "source_shape": source.shape,
        "source": listed(source),
        "cases": cases,
    }


def threshold():
    mask = torch.tensor(draw(1, 3, 4))
    cases = [{"value": v, "out": listed((mask > v).float())} for v in (0.0, 0.5, 0.4999, 1.0)]
    return {"shape": mask.shape, "mask": listed(mask), "cases": cases}


def main():
    out = {"grow": grow(), "composite": composite(), "threshold": threshold()}
    with open(PATH, "w", encoding="utf-8") as file:
        json.dump(out, file, separators=(",", ":"))
        file.write("\n")


main()
