//! Nodes that make, keep and decode latents.

use std::rc::Rc;

use burn::tensor::{Tensor, TensorData};
use futures_util::future::LocalBoxFuture;
use serde_json::{Map, Value as Json, json};

use super::values::{Latent, VaeHandle};
use super::{Environment, limits, naming};
use crate::device;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::event::{File, Place};
use crate::graph::node::Complaint;
use crate::graph::{Context, Function, Input, Inputs, Kind, Node, Output, Outputs, Schema};
use crate::image::{Image, Mask};
use crate::store::{Hash, MemorySource};
use crate::weights::safetensors::{self, Header};

/// The classes of this family, in menu order.
pub(super) const NODES: &[&dyn Node] =
    &[&EmptyLatentImage, &SET_LATENT_NOISE_MASK, &SaveLatent, &LoadLatent, &VAEDecode, &VAEEncode];

/// Pixels a latent position stands for, along each side, in every Stable Diffusion family.
const FACTOR: usize = 8;

/// Latents of noughts: the start of a new picture.
struct EmptyLatentImage;

const EMPTY_LATENT_IMAGE: Schema = Schema::new("EmptyLatentImage", "Empty Latent Image", "latent")
    .doc("The start of a new picture: its size, and how many of them.")
    .inputs(&[
        Input::int("width", 512, 16..=16384)
            .step(8)
            .doc("Width of the picture in pixels, a multiple of 8."),
        Input::int("height", 512, 16..=16384)
            .step(8)
            .doc("Height of the picture in pixels, a multiple of 8."),
        Input::int("batch_size", 1, 1..=4096)
            .doc("How many pictures; the first is the one you get with 1."),
    ])
    .outputs(&[Output::new(Kind::LATENT)]);

impl Node for EmptyLatentImage {
    fn schema(&self) -> &'static Schema {
        &EMPTY_LATENT_IMAGE
    }

    fn validate(&self, inputs: &Inputs) -> Vec<Complaint> {
        let side = |input: &'static str| {
            let pixels = inputs.int::<usize>(input).ok()?;
            let below = pixels / FACTOR * FACTOR;
            let message = format!(
                "{pixels} is not a multiple of {FACTOR}: use {below} or {}",
                below + FACTOR
            );
            (pixels != below).then_some(Complaint { input, message })
        };
        ["width", "height"].into_iter().filter_map(side).collect()
    }

    fn run<'a>(
        &'a self,
        inputs: Inputs,
        cx: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Outputs>> {
        Box::pin(async move {
            let side = |input| -> Result<usize> {
                let pixels = inputs.int::<usize>(input)?;
                if pixels % FACTOR == 0 {
                    return Ok(pixels / FACTOR);
                }
                let (got, of) = (pixels as u64, FACTOR as u64);
                let below = pixels / FACTOR * FACTOR;
                Err(Error::new(ErrorKind::NotAMultiple { input, got, of })
                    .hint(format!("use {below} or {}", below + FACTOR)))
            };
            let shape = [inputs.int("batch_size")?, 4, side("height")?, side("width")?];
            let numbers = shape.iter().map(|n| *n as u64).product();
            let env = cx.env::<Environment>();
            limits::check_host(&env.device_info, "an empty latent of this size", numbers)?;
            let latent = Latent::new(shape, vec![0.0; numbers as usize])?;
            Ok(Outputs::one(latent))
        })
    }
}

