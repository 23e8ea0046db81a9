//! Scaled dot-product attention over heads that lie side by side.

use wide::bytemuck::cast;
use wide::f32x4;

use crate::exp::falling_exp2;
use crate::matmul::View;
use crate::tiles::{self, COLUMNS, DEPTH, ROWS, Tile};

/// Scores that are there at once, a quarter of a megabyte: they stay in a processor's second cache.
const SCORES: usize = 1 << 16;
/// Queries that share a pass over keys and values, at most.
const QUERIES: usize = 64;

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
/// If there are no keys, or the lengths are not those of the shape.
pub fn attention([q, k, v]: [&[f32]; 3], shape: AttentionShape, causal: bool) -> Vec<f32> {
    let AttentionShape { batch, queries, keys, heads, width } = shape;
    assert!(heads > 0 && width % heads == 0 && width > 0 && keys > 0, "whole heads, and keys");
    assert_eq!(q.len(), batch * queries * width, "queries");
    assert!(k.len() == batch * keys * width && v.len() == k.len(), "keys and values");
    let size = width / heads;
    let at_once = (SCORES / keys / COLUMNS * COLUMNS).clamp(COLUMNS, QUERIES);
    let mut out = vec![0.0; q.len()];
    let mut head = Head::new(size, keys, causal, at_once);
    for b in 0..batch {
        for first in (0..width).step_by(size) {
            let from = b * keys * width + first;
            let k = View { data: &k[from..], rows_by: width, columns_by: 1 };
            tiles::group::<ROWS>(k, [keys, size], &mut head.key_rows);
            let v = View { data: &v[from..], rows_by: 1, columns_by: width };
            tiles::group::<ROWS>(v, [size, keys], &mut head.value_rows);
            for query in (0..queries).step_by(at_once) {
                let count = at_once.min(queries - query);
                let at = (b * queries + query) * width + first;
                let q = View { data: &q[at..], rows_by: width, columns_by: 1 };
                head.answer(q, query, count, &mut out[at..]);
            }
        }
    }
    out
}

/// Keys and values of a head, and the scores of some queries. Everything lies as products of tiles need it: a row of keys for
/// four of them, a column of queries for eight, and so a row of scores for each key.
struct Head {
    size: usize,
    keys: usize,
    causal: bool,
    /// `[keys / 4][size][4]`
    key_rows: Vec<f32>,
    /// `[size / 4][keys][4]`
    value_rows: Vec<f32>,
    /// `[queries / 8][size][8]`
    query_columns: Vec<f32>,
    /// `[queries / 8][keys, whole fours][8]`
    scores: Vec<[f32; COLUMNS]>,
}

impl Head {
    fn new(size: usize, keys: usize, causal: bool, queries: usize) -> Self {
        let scores = queries / COLUMNS * keys.next_multiple_of(ROWS);
        let [key_rows, value_rows, query_columns] = [const { Vec::new() }; 3];
        let scores = vec![[0.0; COLUMNS]; scores];
        Self { size, keys, causal, key_rows, value_rows, query_columns, scores }
    }

    /// Keys that the last of eight queries sees, the first of which is this token.
    fn seen(&self, query: usize) -> usize {
        if self.causal { (query + COLUMNS).min(self.keys) } else { self.keys }
    }

    /// What so many queries get, the first of which is token `first`; rows of `out` are as far from each other as theirs.
    fn answer(&mut self, queries: View<'_>, first: usize, count: usize, out: &mut [f32]) {
        tiles::group::<COLUMNS>(queries, [count, self.size], &mut self.query_columns);
        self.score(first);
        let stride = self.keys.next_multiple_of(ROWS);
        let scale = 1.0 / (self.size as f32).sqrt();
        let mut totals = Vec::with_capacity(count.div_ceil(COLUMNS));
        for group in (0..count).step_by(COLUMNS) {
            let seen = self.seen(first + group);
            let scores = &mut self.scores[group / COLUMNS * stride..][..seen];
            if self.causal {
                hide(scores, first + group, f32::NEG_INFINITY);
            }
            totals.push(softmax(scores, scale));
            if self.causal {
                // The least power of two is not quite nought, and slow to multiply with.
                hide(scores, first + group, 0.0);
            }
        }
        for (i, values) in self.value_rows.chunks_exact(ROWS * self.keys).enumerate() {
            for (group, totals) in (0..count).step_by(COLUMNS).zip(&totals) {
                let seen = self.seen(first + group);
                let scores = &self.scores[group / COLUMNS * stride..][..seen];
                let tile = weighted(values.as_chunks().0, scores, totals);
                let part = [ROWS.min(self.size - i * ROWS), COLUMNS.min(count - group)];
                let to = &mut out[group * queries.rows_by + i * ROWS..];
                tiles::write(&tile, part, to, [1, queries.rows_by], false);
            }
        }
    }

    /// `q·kᵀ` of all pairs of four keys and eight queries of which any key is seen.
    fn score(&mut self, first: usize) {
        let queries: &[[f32; COLUMNS]] = self.query_columns.as_chunks().0;
        let stride = self.keys.next_multiple_of(ROWS);
        for (i, keys) in self.key_rows.chunks_exact(ROWS * self.size).enumerate() {
            for (group, queries) in queries.chunks_exact(self.size).enumerate() {
                if i * ROWS < self.seen(first + group * COLUMNS) {
                    let tile = tiles::tile(keys.as_chunks().0, queries);
                    let to = self.scores[group * stride + i * ROWS..].as_flattened_mut();
                    tiles::write(&tile, [ROWS, COLUMNS], to, [COLUMNS, 1], false);
                }
            }
        }
    }
}

/// Sets the scores of keys after a query, which is the first of its row or so much later as its place in it.
fn hide(scores: &mut [[f32; COLUMNS]], first: usize, with: f32) {
    for (key, row) in scores.iter_mut().enumerate().skip(first) {
        row[..key - first].fill(with);
    }
}

/// `exp(scale · x)` over that of the largest in its column, in place; the sums of the columns. A NaN spreads over its column.
fn softmax(x: &mut [[f32; COLUMNS]], scale: f32) -> [f32x4; 2] {
    let mut largest = [f32x4::splat(f32::NEG_INFINITY); 2];
    for row in &*x {
        let row: [f32x4; 2] = cast(*row);
        largest = [largest[0].fast_max(row[0]), largest[1].fast_max(row[1])];
    }
    let scale = f32x4::splat(scale * std::f32::consts::LOG2_E);
    let mut sums = [f32x4::ZERO; 2];
    for row in x {
        let of: [f32x4; 2] = cast(*row);
        let made = [0, 1].map(|i| falling_exp2((of[i] - largest[i]) * scale));
        sums = [sums[0] + made[0], sums[1] + made[1]];
        *row = cast(made);
    }
    sums
}

/// Four rows of values, weighted by each query's scores over their total.
fn weighted(values: &[[f32; ROWS]], scores: &[[f32; COLUMNS]], totals: &[f32x4; 2]) -> Tile {
    let mut sum = [[f32x4::ZERO; 2]; ROWS];
    for (values, scores) in values.chunks(DEPTH).zip(scores.chunks(DEPTH)) {
        let more = tiles::tile(values, scores);
        sum.as_flattened_mut().iter_mut().zip(more.as_flattened()).for_each(|(a, b)| *a += *b);
    }
    sum.map(|row| [row[0] / totals[0], row[1] / totals[1]])
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
