//! What is done to each number by itself.

use burn::tensor::Tensor;
use burn_cubecl::tensor::CubeTensor;
use cubecl::ir::ElemType;
use cubecl::prelude::*;

use super::number::{Format, Function, activated, to_half, unpacked};
use super::{arg, buffer, buffer_in, element, elements, empty, map_buffer, map_tensor, tensor};

/// Which number a unit is for; cubes lie in a rectangle where there are too many for a row.
#[cube]
fn place() -> usize {
    ((CUBE_POS_Y * CUBE_COUNT_X + CUBE_POS_X) * CUBE_DIM_X + UNIT_POS_X) as usize
}

#[cube(launch_unchecked)]
fn function_kernel<F: Float>(
    x: &[F],
    y: &mut [F],
    count: u32,
    slope: f32,
    #[comptime] function: Function,
    #[define(F)] _element: ElemType,
) {
    let i = place();
    if i < count as usize {
        y[i] = F::cast_from(activated(f32::cast_from(x[i]), slope, function));
    }
}

/// As a leaky activation, with a slope for each channel.
#[cube(launch_unchecked)]
fn prelu_kernel(x: &[f32], slopes: &[f32], y: &mut [f32], count: u32, channels: u32) {
    let i = place();
    if i < count as usize {
        y[i] = activated(x[i], slopes[i % channels as usize], Function::LeakyRelu);
    }
}

/// The channels of `a`, then those of `b`.
#[cube(launch_unchecked)]
fn join_kernel<F: Float>(
    a: &[F],
    b: &[F],
    y: &mut [F],
    count: u32,
    a_channels: u32,
    b_channels: u32,
    #[define(F)] _element: ElemType,
) {
    let i = place();
    if i < count as usize {
        let (of_a, of_b) = (a_channels as usize, b_channels as usize);
        let (position, channel) = (i / (of_a + of_b), i % (of_a + of_b));
        if channel < of_a {
            y[i] = a[position * of_a + channel];
        } else {
            y[i] = b[position * of_b + channel - of_a];
        }
    }
}

/// Numbers of words, each row times its scale.
#[cube(launch_unchecked)]
pub(super) fn unpack_kernel<P: Size>(
    words: &[Vector<u32, P>],
    scale: ComptimeOption<&[f32]>,
    y: &mut [f32],
    count: u32,
    row: u32,
    #[comptime] format: Format,
) {
    let i = place();
    let per_word = comptime!(format.per_word());
    if i * per_word < count as usize {
        #[unroll]
        for j in 0..per_word {
            let mut value = unpacked::<P>(words[i], j, format);
            #[comptime]
            match &scale {
                ComptimeOption::Some(scale) => {
                    value *= scale[(i * per_word + j) / row as usize];
                }
                ComptimeOption::None => {}
            }
            y[i * per_word + j] = value;
        }
    }
}

/// Two numbers a word, as halves.
#[cube(launch_unchecked)]
pub(super) fn pack_halves_kernel(x: &[f32], words: &mut [u32], count: u32) {
    let i = place();
    if i < count as usize {
        words[i] = to_half(x[2 * i]) | (to_half(x[2 * i + 1]) << 16u32);
    }
}

/// A function of every number.
pub(in crate::ops) fn function<const D: usize>(
    x: Tensor<D>,
    function: Function,
    slope: f32,
) -> Tensor<D> {
    // A map as it lies in memory, and back.
    let is_map = D == 4;
    let axes = |map: [isize; 4]| std::array::from_fn(|i| if is_map { map[i] } else { i as isize });
    let (last, first): ([isize; D], [isize; D]) = (axes([0, 2, 3, 1]), axes([0, 3, 1, 2]));
    let x = buffer(x.permute(last));
    let (y, numbers) = empty_like(&x);
    let (count, dim) = elements(numbers);
    launch!(function_kernel(
        &x.client,
        count,
        dim,
        arg(&x),
        arg(&y),
        numbers as u32,
        slope,
        function,
        element(&x),
    ));
    tensor::<D>(y).permute(first)
}

/// A buffer of the same size, and how many numbers it has.
fn empty_like(x: &CubeTensor) -> (CubeTensor, usize) {
    let numbers = x.meta.shape().num_elements();
    let y = empty(x, [numbers]);
    (CubeTensor { meta: x.meta.clone(), ..y }, numbers)
}

pub(in crate::ops) fn prelu(x: Tensor<4>, slopes: Tensor<1>) -> Tensor<4> {
    let channels = x.dims()[1];
    let (x, slopes) = (map_buffer(x), buffer(slopes));
    let (y, numbers) = empty_like(&x);
    let (count, dim) = elements(numbers);
    let (numbers, channels) = (numbers as u32, channels as u32);
    let slopes = arg(&slopes);
    launch!(prelu_kernel(&x.client, count, dim, arg(&x), slopes, arg(&y), numbers, channels));
    map_tensor(y)
}

pub(in crate::ops) fn join_channels(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    let [batch, of_a, height, width] = a.dims();
    let of_b = b.dims()[1];
    let a = map_buffer(a);
    let b = buffer_in(b.permute([0, 2, 3, 1]), a.dtype);
    let y = empty(&a, [batch, height, width, of_a + of_b]);
    let numbers = batch * height * width * (of_a + of_b);
    let (count, dim) = elements(numbers);
    let (numbers, of_a, of_b) = (numbers as u32, of_a as u32, of_b as u32);
    launch!(join_kernel(
        &a.client,
        count,
        dim,
        arg(&a),
        arg(&b),
        arg(&y),
        numbers,
        of_a,
        of_b,
        element(&a),
    ));
    map_tensor(y)
}
