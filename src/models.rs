//! The networks: CLIP's text model, the denoising UNet and what steers it by a picture, autoencoders, upscalers, style
//! transfer.
//!
//! One file a network; fields and sub-modules carry the checkpoint's own tensor names in diffusers' and
//! transformers' layout, so loading needs no map. Blocks that two networks share are in `blocks`. Nothing
//! here knows of graphs, pages or samplers; all mathematics goes through [`crate::ops`].

pub mod autoencoder;
mod blocks;
pub mod clip;
mod config;
pub mod controlnet;
pub mod family;
pub mod probe;
mod shapes;
pub mod stylizer;
pub mod t2i_adapter;
pub mod taesd;
pub mod unet;
pub mod upscaler;
pub mod vae;

pub use autoencoder::Autoencoder;
pub use clip::ClipTextModel;
pub use controlnet::ControlNetModel;
pub use family::Family;
pub use stylizer::Stylizer;
pub use t2i_adapter::T2iAdapter;
pub use unet::Unet;
pub use upscaler::Upscaler;
pub use vae::Vae;
