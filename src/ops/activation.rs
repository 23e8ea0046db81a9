//! Activation functions of the Stable Diffusion family and of upscalers.

use burn::tensor::{Tensor, activation};

#[cfg(feature = "cpu")]
use super::cpu;
#[cfg(feature = "webgpu")]
use super::gpu::{self, Function};

/// `x · sigmoid(x)`.
///
/// # Source
///
/// Elfwing et al. 2017, <https://arxiv.org/abs/1702.03118>; torch 2.15 `nn.functional.silu`.
pub fn silu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    on_device!(x, cpu: cpu::silu(x), gpu: gpu::function(x, Function::Silu, 0.0))
}

/// `x · Φ(x)` with the exact error function.
///
/// # Source
///
/// Hendrycks & Gimpel 2016, <https://arxiv.org/abs/1606.08415>; torch 2.15 `nn.functional.gelu`.
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    on_device!(x, cpu: cpu::gelu(x), gpu: gpu::function(x, Function::Gelu, 0.0))
}

/// `x · sigmoid(1.702 x)`, the approximation that OpenAI's CLIP was trained with.
///
/// # Source
///
/// transformers 5.23 `QuickGELUActivation`.
pub fn quick_gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    on_device!(x, cpu: cpu::quick_gelu(x), gpu: gpu::function(x, Function::QuickGelu, 0.0))
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

/// `x` where it is positive, `slope · x` elsewhere.
///
/// # Source
///
/// torch 2.15 `nn.functional.leaky_relu`.
pub fn leaky_relu<const D: usize>(x: Tensor<D>, slope: f32) -> Tensor<D> {
    on_device!(x, cpu: cpu::leaky_relu(x, slope), gpu: gpu::function(x, Function::LeakyRelu, slope))
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
    on_device!(x, cpu: cpu::prelu(x, slopes), gpu: gpu::prelu(x, slopes))
}