/// A latent of which only a part may change.
const SET_LATENT_NOISE_MASK: Function = Function::new(
    &Schema::new("SetLatentNoiseMask", "Set Latent Noise Mask", "latent/inpaint")
        .doc("Lets only the masked part of a picture change.")
        .inputs(&[
            Input::link("samples", Kind::LATENT).doc("The latent of the picture."),
            Input::link("mask", Kind::MASK).doc("White where the picture may change."),
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, _| {
        let mut latent = (*inputs.object::<Latent>("samples")?).clone();
        latent.noise_mask = Some(inputs.object::<Mask>("mask")?);
        Ok(Outputs::one(latent))
    },
);

/// A latent → a file.
struct SaveLatent;

const SAVE_LATENT: Schema = Schema::new("SaveLatent", "Save Latent", "latent")
    .doc("Saves a latent as a file, to go on from later.")
    .inputs(&[
        Input::link("samples", Kind::LATENT).doc("The latent."),
        Input::string("filename_prefix")
            .or("latents/ComfyUI")
            .doc("Start of the file's name; a / makes a folder."),
    ])
    .output_node();

impl Node for SaveLatent {
    fn schema(&self) -> &'static Schema {
        &SAVE_LATENT
    }

    fn run<'a>(
        &'a self,
        inputs: Inputs,
        cx: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Outputs>> {
        Box::pin(async move {
            let latent = inputs.object::<Latent>("samples")?;
            let [_, _, height, width] = latent.shape;
            let pixels = [width * FACTOR, height * FACTOR];
            let prefix = inputs.string("filename_prefix")?;
            let (subfolder, stem) = naming::resolve(prefix, pixels, cx.now_millis());
            let filename = naming::next_file(cx.env(), &subfolder, &stem, "latent");
            let mut metadata = Map::new();
            metadata.insert("prompt".into(), cx.prompt().to_string().into());
            for (key, value) in cx.extra_pnginfo().and_then(Json::as_object).into_iter().flatten() {
                metadata.insert(key.clone(), value.to_string().into());
            }
            // The empty tensor is ComfyUI's mark that the numbers are not scaled.
            let tensors: [(&str, &[usize], &[f32]); 2] = [
                ("latent_tensor", &latent.shape, &latent.samples),
                ("latent_format_version_0", &[0], &[]),
            ];
            let bytes = safetensors::write(&tensors, &metadata);
            let mime = "application/octet-stream".to_owned();
            let place = Place::Output;
            let ui = json!({ "latents": [{ "filename": filename, "subfolder": subfolder, "type": "output" }] });
            cx.file(File { filename, subfolder, place, mime, bytes });
            Ok(Outputs::ui(ui))
        })
    }
}

/// A file → the latent in it.
struct LoadLatent;

const LOAD_LATENT: Schema = Schema::new("LoadLatent", "Load Latent", "latent")
    .doc("Loads a latent that was saved as a file.")
    .inputs(&[Input::folder("latent", "input").doc("The file, added to the inputs before.")])
    .outputs(&[Output::new(Kind::LATENT)]);

impl Node for LoadLatent {
    fn schema(&self) -> &'static Schema {
        &LOAD_LATENT
    }

    fn fingerprint<'a>(
        &'a self,
        inputs: &'a Inputs,
        cx: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Option<String>>> {
        Box::pin(async move { file_hash(cx.env(), inputs.string("latent")?).map(Some) })
    }

    fn run<'a>(
        &'a self,
        inputs: Inputs,
        cx: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Outputs>> {
        Box::pin(async move {
            let name = inputs.string("latent")?;
            let latent = load_latent(name, cx.env::<Environment>().input(name)?).await?;
            Ok(Outputs::one(latent))
        })
    }
}

async fn load_latent(name: &str, bytes: Rc<[u8]>) -> Result<Latent> {
    let source = MemorySource::new(name, bytes.clone());
    let (header, _) = Header::read(&source).await?;
    let find = |wanted: &str| header.tensors.iter().find(|tensor| tensor.name == wanted);
    let tensor = find("latent_tensor").ok_or_else(|| {
        Error::new(ErrorKind::MissingTensor {
            file: name.to_owned(),
            tensor: "latent_tensor".into(),
        })
        .hint("use a file that SaveLatent made")
    })?;
    let &[batch, channels, height, width] = &tensor.shape[..] else {
        return Err(ErrorKind::TensorShape {
            file: name.to_owned(),
            tensor: tensor.name.clone(),
            expected: vec![1, 4, 16, 16],
            got: tensor.shape.clone(),
        }
        .into());
    };
    let start = (header.data_start + tensor.start) as usize;
    let mut samples = tensor.dtype.widen(&bytes[start..start + tensor.bytes()]);
    if find("latent_format_version_0").is_none() {
        // Files from before the mark are scaled as Stable Diffusion 1.x's.
        samples.iter_mut().for_each(|v| *v /= 0.18215);
    }
    Latent::new([batch, channels, height, width], samples)
}

/// SHA-256 of an uploaded file: what a cached result of it depends on.
pub(super) fn file_hash(env: &Environment, name: &str) -> Result<String> {
    let mut hash = Hash::default();
    hash.update(&env.input(name)?);
    Ok(hash.hex())
}

