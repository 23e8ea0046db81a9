//! The picture of a run as it stands.

use std::cell::RefCell;

use crate::device;
use crate::error::Result;
use crate::graph::Context;
use crate::image::Image;
use crate::image::resample::{Crop, Method};
use crate::models::taesd::TinyDecoder;
use crate::nodes::values::LatentFormat;
use crate::nodes::{Environment, Previews, loaders};

/// Sides of a preview at most: ComfyUI's.
const LARGEST: usize = 512;

/// Shows the clean latent that the network sees, as a guess of its colours or through a tiny autoencoder.
pub(super) struct Previewer<'a> {
    cx: &'a Context<'a>,
    format: &'a LatentFormat,
    shape: [usize; 4],
    shows: bool,
    decoder: Option<TinyDecoder>,
    /// The latent that is to be decoded as soon as the sampler waits for something.
    latest: RefCell<Vec<f32>>,
}

impl<'a> Previewer<'a> {
    /// For latents of `shape`.
    ///
    /// A tiny autoencoder that is damaged, or has no room, is no reason not to make the picture.
    pub(super) async fn new(
        cx: &'a Context<'a>,
        format: &'a LatentFormat,
        shape: [usize; 4],
    ) -> Result<Self> {
        let env: &Environment = cx.env();
        let previews = env.previews();
        let name = format.tiny.filter(|_| matches!(previews, Previews::Auto | Previews::Taesd));
        let decoder = match name {
            Some(name) => match loaders::tiny_decoder(cx, name).await {
                Err(error) if !error.is_cancelled() => {
                    cx.notice(format!("Previews are a guess of the colours: {error}"));
                    None
                }
                decoder => decoder?,
            },
            None => None,
        };
        let fits = |decoder: &TinyDecoder| {
            let [_, channels, height, width] = shape;
            let largest = decoder.largest_map([height, width]).saturating_mul(4);
            decoder.latent_channels() == channels && largest <= env.device_info.max_buffer_bytes
        };
        Ok(Self {
            cx,
            format,
            shape,
            shows: previews != Previews::None,
            decoder: decoder.filter(fits),
            latest: RefCell::default(),
        })
    }

    /// Takes the latents of a step, and shows the first of them now or [soon](Self::show).
    pub(super) fn take(&self, latents: &[f32]) {
        let [_, channels, height, width] = self.shape;
        if self.decoder.is_some() {
            *self.latest.borrow_mut() = latents[..channels * height * width].to_vec();
        } else if self.shows {
            let rgba = self.format.preview.rgba(latents, height * width);
            self.cx.preview(width as u32, height as u32, rgba);
        }
    }

    /// Shows the latent taken last, if it waits to be decoded.
    pub(super) async fn show(&self) -> Result<()> {
        let latent = self.latest.take();
        let Some(decoder) = self.decoder.as_ref().filter(|_| !latent.is_empty()) else {
            return Ok(());
        };
        let [_, _, height, width] = self.shape;
        let pixels = decoder.decode(latent, [height, width]).permute([0, 2, 3, 1]);
        let pixels = device::read(pixels).await?;
        let [height, width] = [height, width].map(|side| side * decoder.factor());
        let image = Image::new([1, height, width, 3], pixels)?;
        let sides = [height, width];
        let largest = height.max(width);
        let image = match largest > LARGEST {
            true => {
                let to = sides.map(|side| (side * LARGEST / largest).max(1));
                image.resized(to, Method::Area, Crop::Disabled)
            }
            false => image,
        };
        let rgba = image.data.chunks(3).flat_map(|pixel| {
            let byte = |i: usize| (pixel[i].clamp(0.0, 1.0) * 255.0) as u8;
            [byte(0), byte(1), byte(2), 255]
        });
        self.cx.preview(image.width as u32, image.height as u32, rgba.collect());
        Ok(())
    }
}
