//! Attention whose scores are never in memory: queries stay, keys pass by in blocks, and what was summed is scaled down
//! whenever a larger score is met.
//!
//! A cube of 16 × 16 units answers `16 · rows` queries of one head. Scores of a block of keys are a tiled product as in
//! [`product`](super::product); a few units for each query then find their largest and their exponentials, and a unit
//! sums `rows` by some vectors of the values that these weigh.
//!
//! # Source
//!
//! Dao et al. 2022, <https://arxiv.org/abs/2205.14135>, algorithm 1; Milakov & Gimelshein 2018,
//! <https://arxiv.org/abs/1805.02867>, for the running sum.

use burn::tensor::Tensor;
use cubecl::ir::ElemType;
use cubecl::prelude::*;

use super::small_heads::{self, small_heads_kernel};
use super::{arg, buffer, buffer_in, element, empty, in_parts, tensor};
use crate::ops::like;

/// Units of a cube along each side.
const SIDE: usize = 16;
/// Keys in a block.
const KEYS: usize = 32;
/// Vectors of a query or key that pass through shared memory at once.
const DEPTH: usize = 4;
/// Vectors from one key to the next in shared memory, and scores from one query to the next: see `product`.
const PITCH: usize = DEPTH + 1;
const SCORES: usize = KEYS + 1;
/// Less than any score, and no infinity: WGSL has none.
pub(super) const NEVER: f32 = -1e30;

/// What a kernel is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Variant {
    /// Queries of a unit.
    rows: usize,
    /// Vectors of four in a head.
    vectors: usize,
    /// Whether a query sees its own key and those before it only.
    causal: bool,
}

impl Variant {
    /// Large heads leave room for one query a unit.
    fn new(head: usize, causal: bool) -> Self {
        Self { rows: if head > 160 { 1 } else { 4 }, vectors: head / 4, causal }
    }

    /// Queries of a cube.
    fn queries(self) -> usize {
        SIDE * self.rows
    }

    /// Shared memory for queries and keys, then values, in vectors.
    fn stage(self) -> usize {
        (self.queries() * DEPTH + KEYS * PITCH).max(self.vectors)
    }

    /// Values that are brought at once.
    fn values(self) -> usize {
        let fit = (self.stage() / self.vectors).clamp(1, KEYS);
        1 << fit.ilog2()
    }
}

/// The sizes of an attention.
#[derive(CubeLaunch, CubeType, Clone)]
pub(super) struct Sizes {
    /// The query that the first cube begins with: a large attention is launched in parts.
    pub(super) first: u32,
    pub(super) queries: u32,
    pub(super) keys: u32,
    pub(super) heads: u32,
    /// What scores are multiplied by.
    pub(super) scale: f32,
}

