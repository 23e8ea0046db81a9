//! `Transformer2DModel`: attention of the feature map to itself and to the prompt.

use burn::tensor::Tensor;

use super::attention::{Attention, AttentionSize, Context};
use super::feed_forward::FeedForward;
use super::savings::Saving;
use crate::error::Result;
use crate::models::probe::{seen, seen_as};
use crate::ops::{After, Conv2d, GroupNorm, LayerNorm, Linear, Padding};
use crate::weights::Weights;

/// Normalise, project, attend layer by layer, project back, add.
#[derive(Debug)]
pub(crate) struct Transformer {
    path: String,
    norm: GroupNorm,
    proj_in: Projection,
    transformer_blocks: Vec<TransformerBlock>,
    proj_out: Projection,
}

/// The sizes of a [`Transformer`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct TransformerSize {
    pub(crate) channels: usize,
    pub(crate) heads: usize,
    pub(crate) layers: usize,
    /// Width of the prompt's embeddings.
    pub(crate) context_width: usize,
    pub(crate) groups: usize,
    /// Project tokens (SD 2.x, SDXL) instead of the map (SD 1.x).
    pub(crate) linear_projection: bool,
}

/// What the tokens of a map attend to, beside themselves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attended<'a> {
    /// The prompt.
    pub(crate) context: &'a Context,
    /// What is saved where they attend to themselves.
    pub(crate) saving: Option<Saving>,
}

/// The same matrix, applied before or after the map is seen as tokens.
#[derive(Debug)]
enum Projection {
    Conv(Conv2d),
    Linear(Linear),
}

impl Projection {
    fn load(weights: &mut Weights, path: &str, width: usize, linear: bool) -> Result<Self> {
        if linear {
            weights.linear(path, width, width, true).map(Self::Linear)
        } else {
            weights.conv2d(path, [width; 2], 1, 1, Padding::Same(0)).map(Self::Conv)
        }
    }
}

impl Transformer {
    pub(crate) fn load(weights: &mut Weights, path: String, size: TransformerSize) -> Result<Self> {
        let TransformerSize { channels, groups, linear_projection, .. } = size;
        let norm = weights.group_norm(&format!("{path}.norm"), channels, groups, 1e-6)?;
        let proj_in =
            Projection::load(weights, &format!("{path}.proj_in"), channels, linear_projection)?;
        let transformer_blocks = (0..size.layers)
            .map(|i| {
                TransformerBlock::load(weights, format!("{path}.transformer_blocks.{i}"), size)
            })
            .collect::<Result<_>>()?;
        let proj_out =
            Projection::load(weights, &format!("{path}.proj_out"), channels, linear_projection)?;
        Ok(Self { path, norm, proj_in, transformer_blocks, proj_out })
    }

    /// `x`: `[batch, channels, height, width]`.
    pub(crate) fn forward(&self, x: Tensor<4>, attended: Attended<'_>) -> Tensor<4> {
        let dims = x.dims();
        let h = self.norm.forward(x.clone());
        let mut tokens = match &self.proj_in {
            Projection::Conv(conv) => tokens_from_map(conv.forward(h)),
            Projection::Linear(linear) => linear.forward(tokens_from_map(h)),
        };
        for block in &self.transformer_blocks {
            tokens = block.forward(tokens, attended, [dims[2], dims[3]]);
        }
        seen(
            &self.path,
            match &self.proj_out {
                Projection::Conv(conv) => {
                    conv.forward_then(map_from_tokens(tokens, dims), After::plus(x))
                }
                Projection::Linear(linear) => {
                    let x = tokens_from_map(x);
                    map_from_tokens(linear.forward_then(tokens, After::plus(x)), dims)
                }
            },
        )
    }
}

/// `[batch, channels, height, width]` → `[batch, height · width, channels]`.
pub(crate) fn tokens_from_map(x: Tensor<4>) -> Tensor<3> {
    let [batch, channels, height, width] = x.dims();
    // In this order nothing moves where a map's channels are last in memory.
    x.permute([0, 2, 3, 1]).reshape([batch, height * width, channels])
}

/// `[batch, height · width, channels]` → `[batch, channels, height, width]`.
pub(crate) fn map_from_tokens(
    x: Tensor<3>,
    [batch, channels, height, width]: [usize; 4],
) -> Tensor<4> {
    x.reshape([batch, height, width, channels]).permute([0, 3, 1, 2])
}

/// `BasicTransformerBlock`: self-attention, cross-attention, gated feed-forward.
#[derive(Debug)]
struct TransformerBlock {
    path: String,
    norm1: LayerNorm,
    attn1: Attention,
    norm2: LayerNorm,
    attn2: Attention,
    ff: FeedForward,
}

impl TransformerBlock {
    fn load(weights: &mut Weights, path: String, size: TransformerSize) -> Result<Self> {
        let TransformerSize { channels: width, heads, context_width, .. } = size;
        let attention = |context_width| AttentionSize { width, context_width, heads, bias: false };
        Ok(Self {
            norm1: weights.layer_norm(&format!("{path}.norm1"), width, 1e-5)?,
            attn1: Attention::load(weights, format!("{path}.attn1"), attention(width))?,
            norm2: weights.layer_norm(&format!("{path}.norm2"), width, 1e-5)?,
            attn2: Attention::load(weights, format!("{path}.attn2"), attention(context_width))?,
            ff: FeedForward::load(weights, &path, width)?,
            path,
        })
    }

    fn forward(&self, x: Tensor<3>, attended: Attended<'_>, size: [usize; 2]) -> Tensor<3> {
        let normed = self.norm1.forward(x.clone());
        let sum = match attended.saving {
            Some(saving) => {
                let own = |q, k| self.attn1.forward(q, k);
                x.clone() + saving.attend(&self.path, normed, size, &own)
            }
            None => self.attn1.forward_self(normed, x.clone()),
        };
        seen_as(self.attn1.path(), || sum.clone() - x);
        let (x, normed) = (sum.clone(), self.norm2.forward(sum));
        let sum = self.attn2.forward_cross(normed, attended.context, x.clone());
        seen_as(self.attn2.path(), || sum.clone() - x);
        seen(&self.path, self.ff.forward(sum))
    }
}
