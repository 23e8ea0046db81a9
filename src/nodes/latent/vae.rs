//! Latents ↔ pictures.

use burn::tensor::Tensor;

use super::tiled::{Grid, decoded_in_tiles, encoded_in_tiles};
use crate::device;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Context, Function, Input, Inputs, Kind, Output, Outputs, Schema};
use crate::image::Image;
use crate::models::Autoencoder;
use crate::nodes::Environment;
use crate::nodes::values::{Latent, VaeHandle};

/// A latent → pictures.
pub(super) const VAE_DECODE: Function = Function::waiting(
    &Schema::new("VAEDecode", "VAE Decode", "latent")
        .doc("Turns latents into pictures.")
        .inputs(&[
            Input::link("samples", Kind::LATENT).doc("The latents."),
            Input::link("vae", Kind::VAE).doc("The autoencoder of a loaded model."),
        ])
        .outputs(&[Output::new(Kind::IMAGE)]),
    |inputs, cx| Box::pin(vae_decode(inputs, cx)),
);

async fn vae_decode(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let latent = inputs.object::<Latent>("samples")?;
    let vae = inputs.object::<VaeHandle>("vae")?;
    let vae = vae.network()?;
    check_channels(vae, &latent)?;
    let [batch, _, height, width] = latent.shape;
    let env = cx.env::<Environment>();
    if let Some(grid) = Grid::fitting(&env.device_info, vae, &latent.shape)? {
        tell_tiles(cx, &grid);
        return Ok(Outputs::one(decoded_in_tiles(vae, &latent, &grid, cx).await?));
    }
    let mut data = Vec::new();
    // One at a time: the memory of a batch is that of one picture, and cancelling acts in between.
    for one in latent.samples.chunks(latent.samples.len() / batch) {
        data.extend(decoded(vae, one.to_vec(), [height, width], cx).await?);
    }
    Ok(Outputs::one(picture(vae, latent.shape, data)?))
}

/// Pictures → a latent.
pub(in crate::nodes) const VAE_ENCODE: Function = Function::waiting(
    &Schema::new("VAEEncode", "VAE Encode", "latent")
        .doc("Turns pictures into latents, to change them with a sampler.")
        .inputs(&[
            Input::link("pixels", Kind::IMAGE)
                .doc("The pictures; their sides are cut to multiples of 8."),
            Input::link("vae", Kind::VAE).doc("The autoencoder of a loaded model."),
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, cx| Box::pin(vae_encode(inputs, cx)),
);

async fn vae_encode(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let vae = inputs.object::<VaeHandle>("vae")?;
    let image = inputs.object::<Image>("pixels")?;
    Ok(Outputs::one(encode(&vae, &image, cx).await?))
}

/// Pictures, cut to multiples of the autoencoder's factor, as latents.
///
/// # Errors
///
/// If a picture is too small or too large, or the run was cancelled.
pub(in crate::nodes) async fn encode(
    vae: &VaeHandle,
    image: &Image,
    cx: &Context<'_>,
) -> Result<Latent> {
    let vae = vae.network()?;
    let factor = vae.factor();
    let image = image.cropped_to_multiple(factor)?;
    let (height, width) = (image.height / factor, image.width / factor);
    let shape = [image.batch, vae.latent_channels(), height, width];
    let env = cx.env::<Environment>();
    if let Some(grid) = Grid::fitting(&env.device_info, vae, &shape)? {
        tell_tiles(cx, &grid);
        return encoded_in_tiles(vae, &image, &grid, cx).await;
    }
    let mut samples = Vec::new();
    for one in image.data.chunks(image.data.len() / image.batch) {
        let z = encoded(vae, one.to_vec(), [image.height, image.width], cx).await?;
        samples.extend(device::read(z).await?);
    }
    Latent::new([image.batch, vae.latent_channels(), height, width], samples)
}

/// Tells that there is no room for a picture as a whole.
fn tell_tiles(cx: &Context<'_>, grid: &Grid) {
    let count = grid.len();
    cx.notice(format!("The picture is too large for the device as a whole, and goes through the autoencoder in {count} tiles."));
}

/// Refuses a latent of another family.
pub(super) fn check_channels(vae: &Autoencoder, latent: &Latent) -> Result<()> {
    let (expected, got) = (vae.latent_channels(), latent.shape[1]);
    if got == expected {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Mismatch {
        what: "channels of the latent",
        expected: expected.to_string(),
        got: got.to_string(),
    })
    .hint("use the autoencoder that belongs to the model"))
}

/// One latent `[channels, height, width]` → `[height · factor, width · factor, 3]` in about 0..1.
pub(super) async fn decoded(
    vae: &Autoencoder,
    z: Vec<f32>,
    size: [usize; 2],
    cx: &Context<'_>,
) -> Result<Vec<f32>> {
    pause(cx).await?;
    let read = async |z| {
        let pixels = vae.decode(z, size, async || pause(cx).await).await?;
        device::read(pixels.permute([0, 2, 3, 1])).await
    };
    let mut pixels = read(z.clone()).await?;
    let overflowed = |pixels: &[f32]| pixels.iter().any(|v| !v.is_finite());
    if overflowed(&pixels) && vae.forgo_halves() {
        pixels = read(z).await?;
        if !overflowed(&pixels) {
            cx.notice("the autoencoder has numbers that are too large for halves: full precision from now on");
        }
    }
    let [black, white] = vae.range();
    pixels.iter_mut().for_each(|v| *v = (*v - black) / (white - black));
    Ok(pixels)
}

/// One picture `[height, width, 3]` in 0..1 → `[1, channels, height / factor, width / factor]`.
pub(super) async fn encoded(
    vae: &Autoencoder,
    pixels: Vec<f32>,
    size: [usize; 2],
    cx: &Context<'_>,
) -> Result<Tensor<4>> {
    pause(cx).await?;
    vae.encode(pixels, size, async || pause(cx).await).await
}

/// Before an autoencoder's work and between its levels: what was asked for is heard, and arrays of other sizes are let go of.
async fn pause(cx: &Context<'_>) -> Result<()> {
    cx.checkpoint().await?;
    cx.env::<Environment>().make_room().await
}

/// What was decoded of latents of this shape, as pictures.
pub(super) fn picture(
    vae: &Autoencoder,
    [batch, _, height, width]: [usize; 4],
    mut data: Vec<f32>,
) -> Result<Image> {
    if data.iter().any(|v| !v.is_finite()) {
        return Err(Error::new(ErrorKind::NotFinite { input: "decoded picture" })
            .hint("the latent is damaged, or belongs to another model"));
    }
    data.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
    let factor = vae.factor();
    Image::new([batch, height * factor, width * factor, 3], data)
}
