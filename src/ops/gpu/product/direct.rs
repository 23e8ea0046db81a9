//! The product as a processor wants it that stands in for a GPU: in half the time of tiles.
//!
//! Shared memory is memory like any other there, and a barrier no help. So each unit reads for itself, and multiplies up to 8
//! positions by 8 outputs of what it read; 16 by 16 take four fifths of that time and five times as long to compile
//! (benches/RESULTS.md).

use cubecl::ir::ElemType;
use cubecl::prelude::*;

use super::{Corner, Sizes, Variant, channels, corner, place, weight_row, weights, write};

/// Units of a cube along each side.
pub(in crate::ops::gpu) const SIDE: usize = 4;
/// Positions, and outputs, of a unit at most.
pub(in crate::ops::gpu) const MOST: usize = 8;

/// `L`: channels in a vector of `x`; `P`: words for four channels (or one) of `w`; `V`: four.
#[cube(launch_unchecked)]
pub(in crate::ops::gpu) fn direct_product_kernel<F: Float, L: Size, P: Size, V: Size>(
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
    let unit = UNIT_POS as usize;
    let (tx, ty) = (unit % SIDE, unit / SIDE);
    let inputs = sizes.inputs as usize;
    let outputs = sizes.outputs as usize;
    let shown = comptime!(SIDE * if gated { columns / 2 } else { columns });
    let cube_row = (CUBE_POS_Z * CUBE_COUNT_Y + CUBE_POS_Y) as usize;
    let first_row = sizes.first as usize + cube_row * comptime!(SIDE * rows) + ty;
    let first_column = CUBE_POS_X as usize * shown;

    let mut starts = Array::<usize>::new(rows);
    let mut tops = Array::<i32>::new(rows);
    let mut sides = Array::<i32>::new(rows);
    #[unroll]
    for i in 0..rows {
        let corner = corner(first_row + SIDE * i, &sizes);
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
    for tap in 0..taps {
        let mut places = Array::<usize>::new(rows);
        let mut inside = Array::<bool>::new(rows);
        #[unroll]
        for i in 0..rows {
            let corner = Corner { start: starts[i], row: tops[i], column: sides[i] };
            let place = place(corner, tap, &sizes, enlarged);
            places[i] = place.first;
            inside[i] = place.is_inside;
        }
        for chunk in 0..inputs.div_ceil(4) {
            let channel = chunk * 4;
            let mut b = Array::<Vector<f32, V>>::new(columns);
            #[unroll]
            for j in 0..columns {
                let weight = weight_row(first_column, tx + SIDE * j, outputs, shown, gated);
                let place = (weight.number * taps + tap) * inputs;
                b[j] = weights::<P, V>(w, place, channel, inputs, weight.is_there, lanes, format);
            }
            #[unroll]
            for i in 0..rows {
                let a = channels::<F, L, V>(x, places[i], channel, inputs, inside[i], lanes);
                #[unroll]
                for j in 0..columns {
                    sums[i * columns + j] += a.dot(b[j]);
                }
            }
        }
    }

    write::<F>(
        &sums,
        first_row,
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