/// `q`, `y`: `[batch, queries, heads · d]`; `k`, `v`: `[batch, keys, heads · d]`, all in vectors of four.
#[cube(launch_unchecked)]
fn attention_kernel<F: Float, N: Size>(
    q: &[Vector<F, N>],
    k: &[Vector<F, N>],
    v: &[Vector<F, N>],
    y: &mut [Vector<F, N>],
    sizes: Sizes,
    #[comptime] variant: Variant,
    #[define(F)] _element: ElemType,
) {
    let Variant { rows, vectors, causal } = comptime!(variant);
    let block = comptime!(variant.queries());
    // Units that share a query's scores, and the scores of each.
    let parts = comptime!(SIDE * SIDE / block);
    let share = comptime!(KEYS / parts);
    let owned = comptime!(vectors.div_ceil(SIDE));
    let at_once = comptime!(variant.values());

    let mut stage = Shared::<[Vector<f32, N>]>::new_slice(comptime!(variant.stage()));
    let mut scores = Shared::<[f32]>::new_slice(comptime!(block * SCORES));
    let mut part = Shared::<[f32]>::new_slice(comptime!(SIDE * SIDE));
    let mut factor = Shared::<[f32]>::new_slice(block);

    let unit = UNIT_POS as usize;
    let (tx, ty) = (unit % SIDE, unit / SIDE);
    let (lane, first) = (unit % DEPTH, unit / DEPTH);
    let (own_row, own_part) = (unit / parts, unit % parts);

    let queries = sizes.queries as usize;
    let keys = sizes.keys as usize;
    let heads = sizes.heads as usize;
    let width = heads * vectors;
    let first_query = sizes.first as usize + CUBE_POS_X as usize * block;
    let (batch, head) = (CUBE_POS_Y as usize / heads, CUBE_POS_Y as usize % heads);
    let of_query = batch * queries * width + head * vectors;
    let of_key = batch * keys * width + head * vectors;

    let mut largest = NEVER.runtime();
    let mut total = 0.0f32;
    let mut sums = Array::<Vector<f32, N>>::new(comptime!(rows * owned));
    #[unroll]
    for i in 0..comptime!(rows * owned) {
        sums[i] = Vector::new(0.0f32);
    }

    let mut end = keys;
    if comptime!(causal) {
        end = usize::min(keys, first_query + block);
    }
    for turn in 0..end.div_ceil(KEYS) {
        let first_key = turn * KEYS;
        let mut products = Array::<f32>::new(comptime!(rows * 2));
        #[unroll]
        for i in 0..comptime!(rows * 2) {
            products[i] = 0.0f32;
        }
        for chunk in 0..comptime!(vectors.div_ceil(DEPTH)) {
            let vector = chunk * DEPTH + lane;
            sync_cube();
            if first < block {
                let query = first_query + first;
                let mut value = Vector::<f32, N>::new(0.0f32);
                if query < queries && vector < vectors {
                    value = Vector::cast_from(q[of_query + query * width + vector]);
                }
                stage[first * DEPTH + lane] = value;
            }
            if first < KEYS {
                let key = first_key + first;
                let mut value = Vector::<f32, N>::new(0.0f32);
                if key < keys && vector < vectors {
                    value = Vector::cast_from(k[of_key + key * width + vector]);
                }
                stage[block * DEPTH + first * PITCH + lane] = value;
            }
            sync_cube();
            #[unroll]
            for d in 0..DEPTH {
                let b = stage[block * DEPTH + tx * PITCH + d];
                let c = stage[block * DEPTH + (tx + SIDE) * PITCH + d];
                #[unroll]
                for i in 0..rows {
                    let a = stage[(ty + SIDE * i) * DEPTH + d];
                    products[2 * i] += a.dot(b);
                    products[2 * i + 1] += a.dot(c);
                }
            }
        }
        #[unroll]
        for i in 0..rows {
            let row = ty + SIDE * i;
            #[unroll]
            for j in 0..2usize {
                let key = first_key + tx + SIDE * j;
                let mut is_seen = key < keys;
                if comptime!(causal) {
                    is_seen = is_seen && key <= first_query + row;
                }
                scores[row * SCORES + tx + SIDE * j] =
                    select(is_seen, products[2 * i + j] * sizes.scale, NEVER.runtime());
            }
        }
        sync_cube();
        let start = own_row * SCORES + own_part * share;
        let mut most = NEVER.runtime();
        #[unroll]
        for i in 0..share {
            most = f32::max(most, scores[start + i]);
        }
        part[unit] = most;
        sync_cube();
        #[unroll]
        for i in 0..parts {
            most = f32::max(most, part[own_row * parts + i]);
        }
        sync_cube();
        most = f32::max(most, largest);
        let shrink = f32::exp(largest - most);
        largest = most;
        let mut sum = 0.0f32;
        #[unroll]
        for i in 0..share {
            let weight = f32::exp(scores[start + i] - most);
            scores[start + i] = weight;
            sum += weight;
        }
        part[unit] = sum;
        if own_part == 0 {
            factor[own_row] = shrink;
        }
        sync_cube();
        total *= shrink;
        #[unroll]
        for i in 0..parts {
            total += part[own_row * parts + i];
        }
        #[unroll]
        for i in 0..rows {
            let shrink = Vector::new(factor[ty + SIDE * i]);
            #[unroll]
            for j in 0..owned {
                sums[i * owned + j] *= shrink;
            }
        }
        for some in 0..comptime!(KEYS / at_once) {
            let from = some * at_once;
            sync_cube();
            let count = comptime!(at_once * vectors);
            let mut i = unit;
            while i < count {
                let key = first_key + from + i / vectors;
                let mut value = Vector::<f32, N>::new(0.0f32);
                if key < keys {
                    value = Vector::cast_from(v[of_key + key * width + i % vectors]);
                }
                stage[i] = value;
                i += comptime!(SIDE * SIDE);
            }
            sync_cube();
            for key in 0..at_once {
                #[unroll]
                for j in 0..owned {
                    let vector = tx + SIDE * j;
                    let value = stage[key * vectors + usize::min(vector, comptime!(vectors - 1))];
                    #[unroll]
                    for i in 0..rows {
                        let weight = scores[(ty + SIDE * i) * SCORES + from + key];
                        sums[i * owned + j] += Vector::new(weight) * value;
                    }
                }
            }
        }
    }
    sync_cube();
    if own_part == 0 {
        factor[own_row] = 1.0f32 / total;
    }
    sync_cube();
    #[unroll]
    for i in 0..rows {
        let row = ty + SIDE * i;
        let query = first_query + row;
        #[unroll]
        for j in 0..owned {
            let vector = tx + SIDE * j;
            if query < queries && vector < vectors {
                y[of_query + query * width + vector] =
                    Vector::cast_from(sums[i * owned + j] * Vector::new(factor[row]));
            }
        }
    }
}

