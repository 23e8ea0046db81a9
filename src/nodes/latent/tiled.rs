//! Latents ↔ pictures in overlapping tiles, for pictures that do not fit at once.
//!
//! One tiling is worked out, where ComfyUI takes the mean of three of different shape: that is three times
//! the work, and the fade hides the seams of either.

use super::vae::{check_channels, decoded, encoded, picture};
use crate::device::{self, DeviceInfo};
use crate::error::Result;
use crate::graph::{Context, Function, Input, Inputs, Kind, Output, Outputs, Schema};
use crate::image::Image;
use crate::image::tiles::{Blend, Tile, even_tiles, tiles};
use crate::models::Autoencoder;
use crate::nodes::values::{Latent, VaeHandle};
use crate::nodes::{Environment, limits};

const TILE_SIZE: Input = Input::int("tile_size", 512, 64..=4096)
    .step(32)
    .doc("Side of a tile in pixels: smaller tiles need less memory, larger ones agree better.");
const OVERLAP: Input = Input::int("overlap", 64, 0..=4096)
    .step(32)
    .doc("Pixels that neighbouring tiles share and fade over, at most a quarter of a tile.");
const TEMPORAL_SIZE: Input = Input::int("temporal_size", 64, 8..=4096)
    .step(4)
    .doc("For videos only: frames a tile holds. Pictures take no notice of it.");
const TEMPORAL_OVERLAP: Input = Input::int("temporal_overlap", 8, 4..=4096)
    .step(4)
    .doc("For videos only: frames that tiles share. Pictures take no notice of it.");

/// A latent → pictures, tile by tile.
pub(super) const VAE_DECODE_TILED: Function = Function::waiting(
    &Schema::new("VAEDecodeTiled", "VAE Decode (Tiled)", "latent")
        .doc("Turns latents into pictures in overlapping tiles, so that large ones need less memory.")
        .inputs(&[
            Input::link("samples", Kind::LATENT).doc("The latents."),
            Input::link("vae", Kind::VAE).doc("The autoencoder of a loaded model."),
            TILE_SIZE,
            OVERLAP,
            TEMPORAL_SIZE,
            TEMPORAL_OVERLAP,
        ])
        .outputs(&[Output::new(Kind::IMAGE)]),
    |inputs, cx| Box::pin(vae_decode_tiled(inputs, cx)),
);

async fn vae_decode_tiled(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let latent = inputs.object::<Latent>("samples")?;
    let vae = inputs.object::<VaeHandle>("vae")?;
    let vae = vae.network()?;
    check_channels(vae, &latent)?;
    let grid = Grid::of(&inputs, cx, vae, &latent.shape)?;
    Ok(Outputs::one(decoded_in_tiles(vae, &latent, &grid, cx).await?))
}

/// A latent as pictures, tile by tile.
pub(super) async fn decoded_in_tiles(
    vae: &Autoencoder,
    latent: &Latent,
    grid: &Grid,
    cx: &Context<'_>,
) -> Result<Image> {
    let [batch, channels, height, width] = latent.shape;
    let factor = vae.factor();
    limits::check_latent(
        cx.env(),
        "pictures of this size",
        [batch, 3, height * factor, width * factor],
    )?;
    let mut data = Vec::new();
    for (b, one) in latent.samples.chunks(latent.samples.len() / batch).enumerate() {
        let mut blend = Blend::new([height * factor, width * factor, 3]);
        for (i, tile) in grid.tiles.iter().enumerate() {
            let planes = one.chunks(height * width);
            let z = planes.flat_map(|plane| tile.rows(plane, width)).copied().collect();
            let pixels = decoded(vae, z, [tile.height, tile.width], cx).await?;
            blend.add(tile.scaled(factor), grid.overlap * factor, &pixels);
            grid.progress(cx, b, i);
        }
        data.extend(blend.finish());
    }
    picture(vae, [batch, channels, height, width], data)
}

