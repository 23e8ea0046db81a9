//! Element by element.

use wide::f32x4;

use crate::exp::{exp, falling_exp2};
use crate::lanes::{map, pairs};

#[inline(always)]
pub(crate) fn silu_of(x: f32x4) -> f32x4 {
    x / (f32x4::ONE + exp(-x))
}

/// `x · Φ(x)`; the error function within 1.5e-7.
///
/// # Source
///
/// Abramowitz & Stegun, 7.1.26.
#[inline(always)]
fn gelu_of(x: f32x4) -> f32x4 {
    let of = f32x4::splat;
    let z = x.abs() * of(std::f32::consts::FRAC_1_SQRT_2);
    let t = of(1.0) / (of(1.0) + of(0.327_591_1) * z);
    let mut p = of(1.061_405_4);
    for coefficient in [-1.453_152_1, 1.421_413_8, -0.284_496_74, 0.254_829_6] {
        p = p * t + of(coefficient);
    }
    let erfc = p * t * falling_exp2(x * x * of(-std::f32::consts::LOG2_E / 2.0));
    // Half of 1 + erf(z) for x > 0, half of erfc(z) for x < 0.
    let half = of(0.5) * erfc;
    x * x.simd_gt(f32x4::ZERO).select(of(1.0) - half, half)
}

/// `x · sigmoid(x)`, in place.
pub fn silu(x: &mut [f32]) {
    map(x, silu_of);
}

/// `x · Φ(x)`, in place.
pub fn gelu(x: &mut [f32]) {
    map(x, gelu_of);
}

/// `x · sigmoid(1.702 x)`, in place.
pub fn quick_gelu(x: &mut [f32]) {
    map(x, |x| x / (f32x4::ONE + exp(x * f32x4::splat(-1.702))));
}

/// Each row `[a, b]` of `2 · width` numbers becomes `a · gelu(b)`.
///
/// # Panics
///
/// If `x` is no whole number of rows.
pub fn geglu(x: &[f32], width: usize) -> Vec<f32> {
    assert_eq!(x.len() % (2 * width), 0, "whole rows");
    let mut out = vec![0.0; x.len() / 2];
    for (row, out) in x.chunks_exact(2 * width).zip(out.chunks_exact_mut(width)) {
        let (value, gate) = row.split_at(width);
        pairs(out, value, gate, |value, gate| value * gelu_of(gate));
    }
    out
}

/// `x` where it is positive, `slope · x` elsewhere, in place.
pub fn leaky_relu(x: &mut [f32], slope: f32) {
    map(x, |x| x * x.simd_gt(f32x4::ZERO).select(f32x4::ONE, f32x4::splat(slope)));
}

/// As [`leaky_relu`] with a slope for each channel: pictures of `slopes.len()` planes of `positions` numbers.
///
/// # Panics
///
/// If `x` is no whole number of pictures.
pub fn prelu(x: &mut [f32], slopes: &[f32], positions: usize) {
    assert_eq!(x.len() % (slopes.len() * positions), 0, "whole pictures");
    let planes = x.chunks_exact_mut(positions);
    planes.zip(slopes.iter().cycle()).for_each(|(plane, slope)| leaky_relu(plane, *slope));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of torch 2.15 `gelu`, `silu` in f64.
    const POINTS: [(f32, f64, f64); 5] = [
        (-3.0, -0.004_049_694_095_489_496, -0.142_277_614_532_066_56),
        (-0.5, -0.154_268_769_362_993_44, -0.188_770_334_399_073_2),
        (0.0, 0.0, 0.0),
        (1.0, 0.841_344_746_068_542_9, 0.731_058_578_630_004_9),
        (4.0, 3.999_873_315_154_518_4, 3.928_055_160_151_634_5),
    ];

    fn one(f: impl Fn(f32x4) -> f32x4, x: f32) -> f64 {
        f64::from(f(f32x4::splat(x)).to_array()[1])
    }

    #[test]
    fn known_points() {
        for (x, gelu_x, silu_x) in POINTS {
            assert!((one(gelu_of, x) - gelu_x).abs() < 1e-6, "gelu {x}");
            assert!((one(silu_of, x) - silu_x).abs() < 1e-6, "silu {x}");
        }
        assert!(one(gelu_of, f32::NAN).is_nan() && one(silu_of, f32::NAN).is_nan());
    }

    #[test]
    fn slopes_are_those_of_the_channel() {
        let mut x = [1.0, -1.0, -2.0, 0.0, -4.0, 2.0, -8.0, -1.0];
        prelu(&mut x, &[0.5, 3.0], 2);
        assert_eq!(x, [1.0, -0.5, -6.0, 0.0, -2.0, 2.0, -24.0, -3.0]);
        let mut odd = [f32::NAN, f32::NEG_INFINITY];
        leaky_relu(&mut odd, 0.2);
        assert!(odd[0].is_nan() && odd[1] == f32::NEG_INFINITY);
    }
}
