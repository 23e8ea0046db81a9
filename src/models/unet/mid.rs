//! The lowest level.

use burn::tensor::Tensor;

use super::UnetConfig;
use crate::error::Result;
use crate::models::blocks::resnet::Resnet;
use crate::models::blocks::transformer::{Transformer, TransformerSize};
use crate::models::probe::seen;
use crate::weights::Weights;

/// `UNetMidBlock2DCrossAttn`; without attention `UNetMidBlock2D` of no layers, a residual block alone.
#[derive(Debug)]
pub(in crate::models) struct MidBlock {
    first: Resnet,
    rest: Option<(Transformer, Resnet)>,
}

impl MidBlock {
    /// `layers` is the depth of its attention, if it has any.
    pub(in crate::models) fn load(
        weights: &mut Weights,
        config: &UnetConfig,
        layers: Option<usize>,
    ) -> Result<Self> {
        let level = config.levels() - 1;
        let width = config.block_out_channels[level];
        let mut resnet = |i| {
            let path = format!("mid_block.resnets.{i}");
            Resnet::load(weights, path, [width; 2], config.resnet())
        };
        let first = resnet(0)?;
        let Some(layers) = layers else { return Ok(Self { first, rest: None }) };
        let last = resnet(1)?;
        let size = TransformerSize { layers, ..config.transformer(level) };
        let attention = Transformer::load(weights, "mid_block.attentions.0".to_owned(), size)?;
        Ok(Self { first, rest: Some((attention, last)) })
    }

    pub(in crate::models) fn forward(
        &self,
        x: Tensor<4>,
        time: &Tensor<2>,
        context: &Tensor<3>,
    ) -> Tensor<4> {
        let mut x = self.first.forward(x, Some(time));
        if let Some((attention, last)) = &self.rest {
            x = last.forward(attention.forward(x, context), Some(time));
        }
        seen("mid_block", x)
    }
}
