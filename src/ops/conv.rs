//! Two-dimensional convolution.

use burn::tensor::Tensor;
#[cfg(feature = "cpu")]
use tintype_kernels::{ConvLayer, ConvWeights};

#[cfg(feature = "cpu")]
use super::cpu;
#[cfg(feature = "webgpu")]
use super::gpu;
use super::{After, Weight};

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

/// As the CPU's kernels know it.
#[cfg(feature = "cpu")]
fn layer([outputs, inputs, kernel, _]: [usize; 4], stride: usize, padding: Padding) -> ConvLayer {
    ConvLayer { inputs, outputs, kernel, stride, padding: padding.sides() }
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

    /// The layer as `count` layers, each of them for a share of the inputs: their results add up to its own.
    pub fn by_inputs(&self, count: usize) -> Vec<Self> {
        self.shares(1, count, |i| self.bias.clone().filter(|_| i == 0))
    }

    /// The layer as `count` layers, each of them giving a share of the outputs.
    pub fn by_outputs(&self, count: usize) -> Vec<Self> {
        self.shares(0, count, |i| {
            let bias = self.bias.clone()?;
            let share = bias.dims()[0] / count;
            Some(bias.narrow(0, i * share, share))
        })
    }

    fn shares(
        &self,
        axis: usize,
        count: usize,
        bias: impl Fn(usize) -> Option<Tensor<1>>,
    ) -> Vec<Self> {
        let weight = |i| self.weight.share(axis, [i, count]);
        (0..count).map(|i| Self::new(weight(i), bias(i), self.stride, self.padding)).collect()
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
        self.forward_then(x, After::default())
    }

    /// Convolves, and does more with the result.
    pub fn forward_then(&self, x: Tensor<4>, after: After<4>) -> Tensor<4> {
        on_device!(x, cpu: self.on_cpu(x, None, after), gpu: self.on_gpu(x, None, None, after))
    }

    /// Convolves, and adds `[batch, out]` to every position.
    pub fn forward_shifted(&self, x: Tensor<4>, shift: Tensor<2>) -> Tensor<4> {
        on_device!(x,
            cpu: {
                let [batch, channels] = shift.dims();
                self.on_cpu(x, None, After::default()) + shift.reshape([batch, channels, 1, 1])
            },
            gpu: self.on_gpu(x, None, Some(shift), After::default()))
    }

    /// Convolves what [`upsample_nearest`](super::upsample_nearest) makes of `x`, and does more with the result.
    pub fn forward_enlarged(&self, x: Tensor<4>, size: [usize; 2], after: After<4>) -> Tensor<4> {
        on_device!(x,
            cpu: self.on_cpu(x, Some(size), after),
            gpu: self.on_gpu(x, Some(size), None, after))
    }

    #[cfg(feature = "cpu")]
    fn on_cpu(&self, x: Tensor<4>, seen: Option<[usize; 2]>, mut after: After<4>) -> Tensor<4> {
        let bias = self.bias.clone();
        // A sum with nothing between is one with the products, without a map of their own.
        let plus = after.plus.take_if(|_| after.activation == super::Activation::Identity);
        let made = match &self.weight {
            Weight::Kept(weight, dims) => {
                let layer = layer(*dims, self.stride, self.padding);
                cpu::conv2d(x, &ConvWeights::kept(weight.matrix(), layer), bias, seen, plus)
            }
            #[cfg(feature = "webgpu")]
            Weight::Packed(_) => panic!("a layer on the GPU was given an array on the CPU"),
            Weight::Read(weight, dims) => {
                let layer = layer(*dims, self.stride, self.padding);
                cpu::numbers(weight.read(), |weight| {
                    cpu::conv2d(x, &ConvWeights::once(weight, layer), bias, seen, plus)
                })
            }
        };
        after.apply(made)
    }

    #[cfg(feature = "webgpu")]
    fn on_gpu(
        &self,
        x: Tensor<4>,
        seen: Option<[usize; 2]>,
        shift: Option<Tensor<2>>,
        After { activation, plus }: After<4>,
    ) -> Tensor<4> {
        let (function, slope) = activation.function();
        let bias = self.bias.clone();
        let finish = gpu::Finish { bias, gated: false, shift, function, slope, plus };
        gpu::conv2d(x, &self.weight.packed(), self.stride, self.padding, seen, finish)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, FloatDType, TensorData};

    use super::super::{Activation, GroupNorm, Linear};
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
    fn sums_and_norms_leave_alone_what_else_is_held() {
        let conv = Conv2d::new(tensor(5, [8, 8, 3, 3]), Some(tensor(3, [8])), 1, Padding::Same(1));
        let (x, plus) = (tensor(1, [2, 8, 7, 5]), tensor(2, [2, 8, 7, 5]));
        let sum = numbers(conv.forward(x.clone()) + plus.clone());
        assert_eq!(numbers(conv.forward_then(x.clone(), After::plus(plus.clone()))), sum);
        // An activation comes before the sum.
        let after = After { activation: Activation::Relu, plus: Some(plus.clone()) };
        let relu = super::super::relu(conv.forward(x.clone())) + plus.clone();
        assert_eq!(numbers(conv.forward_then(x.clone(), after)), numbers(relu));
        let norm = GroupNorm::new(tensor(4, [8]), tensor(6, [8]), 2, 1e-5);
        // A part of a larger tensor, and the whole.
        for held in [x.clone().narrow(0, 1, 1), x.clone()] {
            let dims = held.dims();
            let alone = TensorData::new(numbers(held.clone()), dims);
            let alone = Tensor::from_data(alone, &Device::flex());
            assert_eq!(numbers(norm.forward(held)), numbers(norm.forward(alone)));
        }
        assert_eq!(numbers(x), numbers(tensor(1, [2, 8, 7, 5])));
        assert_eq!(numbers(plus), numbers(tensor(2, [2, 8, 7, 5])));
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
