//! What flows along the links: handles to networks, conditions, latents.
//!
//! Networks are shared handles; latents and pictures are host arrays, so that samplers and image nodes
//! give the same numbers on every device. Only conditions stay on the device: nothing but a network reads
//! them.

mod control;
mod sampling;

use std::collections::BTreeSet;
use std::rc::Rc;

use burn::tensor::Tensor;

pub use self::control::{CONTROL_NET, Control, ControlNet};
pub use self::sampling::{
    CfgRule, GUIDER, Guidance, Guider, ModelOptions, NOISE, Noise, Reuse, SAMPLER, SIGMAS, Sigmas,
};
use crate::diffusion::schedule::NoiseSchedule;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Kind, Value};
use crate::image::{Image, Mask};
use crate::models::{Autoencoder, ClipTextModel, Family, Stylizer, Unet, Upscaler, Vae};
use crate::prompt::Tokenizer;

/// MODEL: a denoising network and how it was trained.
#[derive(Debug, Clone)]
pub struct Model {
    /// The network.
    pub unet: Rc<Unet>,
    /// Its noise levels and what it predicts.
    pub schedule: Rc<NoiseSchedule>,
    /// What its latents look like.
    pub format: LatentFormat,
    /// What patches changed about it; a patch shares everything else.
    pub options: Rc<ModelOptions>,
}

impl From<Model> for Value {
    /// A patched model: its memory is that of the one it was made from.
    fn from(model: Model) -> Self {
        Self::object(Kind::MODEL, 0, model)
    }
}

/// CLIP: one text encoder, or SDXL's two, with their tokenizers.
#[derive(Debug, Clone)]
pub struct Clip {
    /// The encoders, in the order their embeddings are put side by side.
    pub encoders: Rc<[TextEncoder]>,
    /// Which layer's output counts, −1 for the last; the one the family is trained with if absent.
    pub layer: Option<i32>,
}

/// A text encoder with its tokenizer.
#[derive(Debug)]
pub struct TextEncoder {
    /// The network.
    pub model: ClipTextModel,
    /// Text → its tokens.
    pub tokenizer: Rc<Tokenizer>,
    /// The layer whose output counts if nobody chooses another, from the end: 1 is the last.
    pub layer: usize,
    /// Whether the final normalisation follows an earlier layer, too.
    pub is_normed: bool,
}

impl TextEncoder {
    /// An encoder, read as its family was trained: SDXL's at the layer before the last and not normalised, Stable
    /// Diffusion 2's at the layer before the last of OpenCLIP ViT-H/14's 24, 1's at the last.
    pub fn new(model: ClipTextModel, tokenizer: Tokenizer, is_sdxl: bool) -> Self {
        let config = model.config();
        let is_whole_vit_h = config.num_hidden_layers == VIT_H_LAYERS && !config.quick_gelu;
        let layer = if is_sdxl || is_whole_vit_h { 2 } else { 1 };
        Self { model, tokenizer: Rc::new(tokenizer), layer, is_normed: !is_sdxl }
    }

    /// Another network, read in the same way.
    pub fn with(&self, model: ClipTextModel) -> Self {
        let Self { layer, is_normed, .. } = *self;
        Self { model, tokenizer: self.tokenizer.clone(), layer, is_normed }
    }

    /// Reads it as one of SDXL's from now on: a file of its own does not say that it is.
    pub fn read_as_sdxl(&mut self) {
        (self.layer, self.is_normed) = (2, false);
    }
}

/// Layers of OpenCLIP ViT-H/14's text encoder. Stable Diffusion 2's folders leave the last out, since nothing reads it.
pub const VIT_H_LAYERS: usize = 24;

/// VAE: pictures ↔ latents.
#[derive(Debug, Clone)]
pub struct VaeHandle {
    network: Option<Rc<Autoencoder>>,
}

impl From<Vae> for VaeHandle {
    fn from(vae: Vae) -> Self {
        Self::new(Autoencoder::Kl(Box::new(vae)))
    }
}

impl VaeHandle {
    /// A network.
    pub fn new(network: Autoencoder) -> Self {
        Self { network: Some(Rc::new(network)) }
    }

    /// That a checkpoint has none.
    pub fn none() -> Self {
        Self { network: None }
    }

    /// The network.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mismatch`] if the checkpoint has none, which matters only to those who need it.
    pub fn network(&self) -> Result<&Autoencoder> {
        self.network.as_deref().ok_or_else(|| {
            Error::new(ErrorKind::Mismatch {
                what: "vae",
                expected: "an autoencoder".to_owned(),
                got: "a checkpoint without one".to_owned(),
            })
            .hint("load one with `VAELoader`")
        })
    }
}

/// UPSCALE_MODEL: small pictures → large ones.
pub const UPSCALE_MODEL: Kind = Kind::new("UPSCALE_MODEL");

