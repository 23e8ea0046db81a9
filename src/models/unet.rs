//! `UNet2DConditionModel`: predicts the noise (or v) in a latent, guided by a prompt.
//!
//! Every option that the published configs of Stable Diffusion 1.x, 2.x and SDXL use; others are refused by
//! name when the config is read. Source: diffusers 0.42 `unet_2d_condition.py`, `unet_2d_blocks.py`.

mod config;
mod free_u;

use burn::tensor::{Device, Tensor, TensorData};

pub use self::config::UnetConfig;
pub use self::free_u::FreeU;
use super::blocks::resnet::{Downsample, Resnet, ResnetOptions, Upsample};
use super::blocks::transformer::{Transformer, TransformerSize};
use super::probe::seen;
use crate::error::Result;
use crate::ops::{self, Conv2d, GroupNorm, Linear, Padding, silu};
use crate::weights::Weights;
use crate::weights::lora::{Adapted, Changed, Lora};

/// The denoising network.
#[derive(Debug)]
pub struct Unet {
    config: UnetConfig,
    weights: Weights,
    device: Device,
    conv_in: Conv2d,
    time_embedding: TimeEmbedding,
    add_embedding: Option<TimeEmbedding>,
    down_blocks: Vec<DownBlock>,
    mid_block: MidBlock,
    up_blocks: Vec<UpBlock>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

/// What guides a denoising step.
#[derive(Debug, Clone)]
pub struct UnetCondition {
    /// Embeddings of the prompt's tokens, `[batch, tokens, cross_attention_dim]`.
    pub context: Tensor<3>,
    /// SDXL only: pooled text embedding and the six size numbers, one row a batch item.
    pub added: Option<AddedCondition>,
    /// Guidance-distilled networks only: how strong the guidance is, `[batch, time_cond_proj_dim]`. `None`
    /// adds nothing to the time embedding, as in diffusers.
    pub timestep_cond: Option<Tensor<2>>,
}

/// SDXL's conditioning on the whole prompt and on the picture's size.
#[derive(Debug, Clone)]
pub struct AddedCondition {
    /// `[batch, pooled width]`.
    pub text_embeds: Tensor<2>,
    /// Original height, width, crop top, left, target height, width: six numbers a batch item.
    pub time_ids: Vec<f32>,
}

impl Unet {
    /// Takes the parameters.
    ///
    /// # Errors
    ///
    /// A tensor that is missing, misshapen or left over.
    pub fn load(config: UnetConfig, mut weights: Weights) -> Result<Self> {
        let all = weights.clone();
        let w = &mut weights;
        let channels = &config.block_out_channels;
        let (first, last) = (channels[0], channels[channels.len() - 1]);
        let time_width = 4 * first;
        let conv_in = w.conv2d("conv_in", [config.in_channels, first], 3, 1, Padding::Same(1))?;
        let guidance_width = config.time_cond_proj_dim;
        let time_embedding =
            TimeEmbedding::load(w, "time_embedding", [first, time_width], guidance_width)?;
        let add_embedding = config
            .added
            .map(|added| {
                TimeEmbedding::load(w, "add_embedding", [added.input_width, time_width], None)
            })
            .transpose()?;
        let down_blocks = (0..config.levels())
            .map(|level| DownBlock::load(w, &config, level))
            .collect::<Result<_>>()?;
        let mid_block = MidBlock::load(w, &config, last)?;
        let up_blocks =
            (0..config.levels()).map(|i| UpBlock::load(w, &config, i)).collect::<Result<_>>()?;
        let conv_norm_out =
            w.group_norm("conv_norm_out", first, config.norm_num_groups, config.norm_eps)?;
        let conv_out =
            w.conv2d("conv_out", [first, config.out_channels], 3, 1, Padding::Same(1))?;
        let device = w.device().clone();
        weights.finish()?;
        Ok(Self {
            config,
            weights: all,
            device,
            conv_in,
            time_embedding,
            add_embedding,
            down_blocks,
            mid_block,
            up_blocks,
            conv_norm_out,
            conv_out,
        })
    }

    /// The same network with what a LoRA adds to it times `strength`; weights it does not change are shared.
    ///
    /// # Errors
    ///
    /// A change that does not fit, as one for another family does not.
    pub fn with_lora(&self, lora: &Lora, strength: f32) -> Result<(Self, Changed)> {
        let (weights, changed) = self.weights.with_lora(lora, Adapted::Unet, strength)?;
        Ok((Self::load(self.config.clone(), weights)?, changed))
    }

    /// The config it was loaded with.
    pub fn config(&self) -> &UnetConfig {
        &self.config
    }

