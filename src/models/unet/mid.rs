//! The lowest level.

use burn::tensor::Tensor;

use super::UnetConfig;
use crate::error::Result;
use crate::models::blocks::resnet::Resnet;
use crate::models::blocks::transformer::{Attended, Transformer};
use crate::models::probe::seen;
use crate::weights::Weights;

/// `UNetMidBlock2DCrossAttn`; without attention `UNetMidBlock2D` of no layers, a residual block alone; and nothing at
/// all where pruning took it out.
#[derive(Debug)]
pub(in crate::models) struct MidBlock {
    resnets: Vec<Resnet>,
    /// Between two residual blocks.
    attention: Option<Transformer>,
}

impl MidBlock {
    pub(in crate::models) fn load(weights: &mut Weights, config: &UnetConfig) -> Result<Self> {
        let level = config.levels() - 1;
        let width = config.block_out_channels[level];
        let count = match config.middle {
            None => 0,
            Some(0) => 1,
            Some(_) => 2,
        };
        let resnet = |i| {
            let path = format!("mid_block.resnets.{i}");
            Resnet::load(weights, path, [width; 2], config.resnet())
        };
        let resnets = (0..count).map(resnet).collect::<Result<_>>()?;
        let layers = config.middle.unwrap_or(0);
        let attention = config.attention(weights, ("mid_block", 0), level, layers)?;
        Ok(Self { resnets, attention })
    }

    pub(in crate::models) fn forward(
        &self,
        mut x: Tensor<4>,
        time: &Tensor<2>,
        attended: Attended<'_>,
    ) -> Tensor<4> {
        for (i, resnet) in self.resnets.iter().enumerate() {
            if let (1, Some(attention)) = (i, &self.attention) {
                x = attention.forward(x, attended);
            }
            x = resnet.forward(x, Some(time));
        }
        seen("mid_block", x)
    }
}
