//! `AutoencoderKL`: pictures ↔ latents of an eighth of the size.
//!
//! Source: diffusers 0.42 `autoencoder_kl.py`, `vae.py`.

mod config;

use std::cell::Cell;

use burn::tensor::{Device, Tensor};

pub use self::config::VaeConfig;
use super::blocks::attention::{Attention, AttentionSize};
use super::blocks::resnet::{Downsample, Resnet, ResnetOptions, Rise, Upsample};
use super::blocks::transformer::{map_from_tokens, tokens_from_map};
use super::family::Family;
use super::probe::seen;
use crate::device;
use crate::error::Result;
use crate::ops::{self, Conv2d, GroupNorm, Padding};
use crate::weights::Weights;

/// Epsilon of every group normalisation in the autoencoder.
const EPS: f64 = 1e-6;

/// The autoencoder.
#[derive(Debug)]
pub struct Vae {
    config: VaeConfig,
    device: Device,
    encoder: Encoder,
    quant_conv: Option<Conv2d>,
    post_quant_conv: Option<Conv2d>,
    decoder: Decoder,
    /// Whether the decoder's numbers are too large for halves.
    is_large: Cell<bool>,
}

impl Vae {
    /// Takes the parameters.
    ///
    /// # Errors
    ///
    /// A tensor that is missing, misshapen or left over.
    pub fn load(config: VaeConfig, mut weights: Weights) -> Result<Self> {
        let w = &mut weights;
        let (latent, none) = (config.latent_channels, Padding::Same(0));
        let encoder = Encoder::load(w, &config)?;
        let decoder = Decoder::load(w, &config)?;
        let quant_conv = config
            .use_quant_conv
            .then(|| w.conv2d("quant_conv", [2 * latent; 2], 1, 1, none))
            .transpose()?;
        let post_quant_conv = config
            .use_post_quant_conv
            .then(|| w.conv2d("post_quant_conv", [latent; 2], 1, 1, none))
            .transpose()?;
        let device = w.device().clone();
        weights.finish()?;
        // SDXL's decoder is known for them.
        let is_large = Cell::new(config.scaling_factor as f32 == Family::Sdxl.scaling_factor());
        Ok(Self { config, device, encoder, quant_conv, post_quant_conv, decoder, is_large })
    }

    /// The config it was loaded with.
    pub fn config(&self) -> &VaeConfig {
        &self.config
    }

    /// The device it is on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Mean and log-variance of the latents of pictures, before scaling by `scaling_factor`. `pause` as for [`Vae::decode`].
    ///
    /// # Shapes
    ///
    /// - `image`: `[batch, 3, height, width]` in −1..1, both sides multiples of the config's `factor()`
    /// - output: `[batch, 2 · latent_channels, height / factor, width / factor]`
    ///
    /// # Errors
    ///
    /// Those of `pause`.
    pub async fn moments(
        &self,
        image: Tensor<4>,
        pause: impl AsyncFnMut() -> Result<()>,
    ) -> Result<Tensor<4>> {
        let h = self.encoder.forward(image, pause).await?;
        Ok(match &self.quant_conv {
            Some(conv) => conv.forward(h),
            None => h,
        })
    }

    /// Pictures from latents that were divided by `scaling_factor`. `pause` is awaited before each level of the network, whose
    /// arrays have other sizes; an error from it ends the work.
    ///
    /// # Shapes
    ///
    /// - `latent`: `[batch, latent_channels, height, width]`
    /// - output: `[batch, 3, height · factor, width · factor]` in about −1..1
    ///
    /// # Errors
    ///
    /// Those of `pause`.
    pub async fn decode(
        &self,
        latent: Tensor<4>,
        pause: impl AsyncFnMut() -> Result<()>,
    ) -> Result<Tensor<4>> {
        let latent = if self.is_large.get() { latent } else { ops::narrowed(latent) };
        let z = match &self.post_quant_conv {
            Some(conv) => conv.forward(latent),
            None => latent,
        };
        Ok(ops::widened(self.decoder.forward(z, pause).await?))
    }

    /// Has the decoder keep its maps in f32 from now on. False if it does already.
    pub fn forgo_halves(&self) -> bool {
        device::keeps_halves() && !self.is_large.replace(true)
    }
}

