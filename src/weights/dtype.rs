//! The number formats a checkpoint may be stored in.

use half::{bf16, f16};

/// A number format of safetensors that the engine reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// Brain floating point: the upper half of an f32.
    BF16,
    /// 64-bit integer: only index buffers that old checkpoints carry along, such as `position_ids`.
    I64,
}

impl Dtype {
    /// From safetensors' name of it.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "F32" => Some(Self::F32),
            "F16" => Some(Self::F16),
            "BF16" => Some(Self::BF16),
            "I64" => Some(Self::I64),
            _ => None,
        }
    }

    /// Bytes a number takes.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::I64 => 8,
        }
    }

    /// Little-endian bytes as f32; exact for the three floating-point formats.
    pub fn widen(self, bytes: &[u8]) -> Vec<f32> {
        let pairs = || bytes.as_chunks::<2>().0.iter();
        match self {
            Self::F32 => bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Self::F16 => pairs().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
            Self::BF16 => pairs().map(|b| bf16::from_le_bytes(*b).to_f32()).collect(),
            Self::I64 => {
                bytes.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b) as f32).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_widens_exactly() {
        assert_eq!(Dtype::F32.widen(&1.5f32.to_le_bytes()), [1.5]);
        assert_eq!(
            Dtype::F16.widen(&f16::from_f32(-0.333).to_le_bytes()),
            [f16::from_f32(-0.333).to_f32()]
        );
        assert_eq!(
            Dtype::BF16.widen(&bf16::from_f32(3.0e38).to_le_bytes()),
            [bf16::from_f32(3.0e38).to_f32()]
        );
    }
}
