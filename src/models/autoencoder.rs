//! Pictures ↔ latents, by whichever network a VAE link holds.

use burn::tensor::{Device, Tensor, TensorData};

use super::taesd::Taesd;
use super::vae::Vae;
use crate::error::Result;

/// An autoencoder of either kind. Its latents are those of `AutoencoderKL`: not yet multiplied by the factor that a
/// family's denoising network sees them times.
#[derive(Debug)]
pub enum Autoencoder {
    /// The one that a checkpoint brings.
    Kl(Box<Vae>),
    /// A tiny one, whose own latents are its family's times `scale`.
    Tiny {
        /// The network.
        taesd: Box<Taesd>,
        /// The factor.
        scale: f32,
    },
}

impl Autoencoder {
    /// Sides of a picture are this many times those of its latent.
    pub fn factor(&self) -> usize {
        match self {
            Self::Kl(vae) => vae.config().factor(),
            Self::Tiny { taesd, .. } => taesd.decoder.factor(),
        }
    }

    /// Channels of a latent.
    pub fn latent_channels(&self) -> usize {
        match self {
            Self::Kl(vae) => vae.config().latent_channels,
            Self::Tiny { taesd, .. } => taesd.decoder.latent_channels(),
        }
    }

    /// The device it is on.
    pub fn device(&self) -> &Device {
        match self {
            Self::Kl(vae) => vae.device(),
            Self::Tiny { taesd, .. } => taesd.decoder.device(),
        }
    }

    /// Numbers of the largest map between a picture and its latent, whose `[height, width]` is `size`.
    pub fn largest_map(&self, size: [usize; 2]) -> u64 {
        match self {
            Self::Kl(vae) => vae.config().largest_map(size),
            Self::Tiny { taesd, .. } => taesd.decoder.largest_map(size),
        }
    }

    /// The latent of a picture: of a distribution its mean, so that encoding is repeatable. `pause` as for [`Vae::decode`].
    ///
    /// # Shapes
    ///
    /// - `pixels`: `[height, width, 3]` in 0..1, both sides multiples of the factor
    /// - output: `[1, latent_channels, height / factor, width / factor]`
    ///
    /// # Errors
    ///
    /// Those of `pause`.
    pub async fn encode(
        &self,
        mut pixels: Vec<f32>,
        [height, width]: [usize; 2],
        pause: impl AsyncFnMut() -> Result<()>,
    ) -> Result<Tensor<4>> {
        if let Self::Kl(_) = self {
            pixels.iter_mut().for_each(|v| *v = *v * 2.0 - 1.0);
        }
        let pixels = TensorData::new(pixels, [1, height, width, 3]);
        let pixels = Tensor::<4>::from_data(pixels, self.device()).permute([0, 3, 1, 2]);
        match self {
            Self::Kl(vae) => {
                Ok(vae.moments(pixels, pause).await?.narrow(1, 0, self.latent_channels()))
            }
            Self::Tiny { taesd, scale } => Ok(taesd.encoder.forward(pixels) * (1.0 / scale)),
        }
    }

    /// The picture of a latent. `pause` as for [`Vae::decode`].
    ///
    /// # Shapes
    ///
    /// - `latent`: `[latent_channels, height, width]`
    /// - output: `[1, 3, height · factor, width · factor]`, in [about this range](Self::range)
    ///
    /// # Errors
    ///
    /// Those of `pause`.
    pub async fn decode(
        &self,
        mut latent: Vec<f32>,
        [height, width]: [usize; 2],
        pause: impl AsyncFnMut() -> Result<()>,
    ) -> Result<Tensor<4>> {
        match self {
            Self::Kl(vae) => {
                let latent = TensorData::new(latent, [1, self.latent_channels(), height, width]);
                vae.decode(Tensor::from_data(latent, vae.device()), pause).await
            }
            Self::Tiny { taesd, scale } => {
                latent.iter_mut().for_each(|v| *v *= scale);
                Ok(taesd.decoder.decode(latent, [height, width]))
            }
        }
    }

    /// After a decoded picture with numbers that are none: whether another try, in f32, may give it.
    pub fn forgo_halves(&self) -> bool {
        match self {
            Self::Kl(vae) => vae.forgo_halves(),
            Self::Tiny { .. } => false,
        }
    }

    /// What black and white are in a decoded picture.
    pub fn range(&self) -> [f32; 2] {
        match self {
            Self::Kl(_) => [-1.0, 1.0],
            Self::Tiny { .. } => [0.0, 1.0],
        }
    }
}
