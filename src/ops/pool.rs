//! Shrinking feature maps.

use burn::tensor::Tensor;
#[cfg(feature = "webgpu")]
use burn::tensor::{module::avg_pool2d, ops::AvgPoolOptions};

#[cfg(feature = "cpu")]
use super::cpu;

/// Makes one position of every square of 2 × 2, their mean; of an odd side's last row or column, the mean of what is
/// there.
///
/// # Shapes
///
/// - `x`: `[batch, channels, height, width]`
/// - output: `[batch, channels, ⌈height / 2⌉, ⌈width / 2⌉]`
///
/// # Source
///
/// torch 2.15 `nn.AvgPool2d(kernel_size=2, stride=2, ceil_mode=True)`.
pub fn halve(x: Tensor<4>) -> Tensor<4> {
    on_device!(x, cpu: cpu::halve(x), gpu: avg_pool2d(x, {
        AvgPoolOptions::new([2, 2]).with_ceil_mode(true).with_count_include_pad(false)
    }))
}
