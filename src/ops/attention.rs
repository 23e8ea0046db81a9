//! Scaled dot-product attention.

use burn::tensor::Tensor;

#[cfg(feature = "cpu")]
use super::cpu;
#[cfg(feature = "webgpu")]
use super::gpu;

/// `softmax(q·kᵀ / √d)·v` for each head, for projections that hold all heads side by side; with `causal`, a token sees
/// itself and those before it. Scores are never in memory as a whole.
///
/// # Shapes
///
/// - `q`: `[batch, queries, heads · d]`
/// - `k`, `v`: `[batch, keys, heads · d]`
/// - output: as `q`
///
/// # Source
///
/// Vaswani et al. 2017, <https://arxiv.org/abs/1706.03762>, equation 1; torch 2.15
/// `scaled_dot_product_attention`.
pub fn split_heads_attention(
    q: Tensor<3>,
    k: Tensor<3>,
    v: Tensor<3>,
    heads: usize,
    causal: bool,
) -> Tensor<3> {
    on_device!(q,
        cpu: cpu::split_heads_attention([q, k, v], heads, causal),
        gpu: gpu::split_heads_attention([q, k, v], heads, causal))
}
