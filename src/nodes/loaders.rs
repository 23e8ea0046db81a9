//! Nodes that load networks.

mod folder;
mod read;

pub(super) use self::read::load_weights;

use self::folder::FolderLoader;
use super::folders::model_path;
use crate::error::Result;
use crate::graph::{Context, Function, Input, Inputs, Kind, Node, Output, Outputs, Schema, Value};

/// The classes of this family, in menu order.
pub(super) const NODES: &[&dyn Node] = &[&CHECKPOINT_LOADER_SIMPLE];

/// A checkpoint → its denoising network, text encoder and autoencoder.
const CHECKPOINT_LOADER_SIMPLE: Function = Function::waiting(
    &Schema::new("CheckpointLoaderSimple", "Load Checkpoint", "loaders")
        .doc("Loads a model: the network that paints, the one that reads the prompt, and the one that turns latents into pictures.")
        .inputs(&[Input::folder("ckpt_name", "checkpoints").doc("The model's name in the models folder.")])
        .outputs(&[Output::new(Kind::MODEL), Output::new(Kind::CLIP), Output::new(Kind::VAE)]),
    |inputs, cx| Box::pin(checkpoint_loader_simple(inputs, cx)),
);

async fn checkpoint_loader_simple(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let folder = model_path(cx.env(), "checkpoints", inputs.string("ckpt_name")?)?;
    let loader = FolderLoader::new(cx, folder);
    let (model, model_bytes) = loader.model().await?;
    let (clip, clip_bytes) = loader.clip().await?;
    let (vae, vae_bytes) = loader.vae().await?;
    Ok(Outputs::new(vec![
        Value::object(Kind::MODEL, model_bytes, model),
        Value::object(Kind::CLIP, clip_bytes, clip),
        Value::object(Kind::VAE, vae_bytes, vae),
    ]))
}
