//! Shrinking feature maps.

use burn::tensor::Tensor;
use burn::tensor::module::avg_pool2d;
use burn::tensor::ops::AvgPoolOptions;

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
    #[cfg(feature = "cpu")]
    if cpu::holds(&x) {
        return cpu::halve(x);
    }
    let options = AvgPoolOptions::new([2, 2]).with_ceil_mode(true).with_count_include_pad(false);
    avg_pool2d(x, options)
}
