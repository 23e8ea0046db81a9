//! Nodes that load networks.

use std::rc::Rc;

use serde_json::Value as Json;

use super::Environment;
use super::values::{Clip, LatentFormat, Model, PreviewColours, TextEncoder, VaeHandle};
use crate::diffusion::schedule::{NoiseSchedule, ScheduleConfig};
use crate::error::{Error, ErrorKind, Result, nearest};
use crate::graph::event::Phase;
use crate::graph::{
    ChoiceSource, Context, Event, Function, Input, Inputs, Kind, Node, Output, Outputs, Schema,
    Value,
};
use crate::models::clip::{ClipConfig, TOKEN_TABLE};
use crate::models::unet::UnetConfig;
use crate::models::vae::VaeConfig;
use crate::models::{ClipTextModel, Unet, Vae};
use crate::prompt::Tokenizer;
use crate::store;
use crate::weights::Weights;

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
    let folder = checkpoint_folder(cx.env(), inputs.string("ckpt_name")?)?;
    let loader = Loader { cx, env: cx.env(), folder };
    let (model, model_bytes) = loader.model().await?;
    let (clip, clip_bytes) = loader.clip().await?;
    let (vae, vae_bytes) = loader.vae().await?;
    Ok(Outputs::new(vec![
        Value::object(Kind::MODEL, model_bytes, model),
        Value::object(Kind::CLIP, clip_bytes, clip),
        Value::object(Kind::VAE, vae_bytes, vae),
    ]))
}

/// The folder behind a checkpoint's name.
fn checkpoint_folder(env: &Environment, name: &str) -> Result<String> {
    let names = env.choices("checkpoints");
    if !names.iter().any(|known| known == name) {
        let error = Error::new(ErrorKind::UnknownName { what: "checkpoint", got: name.to_owned() });
        return Err(match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => {
                error.hint("put the model's folder, in diffusers' layout, into the models folder")
            }
        });
    }
    let nested = format!("checkpoints/{name}");
    let index = format!("{nested}/model_index.json");
    Ok(if env.store.list().contains(&index) { nested } else { name.to_owned() })
}

/// Reads a folder in diffusers' layout.
struct Loader<'a> {
    cx: &'a Context<'a>,
    env: &'a Environment,
    folder: String,
}

impl Loader<'_> {
    async fn model(&self) -> Result<(Model, usize)> {
        let (config_file, config) = self.text("unet/config.json").await?;
        let config = UnetConfig::parse(&config_file, &config)?;
        let (schedule_file, schedule) = self.text("scheduler/scheduler_config.json").await?;
        let schedule = NoiseSchedule::new(&ScheduleConfig::from_json(&schedule_file, &schedule)?);
        let (vae_file, vae) = self.text("vae/config.json").await?;
        let scaling_factor = VaeConfig::parse(&vae_file, &vae)?.scaling_factor as f32;
        let (weights, bytes) = self.weights("unet/diffusion_pytorch_model.safetensors").await?;
        let model = Model {
            unet: Rc::new(Unet::load(config, weights)?),
            schedule: Rc::new(schedule),
            format: LatentFormat { scaling_factor, preview: self.preview().await? },
            options: Rc::default(),
        };
        Ok((model, bytes))
    }

    async fn clip(&self) -> Result<(Clip, usize)> {
        let mut encoders = Vec::new();
        let mut total = 0;
        for suffix in ["", "_2"] {
            let config = format!("text_encoder{suffix}/config.json");
            if !suffix.is_empty() && !self.has(&config) {
                break;
            }
            let (config_file, config) = self.text(&config).await?;
            let config = ClipConfig::parse(&config_file, &config)?;
            let tokenizer = format!("{}/tokenizer{suffix}", self.folder);
            let tokenizer = Tokenizer::load(&*self.env.store, &tokenizer).await?;
            let (weights, bytes) =
                self.weights(&format!("text_encoder{suffix}/model.safetensors")).await?;
            encoders.push(TextEncoder { model: ClipTextModel::load(config, weights)?, tokenizer });
            total += bytes;
        }
        Ok((Clip { encoders: encoders.into(), layer: None }, total))
    }

    async fn vae(&self) -> Result<(VaeHandle, usize)> {
        let (config_file, config) = self.text("vae/config.json").await?;
        let config = VaeConfig::parse(&config_file, &config)?;
        let (weights, bytes) = self.weights("vae/diffusion_pytorch_model.safetensors").await?;
        Ok((VaeHandle { vae: Rc::new(Vae::load(config, weights)?) }, bytes))
    }

    /// Preview colours that came with the model, else Stable Diffusion's.
    async fn preview(&self) -> Result<PreviewColours> {
        let name = "latent_preview.json";
        if !self.has(name) {
            return Ok(PreviewColours::stable_diffusion());
        }
        let (file, text) = self.text(name).await?;
        let bad = |why: String| Error::new(ErrorKind::BadFile { file: file.clone(), why });
        let json: Json = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
        let parse = || -> serde_json::Result<PreviewColours> {
            Ok(PreviewColours {
                matrix: serde_json::from_value(json["matrix"].clone())?,
                bias: serde_json::from_value(json["bias"].clone())?,
            })
        };
        parse().map_err(|error| bad(error.to_string()))
    }

    fn has(&self, name: &str) -> bool {
        self.env.store.list().contains(&format!("{}/{name}", self.folder))
    }

    async fn text(&self, name: &str) -> Result<(String, String)> {
        let path = format!("{}/{name}", self.folder);
        let text = store::read_text(&*self.env.store, &path).await?;
        Ok((path, text))
    }

    /// All tensors of a file, and the memory they take on the device.
    async fn weights(&self, name: &str) -> Result<(Weights, usize)> {
        let path = format!("{}/{name}", self.folder);
        let tell = |phase, loaded, total| {
            self.cx.emit(Event::ModelProgress { file: path.clone(), loaded, total, phase });
            self.cx.check_cancelled()
        };
        let mut fetched = |loaded, total| tell(Phase::Fetch, loaded, total);
        let source = self.env.store.open(&path, &mut fetched).await?;
        self.cx.checkpoint().await?;
        let mut loaded = |loaded, total| tell(Phase::Load, loaded, total);
        let weights = Weights::load(&*source, &self.env.device, &[TOKEN_TABLE], &mut loaded).await;
        drop(source);
        if let Err(error) = &weights
            && matches!(error.kind(), ErrorKind::HashMismatch { .. } | ErrorKind::Truncated { .. })
        {
            // A damaged stored copy would fail every time: forget it, so that trying again can help.
            self.env.store.discard(&path).await;
        }
        let weights = weights?;
        self.cx.checkpoint().await?;
        let bytes = weights.device_bytes();
        Ok((weights, bytes))
    }
}
