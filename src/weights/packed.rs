//! Which words a GPU keeps a tensor's numbers in.

use half::f16;

use super::dtype::narrow_rows;
use super::safetensors::TensorInfo;
use super::{Dtype, Weights};
use crate::device;
use crate::error::Result;
use crate::ops::Packed;

impl Weights {
    /// A matrix or kernel as the GPU keeps it: in the file's number format, if that is f16, bf16 or eight bits with a scale
    /// a row; floats of eight bits as f16, which has all of them; else f32. Nothing for vectors, and on the CPU.
    pub(super) fn packed(
        &self,
        tensor: &TensorInfo,
        shape: &[usize],
        bytes: &[u8],
        eight_bits: bool,
    ) -> Result<Option<Packed>> {
        if device::is_cpu(&self.device) || !Packed::takes(shape) {
            return Ok(None);
        }
        let device = &self.device;
        let wide = || tensor.widen(&self.file, bytes);
        let halves = |of: &mut dyn Iterator<Item = u16>, brain| {
            let bits: Vec<u16> = of.collect();
            Packed::halves(&bits, brain, shape, device)
        };
        let pairs = || bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair));
        let rows = |bytes: &[u8]| {
            let (integers, scales) = bytes.split_at(bytes.len() - 4 * shape[0]);
            let scales = scales.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four));
            Packed::eight_bits(integers, scales.collect(), shape, device)
        };
        Ok(Some(match tensor.dtype {
            _ if !Packed::narrows(shape) => Packed::floats(&wide()?, shape, device),
            _ if tensor.is_scaled() => rows(bytes),
            _ if eight_bits => rows(&narrow_rows(&wide()?, shape[0])),
            Dtype::F16 => halves(&mut pairs(), false),
            Dtype::BF16 => halves(&mut pairs(), true),
            Dtype::F8E4M3 | Dtype::F8E5M2 => halves(
                &mut wide()?.into_iter().map(|number| f16::from_f32(number).to_bits()),
                false,
            ),
            _ => Packed::floats(&wide()?, shape, device),
        }))
    }
}
