//! Sampling under a mask: what is protected comes back unchanged.

use futures_util::future::LocalBoxFuture;

use crate::diffusion::guidance::same_length;
use crate::diffusion::noise::Generator;
use crate::diffusion::samplers::{Denoise, Denoised, Sampler};
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

impl Inpaint<'_> {
    /// What the model is shown instead of `x`.
    fn seen(&self, x: &[f32], sigma: f32) -> Result<Vec<f32>> {
        same_length("latent under a mask", self.mask.len(), x.len())?;
        let one = |i: usize| {
            let original = self.latent[i] + self.noise[i] * sigma;
            x[i] * self.mask[i] + original * (1.0 - self.mask[i])
        };
        Ok((0..x.len()).map(one).collect())
    }

    /// Puts the original back where it is protected.
    fn protect(&self, denoised: &mut [f32]) {
        for ((denoised, mask), latent) in denoised.iter_mut().zip(&self.mask).zip(&self.latent) {
            *denoised = *denoised * mask + latent * (1.0 - mask);
        }
    }
}

impl Denoise for Inpaint<'_> {
    fn denoise<'a>(&'a mut self, x: &'a [f32], sigma: f32) -> LocalBoxFuture<'a, Result<Vec<f32>>> {
        Box::pin(async move {
            let mut denoised = self.model.denoise(&self.seen(x, sigma)?, sigma).await?;
            self.protect(&mut denoised);
            Ok(denoised)
        })
    }

    fn denoise_both<'a>(
        &'a mut self,
        x: &'a [f32],
        sigma: f32,
    ) -> LocalBoxFuture<'a, Result<Denoised>> {
        Box::pin(async move {
            let mut both = self.model.denoise_both(&self.seen(x, sigma)?, sigma).await?;
            // The negative answer is the model's own: ComfyUI's mask acts after guidance.
            self.protect(&mut both.guided);
            Ok(both)
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
