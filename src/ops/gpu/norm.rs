//! Normalisation of maps whose channels lie side by side, and of tokens.
//!
//! Means come first, then the squares of what is left: nothing cancels. Where a group is so large that one cube would work
//! on it for long, some cubes find mean and squares of a part each, and the next launch joins them.

use burn::tensor::Tensor;
use cubecl::ir::ElemType;
use cubecl::prelude::*;

use super::number::{Function, activated};
use super::{Output, arg, buffer, cubes, element, empty, floats, map_buffer, map_tensor, tensor};

/// Units of a cube.
const UNITS: usize = 256;

/// The sizes of a group normalisation.
#[derive(CubeLaunch, CubeType, Clone)]
struct Sizes {
    /// Positions of one element of the batch, and of a part.
    positions: u32,
    part: u32,
    channels: u32,
    groups: u32,
    eps: f32,
}

/// The numbers of a group at some positions, of which every unit has the same channels.
#[derive(CubeType)]
struct Part {
    /// The first number of the group at the first position.
    base: usize,
    positions: usize,
    channels: usize,
    width: usize,
    /// Where a unit begins, and how far it goes on.
    position: usize,
    channel: usize,
    down: usize,
    along: usize,
}

#[cube]
fn part(sizes: &Sizes, first: usize, end: usize) -> Part {
    let (groups, channels) = (sizes.groups as usize, sizes.channels as usize);
    let (batch, group) = (CUBE_POS_Y as usize / groups, CUBE_POS_Y as usize % groups);
    let width = channels / groups;
    let unit = UNIT_POS as usize;
    // As many whole rows of the group as there are units for; where a row has more, all for one.
    let units = UNITS.runtime();
    let rows = usize::max(units / width, 1usize);
    let along = usize::min(width, units);
    let position = unit / along;
    // Units beyond the last whole row have nothing to do.
    let position = select(position < rows, position, end - first);
    Part {
        base: (batch * sizes.positions as usize + first) * channels + group * width,
        positions: end - first,
        channels,
        width,
        position,
        channel: unit % along,
        down: rows,
        along,
    }
}

/// The sum over a part of `(x − from)`, or of its square.
#[cube]
fn sum<F: Float>(x: &[F], part: &Part, from: f32, #[comptime] squared: bool) -> f32 {
    let mut sum = 0.0f32;
    let mut position = part.position;
    while position < part.positions {
        let mut channel = part.channel;
        while channel < part.width {
            let value = f32::cast_from(x[part.base + position * part.channels + channel]) - from;
            if comptime!(squared) {
                sum += value * value;
            } else {
                sum += value;
            }
            channel += part.along;
        }
        position += part.down;
    }
    sum
}

/// The sum of the numbers of each so many units, a power of two.
#[cube]
fn total(value: f32, memory: &mut Shared<[f32]>, #[comptime] units: usize) -> f32 {
    let place = UNIT_POS as usize;
    let unit = place % units;
    sync_cube();
    memory[place] = value;
    sync_cube();
    let mut half = comptime!(units / 2).runtime();
    while half > 0 {
        if unit < half {
            let other = memory[place + half];
            memory[place] += other;
        }
        sync_cube();
        half /= 2;
    }
    memory[place - unit]
}

#[cube]
#[allow(clippy::too_many_arguments, reason = "a kernel's arrays are its arguments")]
fn apply<F: Float>(
    x: &[F],
    weight: &[f32],
    bias: &[f32],
    y: &mut [F],
    part: &Part,
    mean: f32,
    deviation: f32,
    #[comptime] function: Function,
) {
    let first = part.base % part.channels;
    let mut channel = part.channel;
    while channel < part.width {
        let scale = weight[first + channel] * deviation;
        let shift = bias[first + channel] - mean * scale;
        let mut position = part.position;
        while position < part.positions {
            let place = part.base + position * part.channels + channel;
            let value = f32::cast_from(x[place]) * scale + shift;
            y[place] = F::cast_from(activated(value, 0.0f32, function));
            position += part.down;
        }
        channel += part.along;
    }
}

