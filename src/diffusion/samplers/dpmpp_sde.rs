//! `dpmpp_sde`: DPM-Solver++ for the stochastic equation, two network calls a step.

use super::{Run, SamplerOptions, ancestral_step, zip_with};
use crate::error::Result;

/// Samples by the second-order single-step DPM-Solver++ for the stochastic equation.
///
/// Half a step (in `ln σ`) down to a middle level, a call there, and the whole step with that answer; both
/// are ancestral, with noise from one Brownian path. The step to 0 goes to the clean latent.
///
/// # Source
///
/// k-diffusion 0.1.1 `sample_dpmpp_sde` with r = ½ (Lu et al. 2022,
/// <https://arxiv.org/abs/2211.01095>). As in ComfyUI since 2025 the path is asked at the levels
/// themselves; k-diffusion asks at `exp(ln σ)`, one rounding away.
pub(super) async fn sample(run: &mut Run<'_>, mut x: Vec<f32>) -> Result<Vec<f32>> {
    let options = run.options;
    let mut path = run.noise.brownian(run.sigmas, x.len());
    for step in 0..run.steps() {
        let (sigma, sigma_next) = (run.sigmas[step], run.sigmas[step + 1]);
        let denoised = run.denoise(&x, sigma).await?;
        run.report(step, &x, &denoised)?;
        if sigma_next == 0.0 {
            return Ok(denoised);
        }
        let middle = middle(sigma, sigma_next);
        let half = ancestral(&x, &denoised, sigma, middle, &path.noise(sigma, middle), options);
        let denoised_half = run.denoise(&half, middle).await?;
        // With r = ½ the answer at the start has no weight of its own: 1 − 1/2r is 0.
        x = ancestral(
            &x,
            &denoised_half,
            sigma,
            sigma_next,
            &path.noise(sigma, sigma_next),
            options,
        );
    }
    Ok(x)
}

/// The level half-way in `ln σ`, rounded after each operation as torch rounds it: the Brownian path is
/// resolved to 1e-6, and one unit of the last place is already another point on it.
fn middle(sigma: f32, sigma_next: f32) -> f32 {
    let time = |sigma: f32| -(f64::from(sigma).ln() as f32);
    let (from, to) = (time(sigma), time(sigma_next));
    (-f64::from(from + (to - from) * 0.5)).exp() as f32
}

/// `(σ_down/σ)·x + (1 − σ_down/σ)·d + σ_up·noise`.
fn ancestral(
    x: &[f32],
    denoised: &[f32],
    sigma: f32,
    sigma_next: f32,
    noise: &[f32],
    options: SamplerOptions,
) -> Vec<f32> {
    let SamplerOptions { eta, s_noise } = options;
    let (down, up) = ancestral_step(f64::from(sigma), f64::from(sigma_next), eta);
    let keep = down / f64::from(sigma);
    let (keep, pull, up) = (keep as f32, (keep - 1.0) as f32, (up * s_noise) as f32);
    let mut x = zip_with(x, denoised, |x, d| keep * x - pull * d);
    x.iter_mut().zip(noise).for_each(|(x, noise)| *x += noise * up);
    x
}
