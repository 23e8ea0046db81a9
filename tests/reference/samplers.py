"""Trajectories of every sampler over every scheduler for `tests/diffusion.rs`.

    python tests/reference/samplers.py     # writes tests/fixtures/diffusion/samplers.json

The network is a closed formula that `tests/diffusion.rs` repeats. The samplers are k-diffusion's where it has
them. Of the others, `uni_pc` is diffusers' UniPCMultistepScheduler; `lcm` is two lines, checked against diffusers'
LCMScheduler; `ddim` is k-diffusion's euler, checked against diffusers' DDIMScheduler; `ddpm` its euler_ancestral,
checked against DDPMScheduler's posterior; `sa_solver` is
diffusers' SASolverScheduler; `deis` and `er_sde` are written from their papers. What has no reference
here is tested in `src/diffusion/samplers/tests.rs` by its order, its noise, and its limits.

Where we follow ComfyUI and the references differ:
- uni_pc ends at 0.001 instead of 0, and gets one level more of which the second-to-last is left out;
- dpm_2 and dpm_2_ancestral leave out that level as well;
- steps of ancestral samplers draw from a CPU generator seeded with seed + 1, k-diffusion from the global
  one; the SDE samplers walk the Brownian path of the seed itself;
- dpmpp_sde asks the path at the levels themselves, k-diffusion at exp(log(level)), off by a rounding.
"""

import warnings

import diffusers
import numpy as np
import scipy.integrate
import torch

from schedules import SCHEDULERS, SD, k_diffusion_sampling, levels, table, write

SHAPE = (1, 4, 8, 8)
SEED = 2**40 + 12345
# All but those that only repeat others with other noise or with CFG++, and those that have no reference.
SAMPLERS = [
    "euler", "euler_ancestral", "heun", "dpm_2", "dpm_2_ancestral", "lms", "dpm_fast", "dpm_adaptive",
    "dpmpp_2s_ancestral", "dpmpp_sde", "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_2m_sde_heun", "dpmpp_3m_sde", "ddpm", "lcm",
    "deis", "er_sde", "ddim", "uni_pc", "uni_pc_bh2",
]
PICTURE = torch.tensor([(i * 37 % 101) / 50 - 1 for i in range(256)], dtype=torch.float32).reshape(SHAPE)

torch.set_num_threads(1)
# torchsde rounds the ends of a path to 6 decimals and then complains of the levels it rounded.
warnings.filterwarnings("ignore", message="Should have t")
warnings.filterwarnings("ignore", message="To copy construct")
k = k_diffusion_sampling()


def network(x, sigma):
    """The clean latent behind x: the exact answer for pictures normal around PICTURE, bent a little."""
    sigma = sigma.reshape(-1)[0].to(x.dtype)
    total = 1 + sigma * sigma
    u = x / total.sqrt()
    return (x + sigma * sigma * PICTURE.to(x.dtype)) / total + 0.25 * sigma / (1 + sigma) * u / (1 + u * u)


def masked(model, mask, latent, noise):
    def inner(x, sigma):
        level = sigma.reshape(-1)[0]
        seen = x * mask + (latent + noise * level) * (1 - mask)
        return model(seen, sigma) * mask + latent * (1 - mask)

    return inner


def step_noise(seed):
    generator = torch.Generator().manual_seed((seed + 1) % 2**64)
    return lambda *_: torch.randn(SHAPE, generator=generator)


def brownian_noise(x, sigmas, seed, r):
    path = k.BrownianTreeNoiseSampler(x, sigmas[sigmas > 0].min(), sigmas.max(), seed=seed)

    def at_levels(sigma, sigma_next):
        # Back from exp(log(level)) to the level. The middle of a step is none, and is rounded correctly
        # (torch's vectorised exp is not always): the path is resolved to 1e-6, so a unit of the last
        # place is another point.
        start = sigmas[(sigmas - sigma).abs().argmin()]
        end = sigmas[(sigmas - sigma_next).abs().argmin()]
        if abs(end / sigma_next - 1) > 1e-5:
            following = sigmas[(sigmas - sigma).abs().argmin() + 1]
            a, b = (np.float32(-np.log(np.float64(level.item()))) for level in (start, following))
            middle = np.float32(a + np.float32(np.float32(b - a) * np.float32(r)))
            end = torch.tensor(np.float32(np.exp(-np.float64(middle))))
            assert abs(end / sigma_next - 1) < 2e-6
        return path(start, end)

    return at_levels


def lcm(model, x, sigmas, callback, noise):
    for i in range(len(sigmas) - 1):
        x_before, x = x, model(x, sigmas[i])
        callback({"x": x_before, "i": i, "denoised": x})
        if sigmas[i + 1] > 0:
            x = x + sigmas[i + 1] * noise()
    return x


