//! The families of Stable Diffusion, told apart by their denoising network.

use super::unet::UnetConfig;
use crate::error::{Error, ErrorKind};

/// A family of checkpoints: what no tensor says of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Stable Diffusion 1.x.
    Sd1,
    /// Stable Diffusion 2.x and SD-Turbo.
    Sd2,
    /// SDXL's base model and what was made of it: Turbo, Lightning, SSD-1B, Vega.
    Sdxl,
    /// SDXL's refiner.
    SdxlRefiner,
}

impl Family {
    /// The family of a denoising network.
    ///
    /// Only SDXL is told a picture's size: the base in six numbers, the refiner, which reads one text encoder whose
    /// embeddings are as wide as its pooled one, in five. 2.x projects tokens, 1.x maps.
    pub fn of(unet: &UnetConfig) -> Self {
        match unet.added {
            Some(added) if added.input_width == unet.cross_attention_dim + 5 * added.time_width => {
                Self::SdxlRefiner
            }
            Some(_) => Self::Sdxl,
            None if unet.use_linear_projection => Self::Sd2,
            None => Self::Sd1,
        }
    }

    /// Its name, for a person.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sd1 => "Stable Diffusion 1.x",
            Self::Sd2 => "Stable Diffusion 2.x",
            Self::Sdxl => "SDXL",
            Self::SdxlRefiner => "SDXL refiner",
        }
    }

    /// ComfyUI's name of the tiny autoencoder for its latents.
    pub fn tiny_vae(self) -> &'static str {
        match self {
            Self::Sd1 | Self::Sd2 => "taesd",
            Self::Sdxl | Self::SdxlRefiner => "taesdxl",
        }
    }

    /// Width and height, in pixels, of the pictures it was trained on.
    pub fn side(self) -> usize {
        match self {
            Self::Sd1 | Self::Sd2 => 512,
            Self::Sdxl | Self::SdxlRefiner => 1024,
        }
    }

    /// What its network's latents are the autoencoder's times of.
    ///
    /// # Source
    ///
    /// `vae/config.json` of the published checkpoints in diffusers' layout.
    pub fn scaling_factor(self) -> f32 {
        match self {
            Self::Sd1 | Self::Sd2 => 0.18215,
            Self::Sdxl | Self::SdxlRefiner => 0.13025,
        }
    }
}

/// The error for a file that is to steer a network of other sizes; its own first, then the network's.
pub(super) fn misfit(
    file: &str,
    what: &'static str,
    [own, wanted]: [String; 2],
    [own_family, wanted_family]: [Family; 2],
) -> Error {
    let expected = format!("{wanted} as in the model");
    let got = format!("{own} in `{file}`");
    let (own, wanted) = (own_family.name(), wanted_family.name());
    Error::new(ErrorKind::Mismatch { what, expected, got }).hint(
        match own_family == wanted_family {
            false => format!("the file is for {own}: use one made for {wanted}, as the model is"),
            true => format!("use a file made for {wanted} of this size, as the model is"),
        },
    )
}
