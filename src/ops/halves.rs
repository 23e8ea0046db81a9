//! Maps in half the memory.
//!
//! Where [`device::keeps_halves`](crate::device::keeps_halves), denoising networks and decoders take their maps as halves, and
//! every function of `ops` gives what it is given: halves of halves. What is computed in between is f32.

use burn::tensor::{DType, FloatDType, Tensor};

use crate::device;

/// As networks that may have halves take it on this device: as halves, or as it is.
pub fn narrowed<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if device::keeps_halves() && !device::is_cpu(&x.device()) {
        in_numbers(x, FloatDType::F16)
    } else {
        x
    }
}

/// As f32.
pub fn widened<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    in_numbers(x, FloatDType::F32)
}

/// In the numbers of another one, which it meets.
pub fn like<const D: usize, const O: usize>(x: Tensor<D>, other: &Tensor<O>) -> Tensor<D> {
    let halves = other.dtype() == DType::F16;
    in_numbers(x, if halves { FloatDType::F16 } else { FloatDType::F32 })
}

fn in_numbers<const D: usize>(x: Tensor<D>, numbers: FloatDType) -> Tensor<D> {
    if x.dtype() == DType::from(numbers) { x } else { x.cast(numbers) }
}
