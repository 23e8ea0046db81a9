//! Nodes that load networks.

mod control;
mod folder;
mod read;
mod single;
mod tiny;

pub(super) use self::read::{load_file, load_weights, placed, read};
pub(super) use self::tiny::decoder as tiny_decoder;

use self::folder::FolderLoader;
use super::folders::{TINY_VAES, is_weights, model_path};
use super::values::{Clip, TextEncoder, VaeHandle};
use super::{Environment, WeightFormat};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Context, Function, Input, Inputs, Kind, Node, Output, Outputs, Schema, Value};
use crate::weights::checkpoint::Part;

/// The classes of this family, in menu order.
pub(super) const NODES: &[&dyn Node] = &[
    &CHECKPOINT_LOADER_SIMPLE,
    &VAE_LOADER,
    &UNET_LOADER,
    &CLIP_LOADER,
    &DUAL_CLIP_LOADER,
    &control::CONTROL_NET_LOADER,
    &control::DIFF_CONTROL_NET_LOADER,
];

/// A checkpoint → its denoising network, text encoder and autoencoder.
const CHECKPOINT_LOADER_SIMPLE: Function = Function::waiting(
    &Schema::new("CheckpointLoaderSimple", "Load Checkpoint", "loaders")
        .doc("Loads a model: the network that paints, the one that reads the prompt, and the one that turns latents into pictures.")
        .inputs(&[Input::folder("ckpt_name", "checkpoints").doc("The model's name in the models folder.")])
        .outputs(&[Output::new(Kind::MODEL), Output::new(Kind::CLIP), Output::new(Kind::VAE)]),
    |inputs, cx| Box::pin(checkpoint_loader_simple(inputs, cx)),
);

async fn checkpoint_loader_simple(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let path = model_path(cx.env(), "checkpoints", inputs.string("ckpt_name")?)?;
    let ((model, model_bytes), (clip, clip_bytes), (vae, vae_bytes)) = if is_weights(&path) {
        let networks = single::load(cx, &path).await?;
        let model = networks.model.ok_or_else(|| lacks(&path, Part::Unet))?;
        // A file without the other two is of use together with one that has them.
        (model, joined(networks.encoders), networks.vae.unwrap_or((VaeHandle::none(), 0)))
    } else {
        let loader = FolderLoader::new(cx, path);
        (loader.model().await?, loader.clip().await?, loader.vae().await?)
    };
    Ok(Outputs::new(vec![
        Value::object(Kind::MODEL, model_bytes, model),
        Value::object(Kind::CLIP, clip_bytes, clip),
        Value::object(Kind::VAE, vae_bytes, vae),
    ]))
}

/// A denoising network by itself.
const UNET_LOADER: Function = Function::waiting(
    &Schema::new("UNETLoader", "Load Diffusion Model", "advanced/loaders")
        .doc("Loads the network that paints from a file of its own.")
        .inputs(&[
            Input::folder("unet_name", "diffusion_models")
                .doc("The file's name in the models folder."),
            Input::combo("weight_dtype", &["default", "fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2"])
                .doc("The others than `default` keep weights in eight bits, half of the memory of FP16: integers with a scale for each channel, nearer to the file's than FP8."),
        ])
        .outputs(&[Output::new(Kind::MODEL)]),
    |inputs, cx| Box::pin(unet_loader(inputs, cx)),
);

async fn unet_loader(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let path = model_path(cx.env(), "diffusion_models", inputs.string("unet_name")?)?;
    let format = match inputs.string("weight_dtype")? {
        "default" => cx.env::<Environment>().weight_format(),
        _ => WeightFormat::EightBits,
    };
    let networks = single::load_as(cx, &path, format).await?;
    let (model, bytes) = networks.model.ok_or_else(|| lacks(&path, Part::Unet))?;
    Ok(Outputs::new(vec![Value::object(Kind::MODEL, bytes, model)]))
}

/// A text encoder by itself.
const CLIP_LOADER: Function = Function::waiting(
    &Schema::new("CLIPLoader", "Load CLIP", "advanced/loaders")
        .doc("Loads the network that reads the prompt from a file of its own.")
        .inputs(&[
            Input::folder("clip_name", "text_encoders")
                .doc("The file's name in the models folder."),
            Input::combo("type", &["stable_diffusion"])
                .doc("The family of the network that is to be guided."),
            Input::combo("device", &["default", "cpu"])
                .doc("The engine's own device, whichever is chosen.")
                .optional(),
        ])
        .outputs(&[Output::new(Kind::CLIP)]),
    |inputs, cx| Box::pin(clip_loader(inputs, cx)),
);

