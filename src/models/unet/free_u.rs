//! FreeU: better pictures from the same weights, by scaling what meets on the way up.

use burn::tensor::Tensor;

use crate::ops::{like, scale_low_frequencies, widened};

/// How much of what comes from below, and of what skips over, counts in the two lower stages.
///
/// # Source
///
/// Si et al. 2023, <https://arxiv.org/abs/2309.11497>, section 3.2; `adaptive` is the authors' second version, where
/// each place is scaled by how strong the map is there. The stages are told apart by their channels, four and two
/// times those of the first level, as in the authors' code.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FreeU {
    /// Factor of the first half of the channels from below, in both stages.
    pub backbone: [f32; 2],
    /// Factor of the skips' low frequencies, in both stages.
    pub skip: [f32; 2],
    /// Whether the first factor follows the map's strength.
    pub adaptive: bool,
}

impl FreeU {
    /// What comes from below and what skips over, scaled; `width` is the first level's number of channels.
    pub(super) fn apply(
        &self,
        x: Tensor<4>,
        skip: Tensor<4>,
        width: usize,
    ) -> (Tensor<4>, Tensor<4>) {
        let channels = x.dims()[1];
        let Some(stage) = [4, 2].iter().position(|times| times * width == channels) else {
            return (x, skip);
        };
        (self.scaled(x, stage), scale_low_frequencies(skip, self.skip[stage]))
    }

    fn scaled(&self, x: Tensor<4>, stage: usize) -> Tensor<4> {
        let (given, x) = (x.clone(), widened(x));
        let [batch, channels, height, width] = x.dims();
        let (half, more) = (channels / 2, self.backbone[stage] - 1.0);
        let first = x.clone().narrow(1, 0, half);
        let rest = x.clone().narrow(1, half, channels - half);
        let scaled = if self.adaptive {
            let strength = x.mean_dim(1).reshape([batch, height * width]);
            let (low, high) = (strength.clone().min_dim(1), strength.clone().max_dim(1));
            // A flat map has no strong places: 0 rather than 0 / 0.
            let range = (high - low.clone()).clamp_min(1e-12);
            let strength = ((strength - low) / range).reshape([batch, 1, height, width]);
            first.clone() + first * strength * more
        } else {
            first * (more + 1.0)
        };
        like(Tensor::cat(vec![scaled, rest], 1), &given)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;
    use crate::device::{self, DeviceKind};

    #[test]
    fn half_of_the_channels_are_scaled_where_the_map_is_strong() {
        let device = pollster::block_on(device::open(DeviceKind::Cpu, |_| {})).unwrap().0;
        let map = |values: Vec<f32>| {
            let data = TensorData::new(values, [1, 4, 1, 3]);
            Tensor::<4>::from_data(data, &device)
        };
        let read = |x: Tensor<4>| pollster::block_on(device::read(x)).unwrap();
        let x = map(vec![1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 2.0, 4.0, 6.0]);
        let mut free_u = FreeU { backbone: [2.0, 3.0], skip: [1.0; 2], adaptive: false };
        let apply = |free_u: FreeU, width| read(free_u.apply(x.clone(), x.clone(), width).0);
        let rest = [0.0, 0.0, 0.0, 2.0, 4.0, 6.0];
        assert_eq!(apply(free_u, 1), [&[2.0, 4.0, 6.0, 2.0, 4.0, 6.0][..], &rest].concat());
        assert_eq!(apply(free_u, 2), [&[3.0, 6.0, 9.0, 3.0, 6.0, 9.0][..], &rest].concat());
        assert_eq!(apply(free_u, 4), read(x.clone()));
        // Means 1, 2, 3: strengths 0, 1/2, 1.
        free_u.adaptive = true;
        assert_eq!(apply(free_u, 1), [&[1.0, 3.0, 6.0, 1.0, 3.0, 6.0][..], &rest].concat());
    }
}
