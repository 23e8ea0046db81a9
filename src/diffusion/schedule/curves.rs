//! Lists of noise levels by formula, for the scheduler nodes that take numbers instead of a name.
//!
//! All go down and end with 0, except [`laplace`], and need levels that are positive.

use super::beta::beta_cdf;
use super::scheduler::check_steps;
use super::{NoiseSchedule, exp, linspace_f32, powf};
use crate::error::{ErrorKind, Result};

/// Even distances in the `rho`-th root of the level.
///
/// # Errors
///
/// [`ErrorKind::ValueOutOfRange`] if `steps` is 0 or beyond a million, or a level or `rho` is not positive.
///
/// # Source
///
/// Karras et al. 2022, <https://arxiv.org/abs/2206.00364>, equation 5.
pub fn karras(steps: usize, sigma_max: f64, sigma_min: f64, rho: f64) -> Result<Vec<f32>> {
    check(steps, sigma_max, sigma_min)?;
    positive("rho", rho)?;
    let (max, min) = (sigma_max.powf(1.0 / rho), sigma_min.powf(1.0 / rho));
    Ok(ended(
        linspace_f32(0.0, 1.0, steps)
            .into_iter()
            .map(|ramp| powf(ramp * (min - max) as f32 + max as f32, rho)),
    ))
}

/// Even distances in the logarithm of the level.
///
/// # Errors
///
/// As [`karras`].
///
/// # Source
///
/// k-diffusion 0.1.1 `get_sigmas_exponential`.
pub fn exponential(steps: usize, sigma_max: f64, sigma_min: f64) -> Result<Vec<f32>> {
    check(steps, sigma_max, sigma_min)?;
    let (max, min) = (sigma_max.ln() as f32, sigma_min.ln() as f32);
    Ok(ended(linspace_f32(max, min, steps).into_iter().map(exp)))
}

/// The logarithm of the level goes down as the `rho`-th power of the steps left.
///
/// # Errors
///
/// As [`karras`].
///
/// # Source
///
/// k-diffusion 0.1.1 `get_sigmas_polyexponential`.
pub fn polyexponential(steps: usize, sigma_max: f64, sigma_min: f64, rho: f64) -> Result<Vec<f32>> {
    check(steps, sigma_max, sigma_min)?;
    positive("rho", rho)?;
    let (max, min) = (sigma_max.ln(), sigma_min.ln());
    Ok(ended(
        linspace_f32(1.0, 0.0, steps)
            .into_iter()
            .map(|ramp| exp(powf(ramp, rho) * (max - min) as f32 + min as f32)),
    ))
}

/// Many levels around `e^mu`, the fewer the smaller `beta`; the last is `sigma_min` and no 0 follows.
///
/// Levels beyond the ends count as the ends, and equal ones once.
///
/// # Errors
///
/// As [`karras`]; `mu` and `beta` may be any numbers.
///
/// # Source
///
/// Hang et al. 2024, <https://arxiv.org/abs/2407.03297>, table 1:
/// `ln σ = μ − β·sgn(½ − t)·ln(1 − 2|½ − t|)`, with 1e-5 added against the logarithm of 0.
pub fn laplace(
    steps: usize,
    sigma_max: f64,
    sigma_min: f64,
    mu: f64,
    beta: f64,
) -> Result<Vec<f32>> {
    check(steps, sigma_max, sigma_min)?;
    if !(mu.is_finite() && beta.is_finite()) {
        return Err(ErrorKind::NotFinite { input: "mu or beta" }.into());
    }
    let mut sigmas: Vec<f32> = linspace_f32(0.0, 1.0, steps)
        .into_iter()
        .map(|t| {
            let side = 0.5 - f64::from(t);
            let tail = (1.0 - 2.0 * side.abs() + 1e-5).ln();
            let sign = if side == 0.0 { 0.0 } else { side.signum() };
            (mu - beta * sign * tail).exp().clamp(sigma_min, sigma_max) as f32
        })
        .collect();
    sigmas.dedup();
    Ok(sigmas)
}

