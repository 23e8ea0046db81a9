//! Latents as files.

use std::rc::Rc;

use serde_json::{Map, Value as Json, json};

use super::FACTOR;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::event::{File, Place};
use crate::graph::{Context, Function, Input, Inputs, Kind, Output, Outputs, Schema};
use crate::nodes::values::Latent;
use crate::nodes::{Environment, naming};
use crate::store::{Hash, MemorySource};
use crate::weights::safetensors::{self, Header};

/// A latent → a file.
pub(super) const SAVE_LATENT: Function = Function::waiting(
    &Schema::new("SaveLatent", "Save Latent", "latent")
        .doc("Saves a latent as a file, to go on from later.")
        .inputs(&[
            Input::link("samples", Kind::LATENT).doc("The latent."),
            Input::string("filename_prefix")
                .or("latents/ComfyUI")
                .doc("Start of the file's name; a / makes a folder."),
        ])
        .output_node(),
    |inputs, cx| Box::pin(save_latent(inputs, cx)),
);

async fn save_latent(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let latent = inputs.object::<Latent>("samples")?;
    let [_, _, height, width] = latent.shape;
    let pixels = [width * FACTOR, height * FACTOR];
    let prefix = inputs.string("filename_prefix")?;
    let (subfolder, stem) = naming::resolve(prefix, pixels, cx);
    let filename = naming::next_file(cx.env(), &subfolder, &stem, "latent");
    let mut metadata = Map::new();
    metadata.insert("prompt".into(), cx.prompt().to_string().into());
    for (key, value) in cx.extra_pnginfo().and_then(Json::as_object).into_iter().flatten() {
        metadata.insert(key.clone(), value.to_string().into());
    }
    // The empty tensor is ComfyUI's mark that the numbers are not scaled.
    let tensors: [(&str, &[usize], &[f32]); 2] =
        [("latent_tensor", &latent.shape, &latent.samples), ("latent_format_version_0", &[0], &[])];
    let bytes = safetensors::write(&tensors, &metadata);
    let mime = "application/octet-stream".to_owned();
    let place = Place::Output;
    let ui =
        json!({ "latents": [{ "filename": filename, "subfolder": subfolder, "type": "output" }] });
    cx.file(File { filename, subfolder, place, mime, bytes });
    Ok(Outputs::ui(ui))
}

/// A file → the latent in it.
pub(super) const LOAD_LATENT: Function = Function::waiting(
    &Schema::new("LoadLatent", "Load Latent", "latent")
        .doc("Loads a latent that was saved as a file.")
        .inputs(&[Input::folder("latent", "input").doc("The file, added to the inputs before.")])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, cx| Box::pin(load_latent(inputs, cx)),
)
.fingerprinted_by(|inputs, cx| file_hash(cx.env(), inputs.string("latent")?).map(Some));

async fn load_latent(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let name = inputs.string("latent")?;
    let latent = latent_of(name, cx.env::<Environment>().input(name)?).await?;
    Ok(Outputs::one(latent))
}

async fn latent_of(name: &str, bytes: Rc<[u8]>) -> Result<Latent> {
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
    let mut samples = tensor.widen(name, &bytes[start..start + tensor.bytes()])?;
    if find("latent_format_version_0").is_none() {
        // Files from before the mark are scaled as Stable Diffusion 1.x's.
        samples.iter_mut().for_each(|v| *v /= 0.18215);
    }
    Latent::new([batch, channels, height, width], samples)
}

/// SHA-256 of an uploaded file: what a cached result of it depends on.
pub(in crate::nodes) fn file_hash(env: &Environment, name: &str) -> Result<String> {
    let mut hash = Hash::default();
    hash.update(&env.input(name)?);
    Ok(hash.hex())
}
