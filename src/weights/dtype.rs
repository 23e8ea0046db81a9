//! The number formats a checkpoint may be stored in.

use half::{bf16, f16};

/// A number format of safetensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    /// IEEE double precision.
    F64,
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// Brain floating point: the upper half of an f32.
    BF16,
    /// Eight bits, four of them exponent; no infinity.
    F8E4M3,
    /// Eight bits, five of them exponent: the upper half of an f16.
    F8E5M2,
    /// Integers and truth values: never weights, but index buffers and counters that checkpoints carry along.
    Integer {
        /// Bytes of one.
        bytes: usize,
        /// Safetensors' name of the format.
        name: &'static str,
    },
}

/// Safetensors' names of integers, with their bytes.
const INTEGERS: [(&str, usize); 9] = [
    ("BOOL", 1),
    ("U8", 1),
    ("I8", 1),
    ("I16", 2),
    ("U16", 2),
    ("I32", 4),
    ("U32", 4),
    ("I64", 8),
    ("U64", 8),
];

impl Dtype {
    /// Integers of eight bits: weights, where each row has a scale.
    pub(super) const EIGHT_BITS: Self = Self::Integer { bytes: 1, name: "I8" };

    /// From safetensors' name of it.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "F64" => Some(Self::F64),
            "F32" => Some(Self::F32),
            "F16" => Some(Self::F16),
            "BF16" => Some(Self::BF16),
            "F8_E4M3" => Some(Self::F8E4M3),
            "F8_E5M2" => Some(Self::F8E5M2),
            _ => {
                let (name, bytes) = *INTEGERS.iter().find(|(known, _)| *known == name)?;
                Some(Self::Integer { bytes, name })
            }
        }
    }

    /// Bytes a number takes.
    pub fn bytes(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::F8E4M3 | Self::F8E5M2 => 1,
            Self::Integer { bytes, .. } => bytes,
        }
    }

    /// Little-endian bytes as f32: exact for floating-point formats of at most 32 bits, rounded for doubles. Nothing
    /// for integers.
    pub fn widen(self, bytes: &[u8]) -> Option<Vec<f32>> {
        let pairs = || bytes.as_chunks::<2>().0.iter();
        Some(match self {
            Self::F64 => {
                bytes.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect()
            }
            Self::F32 => bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Self::F16 => tintype_kernels::widen_f16(bytes),
            Self::BF16 => pairs().map(|b| bf16::from_le_bytes(*b).to_f32()).collect(),
            Self::F8E4M3 => bytes.iter().map(|b| f8_e4m3(*b)).collect(),
            Self::F8E5M2 => {
                bytes.iter().map(|b| f16::from_bits(u16::from(*b) << 8).to_f32()).collect()
            }
            Self::Integer { .. } => return None,
        })
    }
}

/// Integers of eight bits, row by row, each row times its number of `scales` (little-endian f32).
pub(super) fn widen_rows(numbers: &[u8], scales: &[u8]) -> Vec<f32> {
    let scales: Vec<f32> =
        scales.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    tintype_kernels::widen_i8(numbers, &scales)
}

/// Numbers row by row as integers of eight bits, then the rows' scales (little-endian f32): a row's largest number is
/// 127 times its scale. A row with a number that is none stays none.
pub(super) fn narrow_rows(numbers: &[f32], rows: usize) -> Vec<u8> {
    let width = (numbers.len() / rows.max(1)).max(1);
    let mut bytes = Vec::with_capacity(numbers.len() + 4 * rows);
    let mut scales = Vec::with_capacity(4 * rows);
    for row in numbers.chunks_exact(width) {
        let largest = row.iter().fold(0_f32, |largest, number| largest.max(number.abs()));
        let is_finite = row.iter().all(|number| number.is_finite());
        let scale = if is_finite { largest / 127.0 } else { f32::NAN };
        // Of a row of zeros, and of one that is no numbers, it does not matter which integers they are.
        let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
        bytes.extend(row.iter().map(|number| ((number * inverse).round() as i8).cast_unsigned()));
        scales.extend(scale.to_le_bytes());
    }
    bytes.extend(scales);
    bytes
}

