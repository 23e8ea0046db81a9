//! `dpmpp_2m`: DPM-Solver++ of second order, one network call a step.

use super::{Run, zip_with};
use crate::error::Result;

/// Samples by the second-order multistep DPM-Solver++.
///
/// `x' = (σ'/σ)·x − (e^(−h) − 1)·D`, with `h = ln(σ/σ')` and `D = (1 + 1/2r)·d − (1/2r)·d_prev`,
/// `r = h_prev/h`. The first step and the step to 0 take `D = d`.
///
/// # Source
///
/// Lu et al. 2022, <https://arxiv.org/abs/2211.01095>, algorithm 2; k-diffusion 0.1.1 `sample_dpmpp_2m`.
pub(super) async fn sample(run: &mut Run<'_>, mut x: Vec<f32>) -> Result<Vec<f32>> {
    let mut last: Option<(Vec<f32>, f64)> = None;
    for step in 0..run.steps() {
        let (sigma, sigma_next) = (run.sigmas[step], run.sigmas[step + 1]);
        let denoised = run.denoise(&x, sigma).await?;
        run.report(step, &x, &denoised)?;
        if sigma_next == 0.0 {
            return Ok(denoised);
        }
        let h = (f64::from(sigma) / f64::from(sigma_next)).ln();
        let direction = match last.take() {
            None => denoised.clone(),
            Some((previous, h_previous)) => {
                let half = (h / (2.0 * h_previous)) as f32;
                zip_with(&denoised, &previous, |d, previous| (1.0 + half) * d - half * previous)
            }
        };
        let (keep, pull) = (sigma_next / sigma, (-h).exp_m1() as f32);
        x = zip_with(&x, &direction, |x, d| keep * x - pull * d);
        last = Some((denoised, h));
    }
    Ok(x)
}
