//! Style transfer: loading a network, and repainting pictures with it.

use std::rc::Rc;

use burn::tensor::{Tensor, TensorData};

use super::folders::model_path;
use super::values::{STYLE_TRANSFER_MODEL, StyleTransferModel};
use super::{Environment, limits, loaders};
use crate::device;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Context, Function, Input, Inputs, Kind, Node, Output, Outputs, Schema, Value};
use crate::image::Image;
use crate::image::layout::{crop, mirrored_to};
use crate::models::Stylizer;

/// The classes of this family, in menu order.
pub(super) const NODES: &[&dyn Node] = &[&STYLE_TRANSFER_MODEL_LOADER, &IMAGE_STYLE_TRANSFER];

const STYLE_TRANSFER_MODEL_LOADER: Function = Function::waiting(
    &Schema::new("StyleTransferModelLoader", "Load Style Transfer Model", "loaders")
        .doc("Loads a small network that repaints pictures in the manner of paintings. This node is Tintype's own.")
        .inputs(&[Input::folder("model_name", "style_transfer")
            .doc("The file's name in the folder `style_transfer`.")])
        .outputs(&[Output::new(STYLE_TRANSFER_MODEL)]),
    |inputs, cx| Box::pin(style_transfer_model_loader(inputs, cx)),
);

async fn style_transfer_model_loader(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let path = model_path(cx.env(), "style_transfer", inputs.string("model_name")?)?;
    let (weights, bytes) = loaders::load_weights(cx, &path).await?;
    let stylizer = Rc::new(Stylizer::load(weights)?);
    let model = StyleTransferModel { stylizer };
    Ok(Outputs::one(Value::object(STYLE_TRANSFER_MODEL, bytes, model)))
}

const IMAGE_STYLE_TRANSFER: Function = Function::waiting(
    &Schema::new("ImageStyleTransfer", "Transfer Style", "image/style")
        .doc("Repaints pictures in one of the styles that a network learned, or between two of them. This node is Tintype's own.")
        .inputs(&[
            Input::link("style_model", STYLE_TRANSFER_MODEL).doc("The network."),
            Input::link("image", Kind::IMAGE).doc("The pictures; their opacity is dropped."),
            Input::int("style", 1, 1..=256).doc("Number of the style."),
            Input::int("second_style", 2, 1..=256).doc("Number of another style."),
            Input::float("mix", 0.0, 0.0..=1.0, 0.01)
                .doc("How far from the first style to the second: at 0 only the first counts, at 1 only the second."),
            Input::float("strength", 1.0, 0.0..=1.0, 0.01)
                .doc("How far from the picture as it is to the repainted one."),
        ])
        .outputs(&[Output::new(Kind::IMAGE)]),
    |inputs, cx| Box::pin(image_style_transfer(inputs, cx)),
);

/// A side at least, in pixels: below that there is nothing to mirror at the edges of the smallest maps.
const SMALLEST: usize = 32;

async fn image_style_transfer(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let stylizer = &inputs.object::<StyleTransferModel>("style_model")?.stylizer;
    let image = inputs.object::<Image>("image")?.with_channels(3);
    let (mix, strength) = (inputs.float("mix")? as f32, inputs.float("strength")? as f32);
    let mut mixture = vec![0.0; stylizer.styles()];
    for (name, share) in [("style", 1.0 - mix), ("second_style", mix)] {
        let style: usize = inputs.int(name)?;
        // A style that does not count need not be there.
        match mixture.get_mut(style.wrapping_sub(1)) {
            Some(counted) => *counted += share,
            None if share == 0.0 => {}
            None => {
                let (got, max) = (style as f64, stylizer.styles() as f64);
                return Err(ErrorKind::ValueOutOfRange { input: name, got, min: 1.0, max }.into());
            }
        }
    }
    let size = [image.height, image.width];
    if size.iter().any(|side| *side < SMALLEST) {
        return Err(Error::new(ErrorKind::Mismatch {
            what: "sides of the picture",
            expected: format!("{SMALLEST} pixels at least"),
            got: format!("{} × {}", image.width, image.height),
        })
        .hint("enlarge it before"));
    }
    let whole = size.map(|side| side.next_multiple_of(stylizer.multiple()));
    let env: &Environment = cx.env();
    env.make_room().await?;
    limits::check_host(
        &env.device_info,
        "repainting a picture of this size",
        stylizer.largest_map(whole),
    )?;
    let mut all = Vec::with_capacity(image.data.len());
    for (i, picture) in mirrored_to(&image, whole).pictures().enumerate() {
        cx.checkpoint().await?;
        let data = TensorData::new(picture.to_vec(), [1, whole[0], whole[1], 3]);
        let x = Tensor::<4>::from_data(data, stylizer.device()).permute([0, 3, 1, 2]);
        let y = stylizer.forward(x, mixture.clone());
        let mut data = device::read(y.permute([0, 2, 3, 1])).await?;
        if data.iter().any(|v| !v.is_finite()) {
            return Err(Error::new(ErrorKind::NotFinite { input: "repainted picture" })
                .hint("the network's file is damaged: download it again"));
        }
        data.iter_mut().zip(picture).for_each(|(v, before)| *v = before + (*v - before) * strength);
        all.extend(crop(&Image::new([1, whole[0], whole[1], 3], data)?, [0, 0], size).data);
        cx.progress(i as u64 + 1, image.batch as u64);
    }
    Ok(Outputs::one(Image::new([image.batch, size[0], size[1], 3], all)?))
}
