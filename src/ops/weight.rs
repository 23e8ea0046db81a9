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
    /// The kernel of one of `count` shares of the outputs (axis 0) or of the inputs (axis 1). What is in a file stays there.
    pub(super) fn share(&self, axis: usize, [i, count]: [usize; 2]) -> Self {
        match self {
            #[cfg(feature = "cpu")]
            Self::Kept(kept, shape) => {
                Share { shape: *shape, axis, at: [i, count] }.of(kept.tensor()).into()
            }
            #[cfg(feature = "webgpu")]
            Self::Packed(packed) => Self::Packed(Rc::new(packed.share(axis, [i, count]))),
            Self::Read(numbers, shape) => {
                let share = Share { shape: *shape, axis, at: [i, count] };
                Self::Read(Rc::new(ReadShare { numbers: numbers.clone(), share }), share.sides())
            }
        }
    }
}

/// One of several shares of a kernel.
#[derive(Clone, Copy)]
struct Share {
    /// The whole kernel's.
    shape: [usize; 4],
    axis: usize,
    /// Which one, of how many.
    at: [usize; 2],
}

impl Share {
    fn sides(self) -> [usize; 4] {
        let mut sides = self.shape;
        sides[self.axis] /= self.at[1];
        sides
    }

    /// The share's numbers, of all.
    fn of(self, numbers: Tensor<1>) -> Tensor<4> {
        let side = self.sides()[self.axis];
        numbers.reshape(self.shape).narrow(self.axis, self.at[0] * side, side)
    }
}

/// A share that is read each time it is used.
struct ReadShare {
    numbers: Rc<dyn Read>,
    share: Share,
}

impl Read for ReadShare {
    fn read(&self) -> Tensor<1> {
        self.share.of(self.numbers.read()).flatten(0, 3)
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
