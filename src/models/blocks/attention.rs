//! diffusers' `Attention` layer.

use burn::tensor::Tensor;

use crate::error::Result;
use crate::ops::{self, Linear};
use crate::weights::Weights;

/// Projections around [`ops::split_heads_attention`].
#[derive(Debug)]
pub(crate) struct Attention {
    path: String,
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
    heads: usize,
}

/// The sizes of an [`Attention`] layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AttentionSize {
    /// Width of the tokens that ask, and of the output.
    pub(crate) width: usize,
    /// Width of the tokens that are asked.
    pub(crate) context_width: usize,
    pub(crate) heads: usize,
    /// Whether the three input projections have a bias; the output's always has.
    pub(crate) bias: bool,
}

impl Attention {
    pub(crate) fn load(weights: &mut Weights, path: String, size: AttentionSize) -> Result<Self> {
        let AttentionSize { width, context_width, heads, bias } = size;
        Ok(Self {
            to_q: weights.linear(&format!("{path}.to_q"), width, width, bias)?,
            to_k: weights.linear(&format!("{path}.to_k"), context_width, width, bias)?,
            to_v: weights.linear(&format!("{path}.to_v"), context_width, width, bias)?,
            to_out: weights.linear(&format!("{path}.to_out.0"), width, width, true)?,
            heads,
            path,
        })
    }

    /// `x`: `[batch, tokens, width]`; `context`: `[batch, keys, context width]`.
    pub(crate) fn forward(&self, x: Tensor<3>, context: Tensor<3>) -> Tensor<3> {
        let (q, k) = (self.to_q.forward(x), self.to_k.forward(context.clone()));
        let v = self.to_v.forward(context);
        let out = ops::split_heads_attention(q, k, v, self.heads, false);
        self.to_out.forward(out)
    }

    /// Where it is in the checkpoint.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}
