"""FreeU's filter of low frequencies: tests/fixtures/sampling/low_frequencies.json, by diffusers."""

import json
from pathlib import Path

import torch
from diffusers.utils.torch_utils import fourier_filter

OUT = Path(__file__).parent.parent / "fixtures" / "sampling"
SIZES = [(8, 8), (5, 6), (4, 7), (2, 3), (1, 4), (1, 1)]


def main():
    generator = torch.Generator().manual_seed(0)
    cases = []
    for height, width in SIZES:
        x = torch.randn(1, 2, height, width, generator=generator)
        for scale in [0.2, 1.6]:
            y = fourier_filter(x, threshold=1, scale=scale)
            rounded = [[float(f"{v:.7g}") for v in tensor.flatten().tolist()] for tensor in (x, y)]
            cases.append({"shape": list(x.shape), "scale": scale, "x": rounded[0], "y": rounded[1]})
    OUT.mkdir(exist_ok=True)
    (OUT / "low_frequencies.json").write_text(json.dumps(cases, separators=(",", ":")))


if __name__ == "__main__":
    main()
