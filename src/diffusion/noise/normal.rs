//! Sixteen uniform numbers into sixteen normal ones, in single precision.
//!
//! Torch computes logarithm, sine and cosine of a block with 8-lane polynomials wherever the processor
//! has AVX2, which is every desktop of the last decade. The polynomials are the single-precision ones of
//! the Cephes library, and torch's build fuses their multiplications and additions. Repeating each of
//! these roundings makes the numbers equal to torch's to the last bit. (Torch without AVX2 differs from
//! this by up to 1.4e-6.) `f32::mul_add` rounds once on every target, so the numbers are also equal in
//! the browser.

/// Length of a block: 8 radii times the cosines and the sines of 8 angles.
pub(super) const BLOCK: usize = 16;
const HALF: usize = BLOCK / 2;

/// Replaces 16 numbers of `[0, 1)` by normal ones (Box and Muller's transform).
///
/// Number `j` and number `j + 8` are a pair: `√(−2 ln(1 − u_j))` times cosine and sine of `2π·u_(j+8)`.
///
/// # Panics
///
/// If `block` is not 16 long.
///
/// # Source
///
/// PyTorch, `normal_fill_16_AVX2` in `aten/src/ATen/native/cpu/DistributionTemplates.h`.
pub(super) fn from_uniform(block: &mut [f32]) {
    let (cosines, sines) = block.split_at_mut(HALF);
    assert_eq!(sines.len(), HALF, "a block is 16 numbers");
    for (cosine, sine) in cosines.iter_mut().zip(sines) {
        let radius = (-2.0 * ln(1.0 - *cosine)).sqrt();
        let (s, c) = sin_cos(2.0 * std::f32::consts::PI * *sine);
        *cosine = radius * c;
        *sine = radius * s;
    }
}

/// The natural logarithm of a positive, normal number.
///
/// # Source
///
/// Cephes `logf.c` (Moshier): polynomial on `[√½ − 1, √2 − 1]`, ln 2 in two parts; order of operations as
/// in `avx_mathfun.h`.
fn ln(x: f32) -> f32 {
    const POLYNOMIAL: [f32; 9] = [
        7.037_683_6e-2,
        -1.151_461e-1,
        1.167_699_87e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_8e-1,
        2.000_071_4e-1,
        -2.499_999_4e-1,
        3.333_333e-1,
    ];
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    const LN_2_HIGH: f32 = 0.693_359_4;

    let bits = x.to_bits();
    let mut exponent = ((bits >> 23) as i32 - 126) as f32;
    // The mantissa, with the exponent of 0.5: in [0.5, 1).
    let mantissa = f32::from_bits((bits & 0x007f_ffff) | 0x3f00_0000);
    let x = if mantissa < std::f32::consts::FRAC_1_SQRT_2 {
        exponent -= 1.0;
        (mantissa - 1.0) + mantissa
    } else {
        mantissa - 1.0
    };
    let square = x * x;
    let mut y = POLYNOMIAL[0];
    for coefficient in &POLYNOMIAL[1..] {
        y = y.mul_add(x, *coefficient);
    }
    y *= x;
    y = y.mul_add(square, exponent * LN_2_LOW);
    y = square.mul_add(-0.5, y);
    exponent.mul_add(LN_2_HIGH, x + y)
}

/// Sine and cosine of an angle from 0 to 2π.
///
/// # Source
///
/// Cephes `sinf.c` (Moshier): reduction to `[−π/4, π/4]` with π/4 in three parts, two polynomials; order
/// of operations as in `avx_mathfun.h`.
fn sin_cos(angle: f32) -> (f32, f32) {
    const QUARTER: [f32; 3] = [-0.785_156_25, -2.418_756_5e-4, -3.774_895e-8];
    const COSINE: [f32; 3] = [2.443_315_7e-5, -1.388_731_6e-3, 4.166_664_6e-2];
    const SINE: [f32; 3] = [-1.951_529_6e-4, 8.332_161e-3, -1.666_665_5e-1];

    // The nearest even number of eighth turns.
    let eighths = ((angle * (4.0 / std::f32::consts::PI)) as i32 + 1) & !1;
    let mut x = angle;
    for part in QUARTER {
        x = (eighths as f32).mul_add(part, x);
    }
    let square = x * x;

    let mut even = COSINE[0].mul_add(square, COSINE[1]).mul_add(square, COSINE[2]);
    even *= square;
    even = even.mul_add(square, -(square * 0.5));
    even += 1.0;

    let mut odd = SINE[0].mul_add(square, SINE[1]).mul_add(square, SINE[2]);
    odd *= square;
    odd = odd.mul_add(x, x);

    let (sine, cosine) = if eighths & 2 == 0 { (odd, even) } else { (even, odd) };
    let sine = if eighths & 4 == 0 { sine } else { -sine };
    let cosine = if (eighths - 2) & 4 == 0 { -cosine } else { cosine };
    (sine, cosine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithm_and_circle_are_within_two_units_of_the_last_place() {
        for i in 1..=2000_u32 {
            let u = i as f32 / 2000.0;
            assert!(
                (f64::from(ln(u)) - f64::from(u).ln()).abs()
                    <= 2.4e-7 * f64::from(u).ln().abs().max(0.1)
            );
            let angle = u * 2.0 * std::f32::consts::PI;
            let (sine, cosine) = sin_cos(angle);
            assert!((f64::from(sine) - f64::from(angle).sin()).abs() < 2e-7, "sin {angle}");
            assert!((f64::from(cosine) - f64::from(angle).cos()).abs() < 2e-7, "cos {angle}");
        }
    }

    #[test]
    fn smallest_possible_uniform_gives_zero_not_minus_infinity() {
        let mut block = [0.0_f32; BLOCK];
        from_uniform(&mut block);
        assert!(block.iter().all(|x| x.abs() == 0.0));
    }
}