async fn clip_loader(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let path = model_path(cx.env(), "text_encoders", inputs.string("clip_name")?)?;
    clip(encoders(cx, &path).await?)
}

/// SDXL's two text encoders from a file each.
const DUAL_CLIP_LOADER: Function = Function::waiting(
    &Schema::new("DualCLIPLoader", "DualCLIPLoader", "advanced/loaders")
        .doc(
            "Loads SDXL's two networks that read the prompt from files of their own, in any order.",
        )
        .inputs(&[
            Input::folder("clip_name1", "text_encoders").doc("The name of the one file."),
            Input::folder("clip_name2", "text_encoders").doc("The name of the other."),
            Input::combo("type", &["sdxl"]).doc("The family of the network that is to be guided."),
            Input::combo("device", &["default", "cpu"])
                .doc("The engine's own device, whichever is chosen.")
                .optional(),
        ])
        .outputs(&[Output::new(Kind::CLIP)]),
    |inputs, cx| Box::pin(dual_clip_loader(inputs, cx)),
);

async fn dual_clip_loader(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let mut all = Vec::new();
    for input in ["clip_name1", "clip_name2"] {
        let path = model_path(cx.env(), "text_encoders", inputs.string(input)?)?;
        all.extend(encoders(cx, &path).await?);
    }
    // The smaller is read first, whichever file it came from.
    all.sort_by_key(|(encoder, _)| encoder.model.config().hidden_size);
    for (encoder, _) in &mut all {
        encoder.read_as_sdxl();
    }
    clip(all)
}

/// An autoencoder by itself.
const VAE_LOADER: Function = Function::waiting(
    &Schema::new("VAELoader", "Load VAE", "loaders")
        .doc("Loads the network that turns latents into pictures from a file of its own.")
        .inputs(&[Input::folder("vae_name", "vae").doc("The file's name in the models folder, or `taesd` or `taesdxl` where both halves of it are in `vae_approx`.")])
        .outputs(&[Output::new(Kind::VAE)]),
    |inputs, cx| Box::pin(vae_loader(inputs, cx)),
);

async fn vae_loader(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let name = inputs.string("vae_name")?;
    let (vae, bytes) = if TINY_VAES.contains(&name) {
        tiny::of_halves(cx, name).await?
    } else {
        let path = model_path(cx.env(), "vae", name)?;
        single::load(cx, &path).await?.vae.ok_or_else(|| lacks(&path, Part::Vae))?
    };
    Ok(Outputs::new(vec![Value::object(Kind::VAE, bytes, vae)]))
}

type Sized<T> = (T, usize);

async fn encoders(cx: &Context<'_>, path: &str) -> Result<Vec<Sized<TextEncoder>>> {
    let encoders = single::load(cx, path).await?.encoders;
    if encoders.is_empty() { Err(lacks(path, Part::TextEncoder)) } else { Ok(encoders) }
}

fn joined(encoders: Vec<Sized<TextEncoder>>) -> Sized<Clip> {
    let bytes = encoders.iter().map(|(_, bytes)| bytes).sum();
    (Clip { encoders: encoders.into_iter().map(|(one, _)| one).collect(), layer: None }, bytes)
}

fn clip(encoders: Vec<Sized<TextEncoder>>) -> Result<Outputs> {
    let (clip, bytes) = joined(encoders);
    Ok(Outputs::new(vec![Value::object(Kind::CLIP, bytes, clip)]))
}

/// The error for a file without the network that is wanted of it.
fn lacks(path: &str, part: Part) -> Error {
    let what = format!("a file without {}", part.name());
    let hint = match part {
        Part::Unet => "load a text encoder with `CLIPLoader`, an autoencoder with `VAELoader`",
        Part::Vae => "choose a file with an autoencoder",
        Part::TextEncoder | Part::TextEncoder2 => "choose a file with a text encoder",
    };
    Error::new(ErrorKind::UnsupportedModel { file: path.to_owned(), what }).hint(hint)
}
