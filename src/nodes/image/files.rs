//! Nodes that load, save and show pictures.

use serde_json::{Value as Json, json};

use super::super::latent::file_hash;
use super::super::mask::grey;
use super::super::{Environment, naming};
use super::advanced::SAVE_IMAGE_ADVANCED;
use crate::error::{ErrorKind, Result};
use crate::graph::event::{File, Place};
use crate::graph::{Context, Function, Input, Inputs, Kind, Node, Output, Outputs, Schema};
use crate::image::metadata::ascii_json;
use crate::image::{Image, Mask, codec};

/// The classes of this family, in menu order.
pub(in crate::nodes) const NODES: &[&dyn Node] = &[
    &LOAD_IMAGE,
    &LOAD_IMAGE_MASK,
    &SAVE_IMAGE,
    &SAVE_IMAGE_ADVANCED,
    &PREVIEW_IMAGE,
    &MASK_PREVIEW,
    &SAVE_ANIMATED_WEBP,
    &SAVE_ANIMATED_PNG,
];

/// A file → the picture in it, and where it is transparent.
const LOAD_IMAGE: Function = Function::waiting(
    &Schema::new("LoadImage", "Load Image", "image")
        .doc("Loads a picture. What is transparent in it becomes the mask.")
        .inputs(&[Input::folder("image", "input")
            .image_upload()
            .doc("The file, added to the inputs before.")])
        .outputs(&[Output::new(Kind::IMAGE), Output::new(Kind::MASK)]),
    |inputs, cx| Box::pin(load_image(inputs, cx)),
)
.fingerprinted_by(|inputs, cx| file_hash(cx.env(), inputs.string("image")?).map(Some));

async fn load_image(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let (image, mask) = load(&inputs, cx)?;
    Ok(Outputs::new(vec![image.into(), mask.into()]))
}

fn load(inputs: &Inputs, cx: &Context<'_>) -> Result<(Image, Mask)> {
    let name = inputs.string("image")?;
    codec::decode(name, &cx.env::<Environment>().input(name)?)
}

const CHANNELS: &[&str] = &["alpha", "red", "green", "blue"];

/// A file → one channel of the picture in it.
const LOAD_IMAGE_MASK: Function = Function::waiting(
    &Schema::new("LoadImageMask", "Load Image (as Mask)", "mask")
        .doc("Loads one colour of a picture, or where it is transparent, as a mask.")
        .inputs(&[
            Input::folder("image", "input")
                .image_upload()
                .doc("The file, added to the inputs before; of an animation the first picture."),
            Input::combo("channel", CHANNELS)
                .doc("The colour that becomes white; alpha makes white what is transparent."),
        ])
        .outputs(&[Output::new(Kind::MASK)]),
    |inputs, cx| Box::pin(load_image_mask(inputs, cx)),
)
.fingerprinted_by(|inputs, cx| file_hash(cx.env(), inputs.string("image")?).map(Some));

async fn load_image_mask(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let name = inputs.string("channel")?;
    let Some(channel) = CHANNELS.iter().position(|known| *known == name) else {
        return Err(ErrorKind::UnknownName { what: "channel", got: name.to_owned() }.into());
    };
    let (image, mask) = load(&inputs, cx)?;
    let (height, width) = (image.height, image.width);
    let first = image.data.chunks(3).take(height * width);
    let data = match channel {
        0 if [mask.height, mask.width] == [height, width] => mask.data[..height * width].to_vec(),
        // Nothing is transparent.
        0 => vec![0.0; height * width],
        _ => first.map(|pixel| pixel[channel - 1]).collect(),
    };
    Ok(Outputs::one(Mask { batch: 1, height, width, data }))
}

pub(super) const IMAGES: Input = Input::link("images", Kind::IMAGE).doc("The pictures.");

pub(super) const PREFIX: Input = Input::string("filename_prefix").or("ComfyUI").doc(
    "Start of the file's name; a / makes a folder. %width%, %date:yyyy-MM-dd% or %KSampler.seed% are filled in.",
);

const FPS: Input =
    Input::float("fps", 6.0, 0.01..=1000.0, 0.01).doc("How many pictures are shown in a second.");

/// Pictures → PNG files to keep.
const SAVE_IMAGE: Function = Function::waiting(
    &Schema::new("SaveImage", "Save Image", "image")
        .doc("Saves pictures as PNG files that carry the graph they were made with.")
        .inputs(&[IMAGES, PREFIX])
        .output_node(),
    |inputs, cx| Box::pin(save_image(inputs, cx)),
);

async fn save_image(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let image = inputs.object::<Image>("images")?;
    write_pngs(&image, inputs.string("filename_prefix")?, Place::Output, cx).await
}

/// Pictures → PNG files to look at.
const PREVIEW_IMAGE: Function = Function::waiting(
    &Schema::new("PreviewImage", "Preview Image", "image")
        .doc("Shows pictures without keeping them.")
        .inputs(&[IMAGES])
        .output_node(),
    |inputs, cx| Box::pin(preview_image(inputs, cx)),
);

async fn preview_image(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let image = inputs.object::<Image>("images")?;
    write_pngs(&image, "ComfyUI_temp", Place::Temp, cx).await
}