/// UPSCALE_MODEL: small pictures → large ones.
#[derive(Debug, Clone)]
pub struct UpscaleModel {
    /// The network.
    pub upscaler: Rc<Upscaler>,
}

/// STYLE_TRANSFER_MODEL: pictures → the same, repainted.
pub const STYLE_TRANSFER_MODEL: Kind = Kind::new("STYLE_TRANSFER_MODEL");

/// STYLE_TRANSFER_MODEL: pictures → the same, repainted.
#[derive(Debug, Clone)]
pub struct StyleTransferModel {
    /// The network.
    pub stylizer: Rc<Stylizer>,
}

/// How a family's latents relate to the autoencoder's and to colours.
#[derive(Debug, Clone, PartialEq)]
pub struct LatentFormat {
    /// The network works on the autoencoder's latents times this.
    pub scaling_factor: f32,
    /// Red, green, blue in −1..1 as a linear function of the scaled channels, for previews.
    pub preview: PreviewColours,
    /// Name of the tiny autoencoder that knows such latents, if one does.
    pub tiny: Option<&'static str>,
}

/// A linear guess of a latent's colours.
#[derive(Debug, Clone, PartialEq)]
pub struct PreviewColours {
    /// One `[red, green, blue]` a latent channel.
    pub matrix: Vec<[f32; 3]>,
    /// Added to the sum.
    pub bias: [f32; 3],
}

impl PreviewColours {
    /// Stable Diffusion 1.x and 2.x.
    ///
    /// # Source
    ///
    /// Fitted by K. Turner, "Decoding latents to RGB without upscaling", Hugging Face forum, 2022.
    pub fn stable_diffusion() -> Self {
        let matrix = vec![
            [0.298, 0.207, 0.208],
            [0.187, 0.286, 0.173],
            [-0.158, 0.189, 0.264],
            [-0.184, -0.271, -0.473],
        ];
        Self { matrix, bias: [0.0; 3] }
    }

    /// SDXL and its refiner.
    ///
    /// # Source
    ///
    /// T. A. Vass, "Explaining the SDXL latent space", Hugging Face blog, 2023; there for colours of 0..=255.
    pub fn sdxl() -> Self {
        let rows =
            [[60.0, 60.0, 60.0], [-60.0, -5.0, 10.0], [25.0, 15.0, -5.0], [-70.0, -50.0, -35.0]];
        let matrix = rows.map(|row: [f32; 3]| row.map(|v| v / 127.5)).to_vec();
        Self { matrix, bias: [150.0, 140.0, 130.0].map(|v: f32| v / 127.5 - 1.0) }
    }

    /// Those of a family.
    pub fn of(family: Family) -> Self {
        match family {
            Family::Sd1 | Family::Sd2 => Self::stable_diffusion(),
            Family::Sdxl | Family::SdxlRefiner => Self::sdxl(),
        }
    }

    /// The first latent of a batch as 8-bit red, green, blue, opacity; `latent` is scaled, `[…, h, w]`.
    pub fn rgba(&self, latent: &[f32], pixels: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(pixels * 4);
        for i in 0..pixels {
            let mut colour = self.bias;
            for (channel, weights) in self.matrix.iter().enumerate() {
                let value = latent.get(channel * pixels + i).copied().unwrap_or(0.0);
                for (sum, weight) in colour.iter_mut().zip(weights) {
                    *sum += value * weight;
                }
            }
            out.extend(colour.map(|v| ((v * 0.5 + 0.5) * 255.0).clamp(0.0, 255.0) as u8));
            out.push(255);
        }
        out
    }
}

/// CONDITIONING: what the picture should be; several entries are mixed by weight.
#[derive(Debug, Clone)]
pub struct Conditioning(pub Vec<Condition>);

/// One encoded prompt, and where and when it counts.
#[derive(Debug, Clone)]
pub struct Condition {
    /// Embeddings of its tokens, `[1, tokens, width]`.
    pub context: Tensor<3>,
    /// Embedding of the whole, `[1, width]`.
    pub pooled: Tensor<2>,
    /// How much it weighs against the other entries.
    pub strength: f32,
    /// The part of the picture it is for; all of it if absent.
    pub area: Option<Area>,
    /// How much it weighs at each place; the same everywhere if absent.
    pub mask: Option<AreaMask>,
    /// From which part of the run on it counts, 0..=1 of the noise schedule.
    pub start_percent: f64,
    /// Up to which part of the run it counts.
    pub end_percent: f64,
    /// The steps of the run at which it counts; all of them if absent.
    pub steps: Option<Rc<BTreeSet<usize>>>,
    /// SDXL's numbers on the picture's size; those of the latent if absent.
    pub size: Option<SizeNumbers>,
    /// What the network sees beside the latent: to an inpainting one the picture around the hole, and in its mask the hole;
    /// to an editing one the picture to edit.
    pub beside: Option<Rc<Latent>>,
    /// What steers the network by pictures while it follows this prompt.
    pub control: Option<Rc<Control>>,
    /// Whether negative prompts without such control take this one's.
    pub lends_control: bool,
}

