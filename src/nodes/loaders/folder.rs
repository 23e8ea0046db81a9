//! A checkpoint as a folder in diffusers' layout: one file of weights and one config a network.

use std::rc::Rc;

use serde_json::Value as Json;

use super::load_weights;
use super::read::load_unet;
use crate::diffusion::schedule::{NoiseSchedule, ScheduleConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Context;
use crate::models::Family;
use crate::models::clip::ClipConfig;
use crate::models::unet::UnetConfig;
use crate::models::vae::VaeConfig;
use crate::models::{ClipTextModel, Unet, Vae};
use crate::nodes::Environment;
use crate::nodes::values::{Clip, LatentFormat, Model, PreviewColours, TextEncoder, VaeHandle};
use crate::prompt::Tokenizer;
use crate::store;
use crate::weights::Weights;

/// Reads a folder in diffusers' layout.
pub(super) struct FolderLoader<'a> {
    cx: &'a Context<'a>,
    env: &'a Environment,
    folder: String,
}

impl<'a> FolderLoader<'a> {
    /// Reads the folder at this path.
    pub(super) fn new(cx: &'a Context<'a>, folder: String) -> Self {
        Self { cx, env: cx.env(), folder }
    }

    pub(super) async fn model(&self) -> Result<(Model, usize)> {
        let (config_file, config) = self.text("unet/config.json").await?;
        let config = UnetConfig::parse(&config_file, &config)?;
        let (schedule_file, schedule) = self.text("scheduler/scheduler_config.json").await?;
        let schedule = NoiseSchedule::new(&ScheduleConfig::from_json(&schedule_file, &schedule)?);
        let (vae_file, vae) = self.text("vae/config.json").await?;
        let scaling_factor = VaeConfig::parse(&vae_file, &vae)?.scaling_factor as f32;
        let file = format!("{}/unet/diffusion_pytorch_model.safetensors", self.folder);
        let (weights, bytes) = load_unet(self.cx, &file).await?;
        let family = Family::of(&config);
        // A model with colours of its own has latents of its own.
        let own = self.preview().await?;
        let tiny = own.is_none().then(|| family.tiny_vae());
        let preview = own.unwrap_or_else(|| PreviewColours::of(family));
        let model = Model {
            unet: Rc::new(Unet::load(config, weights)?),
            schedule: Rc::new(schedule),
            format: LatentFormat { scaling_factor, preview, tiny },
            options: Rc::default(),
        };
        Ok((model, bytes))
    }

    pub(super) async fn clip(&self) -> Result<(Clip, usize)> {
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
            encoders.push((ClipTextModel::load(config, weights)?, tokenizer));
            total += bytes;
        }
        // Only SDXL's encoders project what they pool.
        let is_sdxl = encoders.iter().any(|(model, _)| model.config().projection_dim.is_some());
        let reads = |(model, tokenizer)| TextEncoder::new(model, tokenizer, is_sdxl);
        Ok((Clip { encoders: encoders.into_iter().map(reads).collect(), layer: None }, total))
    }

    pub(super) async fn vae(&self) -> Result<(VaeHandle, usize)> {
        let (config_file, config) = self.text("vae/config.json").await?;
        let config = VaeConfig::parse(&config_file, &config)?;
        let (weights, bytes) = self.weights("vae/diffusion_pytorch_model.safetensors").await?;
        Ok((Vae::load(config, weights)?.into(), bytes))
    }

    /// Preview colours that came with the model.
    async fn preview(&self) -> Result<Option<PreviewColours>> {
        let name = "latent_preview.json";
        if !self.has(name) {
            return Ok(None);
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
        parse().map(Some).map_err(|error| bad(error.to_string()))
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
        load_weights(self.cx, &format!("{}/{name}", self.folder)).await
    }
}
