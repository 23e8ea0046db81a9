//! `euler_ancestral`: a longer Euler step down, then fresh noise.

use super::{Run, SamplerOptions, ancestral_step, euler_step};
use crate::error::Result;

/// Samples by ancestral Euler steps.
///
/// Down to `σ_down` without noise, up again to `σ'` with noise of deviation `σ_up`; the step to 0 draws none.
///
/// # Source
///
/// k-diffusion 0.1.1 `sample_euler_ancestral`.
pub(super) async fn sample(run: &mut Run<'_>, mut x: Vec<f32>) -> Result<Vec<f32>> {
    let SamplerOptions { eta, s_noise } = run.options;
    for step in 0..run.steps() {
        let (sigma, sigma_next) = (run.sigmas[step], run.sigmas[step + 1]);
        let denoised = run.denoise(&x, sigma).await?;
        run.report(step, &x, &denoised)?;
        if sigma_next == 0.0 {
            return Ok(denoised);
        }
        let (down, up) = ancestral_step(f64::from(sigma), f64::from(sigma_next), eta);
        let up = (up * s_noise) as f32;
        x = euler_step(&x, &denoised, sigma, down as f32);
        let noise = run.noise.next(x.len());
        x.iter_mut().zip(&noise).for_each(|(x, noise)| *x += noise * up);
    }
    Ok(x)
}