/// The part of a picture a condition is for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Area {
    /// In positions of the latent.
    Latent {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// First row.
        y: usize,
        /// First column.
        x: usize,
    },
    /// In parts of the picture, each 0..=1.
    Part {
        /// Height.
        height: f64,
        /// Width.
        width: f64,
        /// Top edge.
        y: f64,
        /// Left edge.
        x: f64,
    },
}

/// A condition's weight by place.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaMask {
    /// The weights, stretched over the latent.
    pub mask: Rc<Mask>,
    /// Multiplies them.
    pub strength: f32,
    /// Denoise only the rectangle around the masked part.
    pub bounds_only: bool,
}

/// What SDXL is told of a picture, in the order of its checkpoint's `time_ids`.
#[derive(Debug, Clone, PartialEq)]
pub enum SizeNumbers {
    /// Base: pixels of the original, of the crop's corner and of the target.
    Base {
        /// Height and width of the picture it was cut from.
        original: [f32; 2],
        /// Top and left of the cut.
        crop: [f32; 2],
        /// Height and width of the picture wanted.
        target: [f32; 2],
    },
    /// Refiner: size, cut and how well the picture is liked.
    Refiner {
        /// Height and width.
        original: [f32; 2],
        /// Top and left of the cut.
        crop: [f32; 2],
        /// Aesthetic score, about 2.5 for bad and 6 for good.
        score: f32,
    },
}

impl Condition {
    /// An encoded prompt that counts everywhere, all the time.
    pub fn new(context: Tensor<3>, pooled: Tensor<2>) -> Self {
        Self {
            context,
            pooled,
            strength: 1.0,
            area: None,
            mask: None,
            start_percent: 0.0,
            end_percent: 1.0,
            steps: None,
            size: None,
            beside: None,
            control: None,
            lends_control: false,
        }
    }
}

impl Conditioning {
    /// Memory it takes, in bytes.
    pub fn bytes(&self) -> usize {
        let numbers = |one: &Condition| {
            let own = one.beside.as_ref().map_or(0, |latent| latent.samples.len());
            one.context.shape().num_elements() + one.pooled.shape().num_elements() + own
        };
        4 * self.0.iter().map(numbers).sum::<usize>()
    }
}

impl From<Conditioning> for Value {
    fn from(conditioning: Conditioning) -> Self {
        Self::object(Kind::CONDITIONING, conditioning.bytes(), conditioning)
    }
}

/// LATENT: latents as the autoencoder gives them, unscaled, with what goes along.
#[derive(Debug, Clone, PartialEq)]
pub struct Latent {
    /// `[batch, channels, height / 8, width / 8]`.
    pub shape: [usize; 4],
    /// The numbers, row major.
    pub samples: Vec<f32>,
    /// Where the picture may change; everywhere if absent.
    pub noise_mask: Option<Rc<Mask>>,
    /// Which pictures of a larger batch these are, so that each gets the noise of its place there.
    pub batch_index: Option<Rc<[usize]>>,
}

impl Latent {
    /// Wraps an array.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mismatch`] if the length is not the product of the shape, or there is nothing in it.
    pub fn new(shape: [usize; 4], samples: Vec<f32>) -> Result<Self> {
        if samples.is_empty() || shape.iter().product::<usize>() != samples.len() {
            return Err(Error::new(ErrorKind::Mismatch {
                what: "shape of a latent",
                expected: format!(
                    "[batch, channels, height, width] with {} numbers",
                    samples.len()
                ),
                got: format!("{shape:?}"),
            }));
        }
        Ok(Self { shape, samples, noise_mask: None, batch_index: None })
    }

    /// Other numbers, with what goes along with these.
    ///
    /// # Errors
    ///
    /// As [`Latent::new`].
    pub fn with(&self, shape: [usize; 4], samples: Vec<f32>) -> Result<Self> {
        let (noise_mask, batch_index) = (self.noise_mask.clone(), self.batch_index.clone());
        Ok(Self { noise_mask, batch_index, ..Self::new(shape, samples)? })
    }

    /// Memory it takes.
    pub fn bytes(&self) -> usize {
        self.samples.len() * 4 + self.noise_mask.as_ref().map_or(0, |mask| mask.data.len() * 4)
    }
}

impl From<Latent> for Value {
    fn from(latent: Latent) -> Self {
        Self::object(Kind::LATENT, latent.bytes(), latent)
    }
}

impl From<Image> for Value {
    fn from(image: Image) -> Self {
        Self::object(Kind::IMAGE, image.data.len() * 4, image)
    }
}

impl From<Mask> for Value {
    fn from(mask: Mask) -> Self {
        Self::object(Kind::MASK, mask.data.len() * 4, mask)
    }
}
