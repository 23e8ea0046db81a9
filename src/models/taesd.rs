//! `AutoencoderTiny`, TAESD: an autoencoder of convolutions alone, for previews and where there is little memory.
//!
//! Source: diffusers 0.42 `autoencoder_tiny.py`, `vae.py`; O. Bohan, "Tiny AutoEncoder for Stable Diffusion", 2023,
//! <https://github.com/madebyollin/taesd>. What it is made of is seen from its tensors.

use burn::tensor::{Device, Tensor, TensorData};

use super::probe::seen;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::{self, Activation, After, Conv2d, Padding};
use crate::weights::Weights;

/// Latents are squeezed into this range on either side before they are decoded.
const MAGNITUDE: f32 = 3.0;

/// Layers at most: TAESD has 19.
const MOST_LAYERS: usize = 256;

/// Latents → pictures.
#[derive(Debug)]
pub struct TinyDecoder {
    half: Half,
}

/// Pictures → latents.
#[derive(Debug)]
pub struct TinyEncoder {
    half: Half,
}

/// Both halves.
#[derive(Debug)]
pub struct Taesd {
    /// Pictures → latents.
    pub encoder: TinyEncoder,
    /// Latents → pictures.
    pub decoder: TinyDecoder,
}

impl Taesd {
    /// Takes the parameters of both halves from one file.
    ///
    /// # Errors
    ///
    /// A tensor that is missing, misshapen or left over.
    pub fn load(weights: Weights) -> Result<Self> {
        let mut weights = weights.renamed(diffusers_name)?;
        // Constants that some files bring along; see `VaeHandle`.
        weights.forget(|name| name == SCALE || name == "vae_shift");
        let encoder = TinyEncoder { half: Half::load(&mut weights, "encoder")? };
        let decoder = TinyDecoder { half: Half::load(&mut weights, "decoder")? };
        weights.finish()?;
        Self::joined(encoder, decoder)
    }

    /// Of halves from a file each.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mismatch`] if they do not belong together.
    pub fn joined(encoder: TinyEncoder, decoder: TinyDecoder) -> Result<Self> {
        let of = |half: &Half| format!("{} channels at 1/{}", half.latent_channels(), half.factor);
        let [ours, theirs] = [of(&encoder.half), of(&decoder.half)];
        if ours == theirs {
            return Ok(Self { encoder, decoder });
        }
        Err(Error::new(ErrorKind::Mismatch {
            what: "latents of a tiny autoencoder's halves",
            expected: ours,
            got: theirs,
        })
        .hint("use both files of the same autoencoder"))
    }
}

impl TinyEncoder {
    /// Takes the parameters from a file of its own.
    ///
    /// # Errors
    ///
    /// A tensor that is missing, misshapen or left over.
    pub fn load(weights: Weights) -> Result<Self> {
        let name = |name: &str| match name.starts_with("encoder.") {
            true => name.to_owned(),
            false => diffusers_name(&format!("{ENCODER}{name}")),
        };
        let mut weights = weights.renamed(name)?;
        let half = Half::load(&mut weights, "encoder")?;
        weights.finish()?;
        Ok(Self { half })
    }

    /// Latents as the denoising network sees them, of variance 1 or so.
    ///
    /// # Shapes
    ///
    /// - `image`: `[batch, 3, height, width]` in 0..1, both sides multiples of the [factor](TinyDecoder::factor)
    /// - output: `[batch, latent_channels, height / factor, width / factor]`
    pub fn forward(&self, image: Tensor<4>) -> Tensor<4> {
        self.half.forward(image)
    }
}

impl TinyDecoder {
    /// Takes the parameters from a file of its own.
    ///
    /// # Errors
    ///
    /// A tensor that is missing, misshapen or left over.
    pub fn load(weights: Weights) -> Result<Self> {
        let name = |name: &str| match name.starts_with("decoder.") {
            true => name.to_owned(),
            false => diffusers_name(&format!("{DECODER}{name}")),
        };
        let mut weights = weights.renamed(name)?;
        let half = Half::load(&mut weights, "decoder")?;
        weights.finish()?;
        Ok(Self { half })
    }

    /// The picture of a latent.
    ///
    /// # Shapes
    ///
    /// - `latent`: `[latent_channels, height, width]`, as the denoising network sees it
    /// - output: `[1, 3, height · factor, width · factor]` in about 0..1
    pub fn decode(&self, mut latent: Vec<f32>, [height, width]: [usize; 2]) -> Tensor<4> {
        latent.iter_mut().for_each(|v| *v = (*v / MAGNITUDE).tanh() * MAGNITUDE);
        let latent = TensorData::new(latent, [1, self.latent_channels(), height, width]);
        self.half.forward(Tensor::from_data(latent, self.device()))
    }

    /// Numbers of the largest map between a latent of `[height, width]` and its picture.
    pub fn largest_map(&self, [height, width]: [usize; 2]) -> u64 {
        let widest = self.half.sides.iter().flatten().copied().max().unwrap_or(0);
        (widest * self.factor() * self.factor()) as u64 * height as u64 * width as u64
    }