#[derive(Debug)]
struct Encoder {
    conv_in: Conv2d,
    down_blocks: Vec<DownBlock>,
    mid_block: MidBlock,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl Encoder {
    fn load(w: &mut Weights, config: &VaeConfig) -> Result<Self> {
        let channels = &config.block_out_channels;
        let (first, last) = (channels[0], channels[channels.len() - 1]);
        let same = Padding::Same(1);
        Ok(Self {
            conv_in: w.conv2d("encoder.conv_in", [config.in_channels, first], 3, 1, same)?,
            down_blocks: (0..channels.len())
                .map(|level| DownBlock::load(w, config, level))
                .collect::<Result<_>>()?,
            mid_block: MidBlock::load(w, "encoder.mid_block", config, last)?,
            conv_norm_out: w.group_norm(
                "encoder.conv_norm_out",
                last,
                config.norm_num_groups,
                EPS,
            )?,
            conv_out: w.conv2d(
                "encoder.conv_out",
                [last, 2 * config.latent_channels],
                3,
                1,
                same,
            )?,
        })
    }

    async fn forward(
        &self,
        image: Tensor<4>,
        mut pause: impl AsyncFnMut() -> Result<()>,
    ) -> Result<Tensor<4>> {
        let mut x = seen("encoder.conv_in", self.conv_in.forward(image));
        for block in &self.down_blocks {
            pause().await?;
            x = block.forward(x);
        }
        x = self.mid_block.forward(x);
        Ok(self.conv_out.forward(self.conv_norm_out.forward_silu(x)))
    }
}

#[derive(Debug)]
struct Decoder {
    conv_in: Conv2d,
    mid_block: MidBlock,
    up_blocks: Vec<UpBlock>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl Decoder {
    fn load(w: &mut Weights, config: &VaeConfig) -> Result<Self> {
        let channels = &config.block_out_channels;
        let (first, last) = (channels[0], channels[channels.len() - 1]);
        let same = Padding::Same(1);
        Ok(Self {
            conv_in: w.conv2d("decoder.conv_in", [config.latent_channels, last], 3, 1, same)?,
            mid_block: MidBlock::load(w, "decoder.mid_block", config, last)?,
            up_blocks: (0..channels.len())
                .map(|i| UpBlock::load(w, config, i))
                .collect::<Result<_>>()?,
            conv_norm_out: w.group_norm(
                "decoder.conv_norm_out",
                first,
                config.norm_num_groups,
                EPS,
            )?,
            conv_out: w.conv2d("decoder.conv_out", [first, config.out_channels], 3, 1, same)?,
        })
    }

    async fn forward(
        &self,
        z: Tensor<4>,
        mut pause: impl AsyncFnMut() -> Result<()>,
    ) -> Result<Tensor<4>> {
        let mut x = seen("decoder.conv_in", self.conv_in.forward(z));
        x = self.mid_block.forward(x);
        for block in &self.up_blocks {
            pause().await?;
            x = block.forward(x, &mut pause).await?;
        }
        Ok(self.conv_out.forward(self.conv_norm_out.forward_silu(x)))
    }
}

/// `DownEncoderBlock2D`.
#[derive(Debug)]
struct DownBlock {
    path: String,
    resnets: Vec<Resnet>,
    downsampler: Option<Downsample>,
}

impl DownBlock {
    fn load(w: &mut Weights, config: &VaeConfig, level: usize) -> Result<Self> {
        let path = format!("encoder.down_blocks.{level}");
        let width = config.block_out_channels[level];
        let before = config.block_out_channels[level.saturating_sub(1)];
        let resnets = load_resnets(w, &path, config, config.layers_per_block, [before, width])?;
        let downsampler = (level + 1 < config.block_out_channels.len())
            .then(|| {
                Downsample::load(w, format!("{path}.downsamplers.0"), width, Padding::BottomRight)
            })
            .transpose()?;
        Ok(Self { path, resnets, downsampler })
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.resnets.iter().fold(x, |x, resnet| resnet.forward(x, None));
        let x = match &self.downsampler {
            Some(downsampler) => downsampler.forward(x),
            None => x,
        };
        seen(&self.path, x)
    }
}

/// `UpDecoderBlock2D`, without the first residual block where [`Rise`] of the block before has it.
#[derive(Debug)]
struct UpBlock {
    path: String,
    resnets: Vec<Resnet>,
    rise: Option<Rise>,
}

impl UpBlock {
    /// Block `i` works at level `levels − 1 − i`.
    fn load(w: &mut Weights, config: &VaeConfig, i: usize) -> Result<Self> {
        let path = format!("decoder.up_blocks.{i}");
        let channels = &config.block_out_channels;
        let level = channels.len() - 1 - i;
        let width = channels[level];
        let first = usize::from(i > 0);
        let resnets = (first..=config.layers_per_block)
            .map(|n| load_resnet(w, &path, config, n, [width; 2]))
            .collect::<Result<_>>()?;
        let mut rise = None;
        if level > 0 {
            let upsample = Upsample::load(w, format!("{path}.upsamplers.0"), width)?;
            let (next, sides) = (i + 1, [width, channels[level - 1]]);
            let resnet = load_resnet(w, &format!("decoder.up_blocks.{next}"), config, 0, sides)?;
            rise = Some(Rise::new(upsample, resnet, sides, config.norm_num_groups));
        }
        Ok(Self { path, resnets, rise })
    }

