//! What a layer does with its result in the same breath.

use burn::tensor::Tensor;

#[cfg(feature = "cpu")]
use super::{gelu, leaky_relu, quick_gelu, silu};

/// An activation function that follows a layer; see the functions of these names.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Activation {
    /// None.
    #[default]
    Identity,
    /// [`silu`](super::silu).
    Silu,
    /// [`gelu`](super::gelu).
    Gelu,
    /// [`quick_gelu`](super::quick_gelu).
    QuickGelu,
    /// [`relu`](super::relu).
    Relu,
    /// [`leaky_relu`](super::leaky_relu), with this slope.
    LeakyRelu(f32),
}

/// What is done with a layer's result: the activation, then the sum. On a GPU it takes no pass over memory of its own.
#[derive(Debug, Default)]
pub struct After<const D: usize> {
    /// Applied first.
    pub activation: Activation,
    /// Added last, of the result's shape.
    pub plus: Option<Tensor<D>>,
}

impl<const D: usize> After<D> {
    /// Adds this to the result.
    pub fn plus(other: Tensor<D>) -> Self {
        Self { plus: Some(other), ..Self::default() }
    }

    /// Applies this to the result.
    pub fn activation(activation: Activation) -> Self {
        Self { activation, ..Self::default() }
    }

    #[cfg(feature = "cpu")]
    pub(super) fn apply(self, y: Tensor<D>) -> Tensor<D> {
        let y = match self.activation {
            Activation::Identity => y,
            Activation::Silu => silu(y),
            Activation::Gelu => gelu(y),
            Activation::QuickGelu => quick_gelu(y),
            Activation::Relu => leaky_relu(y, 0.0),
            Activation::LeakyRelu(slope) => leaky_relu(y, slope),
        };
        match self.plus {
            Some(plus) => y + plus,
            None => y,
        }
    }
}

#[cfg(feature = "webgpu")]
impl Activation {
    /// As a kernel's function and its slope.
    pub(super) fn function(self) -> (super::gpu::Function, f32) {
        use super::gpu::Function;
        match self {
            Self::Identity => (Function::Identity, 0.0),
            Self::Silu => (Function::Silu, 0.0),
            Self::Gelu => (Function::Gelu, 0.0),
            Self::QuickGelu => (Function::QuickGelu, 0.0),
            Self::Relu => (Function::LeakyRelu, 0.0),
            Self::LeakyRelu(slope) => (Function::LeakyRelu, slope),
        }
    }
}
