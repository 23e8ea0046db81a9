//! The matrix of a layer.

use std::fmt;
use std::rc::Rc;

use burn::tensor::{FloatDType, Tensor};

#[cfg(feature = "webgpu")]
use super::Packed;
#[cfg(feature = "cpu")]
use super::cpu::{self, Kept};

/// Numbers that are read each time they are used.
pub trait Read {
    /// All of them, as f32. What cannot be read is 0 here, and noted for whoever reads the result.
    fn read(&self) -> Tensor<1>;
}

/// A layer's matrix or kernel: on the device, or, where that would take more memory than there is, in its file.
#[derive(Clone)]
pub enum Weight<const D: usize> {
    /// On the CPU, of this shape.
    #[cfg(feature = "cpu")]
    Kept(Rc<Kept>, [usize; D]),
    /// On the GPU.
    #[cfg(feature = "webgpu")]
    Packed(Rc<Packed>),
    /// Read each time, and of this shape.
    Read(Rc<dyn Read>, [usize; D]),
}

impl<const D: usize> Weight<D> {
    /// For the GPU.
    #[cfg(feature = "webgpu")]
    pub(super) fn packed(&self) -> Rc<Packed> {
        match self {
            #[cfg(feature = "cpu")]
            Self::Kept(..) => panic!("a layer on the CPU was given an array on the GPU"),
            Self::Packed(packed) => packed.clone(),
            Self::Read(numbers, shape) => Rc::new(Packed::of(numbers.read().reshape(*shape))),
        }
    }
}

impl Weight<4> {
    /// The kernel's numbers as f32, in the checkpoint's order.
    pub(super) fn tensor(&self) -> Tensor<4> {
        match self {
            #[cfg(feature = "cpu")]
            Self::Kept(kept, shape) => kept.tensor().reshape(*shape),
            #[cfg(feature = "webgpu")]
            Self::Packed(packed) => {
                let (rows, side) = (packed.rows(), packed.kernel());
                packed.tensor().reshape([rows as i32, -1, side as i32, side as i32])
            }
            Self::Read(numbers, shape) => numbers.read().reshape(*shape),
        }
    }
}

impl<const D: usize> From<Tensor<D>> for Weight<D> {
    fn from(tensor: Tensor<D>) -> Self {
        let tensor = tensor.cast(FloatDType::F32);
        on_device!(tensor,
            cpu: {
                let dims = tensor.dims();
                Self::Kept(Rc::new(cpu::numbers(tensor, |numbers| Kept::new(numbers, &dims))), dims)
            },
            gpu: Self::Packed(Rc::new(Packed::of(tensor))))
    }
}

impl<const D: usize> fmt::Debug for Weight<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "cpu")]
            Self::Kept(_, shape) => f.debug_tuple("Kept").field(shape).finish(),
            #[cfg(feature = "webgpu")]
            Self::Packed(packed) => packed.fmt(f),
            Self::Read(_, shape) => f.debug_tuple("Read").field(shape).finish(),
        }
    }
}
