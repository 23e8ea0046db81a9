"""Noise schedules and the levels of each scheduler for `tests/diffusion.rs`.

    python tests/reference/schedules.py     # writes tests/fixtures/diffusion/{schedules,curves}.json

ComfyUI, whose levels we follow, is no Python package. So: `karras` and `exponential` are k-diffusion's
functions, `linear_quadratic` is diffusers' (of Mochi), `beta` is scipy's quantile function, and the rest are short formulas in double precision,
written from the description in words; where diffusers has the same levels the script checks that it agrees.
"""

import functools
import importlib.util
import json
import pathlib
import sys
import types

import diffusers
import numpy as np
import scipy.stats
import torch
from diffusers.pipelines.mochi.pipeline_mochi import linear_quadratic_schedule

FIXTURES = pathlib.Path(__file__).parent.parent / "fixtures" / "diffusion"

SCHEDULERS = ["simple", "sgm_uniform", "karras", "exponential", "ddim_uniform", "beta", "normal"]
SCHEDULERS += ["linear_quadratic", "kl_optimal"]
STEPS = [1, 2, 3, 4, 7, 12, 20, 50]
SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
CONFIGS = {
    "sd": SD,
    "zero_snr": {**SD, "rescale_betas_zero_snr": True},
    "linear": {"beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear"},
}


def write(name, value):
    """JSON with 9 significant digits: enough for every single-precision number."""
    text = lambda v: (
        "[" + ",".join(map(text, v)) + "]" if isinstance(v, (list, tuple))
        else "{" + ",".join(json.dumps(k) + ":" + text(x) for k, x in v.items()) + "}" if isinstance(v, dict)
        else format(v, ".9g") if isinstance(v, float)
        else json.dumps(v)
    )
    FIXTURES.mkdir(parents=True, exist_ok=True)
    (FIXTURES / name).write_text(text(value).replace("},{", "},\n{") + "\n")


@functools.cache
def k_diffusion_sampling():
    """k-diffusion's sampling module alone; the package around it wants torchvision, wandb and more."""
    package = importlib.util.find_spec("k_diffusion").submodule_search_locations[0]
    parent = types.ModuleType("k_diffusion")
    parent.__path__ = [package]
    utils = types.ModuleType("k_diffusion.utils")
    utils.append_dims = lambda x, ndim: x[(...,) + (None,) * (ndim - x.ndim)]
    parent.utils = utils
    sys.modules["k_diffusion"], sys.modules["k_diffusion.utils"] = parent, utils
    return importlib.import_module("k_diffusion.sampling")


def table(config):
    """The training levels of 1000 steps, ascending."""
    start, end = config["beta_start"], config["beta_end"]
    if config["beta_schedule"] == "scaled_linear":
        betas = np.linspace(start**0.5, end**0.5, 1000) ** 2
    else:
        betas = np.linspace(start, end, 1000)
    alphas = np.cumprod(1 - betas)
    if config.get("rescale_betas_zero_snr"):
        root = np.sqrt(alphas)
        root = (root - root[-1]) * root[0] / (root[0] - root[-1])
        alphas = root**2
        alphas[-1] = 4.8973451890853435e-08
    return np.sqrt((1 - alphas) / alphas)


def level(sigmas, timestep):
    """Between two timesteps: linear in the logarithm."""
    return np.exp(np.interp(timestep, np.arange(len(sigmas)), np.log(sigmas)))


