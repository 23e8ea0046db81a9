//! Sampling under a mask: what is protected comes back unchanged.

use futures_util::future::LocalBoxFuture;

use crate::diffusion::guidance::same_length;
use crate::diffusion::noise::Generator;
use crate::diffusion::samplers::{Denoise, Denoised, Sampler};
use crate::diffusion::schedule::NoiseSchedule;
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
    degrees: Option<Degrees<'a>>,
}

/// How a mask is read as how much each place may change.
struct Degrees<'a> {
    schedule: &'a NoiseSchedule,
    /// Timesteps of the first and the last level.
    range: [f32; 2],
    strength: f32,
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
        Ok(Self { model, mask, latent, noise, degrees: None })
    }

    /// The same, but the mask says how much each place may change: one with 0.3 is let free for the last 30 %
    /// of the run from `sigmas`' first level to its last. `strength` below 1 mixes this with the mask as it is.
    ///
    /// # Source
    ///
    /// Levin and Fried 2023, "Differential Diffusion", <https://arxiv.org/abs/2306.00950>, algorithm 1.
    #[must_use]
    pub fn by_degrees(
        mut self,
        schedule: &'a NoiseSchedule,
        sigmas: &[f32],
        strength: f32,
    ) -> Self {
        let level = |sigma: Option<&f32>| {
            schedule.timestep(sigma.copied().unwrap_or_default().max(schedule.sigma_min()))
        };
        let range = [level(sigmas.first()), level(sigmas.last())];
        self.degrees = Some(Degrees { schedule, range, strength });
        self
    }
}

impl Inpaint<'_> {
    /// The mask at this level.
    fn mask_at(&self, sigma: f32) -> Vec<f32> {
        let Some(Degrees { schedule, range: [from, to], strength }) = &self.degrees else {
            return self.mask.clone();
        };
        let left = (schedule.timestep(sigma) - to) / (from - to);
        let free = |m: &f32| {
            // A run of one level has 0 / 0 left: nothing but the mask's own white is free.
            let free = f32::from(*m >= if left.is_nan() { 1.0 } else { left });
            if *strength < 1.0 { strength * free + (1.0 - strength) * m } else { free }
        };
        self.mask.iter().map(free).collect()
    }

    /// What the model is shown instead of `x`.
    fn seen(&self, x: &[f32], sigma: f32, mask: &[f32]) -> Result<Vec<f32>> {
        same_length("latent under a mask", mask.len(), x.len())?;
        let one = |i: usize| {
            let original = self.latent[i] + self.noise[i] * sigma;
            x[i] * mask[i] + original * (1.0 - mask[i])
        };
        Ok((0..x.len()).map(one).collect())
    }

    /// Puts the original back where it is protected.
    fn protect(&self, denoised: &mut [f32], mask: &[f32]) {
        for ((denoised, mask), latent) in denoised.iter_mut().zip(mask).zip(&self.latent) {
            *denoised = *denoised * mask + latent * (1.0 - mask);
        }
    }
}

impl Denoise for Inpaint<'_> {
    fn denoise<'a>(&'a mut self, x: &'a [f32], sigma: f32) -> LocalBoxFuture<'a, Result<Vec<f32>>> {
        Box::pin(async move {
            let mask = self.mask_at(sigma);
            let mut denoised = self.model.denoise(&self.seen(x, sigma, &mask)?, sigma).await?;
            self.protect(&mut denoised, &mask);
            Ok(denoised)
        })
    }

    fn denoise_both<'a>(
        &'a mut self,
        x: &'a [f32],
        sigma: f32,
    ) -> LocalBoxFuture<'a, Result<Denoised>> {
        Box::pin(async move {
            let mask = self.mask_at(sigma);
            let mut both = self.model.denoise_both(&self.seen(x, sigma, &mask)?, sigma).await?;
            // The negative answer is the model's own: ComfyUI's mask acts after guidance.
            self.protect(&mut both.guided, &mask);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diffusion::schedule::ScheduleConfig;

    /// The answer does not matter.
    struct Nothing;

    impl Denoise for Nothing {
        fn denoise<'a>(&'a mut self, _: &'a [f32], _: f32) -> LocalBoxFuture<'a, Result<Vec<f32>>> {
            Box::pin(async { Ok(Vec::new()) })
        }
    }

    #[test]
    fn a_mask_by_degrees_opens_from_white_to_black() {
        let schedule = NoiseSchedule::new(&ScheduleConfig::default());
        let sigmas = [schedule.sigma_max(), 1.0, 0.0];
        let mask = vec![0.0, 0.3, 0.7, 1.0];
        let at = |timestep: f32, strength: f32| {
            let mut model = Nothing;
            let four = vec![0.0; 4];
            let inpaint = Inpaint::new(&mut model, mask.clone(), four.clone(), four).unwrap();
            inpaint.by_degrees(&schedule, &sigmas, strength).mask_at(schedule.sigma(timestep))
        };
        assert_eq!(at(999.0, 1.0), [0.0, 0.0, 0.0, 1.0]);
        assert_eq!(at(600.0, 1.0), [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(at(200.0, 1.0), [0.0, 1.0, 1.0, 1.0]);
        assert_eq!(at(0.0, 1.0), [1.0; 4]);
        assert_eq!(at(600.0, 0.5), [0.0, 0.15, 0.85, 1.0]);
    }
}
