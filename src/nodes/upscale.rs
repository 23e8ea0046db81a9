//! Upscalers: loading one, and enlarging pictures with it.

use std::rc::Rc;

use burn::tensor::{Tensor, TensorData};

use super::folders::model_path;
use super::values::{UPSCALE_MODEL, UpscaleModel};
use super::{Environment, limits, loaders};
use crate::device::{self, DeviceInfo};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Context, Function, Input, Inputs, Kind, Node, Output, Outputs, Schema, Value};
use crate::image::Image;
use crate::image::layout::{crop, mirrored_to};
use crate::image::tiles::{Blend, Tile, tiles};
use crate::models::Upscaler;

/// The classes of this family, in menu order.
pub(super) const NODES: &[&dyn Node] = &[&UPSCALE_MODEL_LOADER, &IMAGE_UPSCALE_WITH_MODEL];

const UPSCALE_MODEL_LOADER: Function = Function::waiting(
    &Schema::new("UpscaleModelLoader", "Load Upscale Model", "loaders")
        .doc("Loads a network that enlarges pictures: an ESRGAN, a Real-ESRGAN or one of its compact kind.")
        .inputs(&[Input::folder("model_name", "upscale_models")
            .doc("The file's name in the folder `upscale_models`.")])
        .outputs(&[Output::new(UPSCALE_MODEL)]),
    |inputs, cx| Box::pin(upscale_model_loader(inputs, cx)),
);

async fn upscale_model_loader(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let path = model_path(cx.env(), "upscale_models", inputs.string("model_name")?)?;
    let (weights, bytes) = loaders::load_weights(cx, &path).await?;
    let upscaler = Rc::new(Upscaler::load(weights)?);
    Ok(Outputs::one(Value::object(UPSCALE_MODEL, bytes, UpscaleModel { upscaler })))
}

const IMAGE_UPSCALE_WITH_MODEL: Function = Function::waiting(
    &Schema::new("ImageUpscaleWithModel", "Upscale Image (using Model)", "image/upscaling")
        .doc("Enlarges pictures by the factor that the upscaler was trained for, and paints the detail they lack.")
        .inputs(&[
            Input::link("upscale_model", UPSCALE_MODEL).doc("The upscaler."),
            Input::link("image", Kind::IMAGE).doc("The pictures; their opacity is dropped."),
        ])
        .outputs(&[Output::new(Kind::IMAGE)]),
    |inputs, cx| Box::pin(image_upscale_with_model(inputs, cx)),
);

async fn image_upscale_with_model(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let upscaler = &inputs.object::<UpscaleModel>("upscale_model")?.upscaler;
    let image = inputs.object::<Image>("image")?.with_channels(3);
    let env: &Environment = cx.env();
    env.make_room().await?;
    let [height, width] = [image.height, image.width].map(|side| side * upscaler.scale());
    let shape = [image.batch, height, width, 3];
    limits::check_latent(env, "an enlarged picture of this size", shape)?;
    let grid = Grid::new(&env.device_info, upscaler, [image.height, image.width])?;
    Ok(Outputs::one(upscaled(upscaler, &image, &grid, cx).await?))
}

/// Pictures of three channels, enlarged tile by tile.
async fn upscaled(
    upscaler: &Upscaler,
    image: &Image,
    grid: &Grid,
    cx: &Context<'_>,
) -> Result<Image> {
    let (scale, whole) = (upscaler.scale(), grid.whole);
    let steps = (image.batch * grid.tiles.len()) as u64;
    let [height, width] = whole.map(|side| side * scale);
    let size = [image.height, image.width].map(|side| side * scale);
    let mut all = Vec::with_capacity(image.batch * size[0] * size[1] * 3);
    for (b, picture) in mirrored_to(image, whole).pictures().enumerate() {
        let mut blend = Blend::new([height, width, 3]);
        for (i, tile) in grid.tiles.iter().enumerate() {
            let seen = tile.interleaved(3).rows(picture, whole[1] * 3).copied().collect();
            let kept = tile.inner(grid.margin, whole);
            let pixels = enlarge(upscaler, seen, *tile, kept, cx).await?;
            blend.add(kept.scaled(scale), grid.fade * scale, &pixels);
            cx.progress((b * grid.tiles.len() + i + 1) as u64, steps);
        }
        let mut data = blend.finish();
        if data.iter().any(|v| !v.is_finite()) {
            return Err(Error::new(ErrorKind::NotFinite { input: "enlarged picture" })
                .hint("the upscaler's file is damaged: download it again"));
        }
        data.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
        all.extend(crop(&Image::new([1, height, width, 3], data)?, [0, 0], size).data);
    }
    Image::new([image.batch, size[0], size[1], 3], all)
}

