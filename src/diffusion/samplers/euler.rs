//! `euler`: the plain first-order step.

use super::{Run, euler_step};
use crate::error::Result;

/// Samples by Euler steps along the probability flow.
///
/// `x' = x + (x − d)/σ·(σ' − σ)`.
///
/// # Source
///
/// Karras et al. 2022, <https://arxiv.org/abs/2206.00364>, algorithm 2 without churn and correction.
pub(super) async fn sample(run: &mut Run<'_>, mut x: Vec<f32>) -> Result<Vec<f32>> {
    for step in 0..run.steps() {
        let (sigma, sigma_next) = (run.sigmas[step], run.sigmas[step + 1]);
        let denoised = run.denoise(&x, sigma).await?;
        run.report(step, &x, &denoised)?;
        x = euler_step(&x, &denoised, sigma, sigma_next);
    }
    Ok(x)
}
