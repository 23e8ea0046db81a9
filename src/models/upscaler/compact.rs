//! `SRVGGNetCompact`: convolutions at the small picture's size; the last one's channels become pixels, which are
//! added to the small picture's own, enlarged.
//!
//! Source: Real-ESRGAN 0.3 `srvgg_arch.py`; checked against spandrel 0.4 `Compact`.

use burn::tensor::Tensor;

use crate::error::Result;
use crate::models::probe::seen;
use crate::ops::{self, Conv2d, Padding};
use crate::weights::Weights;

/// What a file's names and shapes say of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CompactConfig {
    /// What all names begin with.
    pub(super) prefix: String,
    /// Channels between the convolutions.
    pub(super) width: usize,
    /// Convolutions before the last one.
    pub(super) layers: usize,
    /// Factor of the enlargement.
    pub(super) scale: usize,
}

/// The network.
#[derive(Debug)]
pub struct Compact {
    config: CompactConfig,
    body: Vec<Layer>,
    last: Conv2d,
}

/// A convolution, and the slopes its channels have below zero.
#[derive(Debug)]
struct Layer {
    path: String,
    conv: Conv2d,
    slopes: Tensor<1>,
}

impl Compact {
    pub(super) fn load(config: CompactConfig, w: &mut Weights) -> Result<Self> {
        let path = |i: usize| format!("{}body.{i}", config.prefix);
        let (width, same) = (config.width, Padding::Same(1));
        let body = (0..config.layers)
            .map(|layer| {
                let inputs = if layer == 0 { 3 } else { width };
                let (conv, slopes) = (path(2 * layer), path(2 * layer + 1));
                Ok(Layer {
                    conv: w.conv2d(&conv, [inputs, width], 3, 1, same)?,
                    slopes: w.tensor(&format!("{slopes}.weight"), [width])?,
                    path: slopes,
                })
            })
            .collect::<Result<_>>()?;
        let outputs = 3 * config.scale * config.scale;
        let last = w.conv2d(&path(2 * config.layers), [width, outputs], 3, 1, same)?;
        Ok(Self { config, body, last })
    }

    pub(super) fn scale(&self) -> usize {
        self.config.scale
    }

    /// One pixel for each convolution.
    pub(super) fn context(&self) -> usize {
        self.body.len() + 1
    }

    pub(super) fn numbers_per_pixel(&self) -> u64 {
        self.config.width.max(3 * self.config.scale * self.config.scale) as u64
    }

    pub(super) async fn forward(
        &self,
        x: Tensor<4>,
        mut pause: impl AsyncFnMut() -> Result<()>,
    ) -> Result<Tensor<4>> {
        let [_, _, height, width] = x.dims();
        let size = [height, width].map(|side| side * self.config.scale);
        let mut detail = x.clone();
        for layer in &self.body {
            pause().await?;
            detail = ops::prelu(layer.conv.forward(detail), layer.slopes.clone());
            detail = seen(&layer.path, detail);
        }
        let detail = ops::pixel_shuffle(self.last.forward(detail), self.config.scale);
        Ok(detail + ops::upsample_nearest(x, size))
    }
}
