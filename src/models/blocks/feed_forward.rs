//! `FeedForward` of a transformer's block: what is done to each token by itself.

use burn::tensor::Tensor;

use crate::error::Result;
use crate::ops::{After, LayerNorm, Linear};
use crate::weights::Weights;

/// Most that the hidden layer takes: what WebGPU lets every adapter bind as one buffer.
const HIDDEN_BYTES: usize = 128 << 20;

/// Normalise, widen by a gated layer, project back, add.
#[derive(Debug)]
pub(super) struct FeedForward {
    norm3: LayerNorm,
    proj: Linear,
    out: Linear,
}

impl FeedForward {
    /// Of the block at this path, with tokens so wide.
    pub(super) fn load(weights: &mut Weights, block: &str, width: usize) -> Result<Self> {
        let inner = 4 * width;
        Ok(Self {
            norm3: weights.layer_norm(&format!("{block}.norm3"), width, 1e-5)?,
            proj: weights.linear(&format!("{block}.ff.net.0.proj"), width, 2 * inner, true)?,
            out: weights.linear(&format!("{block}.ff.net.2"), inner, width, true)?,
        })
    }

    /// `x`: `[batch, tokens, width]`.
    pub(super) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        self.in_parts(x, HIDDEN_BYTES)
    }

    /// Of so many tokens at once that the hidden layer, which is four times as wide, takes no more than these bytes.
    fn in_parts(&self, x: Tensor<3>, hidden_bytes: usize) -> Tensor<3> {
        let dims @ [batch, tokens, width] = x.dims();
        let rows = batch * tokens;
        let parts = (rows * 4 * width * x.dtype().size()).div_ceil(hidden_bytes);
        if parts <= 1 {
            return self.part(x);
        }
        let x = x.reshape([1, rows, width]).split(rows.div_ceil(parts), 1);
        Tensor::cat(x.into_iter().map(|x| self.part(x)).collect(), 1).reshape(dims)
    }

    fn part(&self, x: Tensor<3>) -> Tensor<3> {
        let h = self.proj.forward_geglu(self.norm3.forward(x.clone()));
        self.out.forward_then(h, After::plus(x))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;
    use crate::device::{self, DeviceKind};

    fn tensor<const D: usize>(seed: usize, dims: [usize; D]) -> Tensor<D> {
        let value = |i: usize| ((i * 7919 + seed * 104_729) % 1009) as f32 / 504.0 - 1.0;
        let count = dims.iter().product::<usize>();
        let data = TensorData::new((0..count).map(value).collect::<Vec<f32>>(), dims);
        let device = pollster::block_on(device::open(DeviceKind::Cpu, |_| {})).unwrap().0;
        Tensor::from_data(data, &device)
    }

    #[test]
    fn the_parts_are_what_all_tokens_are_at_once() {
        let width = 8;
        let layer = FeedForward {
            norm3: LayerNorm::new(tensor(1, [width]), tensor(2, [width]), 1e-5),
            proj: Linear::new(tensor(3, [8 * width, width]), Some(tensor(4, [8 * width]))),
            out: Linear::new(tensor(5, [width, 4 * width]), Some(tensor(6, [width]))),
        };
        let read = |x: Tensor<3>| pollster::block_on(device::read(x)).unwrap();
        let x = tensor(7, [3, 11, width]);
        let whole = read(layer.forward(x.clone()));
        let row = 4 * 4 * width;
        for rows in [1, 2, 10, 11, 16, 32, 33] {
            let parts = layer.in_parts(x.clone(), rows * row);
            assert_eq!(parts.dims(), [3, 11, width]);
            let far =
                read(parts).iter().zip(&whole).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(far < 1e-4, "{rows} at once: {far}");
        }
        assert!(whole.iter().any(|number| number.abs() > 1.0));
    }
}