/// A cube for each group of each element of the batch.
#[cube(launch_unchecked)]
fn group_norm_kernel<F: Float>(
    x: &[F],
    weight: &[f32],
    bias: &[f32],
    y: &mut [F],
    sizes: Sizes,
    #[comptime] function: Function,
    #[define(F)] _element: ElemType,
) {
    let mut memory = Shared::<[f32]>::new_slice(UNITS);
    let part = part(&sizes, 0usize, sizes.positions as usize);
    let count = f32::cast_from(sizes.positions * (sizes.channels / sizes.groups));
    let mean = total(sum::<F>(x, &part, 0.0f32, false), &mut memory, UNITS) / count;
    let squares = total(sum::<F>(x, &part, mean, true), &mut memory, UNITS);
    let deviation = 1.0f32 / f32::sqrt(squares / count + sizes.eps);
    apply::<F>(x, weight, bias, y, &part, mean, deviation, function);
}

/// Mean and sum of squares around it of each part of a group, for [`group_norm_apply_kernel`].
#[cube(launch_unchecked)]
fn group_norm_parts_kernel<F: Float>(
    x: &[F],
    parts: &mut [f32],
    sizes: Sizes,
    #[define(F)] _element: ElemType,
) {
    let mut memory = Shared::<[f32]>::new_slice(UNITS);
    let first = (CUBE_POS_X * sizes.part) as usize;
    let end = usize::min(first + sizes.part as usize, sizes.positions as usize);
    let part = part(&sizes, first, end);
    let count = f32::cast_from((end - first) as u32 * (sizes.channels / sizes.groups));
    let mean = total(sum::<F>(x, &part, 0.0f32, false), &mut memory, UNITS) / count;
    let squares = total(sum::<F>(x, &part, mean, true), &mut memory, UNITS);
    if UNIT_POS == 0 {
        let place = 2 * (CUBE_POS_Y * CUBE_COUNT_X + CUBE_POS_X) as usize;
        parts[place] = mean;
        parts[place + 1] = squares;
    }
}

/// Normalises a part of a group. Parts are joined as Chan et al. 1983 do,
/// <https://doi.org/10.1080/00031305.1983.10483115>.
#[cube(launch_unchecked)]
fn group_norm_apply_kernel<F: Float>(
    x: &[F],
    weight: &[f32],
    bias: &[f32],
    parts: &[f32],
    y: &mut [F],
    sizes: Sizes,
    #[comptime] function: Function,
    #[define(F)] _element: ElemType,
) {
    let width = sizes.channels / sizes.groups;
    let mut count = 0.0f32;
    let mut mean = 0.0f32;
    let mut squares = 0.0f32;
    for i in 0..CUBE_COUNT_X {
        let place = 2 * (CUBE_POS_Y * CUBE_COUNT_X + i) as usize;
        let some = u32::min(sizes.part, sizes.positions - i * sizes.part);
        let some = f32::cast_from(some * width);
        let difference = parts[place] - mean;
        let share = some / (count + some);
        mean += difference * share;
        squares += parts[place + 1] + difference * difference * count * share;
        count += some;
    }
    let deviation = 1.0f32 / f32::sqrt(squares / count + sizes.eps);
    let first = (CUBE_POS_X * sizes.part) as usize;
    let end = usize::min(first + sizes.part as usize, sizes.positions as usize);
    let part = part(&sizes, first, end);
    apply::<F>(x, weight, bias, y, &part, mean, deviation, function);
}

/// Units that work on a token together, and tokens of a cube.
const SHARING: usize = 16;
const TOKENS: usize = 8;