    /// The device it is on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Predicts.
    ///
    /// # Shapes
    ///
    /// - `sample`: `[batch, in_channels, height, width]`
    /// - `timesteps`: one a batch item, 0 to 999, may be fractional
    /// - output: `[batch, out_channels, height, width]`
    pub fn forward(
        &self,
        sample: Tensor<4>,
        timesteps: &[f32],
        condition: &UnetCondition,
    ) -> Tensor<4> {
        self.forward_with(sample, timesteps, condition, None)
    }

    /// Predicts, with FreeU on the way up if asked for; the rest as [`Unet::forward`].
    pub fn forward_with(
        &self,
        sample: Tensor<4>,
        timesteps: &[f32],
        condition: &UnetCondition,
        free_u: Option<&FreeU>,
    ) -> Tensor<4> {
        let time = silu(self.time(timesteps, condition));
        let mut x = seen("conv_in", self.conv_in.forward(sample));
        let mut skips = vec![x.clone()];
        for block in &self.down_blocks {
            x = block.forward(x, &time, &condition.context, &mut skips);
        }
        x = self.mid_block.forward(x, &time, &condition.context);
        for block in &self.up_blocks {
            let merge = |x, skip| match free_u {
                Some(free_u) => free_u.apply(x, skip, self.config.block_out_channels[0]),
                None => (x, skip),
            };
            x = block.forward(x, &time, &condition.context, &mut skips, &merge);
        }
        self.conv_out.forward(self.conv_norm_out.forward_silu(x))
    }

    /// The time embedding, with SDXL's extra conditions added.
    fn time(&self, timesteps: &[f32], condition: &UnetCondition) -> Tensor<2> {
        let config = &self.config;
        let rows = |values: &[f32], width| {
            let row =
                ops::timestep_embedding(values, width, config.flip_sin_to_cos, config.freq_shift);
            let shape = [values.len(), width];
            Tensor::<2>::from_data(TensorData::new(row, shape), &self.device)
        };
        let timesteps = rows(timesteps, config.block_out_channels[0]);
        let time = self.time_embedding.forward(timesteps, condition.timestep_cond.clone());
        let time = seen("time_embedding", time);
        match (&self.add_embedding, config.added, &condition.added) {
            (Some(embedding), Some(sizes), Some(added)) => {
                let batch = added.text_embeds.dims()[0];
                let ids = rows(&added.time_ids, sizes.time_width).reshape([batch as i32, -1]);
                let added = Tensor::cat(vec![added.text_embeds.clone(), ids], 1);
                time + seen("add_embedding", embedding.forward(added, None))
            }
            _ => time,
        }
    }
}

/// `TimestepEmbedding`: two linear layers, before them what a further condition adds.
#[derive(Debug)]
struct TimeEmbedding {
    cond_proj: Option<Linear>,
    linear_1: Linear,
    linear_2: Linear,
}

impl TimeEmbedding {
    fn load(
        weights: &mut Weights,
        path: &str,
        [inputs, width]: [usize; 2],
        condition: Option<usize>,
    ) -> Result<Self> {
        Ok(Self {
            cond_proj: condition
                .map(|size| weights.linear(&format!("{path}.cond_proj"), size, inputs, false))
                .transpose()?,
            linear_1: weights.linear(&format!("{path}.linear_1"), inputs, width, true)?,
            linear_2: weights.linear(&format!("{path}.linear_2"), width, width, true)?,
        })
    }

    fn forward(&self, x: Tensor<2>, condition: Option<Tensor<2>>) -> Tensor<2> {
        let x = match (&self.cond_proj, condition) {
            (Some(projection), Some(condition)) => x + projection.forward(condition),
            _ => x,
        };
        self.linear_2.forward(silu(self.linear_1.forward(x)))
    }
}

/// `DownBlock2D` and `CrossAttnDownBlock2D`.
#[derive(Debug)]
struct DownBlock {
    path: String,
    resnets: Vec<Resnet>,
    attentions: Vec<Transformer>,
    downsampler: Option<Downsample>,
}

impl DownBlock {
    fn load(weights: &mut Weights, config: &UnetConfig, level: usize) -> Result<Self> {
        let path = format!("down_blocks.{level}");
        let width = config.block_out_channels[level];
        let before = config.block_out_channels[level.saturating_sub(1)];
        let mut resnets = Vec::new();
        let mut attentions = Vec::new();
        for i in 0..config.layers_per_block {
            let input = if i == 0 { before } else { width };
            let resnet = format!("{path}.resnets.{i}");
            resnets.push(Resnet::load(weights, resnet, [input, width], config.resnet())?);
            if config.down_attention[level] {
                let attention = format!("{path}.attentions.{i}");
                attentions.push(Transformer::load(weights, attention, config.transformer(level))?);
            }
        }
        let downsampler = (level + 1 < config.levels())
            .then(|| {
                let path = format!("{path}.downsamplers.0");
                Downsample::load(weights, path, width, Padding::Same(1))
            })
            .transpose()?;
        Ok(Self { path, resnets, attentions, downsampler })
    }

