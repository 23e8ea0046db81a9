//! Matrix product with a weight.

use burn::tensor::{Tensor, module};

/// `y = x·Wᵀ + b`.
#[derive(Debug, Clone)]
pub struct Linear {
    /// `[in, out]`: what burn multiplies by; the checkpoint's `[out, in]` seen transposed.
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
}

impl Linear {
    /// From the checkpoint's tensors.
    ///
    /// # Shapes
    ///
    /// - `weight`: `[out, in]`
    /// - `bias`: `[out]`
    pub fn new(weight: Tensor<2>, bias: Option<Tensor<1>>) -> Self {
        Self { weight: weight.transpose(), bias }
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
        module::linear(x, self.weight.clone(), self.bias.clone())
    }
}