def levels(scheduler, sigmas, steps):
    """The levels of a run, descending, with the 0 at the end."""
    last = len(sigmas) - 1
    low, high = np.float32(sigmas[0]).item(), np.float32(sigmas[-1]).item()
    k = k_diffusion_sampling()
    if scheduler == "karras":
        return k.get_sigmas_karras(steps, low, high).tolist()
    if scheduler == "exponential":
        return k.get_sigmas_exponential(steps, low, high).tolist()
    if scheduler == "linear_quadratic":
        shares = linear_quadratic_schedule(steps, 0.025) if steps > 1 else [1.0]
        return [high * share for share in shares] + [0.0]
    if scheduler == "kl_optimal":  # even angles; one step begins at the top
        return np.tan(np.linspace(np.arctan(high), np.arctan(low), steps)).tolist() + [0.0]
    if scheduler == "simple":  # from the top, every (1000 / steps)-th, cut off to a whole index
        run = [sigmas[last - int(i * len(sigmas) / steps)] for i in range(steps)]
    elif scheduler == "ddim_uniform":  # from timestep 1 up, every (1000 // steps)-th, then reversed
        run = list(sigmas[1 :: max(len(sigmas) // steps, 1)][::-1])
    elif scheduler == "normal":  # even timesteps from last to first
        run = list(level(sigmas, np.linspace(last, 0, steps)))
    elif scheduler == "sgm_uniform":  # one timestep more, the last left out
        run = list(level(sigmas, np.linspace(last, 0, steps + 1)[:-1]))
    elif scheduler == "beta":  # quantiles of a beta distribution, rounded to timesteps, each once
        quantiles = scipy.stats.beta.ppf(1 - np.linspace(0, 1, steps, endpoint=False), 0.6, 0.6)
        timesteps = np.rint(quantiles * last).astype(int)
        run = [sigmas[t] for t in dict.fromkeys(timesteps.tolist())]
    return [float(s) for s in run] + [0.0]


def check_against_diffusers(sigmas):
    """Where diffusers has the same levels under another name."""
    euler = lambda steps, **options: _sigmas(diffusers.EulerDiscreteScheduler(**SD, **options), steps)
    # diffusers computes 1 - alpha in single precision, which costs digits where there is little noise.
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-7)
    close(sigmas, ((1 - (a := diffusers.DDIMScheduler(**SD).alphas_cumprod.double())) / a).sqrt())
    linear = diffusers.DDIMScheduler(**CONFIGS["linear"]).alphas_cumprod.double()
    close(table(CONFIGS["linear"]), ((1 - linear) / linear).sqrt())
    snr = diffusers.DDIMScheduler(**CONFIGS["zero_snr"]).alphas_cumprod.double()[:-1]
    close(table(CONFIGS["zero_snr"])[:-1], ((1 - snr) / snr).sqrt())
    for steps in [4, 8, 20]:  # the steps that divide 1000: elsewhere diffusers rounds where we cut off
        close(levels("simple", sigmas, steps), euler(steps, timestep_spacing="trailing"))
    for steps in [4, 10, 28]:  # whole timesteps: between them diffusers is linear in sigma itself
        if 999 % (steps - 1) == 0:
            close(levels("normal", sigmas, steps), euler(steps, timestep_spacing="linspace"))
    for steps in [5, 20, 50]:
        leading = euler(steps, timestep_spacing="leading", steps_offset=1)
        close(levels("ddim_uniform", sigmas, steps), leading)
    bounds = {"sigma_min": sigmas[0], "sigma_max": sigmas[-1]}
    close(levels("karras", sigmas, 12), euler(12, use_karras_sigmas=True, **bounds))
    close(levels("exponential", sigmas, 12), euler(12, use_exponential_sigmas=True, **bounds))


def _sigmas(scheduler, steps):
    scheduler.set_timesteps(steps)
    return scheduler.sigmas.numpy()


def laplace(n, sigma_max, sigma_min, mu, beta):
    """The cosine-like schedule of Hang et al. 2024 for a Laplace distribution."""
    t = np.linspace(0, 1, n)
    log = mu - beta * np.sign(0.5 - t) * np.log(1 - 2 * np.abs(0.5 - t) + 1e-5)
    return list(dict.fromkeys(np.exp(log).clip(sigma_min, sigma_max).tolist()))


def curves():
    """Levels by formula: name, numbers, levels."""
    k = k_diffusion_sampling()
    sigmas = table(SD)
    top, bottom = 14.614642, 0.0291675
    for n in (1, 2, 9, 20):
        for rho in (7.0, 3.0):
            yield "karras", [n, top, bottom, rho], k.get_sigmas_karras(n, bottom, top, rho).tolist()
        yield "exponential", [n, top, bottom], k.get_sigmas_exponential(n, bottom, top).tolist()
        for rho in (1.0, 2.5):
            numbers = [n, top, bottom, rho]
            yield "polyexponential", numbers, k.get_sigmas_polyexponential(n, bottom, top, rho).tolist()
        for numbers in ([n, 19.9, 0.1, 1e-3], [n, 5.0, 1.0, 0.02]):
            yield "vp", numbers, k.get_sigmas_vp(*numbers).tolist()
        for numbers in ([n, top, bottom, 0.0, 0.5], [n, 80.0, 0.002, 1.2, 0.9]):
            yield "laplace", numbers, laplace(*numbers)
        for a, b in ((0.6, 0.6), (0.3, 2.0), (5.0, 1.5)):
            quantiles = scipy.stats.beta.ppf(1 - np.linspace(0, 1, n, endpoint=False), a, b)
            timesteps = np.rint(quantiles * 999).astype(int)
            yield "beta", [n, a, b], [float(sigmas[t]) for t in dict.fromkeys(timesteps.tolist())] + [0.0]


if __name__ == "__main__":
    write("curves.json", [{"name": a, "numbers": b, "sigmas": c} for a, b, c in curves()])
    check_against_diffusers(table(SD))
    fixture = []
    for name, config in CONFIGS.items():
        sigmas = table(config)
        probes = [float(level(sigmas, t)) for t in (0.0, 0.3, 17.49, 17.51, 250.0, 600.8, 997.2, 999.0)]
        fixture.append({
            "name": name,
            "config": config,
            "table": [float(sigmas[t]) for t in range(0, 1000, 37)],
            "last": float(sigmas[-1]),
            "probes": probes,
            "nearest": [int(np.argmin(np.abs(np.log(p) - np.log(sigmas)))) for p in probes],
            "fractional": [float(np.interp(np.log(p), np.log(sigmas), np.arange(1000))) for p in probes],
            "runs": [
                {"scheduler": s, "steps": n, "sigmas": levels(s, sigmas, n)} for s in SCHEDULERS for n in STEPS
            ],
        })
    write("schedules.json", fixture)
