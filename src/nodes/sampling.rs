//! Nodes that denoise.

use std::rc::Rc;

use burn::tensor::{Tensor, TensorData};
use futures_util::future::LocalBoxFuture;

use super::values::{Conditioning, Latent, Model};
use super::{Environment, limits};
use crate::device;
use crate::diffusion::guidance;
use crate::diffusion::inpaint::{Inpaint, inpaint_noise};
use crate::diffusion::noise::Generator;
use crate::diffusion::samplers::{self, Denoise, SAMPLERS, Sampler, StepInfo, StepNoise};
use crate::diffusion::schedule::{SCHEDULERS, Scheduler, sampling_sigmas};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Context, Input, Inputs, Kind, Node, Output, Outputs, Schema};
use crate::image::resample::mask_to_size;
use crate::models::unet::{AddedCondition, UnetCondition};
use crate::ops;

/// The classes of this family, in menu order.
pub(super) const NODES: &[&dyn Node] = &[&KSampler];

/// A latent, noised and denoised towards a prompt.
struct KSampler;

const KSAMPLER: Schema = Schema::new("KSampler", "KSampler", "sampling")
    .doc("Paints: starts from noise, or from a picture with noise added, and removes it step by step, guided by the prompts.")
    .inputs(&[
        Input::link("model", Kind::MODEL).doc("The network that paints."),
        Input::int("seed", 0, 0..=u64::MAX as i128)
            .control_after_generate()
            .doc("Which noise to start from: the same seed and settings give the same picture."),
        Input::int("steps", 20, 1..=10000).doc("More steps, finer and slower."),
        Input::float("cfg", 8.0, 0.0..=100.0, 0.1)
            .doc("How closely the picture follows the prompt; 1 leaves the negative prompt out."),
        Input::combo("sampler_name", &SAMPLERS).doc("The way from noise to picture."),
        Input::combo("scheduler", &SCHEDULERS).doc("How much noise is removed in which step."),
        Input::link("positive", Kind::CONDITIONING).doc("What the picture should show."),
        Input::link("negative", Kind::CONDITIONING).doc("What it should not show."),
        Input::link("latent_image", Kind::LATENT).doc("Where to start: empty, or a picture to change."),
        Input::float("denoise", 1.0, 0.0..=1.0, 0.01)
            .doc("How much may change: 1 makes a new picture, less keeps some of the given one."),
    ])
    .outputs(&[Output::new(Kind::LATENT)]);

impl Node for KSampler {
    fn schema(&self) -> &'static Schema {
        &KSAMPLER
    }

    fn run<'a>(
        &'a self,
        inputs: Inputs,
        cx: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Outputs>> {
        Box::pin(async move {
            let model = inputs.object::<Model>("model")?;
            let latent = inputs.object::<Latent>("latent_image")?;
            let settings = Settings {
                seed: inputs.int("seed")?,
                steps: inputs.int("steps")?,
                cfg: guidance::check_cfg(inputs.float("cfg")?)?,
                sampler: Sampler::from_name(inputs.string("sampler_name")?)?,
                scheduler: Scheduler::from_name(inputs.string("scheduler")?)?,
                denoise: inputs.float("denoise")?,
            };
            let (positive, negative) = (inputs.object("positive")?, inputs.object("negative")?);
            let samples = denoise(&model, &latent, &positive, &negative, settings, cx).await?;
            let out = Latent { samples, ..(*latent).clone() };
            Ok(Outputs::one(out))
        })
    }
}

/// KSampler's widgets.
#[derive(Debug, Clone, Copy)]
struct Settings {
    seed: u64,
    steps: usize,
    cfg: f32,
    sampler: Sampler,
    scheduler: Scheduler,
    denoise: f64,
}

async fn denoise(
    model: &Model,
    latent: &Latent,
    positive: &Conditioning,
    negative: &Conditioning,
    settings: Settings,
    cx: &Context<'_>,
) -> Result<Vec<f32>> {
    let Settings { seed, steps, cfg, sampler, scheduler, denoise } = settings;
    let schedule = &model.schedule;
    let sigmas = sampling_sigmas(schedule, scheduler, sampler, steps, denoise)?;
    let Some(&first) = sigmas.first() else { return Ok(latent.samples.clone()) };
    let scale = model.format.scaling_factor;
    let start: Vec<f32> = latent.samples.iter().map(|v| v * scale).collect();
    let noise = Generator::new(seed).randn(start.len());
    let x = schedule.noised(&start, &noise, first)?;
    let mut network = GuidedNetwork::new(model, latent.shape, positive, negative, cfg, cx)?;
    let [_, _, height, width] = latent.shape;
    let mut on_step = |info: StepInfo<'_>| -> Result<()> {
        cx.progress(info.step as u64 + 1, info.steps as u64);
        let rgba = model.format.preview.rgba(info.denoised, height * width);
        cx.preview(width as u32, height as u32, rgba);
        cx.check_cancelled()
    };
    let mut step_noise = StepNoise::new(seed);
    let out = match &latent.noise_mask {
        None => {
            samplers::sample(sampler, &mut network, x, &sigmas, &mut step_noise, &mut on_step)
                .await?
        }
        Some(mask) => {
            let mask = mask_to_size(mask, latent.shape);
            let fresh = inpaint_noise(sampler, seed, &noise);
            let mut masked = Inpaint::new(&mut network, mask.clone(), start.clone(), fresh)?;
            let out =
                samplers::sample(sampler, &mut masked, x, &sigmas, &mut step_noise, &mut on_step)
                    .await?;
            // What is protected comes back exactly.
            let keep = |((out, m), start): ((f32, f32), f32)| out * m + start * (1.0 - m);
            out.into_iter().zip(mask).zip(start).map(keep).collect()
        }
    };
    Ok(out.into_iter().map(|v| v / scale).collect())
}

