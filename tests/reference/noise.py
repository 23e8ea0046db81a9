"""Random numbers of torch and torchsde for `tests/diffusion.rs`.

    python tests/reference/noise.py     # writes tests/fixtures/diffusion/{noise,brownian}.json

Torch's numbers depend on the processor: with AVX2 or AVX-512 they are those of its 8-lane polynomials, which
`src/diffusion/noise` repeats to the last bit; without, they differ by up to 1.4e-6. The script refuses to run
without.
"""

import warnings

import torch

from schedules import k_diffusion_sampling, write

# torchsde rounds the ends of a path to 6 decimals and then complains of the levels it rounded.
warnings.filterwarnings("ignore", message="Should have t")

SEEDS = [0, 1, 42, 2**32, 2**40 + 12345, 2**53 + 1, 2**64 - 1]
SIZES = [1, 2, 15, 16, 17, 31, 32, 1000, 4 * 16 * 16]
KEPT = 40


def draws():
    for seed in SEEDS:
        for size in SIZES:
            numbers = torch.randn(size, generator=torch.Generator().manual_seed(seed))
            wide = numbers.double()
            yield {
                "seed": seed,
                "size": size,
                "head": numbers[:KEPT].tolist(),
                "tail": numbers[-KEPT:].tolist(),
                "sum": wide.sum().item(),
                "squares": (wide * wide).sum().item(),
            }


def sequences():
    """Draws one after the other: small ones keep their second number over large ones."""
    for seed, sizes in [(7, [3, 20, 5, 1, 16, 2, 33, 15]), (2**64 - 1, [1, 1, 1, 48, 14, 64])]:
        generator = torch.Generator().manual_seed(seed)
        yield {
            "seed": seed,
            "draws": [torch.randn(size, generator=generator).tolist() for size in sizes],
        }


def paths():
    sampling = k_diffusion_sampling()
    # Downward stretches that overlap, one upward, one outside of the range, levels of every magnitude.
    stretches = [
        (14.614641, 7.3), (14.614641, 5.25), (5.25, 2.0), (5.25, 1.0), (1.0, 0.1), (0.1, 0.0291675),
        (0.5, 3.0), (14.614641, 0.0291675), (2.0, 1.999), (14.6146, 14.6145), (0.03, 0.0291675),
    ]
    for seed in [0, 42, 2**40 + 12345, 2**64 - 1]:
        for size in [12, 64]:
            x = torch.zeros(size)
            noise = sampling.BrownianTreeNoiseSampler(
                x, torch.tensor(0.0291675), torch.tensor(14.614641), seed=seed
            )
            yield {
                "seed": seed,
                "sigma_min": torch.tensor(0.0291675).item(),
                "sigma_max": torch.tensor(14.614641).item(),
                "noise": [
                    {
                        "from": torch.tensor(a).item(),
                        "to": torch.tensor(b).item(),
                        "values": noise(torch.tensor(a), torch.tensor(b)).tolist(),
                    }
                    for a, b in stretches
                ],
            }


if __name__ == "__main__":
    assert torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512"), "needs AVX2"
    write("noise.json", {"draws": list(draws()), "sequences": list(sequences())})
    write("brownian.json", {"paths": list(paths())})
