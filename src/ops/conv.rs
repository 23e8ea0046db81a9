//! Two-dimensional convolution.

use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, module};

#[cfg(feature = "cpu")]
use super::cpu;

/// How a convolution treats the border.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// This many zeros on every side.
    Same(usize),
    /// One row and one column of zeros at the bottom and right only: the autoencoder's downsampling.
    BottomRight,
}

impl Padding {
    /// Zeros before the first and after the last row, and column.
    pub(super) fn sides(self) -> (usize, usize) {
        match self {
            Self::Same(n) => (n, n),
            Self::BottomRight => (0, 1),
        }
    }
}

/// A convolution with square kernel.
#[derive(Debug, Clone)]
pub struct Conv2d {
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    stride: usize,
    padding: Padding,
}

impl Conv2d {
    /// From the checkpoint's tensors.
    ///
    /// # Shapes
    ///
    /// - `weight`: `[out, in, kernel, kernel]`
    /// - `bias`: `[out]`
    pub fn new(
        weight: Tensor<4>,
        bias: Option<Tensor<1>>,
        stride: usize,
        padding: Padding,
    ) -> Self {
        Self { weight, bias, stride, padding }
    }

    /// Convolves.
    ///
    /// # Shapes
    ///
    /// - `x`: `[batch, in, height, width]`
    /// - output: `[batch, out, ⌊(height + padding − kernel) / stride⌋ + 1, …]`
    ///
    /// # Source
    ///
    /// torch 2.15 `nn.Conv2d`; the asymmetric padding is diffusers 0.42 `Downsample2D` with `padding=0`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (weight, bias) = (self.weight.clone(), self.bias.clone());
        #[cfg(feature = "cpu")]
        if cpu::holds(&x) {
            return cpu::conv2d(x, weight, bias, self.stride, self.padding);
        }
        let sides = self.padding.sides();
        let options = ConvOptions::new_with_padding([self.stride; 2], [sides; 2], [1, 1], 1);
        module::conv2d(x, weight, bias, options)
    }
}
