//! `heun`: an Euler step, then the same step with the mean of both slopes.

use super::{Run, euler_step};
use crate::error::Result;

/// Samples by Heun's method.
///
/// `x' = x + (σ' − σ)·(s(x, σ) + s(x_euler, σ'))/2` with `s = (x − d)/σ`; the step to 0 is Euler's.
///
/// # Source
///
/// Karras et al. 2022, <https://arxiv.org/abs/2206.00364>, algorithm 2 without churn.
pub(super) async fn sample(run: &mut Run<'_>, mut x: Vec<f32>) -> Result<Vec<f32>> {
    for step in 0..run.steps() {
        let (sigma, sigma_next) = (run.sigmas[step], run.sigmas[step + 1]);
        let denoised = run.denoise(&x, sigma).await?;
        run.report(step, &x, &denoised)?;
        let ahead = euler_step(&x, &denoised, sigma, sigma_next);
        if sigma_next == 0.0 {
            return Ok(ahead);
        }
        let denoised_ahead = run.denoise(&ahead, sigma_next).await?;
        let dt = sigma_next - sigma;
        for (i, x) in x.iter_mut().enumerate() {
            let slope = (*x - denoised[i]) / sigma;
            let slope_ahead = (ahead[i] - denoised_ahead[i]) / sigma_next;
            *x += (slope + slope_ahead) / 2.0 * dt;
        }
    }
    Ok(x)
}
