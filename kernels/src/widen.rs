//! Half precision and eight bits → single precision.

/// Little-endian half-precision numbers as f32, exactly.
///
/// Without branches, so that it becomes SIMD instructions: weights that stay in their file pass through here each time
/// they are used.
pub fn widen_f16(bytes: &[u8]) -> Vec<f32> {
    let widen = |pair: &[u8; 2]| {
        let half = u32::from(u16::from_le_bytes(*pair));
        // Both formats' exponents and fractions lie alike; what differs is the bias, by 112. This is exact for
        // subnormals, too, which are normal numbers after it.
        let scaled = f32::from_bits((half & 0x7fff) << 13) * f32::from_bits(239 << 23);
        let infinite = if half & 0x7c00 == 0x7c00 { 0xff << 23 } else { 0 };
        f32::from_bits(scaled.to_bits() | infinite | (half & 0x8000) << 16)
    };
    bytes.as_chunks::<2>().0.iter().map(widen).collect()
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
        wide.extend(row.iter().map(|number| f32::from(number.cast_signed()) * scale));
    }
    wide
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_integers_have_their_scales() {
        let numbers = [127_u8, 0x80, 0, 1, 0xff, 64];
        assert_eq!(widen_i8(&numbers, &[0.5, 2.0]), [63.5, -64.0, 0.0, 2.0, -2.0, 128.0]);
        assert!(widen_i8(&[], &[]).is_empty());
    }

    #[test]
    fn every_number_widens_exactly() {
        // By the definition of the format: sign, five bits of exponent with bias 15, ten of fraction.
        for bits in 0..=u16::MAX {
            let got = widen_f16(&bits.to_le_bytes())[0];
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