def uni_pc(model, x, sigmas, callback, solver_type):
    """diffusers' scheduler, in latents of variance 1: x / sqrt(1 + sigma^2)."""
    steps = len(sigmas) - 1
    scheduler = diffusers.UniPCMultistepScheduler(
        **SD, solver_order=3, solver_type=solver_type, prediction_type="sample", lower_order_final=True
    )
    scheduler.set_timesteps(steps)
    scheduler.sigmas = torch.cat([sigmas[:-1], torch.tensor([sigmas[-1] if sigmas[-1] > 0 else 0.001])]).double()
    scheduler.timesteps = torch.arange(steps, 0, -1)
    scheduler.set_begin_index(0)
    root = (1 + scheduler.sigmas**2).sqrt()
    x = x.double() / root[0]
    for i, timestep in enumerate(scheduler.timesteps):
        denoised = model(x * root[i], scheduler.sigmas[i])
        x = scheduler.step(denoised, timestep, x, return_dict=False)[0]
        callback({"x": scheduler.last_sample * root[i], "i": i, "denoised": denoised})
    return x * root[-1]


def deis(model, x, sigmas, callback, order=3):
    """tAB-DEIS: slopes as a polynomial in the time of a linear schedule, integrated over the level."""
    low, high = np.log1p(0.002**2), np.log1p(80**2)
    slope = 2 * (low / 1e-3 - high) / (1e-3 - 1)
    start = high - slope / 2
    time = lambda s: (np.sqrt(start**2 + 2 * slope * np.log1p(s**2)) - start) / slope
    sigmas = sigmas.double().numpy()
    slopes = []
    for i, (sigma, following) in enumerate(zip(sigmas[:-1], sigmas[1:])):
        denoised = model(x, torch.tensor(sigma))
        callback({"x": x, "i": i, "denoised": denoised})
        slopes.insert(0, (x - denoised) / sigma)
        nodes = [time(s) for s in sigmas[max(0, i - order + 1) : i + 1][::-1]]
        if following == 0:
            x = denoised
            continue
        # Over ln(level), where the integrand is smooth.
        def term(j):
            def inner(log):
                t = time(np.exp(log))
                others = [(t - node) / (nodes[j] - node) for k, node in enumerate(nodes) if k != j]
                return np.prod(others) * np.exp(log)
            return scipy.integrate.quad(inner, np.log(sigma), np.log(following), epsabs=1e-12, epsrel=1e-10)[0]
        x = x + sum(term(j) * d for j, d in zip(range(len(nodes)), slopes))
    return x


def er_sde(model, x, sigmas, callback, noise):
    """Algorithm 5 of the paper, step by step; sums of 200 parts for the integrals."""
    scale = lambda s: s * (np.exp(s**0.3) + 10)
    s = sigmas.double().numpy()
    answers, slopes = [], []
    for i in range(len(s) - 1):
        denoised = model(x, torch.tensor(s[i]))
        callback({"x": x, "i": i, "denoised": denoised})
        if s[i + 1] == 0:
            return denoised
        ratio = scale(s[i + 1]) / scale(s[i])
        parts = s[i + 1] + (s[i] - s[i + 1]) * np.arange(200) / 200
        width = (s[i] - s[i + 1]) / 200
        following = ratio * x + (1 - ratio) * denoised
        if i >= 1:
            slopes.append((denoised - answers[-1]) / (s[i] - s[i - 1]))
            flat = (width / scale(parts)).sum()
            following = following + (s[i + 1] - s[i] + flat * scale(s[i + 1])) * slopes[-1]
        if i >= 2:
            bend = (slopes[-1] - slopes[-2]) / ((s[i] - s[i - 2]) / 2)
            ramp = ((parts - s[i]) * width / scale(parts)).sum()
            following = following + ((s[i + 1] - s[i]) ** 2 / 2 + ramp * scale(s[i + 1])) * bend
        x = following + noise() * np.sqrt(max(s[i + 1] ** 2 - s[i] ** 2 * ratio**2, 0))
        answers.append(denoised)
    return x


