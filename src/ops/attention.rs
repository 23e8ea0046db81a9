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
    in_turns([q, k, v], causal, SCORES_BYTES)
}

/// Most that the scores of one turn take: the least that every WebGPU device binds.
const SCORES_BYTES: usize = 128 << 20;

/// Some queries after the others, as many as have scores of so many bytes.
fn in_turns([q, k, v]: [Tensor<4>; 3], causal: bool, bytes: usize) -> Tensor<4> {
    let [batch, heads, queries, _] = q.dims();
    let rows = (bytes / (4 * batch * heads * k.dims()[2])).max(1);
    // Texts, of which a token sees those before it, are short.
    if causal || rows >= queries {
        return at_once(q, k, v, causal);
    }
    let turn = |first| {
        let some = q.clone().narrow(2, first, rows.min(queries - first));
        at_once(some, k.clone(), v.clone(), false)
    };
    Tensor::cat((0..queries).step_by(rows).map(turn).collect(), 2)
}

fn at_once(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>, causal: bool) -> Tensor<4> {
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

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    #[test]
    fn turns_give_what_the_whole_gives() {
        let tensor = |seed: usize, dims: [usize; 4]| {
            let value = |i: usize| ((i * 37 + seed) % 101) as f32 / 50.0 - 1.0;
            let numbers = (0..dims.iter().product()).map(value).collect::<Vec<f32>>();
            Tensor::<4>::from_data(TensorData::new(numbers, dims), &Device::flex())
        };
        let all = [tensor(1, [2, 3, 7, 4]), tensor(2, [2, 3, 5, 4]), tensor(3, [2, 3, 5, 4])];
        let read = |x| pollster::block_on(crate::device::read(x)).unwrap();
        let whole = read(in_turns(all.clone(), false, usize::MAX));
        // Three queries at a time, and fewer bytes than one has.
        for bytes in [4 * 2 * 3 * 5 * 3, 1] {
            let turns = read(in_turns(all.clone(), false, bytes));
            let worst = turns.iter().zip(&whole).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-6 && turns.len() == whole.len(), "{bytes}: {worst}");
        }
    }
}
