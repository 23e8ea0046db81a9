//! `RRDBNet`, the network of ESRGAN, BSRGAN and Real-ESRGAN: residual blocks of dense blocks at the small picture's
//! size, then a convolution at each doubling of it.
//!
//! Source: Wang et al. 2018, <https://arxiv.org/abs/1809.00219>; the input made of squares of pixels is Wang et al.
//! 2021, <https://arxiv.org/abs/2107.10833>; the 1×1 shortcut Rakotonirina & Rasoanaivo 2020,
//! <https://arxiv.org/abs/2001.08073>. Checked against spandrel 0.4 `ESRGAN`.

use burn::tensor::Tensor;

use super::names::Names;
use crate::error::Result;
use crate::models::probe::seen;
use crate::ops::{self, Activation, After, Conv2d, Padding};
use crate::weights::Weights;

/// Slope below zero of every activation.
const SLOPE: f32 = 0.2;
/// What a block adds to its input is scaled by this.
const RESIDUAL: f32 = 0.2;
/// Dense blocks of a block.
const DENSE: usize = 3;
/// Convolutions of a dense block.
const CONVS: usize = 5;
/// Smallest side of a picture; a smaller one is filled up, as spandrel does it.
pub(super) const SMALLEST: usize = 2;
/// Numbers of the largest array while the size is doubled: 64 MiB.
const STRIP: usize = 1 << 24;

/// What a file's names and shapes say of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RrdbConfig {
    pub(super) names: Names,
    /// Channels between the blocks.
    pub(super) width: usize,
    /// Channels that each convolution of a dense block adds.
    pub(super) growth: usize,
    /// Residual blocks.
    pub(super) blocks: usize,
    /// How many times the size is doubled.
    pub(super) doublings: usize,
    /// Side of the squares of pixels that the input is made of; 1 is the picture itself.
    pub(super) square: usize,
    /// Whether dense blocks have the 1×1 shortcut of ESRGAN+.
    pub(super) shortcut: bool,
}

/// The network.
#[derive(Debug)]
pub struct Rrdb {
    config: RrdbConfig,
    conv_first: Conv2d,
    body: Vec<Block>,
    conv_body: Conv2d,
    conv_up: Vec<Conv2d>,
    conv_hr: Conv2d,
    conv_last: Conv2d,
}

impl Rrdb {
    pub(super) fn load(config: RrdbConfig, w: &mut Weights) -> Result<Self> {
        let (names, width) = (&config.names, config.width);
        let mut conv = |path: &str, channels| w.conv2d(path, channels, 3, 1, Padding::Same(1));
        let conv_first = conv(&names.first(), [3 * config.square * config.square, width])?;
        let conv_body = conv(&names.body(), [width; 2])?;
        let conv_up = (1..=config.doublings)
            .map(|doubling| conv(&names.up(doubling), [width; 2]))
            .collect::<Result<_>>()?;
        let conv_hr = conv(&names.high(), [width; 2])?;
        let conv_last = conv(&names.last(), [width, 3])?;
        let body = (0..config.blocks)
            .map(|block| Block::load(w, &config, block))
            .collect::<Result<_>>()?;
        Ok(Self { config, conv_first, body, conv_body, conv_up, conv_hr, conv_last })
    }

    pub(super) fn scale(&self) -> usize {
        (1 << self.config.doublings) / self.config.square
    }

    /// Spandrel, and so ComfyUI, fill pictures up to multiples of 4 for every network that makes squares.
    pub(super) fn multiple(&self) -> usize {
        if self.config.square == 1 { 1 } else { 4 }
    }

    pub(super) fn context(&self) -> usize {
        // One position for each convolution of the body and around it.
        (2 + self.body.len() * DENSE * CONVS + self.rows_around()) * self.config.square
    }

    pub(super) fn numbers_per_pixel(&self) -> u64 {
        let RrdbConfig { width, growth, doublings, square, .. } = self.config;
        let dense = width + (CONVS - 1) * growth;
        dense.max(3 << (2 * doublings)).div_ceil(square * square) as u64
    }

    pub(super) async fn forward(
        &self,
        x: Tensor<4>,
        mut pause: impl AsyncFnMut() -> Result<()>,
    ) -> Result<Tensor<4>> {
        let x = match self.config.square {
            1 => x,
            square => ops::pixel_unshuffle(x, square),
        };
        let first = self.conv_first.forward(x);
        let mut x = first.clone();
        for block in &self.body {
            x = block.forward(x, &mut pause).await?;
        }
        self.enlarge(first + self.conv_body.forward(x), pause).await
    }