/// Sign, four bits of exponent with bias 7, three of fraction; all ones is not a number, and there is no infinity
/// (Micikevicius et al. 2022, "FP8 formats for deep learning").
fn f8_e4m3(byte: u8) -> f32 {
    let sign = if byte & 0x80 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(byte >> 3 & 15), f32::from(byte & 7));
    sign * match (exponent, byte & 7) {
        (15, 7) => f32::NAN,
        (0, _) => fraction / 8.0 * 2f32.powi(-6),
        _ => (1.0 + fraction / 8.0) * 2f32.powi(exponent - 7),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_widens_exactly() {
        let one = |dtype: Dtype, bytes: &[u8]| dtype.widen(bytes).unwrap()[0];
        assert_eq!(one(Dtype::F64, &1.5f64.to_le_bytes()), 1.5);
        assert_eq!(one(Dtype::F32, &1.5f32.to_le_bytes()), 1.5);
        let half = f16::from_f32(-0.333);
        assert_eq!(one(Dtype::F16, &half.to_le_bytes()), half.to_f32());
        let brain = bf16::from_f32(3.0e38);
        assert_eq!(one(Dtype::BF16, &brain.to_le_bytes()), brain.to_f32());
    }

    #[test]
    fn eight_bit_floats_are_those_of_torch() {
        // torch 2.15: `torch.tensor(byte, dtype=torch.uint8).view(torch.float8_e4m3fn).float()`, and e5m2.
        let cases = [(0x38, 1.0, 0.5), (0x01, 0.001953125, 1.5258789e-5), (0x7e, 448.0, f32::NAN)];
        for (byte, e4m3, e5m2) in cases {
            let both = [Dtype::F8E4M3, Dtype::F8E5M2].map(|dtype| dtype.widen(&[byte]).unwrap()[0]);
            assert_eq!(both[0], e4m3, "{byte:#x}");
            assert!(both[1] == e5m2 || both[1].is_nan() && e5m2.is_nan(), "{byte:#x} {}", both[1]);
        }
        assert_eq!(Dtype::F8E4M3.widen(&[0xb8]).unwrap(), [-1.0]);
        assert!(Dtype::F8E4M3.widen(&[0x7f]).unwrap()[0].is_nan());
        assert_eq!(Dtype::F8E5M2.widen(&[0x7b]).unwrap(), [57344.0]);
    }

    #[test]
    fn rows_in_eight_bits_are_near_what_they_were() {
        let numbers = [0.5, -1.27, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, f32::NAN, 1.0, 3.0e38, -3.0e38];
        let bytes = narrow_rows(&numbers, 3);
        assert_eq!(bytes.len(), 12 + 3 * 4);
        let (integers, scales) = bytes.split_at(12);
        assert_eq!(integers[..4], [50_u8, 129, 0, 100]);
        let wide = widen_rows(integers, scales);
        for (wide, number) in wide.iter().zip(&numbers[..8]) {
            assert!((wide - number).abs() <= 0.0051, "{wide} {number}");
        }
        assert!(wide[8..].iter().all(|number| number.is_nan()));
        assert!(narrow_rows(&[], 0).is_empty());
        let large = narrow_rows(&[3.0e38, -3.0e38], 1);
        assert!(widen_rows(&large[..2], &large[2..]).iter().all(|number| number.is_finite()));
    }

    #[test]
    fn integers_are_no_weights() {
        let dtype = Dtype::from_name("I32").unwrap();
        assert_eq!(dtype.bytes(), 4);
        assert!(dtype.widen(&[0; 4]).is_none());
        assert_eq!(Dtype::from_name("F4"), None);
    }
}
