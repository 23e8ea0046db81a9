//! `lcm`: jump to the clean latent, add noise, jump again.

use super::Run;
use crate::error::Result;

/// Samples from a consistency model.
///
/// `x' = d + σ'·noise`.
///
/// # Source
///
/// Song et al. 2023, <https://arxiv.org/abs/2303.01469>, algorithm 1; Luo et al. 2023,
/// <https://arxiv.org/abs/2310.04378>, algorithm 3.
pub(super) async fn sample(run: &mut Run<'_>, mut x: Vec<f32>) -> Result<Vec<f32>> {
    for step in 0..run.steps() {
        let (sigma, sigma_next) = (run.sigmas[step], run.sigmas[step + 1]);
        let denoised = run.denoise(&x, sigma).await?;
        run.report(step, &x, &denoised)?;
        x = denoised;
        if sigma_next > 0.0 {
            let noise = run.noise.next(x.len());
            x.iter_mut().zip(&noise).for_each(|(x, noise)| *x += noise * sigma_next);
        }
    }
    Ok(x)
}