    /// Doubles the size and makes pixels, some rows at a time: here the arrays are the largest, and a row has
    /// a part only in those near it.
    async fn enlarge(
        &self,
        x: Tensor<4>,
        mut pause: impl AsyncFnMut() -> Result<()>,
    ) -> Result<Tensor<4>> {
        let [batch, channels, height, width] = x.dims();
        let factor = 1 << self.config.doublings;
        let at_once = (STRIP / (batch * channels * width * factor * factor)).max(1);
        let around = self.rows_around();
        let mut strips = Vec::new();
        for top in (0..height).step_by(at_once) {
            pause().await?;
            let rows = at_once.min(height - top);
            let first = top.saturating_sub(around);
            let end = (top + rows + around).min(height);
            let strip = self.pixels(x.clone().narrow(2, first, end - first));
            strips.push(strip.narrow(2, (top - first) * factor, rows * factor));
        }
        Ok(Tensor::cat(strips, 2))
    }

    fn pixels(&self, mut x: Tensor<4>) -> Tensor<4> {
        for conv in &self.conv_up {
            let [_, _, height, width] = x.dims();
            x = conv.forward_enlarged(x, [2 * height, 2 * width], leaky());
        }
        self.conv_last.forward(self.conv_hr.forward_then(x, leaky()))
    }

    /// How many rows away, before the size is doubled, a row may be that has a part in another's pixels: one for
    /// each convolution, but half after a doubling and a quarter after two.
    fn rows_around(&self) -> usize {
        let part = |doubling: usize| 0.5_f64.powi(doubling as i32);
        let doublings = self.config.doublings;
        let rows = (1..=doublings).map(part).sum::<f64>() + 2.0 * part(doublings);
        rows.ceil() as usize
    }
}

fn leaky() -> After<4> {
    After::activation(Activation::LeakyRelu(SLOPE))
}

/// `RRDB`: dense blocks in a row, their sum scaled and added to the input.
#[derive(Debug)]
struct Block {
    path: String,
    dense: Vec<Dense>,
}

impl Block {
    fn load(w: &mut Weights, config: &RrdbConfig, block: usize) -> Result<Self> {
        let dense = (1..=DENSE).map(|i| Dense::load(w, config, block, i)).collect::<Result<_>>()?;
        Ok(Self { path: config.names.block(block), dense })
    }

    async fn forward(
        &self,
        x: Tensor<4>,
        pause: &mut impl AsyncFnMut() -> Result<()>,
    ) -> Result<Tensor<4>> {
        let mut out = x.clone();
        for dense in &self.dense {
            pause().await?;
            out = dense.forward(out);
        }
        Ok(seen(&self.path, x + out.mul_scalar(RESIDUAL)))
    }
}

/// `ResidualDenseBlock_5C`: each convolution sees the input and what all before it made.
#[derive(Debug)]
struct Dense {
    path: String,
    convs: Vec<Conv2d>,
    shortcut: Option<Conv2d>,
}

impl Dense {
    fn load(w: &mut Weights, config: &RrdbConfig, block: usize, dense: usize) -> Result<Self> {
        let RrdbConfig { names, width, growth, .. } = config;
        let convs = (1..=CONVS)
            .map(|conv| {
                let inputs = width + (conv - 1) * growth;
                let outputs = if conv == CONVS { *width } else { *growth };
                let path = names.conv(block, dense, conv);
                w.conv2d(&path, [inputs, outputs], 3, 1, Padding::Same(1))
            })
            .collect::<Result<_>>()?;
        let shortcut = config
            .shortcut
            .then(|| -> Result<_> {
                let name = format!("{}.weight", names.shortcut(block, dense));
                let weight = w.tensor(&name, [*growth, *width, 1, 1])?;
                Ok(Conv2d::new(weight, None, 1, Padding::Same(0)))
            })
            .transpose()?;
        Ok(Self { path: names.dense(block, dense), convs, shortcut })
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (last, growing) = self.convs.split_last().expect("five of them");
        let mut all = x.clone();
        let mut second = None;
        for (i, conv) in growing.iter().enumerate() {
            // ESRGAN+: the second map gets the input, through a 1×1 convolution, and the fourth the second.
            let plus = match &self.shortcut {
                Some(shortcut) if i == 1 => Some(shortcut.forward(x.clone())),
                Some(_) if i == 3 => second.take(),
                _ => None,
            };
            let made = conv.forward_then(all.clone(), After { plus, ..leaky() });
            if i == 1 {
                second = Some(made.clone());
            }
            all = ops::join_channels(all, made);
        }
        let out = last.forward(all);
        seen(&self.path, x + out.mul_scalar(RESIDUAL))
    }
}
