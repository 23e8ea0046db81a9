//! The residual block and the two resamplers of diffusers' UNet and autoencoder.

mod rise;

use burn::tensor::Tensor;

pub(crate) use self::rise::{Rise, channels_at_once};
use crate::error::Result;
use crate::models::probe::seen;
use crate::ops::{After, Conv2d, GroupNorm, Linear, Padding};
use crate::weights::Weights;

/// `ResnetBlock2D`: two normalised convolutions around the time embedding, added to a shortcut.
#[derive(Debug)]
pub(crate) struct Resnet {
    path: String,
    norm1: GroupNorm,
    conv1: Conv2d,
    time_emb_proj: Option<Linear>,
    norm2: GroupNorm,
    conv2: Conv2d,
    conv_shortcut: Option<Conv2d>,
}

/// What all residual blocks of a network have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResnetOptions {
    pub(crate) groups: usize,
    pub(crate) eps: f64,
    /// Width of the time embedding; `None` in the autoencoder.
    pub(crate) time_width: Option<usize>,
}

impl Resnet {
    pub(crate) fn load(
        weights: &mut Weights,
        path: String,
        [inputs, outputs]: [usize; 2],
        options: ResnetOptions,
    ) -> Result<Self> {
        let ResnetOptions { groups, eps, time_width } = options;
        let same = Padding::Same(1);
        Ok(Self {
            norm1: weights.group_norm(&format!("{path}.norm1"), inputs, groups, eps)?,
            conv1: weights.conv2d(&format!("{path}.conv1"), [inputs, outputs], 3, 1, same)?,
            time_emb_proj: time_width
                .map(|width| weights.linear(&format!("{path}.time_emb_proj"), width, outputs, true))
                .transpose()?,
            norm2: weights.group_norm(&format!("{path}.norm2"), outputs, groups, eps)?,
            conv2: weights.conv2d(&format!("{path}.conv2"), [outputs, outputs], 3, 1, same)?,
            conv_shortcut: (inputs != outputs)
                .then(|| {
                    let none = Padding::Same(0);
                    weights.conv2d(&format!("{path}.conv_shortcut"), [inputs, outputs], 1, 1, none)
                })
                .transpose()?,
            path,
        })
    }

    /// `x`: `[batch, in, height, width]`; `time`: `silu` of the time embedding, `[batch, time width]`.
    pub(crate) fn forward(&self, x: Tensor<4>, time: Option<&Tensor<2>>) -> Tensor<4> {
        // First, so that nothing but the norm holds the input, and may work in its place.
        let (kept, x) = match &self.conv_shortcut {
            Some(shortcut) => (shortcut.forward(x.clone()), x),
            None => (x.clone(), x),
        };
        let h = self.norm1.forward_silu(x);
        let h = match (&self.time_emb_proj, time) {
            (Some(projection), Some(time)) => {
                self.conv1.forward_shifted(h, projection.forward(time.clone()))
            }
            _ => self.conv1.forward(h),
        };
        let h = self.norm2.forward_silu(h);
        seen(&self.path, self.conv2.forward_then(h, After::plus(kept)))
    }
}

/// `Downsample2D`: a convolution with stride 2.
#[derive(Debug)]
pub(crate) struct Downsample {
    path: String,
    conv: Conv2d,
}

impl Downsample {
    pub(crate) fn load(
        weights: &mut Weights,
        path: String,
        channels: usize,
        padding: Padding,
    ) -> Result<Self> {
        let conv = weights.conv2d(&format!("{path}.conv"), [channels; 2], 3, 2, padding)?;
        Ok(Self { path, conv })
    }

    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        seen(&self.path, self.conv.forward(x))
    }
}

/// `Upsample2D`: nearest-neighbour enlargement, then a convolution.
#[derive(Debug)]
pub(crate) struct Upsample {
    path: String,
    conv: Conv2d,
}

impl Upsample {
    pub(crate) fn load(weights: &mut Weights, path: String, channels: usize) -> Result<Self> {
        let conv =
            weights.conv2d(&format!("{path}.conv"), [channels; 2], 3, 1, Padding::Same(1))?;
        Ok(Self { path, conv })
    }

    /// Enlarges to `size`, which is twice the input's except where an odd size was halved on the way down.
    pub(crate) fn forward(&self, x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
        seen(&self.path, self.conv.forward_enlarged(x, size, After::default()))
    }
}
