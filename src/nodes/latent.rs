//! Nodes that make, change, keep and decode latents.

mod arithmetic;
mod batch;
mod bislerp;
mod composite;
mod cut;
mod empty;
mod file;
pub(super) mod inpaint;
mod rebatch;
mod resize;
mod tiled;
pub(super) mod vae;

pub(super) use self::file::file_hash;
use crate::graph::Node;

/// The classes of this family, in menu order.
pub(super) const NODES: &[&dyn Node] = &[
    &empty::EMPTY_LATENT_IMAGE,
    &empty::EMPTY_SD3_LATENT_IMAGE,
    &resize::LATENT_UPSCALE,
    &resize::LATENT_UPSCALE_BY,
    &composite::LATENT_COMPOSITE,
    &composite::LATENT_COMPOSITE_MASKED,
    &cut::LATENT_CROP,
    &cut::LATENT_ROTATE,
    &cut::LATENT_FLIP,
    &cut::LATENT_CUT,
    &cut::LATENT_CONCAT,
    &arithmetic::LATENT_BLEND,
    &arithmetic::LATENT_ADD,
    &arithmetic::LATENT_SUBTRACT,
    &arithmetic::LATENT_MULTIPLY,
    &arithmetic::LATENT_INTERPOLATE,
    &batch::LATENT_FROM_BATCH,
    &batch::REPEAT_LATENT_BATCH,
    &batch::LATENT_BATCH,
    &batch::LATENT_BATCH_SEED_BEHAVIOR,
    &rebatch::REBATCH_LATENTS,
    &inpaint::SET_LATENT_NOISE_MASK,
    &file::SAVE_LATENT,
    &file::LOAD_LATENT,
    &vae::VAE_DECODE,
    &vae::VAE_ENCODE,
    &inpaint::VAE_ENCODE_FOR_INPAINT,
    &tiled::VAE_DECODE_TILED,
    &tiled::VAE_ENCODE_TILED,
];

/// Pixels a latent position stands for, along each side, in every Stable Diffusion family.
const FACTOR: usize = 8;