/// The part `kept` of the picture, enlarged, of what is `seen` in a tile: `[height, width, 3]`.
async fn enlarge(
    upscaler: &Upscaler,
    seen: Vec<f32>,
    tile: Tile,
    kept: Tile,
    cx: &Context<'_>,
) -> Result<Vec<f32>> {
    cx.checkpoint().await?;
    let seen = TensorData::new(seen, [1, tile.height, tile.width, 3]);
    let x = Tensor::<4>::from_data(seen, upscaler.device()).permute([0, 3, 1, 2]);
    let y = upscaler.forward(x, async || cx.checkpoint().await).await?;
    let Tile { y: top, x: left, height, width } =
        Tile { y: kept.y - tile.y, x: kept.x - tile.x, ..kept }.scaled(upscaler.scale());
    let y = y.narrow(2, top, height).narrow(3, left, width);
    device::read(y.permute([0, 2, 3, 1])).await
}

/// Sides of a tile in pixels of the small picture: ComfyUI's, halved as often as it halves them.
const SIDES: [usize; 3] = [512, 256, 128];
/// Pixels that neighbouring tiles share at least: ComfyUI's.
const OVERLAP: usize = 32;
/// Pixels at least over which neighbouring tiles fade into each other.
const FADE: usize = 8;
/// Pixels at most that are cut off a tile where it lacks what lies beyond. A compact network sees 18; one of 23
/// blocks sees 350, of which those after 64 changed no pixel by more than 0.2 of 1/255.
const MARGIN: usize = 64;

/// The tiles of a picture.
#[derive(Debug)]
struct Grid {
    /// `[height, width]` of the picture with what the network wants beside it.
    whole: [usize; 2],
    tiles: Vec<Tile>,
    /// Pixels that are cut off a tile at each edge inside the picture: there it lacked what lies beyond.
    margin: usize,
    /// Pixels over which what is left of neighbouring tiles fades.
    fade: usize,
}

impl Grid {
    /// The largest tiles that fit the device. ComfyUI halves its tiles when memory has run out; a GPU that ran
    /// out is lost (see [`device`]), so it is worked out before.
    fn new(device: &DeviceInfo, upscaler: &Upscaler, size: [usize; 2]) -> Result<Self> {
        let fits = |side: usize| {
            let tile = upscaler.whole(size).map(|length| length.min(side));
            limits::check_upscaler(device, upscaler, tile).map(|()| side)
        };
        let [large, middle, small] = SIDES;
        let side = fits(large).or_else(|_| fits(middle)).or_else(|_| fits(small))?;
        Ok(Self::of(side, upscaler, size))
    }

    /// The tiles of this side.
    fn of(side: usize, upscaler: &Upscaler, size: [usize; 2]) -> Self {
        let multiple = upscaler.multiple();
        let whole = upscaler.whole(size);
        let margin = upscaler.context().min(MARGIN).min(side / 4);
        // Tiles begin at multiples: sides are such, and so is the way from one to the next.
        let overlap = (2 * margin + FADE).max(OVERLAP).next_multiple_of(multiple);
        Self { whole, tiles: tiles(whole, side, overlap), margin, fade: overlap - 2 * margin }
    }
}

#[cfg(test)]
mod tests {
    use pollster::block_on;

    use super::*;
    use crate::nodes::testing::{environment, environment_at, run_in};

    const BUNDLED: &str = "realesr-animevideov3-x4.safetensors";

    fn loaded(env: &Environment, name: &str) -> Rc<UpscaleModel> {
        let outputs = run_in(env, &UPSCALE_MODEL_LOADER, Inputs::new().with("model_name", name));
        let value = outputs.unwrap().values.remove(0);
        Inputs::new().with("model", value).object("model").unwrap()
    }

