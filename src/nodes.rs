//! The node classes: where graphs meet models.
//!
//! One file a family, classes named as ComfyUI names them, all in the one list [`NODES`]. A node is a unit
//! struct without state; what it needs beyond its inputs (models folder, device, uploaded files) is the
//! [`Environment`]. What flows along the links is in [`values`].

mod conditioning;
mod environment;
mod image;
mod latent;
mod limits;
mod loaders;
mod naming;
mod sampling;
pub mod values;

pub use environment::Environment;

use crate::graph::Node;

/// All built-in classes, in menu order. Adding a node is: a struct in its family's file, a line here, a
/// test; menus, `docs/nodes.md`, types and validation follow from its schema.
pub const NODES: &[&dyn Node] = &[
    &loaders::CheckpointLoaderSimple,
    &conditioning::CLIPTextEncode,
    &latent::EmptyLatentImage,
    &latent::SetLatentNoiseMask,
    &latent::SaveLatent,
    &latent::LoadLatent,
    &latent::VAEDecode,
    &latent::VAEEncode,
    &sampling::KSampler,
    &image::LoadImage,
    &image::SaveImage,
    &image::PreviewImage,
];