/// Masks → PNG files to look at.
const MASK_PREVIEW: Function = Function::waiting(
    &Schema::new("MaskPreview", "Preview Mask", "mask")
        .doc("Shows masks without keeping them.")
        .inputs(&[Input::link("mask", Kind::MASK).doc("The masks.")])
        .output_node(),
    |inputs, cx| Box::pin(mask_preview(inputs, cx)),
);

async fn mask_preview(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let image = grey(&*inputs.object::<Mask>("mask")?, cx)?;
    write_pngs(&image, "ComfyUI_temp", Place::Temp, cx).await
}

/// Said where pixels might have been lost: there is no lossy encoder.
const ONLY_LOSSLESS: &str =
    "the WebP keeps every pixel and so is larger than asked for: `quality` is not used";

const SAVE_ANIMATED_WEBP: Function = Function::new(
    &Schema::new("SaveAnimatedWEBP", "Save Animated WEBP", "image/animation")
        .doc("Saves a batch of pictures as one animated WebP that carries its graph.")
        .inputs(&[
            IMAGES,
            PREFIX,
            FPS,
            Input::boolean("lossless", true)
                .doc("Whether every pixel is kept. For now it always is."),
            Input::int("quality", 80, 0..=100).doc("Counts only where pixels may be lost."),
            Input::combo("method", &["default", "fastest", "slowest"])
                .doc("How hard a file is packed. For now there is one way."),
        ])
        .output_node(),
    |inputs, cx| {
        let (image, fps) = (inputs.object::<Image>("images")?, inputs.float("fps")?);
        if !inputs.boolean("lossless")? {
            cx.notice(ONLY_LOSSLESS);
        }
        let bytes = codec::encode_webp(&image, fps, &texts(cx))?;
        write_animation(&image, inputs.string("filename_prefix")?, "webp", bytes, cx)
    },
);

const SAVE_ANIMATED_PNG: Function = Function::new(
    &Schema::new("SaveAnimatedPNG", "Save Animated PNG", "image/animation")
        .doc("Saves a batch of pictures as one animated PNG that carries its graph.")
        .inputs(&[
            IMAGES,
            PREFIX,
            FPS,
            Input::int("compress_level", 4, 0..=9)
                .doc("How hard the file is packed: 0 is fast and large, 9 slow and small."),
        ])
        .output_node(),
    |inputs, cx| {
        let (image, fps) = (inputs.object::<Image>("images")?, inputs.float("fps")?);
        let level = inputs.int("compress_level")?;
        let bytes = codec::encode_apng(&image, fps, level, &texts(cx))?;
        write_animation(&image, inputs.string("filename_prefix")?, "png", bytes, cx)
    },
);

/// The graph, as texts for a file.
pub(super) fn texts(cx: &Context<'_>) -> Vec<(String, String)> {
    let mut texts = vec![("prompt".to_owned(), ascii_json(&cx.prompt().to_string()))];
    for (key, value) in cx.extra_pnginfo().and_then(Json::as_object).into_iter().flatten() {
        texts.push((key.clone(), ascii_json(&value.to_string())));
    }
    texts
}

pub(in crate::nodes) async fn write_pngs(
    image: &Image,
    prefix: &str,
    place: Place,
    cx: &Context<'_>,
) -> Result<Outputs> {
    let texts = texts(cx);
    write_each(image, prefix, ("png", place), cx, &|i| codec::encode_png(image, i, &texts)).await
}

/// Writes each picture of the batch, and hands it over at once: what is made is not lost if a later one fails.
pub(super) async fn write_each(
    image: &Image,
    prefix: &str,
    (extension, place): (&str, Place),
    cx: &Context<'_>,
    encode: &dyn Fn(usize) -> Result<Vec<u8>>,
) -> Result<Outputs> {
    let (subfolder, stem) = naming::resolve(prefix, [image.width, image.height], cx);
    let mut shown = Vec::new();
    for index in 0..image.batch {
        cx.checkpoint().await?;
        let stem = stem.replace("%batch_num%", &index.to_string());
        shown.push(hand_over(&subfolder, &stem, extension, place, encode(index)?, cx));
    }
    Ok(Outputs::ui(json!({ "images": shown })))
}

fn write_animation(
    image: &Image,
    prefix: &str,
    extension: &str,
    bytes: Vec<u8>,
    cx: &Context<'_>,
) -> Result<Outputs> {
    let (subfolder, stem) = naming::resolve(prefix, [image.width, image.height], cx);
    let stem = stem.replace("%batch_num%", "0");
    let shown = hand_over(&subfolder, &stem, extension, Place::Output, bytes, cx);
    Ok(Outputs::ui(json!({ "images": [shown], "animated": [image.batch > 1] })))
}

/// Hands a file to the host, and gives what a node shows of it.
fn hand_over(
    subfolder: &str,
    stem: &str,
    extension: &str,
    place: Place,
    bytes: Vec<u8>,
    cx: &Context<'_>,
) -> Json {
    let filename = naming::next_file(cx.env(), subfolder, stem, extension);
    let kind = if place == Place::Output { "output" } else { "temp" };
    let shown = json!({ "filename": filename, "subfolder": subfolder, "type": kind });
    let (subfolder, mime) = (subfolder.to_owned(), format!("image/{extension}"));
    cx.file(File { filename, subfolder, place, mime, bytes });
    shown
}
