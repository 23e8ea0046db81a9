//! The way down: maps shrink, and are kept for the way up.

use burn::tensor::Tensor;

use super::{UnetConfig, residuals};
use crate::error::Result;
use crate::models::blocks::resnet::{Downsample, Resnet};
use crate::models::blocks::transformer::{Attended, Transformer};
use crate::models::probe::seen;
use crate::ops::Padding;
use crate::weights::Weights;

/// `DownBlock2D` and `CrossAttnDownBlock2D`.
#[derive(Debug)]
pub(in crate::models) struct DownBlock {
    path: String,
    resnets: Vec<Resnet>,
    attentions: Vec<Option<Transformer>>,
    downsampler: Option<Downsample>,
}

impl DownBlock {
    pub(in crate::models) fn load(
        weights: &mut Weights,
        config: &UnetConfig,
        level: usize,
    ) -> Result<Self> {
        let path = format!("down_blocks.{level}");
        let width = config.block_out_channels[level];
        let before = config.block_out_channels[level.saturating_sub(1)];
        let mut resnets = Vec::new();
        let mut attentions = Vec::new();
        for (i, layers) in config.down[level].iter().enumerate() {
            let input = if i == 0 { before } else { width };
            let resnet = format!("{path}.resnets.{i}");
            resnets.push(Resnet::load(weights, resnet, [input, width], config.resnet())?);
            attentions.push(config.attention(weights, (&path, i), level, *layers)?);
        }
        let downsampler = (level + 1 < config.levels())
            .then(|| {
                let path = format!("{path}.downsamplers.0");
                Downsample::load(weights, path, width, Padding::Same(1))
            })
            .transpose()?;
        Ok(Self { path, resnets, attentions, downsampler })
    }

    /// Hands on the map and keeps it, after every layer and after shrinking, in `skips`.
    ///
    /// `added` is an adapter's map for this block. It is added where the adapter was trained to: in a block that
    /// attends before the map shrinks, in others at the end.
    pub(in crate::models) fn forward(
        &self,
        x: Tensor<4>,
        time: &Tensor<2>,
        attended: Attended<'_>,
        skips: &mut Vec<Tensor<4>>,
        added: Option<&Tensor<4>>,
    ) -> Tensor<4> {
        let mut x = self.layers(x, self.resnets.len(), time, attended, skips, added);
        if let Some(downsampler) = &self.downsampler {
            x = downsampler.forward(x);
            if let Some(added) = added.filter(|_| !self.attends()) {
                x = residuals::added(x, added);
            }
            skips.push(x.clone());
        }
        seen(&self.path, x)
    }

    /// The first layers, without the shrinking; the rest as [`Self::forward`].
    pub(super) fn layers(
        &self,
        mut x: Tensor<4>,
        count: usize,
        time: &Tensor<2>,
        attended: Attended<'_>,
        skips: &mut Vec<Tensor<4>>,
        added: Option<&Tensor<4>>,
    ) -> Tensor<4> {
        for (i, resnet) in self.resnets.iter().enumerate().take(count) {
            x = resnet.forward(x, Some(time));
            if let Some(attention) = &self.attentions[i] {
                x = attention.forward(x, attended);
            }
            let here =
                i + 1 == self.resnets.len() && (self.attends() || self.downsampler.is_none());
            if let Some(added) = added.filter(|_| here) {
                x = residuals::added(x, added);
            }
            skips.push(x.clone());
        }
        x
    }

    fn attends(&self) -> bool {
        self.attentions.iter().any(Option::is_some)
    }
}
