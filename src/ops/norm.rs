//! Normalisation layers.

use burn::tensor::Tensor;

#[cfg(feature = "cpu")]
use super::cpu;
#[cfg(feature = "webgpu")]
use super::gpu;

/// Normalises groups of channels to mean 0 and variance 1, then scales and shifts each channel.
#[derive(Debug, Clone)]
pub struct GroupNorm {
    weight: Tensor<1>,
    bias: Tensor<1>,
    groups: usize,
    eps: f64,
}

impl GroupNorm {
    /// From the checkpoint's tensors, both `[channels]`.
    pub fn new(weight: Tensor<1>, bias: Tensor<1>, groups: usize, eps: f64) -> Self {
        Self { weight, bias, groups, eps }
    }

    /// The layer as `count` layers, each for a share of the channels: whole groups.
    pub fn by_channels(&self, count: usize) -> Vec<Self> {
        let share = self.weight.dims()[0] / count;
        let narrow = |parameter: &Tensor<1>, i| parameter.clone().narrow(0, i * share, share);
        let layer = |i| {
            let (weight, bias) = (narrow(&self.weight, i), narrow(&self.bias, i));
            Self::new(weight, bias, self.groups / count, self.eps)
        };
        (0..count).map(layer).collect()
    }

    /// Normalises.
    ///
    /// # Shapes
    ///
    /// - `x` and output: `[batch, channels, height, width]`
    ///
    /// # Source
    ///
    /// Wu & He 2018, <https://arxiv.org/abs/1803.08494>; torch 2.15 `nn.GroupNorm`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.apply(x, false)
    }

    /// Normalises, then applies [`silu`], the pair every residual block starts with.
    pub fn forward_silu(&self, x: Tensor<4>) -> Tensor<4> {
        self.apply(x, true)
    }

    fn apply(&self, x: Tensor<4>, with_silu: bool) -> Tensor<4> {
        let parameters = [self.weight.clone(), self.bias.clone()];
        on_device!(x,
            cpu: cpu::group_norm(x, parameters, self.groups, self.eps, with_silu),
            gpu: gpu::group_norm(x, parameters, self.groups, self.eps, with_silu))
    }
}

/// Normalises the last axis to mean 0 and variance 1, then scales and shifts it.
#[derive(Debug, Clone)]
pub struct LayerNorm {
    weight: Tensor<1>,
    bias: Tensor<1>,
    eps: f64,
}

impl LayerNorm {
    /// From the checkpoint's tensors, both `[width]`.
    pub fn new(weight: Tensor<1>, bias: Tensor<1>, eps: f64) -> Self {
        Self { weight, bias, eps }
    }

    /// Normalises.
    ///
    /// # Shapes
    ///
    /// - `x` and output: `[…, width]`
    ///
    /// # Source
    ///
    /// Ba et al. 2016, <https://arxiv.org/abs/1607.06450>; torch 2.15 `nn.LayerNorm`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let (weight, bias) = (self.weight.clone(), self.bias.clone());
        on_device!(x,
            cpu: cpu::layer_norm(x, weight, bias, self.eps),
            gpu: gpu::layer_norm(x, weight, bias, self.eps))
    }
}
