//! Matrix product with a weight.

use burn::tensor::Tensor;
#[cfg(feature = "cpu")]
use tintype_kernels::LinearWeights;

#[cfg(feature = "cpu")]
use super::cpu;
#[cfg(feature = "webgpu")]
use super::gpu;
use super::{After, Weight};

/// `y = x·Wᵀ + b`.
#[derive(Debug, Clone)]
pub struct Linear {
    weight: Weight<2>,
    bias: Option<Tensor<1>>,
}

impl Linear {
    /// From the checkpoint's tensors.
    ///
    /// # Shapes
    ///
    /// - `weight`: `[out, in]`, f32 or f16
    /// - `bias`: `[out]`
    pub fn new(weight: impl Into<Weight<2>>, bias: Option<Tensor<1>>) -> Self {
        Self { weight: weight.into(), bias }
    }

    /// Applies it to the last axis.
    ///
    /// # Shapes
    ///
    /// - `x`: `[…, in]`
    /// - output: `[…, out]`
    ///
    /// # Source
    ///
    /// torch 2.15 `nn.Linear`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        self.forward_then(x, After::default())
    }

    /// Applies it, and does more with the result.
    pub fn forward_then<const D: usize>(&self, x: Tensor<D>, after: After<D>) -> Tensor<D> {
        on_device!(x, cpu: after.apply(self.on_cpu(x, cpu::linear)), gpu: self.on_gpu(x, false, after))
    }

    /// Applies it, splits the last axis of the result in halves `a, b` and gives `a · gelu(b)`.
    ///
    /// # Shapes
    ///
    /// - `x`: `[batch, tokens, in]`
    /// - output: `[batch, tokens, out / 2]`
    ///
    /// # Source
    ///
    /// Shazeer 2020, <https://arxiv.org/abs/2002.05202>; diffusers 0.42 `GEGLU`.
    pub fn forward_geglu(&self, x: Tensor<3>) -> Tensor<3> {
        on_device!(x,
            cpu: self.on_cpu(x, cpu::linear_geglu),
            gpu: self.on_gpu(x, true, After::default()))
    }

    #[cfg(feature = "cpu")]
    fn on_cpu<const D: usize>(
        &self,
        x: Tensor<D>,
        layer: impl FnOnce(Tensor<D>, &LinearWeights<'_>, Option<Tensor<1>>) -> Tensor<D>,
    ) -> Tensor<D> {
        let bias = self.bias.clone();
        match &self.weight {
            Weight::Kept(weight, _) => layer(x, &LinearWeights::kept(weight.matrix()), bias),
            #[cfg(feature = "webgpu")]
            Weight::Packed(_) => panic!("a layer on the GPU was given an array on the CPU"),
            Weight::Read(weight, size) => cpu::numbers(weight.read(), |weight| {
                layer(x, &LinearWeights::once(weight, *size), bias)
            }),
        }
    }

    #[cfg(feature = "webgpu")]
    fn on_gpu<const D: usize>(
        &self,
        x: Tensor<D>,
        gated: bool,
        After { activation, plus }: After<D>,
    ) -> Tensor<D> {
        let (function, slope) = activation.function();
        let bias = self.bias.clone();
        let finish = gpu::Finish { bias, gated, shift: None, function, slope, plus };
        gpu::linear(x, &self.weight.packed(), finish)
    }
}
