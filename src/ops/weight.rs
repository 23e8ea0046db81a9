//! The matrix of a layer.

use std::fmt;
use std::rc::Rc;

use burn::tensor::{FloatDType, Tensor};

/// Numbers that are read each time they are used.
pub trait Read {
    /// All of them, as f32. What cannot be read is 0 here, and noted for whoever reads the result.
    fn read(&self) -> Tensor<1>;
}

/// A layer's matrix or kernel: on the device, or, where that would take more memory than there is, in its file.
#[derive(Clone)]
pub enum Weight<const D: usize> {
    /// On the device, f32 or f16.
    Held(Box<Tensor<D>>),
    /// Read each time, and of this shape.
    Read(Rc<dyn Read>, [usize; D]),
}

impl<const D: usize> Weight<D> {
    /// As f32: sums are f32 whatever the weights are stored as, since thousands of products in f16 are no picture.
    pub(super) fn get(&self) -> Tensor<D> {
        match self {
            Self::Held(tensor) => (**tensor).clone().cast(FloatDType::F32),
            Self::Read(numbers, shape) => numbers.read().reshape(*shape),
        }
    }
}

impl<const D: usize> From<Tensor<D>> for Weight<D> {
    fn from(tensor: Tensor<D>) -> Self {
        Self::Held(Box::new(tensor))
    }
}

impl<const D: usize> fmt::Debug for Weight<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held(tensor) => tensor.fmt(f),
            Self::Read(_, shape) => f.debug_tuple("Read").field(shape).finish(),
        }
    }
}
