//! Half precision and eight bits → single precision.

use wide::bytemuck::cast;
use wide::{f32x4, i32x4, u32x4};

/// Little-endian half-precision numbers as f32, exactly.
///
/// Four words of two at once: weights that stay in their file pass through here each time they are used.
pub fn widen_f16(bytes: &[u8]) -> Vec<f32> {
    let mut wide = Vec::with_capacity(bytes.len() / 2);
    let (words, rest) = bytes.as_chunks::<16>();
    for words in words {
        wide.extend_from_slice(&eight_halves(*words));
    }
    let mut last = [0; 16];
    last[..rest.len()].copy_from_slice(rest);
    wide.extend_from_slice(&eight_halves(last)[..rest.len() / 2]);
    wide
}

#[inline(always)]
fn eight_halves(bytes: [u8; 16]) -> [f32; 8] {
    let words: u32x4 = cast(bytes);
    let [even, odd] = [words & u32x4::splat(0xffff), words >> 16_u32].map(halves);
    cast([even.unpack_lo(odd), even.unpack_hi(odd)])
}

#[inline(always)]
fn halves(half: u32x4) -> f32x4 {
    let of = u32x4::splat;
    // Both formats' exponents and fractions lie alike; what differs is the bias, by 112. This is exact for
    // subnormals, too, which are normal numbers after it.
    let scaled =
        cast::<_, f32x4>((half & of(0x7fff)) << 13_u32) * f32x4::splat(f32::from_bits(239 << 23));
    let infinite = (half & of(0x7c00)).simd_eq(of(0x7c00)) & of(0xff << 23);
    cast(cast::<_, u32x4>(scaled) | infinite | (half & of(0x8000)) << 16_u32)
}

/// Integers of eight bits, row by row, each row times a number of its own.
///
/// # Panics
///
/// If the rows are not of one length.
pub fn widen_i8(numbers: &[u8], scales: &[f32]) -> Vec<f32> {
    let width = numbers.len() / scales.len().max(1);
    assert_eq!(width * scales.len(), numbers.len(), "rows of one length");
    let mut wide = Vec::with_capacity(numbers.len());
    for (row, scale) in numbers.chunks_exact(width.max(1)).zip(scales) {
        let (words, rest) = row.as_chunks::<16>();
        for words in words {
            wide.extend_from_slice(&sixteen_bytes(*words, f32x4::splat(*scale)));
        }
        wide.extend(rest.iter().map(|number| f32::from(number.cast_signed()) * scale));
    }
    wide
}

#[inline(always)]
fn sixteen_bytes(bytes: [u8; 16], scale: f32x4) -> [f32; 16] {
    let words: i32x4 = cast(bytes);
    let [a, b, c, d] =
        [24_u32, 16, 8, 0].map(|left| ((words << left) >> 24_u32).round_float() * scale);
    // Each has one byte of every word.
    let [ac, ac_high] = [a.unpack_lo(c), a.unpack_hi(c)];
    let [bd, bd_high] = [b.unpack_lo(d), b.unpack_hi(d)];
    cast([
        ac.unpack_lo(bd),
        ac.unpack_hi(bd),
        ac_high.unpack_lo(bd_high),
        ac_high.unpack_hi(bd_high),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_integers_have_their_scales() {
        let numbers = [127_u8, 0x80, 0, 1, 0xff, 64];
        assert_eq!(widen_i8(&numbers, &[0.5, 2.0]), [63.5, -64.0, 0.0, 2.0, -2.0, 128.0]);
        assert!(widen_i8(&[], &[]).is_empty());
        // Longer than what is widened at once.
        let numbers: Vec<u8> = (0..=255).collect();
        let expected = |i: u8| f32::from(i.cast_signed()) * 3.0;
        assert!(widen_i8(&numbers[..251], &[3.0]).into_iter().eq((0..251).map(expected)));
    }

    #[test]
    fn every_number_widens_exactly() {
        // By the definition of the format: sign, five bits of exponent with bias 15, ten of fraction.
        let bytes: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
        assert!(widen_f16(&bytes[..6]).len() == 3 && widen_f16(&[]).is_empty());
        // From an odd place, so that the last ones are widened apart.
        let all = widen_f16(&bytes[2..]);
        for (bits, got) in (1..=u16::MAX).zip(all) {
            let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
            let (exponent, fraction) =
                (i32::from(bits >> 10 & 31), f32::from(bits & 0x3ff) / 1024.0);
            let expected = sign
                * match (exponent, bits & 0x3ff) {
                    (31, 0) => f32::INFINITY,
                    (31, _) => f32::NAN,
                    (0, _) => fraction * 2f32.powi(-14),
                    _ => (1.0 + fraction) * 2f32.powi(exponent - 15),
                };
            let same = got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan();
            assert!(same, "{bits:#x}: {got}, expected {expected}");
        }
    }
}
