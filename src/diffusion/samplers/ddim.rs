//! `ddim`: deterministic DDIM, which is `euler` in other variables.

use super::{Run, euler};
use crate::error::Result;

/// Samples by DDIM steps without noise.
///
/// What sets it apart from `euler` happens before: [`super::Sampler::draws_inpaint_noise`].
///
/// # Source
///
/// Song et al. 2020, <https://arxiv.org/abs/2010.02502>, equation 13: Euler's method for `x/√ᾱ` over `σ`.
pub(super) async fn sample(run: &mut Run<'_>, x: Vec<f32>) -> Result<Vec<f32>> {
    euler::sample(run, x).await
}