/// Even times of a variance that grows linearly.
///
/// # Errors
///
/// [`ErrorKind::ValueOutOfRange`] if `steps` is 0 or beyond a million, a number is negative, or together they give
/// no level; [`ErrorKind::NotFinite`] if a level is beyond all numbers.
///
/// # Source
///
/// Song et al. 2021, <https://arxiv.org/abs/2011.13456>, appendix C; k-diffusion 0.1.1 `get_sigmas_vp`.
pub fn vp(steps: usize, beta_d: f64, beta_min: f64, eps_s: f64) -> Result<Vec<f32>> {
    check_steps(steps)?;
    positive("beta_d + beta_min", beta_d + beta_min)?;
    positive("eps_s", eps_s)?;
    let sigmas = ended(linspace_f32(1.0, eps_s as f32, steps).into_iter().map(|t| {
        let t = f64::from(t);
        (beta_d * t * t / 2.0 + beta_min * t).exp_m1().sqrt() as f32
    }));
    if sigmas.iter().any(|sigma| !sigma.is_finite()) {
        return Err(ErrorKind::NotFinite { input: "sigmas of beta_d, beta_min and eps_s" }.into());
    }
    Ok(sigmas)
}

/// The scheduler `kl_optimal`: even distances in the angle whose tangent is the level.
///
/// # Errors
///
/// As [`karras`].
///
/// # Source
///
/// Sabour et al. 2024, <https://arxiv.org/abs/2404.14507>, appendix C.
pub fn kl_optimal(steps: usize, sigma_max: f64, sigma_min: f64) -> Result<Vec<f32>> {
    check(steps, sigma_max, sigma_min)?;
    let (max, min) = (sigma_max.atan(), sigma_min.atan());
    let last = (steps.max(2) - 1) as f64;
    Ok(ended((0..steps).map(|i| {
        let share = i as f64 / last;
        (max + (min - max) * share).tan() as f32
    })))
}

/// The scheduler `linear_quadratic`: half of the steps slow and even, then ever longer ones.
///
/// # Errors
///
/// As [`karras`].
///
/// # Source
///
/// Mochi 1 (Genmo 2024, Apache-2.0), whose first half removes `threshold` of the noise.
pub fn linear_quadratic(steps: usize, sigma_max: f64, threshold: f64) -> Result<Vec<f32>> {
    check(steps, sigma_max, sigma_max)?;
    if steps == 1 {
        return Ok(vec![sigma_max as f32, 0.0]);
    }
    let linear = (steps / 2) as f64;
    let quadratic = steps as f64 - linear;
    // A parabola that leaves the line where it ends, with its slope, and is at 1 after the last step.
    let slope = threshold / linear;
    let bend = (1.0 - threshold - slope * quadratic) / (quadratic * quadratic);
    Ok(ended((0..steps).map(|i| {
        let beyond = (i as f64 - linear).max(0.0);
        (sigma_max * (1.0 - slope * i as f64 - bend * beyond * beyond)) as f32
    })))
}

/// Timesteps by the quantiles of a beta distribution, each level once.
///
/// # Errors
///
/// [`ErrorKind::ValueOutOfRange`] if `steps` is 0 or beyond a million, or a shape is not between 0 and 100.
///
/// # Source
///
/// Lee et al. 2024, "Beta Sampling is All You Need", <https://arxiv.org/abs/2407.12173>.
pub fn beta(schedule: &NoiseSchedule, steps: usize, alpha: f64, beta: f64) -> Result<Vec<f32>> {
    check_steps(steps)?;
    for (input, got) in [("alpha", alpha), ("beta", beta)] {
        if !(got > 0.0 && got <= 100.0) {
            return Err(ErrorKind::ValueOutOfRange { input, got, min: 0.0, max: 100.0 }.into());
        }
    }
    let table = schedule.sigmas();
    let last = table.len() - 1;
    // A quantile rounded to a timestep: the distribution function at the borders between timesteps is
    // enough, no inverse is needed. The median may lie on a border, and rounding there is to even.
    let borders: Vec<f64> =
        (0..last).map(|t| beta_cdf(alpha, beta, (t as f64 + 0.5) / last as f64)).collect();
    let timestep = |quantile: f64| {
        let below = borders.partition_point(|border| *border < quantile - 1e-12);
        let tie = borders.get(below).is_some_and(|border| *border <= quantile + 1e-12);
        if tie && below % 2 == 1 { below + 1 } else { below }
    };
    let mut sigmas: Vec<f32> =
        (0..steps).map(|i| table[timestep(1.0 - i as f64 * (1.0 / steps as f64))]).collect();
    sigmas.dedup();
    sigmas.push(0.0);
    Ok(sigmas)
}

