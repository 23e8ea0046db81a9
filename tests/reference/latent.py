"""Writes tests/fixtures/latent.json: latents resized by every method of LatentUpscale.

Run from the repository root: `python tests/reference/latent.py`. The methods of torch are torch's own.
`bislerp` has no library to come from: it is written here in double precision from its description, at the
coordinates that torch's bilinear resizing of 0, 1, 2 … gives.
"""

import json
import math

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
generator = torch.Generator().manual_seed(20261124)


def slerp(a: list[float], b: list[float], part: float) -> list[float]:
    """From vector a to vector b: the direction on the arc between theirs, the length in between."""
    la, lb = math.hypot(*a), math.hypot(*b)
    ua = [v / la if la else 0.0 for v in a]
    ub = [v / lb if lb else 0.0 for v in b]
    cosine = sum(x * y for x, y in zip(ua, ub))
    if cosine > 1 - 1e-5:
        return a
    if cosine < 1e-5 - 1:
        return [x * (1 - part) + y * part for x, y in zip(a, b)]
    angle = math.acos(cosine)
    ka, kb = (math.sin(t * angle) / math.sin(angle) for t in (1 - part, part))
    length = la * (1 - part) + lb * part
    return [(x * ka + y * kb) * length for x, y in zip(ua, ub)]


def coordinates(old: int, new: int) -> list[float]:
    places = torch.arange(old, dtype=torch.float64).reshape(1, 1, 1, old)
    return F.interpolate(places, size=(1, new), mode="bilinear").flatten().tolist()


def widened(x: torch.Tensor, width: int) -> torch.Tensor:
    batch, channels, height, old = x.shape
    out = torch.empty(batch, channels, height, width, dtype=torch.float64)
    for i, at in enumerate(coordinates(old, width)):
        first = math.floor(at)
        second = min(first + 1, old - 1)
        for n in range(batch):
            for y in range(height):
                a, b = x[n, :, y, first].tolist(), x[n, :, y, second].tolist()
                out[n, :, y, i] = torch.tensor(slerp(a, b, at - first), dtype=torch.float64)
    return out


def bislerp(x: torch.Tensor, size: list[int]) -> torch.Tensor:
    wide = widened(x.double(), size[1])
    return widened(wide.transpose(2, 3), size[0]).transpose(2, 3).float()


def centred(x: torch.Tensor, size: list[int]) -> torch.Tensor:
    """The middle of x in the proportions of size; halves are rounded to even."""
    height, width = x.shape[2:]
    old, new = width / height, size[1] / size[0]
    top = left = 0
    if old > new:
        left = round((width - width * (new / old)) / 2)
    elif old < new:
        top = round((height - height * (old / new)) / 2)
    return x[:, :, top : height - top, left : width - left]


def resized(x: torch.Tensor, size: list[int], method: str) -> torch.Tensor:
    if method == "bislerp":
        return bislerp(x, size)
    return F.interpolate(x, size=tuple(size), mode=method)


def numbers(x: torch.Tensor) -> list[float]:
    return [round(v, 5) for v in x.flatten().tolist()]


def cases(x: torch.Tensor):
    for method in ["nearest-exact", "bilinear", "area", "bicubic", "bislerp"]:
        for label, size in {"larger": [12, 15], "smaller": [9, 8]}.items():
            for crop in ["disabled", "center"]:
                kept = centred(x, size) if crop == "center" else x
                yield {
                    "name": f"{method} {label} {crop}",
                    "method": method,
                    "crop": crop,
                    # In pixels; a width that is no multiple of 8 is cut to one.
                    "to": [size[0] * 8, size[1] * 8 + 7],
                    "size": size,
                    "y": numbers(resized(kept, size, method)),
                }


samples = torch.randn(1, 2, 10, 13, generator=generator).mul(100).round().div(100)
with open("tests/fixtures/latent.json", "w") as file:
    compact = lambda value: json.dumps(value, separators=(",", ":"))
    lines = ",\n".join(map(compact, cases(samples)))
    given = f'"shape":{compact(list(samples.shape))},"x":{compact(numbers(samples))}'
    file.write("{" + given + ',"resize":[\n' + lines + "\n]}\n")
