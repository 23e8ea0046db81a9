//! Scaled dot-product attention.

use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Tensor, module};

#[cfg(feature = "cpu")]
use super::cpu;

/// `softmax(q·kᵀ / √d)·v` for each head; with `causal`, a token sees itself and those before it.
///
/// # Shapes
///
/// - `q`: `[batch, heads, queries, d]`
/// - `k`, `v`: `[batch, heads, keys, d]`
/// - output: as `q`
///
/// # Source
///
/// Vaswani et al. 2017, <https://arxiv.org/abs/1706.03762>, equation 1; torch 2.15
/// `scaled_dot_product_attention`.
pub fn attention(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>, causal: bool) -> Tensor<4> {
    let options = AttentionModuleOptions { is_causal: causal, ..Default::default() };
    module::attention(q, k, v, None, None, options)
}

/// [`attention`] for projections that hold all heads side by side.
///
/// # Shapes
///
/// - `q`: `[batch, queries, heads · d]`
/// - `k`, `v`: `[batch, keys, heads · d]`
/// - output: as `q`
pub fn split_heads_attention(
    q: Tensor<3>,
    k: Tensor<3>,
    v: Tensor<3>,
    heads: usize,
    causal: bool,
) -> Tensor<3> {
    #[cfg(feature = "cpu")]
    if cpu::holds(&q) {
        return cpu::split_heads_attention([q, k, v], heads, causal);
    }
    let [batch, queries, width] = q.dims();
    let split = |x: Tensor<3>| {
        let [batch, tokens, width] = x.dims();
        x.reshape([batch, tokens, heads, width / heads]).swap_dims(1, 2)
    };
    let out = attention(split(q), split(k), split(v), causal);
    out.swap_dims(1, 2).reshape([batch, queries, width])
}
