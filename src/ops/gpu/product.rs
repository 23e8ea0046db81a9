//! Convolutions and linear layers: one matrix product, whose left side is read from the map as it is needed.
//!
//! `y[p, o] = function(scale[o] · Σ x[position of p] · w[o] + bias[o] + shift[batch of p, o]) + plus[p, o]`
//!
//! Rows are positions, columns are outputs; a weight is read in the order in which inputs lie in memory, channels last. How
//! the numbers get to where they are multiplied is [`tiled`]'s affair on GPUs, [`direct`]'s on processors that stand in for one;
//! here is what they read and what they write.

pub(super) mod direct;
pub(super) mod tiled;

use cubecl::prelude::*;

use super::number::{Format, Function, activated, gelu, unpacked};

/// What a kernel is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Variant {
    /// Results of a unit: positions …
    pub(super) rows: usize,
    /// … and outputs.
    pub(super) columns: usize,
    /// Channels read at once: 4, or 1 where their number is no multiple of it.
    pub(super) lanes: usize,
    pub(super) format: Format,
    pub(super) function: Function,
    /// Whether the second half of the outputs are gates for the first.
    pub(super) gated: bool,
    /// Whether the input is read as if enlarged to another size.
    pub(super) enlarged: bool,
}

/// The sizes of a product, which are no reason to compile another kernel.
#[derive(CubeLaunch, CubeType, Clone)]
pub(super) struct Sizes {
    /// The position that the first cube begins with: a large product is launched in parts.
    pub(super) first: u32,
    /// Positions of the result in all, and of one element of the batch.
    pub(super) positions: u32,
    pub(super) each: u32,
    /// Width of the result.
    pub(super) across: u32,
    /// Numbers of a position of the result.
    pub(super) outputs: u32,
    /// Channels of the input.
    pub(super) inputs: u32,
    /// Sides of the input as it lies in memory, and enlarged.
    pub(super) height: u32,
    pub(super) width: u32,
    pub(super) rows: u32,
    pub(super) columns: u32,
    pub(super) kernel: u32,
    pub(super) stride: u32,
    /// Zeros before the first row and column.
    pub(super) before: u32,
    /// Slope of a leaky activation.
    pub(super) slope: f32,
}

/// The corner of the input that a kernel lies on for one position of the result.
#[derive(CubeType, Clone)]
struct Corner {
    /// Where the element of the batch begins, in positions.
    start: usize,
    row: i32,
    column: i32,
}

/// Of a position that is not there: outside of the input.
#[cube]
fn corner(p: usize, sizes: &Sizes) -> Corner {
    let (batch, place) = (p / sizes.each as usize, p % sizes.each as usize);
    let (row, column) = (place as u32 / sizes.across, place as u32 % sizes.across);
    let top = (row * sizes.stride) as i32 - sizes.before as i32;
    Corner {
        start: batch * (sizes.height * sizes.width) as usize,
        row: select(p < sizes.positions as usize, top, -65536i32),
        column: (column * sizes.stride) as i32 - sizes.before as i32,
    }
}

/// A place of the kernel on the input.
#[derive(CubeType, Clone)]
struct Place {
    /// Number of its first channel.
    first: usize,
    /// Whether it is one, and no padding.
    is_inside: bool,
}

#[cube]
fn place(corner: Corner, tap: usize, sizes: &Sizes, #[comptime] enlarged: bool) -> Place {
    let (down, along) = (tap as u32 / sizes.kernel, tap as u32 % sizes.kernel);
    let (row, column) = (corner.row + down as i32, corner.column + along as i32);
    let is_inside =
        row >= 0i32 && row < sizes.rows as i32 && column >= 0i32 && column < sizes.columns as i32;
    let mut row = row as u32;
    let mut column = column as u32;
    if comptime!(enlarged) {
        row = row * sizes.height / sizes.rows;
        column = column * sizes.width / sizes.columns;
    }
    let first = (corner.start + (row * sizes.width + column) as usize) * sizes.inputs as usize;
    Place { first, is_inside }
}

