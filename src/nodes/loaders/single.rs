//! A checkpoint, or one network, as a single file: what it is follows from its tensors.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::read::{open_as, read};
use super::tiny;
use crate::diffusion::schedule::{NoiseSchedule, Prediction, ScheduleConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Context;
use crate::models::clip::{ClipConfig, TOKEN_TABLE};
use crate::models::unet::UnetConfig;
use crate::models::vae::VaeConfig;
use crate::models::{ClipTextModel, Family, Unet, Vae};
use crate::nodes::values::{LatentFormat, Model, PreviewColours, TextEncoder, VaeHandle};
use crate::nodes::{Environment, WeightFormat, limits};
use crate::prompt::Tokenizer;
use crate::weights::checkpoint::{Checkpoint, Part};
use crate::weights::identify::{FileKind, identify};
use crate::weights::safetensors::TensorInfo;
use crate::weights::{Weights, WeightsFile};

/// Tokens in CLIP's vocabulary.
const CLIP_TOKENS: usize = 49408;

/// Width of OpenCLIP ViT-bigG/14's text encoder.
const VIT_G_WIDTH: usize = 1280;

/// What a file held.
#[derive(Default)]
pub(super) struct Networks {
    pub(super) model: Option<(Model, usize)>,
    pub(super) encoders: Vec<(TextEncoder, usize)>,
    pub(super) vae: Option<(VaeHandle, usize)>,
}

/// Loads every network of the file at `path`.
pub(super) async fn load(cx: &Context<'_>, path: &str) -> Result<Networks> {
    load_as(cx, path, cx.env::<Environment>().weight_format()).await
}

/// As [`load`]; a denoising network is kept in this format.
pub(super) async fn load_as(
    cx: &Context<'_>,
    path: &str,
    format: WeightFormat,
) -> Result<Networks> {
    let loaded = read(cx, path, async |source, progress| {
        let device = &cx.env::<Environment>().device;
        let file = open_as(cx.env(), source, format).await?;
        if identify(file.tensors()) == Ok(FileKind::TinyVae) {
            return Ok(Err(tiny::load(cx, path, file, progress).await?));
        }
        let opened = Opened::read(path, &file).await?;
        let bytes = file.device_bytes(device, &[TOKEN_TABLE]);
        limits::check_weights(&cx.env::<Environment>().device_info, path, bytes)?;
        let parts = file.load_parts(&opened.checkpoint, device, &[TOKEN_TABLE], progress).await?;
        Ok(Ok((opened, parts)))
    })
    .await?;
    let (opened, mut parts) = match loaded {
        Ok(loaded) => loaded,
        Err(vae) => return Ok(Networks { vae: Some(vae), ..Networks::default() }),
    };
    if let Some(first) = opened.checkpoint.others.first() {
        let count = opened.checkpoint.others.len();
        cx.notice(format!("{count} tensor(s) of `{path}` belong to no network and are not used, among them `{first}`"));
    }
    opened.networks(cx.env(), &mut parts).await
}

/// What a header says, before any weights are read: a file that is none of ours costs nothing.
struct Opened {
    checkpoint: Checkpoint,
    unet: Option<(UnetConfig, ScheduleConfig)>,
    vae: Option<VaeConfig>,
    encoders: Vec<(Part, ClipConfig)>,
}

impl Opened {
    async fn read(path: &str, file: &WeightsFile<'_>) -> Result<Self> {
        let checkpoint = Checkpoint::of(file.tensors());
        let is_other =
            matches!(identify(file.tensors()), Err(_) | Ok(FileKind::Lora | FileKind::ControlNet));
        if checkpoint.parts.is_empty() || is_other {
            return Err(not_a_checkpoint(path, file.tensors()));
        }
        let shapes = |part| checkpoint.parts.get(&part);
        let unet = match shapes(Part::Unet) {
            Some(shapes) => {
                let config = UnetConfig::from_shapes(path, shapes)?;
                let schedule = schedule(path, file, Family::of(&config)).await?;
                Some((config, schedule))
            }
            None => None,
        };
        let mut vae =
            shapes(Part::Vae).map(|shapes| VaeConfig::from_shapes(path, shapes)).transpose()?;
        if let (Some(vae), Some((config, _))) = (&mut vae, &unet) {
            vae.scaling_factor = f64::from(Family::of(config).scaling_factor());
        }
        let mut encoders = Vec::new();
        for part in [Part::TextEncoder, Part::TextEncoder2] {
            if let Some(shapes) = shapes(part) {
                let config = ClipConfig::from_shapes(path, shapes)?;
                check_vocabulary(path, &config)?;
                encoders.push((part, config));
            }
        }
        Ok(Self { checkpoint, unet, vae, encoders })
    }

    async fn networks(
        self,
        env: &Environment,
        parts: &mut BTreeMap<Part, Weights>,
    ) -> Result<Networks> {
        let mut take = |part| {
            let weights = parts.remove(&part).expect("loaded, since the header has it");
            let bytes = weights.device_bytes();
            (weights, bytes)
        };
        let mut networks = Networks::default();
        // A text encoder by itself is SDXL's if it is as wide as no other family's.
        let is_sdxl = match &self.unet {
            Some((config, _)) => config.added.is_some(),
            None => self.encoders.iter().any(|(_, config)| config.hidden_size == VIT_G_WIDTH),
        };
        if let Some((config, schedule)) = self.unet {
            let (weights, bytes) = take(Part::Unet);
            let family = Family::of(&config);
            let model = Model {
                unet: Rc::new(Unet::load(config, weights)?),
                schedule: Rc::new(NoiseSchedule::new(&schedule)),
                format: LatentFormat {
                    scaling_factor: family.scaling_factor(),
                    preview: PreviewColours::of(family),
                    tiny: Some(family.tiny_vae()),
                },
                options: Rc::default(),
            };
            networks.model = Some((model, bytes));
        }
        for (part, config) in self.encoders {
            let (weights, bytes) = take(part);
            let tokenizer = Tokenizer::clip(&*env.store, config.quick_gelu).await?;
            let encoder =
                TextEncoder::new(ClipTextModel::load(config, weights)?, tokenizer, is_sdxl);
            networks.encoders.push((encoder, bytes));
        }
        if let Some(config) = self.vae {
            let (weights, bytes) = take(Part::Vae);
            networks.vae = Some((Vae::load(config, weights)?.into(), bytes));
        }
        Ok(networks)
    }
}

/// How the network was trained.
///
/// A few files say so by a tensor without meaning, `v_pred` and `ztsnr`. Nothing tells Stable Diffusion 2's two kinds
/// apart but the numbers themselves: where v is predicted, the first normalisation's shifts in the last attention are
/// spread wider than 0.09, the threshold that ComfyUI uses.
async fn schedule(path: &str, file: &WeightsFile<'_>, family: Family) -> Result<ScheduleConfig> {
    let mut config = ScheduleConfig::default();
    let is_marked = |mark| file.tensors().iter().any(|tensor| tensor.name == mark);
    for mark in ["edm_mean", "edm_vpred.sigma_max"] {
        if is_marked(mark) {
            return Err(unsupported(path, "a network trained with EDM's noise levels"));
        }
    }
    config.rescale_betas_zero_snr = is_marked("ztsnr");
    let predicts_v = is_marked("v_pred") || family == Family::Sd2 && spread(file).await? > 0.09;
    if predicts_v {
        config.prediction_type = Prediction::VPrediction;
    }
    Ok(config)
}

/// Standard deviation of the shifts that tell v-prediction; 0 where there are none.
async fn spread(file: &WeightsFile<'_>) -> Result<f64> {
    for name in [
        "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias",
        "output_blocks.11.1.transformer_blocks.0.norm1.bias",
        "unet.up_blocks.3.attentions.2.transformer_blocks.0.norm1.bias",
        "up_blocks.3.attentions.2.transformer_blocks.0.norm1.bias",
    ] {
        if let Some(numbers) = file.numbers(name).await?
            && numbers.len() > 1
        {
            let count = numbers.len() as f64;
            let mean = numbers.iter().map(|v| f64::from(*v)).sum::<f64>() / count;
            let squares = numbers.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>();
            return Ok((squares / (count - 1.0)).sqrt());
        }
    }
    Ok(0.0)
}

/// A file has no tokenizer: its text encoder must be of the one everybody has.
fn check_vocabulary(path: &str, config: &ClipConfig) -> Result<()> {
    if config.vocab_size == CLIP_TOKENS {
        return Ok(());
    }
    Err(Error::new(ErrorKind::TensorShape {
        file: path.to_owned(),
        tensor: TOKEN_TABLE.to_owned(),
        expected: vec![CLIP_TOKENS, config.hidden_size],
        got: vec![config.vocab_size, config.hidden_size],
    })
    .hint("load it as a folder in diffusers' layout, which brings its own tokenizer"))
}

/// The error for a file in which no network of ours was found, or of which one is but a part of something else.
fn not_a_checkpoint(path: &str, tensors: &[TensorInfo]) -> Error {
    match identify(tensors) {
        Ok(kind) => {
            let what = kind.name().to_owned();
            let (file, expected) = (path.to_owned(), "a Stable Diffusion network");
            Error::new(ErrorKind::WrongModel { file, what, expected }).hint(format!(
                "put it into `{}` and load it with `{}`",
                kind.folder(),
                kind.loader()
            ))
        }
        Err(what) => unsupported(path, &what),
    }
}

fn unsupported(path: &str, what: &str) -> Error {
    Error::new(ErrorKind::UnsupportedModel { file: path.to_owned(), what: what.to_owned() })
        .hint("use a Stable Diffusion 1.x, 2.x or SDXL checkpoint")
}
