//! Matrix product with a weight.

use burn::tensor::{FloatDType, Tensor, module};

#[cfg(feature = "cpu")]
use super::cpu;

/// `y = x·Wᵀ + b`.
#[derive(Debug, Clone)]
pub struct Linear {
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
}

impl Linear {
    /// From the checkpoint's tensors.
    ///
    /// # Shapes
    ///
    /// - `weight`: `[out, in]`, f32 or f16
    /// - `bias`: `[out]`
    pub fn new(weight: Tensor<2>, bias: Option<Tensor<1>>) -> Self {
        Self { weight, bias }
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
        let weight = self.weight.clone().cast(FloatDType::F32);
        #[cfg(feature = "cpu")]
        if cpu::holds(&x) {
            return cpu::linear(x, weight, self.bias.clone());
        }
        module::linear(x, weight.transpose(), self.bias.clone())
    }
}