pub(in crate::ops) fn split_heads_attention(
    qkv: [Tensor<3>; 3],
    heads: usize,
    causal: bool,
) -> Tensor<3> {
    let [batch, queries, width] = qkv[0].dims();
    let head = width / heads;
    let scale = 1.0 / (head as f32).sqrt();
    let missing = head.next_multiple_of(4) - head;
    if missing == 0 {
        return in_vectors(qkv, heads, scale, causal);
    }
    // No model that anybody trained has such heads, but tests have. What is zero changes no score and no sum.
    let padded = qkv.map(|x| {
        let tokens = x.dims()[1];
        let zeros = like(Tensor::zeros([batch, tokens, heads, missing], &x.device()), &x);
        let x = Tensor::cat(vec![x.reshape([batch, tokens, heads, head]), zeros], 3);
        x.reshape([batch, tokens, heads * (head + missing)])
    });
    let y = in_vectors(padded, heads, scale, causal);
    let y = y.reshape([batch, queries, heads, head + missing]).narrow(3, 0, head);
    y.reshape([batch, queries, width])
}

/// Of heads that are whole vectors of four.
fn in_vectors([q, k, v]: [Tensor<3>; 3], heads: usize, scale: f32, causal: bool) -> Tensor<3> {
    let [batch, queries, width] = q.dims();
    let keys = k.dims()[1];
    let q = buffer(q);
    let (k, v) = (buffer_in(k, q.dtype), buffer_in(v, q.dtype));
    let y = empty(&q, [batch, queries, width]);
    let head = width / heads;
    // Some of the queries at a time, where all are too much at once.
    macro_rules! start {
        ($kernel:ident, $variant:ident, $units:expr) => {
            let each = $variant.queries();
            let multiply_adds = 2.0 * (batch * queries) as f64 * (keys * width) as f64;
            in_parts(&q.client, queries.div_ceil(each), multiply_adds, |cubes| {
                launch!($kernel(
                    &q.client,
                    CubeCount::Static(cubes.len() as u32, (batch * heads) as u32, 1),
                    $units,
                    4,
                    arg(&q),
                    arg(&k),
                    arg(&v),
                    arg(&y),
                    SizesLaunch::new(
                        (cubes.start * each) as u32,
                        queries as u32,
                        keys as u32,
                        heads as u32,
                        scale,
                    ),
                    $variant,
                    element(&q),
                ));
            });
        };
    }
    if let Some(variant) = small_heads::Variant::new(head, queries, causal) {
        start!(small_heads_kernel, variant, CubeDim::new_1d(small_heads::UNITS as u32));
    } else {
        let variant = Variant::new(head, causal);
        start!(attention_kernel, variant, CubeDim::new_2d(SIDE as u32, SIDE as u32));
    }
    tensor(y)
}
