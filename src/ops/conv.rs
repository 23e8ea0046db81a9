//! Two-dimensional convolution.

use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, module};

use super::Weight;
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
    weight: Weight<4>,
    bias: Option<Tensor<1>>,
    stride: usize,
    padding: Padding,
}

impl Conv2d {
    /// From the checkpoint's tensors.
    ///
    /// # Shapes
    ///
    /// - `weight`: `[out, in, kernel, kernel]`, f32 or f16
    /// - `bias`: `[out]`
    pub fn new(
        weight: impl Into<Weight<4>>,
        bias: Option<Tensor<1>>,
        stride: usize,
        padding: Padding,
    ) -> Self {
        Self { weight: weight.into(), bias, stride, padding }
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
        let (weight, bias) = (self.weight.get(), self.bias.clone());
        #[cfg(feature = "cpu")]
        if cpu::holds(&x) {
            return cpu::conv2d(x, weight, bias, self.stride, self.padding);
        }
        let sides = self.padding.sides();
        let options = ConvOptions::new_with_padding([self.stride; 2], [sides; 2], [1, 1], 1);
        module::conv2d(x, weight, bias, options)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, FloatDType, TensorData};

    use super::super::Linear;
    use super::*;

    fn tensor<const D: usize>(seed: usize, dims: [usize; D]) -> Tensor<D> {
        let count = dims.iter().product::<usize>();
        let value = |i: usize| ((i * 37 + seed) % 101) as f32 / 50.0 - 1.0;
        let data = TensorData::new((0..count).map(value).collect::<Vec<f32>>(), dims);
        Tensor::from_data(data, &Device::flex())
    }

    fn numbers<const D: usize>(x: Tensor<D>) -> Vec<f32> {
        pollster::block_on(crate::device::read(x)).unwrap()
    }

    #[test]
    fn weights_in_half_precision_compute_as_if_they_were_widened() {
        let half = tensor(5, [6, 4, 3, 3]).cast(FloatDType::F16);
        let conv =
            |weight: Tensor<4>| Conv2d::new(weight, Some(tensor(3, [6])), 1, Padding::Same(1));
        let x = tensor(1, [2, 4, 7, 5]);
        let widened = conv(half.clone().cast(FloatDType::F32)).forward(x.clone());
        assert_eq!(numbers(conv(half).forward(x)), numbers(widened));

        let half = tensor(9, [6, 8]).cast(FloatDType::F16);
        let x = tensor(2, [2, 3, 8]);
        let widened = Linear::new(half.clone().cast(FloatDType::F32), None).forward(x.clone());
        assert_eq!(numbers(Linear::new(half, None).forward(x)), numbers(widened));
    }
}
