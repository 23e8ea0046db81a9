//! Normalisation layers.

use burn::tensor::{Tensor, module};

#[cfg(feature = "cpu")]
use super::cpu;
use super::silu;

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
        #[cfg(feature = "cpu")]
        if cpu::holds(&x) {
            let parameters = [self.weight.clone(), self.bias.clone()];
            return cpu::group_norm(x, parameters, self.groups, self.eps, with_silu);
        }
        let [batch, channels, height, width] = x.dims();
        let per_group = channels / self.groups * height * width;
        let x = x.reshape([batch, self.groups, per_group]);
        let mean = x.clone().mean_dim(2);
        let centred = x - mean;
        let variance = centred.clone().powi_scalar(2).mean_dim(2);
        let normed = centred * variance.add_scalar(self.eps).sqrt().recip();
        let shape = [1, channels, 1, 1];
        let out = normed.reshape([batch, channels, height, width])
            * self.weight.clone().reshape(shape)
            + self.bias.clone().reshape(shape);
        if with_silu { silu(out) } else { out }
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
        #[cfg(feature = "cpu")]
        if cpu::holds(&x) {
            return cpu::layer_norm(x, self.weight.clone(), self.bias.clone(), self.eps);
        }
        module::layer_norm(x, self.weight.clone(), Some(self.bias.clone()), self.eps)
    }
}