/// The network with both prompts: one batched call for both halves of guidance.
struct GuidedNetwork<'a> {
    model: &'a Model,
    shape: [usize; 4],
    /// Embeddings of all conditions, each repeated for the batch: negative ones first.
    condition: UnetCondition,
    negatives: usize,
    positives: usize,
    cfg: f32,
    cx: &'a Context<'a>,
}

impl<'a> GuidedNetwork<'a> {
    fn new(
        model: &'a Model,
        shape: [usize; 4],
        positive: &Conditioning,
        negative: &Conditioning,
        cfg: f32,
        cx: &'a Context<'a>,
    ) -> Result<Self> {
        let config = model.unet.config();
        let [batch, channels, height, width] = shape;
        if channels != config.in_channels {
            return Err(Error::new(ErrorKind::Mismatch {
                what: "channels of the latent",
                expected: config.in_channels.to_string(),
                got: channels.to_string(),
            })
            .hint("use the latent, and the autoencoder, that belong to the model"));
        }
        // A guidance-distilled network (LCM) is told the guidance and needs no second half.
        let distilled = config.time_cond_proj_dim;
        let guided = guidance::needs_negative(cfg) && distilled.is_none();
        let negatives: &[_] = if guided { &negative.0 } else { &[] };
        let all: Vec<_> = negatives.iter().chain(&positive.0).collect();
        let env = cx.env::<Environment>();
        limits::check_unet(&env.device_info, config, all.len() * batch, [height, width])?;
        let tokens = all.iter().map(|c| c.context.dims()[1]).fold(1, lcm);
        let mut contexts = Vec::new();
        let mut pooled = Vec::new();
        for condition in &all {
            let [_, length, width] = condition.context.dims();
            if width != config.cross_attention_dim {
                return Err(Error::new(ErrorKind::Mismatch {
                    what: "width of the prompt's embeddings",
                    expected: config.cross_attention_dim.to_string(),
                    got: width.to_string(),
                })
                .hint("encode the prompt with the text encoder that belongs to the model"));
            }
            contexts.push(condition.context.clone().repeat(&[batch, tokens / length, 1]));
            pooled.push(condition.pooled.clone().repeat(&[batch, 1]));
        }
        let added = config.added.map(|_| {
            // SDXL was told each training picture's size and crop; the natural choice is "all of this size".
            let (h, w) = ((height * 8) as f32, (width * 8) as f32);
            let ids = [h, w, 0.0, 0.0, h, w];
            let rows = all.len() * batch;
            AddedCondition { text_embeds: Tensor::cat(pooled, 0), time_ids: ids.repeat(rows) }
        });
        let timestep_cond = distilled.map(|width| {
            // Luo et al. 2023, <https://arxiv.org/abs/2310.04378>: w = cfg − 1, embedded as a timestep of 1000·w.
            let rows = all.len() * batch;
            let values = vec![(cfg - 1.0) * 1000.0; rows];
            let rows_data = ops::timestep_embedding(&values, width, false, 1.0);
            Tensor::from_data(TensorData::new(rows_data, [rows, width]), model.unet.device())
        });
        Ok(Self {
            model,
            shape,
            condition: UnetCondition { context: Tensor::cat(contexts, 0), added, timestep_cond },
            negatives: negatives.len(),
            positives: positive.0.len(),
            cfg,
            cx,
        })
    }

    /// The clean latents that the negative and the positive conditions see, in this order.
    async fn call(&self, x: &[f32], sigma: f32) -> Result<[Vec<f32>; 2]> {
        // Every call of the network, not only every step: second-order samplers call it twice.
        self.cx.checkpoint().await?;
        let unet: &Rc<_> = &self.model.unet;
        let schedule = &self.model.schedule;
        let rows = self.negatives + self.positives;
        let [batch, channels, height, width] = self.shape;
        let input = guidance::network_input(x, sigma).repeat(rows);
        let input = TensorData::new(input, [rows * batch, channels, height, width]);
        let input = Tensor::<4>::from_data(input, unet.device());
        let timesteps = vec![schedule.timestep(sigma); rows * batch];
        let output = device::read(unet.forward(input, &timesteps, &self.condition)).await?;
        let parts = output
            .chunks(x.len())
            .map(|part| guidance::denoised(schedule.prediction(), x, part.to_vec(), sigma))
            .collect::<Result<Vec<_>>>()?;
        let (negative, positive) = parts.split_at(self.negatives);
        Ok([mean(negative), mean(positive)])
    }
}

impl Denoise for GuidedNetwork<'_> {
    fn denoise<'a>(&'a mut self, x: &'a [f32], sigma: f32) -> LocalBoxFuture<'a, Result<Vec<f32>>> {
        Box::pin(async move {
            let [negative, positive] = self.call(x, sigma).await?;
            if negative.is_empty() {
                return Ok(positive);
            }
            guidance::guided(&positive, &negative, self.cfg)
        })
    }
}

/// Combined conditions count alike.
fn mean(parts: &[Vec<f32>]) -> Vec<f32> {
    let count = parts.len() as f32;
    let len = parts.first().map_or(0, Vec::len);
    (0..len).map(|i| parts.iter().map(|part| part[i]).sum::<f32>() / count).collect()
}

/// Prompts of different length are repeated to a common one, as ComfyUI does.
fn lcm(a: usize, b: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}