def sa_solver(model, x, sigmas, callback, noise, pece=False):
    """diffusers' scheduler, in latents of variance 1; noise on all levels, and its own weights of order 2."""
    scheduler = diffusers.SASolverScheduler(
        **SD, predictor_order=3, corrector_order=4, prediction_type="sample", lower_order_final=False,
        tau_func=lambda _: 1,
    )
    steps = len(sigmas) - 1
    scheduler.set_timesteps(steps)
    scheduler.sigmas = sigmas.double()
    scheduler.timesteps = torch.arange(steps, 0, -1)
    scheduler.set_begin_index(0)
    diffusers.schedulers.scheduling_sasolver.randn_tensor = lambda *_, **__: noise().double()
    root = (1 + scheduler.sigmas**2).sqrt()
    x = x.double() / root[0]
    for i, timestep in enumerate(scheduler.timesteps):
        callback({"x": x * root[i], "i": i})
        x = scheduler.step(model(x * root[i], scheduler.sigmas[i]), timestep, x, return_dict=False)[0]
    return x * root[-1]


def run(sampler, model, x, sigmas, seed, callback, options={}):
    common = {**options, "callback": callback, "disable": True}
    if sampler in ("dpm_2_ancestral", "dpmpp_2s_ancestral", "euler_ancestral", "ddpm"):
        name = "euler_ancestral" if sampler == "ddpm" else sampler
        # In double precision, as we compute them: the level stepped down to is a small difference.
        wide = x.double(), sigmas.double()
        return getattr(k, "sample_" + name)(model, *wide, noise_sampler=step_noise(seed), **common)
    if "_sde" in sampler and sampler.startswith("dpmpp"):
        solver = {"solver_type": "heun"} if sampler.endswith("_heun") else {}
        name = sampler.removesuffix("_heun")
        noise = brownian_noise(x, sigmas, seed, options.get("r", 0.5))
        return getattr(k, "sample_" + name)(model, x, sigmas, noise_sampler=noise, **solver, **common)
    if sampler in ("dpm_fast", "dpm_adaptive"):
        last = sigmas[-1] if sigmas[-1] > 0 else sigmas[-2]
        steps = [len(sigmas) - 1] if sampler == "dpm_fast" else []
        wide = x.double(), last.double(), sigmas[0].double()
        noise = step_noise(seed)
        common = {**options, "disable": True, "noise_sampler": lambda *_: noise().double()}
        return getattr(k, "sample_" + sampler)(model, *wide, *steps, **common)
    if sampler == "lcm":
        return lcm(model, x, sigmas, callback, step_noise(seed))
    if sampler == "deis":
        return deis(model, x.double(), sigmas, callback)
    if sampler == "er_sde":
        return er_sde(model, x.double(), sigmas, callback, step_noise(seed))
    if sampler == "sa_solver":
        return sa_solver(model, x, sigmas, callback, step_noise(seed))
    if sampler.startswith("uni_pc"):
        return uni_pc(model, x, sigmas, callback, "bh2" if sampler.endswith("bh2") else "bh1")
    name = "euler" if sampler == "ddim" else sampler
    torch.manual_seed((seed + 1) % 2**64)  # for churn
    return getattr(k, "sample_" + name)(model, x, sigmas, **common)


def run_levels(sampler, scheduler, steps, denoise):
    extra = sampler.startswith(("uni_pc", "dpm_2"))
    sigmas = levels(scheduler, table(SD), int(steps / denoise) + extra)
    if extra:
        sigmas = sigmas[:-2] + sigmas[-1:]
    return torch.tensor(sigmas, dtype=torch.float32)[-(steps + 1) :] if denoise < 1 else torch.tensor(sigmas)


