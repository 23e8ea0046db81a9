//! diffusers' `Attention` layer.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::Tensor;

use crate::error::Result;
use crate::ops::{self, After, Linear};
use crate::weights::Weights;

/// Projections around [`ops::split_heads_attention`].
#[derive(Debug)]
pub(crate) struct Attention {
    path: String,
    /// No other layer has it.
    id: usize,
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

/// A prompt's embeddings, and what attention layers made of them: it is the same in every step.
#[derive(Debug)]
pub struct Context {
    embeddings: Tensor<3>,
    /// Keys and values, by the layer.
    known: RefCell<BTreeMap<usize, [Tensor<3>; 2]>>,
}

/// Numbers of keys and values that are kept; what is beyond, with very long prompts, is computed in every step.
const KEPT: usize = 32 << 20;

impl Context {
    fn keys_and_values(&self, layer: &Attention) -> [Tensor<3>; 2] {
        let known = self.known.borrow().get(&layer.id).cloned();
        known.unwrap_or_else(|| {
            let made = layer.keys_and_values(self.embeddings.clone());
            let mut known = self.known.borrow_mut();
            let numbers = |pair: &[Tensor<3>; 2]| 2 * pair[0].shape().num_elements();
            if known.values().map(numbers).sum::<usize>() + numbers(&made) <= KEPT {
                known.insert(layer.id, made.clone());
            }
            made
        })
    }
}

impl From<Tensor<3>> for Context {
    fn from(embeddings: Tensor<3>) -> Self {
        Self { embeddings: ops::narrowed(embeddings), known: RefCell::default() }
    }
}

impl Attention {
    pub(crate) fn load(weights: &mut Weights, path: String, size: AttentionSize) -> Result<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let AttentionSize { width, context_width, heads, bias } = size;
        Ok(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            to_q: weights.linear(&format!("{path}.to_q"), width, width, bias)?,
            to_k: weights.linear(&format!("{path}.to_k"), context_width, width, bias)?,
            to_v: weights.linear(&format!("{path}.to_v"), context_width, width, bias)?,
            to_out: weights.linear(&format!("{path}.to_out.0"), width, width, true)?,
            heads,
            path,
        })
    }

    /// Of `x` to `asked`: `[batch, tokens, width]`, `[batch, keys, context width]`.
    pub(crate) fn forward(&self, x: Tensor<3>, asked: Tensor<3>) -> Tensor<3> {
        self.to_out.forward(self.answer(x, self.keys_and_values(asked)))
    }

    /// As [`Attention::forward`] of `x` to itself, added to `to`.
    pub(crate) fn forward_self(&self, x: Tensor<3>, to: Tensor<3>) -> Tensor<3> {
        let keys_and_values = self.keys_and_values(x.clone());
        self.added(self.answer(x, keys_and_values), to)
    }

    /// As [`Attention::forward`] of `x` to a prompt, added to `to`.
    pub(crate) fn forward_cross(
        &self,
        x: Tensor<3>,
        context: &Context,
        to: Tensor<3>,
    ) -> Tensor<3> {
        self.added(self.answer(x, context.keys_and_values(self)), to)
    }

    fn keys_and_values(&self, asked: Tensor<3>) -> [Tensor<3>; 2] {
        [self.to_k.forward(asked.clone()), self.to_v.forward(asked)]
    }

    fn answer(&self, x: Tensor<3>, [k, v]: [Tensor<3>; 2]) -> Tensor<3> {
        ops::split_heads_attention(self.to_q.forward(x), k, v, self.heads, false)
    }

    fn added(&self, answer: Tensor<3>, to: Tensor<3>) -> Tensor<3> {
        self.to_out.forward_then(answer, After::plus(to))
    }

    /// Where it is in the checkpoint.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}
