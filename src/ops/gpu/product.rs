//! Convolutions and linear layers: one tiled matrix product, whose left side is read from the map as it is needed.
//!
//! Rows are positions, columns are outputs. A cube of 16 × 16 units computes `16 · rows` by `16 · columns` numbers of
//! the result: 16 channels at one place of the kernel after the others, both sides' parts pass through shared memory, four
//! channels in a vector, and a unit multiplies `rows` by `columns` of them. A weight is read in the order in which
//! inputs lie in memory, channels last.

use cubecl::prelude::*;

use super::number::{Format, Function, activated, gelu, unpacked};

/// Units of a cube along each side.
pub(super) const SIDE: usize = 16;
/// Vectors of channels that pass through shared memory at once.
const DEPTH: usize = 4;
/// Vectors from one row of shared memory to the next: no power of two, so that rows lie in different banks.
const PITCH: usize = DEPTH + 1;

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

/// `y[p, o] = function(scale[o] · Σ x[position of p] · w[o] + bias[o] + shift[batch of p, o]) + plus[p, o]`
///
/// `L`: channels in a vector of `x`; `P`: words for four channels (or one) of `w`; `V`: four.
#[cube(launch_unchecked)]
pub(super) fn product_kernel<L: Size, P: Size, V: Size>(
    x: &[Vector<f32, L>],
    w: &[Vector<u32, P>],
    scale: ComptimeOption<&[f32]>,
    bias: ComptimeOption<&[f32]>,
    shift: ComptimeOption<&[f32]>,
    plus: ComptimeOption<&[f32]>,
    y: &mut [f32],
    sizes: Sizes,
    #[comptime] variant: Variant,
) {
    let Variant { rows, columns, lanes, format, function, gated, enlarged } = comptime!(variant);
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
    let positions = sizes.positions as usize;
    // Layers of cubes, where there are too many for a plane.
    let first_row = (CUBE_POS_Z * CUBE_COUNT_Y + CUBE_POS_Y) as usize * left_rows;
    let shown = comptime!(if gated { right_rows / 2 } else { right_rows });
    let first_column = CUBE_POS_X as usize * shown;

    // Where the rows are read that this unit brings: element of the batch, row and column of the kernel's corner.
    let mut starts = Array::<usize>::new(left_turns);
    let mut tops = Array::<i32>::new(left_turns);
    let mut sides = Array::<i32>::new(left_turns);
    #[unroll]
    for i in 0..left_turns {
        let p = first_row + first + i * step;
        let (batch, place) = (p / sizes.each as usize, p % sizes.each as usize);
        starts[i] = batch * (sizes.height * sizes.width) as usize;
        let (row, column) = (place as u32 / sizes.across, place as u32 % sizes.across);
        let top = (row * sizes.stride) as i32 - sizes.before as i32;
        // A row that is not there lies outside of the input.
        tops[i] = select(p < positions, top, -65536i32);
        sides[i] = (column * sizes.stride) as i32 - sizes.before as i32;
    }

    let mut sums = Array::<f32>::new(comptime!(rows * columns));
    #[unroll]
    for i in 0..comptime!(rows * columns) {
        sums[i] = 0.0f32;
    }

    let taps = (sizes.kernel * sizes.kernel) as usize;
    let depth = comptime!(4 * DEPTH);
    for tap in 0..taps {
        let (down, along) = (tap as u32 / sizes.kernel, tap as u32 % sizes.kernel);
        let mut places = Array::<usize>::new(left_turns);
        let mut inside = Array::<bool>::new(left_turns);
        #[unroll]
        for i in 0..left_turns {
            let (row, column) = (tops[i] + down as i32, sides[i] + along as i32);
            let is_inside = row >= 0i32
                && row < sizes.rows as i32
                && column >= 0i32
                && column < sizes.columns as i32;
            let mut row = row as u32;
            let mut column = column as u32;
            if comptime!(enlarged) {
                row = row * sizes.height / sizes.rows;
                column = column * sizes.width / sizes.columns;
            }
            places[i] = (starts[i] + (row * sizes.width + column) as usize) * inputs;
            inside[i] = is_inside;
        }
        for chunk in 0..inputs.div_ceil(depth) {
            let channel = chunk * depth + lane * 4;
            sync_cube();
            #[unroll]
            for i in 0..left_turns {
                let row = first + i * step;
                if row < left_rows {
                    left[row * PITCH + lane] =
                        channels::<L, V>(x, places[i], channel, inputs, inside[i], lanes);
                }
            }
            #[unroll]
            for i in 0..right_turns {
                let row = first + i * step;
                if row < right_rows {
                    let mut column = first_column + row;
                    let mut is_there = column < outputs;
                    if comptime!(gated) {
                        // The upper half of the rows are the gates of the lower.
                        let gate = row / shown;
                        column = first_column + row % shown;
                        is_there = column < outputs;
                        column += gate * outputs;
                    }
                    let place = (column * taps + tap) * inputs;
                    right[row * PITCH + lane] =
                        weights::<P, V>(w, place, channel, inputs, is_there, lanes, format);
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

    #[unroll]
    for i in 0..rows {
        let p = first_row + ty + SIDE * i;
        if p < positions {
            #[unroll]
            for j in 0..comptime!(if gated { columns / 2 } else { columns }) {
                let o = first_column + tx + SIDE * j;
                if o < outputs {
                    let sum = sums[i * columns + j];
                    let mut value = finished(sum, o, &scale, &bias);
                    if comptime!(gated) {
                        let gate = sums[i * columns + comptime!(columns / 2) + j];
                        value *= gelu(finished(gate, outputs + o, &scale, &bias));
                    }
                    #[comptime]
                    match &shift {
                        ComptimeOption::Some(shift) => {
                            value += shift[p / sizes.each as usize * outputs + o];
                        }
                        ComptimeOption::None => {}
                    }
                    value = activated(value, sizes.slope, function);
                    #[comptime]
                    match &plus {
                        ComptimeOption::Some(plus) => {
                            value += plus[p * outputs + o];
                        }
                        ComptimeOption::None => {}
                    }
                    y[p * outputs + o] = value;
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

/// Four channels of a position; those that are not there are 0.
#[cube]
fn channels<L: Size, V: Size>(
    x: &[Vector<f32, L>],
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
                    value.insert(i, all.extract(i));
                }
            }
        } else {
            #[unroll]
            for i in 0..4usize {
                if channel + i < inputs {
                    value.insert(i, x[place + channel + i].extract(0usize));
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
