//! Samplers that ask the network again in the middle of a step.

use super::run::Draw;
use super::steps::{Point, Step, X, add, ancestral_step, answer, slope, towards};

/// `dpm_2` and `dpm_2_ancestral`: the whole step along the slope at its middle in `ln σ`.
///
/// # Source
///
/// k-diffusion 0.1.1 `sample_dpm_2` and `sample_dpm_2_ancestral`.
pub(super) fn dpm_2(step: &Step<'_>) -> Vec<Point> {
    let (down, up) = step.ancestral();
    let up = up * step.options.s_noise;
    // With η above 1 a step may lead down to 0, which has no middle.
    if down == 0.0 {
        return vec![Point::end(answer(1)).with_noise(up)];
    }
    let middle = (step.sigma * down).sqrt();
    let half = towards(X, middle / step.sigma, 1);
    let end = add(X, down - step.sigma, slope(half, middle, 2));
    vec![Point::at(middle, half), Point::end(end).with_noise(up)]
}

/// `dpmpp_2s_ancestral`: the whole step to the answer in its middle.
///
/// With CFG++ the half step is the negative prompt's own, and the whole one goes to the second guided answer
/// with the noise that the second negative one leaves: `d₂ + (x − u₂)·σ_down/σ`.
///
/// # Source
///
/// k-diffusion 0.1.1 `sample_dpmpp_2s_ancestral` (Lu et al. 2022, <https://arxiv.org/abs/2211.01095>,
/// algorithm 1); Chung et al. 2024, <https://arxiv.org/abs/2406.08070>, appendix.
pub(super) fn dpmpp_2s(step: &Step<'_>) -> Vec<Point> {
    let (down, up) = step.ancestral();
    let up = up * step.options.s_noise;
    if down == 0.0 {
        return vec![Point::end(answer(1)).with_noise(up)];
    }
    let middle = (step.sigma * down).sqrt();
    let (half, keep) = (middle / step.sigma, down / step.sigma);
    let (mut at_half, mut end);
    if step.cfg_pp {
        at_half = Point::at(middle, X.map(|weight| weight * half));
        at_half.negative = [1.0 - half, 0.0];
        end = Point::end([keep, 0.0, 1.0, 0.0]);
        end.negative = [0.0, -keep];
    } else {
        at_half = Point::at(middle, towards(X, half, 1));
        end = Point::end(towards(X, keep, 2));
    }
    vec![at_half, end.with_noise(up)]
}

/// `dpmpp_sde`: part of a step down to a middle level, a call there, and the whole step with both answers; each
/// ancestral, with noise from one Brownian path.
///
/// # Source
///
/// k-diffusion 0.1.1 `sample_dpmpp_sde` (Lu et al. 2022, <https://arxiv.org/abs/2211.01095>). As in ComfyUI
/// since 2025 the path is asked at the levels themselves; k-diffusion asks at `exp(ln σ)`, one rounding away.
pub(super) fn dpmpp_sde(step: &Step<'_>) -> Vec<Point> {
    let Step { sigma, next, eta, options, .. } = *step;
    let middle = between(sigma as f32, next as f32, options.r);
    let (half_down, half_up) = ancestral_step(sigma, f64::from(middle), eta);
    let (down, up) = step.ancestral();
    let (half_keep, keep) = (half_down / sigma, down / sigma);
    let second = 1.0 / (2.0 * options.r);
    let goal = add(answer(1).map(|weight| weight * (1.0 - second)), second, answer(2));
    let mut half = Point::at(f64::from(middle), towards(X, half_keep, 1));
    half.draw = Some(Draw::Path(sigma as f32, middle));
    half.noise = [half_up * options.s_noise, 0.0, 0.0];
    let mut end = Point::end(add(X.map(|weight| weight * keep), 1.0 - keep, goal));
    end.draw = step.path();
    end.noise = [0.0, up * options.s_noise, 0.0];
    vec![half, end]
}

/// The level that is a share `r` of the way down in `ln σ`, rounded after each operation as torch rounds it:
/// the Brownian path is resolved to 1e-6, and one unit of the last place is already another point on it.
fn between(sigma: f32, sigma_next: f32, r: f64) -> f32 {
    let time = |sigma: f32| -(f64::from(sigma).ln() as f32);
    let (from, to) = (time(sigma), time(sigma_next));
    (-f64::from(from + (to - from) * r as f32)).exp() as f32
}
