//! Matrix product with a weight.

use burn::tensor::{Tensor, module};

use super::Weight;
#[cfg(feature = "cpu")]
use super::cpu;

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
        let weight = self.weight.get();
        #[cfg(feature = "cpu")]
        if cpu::holds(&x) {
            return cpu::linear(x, weight, self.bias.clone());
        }
        module::linear(x, weight.transpose(), self.bias.clone())
    }
}
