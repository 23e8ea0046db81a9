//! Attention of heads that fit in a unit's registers: each unit answers queries of its own, and shares with others only
//! what is read of keys and values. No score is in memory of any kind.
//!
//! The running sum is that of [`attention`](super::attention), where its source is.

use cubecl::ir::ElemType;
use cubecl::prelude::*;

use super::attention::{NEVER, Sizes};
use crate::device;

/// Units of a cube.
pub(super) const UNITS: usize = 64;
/// Keys and values that pass through shared memory at once.
const KEYS: usize = 32;
/// Vectors of four in the largest head: 40 numbers of a query and 40 sums are as many as small GPUs have registers for.
const LARGEST: usize = 10;

/// What a kernel is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Variant {
    /// Queries of a unit.
    rows: usize,
    /// Keys that what was summed is scaled down for together.
    step: usize,
    /// Vectors of four in a head.
    vectors: usize,
    /// Whether a query sees its own key and those before it only.
    causal: bool,
}

impl Variant {
    /// None where a head is too large.
    pub(super) fn new(head: usize, queries: usize, causal: bool) -> Option<Self> {
        let vectors = head / 4;
        // Several queries read a key once; where there are few, more units are worth more. A processor that stands in for a GPU
        // keeps more sums at hand than that has registers for, and is slow to compile a long step.
        let (most, step) = match vectors {
            _ if device::is_software() => (4, 2),
            0..=6 => (2, 8),
            _ => (1, 8),
        };
        let rows = queries.div_ceil(UNITS).min(most);
        (vectors <= LARGEST).then_some(Self { rows, step, vectors, causal })
    }

    /// Queries of a cube.
    pub(super) fn queries(self) -> usize {
        UNITS * self.rows
    }
}

/// `q`, `y`: `[batch, queries, heads · d]`; `k`, `v`: `[batch, keys, heads · d]`, all in vectors of four.
#[cube(launch_unchecked)]
pub(super) fn small_heads_kernel<F: Float, N: Size>(
    q: &[Vector<F, N>],
    k: &[Vector<F, N>],
    v: &[Vector<F, N>],
    y: &mut [Vector<F, N>],
    sizes: Sizes,
    #[comptime] variant: Variant,
    #[define(F)] _element: ElemType,
) {
    let Variant { rows, step, vectors, causal } = comptime!(variant);
    let block = comptime!(variant.queries());
    let staged = comptime!(KEYS * vectors);
    let mut stage_keys = Shared::<[Vector<f32, N>]>::new_slice(staged);
    let mut stage_values = Shared::<[Vector<f32, N>]>::new_slice(staged);

    let unit = UNIT_POS as usize;
    let queries = sizes.queries as usize;
    let keys = sizes.keys as usize;
    let heads = sizes.heads as usize;
    let width = heads * vectors;
    let first_query = sizes.first as usize + CUBE_POS_X as usize * block;
    let (batch, head) = (CUBE_POS_Y as usize / heads, CUBE_POS_Y as usize % heads);
    let of_query = batch * queries * width + head * vectors;
    let of_key = batch * keys * width + head * vectors;

    let mut asked = Array::<Vector<f32, N>>::new(comptime!(rows * vectors));
    let mut sums = Array::<Vector<f32, N>>::new(comptime!(rows * vectors));
    let mut largest = Array::<f32>::new(rows);
    let mut total = Array::<f32>::new(rows);
    #[unroll]
    for i in 0..rows {
        // One that is not there is the last one again.
        let query = usize::min(first_query + unit + i * UNITS, queries - 1);
        largest[i] = NEVER.runtime();
        total[i] = 0.0f32;
        #[unroll]
        for d in 0..vectors {
            let asks = Vector::<f32, N>::cast_from(q[of_query + query * width + d]);
            asked[i * vectors + d] = asks * Vector::new(sizes.scale);
            sums[i * vectors + d] = Vector::new(0.0f32);
        }
    }

    let mut end = keys;
    if comptime!(causal) {
        end = usize::min(keys, first_query + block);
    }
    for turn in 0..end.div_ceil(KEYS) {
        let first_key = turn * KEYS;
        sync_cube();
        let mut i = unit;
        while i < staged {
            let key = first_key + i / vectors;
            let mut one = Vector::<f32, N>::new(0.0f32);
            let mut other = Vector::<f32, N>::new(0.0f32);
            if key < keys {
                let place = of_key + key * width + i % vectors;
                one = Vector::cast_from(k[place]);
                other = Vector::cast_from(v[place]);
            }
            stage_keys[i] = one;
            stage_values[i] = other;
            i += UNITS;
        }
        sync_cube();
        for some in 0..comptime!(KEYS / step) {
            let from = some * step;
            let mut weights = Array::<f32>::new(comptime!(rows * step));
            #[unroll]
            for n in 0..step {
                #[unroll]
                for i in 0..rows {
                    weights[i * step + n] = 0.0f32;
                }
                #[unroll]
                for d in 0..vectors {
                    let key = stage_keys[(from + n) * vectors + d];
                    #[unroll]
                    for i in 0..rows {
                        weights[i * step + n] += asked[i * vectors + d].dot(key);
                    }
                }
            }
            #[unroll]
            for i in 0..rows {
                let mut most = largest[i];
                #[unroll]
                for n in 0..step {
                    let key = first_key + from + n;
                    let mut is_seen = key < keys;
                    if comptime!(causal) {
                        is_seen = is_seen && key <= first_query + unit + i * UNITS;
                    }
                    let score = select(is_seen, weights[i * step + n], NEVER.runtime());
                    weights[i * step + n] = score;
                    most = f32::max(most, score);
                }
                let shrink = f32::exp(largest[i] - most);
                largest[i] = most;
                let mut sum = total[i] * shrink;
                #[unroll]
                for n in 0..step {
                    let weight = f32::exp(weights[i * step + n] - most);
                    weights[i * step + n] = weight;
                    sum += weight;
                }
                total[i] = sum;
                #[unroll]
                for d in 0..vectors {
                    sums[i * vectors + d] *= Vector::new(shrink);
                }
            }
            #[unroll]
            for n in 0..step {
                #[unroll]
                for d in 0..vectors {
                    let value = stage_values[(from + n) * vectors + d];
                    #[unroll]
                    for i in 0..rows {
                        sums[i * vectors + d] += Vector::new(weights[i * step + n]) * value;
                    }
                }
            }
        }
    }
    #[unroll]
    for i in 0..rows {
        let query = first_query + unit + i * UNITS;
        if query < queries {
            let share = 1.0f32 / total[i];
            #[unroll]
            for d in 0..vectors {
                y[of_query + query * width + d] =
                    Vector::cast_from(sums[i * vectors + d] * Vector::new(share));
            }
        }
    }
}