/// Four channels of a position; those that are not there are 0.
#[cube]
fn channels<F: Float, L: Size, V: Size>(
    x: &[Vector<F, L>],
    place: usize,
    channel: usize,
    inputs: usize,
    inside: bool,
    #[comptime] lanes: usize,
) -> Vector<f32, V> {
    let mut value = Vector::<f32, V>::new(0.0f32);
    if inside {
        if comptime!(lanes == 4) {
            if channel < inputs {
                let all = x[(place + channel) / 4];
                #[unroll]
                for i in 0..4usize {
                    value.insert(i, f32::cast_from(all.extract(i)));
                }
            }
        } else {
            #[unroll]
            for i in 0..4usize {
                if channel + i < inputs {
                    value.insert(i, f32::cast_from(x[place + channel + i].extract(0usize)));
                }
            }
        }
    }
    value
}

/// Four numbers of a row of weights; those that are not there are 0.
#[cube]
fn weights<P: Size, V: Size>(
    w: &[Vector<u32, P>],
    place: usize,
    channel: usize,
    inputs: usize,
    is_there: bool,
    #[comptime] lanes: usize,
    #[comptime] format: Format,
) -> Vector<f32, V> {
    let mut value = Vector::<f32, V>::new(0.0f32);
    if is_there {
        if comptime!(lanes == 4) {
            if channel < inputs {
                let words = w[(place + channel) / 4];
                #[unroll]
                for i in 0..4usize {
                    value.insert(i, unpacked::<P>(words, i, format));
                }
            }
        } else {
            #[unroll]
            for i in 0..4usize {
                if channel + i < inputs {
                    let words = w[place + channel + i];
                    value.insert(i, unpacked::<P>(words, 0usize, format));
                }
            }
        }
    }
    value
}

/// A row of weights: one output's.
#[derive(CubeType, Clone)]
struct WeightRow {
    number: usize,
    is_there: bool,
}

/// What row `row` of a cube's right side is, whose outputs begin with `first`. Where there are gates, the upper half of the rows
/// are those of the lower, of which there are `shown`.
#[cube]
fn weight_row(
    first: usize,
    row: usize,
    outputs: usize,
    #[comptime] shown: usize,
    #[comptime] gated: bool,
) -> WeightRow {
    let mut number = first + row;
    let mut is_there = number < outputs;
    if comptime!(gated) {
        let gate = row / shown;
        number = first + row % shown;
        is_there = number < outputs;
        number += gate * outputs;
    }
    WeightRow { number, is_there }
}

/// Writes what became of a unit's sums: those of positions and outputs from the first on, each `side` after the one before.
#[cube]
fn write<F: Float>(
    sums: &Array<f32>,
    position: usize,
    output: usize,
    scale: &ComptimeOption<&[f32]>,
    bias: &ComptimeOption<&[f32]>,
    shift: &ComptimeOption<&[f32]>,
    plus: &ComptimeOption<&[F]>,
    y: &mut [F],
    sizes: &Sizes,
    #[comptime] side: usize,
    #[comptime] variant: Variant,
) {
    let Variant { rows, columns, function, gated, .. } = comptime!(variant);
    let outputs = sizes.outputs as usize;
    #[unroll]
    for i in 0..rows {
        let p = position + side * i;
        if p < sizes.positions as usize {
            #[unroll]
            for j in 0..comptime!(if gated { columns / 2 } else { columns }) {
                let o = output + side * j;
                if o < outputs {
                    let sum = sums[i * columns + j];
                    let mut value = finished(sum, o, scale, bias);
                    if comptime!(gated) {
                        let gate = sums[i * columns + comptime!(columns / 2) + j];
                        value *= gelu(finished(gate, outputs + o, scale, bias));
                    }
                    #[comptime]
                    match shift {
                        ComptimeOption::Some(shift) => {
                            value += shift[p / sizes.each as usize * outputs + o];
                        }
                        ComptimeOption::None => {}
                    }
                    value = activated(value, sizes.slope, function);
                    #[comptime]
                    match plus {
                        ComptimeOption::Some(plus) => {
                            value += f32::cast_from(plus[p * outputs + o]);
                        }
                        ComptimeOption::None => {}
                    }
                    y[p * outputs + o] = F::cast_from(value);
                }
            }
        }
    }
}

#[cube]
fn finished(
    sum: f32,
    o: usize,
    scale: &ComptimeOption<&[f32]>,
    bias: &ComptimeOption<&[f32]>,
) -> f32 {
    let mut value = sum;
    #[comptime]
    match scale {
        ComptimeOption::Some(scale) => {
            value *= scale[o];
        }
        ComptimeOption::None => {}
    }
    #[comptime]
    match bias {
        ComptimeOption::Some(bias) => {
            value += bias[o];
        }
        ComptimeOption::None => {}
    }
    value
}
