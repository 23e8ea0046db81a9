//! Normalisation to mean 0 and variance 1.

use wide::f32x4;

use crate::activation::silu_of;
use crate::lanes::{self, add, map, pairs};

/// Numbers summed in f32 before the sum goes on in f64: enough for speed, few enough for precision.
const CHUNK: usize = 1024;

/// Sum of `f` of every number.
#[inline(always)]
fn sum(x: &[f32], f: impl Fn(f32x4) -> f32x4 + Copy) -> f64 {
    let of_chunk = |chunk| lanes::sum(chunk, f).iter().map(|lane| f64::from(*lane)).sum::<f64>();
    x.chunks(CHUNK).map(of_chunk).sum()
}

/// Mean, and one over the standard deviation with `eps` added to the variance.
#[inline(always)]
fn moments(x: &[f32], eps: f64) -> (f32, f32) {
    let mean = (sum(x, |x| x) / x.len() as f64) as f32;
    let square = |x: f32x4| (x - f32x4::splat(mean)) * (x - f32x4::splat(mean));
    let variance = sum(x, square) / x.len() as f64;
    (mean, (1.0 / (variance + eps).sqrt()) as f32)
}

/// Normalises each of `groups` groups of channels in place, scales and shifts each channel; with `silu`, applies
/// `x · sigmoid(x)`.
///
/// # Shapes
///
/// - `x`: `[batch, channels, positions]`; `weight`, `bias`: `[channels]`
///
/// # Panics
///
/// If the lengths do not fit each other.
pub fn group_norm(
    x: &mut [f32],
    [weight, bias]: [&[f32]; 2],
    positions: usize,
    groups: usize,
    eps: f64,
    silu: bool,
) {
    let channels = weight.len();
    assert!(channels % groups == 0 && bias.len() == channels, "channels in whole groups");
    assert_eq!(x.len() % (channels * positions), 0, "whole pictures");
    let per_group = channels / groups;
    for (index, group) in x.chunks_exact_mut(per_group * positions).enumerate() {
        let (mean, scale) = moments(group, eps);
        let first = index % groups * per_group;
        for (channel, values) in group.chunks_exact_mut(positions).enumerate() {
            let weight = weight[first + channel] * scale;
            let bias = f32x4::splat(bias[first + channel] - mean * weight);
            let weight = f32x4::splat(weight);
            if silu {
                map(values, |x| silu_of(x * weight + bias));
            } else {
                map(values, |x| x * weight + bias);
            }
        }
    }
}

/// Normalises each row of `weight.len()` numbers, scales and shifts each column.
///
/// # Panics
///
/// If the lengths do not fit each other.
pub fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], eps: f64) -> Vec<f32> {
    let width = weight.len();
    assert!(bias.len() == width && x.len().is_multiple_of(width), "whole rows");
    let mut out = vec![0.0; x.len()];
    for (row, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
        let (mean, scale) = moments(row, eps);
        let (mean, scale) = (f32x4::splat(mean), f32x4::splat(scale));
        pairs(out, row, weight, |x, weight| (x - mean) * scale * weight);
        add(out, bias);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_come_out_with_mean_0_and_variance_1() {
        let mut x: Vec<f32> = (0..2 * 4 * 9).map(|i| 1000.0 + (i * i % 17) as f32).collect();
        group_norm(&mut x, [&[1.0; 4], &[0.0; 4]], 9, 2, 0.0, false);
        for group in x.chunks(18) {
            let mean: f32 = group.iter().sum::<f32>() / 18.0;
            let variance: f32 = group.iter().map(|v| v * v).sum::<f32>() / 18.0;
            assert!(mean.abs() < 1e-3 && (variance - 1.0).abs() < 1e-3, "{mean} {variance}");
        }
    }

    #[test]
    fn rows_are_scaled_and_shifted_by_column() {
        let out = layer_norm(&[1.0, 3.0, -2.0, 2.0], &[1.0, 2.0], &[0.5, 0.0], 0.0);
        assert_eq!(out, [-0.5, 2.0, -0.5, 2.0]);
    }
}
