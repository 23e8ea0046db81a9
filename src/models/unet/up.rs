//! The way up: maps grow, and take in what skipped the levels below.

use std::ops::Range;

use burn::tensor::Tensor;

use super::UnetConfig;
use crate::error::Result;
use crate::models::blocks::resnet::{Resnet, Upsample};
use crate::models::blocks::transformer::{Attended, Transformer};
use crate::models::probe::seen;
use crate::ops;
use crate::weights::Weights;

/// `UpBlock2D` and `CrossAttnUpBlock2D`.
#[derive(Debug)]
pub(super) struct UpBlock {
    path: String,
    resnets: Vec<Resnet>,
    attentions: Vec<Option<Transformer>>,
    upsampler: Option<Upsample>,
}

/// What is done to a map from below and to a skip before they are joined.
pub(super) type Merge<'a> = dyn Fn(Tensor<4>, Tensor<4>) -> (Tensor<4>, Tensor<4>) + 'a;

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

    /// How many residual blocks it has.
    pub(super) fn len(&self) -> usize {
        self.resnets.len()
    }

    pub(super) fn forward(
        &self,
        x: Tensor<4>,
        time: &Tensor<2>,
        attended: Attended<'_>,
        skips: &mut Vec<Tensor<4>>,
        merge: &Merge<'_>,
    ) -> Tensor<4> {
        let x = self.layers(x, 0..self.len(), time, attended, skips, merge);
        self.grown(x, skips)
    }

    /// Some of the layers, each of which takes in the last of `skips`.
    pub(super) fn layers(
        &self,
        mut x: Tensor<4>,
        which: Range<usize>,
        time: &Tensor<2>,
        attended: Attended<'_>,
        skips: &mut Vec<Tensor<4>>,
        merge: &Merge<'_>,
    ) -> Tensor<4> {
        for i in which {
            let skip =
                skips.pop().expect("down blocks pushed one skip for every residual block here");
            let (scaled, skip) = merge(x, skip);
            x = self.resnets[i].forward(ops::join_channels(scaled, skip), Some(time));
            if let Some(attention) = &self.attentions[i] {
                x = attention.forward(x, attended);
            }
        }
        x
    }

    /// What the layers made, as large as the next level's maps.
    pub(super) fn grown(&self, mut x: Tensor<4>, skips: &[Tensor<4>]) -> Tensor<4> {
        if let (Some(upsampler), Some(next)) = (&self.upsampler, skips.last()) {
            let [_, _, height, width] = next.dims();
            x = upsampler.forward(x, [height, width]);
        }
        seen(&self.path, x)
    }
}
