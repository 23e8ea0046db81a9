"""Merged tokens, by tomesd: tests/fixtures/sampling/token_merging.json.

Run from the repository root. The token of every two by two that others are merged into is drawn by our own generator,
so that both draw the same.
"""

import json
from pathlib import Path

import torch
from tomesd.merge import bipartite_soft_matching_random2d

OUT = Path(__file__).parent.parent / "fixtures" / "sampling"
MASK = 2**64 - 1


def mixed(seed):
    z = (seed + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def main():
    generator = torch.Generator().manual_seed(0)
    randint, argsort = torch.randint, torch.Tensor.argsort
    torch.Tensor.argsort = lambda self, *args, **kwargs: argsort(self, *args, stable=True, **kwargs)
    cases = []
    for height, width, share, seed in [(4, 4, 0.3, 1), (4, 6, 0.5, 2), (6, 4, 1.0, 3), (5, 4, 0.5, 4), (5, 7, 0.6, 5), (8, 8, 0.75, 6), (2, 2, 0.25, 7)]:
        tokens = height * width
        x = torch.randn(2, tokens, 3, generator=generator)
        draws = [mixed(seed ^ (square << 8)) % 4 for square in range((height // 2) * (width // 2))]
        torch.randint = lambda *_, **__: torch.tensor(draws).reshape(height // 2, width // 2, 1)
        merge, unmerge = bipartite_soft_matching_random2d(x, width, height, 2, 2, int(tokens * share), False, generator)
        torch.randint = randint
        merged = merge(x)
        back = unmerge(merged * 2 + 1)
        rounded = {key: [float(f"{v:.8g}") for v in value.flatten().tolist()] for key, value in [("x", x), ("merged", merged), ("back", back)]}
        cases.append({"shape": list(x.shape), "size": [height, width], "share": share, "seed": seed, **rounded})
    (OUT / "token_merging.json").write_text("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main()
