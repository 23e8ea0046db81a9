//! The way up: maps grow, and take in what skipped the levels below.

use burn::tensor::Tensor;

use super::UnetConfig;
use crate::error::Result;
use crate::models::blocks::resnet::{Resnet, Upsample};
use crate::models::blocks::transformer::{Attended, Transformer};
use crate::models::probe::seen;
use crate::weights::Weights;

/// `UpBlock2D` and `CrossAttnUpBlock2D`.
#[derive(Debug)]
pub(super) struct UpBlock {
    path: String,
    resnets: Vec<Resnet>,
    attentions: Vec<Option<Transformer>>,
    upsampler: Option<Upsample>,
}

impl UpBlock {
    /// Up block `i` works at level `levels − 1 − i`; each of its residual blocks also takes one skip.
    pub(super) fn load(weights: &mut Weights, config: &UnetConfig, i: usize) -> Result<Self> {
        let path = format!("up_blocks.{i}");
        let level = config.levels() - 1 - i;
        let width = config.block_out_channels[level];
        let from_below = config.block_out_channels[(level + 1).min(config.levels() - 1)];
        let last_skip = config.block_out_channels[level.saturating_sub(1)];
        let layers = config.up[i].len();
        let mut resnets = Vec::new();
        let mut attentions = Vec::new();
        for (j, depth) in config.up[i].iter().enumerate() {
            let input = if j == 0 { from_below } else { width };
            let skip = if j + 1 == layers { last_skip } else { width };
            let resnet = format!("{path}.resnets.{j}");
            resnets.push(Resnet::load(weights, resnet, [input + skip, width], config.resnet())?);
            attentions.push(config.attention(weights, (&path, j), level, *depth)?);
        }
        let upsampler = (level > 0)
            .then(|| Upsample::load(weights, format!("{path}.upsamplers.0"), width))
            .transpose()?;
        Ok(Self { path, resnets, attentions, upsampler })
    }

    pub(super) fn forward(
        &self,
        mut x: Tensor<4>,
        time: &Tensor<2>,
        attended: Attended<'_>,
        skips: &mut Vec<Tensor<4>>,
        merge: &dyn Fn(Tensor<4>, Tensor<4>) -> (Tensor<4>, Tensor<4>),
    ) -> Tensor<4> {
        for (i, resnet) in self.resnets.iter().enumerate() {
            let skip =
                skips.pop().expect("down blocks pushed one skip for every residual block here");
            let (scaled, skip) = merge(x, skip);
            x = resnet.forward(Tensor::cat(vec![scaled, skip], 1), Some(time));
            if let Some(attention) = &self.attentions[i] {
                x = attention.forward(x, attended);
            }
        }
        if let (Some(upsampler), Some(next)) = (&self.upsampler, skips.last()) {
            let [_, _, height, width] = next.dims();
            x = upsampler.forward(x, [height, width]);
        }
        seen(&self.path, x)
    }
}