    /// Sides of a picture are this many times those of its latent.
    pub fn factor(&self) -> usize {
        self.half.factor
    }

    /// Channels of a latent.
    pub fn latent_channels(&self) -> usize {
        self.half.latent_channels()
    }

    /// The device it is on.
    pub fn device(&self) -> &Device {
        &self.half.device
    }
}

/// The tensor that says, in files of both halves, by what latents are multiplied before decoding.
pub const SCALE: &str = "vae_scale";

const ENCODER: &str = "taesd_encoder.";
const DECODER: &str = "taesd_decoder.";

/// Diffusers' name of a tensor, whose decoder does not count the squeezing as a layer.
fn diffusers_name(name: &str) -> String {
    if let Some(place) = name.strip_prefix(ENCODER) {
        return format!("encoder.layers.{place}");
    }
    let after = name.strip_prefix(DECODER).and_then(|place| {
        let (layer, rest) = place.split_once('.')?;
        Some(format!("decoder.layers.{}.{rest}", layer.parse::<usize>().ok()?.checked_sub(1)?))
    });
    after.unwrap_or_else(|| name.to_owned())
}

/// Convolutions and blocks in a row.
#[derive(Debug)]
struct Half {
    path: &'static str,
    device: Device,
    layers: Vec<Layer>,
    /// Channels that go into each convolution of the row, and out of it.
    sides: Vec<[usize; 2]>,
    /// How much larger pictures are than latents.
    factor: usize,
}

#[derive(Debug)]
enum Layer {
    Conv(Box<Conv2d>),
    Cut,
    Double,
    Block(Box<Block>),
}

impl Half {
    /// A convolution without bias stands where the size changes: it halves it in the encoder, and in the decoder
    /// follows an enlargement, a layer without tensors. The decoder's other such layer, the second, is an activation.
    fn load(w: &mut Weights, path: &'static str) -> Result<Self> {
        let is_decoder = path == "decoder";
        let name = |i: usize| format!("{path}.layers.{i}");
        let last = (0..MOST_LAYERS).rev().find(|i| w.has(&format!("{}.weight", name(*i))));
        let (mut layers, mut sides, mut factor) = (Vec::new(), Vec::new(), 1);
        for i in 0..=last.unwrap_or(0) {
            let path = name(i);
            if w.has(&format!("{path}.conv.0.weight")) {
                layers.push(Layer::Block(Box::new(Block::load(w, path)?)));
            } else if i == 0 || w.has(&format!("{path}.weight")) {
                let [outputs, inputs, ..] = w.sides::<4>(&format!("{path}.weight"))?;
                let keeps = w.has(&format!("{path}.bias"));
                let stride = if keeps || is_decoder { 1 } else { 2 };
                factor *= if keeps { 1 } else { 2 };
                let conv = if keeps { Weights::conv2d } else { Weights::conv2d_without_bias };
                let conv = conv(w, &path, [inputs, outputs], 3, stride, Padding::Same(1))?;
                layers.push(Layer::Conv(Box::new(conv)));
                sides.push([inputs, outputs]);
            } else {
                layers.push(if i == 1 { Layer::Cut } else { Layer::Double });
            }
        }
        Ok(Self { path, device: w.device().clone(), layers, sides, factor })
    }

    fn latent_channels(&self) -> usize {
        let side = if self.path == "decoder" { self.sides.first() } else { self.sides.last() };
        side.map_or(0, |[inputs, outputs]| *inputs.min(outputs))
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.layers.iter().enumerate().fold(x, |x, (i, layer)| match layer {
            Layer::Conv(conv) => seen(&format!("{}.layers.{i}", self.path), conv.forward(x)),
            Layer::Cut => ops::relu(x),
            Layer::Double => {
                let [_, _, height, width] = x.dims();
                ops::upsample_nearest(x, [2 * height, 2 * width])
            }
            Layer::Block(block) => block.forward(x),
        })
    }
}

/// `AutoencoderTinyBlock`: three convolutions, added to what came in.
#[derive(Debug)]
struct Block {
    path: String,
    convs: [Conv2d; 3],
}

impl Block {
    fn load(w: &mut Weights, path: String) -> Result<Self> {
        let [width, ..] = w.sides::<4>(&format!("{path}.conv.0.weight"))?;
        // An activation follows each but the last, which is a place in the row.
        let mut conv = |place: usize| {
            w.conv2d(&format!("{path}.conv.{place}"), [width; 2], 3, 1, Padding::Same(1))
        };
        let convs = [conv(0)?, conv(2)?, conv(4)?];
        Ok(Self { path, convs })
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [first, second, third] = &self.convs;
        let relu = || After::activation(Activation::Relu);
        let y = second.forward_then(first.forward_then(x.clone(), relu()), relu());
        seen(&self.path, ops::relu(third.forward_then(y, After::plus(x))))
    }
}
