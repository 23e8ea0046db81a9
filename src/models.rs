//! The networks: CLIP's text model, the denoising UNet, the autoencoder, upscalers.
//!
//! One file a network; fields and sub-modules carry the checkpoint's own tensor names in diffusers' and
//! transformers' layout, so loading needs no map. Blocks that two networks share are in `blocks`. Nothing
//! here knows of graphs, pages or samplers; all mathematics goes through [`crate::ops`].

mod blocks;
pub mod clip;
mod config;
pub mod family;
pub mod probe;
mod shapes;
pub mod unet;
pub mod upscaler;
pub mod vae;

pub use clip::ClipTextModel;
pub use family::Family;
pub use unet::Unet;
pub use upscaler::Upscaler;
pub use vae::Vae;
