//! The product as GPUs want it: in tiles that pass through shared memory.
//!
//! A cube of 16 × 16 units computes `16 · rows` by `16 · columns` numbers of the result: 16 channels at one place of the kernel
//! after the others, both sides' parts pass through shared memory, four channels in a vector, and a unit multiplies `rows` by
//! `columns` of them.

use cubecl::ir::ElemType;
use cubecl::prelude::*;

use super::{Corner, Sizes, Variant, channels, corner, place, weight_row, weights, write};

/// Units of a cube along each side.
pub(in crate::ops::gpu) const SIDE: usize = 16;
/// Vectors of channels that pass through shared memory at once.
const DEPTH: usize = 4;
/// Vectors from one row of shared memory to the next: no power of two, so that rows lie in different banks.
const PITCH: usize = DEPTH + 1;

/// `L`: channels in a vector of `x`; `P`: words for four channels (or one) of `w`; `V`: four.
#[cube(launch_unchecked)]
pub(in crate::ops::gpu) fn tiled_product_kernel<F: Float, L: Size, P: Size, V: Size>(
    x: &[Vector<F, L>],
    w: &[Vector<u32, P>],
    scale: ComptimeOption<&[f32]>,
    bias: ComptimeOption<&[f32]>,
    shift: ComptimeOption<&[f32]>,
    plus: ComptimeOption<&[F]>,
    y: &mut [F],
    sizes: Sizes,
    #[comptime] variant: Variant,
    #[define(F)] _element: ElemType,
) {
    let Variant { rows, columns, lanes, format, gated, enlarged, .. } = comptime!(variant);
    let left_rows = comptime!(SIDE * rows);
    let right_rows = comptime!(SIDE * columns);
    let mut left = Shared::<[Vector<f32, V>]>::new_slice(comptime!(left_rows * PITCH));
    let mut right = Shared::<[Vector<f32, V>]>::new_slice(comptime!(right_rows * PITCH));

    let unit = UNIT_POS as usize;
    let (tx, ty) = (unit % SIDE, unit / SIDE);
    // Which vector of which row a unit brings.
    let (lane, first) = (unit % DEPTH, unit / DEPTH);
    let step = comptime!(SIDE * SIDE / DEPTH);
    let left_turns = comptime!(left_rows.div_ceil(step));
    let right_turns = comptime!(right_rows.div_ceil(step));

    let inputs = sizes.inputs as usize;
    let outputs = sizes.outputs as usize;
    // Layers of cubes, where there are too many for a plane.
    let cube_row = (CUBE_POS_Z * CUBE_COUNT_Y + CUBE_POS_Y) as usize;
    let first_row = sizes.first as usize + cube_row * left_rows;
    let shown = comptime!(if gated { right_rows / 2 } else { right_rows });
    let first_column = CUBE_POS_X as usize * shown;

    // Where the rows are read that this unit brings.
    let mut starts = Array::<usize>::new(left_turns);
    let mut tops = Array::<i32>::new(left_turns);
    let mut sides = Array::<i32>::new(left_turns);
    #[unroll]
    for i in 0..left_turns {
        let corner = corner(first_row + first + i * step, &sizes);
        starts[i] = corner.start;
        tops[i] = corner.row;
        sides[i] = corner.column;
    }

    let mut sums = Array::<f32>::new(comptime!(rows * columns));
    #[unroll]
    for i in 0..comptime!(rows * columns) {
        sums[i] = 0.0f32;
    }

    let taps = (sizes.kernel * sizes.kernel) as usize;
    let depth = comptime!(4 * DEPTH);
    for tap in 0..taps {
        let mut places = Array::<usize>::new(left_turns);
        let mut inside = Array::<bool>::new(left_turns);
        #[unroll]
        for i in 0..left_turns {
            let corner = Corner { start: starts[i], row: tops[i], column: sides[i] };
            let place = place(corner, tap, &sizes, enlarged);
            places[i] = place.first;
            inside[i] = place.is_inside;
        }
        for chunk in 0..inputs.div_ceil(depth) {
            let channel = chunk * depth + lane * 4;
            sync_cube();
            #[unroll]
            for i in 0..left_turns {
                let row = first + i * step;
                if row < left_rows {
                    left[row * PITCH + lane] =
                        channels::<F, L, V>(x, places[i], channel, inputs, inside[i], lanes);
                }
            }
            #[unroll]
            for i in 0..right_turns {
                let row = first + i * step;
                if row < right_rows {
                    let weight = weight_row(first_column, row, outputs, shown, gated);
                    let place = (weight.number * taps + tap) * inputs;
                    right[row * PITCH + lane] =
                        weights::<P, V>(w, place, channel, inputs, weight.is_there, lanes, format);
                }
            }
            sync_cube();
            #[unroll]
            for k in 0..DEPTH {
                let mut b = Array::<Vector<f32, V>>::new(columns);
                #[unroll]
                for j in 0..columns {
                    b[j] = right[(tx + SIDE * j) * PITCH + k];
                }
                #[unroll]
                for i in 0..rows {
                    let a = left[(ty + SIDE * i) * PITCH + k];
                    #[unroll]
                    for j in 0..columns {
                        sums[i * columns + j] += a.dot(b[j]);
                    }
                }
            }
        }
    }

    write::<F>(
        &sums,
        first_row + ty,
        first_column + tx,
        &scale,
        &bias,
        &shift,
        &plus,
        y,
        &sizes,
        SIDE,
        variant,
    );
}
