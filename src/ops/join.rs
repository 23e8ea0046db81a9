//! Maps side by side.

use burn::tensor::Tensor;

#[cfg(feature = "webgpu")]
use super::gpu;

/// The channels of `a`, then those of `b`.
///
/// # Shapes
///
/// - `a`: `[batch, channels, height, width]`
/// - `b`: `[batch, further channels, height, width]`
/// - output: `[batch, channels + further channels, height, width]`
pub fn join_channels(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    on_device!(a, cpu: Tensor::cat(vec![a, b], 1), gpu: gpu::join_channels(a, b))
}