/// Some units for each token.
#[cube(launch_unchecked)]
fn layer_norm_kernel<F: Float>(
    x: &[F],
    weight: &[f32],
    bias: &[f32],
    y: &mut [F],
    tokens: u32,
    width: u32,
    eps: f32,
    #[define(F)] _element: ElemType,
) {
    let mut memory = Shared::<[f32]>::new_slice(comptime!(SHARING * TOKENS));
    let cube = (CUBE_POS_Y * CUBE_COUNT_X + CUBE_POS_X) as usize;
    let (unit, row) = (UNIT_POS as usize % SHARING, UNIT_POS as usize / SHARING);
    let (tokens, width) = (tokens as usize, width as usize);
    let token = cube * TOKENS + row;
    // Where there is no token, the last one is read again.
    let base = usize::min(token, tokens - 1) * width;
    let count = f32::cast_from(width as u32);
    let mut sum = 0.0f32;
    let mut i = unit;
    while i < width {
        sum += f32::cast_from(x[base + i]);
        i += SHARING;
    }
    let mean = total(sum, &mut memory, SHARING) / count;
    let mut squares = 0.0f32;
    let mut i = unit;
    while i < width {
        let value = f32::cast_from(x[base + i]) - mean;
        squares += value * value;
        i += SHARING;
    }
    let squares = total(squares, &mut memory, SHARING);
    let deviation = 1.0f32 / f32::sqrt(squares / count + eps);
    if token < tokens {
        let mut i = unit;
        while i < width {
            let value = (f32::cast_from(x[base + i]) - mean) * deviation * weight[i] + bias[i];
            y[base + i] = F::cast_from(value);
            i += SHARING;
        }
    }
}

/// Numbers of a group that one cube works on by itself.
const GROUP: usize = 65_536;
/// Parts that a larger group is cut into at most.
const PARTS: usize = 64;

pub(in crate::ops) fn group_norm(
    x: Tensor<4>,
    [weight, bias]: [Tensor<1>; 2],
    groups: usize,
    eps: f64,
    silu: bool,
) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let positions = height * width;
    let (x, weight, bias) = (map_buffer(x), buffer(weight), buffer(bias));
    // The first argument of either kernel. A map of 512 × 512 takes up to 256 MiB: one less at a time.
    let y = Output::over(&x, 0, [batch, height, width, channels]);
    let function = if silu { Function::Silu } else { Function::Identity };
    let parts = (positions * channels / groups).div_ceil(GROUP).min(PARTS);
    let part = positions.div_ceil(parts);
    let parts = positions.div_ceil(part);
    let sizes = || {
        let [positions, part, channels, groups] =
            [positions, part, channels, groups].map(|n| n as u32);
        SizesLaunch::new(positions, part, channels, groups, eps as f32)
    };
    let dim = CubeDim::new_1d(UNITS as u32);
    let count = CubeCount::Static(parts as u32, (batch * groups) as u32, 1);
    if parts == 1 {
        let (weight, bias) = (arg(&weight), arg(&bias));
        launch!(group_norm_kernel(
            &x.client,
            count,
            dim,
            arg(&x),
            weight,
            bias,
            y.arg(),
            sizes(),
            function,
            element(&x),
        ));
    } else {
        let found = floats(&x, [batch * groups, parts, 2]);
        launch!(group_norm_parts_kernel(
            &x.client,
            count.clone(),
            dim,
            arg(&x),
            arg(&found),
            sizes(),
            element(&x),
        ));
        launch!(group_norm_apply_kernel(
            &x.client,
            count,
            dim,
            arg(&x),
            arg(&weight),
            arg(&bias),
            arg(&found),
            y.arg(),
            sizes(),
            function,
            element(&x),
        ));
    }
    map_tensor(y.buffer)
}

pub(in crate::ops) fn layer_norm<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    eps: f64,
) -> Tensor<D> {
    let dims = x.dims();
    let width = dims[D - 1];
    let tokens = dims.iter().product::<usize>() / width;
    let (x, weight, bias) = (buffer(x), buffer(weight), buffer(bias));
    let y = empty(&x, dims);
    launch!(layer_norm_kernel(
        &x.client,
        cubes(tokens.div_ceil(TOKENS)),
        CubeDim::new_1d((SHARING * TOKENS) as u32),
        arg(&x),
        arg(&weight),
        arg(&bias),
        arg(&y),
        tokens as u32,
        width as u32,
        eps as f32,
        element(&x),
    ));
    tensor(y)
}
