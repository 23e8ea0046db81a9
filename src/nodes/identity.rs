//! What a file of weights is, for a person who brings one.

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::models::Family;
use crate::models::unet::UnetConfig;
use crate::store::ByteSource;
use crate::weights::WeightsFile;
use crate::weights::checkpoint::{Checkpoint, Part};
use crate::weights::identify::identify as kind_of;

/// What a file is, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// In words, with its article.
    pub kind: &'static str,
    /// The models folder it belongs into, by ComfyUI's name.
    pub folder: &'static str,
    /// The node class that loads it.
    pub loader: &'static str,
    /// How many tensors it has.
    pub tensors: usize,
    /// The family of its denoising network, if it has one.
    pub family: Option<&'static str>,
    /// Width and height, in pixels, of the pictures that this family was trained on.
    pub side: Option<usize>,
}

/// Says what a file is, reading its header only.
///
/// # Errors
///
/// A file that is no safetensors, [`ErrorKind::UnsupportedModel`] for one that nothing here can use, and a denoising
/// network that is none of Stable Diffusion's.
pub async fn identify(source: &dyn ByteSource) -> Result<Identity> {
    let file = WeightsFile::open(source).await?;
    let kind = kind_of(file.tensors()).map_err(|what| {
        Error::new(ErrorKind::UnsupportedModel { file: source.name().to_owned(), what })
            .hint("add a checkpoint of Stable Diffusion 1.x, 2.x or SDXL, or what belongs to one")
    })?;
    // Networks under prefixes of something else, a ControlNet's for one, are no checkpoint's.
    let parts = match kind.folder() {
        "checkpoints" | "diffusion_models" => Checkpoint::of(file.tensors()).parts,
        _ => Default::default(),
    };
    let family = match parts.get(&Part::Unet) {
        Some(shapes) => Some(Family::of(&UnetConfig::from_shapes(source.name(), shapes)?)),
        None => None,
    };
    Ok(Identity {
        kind: kind.name(),
        folder: kind.folder(),
        loader: kind.loader(),
        tensors: file.tensors().len(),
        family: family.map(Family::name),
        side: family.map(Family::side),
    })
}
