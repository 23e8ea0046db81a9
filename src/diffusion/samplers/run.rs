//! What every sampler has at hand: the network, the noise, the levels, and someone to report to.

use super::{Denoise, Denoised, Sampler, SamplerOptions, StepInfo, StepNoise};
use crate::diffusion::brownian::BrownianTree;
use crate::diffusion::guidance::same_length;
use crate::error::{Error, ErrorKind, Result};

/// A run of a sampler.
pub(super) struct Run<'a> {
    pub(super) model: &'a mut dyn Denoise,
    pub(super) sampler: Sampler,
    pub(super) options: SamplerOptions,
    pub(super) sigmas: &'a [f32],
    pub(super) noise: &'a mut StepNoise,
    /// The Brownian path of the run, once a step has asked for it.
    pub(super) path: Option<BrownianTree>,
    pub(super) on_step: &'a mut dyn FnMut(StepInfo<'_>) -> Result<()>,
}

/// Where a step's noise comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Draw {
    /// The next numbers of the run's generator.
    Next,
    /// The stretch of the run's Brownian path between two levels.
    Path(f32, f32),
}

impl Run<'_> {
    pub(super) fn steps(&self) -> usize {
        self.sigmas.len() - 1
    }

    /// The network's answer, once it is known to be one.
    pub(super) async fn denoise(&mut self, x: &[f32], sigma: f32) -> Result<Vec<f32>> {
        let denoised = self.model.denoise(x, sigma).await?;
        check_answer(x, &denoised)?;
        Ok(denoised)
    }

    /// The network's answers before and after guidance.
    pub(super) async fn denoise_both(&mut self, x: &[f32], sigma: f32) -> Result<Denoised> {
        let both = self.model.denoise_both(x, sigma).await?;
        check_answer(x, &both.guided)?;
        check_answer(x, &both.negative)?;
        Ok(both)
    }

    pub(super) fn report(&mut self, step: usize, x: &[f32], denoised: &[f32]) -> Result<()> {
        let steps = self.steps();
        (self.on_step)(StepInfo { step, steps, sigma: self.sigmas[step], x, denoised })
    }

    /// Noise of deviation 1 for a whole latent.
    pub(super) fn draw(&mut self, draw: Draw, len: usize) -> Vec<f32> {
        match draw {
            Draw::Next => self.noise.next(len),
            Draw::Path(sigma, sigma_next) => self
                .path
                .get_or_insert_with(|| {
                    self.noise.brownian(self.sigmas, len, self.sampler.path_source())
                })
                .noise(sigma, sigma_next),
        }
    }
}

fn check_answer(x: &[f32], denoised: &[f32]) -> Result<()> {
    same_length("denoised latent", x.len(), denoised.len())?;
    if denoised.iter().any(|value| !value.is_finite()) {
        return Err(Error::new(ErrorKind::NotFinite { input: "network output" })
            .hint("lower cfg, or try another file of the model: numbers overflowed in it"));
    }
    Ok(())
}

/// The sum of latents with their weights, in double precision; a weight of 0 leaves its latent out.
pub(super) fn mix(len: usize, terms: &[(f64, &[f32])]) -> Vec<f32> {
    let mut sum = vec![0.0_f64; len];
    for (weight, latent) in terms.iter().filter(|(weight, _)| *weight != 0.0) {
        for (sum, value) in sum.iter_mut().zip(*latent) {
            *sum += weight * f64::from(*value);
        }
    }
    sum.into_iter().map(|value| value as f32).collect()
}
