//! Frequencies of feature maps.

use std::f64::consts::TAU;

use burn::tensor::{Tensor, TensorData};

use super::{like, widened};

/// Multiplies the lowest frequencies of every map by `scale`: 0 and −1 a side, along both axes.
///
/// These are the four in the middle of a centred spectrum, which is not symmetric; of the result the real part
/// is kept. Written without a transform: the maps' components along seven waves are found, and scaled.
///
/// # Shapes
///
/// - `x`, output: `[batch, channels, height, width]`
///
/// # Source
///
/// Si et al. 2023, "FreeU", <https://arxiv.org/abs/2309.11497>, equations 6 to 8 with `r_thresh` = 1; checked against
/// diffusers 0.42 `fourier_filter` in `tests/sampling.rs`.
pub fn scale_low_frequencies(x: Tensor<4>, scale: f32) -> Tensor<4> {
    let (given, x) = (x.clone(), widened(x));
    let dims = x.dims();
    let [batch, channels, height, width] = dims;
    let size = height * width;
    let (waves, count) = waves(height, width);
    let waves = Tensor::<2>::from_data(TensorData::new(waves, [count, size]), &x.device());
    let maps = x.clone().reshape([batch * channels, size]);
    let low = maps.matmul(waves.clone().transpose()).matmul(waves);
    like(x + low.reshape(dims) * (scale - 1.0), &given)
}

/// The lowest frequencies' cosines and sines, over the root of their length, and how many there are.
fn waves(height: usize, width: usize) -> (Vec<f32>, usize) {
    let root = ((height * width) as f64).sqrt();
    let mut waves = Vec::with_capacity(7 * height * width);
    let mut count = 0;
    for (turns_y, turns_x) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        // One row or column has no frequency but 0.
        if turns_y >= height || turns_x >= width {
            continue;
        }
        let angle = |i: usize| {
            let y = (turns_y * (i / width)) as f64 / height as f64;
            let x = (turns_x * (i % width)) as f64 / width as f64;
            TAU * (y + x)
        };
        waves.extend((0..height * width).map(|i| (angle(i).cos() / root) as f32));
        count += 1;
        if turns_y + turns_x > 0 {
            waves.extend((0..height * width).map(|i| (angle(i).sin() / root) as f32));
            count += 1;
        }
    }
    (waves, count)
}