/// The levels that SD-Turbo was distilled at: timesteps 999, 899, …, 99.
///
/// With `denoise` below 1 the first `10 − int(10·denoise)` are left out; at most `steps` of the others follow.
///
/// # Errors
///
/// [`ErrorKind::ValueOutOfRange`] if `steps` is 0 or `denoise` not 0 to 1.
///
/// # Source
///
/// Sauer et al. 2023, "Adversarial Diffusion Distillation", <https://arxiv.org/abs/2311.17042>.
pub fn sd_turbo(schedule: &NoiseSchedule, steps: usize, denoise: f64) -> Result<Vec<f32>> {
    check_steps(steps)?;
    share("denoise", denoise)?;
    let start = 10 - (10.0 * denoise) as usize;
    let timesteps = (1..=10).rev().map(|hundred| (hundred * 100 - 1) as f32);
    Ok(ended(timesteps.skip(start).take(steps).map(|timestep| schedule.sigma(timestep))))
}

/// The kinds of network that "Align Your Steps" has levels for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aligned {
    /// Stable Diffusion 1.x.
    Sd1,
    /// SDXL.
    Sdxl,
    /// Stable Video Diffusion.
    Svd,
}

/// Levels found by optimisation for ten steps; other numbers of steps lie between them, in logarithms.
///
/// With `denoise` below 1 the last `round(steps·denoise)` steps are kept; 0 gives no levels.
///
/// # Errors
///
/// As [`sd_turbo`].
///
/// # Source
///
/// Sabour et al. 2024, <https://arxiv.org/abs/2404.14507>, table 3: timesteps, of which these are the levels.
pub fn align_your_steps(kind: Aligned, steps: usize, denoise: f64) -> Result<Vec<f32>> {
    const SD1: [f64; 11] = [
        14.614_641_229_3,
        6.474_576_095_6,
        3.863_674_598_5,
        2.694_615_152,
        1.884_192_117_7,
        1.394_380_509_2,
        0.964_258_390_4,
        0.652_368_601_6,
        0.397_745_627_2,
        0.151_523_266_2,
        0.029_167_158_2,
    ];
    const SDXL: [f64; 11] = [
        14.614_641_229_3,
        6.318_448_528_7,
        3.768_179_031_5,
        2.181_148_076_9,
        1.340_524_494_5,
        0.862_072_114_1,
        0.555_069_328_9,
        0.379_854_070_8,
        0.233_236_413_4,
        0.111_418_817_7,
        0.029_167_158_2,
    ];
    const SVD: [f64; 11] =
        [700.0, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002];
    check_steps(steps)?;
    share("denoise", denoise)?;
    let known = match kind {
        Aligned::Sd1 => SD1,
        Aligned::Sdxl => SDXL,
        Aligned::Svd => SVD,
    };
    let kept = (steps as f64 * denoise).round_ties_even() as usize;
    if kept == 0 {
        return Ok(Vec::new());
    }
    let level = |i: usize| {
        let place = i as f64 / steps as f64 * 10.0;
        let low = (place as usize).min(9);
        let (from, to) = (known[low].ln(), known[low + 1].ln());
        (from + (to - from) * (place - low as f64)).exp() as f32
    };
    Ok(ended((steps - kept..steps).map(level)))
}

fn ended(sigmas: impl Iterator<Item = f32>) -> Vec<f32> {
    sigmas.chain([0.0]).collect()
}

fn check(steps: usize, sigma_max: f64, sigma_min: f64) -> Result<()> {
    check_steps(steps)?;
    positive("sigma_max", sigma_max)?;
    positive("sigma_min", sigma_min)?;
    if sigma_min > sigma_max {
        let (got, max) = (sigma_min, sigma_max);
        return Err(ErrorKind::ValueOutOfRange { input: "sigma_min", got, min: 0.0, max }.into());
    }
    Ok(())
}

fn positive(input: &'static str, got: f64) -> Result<()> {
    let max = f64::from(f32::MAX);
    if got > 0.0 && got <= max {
        return Ok(());
    }
    Err(ErrorKind::ValueOutOfRange { input, got, min: 0.0, max }.into())
}

pub(super) fn share(input: &'static str, got: f64) -> Result<()> {
    if (0.0..=1.0).contains(&got) {
        return Ok(());
    }
    Err(ErrorKind::ValueOutOfRange { input, got, min: 0.0, max: 1.0 }.into())
}
