//! Sampling under a mask: what is protected comes back unchanged.

use futures_util::future::LocalBoxFuture;

use crate::diffusion::guidance::same_length;
use crate::diffusion::noise::Generator;
use crate::diffusion::samplers::{Denoise, Sampler};
use crate::error::Result;

/// A model that sees the original latent, with the noise of the level, wherever the mask is 0.
///
/// Before each call `x·m + (latent + σ·noise)·(1 − m)`, after it `d·m + latent·(1 − m)`, so every sampler is
/// steered by it without knowing of it.
pub struct Inpaint<'a> {
    model: &'a mut dyn Denoise,
    mask: Vec<f32>,
    latent: Vec<f32>,
    noise: Vec<f32>,
}

impl<'a> Inpaint<'a> {
    /// Puts a mask around a model.
    ///
    /// # Shapes
    ///
    /// - `mask`, `latent`, `noise`: `[batch, channels, height / 8, width / 8]`, flattened; the mask is 1 where
    ///   the picture may change and already stretched over batch and channels
    ///
    /// # Errors
    ///
    /// [`Mismatch`](crate::error::ErrorKind::Mismatch) if the three differ in length.
    pub fn new(
        model: &'a mut dyn Denoise,
        mask: Vec<f32>,
        latent: Vec<f32>,
        noise: Vec<f32>,
    ) -> Result<Self> {
        same_length("noise mask", latent.len(), mask.len())?;
        same_length("noise for a latent", latent.len(), noise.len())?;
        Ok(Self { model, mask, latent, noise })
    }
}

impl Denoise for Inpaint<'_> {
    fn denoise<'a>(&'a mut self, x: &'a [f32], sigma: f32) -> LocalBoxFuture<'a, Result<Vec<f32>>> {
        Box::pin(async move {
            same_length("latent under a mask", self.mask.len(), x.len())?;
            let seen: Vec<f32> = (0..x.len())
                .map(|i| {
                    let original = self.latent[i] + self.noise[i] * sigma;
                    x[i] * self.mask[i] + original * (1.0 - self.mask[i])
                })
                .collect();
            let mut denoised = self.model.denoise(&seen, sigma).await?;
            for ((denoised, mask), latent) in denoised.iter_mut().zip(&self.mask).zip(&self.latent)
            {
                *denoised = *denoised * mask + latent * (1.0 - mask);
            }
            Ok(denoised)
        })
    }
}

/// The noise over the protected part: that of the run, or fresh noise for a sampler that wants it.
pub fn inpaint_noise(sampler: Sampler, seed: u64, noise: &[f32]) -> Vec<f32> {
    if sampler.draws_inpaint_noise() {
        Generator::new(seed.wrapping_add(1)).randn(noise.len())
    } else {
        noise.to_vec()
    }
}