    fn forward(
        &self,
        mut x: Tensor<4>,
        time: &Tensor<2>,
        context: &Tensor<3>,
        skips: &mut Vec<Tensor<4>>,
    ) -> Tensor<4> {
        for (i, resnet) in self.resnets.iter().enumerate() {
            x = resnet.forward(x, Some(time));
            if let Some(attention) = self.attentions.get(i) {
                x = attention.forward(x, context);
            }
            skips.push(x.clone());
        }
        if let Some(downsampler) = &self.downsampler {
            x = downsampler.forward(x);
            skips.push(x.clone());
        }
        seen(&self.path, x)
    }
}

/// `UNetMidBlock2DCrossAttn`.
#[derive(Debug)]
struct MidBlock {
    resnets: [Resnet; 2],
    attention: Transformer,
}

impl MidBlock {
    fn load(weights: &mut Weights, config: &UnetConfig, width: usize) -> Result<Self> {
        let size = config.transformer(config.levels() - 1);
        let mut resnet = |i| {
            let path = format!("mid_block.resnets.{i}");
            Resnet::load(weights, path, [width; 2], config.resnet())
        };
        let resnets = [resnet(0)?, resnet(1)?];
        let attention = Transformer::load(weights, "mid_block.attentions.0".to_owned(), size)?;
        Ok(Self { resnets, attention })
    }

    fn forward(&self, x: Tensor<4>, time: &Tensor<2>, context: &Tensor<3>) -> Tensor<4> {
        let x = self.resnets[0].forward(x, Some(time));
        let x = self.attention.forward(x, context);
        seen("mid_block", self.resnets[1].forward(x, Some(time)))
    }
}

/// `UpBlock2D` and `CrossAttnUpBlock2D`.
#[derive(Debug)]
struct UpBlock {
    path: String,
    resnets: Vec<Resnet>,
    attentions: Vec<Transformer>,
    upsampler: Option<Upsample>,
}

impl UpBlock {
    /// Up block `i` works at level `levels − 1 − i`; each of its residual blocks also takes one skip.
    fn load(weights: &mut Weights, config: &UnetConfig, i: usize) -> Result<Self> {
        let path = format!("up_blocks.{i}");
        let level = config.levels() - 1 - i;
        let width = config.block_out_channels[level];
        let from_below = config.block_out_channels[(level + 1).min(config.levels() - 1)];
        let last_skip = config.block_out_channels[level.saturating_sub(1)];
        let layers = config.layers_per_block + 1;
        let mut resnets = Vec::new();
        let mut attentions = Vec::new();
        for j in 0..layers {
            let input = if j == 0 { from_below } else { width };
            let skip = if j + 1 == layers { last_skip } else { width };
            let resnet = format!("{path}.resnets.{j}");
            resnets.push(Resnet::load(weights, resnet, [input + skip, width], config.resnet())?);
            if config.up_attention[i] {
                let attention = format!("{path}.attentions.{j}");
                attentions.push(Transformer::load(weights, attention, config.transformer(level))?);
            }
        }
        let upsampler = (level > 0)
            .then(|| Upsample::load(weights, format!("{path}.upsamplers.0"), width))
            .transpose()?;
        Ok(Self { path, resnets, attentions, upsampler })
    }

    fn forward(
        &self,
        mut x: Tensor<4>,
        time: &Tensor<2>,
        context: &Tensor<3>,
        skips: &mut Vec<Tensor<4>>,
        merge: &dyn Fn(Tensor<4>, Tensor<4>) -> (Tensor<4>, Tensor<4>),
    ) -> Tensor<4> {
        for (i, resnet) in self.resnets.iter().enumerate() {
            let skip =
                skips.pop().expect("down blocks pushed one skip for every residual block here");
            let (scaled, skip) = merge(x, skip);
            x = resnet.forward(Tensor::cat(vec![scaled, skip], 1), Some(time));
            if let Some(attention) = self.attentions.get(i) {
                x = attention.forward(x, context);
            }
        }
        if let (Some(upsampler), Some(next)) = (&self.upsampler, skips.last()) {
            let [_, _, height, width] = next.dims();
            x = upsampler.forward(x, [height, width]);
        }
        seen(&self.path, x)
    }
}

impl UnetConfig {
    fn resnet(&self) -> ResnetOptions {
        ResnetOptions {
            groups: self.norm_num_groups,
            eps: self.norm_eps,
            time_width: Some(4 * self.block_out_channels[0]),
        }
    }

    fn transformer(&self, level: usize) -> TransformerSize {
        TransformerSize {
            channels: self.block_out_channels[level],
            heads: self.heads[level],
            layers: self.transformer_layers[level],
            context_width: self.cross_attention_dim,
            groups: self.norm_num_groups,
            linear_projection: self.use_linear_projection,
        }
    }
}
