//! Filters that look at the neighbours of each pixel.
//!
//! All are separable or nearly so, and work on whole rows at a time: a row of pixels is a plain array in which
//! the neighbour's number is `channels` further.

pub mod canny;
pub mod morphology;

use super::Image;

/// Blurred by a bell curve of `2·radius + 1` pixels. `sigma` counts in radii: at 1 the outermost pixels still
/// weigh e^(−½) of the middle one.
#[must_use]
pub fn blur(image: &Image, radius: usize, sigma: f32) -> Image {
    let kernel = bell(radius, sigma * radius as f32);
    let size = [image.height, image.width];
    Image { data: convolve(&image.data, size, image.channels, &kernel), ..*image }
}

/// Sharpened: what [`blur`] takes away is added ten times `alpha`. Clipped to 0..1.
#[must_use]
pub fn sharpen(image: &Image, radius: usize, sigma: f32, alpha: f32) -> Image {
    let (mut out, strength) = (blur(image, radius, sigma), 10.0 * alpha);
    for (blurred, sharp) in out.data.iter_mut().zip(&image.data) {
        *blurred = (sharp * (1.0 + strength) - *blurred * strength).clamp(0.0, 1.0);
    }
    out
}

/// A bell curve of `2·radius + 1` weights that sum to 1; `sigma` in pixels.
fn bell(radius: usize, sigma: f32) -> Vec<f32> {
    let weight = |i: usize| (-0.5 * ((i as f32 - radius as f32) / sigma).powi(2)).exp();
    let weights: Vec<f32> = (0..=2 * radius).map(weight).collect();
    let sum: f32 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

/// Weighs the neighbours of each pixel along both sides by an odd number of weights; beyond the edges the
/// picture is mirrored, the edge itself not repeated.
fn convolve(
    data: &[f32],
    [height, width]: [usize; 2],
    channels: usize,
    kernel: &[f32],
) -> Vec<f32> {
    let (radius, row) = (kernel.len() / 2, width * channels);
    let mut wide = Vec::with_capacity(row + 2 * radius * channels);
    let mut across = vec![0.0; height * row];
    let mut out = Vec::with_capacity(data.len());
    for picture in data.chunks_exact(height * row) {
        for (old, new) in picture.chunks_exact(row).zip(across.chunks_exact_mut(row)) {
            wide.clear();
            for x in 0..width + 2 * radius {
                let pixel = mirrored(x as isize - radius as isize, width) * channels;
                wide.extend_from_slice(&old[pixel..pixel + channels]);
            }
            new.fill(0.0);
            for (i, weight) in kernel.iter().enumerate() {
                add_scaled(new, &wide[i * channels..], *weight);
            }
        }
        for y in 0..height {
            let begin = out.len();
            out.resize(begin + row, 0.0);
            for (i, weight) in kernel.iter().enumerate() {
                let from = mirrored((y + i) as isize - radius as isize, height);
                add_scaled(&mut out[begin..], &across[from * row..], *weight);
            }
        }
    }
    out
}

fn add_scaled(sums: &mut [f32], values: &[f32], weight: f32) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value * weight;
    }
}

/// Where position `i` of an endlessly mirrored line of `length` lies in it.
fn mirrored(i: isize, length: usize) -> usize {
    let period = (2 * (length - 1)).max(1);
    let place = i.rem_euclid(period.cast_signed()).cast_unsigned();
    if place < length { place } else { period - place }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_mirrored_endlessly() {
        let places = |length| (-5..6).map(|i| mirrored(i, length)).collect::<Vec<_>>();
        assert_eq!(places(3), [1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1]);
        assert_eq!(places(1), [0; 11]);
    }

    #[test]
    fn one_value_stays_one_value() {
        let flat = Image::filled([2, 3, 1, 4], 0.25);
        for radius in [1, 31] {
            for filtered in [blur(&flat, radius, 1.0), sharpen(&flat, radius, 1.0, 5.0)] {
                assert!(filtered.data.iter().all(|v| (v - 0.25).abs() < 1e-5));
            }
        }
    }
}
