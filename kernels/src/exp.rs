//! The exponential.

use wide::bytemuck::cast;
use wide::{f32x4, u32x4};

/// 1.5·2²³: adding it leaves the nearest whole number in the low bits.
const ROUND: f32 = 12_582_912.0;

/// `eˣ` within 2 units in the last place; NaN stays NaN, the ends are 0 and the largest f32.
///
/// # Source
///
/// Cephes `expf` (S. Moshier): `x = n·ln 2 + r`, a polynomial in `r`, `n` into the exponent.
#[inline(always)]
pub(crate) fn exp(x: f32x4) -> f32x4 {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    /// ln 2 in two parts, of which the first times a whole number below 256 is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let of = f32x4::splat;
    // Written as comparisons, not as minimum and maximum: a NaN must pass.
    let x = x.simd_lt(of(-87.0)).select(of(-87.0), x);
    let x = x.simd_gt(of(88.0)).select(of(88.0), x);
    let shifted = x * of(LOG2_E) + of(ROUND);
    let n = shifted - of(ROUND);
    let r = x - n * of(LN_2_HIGH) - n * of(LN_2_LOW);
    let mut p = of(1.987_569_1e-4);
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = p * r + of(coefficient);
    }
    (p * r * r + r + of(1.0)) * power_of_two(shifted)
}

/// `2ˣ` for `x` up to 0, within 2 units in the last place of 1; NaN stays NaN.
///
/// # Source
///
/// Cephes `exp2f` (S. Moshier): `x = n + r`, a polynomial in `r`, `n` into the exponent.
#[inline(always)]
pub(crate) fn falling_exp2(x: f32x4) -> f32x4 {
    use std::f32::consts::LN_2;
    let of = f32x4::splat;
    let x = x.simd_lt(of(-126.0)).select(of(-126.0), x);
    let shifted = x + of(ROUND);
    let r = x - (shifted - of(ROUND));
    let mut p = of(1.535_336_2e-4);
    for coefficient in [1.339_887_4e-3, 9.618_437e-3, 5.550_332_5e-2, 0.240_226_48, LN_2, 1.0] {
        p = p * r + of(coefficient);
    }
    p * power_of_two(shifted)
}

/// Two to the power of the whole number in the low bits of what [`ROUND`] was added to.
#[inline(always)]
fn power_of_two(shifted: f32x4) -> f32x4 {
    let shift = u32x4::splat(127_u32.wrapping_sub(ROUND.to_bits()));
    cast((cast::<_, u32x4>(shifted) + shift) << 23_u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(x: f32) -> f32 {
        exp(f32x4::splat(x)).to_array()[3]
    }

    #[test]
    fn near_the_real_one_everywhere() {
        for i in -86_000..88_000 {
            let x = i as f32 * 1e-3;
            let (got, expected) = (f64::from(one(x)), f64::from(x).exp());
            assert!((got / expected - 1.0).abs() < 2.5e-7, "{x}: {got} {expected}");
        }
        assert!(one(f32::NAN).is_nan());
        assert!(one(-1000.0) < 1e-37 && one(1000.0) > 1e38);
    }

    #[test]
    fn powers_of_two_are_near_the_real_ones() {
        let one = |x| falling_exp2(f32x4::splat(x)).to_array()[1];
        for i in -125_999..=0 {
            let x = i as f32 * 1e-3;
            let (got, expected) = (f64::from(one(x)), f64::from(x).exp2());
            assert!((got / expected - 1.0).abs() < 2.5e-7, "{x}: {got} {expected}");
        }
        assert!(one(0.0) == 1.0 && one(f32::NAN).is_nan() && one(f32::NEG_INFINITY) < 1.2e-38);
    }
}
