//! Channels ↔ pixels: how networks change the size of a picture without making up or losing a number.

use burn::tensor::Tensor;

/// Makes squares of `factor²` pixels of every `factor²` channels, row by row.
///
/// # Shapes
///
/// - `x`: `[batch, channels · factor², height, width]`
/// - output: `[batch, channels, height · factor, width · factor]`
///
/// # Panics
///
/// If the channels are no multiple of `factor²`.
///
/// # Source
///
/// Shi et al. 2016, <https://arxiv.org/abs/1609.05158>; torch 2.15 `nn.functional.pixel_shuffle`.
pub fn pixel_shuffle(x: Tensor<4>, factor: usize) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let channels = channels / (factor * factor);
    let squares = x.reshape([batch, channels, factor, factor, height, width]);
    let rows = squares.permute([0, 1, 4, 2, 5, 3]);
    rows.reshape([batch, channels, height * factor, width * factor])
}

/// Makes `factor²` channels of every square of `factor²` pixels: the way back of [`pixel_shuffle`].
///
/// # Shapes
///
/// - `x`: `[batch, channels, height · factor, width · factor]`
/// - output: `[batch, channels · factor², height, width]`
///
/// # Panics
///
/// If the sides are no multiples of `factor`.
///
/// # Source
///
/// torch 2.15 `nn.functional.pixel_unshuffle`.
pub fn pixel_unshuffle(x: Tensor<4>, factor: usize) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let (height, width) = (height / factor, width / factor);
    let squares = x.reshape([batch, channels, height, factor, width, factor]);
    squares.permute([0, 1, 3, 5, 2, 4]).reshape([batch, channels * factor * factor, height, width])
}