    async fn forward(
        &self,
        x: Tensor<4>,
        pause: &mut impl AsyncFnMut() -> Result<()>,
    ) -> Result<Tensor<4>> {
        let x = self.resnets.iter().fold(x, |x, resnet| resnet.forward(x, None));
        let Some(rise) = &self.rise else { return Ok(seen(&self.path, x)) };
        // The next level begins with the upsampler.
        pause().await?;
        Ok(rise.forward(&self.path, x))
    }
}

/// `UNetMidBlock2D`: a residual block, attention of every position to every other, a residual block.
#[derive(Debug)]
struct MidBlock {
    path: String,
    resnets: Vec<Resnet>,
    attention: Option<MapAttention>,
}

impl MidBlock {
    fn load(w: &mut Weights, path: &str, config: &VaeConfig, width: usize) -> Result<Self> {
        let resnets = load_resnets(w, path, config, 2, [width; 2])?;
        let attention = config
            .mid_block_add_attention
            .then(|| {
                MapAttention::load(
                    w,
                    &format!("{path}.attentions.0"),
                    width,
                    config.norm_num_groups,
                )
            })
            .transpose()?;
        Ok(Self { path: path.to_owned(), resnets, attention })
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.resnets[0].forward(x, None);
        let x = match &self.attention {
            Some(attention) => attention.forward(x),
            None => x,
        };
        seen(&self.path, self.resnets[1].forward(x, None))
    }
}

/// Single-head attention over the feature map, added to it.
#[derive(Debug)]
struct MapAttention {
    group_norm: GroupNorm,
    attention: Attention,
}

impl MapAttention {
    fn load(w: &mut Weights, path: &str, width: usize, groups: usize) -> Result<Self> {
        let size = AttentionSize { width, context_width: width, heads: 1, bias: true };
        Ok(Self {
            group_norm: w.group_norm(&format!("{path}.group_norm"), width, groups, EPS)?,
            attention: Attention::load(w, path.to_owned(), size)?,
        })
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let dims = x.dims();
        let tokens = tokens_from_map(self.group_norm.forward(x.clone()));
        let x = self.attention.forward_self(tokens, tokens_from_map(x));
        seen(self.attention.path(), map_from_tokens(x, dims))
    }
}

fn load_resnets(
    w: &mut Weights,
    path: &str,
    config: &VaeConfig,
    count: usize,
    [before, width]: [usize; 2],
) -> Result<Vec<Resnet>> {
    (0..count)
        .map(|i| load_resnet(w, path, config, i, [if i == 0 { before } else { width }, width]))
        .collect()
}

fn load_resnet(
    w: &mut Weights,
    path: &str,
    config: &VaeConfig,
    i: usize,
    sides: [usize; 2],
) -> Result<Resnet> {
    let options = ResnetOptions { groups: config.norm_num_groups, eps: EPS, time_width: None };
    Resnet::load(w, format!("{path}.resnets.{i}"), sides, options)
}