    fn tiny() -> Environment {
        environment_at(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/upscalers")).unwrap()
    }

    /// Stripes, slopes and dots, the second picture as in a mirror.
    fn pictures(height: usize, width: usize) -> Image {
        let pixel = |i: usize| {
            let (b, y, x) = (i / (height * width), i / width % height, i % width);
            let x = if b == 0 { x } else { width - 1 - x };
            let stripe = if (x / 5 + y / 7) % 2 == 0 { 0.9 } else { 0.2 };
            [stripe, x as f32 / width as f32, (y * y % 11) as f32 / 10.0]
        };
        let data = (0..2 * height * width).flat_map(pixel).collect();
        Image::new([2, height, width, 3], data).unwrap()
    }

    fn worst(ours: &Image, whole: &Image) -> f32 {
        assert_eq!(ours.shape(), whole.shape());
        ours.data.iter().zip(&whole.data).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn tiles_are_halved_until_they_fit() {
        let mut env = environment().unwrap();
        let model = loaded(&env, BUNDLED);
        let mut side = |max_buffer_bytes| {
            env.device_info.max_buffer_bytes = max_buffer_bytes;
            let grid = Grid::new(&env.device_info, &model.upscaler, [700, 600])?;
            Ok::<_, Error>(grid.tiles[0].width)
        };
        // 64 channels of four bytes.
        let needs = |side: u64| 256 * side * side;
        assert_eq!(side(needs(512)).unwrap(), 512);
        assert_eq!(side(needs(512) - 1).unwrap(), 256);
        assert_eq!(side(needs(256) - 1).unwrap(), 128);
        let error = side(needs(128) - 1).unwrap_err();
        assert_eq!(error.kind().code(), "too_large");
        assert!(error.fix().unwrap().contains("CPU"), "{error}");
    }

    #[test]
    fn tiles_of_a_compact_network_agree_with_the_whole() {
        let mut env = environment().unwrap();
        let model = loaded(&env, BUNDLED);
        let image = pictures(40, 212).part(0, 1);
        let mut upscale = |max_buffer_bytes| {
            env.device_info.max_buffer_bytes = max_buffer_bytes;
            let inputs = Inputs::new().with("image", image.clone());
            let inputs =
                inputs.with("upscale_model", Value::object(UPSCALE_MODEL, 0, (*model).clone()));
            let outputs = run_in(&env, &IMAGE_UPSCALE_WITH_MODEL, inputs).unwrap();
            let output = Inputs::new().with("image", outputs.values[0].clone());
            output.object::<Image>("image").unwrap()
        };
        let whole = upscale(1 << 30);
        assert_eq!(whole.shape(), [1, 160, 848, 3]);
        // Too little for all of it, enough for 40 × 128 pixels and for the picture made.
        let tiled = upscale(256 * 40 * 200);
        assert!(worst(&tiled, &whole) < 1e-4, "{}", worst(&tiled, &whole));
    }

    #[test]
    fn tiles_of_an_esrgan_agree_with_the_whole() {
        let env = tiny();
        for name in ["esrgan_old_x2.safetensors", "esrgan_squares_x2.safetensors"] {
            let model = loaded(&env, name);
            let image = pictures(33, 230);
            let upscale = |grid: &Grid| {
                let run =
                    async |cx: &Context<'_>| upscaled(&model.upscaler, &image, grid, cx).await;
                crate::nodes::testing::with_context(&env, |cx| block_on(run(cx))).unwrap()
            };
            let size = [image.height, image.width];
            let whole = upscale(&Grid::new(&env.device_info, &model.upscaler, size).unwrap());
            assert_eq!(whole.shape(), [2, 66, 460, 3]);
            let grid = Grid::of(128, &model.upscaler, size);
            assert!(grid.tiles.len() > 1);
            let tiled = upscale(&grid);
            assert!(worst(&tiled, &whole) < 1.0 / 255.0, "{name}: {}", worst(&tiled, &whole));
            // Tiles that are faded but not cut do not agree: the picture is one that tells.
            let tiled = upscale(&Grid { margin: 0, fade: 0, ..grid });
            assert!(worst(&tiled, &whole) > 1.0 / 255.0, "{name}: {}", worst(&tiled, &whole));
        }
    }
}