/// Pictures → a latent, tile by tile.
pub(super) const VAE_ENCODE_TILED: Function = Function::waiting(
    &Schema::new("VAEEncodeTiled", "VAE Encode (Tiled)", "latent")
        .doc("Turns pictures into latents in overlapping tiles, so that large ones need less memory.")
        .inputs(&[
            Input::link("pixels", Kind::IMAGE)
                .doc("The pictures; their sides are cut to multiples of 8."),
            Input::link("vae", Kind::VAE).doc("The autoencoder of a loaded model."),
            TILE_SIZE,
            OVERLAP,
            TEMPORAL_SIZE,
            TEMPORAL_OVERLAP,
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, cx| Box::pin(vae_encode_tiled(inputs, cx)),
);

async fn vae_encode_tiled(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let vae = inputs.object::<VaeHandle>("vae")?;
    let vae = vae.network()?;
    let factor = vae.factor();
    let image = inputs.object::<Image>("pixels")?.cropped_to_multiple(factor)?;
    let shape = [image.batch, vae.latent_channels(), image.height / factor, image.width / factor];
    let grid = Grid::of(&inputs, cx, vae, &shape)?;
    Ok(Outputs::one(encoded_in_tiles(vae, &image, &grid, cx).await?))
}

/// Pictures, whose sides are multiples of the autoencoder's factor, as a latent, tile by tile.
pub(super) async fn encoded_in_tiles(
    vae: &Autoencoder,
    image: &Image,
    grid: &Grid,
    cx: &Context<'_>,
) -> Result<Latent> {
    let (factor, channels) = (vae.factor(), vae.latent_channels());
    let (height, width) = (image.height / factor, image.width / factor);
    let mut samples = Vec::new();
    for (b, one) in image.data.chunks(image.data.len() / image.batch).enumerate() {
        let mut blend = Blend::new([height, width, channels]);
        for (i, tile) in grid.tiles.iter().enumerate() {
            let area = tile.scaled(factor);
            let pixels = area.interleaved(3).rows(one, image.width * 3).copied().collect();
            let z = encoded(vae, pixels, [area.height, area.width], cx).await?;
            let z = device::read(z.permute([0, 2, 3, 1])).await?;
            blend.add(*tile, grid.overlap, &z);
            grid.progress(cx, b, i);
        }
        let places = blend.finish();
        let channel = |c| places.iter().skip(c).step_by(channels).copied();
        samples.extend((0..channels).flat_map(channel));
    }
    Latent::new([image.batch, channels, height, width], samples)
}

/// Sides of tiles, in pixels, where the whole has no room.
const SIDES: [usize; 6] = [1024, 768, 512, 384, 256, 128];

/// The tiles of a latent, in its positions.
pub(super) struct Grid {
    tiles: Vec<Tile>,
    overlap: usize,
    batch: usize,
}

impl Grid {
    /// As the inputs of a node say.
    fn of(
        inputs: &Inputs,
        cx: &Context<'_>,
        vae: &Autoencoder,
        shape: &[usize; 4],
    ) -> Result<Self> {
        let (side, overlap): (usize, usize) = (inputs.int("tile_size")?, inputs.int("overlap")?);
        let device = &cx.env::<Environment>().device_info;
        Self::new(device, vae, shape, side, overlap.min(side / 4), tiles)
    }

    /// Tiles of at most `side` pixels for a latent of this shape, laid out by `cover`.
    fn new(
        device: &DeviceInfo,
        vae: &Autoencoder,
        [batch, _, height, width]: &[usize; 4],
        side: usize,
        overlap: usize,
        cover: fn([usize; 2], usize, usize) -> Vec<Tile>,
    ) -> Result<Self> {
        let (side, overlap) = (side / vae.factor(), overlap / vae.factor());
        limits::check_vae(device, vae, [side.min(*height), side.min(*width)])?;
        Ok(Self { tiles: cover([*height, *width], side, overlap), overlap, batch: *batch })
    }

    /// As few tiles as the device has room for, and no larger than so few must be; none if it has room for
    /// the whole.
    ///
    /// # Errors
    ///
    /// If it has no room for the smallest.
    pub(super) fn fitting(
        device: &DeviceInfo,
        vae: &Autoencoder,
        shape: &[usize; 4],
    ) -> Result<Option<Self>> {
        let whole = limits::check_vae(device, vae, [shape[2], shape[3]]);
        let Err(error) = whole else { return Ok(None) };
        let grid = |side: &usize| Self::new(device, vae, shape, *side, side / 8, even_tiles).ok();
        SIDES.iter().find_map(grid).map(Some).ok_or(error)
    }

    /// How many tiles a picture is made of.
    pub(super) fn len(&self) -> usize {
        self.tiles.len()
    }

    /// Tells that tile `tile` of picture `picture` is done.
    fn progress(&self, cx: &Context<'_>, picture: usize, tile: usize) {
        let count = self.tiles.len();
        cx.progress((picture * count + tile + 1) as u64, (self.batch * count) as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Value;
    use crate::nodes::latent::vae::{VAE_DECODE, VAE_ENCODE};
    use crate::nodes::loaders;
    use crate::nodes::testing::{environment, output, run, run_in};

    fn vae() -> Value {
        let inputs = Inputs::new().with("ckpt_name", "sprite");
        run(&loaders::NODES[0], inputs).unwrap().values[2].clone()
    }

    /// Two pictures of slow colours with a disc.
    fn pictures(height: usize, width: usize) -> Image {
        let pixel = |i: usize| {
            let (y, x) = ((i / width % height) as f32, (i % width) as f32);
            let disc = if (y - 60.0).hypot(x - 70.0) < 30.0 { 0.5 } else { 0.0 };
            [y / height as f32, disc + 0.3, x / width as f32]
        };
        let data = (0..2 * height * width).flat_map(pixel).collect();
        Image::new([2, height, width, 3], data).unwrap()
    }

    fn tiled(inputs: &Inputs, vae: &Value, side: i64, overlap: i64) -> Inputs {
        let inputs = inputs.clone().with("vae", vae.clone());
        inputs.with("tile_size", side).with("overlap", overlap)
    }

    /// The mean and the largest difference.
    fn difference(ours: &[f32], whole: &[f32]) -> [f32; 2] {
        assert_eq!(ours.len(), whole.len());
        let all = || ours.iter().zip(whole).map(|(a, b)| (a - b).abs());
        [all().sum::<f32>() / ours.len() as f32, all().fold(0.0, f32::max)]
    }

    /// By how much two neighbouring rows differ more than in the whole, at most.
    fn seam(ours: &Image, whole: &Image) -> f32 {
        let steps = |image: &Image| -> Vec<f32> {
            let rows: Vec<_> = image.data.chunks(image.width * 3).take(image.height).collect();
            rows.windows(2).map(|pair| difference(pair[0], pair[1])[0]).collect()
        };
        steps(ours).iter().zip(steps(whole)).map(|(a, b)| a - b).fold(0.0, f32::max)
    }

    #[test]
    fn tiles_agree_with_the_whole() {
        let vae = vae();
        let encode = Inputs::new().with("pixels", pictures(136, 160));
        let whole = output::<Latent>(&VAE_ENCODE, encode.clone().with("vae", vae.clone()));
        let one = output::<Latent>(&VAE_ENCODE_TILED, tiled(&encode, &vae, 512, 64));
        assert!(difference(&one.samples, &whole.samples)[1] < 1e-5);
        let parts = output::<Latent>(&VAE_ENCODE_TILED, tiled(&encode, &vae, 128, 4096));
        assert_eq!(parts.shape, whole.shape);
        // Every tile is normalised by itself; the latents' own size is about 7.
        let [mean, _] = difference(&parts.samples, &whole.samples);
        assert!(mean < 0.4, "{mean}");

        let decode = Inputs::new().with("samples", (*whole).clone());
        let whole = output::<Image>(&VAE_DECODE, decode.clone().with("vae", vae.clone()));
        let one = output::<Image>(&VAE_DECODE_TILED, tiled(&decode, &vae, 512, 64));
        assert!(difference(&one.data, &whole.data)[1] < 1e-6);
        let parts = output::<Image>(&VAE_DECODE_TILED, tiled(&decode, &vae, 96, 4096));
        assert_eq!([parts.batch, parts.height, parts.width], [2, 136, 160]);
        let [mean, most] = difference(&parts.data, &whole.data);
        assert!(mean < 0.05 && most < 0.2, "{mean} {most}");
        let hard = output::<Image>(&VAE_DECODE_TILED, tiled(&decode, &vae, 96, 0));
        let (soft, hard) = (seam(&parts, &whole), seam(&hard, &whole));
        assert!(soft < 0.02 && hard > 2.0 * soft, "{soft} {hard}");
    }

    #[test]
    fn what_has_no_room_as_a_whole_goes_in_tiles() {
        let vae = vae();
        let mut env = environment().unwrap();
        let inputs = Inputs::new().with("pixels", pictures(176, 176)).with("vae", vae.clone());
        let image = |env: &Environment, node, inputs: &Inputs| {
            let outputs = run_in(env, node, inputs.clone()).unwrap();
            Inputs::new().with("out", outputs.values[0].clone())
        };
        let whole = image(&env, &VAE_ENCODE, &inputs).object::<Latent>("out").unwrap();
        // The sprite's widest map at full size has 32 channels: room for tiles of 128 pixels, and not for 176. With an
        // overlap of 16, tiles of 96 are as few.
        env.device_info.max_buffer_bytes = 4 * 32 * 130 * 130;
        let parts = image(&env, &VAE_ENCODE, &inputs).object::<Latent>("out").unwrap();
        let asked = run_in(&env, &VAE_ENCODE_TILED, tiled(&inputs, &vae, 96, 16)).unwrap();
        let asked = Inputs::new().with("out", asked.values[0].clone()).object::<Latent>("out");
        assert!(parts.samples == asked.unwrap().samples && parts.samples != whole.samples);

        let inputs = Inputs::new().with("samples", (*whole).clone()).with("vae", vae.clone());
        let parts = image(&env, &VAE_DECODE, &inputs).object::<Image>("out").unwrap();
        let asked = run_in(&env, &VAE_DECODE_TILED, tiled(&inputs, &vae, 96, 16)).unwrap();
        let asked = Inputs::new().with("out", asked.values[0].clone()).object::<Image>("out");
        assert_eq!(parts.data, asked.unwrap().data);

        env.device_info.max_buffer_bytes = 4 * 32 * 100 * 100;
        let error = run_in(&env, &VAE_DECODE, inputs).unwrap_err();
        assert_eq!(error.kind().code(), "too_large");
    }
}
