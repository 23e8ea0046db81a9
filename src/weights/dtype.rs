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
            #[cfg(feature = "cpu")]
            Self::F16 => tintype_kernels::widen_f16(bytes),
            #[cfg(not(feature = "cpu"))]
            Self::F16 => pairs().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
            Self::BF16 => pairs().map(|b| bf16::from_le_bytes(*b).to_f32()).collect(),
            Self::F8E4M3 => bytes.iter().map(|b| f8_e4m3(*b)).collect(),
            Self::F8E5M2 => {
                bytes.iter().map(|b| f16::from_bits(u16::from(*b) << 8).to_f32()).collect()
            }
            Self::Integer { .. } => return None,
        })
    }
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
    fn integers_are_no_weights() {
        let dtype = Dtype::from_name("I32").unwrap();
        assert_eq!(dtype.bytes(), 4);
        assert!(dtype.widen(&[0; 4]).is_none());
        assert_eq!(Dtype::from_name("F4"), None);
    }
}
