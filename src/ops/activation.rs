//! Activation functions of the Stable Diffusion family and of upscalers.

use burn::tensor::{Tensor, activation};

#[cfg(feature = "cpu")]
use super::cpu;

/// `x · sigmoid(x)`.
///
/// # Source
///
/// Elfwing et al. 2017, <https://arxiv.org/abs/1702.03118>; torch 2.15 `nn.functional.silu`.
pub fn silu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "cpu")]
    if cpu::holds(&x) {
        return cpu::silu(x);
    }
    activation::silu(x)
}

/// `x · Φ(x)` with the exact error function.
///
/// # Source
///
/// Hendrycks & Gimpel 2016, <https://arxiv.org/abs/1606.08415>; torch 2.15 `nn.functional.gelu`.
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "cpu")]
    if cpu::holds(&x) {
        return cpu::gelu(x);
    }
    activation::gelu(x)
}

/// `x · sigmoid(1.702 x)`, the approximation that OpenAI's CLIP was trained with.
///
/// # Source
///
/// transformers 5.23 `QuickGELUActivation`.
pub fn quick_gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "cpu")]
    if cpu::holds(&x) {
        return cpu::quick_gelu(x);
    }
    let gate = activation::sigmoid(x.clone().mul_scalar(1.702));
    x * gate
}

/// `1 / (1 + e⁻ˣ)`.
///
/// # Source
///
/// torch 2.15 `nn.functional.sigmoid`.
pub fn sigmoid<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    activation::sigmoid(x)
}

/// `x` where it is positive, 0 elsewhere.
///
/// # Source
///
/// torch 2.15 `nn.functional.relu`.
pub fn relu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    leaky_relu(x, 0.0)
}

/// Splits the last axis in halves `a, b` and returns `a · gelu(b)`.
///
/// # Shapes
///
/// - `x`: `[batch, tokens, 2 · width]`
/// - output: `[batch, tokens, width]`
///
/// # Source
///
/// Shazeer 2020, <https://arxiv.org/abs/2002.05202>; diffusers 0.42 `GEGLU`.
pub fn geglu(x: Tensor<3>) -> Tensor<3> {
    #[cfg(feature = "cpu")]
    if cpu::holds(&x) {
        return cpu::geglu(x);
    }
    let width = x.dims()[2] / 2;
    let value = x.clone().narrow(2, 0, width);
    let gate = x.narrow(2, width, width);
    value * gelu(gate)
}

/// `x` where it is positive, `slope · x` elsewhere.
///
/// # Source
///
/// torch 2.15 `nn.functional.leaky_relu`.
pub fn leaky_relu<const D: usize>(x: Tensor<D>, slope: f32) -> Tensor<D> {
    #[cfg(feature = "cpu")]
    if cpu::holds(&x) {
        return cpu::leaky_relu(x, slope);
    }
    activation::leaky_relu(x, f64::from(slope))
}

/// As [`leaky_relu`], with a learnt slope for each channel.
///
/// # Shapes
///
/// - `x`: `[batch, channels, height, width]`
/// - `slopes`: `[channels]`
///
/// # Source
///
/// He et al. 2015, <https://arxiv.org/abs/1502.01852>; torch 2.15 `nn.functional.prelu`.
pub fn prelu(x: Tensor<4>, slopes: Tensor<1>) -> Tensor<4> {
    #[cfg(feature = "cpu")]
    if cpu::holds(&x) {
        return cpu::prelu(x, slopes);
    }
    activation::prelu(x, slopes)
}
