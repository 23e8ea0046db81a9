//! Scaled dot-product attention over heads that lie side by side.

use wide::f32x4;

use crate::exp::exp;
use crate::lanes::{load, map, sum};
use crate::matmul::{Left, View};

/// Queries handled at once: their scores stay in the cache, whatever the length of the sequence.
const QUERIES: usize = 128;

/// The sizes of an attention.
#[derive(Debug, Clone, Copy)]
pub struct AttentionShape {
    /// Sequences.
    pub batch: usize,
    /// Tokens that ask.
    pub queries: usize,
    /// Tokens that are asked.
    pub keys: usize,
    /// Heads, side by side in `width`.
    pub heads: usize,
    /// Numbers a token.
    pub width: usize,
}

/// `softmax(q·kᵀ / √d)·v` for each head; with `causal`, token `i` sees tokens up to `i`.
///
/// # Shapes
///
/// - `q`, output: `[batch, queries, width]`; `k`, `v`: `[batch, keys, width]`
///
/// # Panics
///
/// If the lengths are not those of the shape.
pub fn attention([q, k, v]: [&[f32]; 3], shape: AttentionShape, causal: bool) -> Vec<f32> {
    let AttentionShape { batch, queries, keys, heads, width } = shape;
    assert!(heads > 0 && width % heads == 0, "whole heads");
    assert_eq!(q.len(), batch * queries * width, "queries");
    assert!(k.len() == batch * keys * width && v.len() == k.len(), "keys and values");
    let size = width / heads;
    let scale = 1.0 / (size as f32).sqrt();
    let mut out = vec![0.0; q.len()];
    let mut scores = vec![0.0; QUERIES.min(queries) * keys];
    for b in 0..batch {
        for head in 0..heads {
            let keys_at = b * keys * width + head * size;
            let k = View { data: &k[keys_at..], rows_by: 1, columns_by: width };
            let v = View { data: &v[keys_at..], rows_by: width, columns_by: 1 };
            for first in (0..queries).step_by(QUERIES) {
                let count = QUERIES.min(queries - first);
                let at = (b * queries + first) * width + head * size;
                let q = View { data: &q[at..], rows_by: width, columns_by: 1 };
                let scores = &mut scores[..count * keys];
                Left::once(q, [count, size]).product(k, keys, scores, [keys, 1], false);
                for (i, row) in scores.chunks_exact_mut(keys).enumerate() {
                    let seen = if causal { (first + i + 1).min(keys) } else { keys };
                    let (seen, hidden) = row.split_at_mut(seen);
                    softmax(seen, scale);
                    hidden.fill(0.0);
                }
                let scores = Left::once(View::rows(scores, keys), [count, keys]);
                scores.product(v, size, &mut out[at..], [width, 1], false);
            }
        }
    }
    out
}

/// Softmax of `scale · x`, in place. A NaN spreads over the row.
fn softmax(x: &mut [f32], scale: f32) {
    let (fours, rest) = x.as_chunks::<4>();
    let mut largest = f32x4::splat(f32::NEG_INFINITY);
    for four in fours {
        let four = load(four);
        largest = four.simd_gt(largest).select(four, largest);
    }
    let largest = largest.to_array().iter().chain(rest).fold(f32::NEG_INFINITY, |a, b| a.max(*b));
    let (largest, scale) = (f32x4::splat(largest), f32x4::splat(scale));
    map(x, |x| exp((x - largest) * scale));
    let total: f32 = sum(x, |x| x).iter().sum();
    let scale = f32x4::splat(1.0 / total);
    map(x, |x| x * scale);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, loop by loop.
    fn plain([q, k, v]: [&[f32]; 3], s: AttentionShape, causal: bool) -> Vec<f32> {
        let size = s.width / s.heads;
        let mut out = vec![0.0; q.len()];
        for b in 0..s.batch {
            for h in 0..s.heads {
                for i in 0..s.queries {
                    let seen = if causal { i + 1 } else { s.keys };
                    let dot = |j: usize| -> f64 {
                        (0..size)
                            .map(|d| {
                                let q = q[(b * s.queries + i) * s.width + h * size + d];
                                let k = k[(b * s.keys + j) * s.width + h * size + d];
                                f64::from(q) * f64::from(k)
                            })
                            .sum::<f64>()
                            / (size as f64).sqrt()
                    };
                    let weights: Vec<f64> = (0..seen).map(|j| dot(j).exp()).collect();
                    let total: f64 = weights.iter().sum();
                    for d in 0..size {
                        let value =
                            |j: usize| f64::from(v[(b * s.keys + j) * s.width + h * size + d]);
                        let sum: f64 = weights.iter().enumerate().map(|(j, w)| w * value(j)).sum();
                        out[(b * s.queries + i) * s.width + h * size + d] = (sum / total) as f32;
                    }
                }
            }
        }
        out
    }

    fn noise(len: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..len).map(|_| 2.0 * next()).collect()
    }

    #[test]
    fn as_the_definition() {
        for (queries, keys, heads, size, causal) in [
            (5, 7, 2, 3, false),
            (131, 77, 3, 8, false),
            (77, 77, 4, 16, true),
            (200, 200, 1, 5, true),
        ] {
            let shape = AttentionShape { batch: 2, queries, keys, heads, width: heads * size };
            let q = noise(2 * queries * heads * size, 1);
            let (k, v) = (noise(2 * keys * heads * size, 2), noise(2 * keys * heads * size, 3));
            let (ours, expected) =
                (attention([&q, &k, &v], shape, causal), plain([&q, &k, &v], shape, causal));
            let worst = ours.iter().zip(&expected).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
            assert!(worst < 2e-6, "{shape:?}: {worst}");
        }
    }

    #[test]
    fn nan_does_not_vanish() {
        let shape = AttentionShape { batch: 1, queries: 1, keys: 2, heads: 1, width: 1 };
        assert!(attention([&[1.0], &[f32::NAN, 1.0], &[1.0, 1.0]], shape, false)[0].is_nan());
    }
}