/// A latent → pictures.
struct VAEDecode;

const VAE_DECODE: Schema = Schema::new("VAEDecode", "VAE Decode", "latent")
    .doc("Turns latents into pictures.")
    .inputs(&[
        Input::link("samples", Kind::LATENT).doc("The latents."),
        Input::link("vae", Kind::VAE).doc("The autoencoder of a loaded model."),
    ])
    .outputs(&[Output::new(Kind::IMAGE)]);

impl Node for VAEDecode {
    fn schema(&self) -> &'static Schema {
        &VAE_DECODE
    }

    fn run<'a>(
        &'a self,
        inputs: Inputs,
        cx: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Outputs>> {
        Box::pin(async move {
            let latent = inputs.object::<Latent>("samples")?;
            let vae = &inputs.object::<VaeHandle>("vae")?.vae;
            let [batch, channels, height, width] = latent.shape;
            if channels != vae.config().latent_channels {
                return Err(Error::new(ErrorKind::Mismatch {
                    what: "channels of the latent",
                    expected: vae.config().latent_channels.to_string(),
                    got: channels.to_string(),
                })
                .hint("use the autoencoder that belongs to the model"));
            }
            let env = cx.env::<Environment>();
            limits::check_vae(&env.device_info, vae.config(), 1, [height, width])?;
            let mut data = Vec::new();
            // One at a time: the memory of a batch is that of one picture, and cancelling acts in between.
            for one in latent.samples.chunks(latent.samples.len() / batch) {
                cx.checkpoint().await?;
                let z = TensorData::new(one.to_vec(), [1, channels, height, width]);
                let pixels = vae.decode(Tensor::<4>::from_data(z, vae.device()));
                let pixels = pixels.permute([0, 2, 3, 1]);
                data.extend(
                    device::read(pixels).await?.iter().map(|v| (v * 0.5 + 0.5).clamp(0.0, 1.0)),
                );
            }
            if data.iter().any(|v| !v.is_finite()) {
                return Err(Error::new(ErrorKind::NotFinite { input: "decoded picture" })
                    .hint("the latent is damaged, or belongs to another model"));
            }
            let factor = vae.config().factor();
            let image = Image::new([batch, height * factor, width * factor, 3], data)?;
            Ok(Outputs::one(image))
        })
    }
}

/// Pictures → a latent.
struct VAEEncode;

const VAE_ENCODE: Schema = Schema::new("VAEEncode", "VAE Encode", "latent")
    .doc("Turns pictures into latents, to change them with a sampler.")
    .inputs(&[
        Input::link("pixels", Kind::IMAGE)
            .doc("The pictures; their sides are cut to multiples of 8."),
        Input::link("vae", Kind::VAE).doc("The autoencoder of a loaded model."),
    ])
    .outputs(&[Output::new(Kind::LATENT)]);

impl Node for VAEEncode {
    fn schema(&self) -> &'static Schema {
        &VAE_ENCODE
    }

    fn run<'a>(
        &'a self,
        inputs: Inputs,
        cx: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Outputs>> {
        Box::pin(async move {
            let vae = &inputs.object::<VaeHandle>("vae")?.vae;
            let factor = vae.config().factor();
            let image = inputs.object::<Image>("pixels")?.cropped_to_multiple(factor)?;
            let (height, width) = (image.height / factor, image.width / factor);
            let env = cx.env::<Environment>();
            limits::check_vae(&env.device_info, vae.config(), 1, [height, width])?;
            let channels = vae.config().latent_channels;
            let mut samples = Vec::new();
            for one in image.data.chunks(image.data.len() / image.batch) {
                cx.checkpoint().await?;
                let pixels: Vec<f32> = one.iter().map(|v| v * 2.0 - 1.0).collect();
                let pixels = TensorData::new(pixels, [1, image.height, image.width, 3]);
                let pixels = Tensor::<4>::from_data(pixels, vae.device()).permute([0, 3, 1, 2]);
                // The mean of the latent's distribution, so that encoding is repeatable.
                let mean = vae.moments(pixels).narrow(1, 0, channels);
                samples.extend(device::read(mean).await?);
            }
            let latent = Latent::new([image.batch, channels, height, width], samples)?;
            Ok(Outputs::one(latent))
        })
    }
}
