//! `UNet2DConditionModel`: predicts the noise (or v) in a latent, guided by a prompt.
//!
//! Every option that the published configs of Stable Diffusion 1.x, 2.x and SDXL use; others are refused by
//! name when the config is read. Source: diffusers 0.42 `unet_2d_condition.py`, `unet_2d_blocks.py`. The parts up to
//! the middle are also those of a control net, [`ControlNetModel`](super::ControlNetModel).

mod config;
mod down;
mod free_u;
mod mid;
mod residuals;
mod reuse;
mod time;
mod up;

use std::cell::Cell;

use burn::tensor::{Device, Tensor};

pub use self::config::{AddedConfig, UnetConfig};
pub(super) use self::down::DownBlock;
pub use self::free_u::FreeU;
pub(super) use self::mid::MidBlock;
pub use self::residuals::Residuals;
pub use self::reuse::Inner;
pub(super) use self::time::Time;
use self::up::UpBlock;
pub use super::blocks::attention::Context;
use super::blocks::resnet::ResnetOptions;
use super::blocks::savings::Saving;
pub use super::blocks::savings::{Merging, Savings, Tiles};
use super::blocks::transformer::{Attended, Transformer, TransformerSize};
use super::probe::seen;
use crate::error::Result;
use crate::ops::{self, Conv2d, GroupNorm, Padding};
use crate::weights::Weights;
use crate::weights::lora::{Adapted, Changed, Lora};

/// The denoising network.
#[derive(Debug)]
pub struct Unet {
    config: UnetConfig,
    weights: Weights,
    device: Device,
    conv_in: Conv2d,
    time: Time,
    down_blocks: Vec<DownBlock>,
    mid_block: MidBlock,
    up_blocks: Vec<UpBlock>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
    was_used: Cell<bool>,
}

/// What guides a denoising step.
#[derive(Debug)]
pub struct UnetCondition {
    /// Embeddings of the prompt's tokens, `[batch, tokens, cross_attention_dim]`.
    pub context: Context,
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

/// What changes the maps of a step on their way.
#[derive(Debug, Clone, Copy, Default)]
pub struct Changes<'a> {
    /// Scales them on the way up.
    pub free_u: Option<&'a FreeU>,
    /// Is added to them.
    pub residuals: Option<&'a Residuals>,
    /// What is saved where a map attends to itself.
    pub savings: Savings,
    /// What is taken from a step before.
    pub inner: Option<Inner<'a>>,
}

/// What the names of the way up begin with.
const UPPER: [&str; 3] = ["up_blocks.", "conv_norm_out.", "conv_out."];

