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
        on_device!(x, cpu: after.apply(self.on_cpu(x)), gpu: self.on_gpu(x, false, after))
    }

    /// [`geglu`](super::geglu) of the result, which is `[batch, tokens, out / 2]`.
    pub fn forward_geglu(&self, x: Tensor<3>) -> Tensor<3> {
        on_device!(x,
            cpu: super::geglu(self.on_cpu(x)),
            gpu: self.on_gpu(x, true, After::default()))
    }

    #[cfg(feature = "cpu")]
    fn on_cpu<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let bias = self.bias.clone();
        match &self.weight {
            Weight::Kept(weight, _) => cpu::linear(x, &LinearWeights::kept(weight.matrix()), bias),
            #[cfg(feature = "webgpu")]
            Weight::Packed(_) => panic!("a layer on the GPU was given an array on the CPU"),
            Weight::Read(weight, size) => cpu::numbers(weight.read(), |weight| {
                cpu::linear(x, &LinearWeights::once(weight, *size), bias)
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
