//! Numbers inside of kernels: how weights are written in words, and the functions that activations are made of.

use cubecl::prelude::*;

/// How a matrix's numbers lie in words of 32 bits.
///
/// A GPU need not know half precision for this: kernels take the words apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    /// One number a word.
    F32,
    /// Two a word, the first in the lower half.
    F16,
    /// Two a word, the upper halves of f32.
    Bf16,
    /// Four a word: the number over its row's scale, plus 128.
    Int8,
}

impl Format {
    /// Numbers in a word.
    pub(crate) fn per_word(self) -> usize {
        match self {
            Self::F32 => 1,
            Self::F16 | Self::Bf16 => 2,
            Self::Int8 => 4,
        }
    }
}

/// What becomes of a number at last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum Function {
    #[default]
    Identity,
    Silu,
    Gelu,
    QuickGelu,
    /// Negative numbers times a slope.
    LeakyRelu,
}

/// Number `i` of those in these words.
#[cube]
pub(super) fn unpacked<P: Size>(
    words: Vector<u32, P>,
    #[comptime] i: usize,
    #[comptime] format: Format,
) -> f32 {
    let per_word = comptime!(format.per_word());
    let word = words.extract(comptime!(i / per_word));
    let place = comptime!((i % per_word * 32 / per_word) as u32);
    match comptime!(format) {
        Format::F32 => f32::reinterpret(word),
        Format::F16 => from_half((word >> place) & 0xffffu32),
        Format::Bf16 => f32::reinterpret(((word >> place) & 0xffffu32) << 16u32),
        Format::Int8 => f32::cast_from((word >> place) & 0xffu32) - 128.0f32,
    }
}

/// A half's bits as a number. By hand, so that no GPU rounds the smallest ones to zero.
#[cube]
fn from_half(bits: u32) -> f32 {
    let size = bits & 0x7fffu32;
    let normal = f32::reinterpret((size << 13u32) + 0x38000000u32);
    let small = f32::cast_from(size) * 5.960_464_5e-8f32;
    let number = select(size < 0x400u32, small, normal);
    select(bits > size, -number, number)
}

/// The nearest half's bits, of two the even one; the largest half for what is larger.
#[cube]
pub(super) fn to_half(number: f32) -> u32 {
    let bits = u32::reinterpret(number);
    let sign = (bits >> 16u32) & 0x8000u32;
    let size = f32::abs(number);
    // Of a number below 2⁻¹⁴ the half has 24 places after the point: adding 2⁻¹ in f32 rounds it to them.
    let small = u32::reinterpret(size + 0.5f32) - 0x3f000000u32;
    let size_bits = bits & 0x7fffffffu32;
    let rounded = size_bits + 0xfffu32 + ((size_bits >> 13u32) & 1u32);
    let normal = (rounded >> 13u32) - 0x1c000u32;
    let half = select(size < 6.103_515_6e-5f32, small, u32::min(normal, 0x7bffu32));
    sign | select(size > 65504.0f32, 0x7bffu32.runtime(), half)
}

#[cube]
pub(super) fn activated(x: f32, slope: f32, #[comptime] function: Function) -> f32 {
    match comptime!(function) {
        Function::Identity => x,
        Function::Silu => x * sigmoid(x),
        Function::Gelu => gelu(x),
        Function::QuickGelu => x * sigmoid(1.702f32 * x),
        Function::LeakyRelu => select(x < 0.0f32, x * slope, x),
    }
}

/// Of the absolute value, whose exponential cannot be too large.
#[cube]
fn sigmoid(x: f32) -> f32 {
    let small = f32::exp(-f32::abs(x));
    let upper = 1.0f32 / (1.0f32 + small);
    select(x < 0.0f32, small * upper, upper)
}

/// `x · Φ(x)`; the error function is Abramowitz & Stegun 1964, 7.1.26, right to 1.5e-7.
#[cube]
pub(super) fn gelu(x: f32) -> f32 {
    let z = f32::abs(x) * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0f32 / (1.0f32 + 0.3275911f32 * z);
    let polynomial = ((1.061_405_4f32 * t - 1.453_152_1f32) * t + 1.421_413_8f32) * t;
    let polynomial = ((polynomial - 0.284_496_72f32) * t + 0.254_829_6f32) * t;
    // Φ(−|x|)
    let tail = 0.5f32 * polynomial * f32::exp(-z * z);
    x * select(x < 0.0f32, tail, 1.0f32 - tail)
}
