//! Nodes that load, save and show pictures.

use futures_util::future::LocalBoxFuture;
use serde_json::{Value as Json, json};

use super::super::latent::file_hash;
use super::super::{Environment, naming};
use crate::error::Result;
use crate::graph::event::{File, Place};
use crate::graph::{Context, Input, Inputs, Kind, Node, Output, Outputs, Schema};
use crate::image::metadata::ascii_json;
use crate::image::{Image, codec};

/// The classes of this family, in menu order.
pub(in crate::nodes) const NODES: &[&dyn Node] = &[&LoadImage, &SaveImage, &PreviewImage];

/// A file → the picture in it, and where it is transparent.
struct LoadImage;

const LOAD_IMAGE: Schema = Schema::new("LoadImage", "Load Image", "image")
    .doc("Loads a picture. What is transparent in it becomes the mask.")
    .inputs(&[Input::folder("image", "input")
        .image_upload()
        .doc("The file, added to the inputs before.")])
    .outputs(&[Output::new(Kind::IMAGE), Output::new(Kind::MASK)]);

impl Node for LoadImage {
    fn schema(&self) -> &'static Schema {
        &LOAD_IMAGE
    }

    fn fingerprint<'a>(
        &'a self,
        inputs: &'a Inputs,
        cx: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Option<String>>> {
        Box::pin(async move { file_hash(cx.env(), inputs.string("image")?).map(Some) })
    }

    fn run<'a>(
        &'a self,
        inputs: Inputs,
        cx: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Outputs>> {
        Box::pin(async move {
            let name = inputs.string("image")?;
            let (image, mask) = codec::decode(name, &cx.env::<Environment>().input(name)?)?;
            Ok(Outputs::new(vec![image.into(), mask.into()]))
        })
    }
}

/// Pictures → PNG files to keep.
struct SaveImage;

const SAVE_IMAGE: Schema = Schema::new("SaveImage", "Save Image", "image")
    .doc("Saves pictures as PNG files that carry the graph they were made with.")
    .inputs(&[
        Input::link("images", Kind::IMAGE).doc("The pictures."),
        Input::string("filename_prefix")
            .or("ComfyUI")
            .doc("Start of the files' names; a / makes a folder."),
    ])
    .output_node();

impl Node for SaveImage {
    fn schema(&self) -> &'static Schema {
        &SAVE_IMAGE
    }

    fn run<'a>(
        &'a self,
        inputs: Inputs,
        cx: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Outputs>> {
        Box::pin(async move {
            let image = inputs.object::<Image>("images")?;
            write_pngs(&image, inputs.string("filename_prefix")?, Place::Output, cx).await
        })
    }
}

/// Pictures → PNG files to look at.
struct PreviewImage;

const PREVIEW_IMAGE: Schema = Schema::new("PreviewImage", "Preview Image", "image")
    .doc("Shows pictures without keeping them.")
    .inputs(&[Input::link("images", Kind::IMAGE).doc("The pictures.")])
    .output_node();

impl Node for PreviewImage {
    fn schema(&self) -> &'static Schema {
        &PREVIEW_IMAGE
    }

    fn run<'a>(
        &'a self,
        inputs: Inputs,
        cx: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Outputs>> {
        Box::pin(async move {
            let image = inputs.object::<Image>("images")?;
            write_pngs(&image, "ComfyUI_temp", Place::Temp, cx).await
        })
    }
}

/// Writes each picture of the batch with the graph inside, and hands it over at once: what is made is not
/// lost if a later one fails.
async fn write_pngs(
    image: &Image,
    prefix: &str,
    place: Place,
    cx: &Context<'_>,
) -> Result<Outputs> {
    let mut texts = vec![("prompt".to_owned(), ascii_json(&cx.prompt().to_string()))];
    for (key, value) in cx.extra_pnginfo().and_then(Json::as_object).into_iter().flatten() {
        texts.push((key.clone(), ascii_json(&value.to_string())));
    }
    let size = [image.width, image.height];
    let (subfolder, stem) = naming::resolve(prefix, size, cx.now_millis());
    let mut shown = Vec::new();
    for index in 0..image.batch {
        cx.checkpoint().await?;
        let stem = stem.replace("%batch_num%", &index.to_string());
        let filename = naming::next_file(cx.env(), &subfolder, &stem, "png");
        let bytes = codec::encode_png(image, index, &texts)?;
        let kind = if place == Place::Output { "output" } else { "temp" };
        shown.push(json!({ "filename": filename, "subfolder": subfolder, "type": kind }));
        let mime = "image/png".to_owned();
        cx.file(File { filename, subfolder: subfolder.clone(), place, mime, bytes });
    }
    Ok(Outputs::ui(json!({ "images": shown })))
}