def case(sampler, scheduler, steps, denoise=1.0, mask=None, **options):
    sigmas = run_levels(sampler, scheduler, steps, denoise)
    if sampler == "sa_solver":  # whose end is treated otherwise
        sigmas = sigmas[:-1]
    noise = torch.randn(SHAPE, generator=torch.Generator().manual_seed(SEED))
    # ComfyUI's test for a run from pure noise; `ddim_uniform` ends below the top and is none.
    pure = sigmas[0] >= table(SD)[-1] * (1 - 1e-5)
    latent = torch.zeros(SHAPE) if denoise == 1 else PICTURE.flip(-1) * 0.5
    x = latent + noise * ((1 + sigmas[0] ** 2).sqrt() if pure else sigmas[0])
    model = network
    if mask is not None:
        if sampler == "ddim":
            noise = step_noise(SEED)()
        model = masked(network, mask, latent, noise)
    middle = {}
    keep = {len(sigmas) // 3, (len(sigmas) - 1) * 2 // 3} - {0}

    def callback(info):
        if info["i"] in keep:
            middle[str(info["i"])] = info["x"].float().flatten()[::32].tolist()

    final = run(sampler, model, x, sigmas, SEED, callback, options).float().flatten()
    assert final.isfinite().all()
    return {
        "sampler": sampler, "scheduler": scheduler, "steps": steps, "denoise": denoise,
        "masked": mask is not None, "options": options, "sigmas": sigmas.tolist(), "middle": middle, "final": final[::10].tolist(),
    }


def check_against_diffusers():
    """`ddim` and `lcm` against schedulers of that name, at levels that are whole timesteps."""
    steps = 10
    sigmas = run_levels("euler", "simple", steps, 1.0)
    noise = torch.randn(SHAPE, generator=torch.Generator().manual_seed(SEED))
    ours = lambda name: run(name, network, noise * (1 + sigmas[0] ** 2).sqrt(), sigmas, SEED, lambda _: None)
    common = {**SD, "prediction_type": "sample", "clip_sample": False, "set_alpha_to_one": True}

    ddim = diffusers.DDIMScheduler(**common, timestep_spacing="trailing")
    ddim.set_timesteps(steps)
    x = noise
    for i, timestep in enumerate(ddim.timesteps):
        x = ddim.step(network(x * (1 + sigmas[i] ** 2).sqrt(), sigmas[i]), timestep, x).prev_sample
    torch.testing.assert_close(x, ours("ddim"), rtol=1e-4, atol=1e-4)

    # The posterior of a step in variance-preserving variables, which diffusers' DDPMScheduler draws from.
    ddpm = diffusers.DDPMScheduler(**SD, prediction_type="sample", clip_sample=False)
    ddpm.set_timesteps(1000)
    x0, x = PICTURE, PICTURE.flip(-1) * 3
    sample = ddpm.step(x0, 500, x, generator=torch.Generator().manual_seed(7)).prev_sample
    drawn = torch.randn(SHAPE, generator=torch.Generator().manual_seed(7))
    a, b = (torch.tensor(table(SD)[t], dtype=torch.float32) for t in (500, 499))
    start = x * (1 + a**2).sqrt()
    options = {"noise_sampler": lambda *_: drawn, "disable": True}
    got = k.sample_euler_ancestral(lambda *_: x0, start, torch.stack([a, b]), **options) / (1 + b**2).sqrt()
    torch.testing.assert_close(sample, got, rtol=1e-4, atol=1e-4)

    # With this scaling the boundary condition of the distilled network is its output alone.
    lcm = diffusers.LCMScheduler(**common, timestep_scaling=1e8)
    lcm.set_timesteps(timesteps=[999 - 100 * i for i in range(steps)])
    generator = torch.Generator().manual_seed(SEED + 1)
    x = noise
    for i, timestep in enumerate(lcm.timesteps):
        denoised = network(x * (1 + sigmas[i] ** 2).sqrt(), sigmas[i])
        x = lcm.step(denoised, timestep, x, generator=generator).prev_sample
    torch.testing.assert_close(x, ours("lcm"), rtol=1e-4, atol=1e-4)


if __name__ == "__main__":
    check_against_diffusers()
    mask = torch.tensor([(i % 8) / 7 for i in range(256)], dtype=torch.float32).reshape(SHAPE)
    # Every sampler over one scheduler, with few and with more steps, and from a picture; all levels are tested
    # with the sampler that is most sensitive to them, and a mask with those it means something to.
    cases = [case(a, "karras", n) for a in SAMPLERS for n in (2, 9)]
    cases += [case(a, "normal", 5, denoise=0.55) for a in SAMPLERS]
    cases += [case("dpmpp_2m", b, 6) for b in SCHEDULERS]
    cases += [case(a, "simple", 4, denoise=0.8, mask=mask) for a in ("euler", "ddim", "uni_pc", "dpmpp_sde")]
    cases += [case(a, "karras", 6, s_churn=3.0, s_noise=1.1) for a in ("euler", "heun", "dpm_2")]
    cases += [
        case("euler", "karras", 6, s_churn=30.0, s_tmin=0.0, s_tmax=20.0),
        case("lms", "karras", 6, order=2),
        case("euler_ancestral", "karras", 6, eta=0.6, s_noise=0.9),
        case("dpmpp_sde", "karras", 6, r=0.3, eta=0.7, s_noise=1.1),
        case("dpmpp_2m_sde", "karras", 6, eta=0.5, s_noise=0.9),
        case("dpmpp_3m_sde", "karras", 6, eta=0.5, s_noise=0.9),
        case("dpm_adaptive", "karras", 6, order=2, rtol=0.02, atol=0.002, h_init=0.1, eta=0.5),
        case("dpm_adaptive", "karras", 6, pcoeff=0.2, icoeff=0.8, dcoeff=0.1, accept_safety=0.9),
        case("sa_solver", "karras", 9),
    ]
    write("samplers.json", {"seed": SEED, "cases": cases})
