//! `er_sde`: Taylor's expansion of the answers under a free choice of noise.

use super::steps::{Point, Step};
use super::{ErNoise, SamplerOptions};

/// Points of the sums that stand for integrals, as in ComfyUI (the paper's authors take 100).
const PARTS: usize = 200;

/// `er_sde`.
///
/// # Source
///
/// Cui et al. 2023, <https://arxiv.org/abs/2309.06169>, algorithms 3 to 5 (variance exploding), and the authors'
/// implementation (MIT), which sums from the lower end where the paper integrates.
pub(super) fn er_sde(step: &Step<'_>) -> Vec<Point> {
    let Step { sigma, next, options, .. } = *step;
    let scale = |sigma: f64| noise_scale(options, sigma);
    let ratio = scale(next) / scale(sigma);
    let dt = next - sigma;
    let mut past = vec![1.0 - ratio];
    if options.max_stage >= 2 && step.index >= 1 {
        let width = -dt / PARTS as f64;
        let (mut flat, mut ramp) = (0.0, 0.0);
        for i in 0..PARTS {
            let at = next + width * i as f64;
            flat += width / scale(at);
            ramp += width * (at - sigma) / scale(at);
        }
        // The slope of the answers over the level, and its own.
        let before = sigma - step.earlier(1);
        let first = dt + flat * scale(next);
        past[0] += first / before;
        past.push(-first / before);
        if options.max_stage >= 3 && step.index >= 2 {
            let earlier = step.earlier(1) - step.earlier(2);
            let second = (dt * dt / 2.0 + ramp * scale(next)) * 2.0 / (before + earlier);
            past[0] += second / before;
            past[1] -= second * (1.0 / before + 1.0 / earlier);
            past.push(second / earlier);
        }
    }
    let fresh = (next * next - sigma * sigma * ratio * ratio).max(0.0).sqrt();
    let end = Point { past, ..Point::end([ratio, 0.0, 0.0, 0.0]) };
    // Differences that are rounding only are no noise.
    let fresh = if fresh < 1e-6 * next || next > sigma { 0.0 } else { fresh };
    vec![end.with_noise(fresh * options.s_noise)]
}

fn noise_scale(options: &SamplerOptions, sigma: f64) -> f64 {
    match options.er_noise {
        ErNoise::Extended => sigma * (sigma.powf(0.3).exp() + 10.0),
        ErNoise::ReverseTime => sigma.powf(options.eta + 1.0),
    }
}
