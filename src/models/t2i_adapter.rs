//! `T2IAdapter`: a small network that makes a map for each level of a UNet of a picture.
//!
//! Source: diffusers 0.42 `adapter.py`; Mou et al. 2023, <https://arxiv.org/abs/2302.08453>. What it is made of is seen
//! from its tensors; both the full one and the light one, for SD 1.x and SDXL.

use burn::tensor::Tensor;

use super::family::{Family, misfit};
use super::unet::{Residuals, UnetConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::{self, Activation, After, Conv2d, Padding};
use crate::weights::Weights;

/// Pixels of a side that become one position of a latent.
const LATENT_FACTOR: usize = 8;

/// The network.
#[derive(Debug)]
pub struct T2iAdapter {
    file: String,
    channels: usize,
    factor: usize,
    conv_in: Option<Conv2d>,
    body: Vec<Block>,
}

impl T2iAdapter {
    /// Takes the parameters, which have diffusers' names.
    ///
    /// # Errors
    ///
    /// A tensor that is missing, misshapen or left over; a picture that has neither one channel nor three.
    pub fn load(mut weights: Weights) -> Result<Self> {
        let file = weights.file().to_owned();
        let w = &mut weights;
        let is_full = w.has("adapter.conv_in.weight");
        let start = if is_full { "adapter.conv_in" } else { "adapter.body.0.in_conv" };
        let [first, inputs, ..] = w.sides::<4>(&format!("{start}.weight"))?;
        let (channels, factor) = match inputs {
            64 => (1, 8),
            192 => (3, 8),
            256 => (1, 16),
            768 => (3, 16),
            _ => {
                let what = "channels of the squares that the adapter looks at";
                let expected = "64 or 192, for SDXL 256 or 768".to_owned();
                let got = format!("{inputs} in `{file}`");
                return Err(Error::new(ErrorKind::Mismatch { what, expected, got })
                    .hint("use a T2I-Adapter of Stable Diffusion 1.x or SDXL"));
            }
        };
        let conv_in = is_full
            .then(|| w.conv2d(start, [inputs, first], 3, 1, Padding::Same(1)))
            .transpose()?;
        let mut body = Vec::new();
        let mut width = if is_full { first } else { inputs };
        while w.has(&format!("adapter.body.{}.resnets.0.block1.weight", body.len())) {
            let i = body.len();
            // SDXL's first level that attends is as large as the map it gets.
            let shrinks = if factor == 16 { i == 2 } else { i > 0 };
            let block = Block::load(w, &format!("adapter.body.{i}"), width, shrinks)?;
            width = block.width;
            body.push(block);
        }
        weights.finish()?;
        Ok(Self { file, channels, factor, conv_in, body })
    }

    /// Channels of the picture it looks at: 1, its lightness, or 3.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Both sides of the picture have to be multiples of this.
    pub fn factor(&self) -> usize {
        self.factor
    }

    /// What to add to the maps of a UNet, of which it [fits](Self::check_fits) the config.
    ///
    /// # Shapes
    ///
    /// - `hint`: `[batch, channels, height, width]`, values in 0..=1
    pub fn forward(&self, hint: Tensor<4>, unet: &UnetConfig) -> Residuals {
        let mut x = ops::pixel_unshuffle(hint, self.factor);
        if let Some(conv_in) = &self.conv_in {
            x = conv_in.forward(x);
        }
        let mut down = Vec::new();
        for block in &self.body {
            x = block.forward(x);
            down.push(ops::narrowed(x.clone()));
        }
        let middle = if down.len() > unet.levels() { down.pop() } else { None };
        Residuals { skips: Vec::new(), middle, down }
    }

    /// Whether it was made for such a UNet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mismatch`] with the file and both sizes.
    pub fn check_fits(&self, unet: &UnetConfig) -> Result<()> {
        let mut halvings = (self.factor / LATENT_FACTOR).ilog2() as usize;
        let ours = self.body.iter().map(|block| {
            halvings += usize::from(block.shrinks);
            (block.width, halvings)
        });
        let ours: Vec<_> = ours.collect();
        let theirs = maps(unet);
        if ours == theirs || ours == theirs[..unet.levels()] {
            return Ok(());
        }
        let text = |maps: &[(usize, usize)]| {
            let one =
                |(width, halvings): &(usize, usize)| format!("{width} at 1/{}", 1 << halvings);
            maps.iter().map(one).collect::<Vec<_>>().join(", ")
        };
        let own = if self.factor == 16 { Family::Sdxl } else { Family::Sd1 };
        let sizes = [text(&ours), text(&theirs)];
        Err(misfit(&self.file, "maps of the adapter", sizes, [own, Family::of(unet)]))
    }
}

/// Width, and how often it was halved, of each map that an adapter of this UNet adds to: one a level, one for the
/// middle.
fn maps(unet: &UnetConfig) -> Vec<(usize, usize)> {
    let last = unet.levels() - 1;
    let level = |(i, width): (usize, &usize)| {
        let shrunk = !unet.attends(i) && i < last;
        (*width, i + usize::from(shrunk))
    };
    let mut maps: Vec<_> = unet.block_out_channels.iter().enumerate().map(level).collect();
    maps.push((unet.block_out_channels[last], last));
    maps
}

/// `AdapterBlock` and `LightAdapterBlock`, which does its work between two projections.
#[derive(Debug)]
struct Block {
    width: usize,
    shrinks: bool,
    in_conv: Option<Conv2d>,
    resnets: Vec<[Conv2d; 2]>,
    out_conv: Option<Conv2d>,
}

impl Block {
    fn load(w: &mut Weights, path: &str, inputs: usize, shrinks: bool) -> Result<Self> {
        let [inner, ..] = w.sides::<4>(&format!("{path}.resnets.0.block1.weight"))?;
        let mut resnets = Vec::new();
        while w.has(&format!("{path}.resnets.{}.block1.weight", resnets.len())) {
            let block = format!("{path}.resnets.{}", resnets.len());
            let first = conv(w, &format!("{block}.block1"), [inner; 2])?;
            resnets.push([first, conv(w, &format!("{block}.block2"), [inner; 2])?]);
        }
        let out_path = format!("{path}.out_conv");
        let is_light = w.has(&format!("{out_path}.weight"));
        let width = if is_light { w.sides::<4>(&format!("{out_path}.weight"))?[0] } else { inner };
        let project = |w: &mut Weights, path: &str, sizes, exists: bool| {
            exists.then(|| conv(w, path, sizes)).transpose()
        };
        let projects_in = is_light || inputs != inner;
        let in_conv = project(w, &format!("{path}.in_conv"), [inputs, inner], projects_in)?;
        let out_conv = project(w, &out_path, [inner, width], is_light)?;
        Ok(Self { width, shrinks, in_conv, resnets, out_conv })
    }

    fn forward(&self, mut x: Tensor<4>) -> Tensor<4> {
        if self.shrinks {
            x = ops::halve(x);
        }
        if let Some(in_conv) = &self.in_conv {
            x = in_conv.forward(x);
        }
        for [block1, block2] in &self.resnets {
            let y = block1.forward_then(x.clone(), After::activation(Activation::Relu));
            x = block2.forward_then(y, After::plus(x));
        }
        match &self.out_conv {
            Some(out_conv) => out_conv.forward(x),
            None => x,
        }
    }
}

/// A convolution that keeps the size, with a kernel of whatever size it has.
fn conv(w: &mut Weights, path: &str, sizes: [usize; 2]) -> Result<Conv2d> {
    let [_, _, kernel, _] = w.sides(&format!("{path}.weight"))?;
    w.conv2d(path, sizes, kernel, 1, Padding::Same(kernel / 2))
}