impl Unet {
    /// Takes the parameters.
    ///
    /// # Errors
    ///
    /// A tensor that is missing, misshapen or left over.
    pub fn load(config: UnetConfig, mut weights: Weights) -> Result<Self> {
        let all = weights.clone();
        let w = &mut weights;
        let (first, levels) = (config.block_out_channels[0], config.levels());
        let conv_in = w.conv2d("conv_in", [config.in_channels, first], 3, 1, Padding::Same(1))?;
        let time = Time::load(w, &config)?;
        let down_blocks =
            (0..levels).map(|level| DownBlock::load(w, &config, level)).collect::<Result<_>>()?;
        let mid_block = MidBlock::load(w, &config)?;
        let up_blocks = (0..levels).map(|i| UpBlock::load(w, &config, i)).collect::<Result<_>>()?;
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
            time,
            down_blocks,
            mid_block,
            up_blocks,
            conv_norm_out,
            conv_out,
            was_used: Cell::new(false),
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

    /// Makes whole weights of differences to the way down and the middle, of which control nets are made.
    ///
    /// # Errors
    ///
    /// As [`Weights::add_base`].
    pub fn complete(&self, differences: &mut Weights) -> Result<()> {
        let is_upper = |name: &str| UPPER.iter().any(|part| name.starts_with(part));
        differences.add_base(&self.weights, |name| !is_upper(name))
    }

    /// Makes a control net's weights whole that are not there, or are there as low-rank differences, with its own on the
    /// way down and in the middle.
    ///
    /// # Errors
    ///
    /// As [`Weights::take_base`].
    pub fn lend(&self, weights: Weights) -> Result<Weights> {
        let is_upper = |name: &str| UPPER.iter().any(|part| name.starts_with(part));
        weights.take_base(&self.weights, |name| !is_upper(name))
    }

    /// The device it is on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Path of the file it was loaded from.
    pub fn file(&self) -> &str {
        self.weights.file()
    }

    /// True before the first prediction, which on a GPU takes longer: kernels are compiled as they are met.
    pub fn is_new(&self) -> bool {
        !self.was_used.get()
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
        self.forward_with(sample, timesteps, condition, Changes::default())
    }

    /// Predicts, with changes on the way; the rest as [`Unet::forward`].
    ///
    /// # Panics
    ///
    /// If residuals do not have the shapes of the maps: see `check_fits` of
    /// [`ControlNetModel`](super::ControlNetModel::check_fits) and [`T2iAdapter`](super::T2iAdapter::check_fits).
    pub fn forward_with(
        &self,
        sample: Tensor<4>,
        timesteps: &[f32],
        condition: &UnetCondition,
        changes: Changes<'_>,
    ) -> Tensor<4> {
        self.was_used.set(true);
        let none = Residuals::default();
        let residuals = changes.residuals.unwrap_or(&none);
        let time = self.time.forward(&self.config, timesteps, condition, &self.device);
        let [_, _, height, width] = sample.dims();
        // What a step draws follows from its noise level, so that every run draws the same.
        let seed = timesteps.first().map_or(0, |timestep| u64::from(timestep.to_bits()));
        let saving = Saving { savings: changes.savings, size: [height, width], seed };
        let saving = (changes.savings != Savings::default()).then_some(saving);
        let attended = Attended { context: &condition.context, saving };
        let merge = |x, skip| match changes.free_u {
            Some(free_u) => free_u.apply(x, skip, self.config.block_out_channels[0]),
            None => (x, skip),
        };
        let (last, inner_blocks) = self.up_blocks.split_last().expect("a network has a level");
        let layers = last.len();
        // How many of the last block's layers are outside of what may be taken from a step before.
        let outer = changes.inner.map_or(layers, |inner| inner.layers.clamp(1, layers));
        let mut x = seen("conv_in", self.conv_in.forward(ops::narrowed(sample)));
        let mut skips = vec![x.clone()];
        let known = changes.inner.and_then(|inner| inner.map.borrow().clone());
        if let Some(map) = known {
            let (first, added) = (&self.down_blocks[0], residuals.down.first());
            first.layers(x, outer - 1, &time, attended, &mut skips, added);
            residuals.add_to(&mut skips);
            x = map;
        } else {
            for (i, block) in self.down_blocks.iter().enumerate() {
                x = block.forward(x, &time, attended, &mut skips, residuals.down.get(i));
            }
            residuals.add_to(&mut skips);
            x = self.mid_block.forward(x, &time, attended);
            if let Some(residual) = &residuals.middle {
                x = residuals::added(x, residual);
            }
            for block in inner_blocks {
                x = block.forward(x, &time, attended, &mut skips, &merge);
            }
            x = last.layers(x, 0..layers - outer, &time, attended, &mut skips, &merge);
            if let Some(inner) = changes.inner {
                inner.map.replace(Some(x.clone()));
            }
        }
        x = last.layers(x, layers - outer..layers, &time, attended, &mut skips, &merge);
        let x = last.grown(x, &skips);
        ops::widened(self.conv_out.forward(self.conv_norm_out.forward_silu(x)))
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

    /// The attention of a level's block `path` after its residual block `i`, if it has layers.
    fn attention(
        &self,
        weights: &mut Weights,
        (path, i): (&str, usize),
        level: usize,
        layers: usize,
    ) -> Result<Option<Transformer>> {
        let size = TransformerSize {
            channels: self.block_out_channels[level],
            heads: self.heads[level],
            layers,
            context_width: self.cross_attention_dim,
            groups: self.norm_num_groups,
            linear_projection: self.use_linear_projection,
        };
        let path = format!("{path}.attentions.{i}");
        (layers > 0).then(|| Transformer::load(weights, path, size)).transpose()
    }
}
