//! `ControlNetModel`: the lower half of a UNet that looks at a picture, and tells the whole one what to paint where.
//!
//! Source: diffusers 0.42 `controlnet.py`; Zhang et al. 2023, <https://arxiv.org/abs/2302.05543>.

mod config;

use burn::tensor::{Device, Tensor};

pub use self::config::ControlNetConfig;
use super::blocks::transformer::Attended;
use super::unet::{DownBlock, MidBlock, Residuals, Time, UnetCondition, UnetConfig};
use crate::error::Result;
use crate::ops::{self, Activation, After, Conv2d, Padding};
use crate::weights::Weights;

/// The network.
#[derive(Debug)]
pub struct ControlNetModel {
    file: String,
    config: ControlNetConfig,
    device: Device,
    conv_in: Conv2d,
    time: Time,
    controlnet_cond_embedding: HintEmbedding,
    down_blocks: Vec<DownBlock>,
    mid_block: MidBlock,
    controlnet_down_blocks: Vec<Conv2d>,
    controlnet_mid_block: Conv2d,
}

impl ControlNetModel {
    /// Takes the parameters.
    ///
    /// # Errors
    ///
    /// A tensor that is missing, misshapen or left over; a net that looks at other pictures than those in colours, eight
    /// times as large as the latent.
    pub fn load(config: ControlNetConfig, mut weights: Weights) -> Result<Self> {
        let file = weights.file().to_owned();
        config.check_hint(&file)?;
        let w = &mut weights;
        let half = &config.half;
        let widths = &half.block_out_channels;
        let first = widths[0];
        let conv_in = w.conv2d("conv_in", [half.in_channels, first], 3, 1, Padding::Same(1))?;
        let time = Time::load(w, half)?;
        let controlnet_cond_embedding =
            HintEmbedding::load(w, config.hint_channels, &config.hint_widths, first)?;
        let levels = 0..half.levels();
        let down_blocks =
            levels.map(|level| DownBlock::load(w, half, level)).collect::<Result<_>>()?;
        let mid_block = MidBlock::load(w, half)?;
        let mut to_skip = |path: &str, width| w.conv2d(path, [width; 2], 1, 1, Padding::Same(0));
        let controlnet_down_blocks = half
            .skip_widths()
            .into_iter()
            .enumerate()
            .map(|(i, width)| to_skip(&format!("controlnet_down_blocks.{i}"), width))
            .collect::<Result<_>>()?;
        let controlnet_mid_block = to_skip("controlnet_mid_block", widths[widths.len() - 1])?;
        let device = w.device().clone();
        weights.finish()?;
        Ok(Self {
            file,
            config,
            device,
            conv_in,
            time,
            controlnet_cond_embedding,
            down_blocks,
            mid_block,
            controlnet_down_blocks,
            controlnet_mid_block,
        })
    }

    /// The config it was loaded with.
    pub fn config(&self) -> &ControlNetConfig {
        &self.config
    }

    /// Makes of a picture what [`ControlNetModel::forward`] takes; it is the same in every step.
    ///
    /// # Shapes
    ///
    /// - `hint`: `[batch, 3, height · 8, width · 8]`, red, green, blue in 0..=1
    /// - output: `[batch, first width, height, width]`
    pub fn embed(&self, hint: Tensor<4>) -> Tensor<4> {
        let hint = if self.config.bgr { hint.flip([1]) } else { hint };
        ops::narrowed(self.controlnet_cond_embedding.forward(hint))
    }

    /// What to add to the maps of the UNet that is given the same sample.
    ///
    /// # Shapes
    ///
    /// - `sample`: `[batch, in_channels, height, width]`
    /// - `hint`: what [`ControlNetModel::embed`] gave, for one element or for each of the batch
    /// - `timesteps`: one a batch item
    pub fn forward(
        &self,
        sample: Tensor<4>,
        hint: &Tensor<4>,
        timesteps: &[f32],
        condition: &UnetCondition,
    ) -> Residuals {
        let time = self.time.forward(&self.config.half, timesteps, condition, &self.device);
        let attended = Attended { context: &condition.context, saving: None };
        let x = self.conv_in.forward(ops::narrowed(sample));
        let hint = ops::like(hint.clone(), &x);
        let mut x = x + hint;
        let mut skips = vec![x.clone()];
        for block in &self.down_blocks {
            x = block.forward(x, &time, attended, &mut skips, None);
        }
        x = self.mid_block.forward(x, &time, attended);
        let pooled = |map: Tensor<4>| match self.config.pooled {
            true => {
                let [batch, channels, height, width] = map.dims();
                let places = map.reshape([batch, channels, height * width]);
                places.mean_dim(2).reshape([batch, channels, 1, 1])
            }
            false => map,
        };
        let skips = skips.into_iter().zip(&self.controlnet_down_blocks);
        Residuals {
            skips: skips.map(|(skip, conv)| pooled(conv.forward(skip))).collect(),
            middle: Some(pooled(self.controlnet_mid_block.forward(x))),
            down: Vec::new(),
        }
    }

    /// Whether it was made for such a UNet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mismatch`] with the file and both sizes.
    pub fn check_fits(&self, unet: &UnetConfig) -> Result<()> {
        self.config.check_fits(&self.file, unet)
    }
}

/// `ControlNetConditioningEmbedding`: a picture → a map of an eighth of its size.
#[derive(Debug)]
struct HintEmbedding {
    conv_in: Conv2d,
    blocks: Vec<Conv2d>,
    conv_out: Conv2d,
}

impl HintEmbedding {
    fn load(w: &mut Weights, inputs: usize, widths: &[usize], outputs: usize) -> Result<Self> {
        let mut conv = |name: &str, sizes, stride| {
            let path = format!("controlnet_cond_embedding.{name}");
            w.conv2d(&path, sizes, 3, stride, Padding::Same(1))
        };
        let conv_in = conv("conv_in", [inputs, widths[0]], 1)?;
        let mut blocks = Vec::new();
        for (i, pair) in widths.windows(2).enumerate() {
            blocks.push(conv(&format!("blocks.{}", 2 * i), [pair[0]; 2], 1)?);
            blocks.push(conv(&format!("blocks.{}", 2 * i + 1), [pair[0], pair[1]], 2)?);
        }
        let conv_out = conv("conv_out", [widths[widths.len() - 1], outputs], 1)?;
        Ok(Self { conv_in, blocks, conv_out })
    }

    fn forward(&self, hint: Tensor<4>) -> Tensor<4> {
        let silu = |conv: &Conv2d, x| conv.forward_then(x, After::activation(Activation::Silu));
        let start = silu(&self.conv_in, hint);
        let x = self.blocks.iter().fold(start, |x, conv| silu(conv, x));
        self.conv_out.forward(x)
    }
}
