//! Nodes that make, change and combine masks.

use super::{Environment, limits};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Context, Function, Input, Inputs, Kind, Node, Output, Outputs, Schema};
use crate::image::mask::dilated;
use crate::image::{Image, Mask};

/// The classes of this family, in menu order.
pub(super) const NODES: &[&dyn Node] = &[
    &SOLID_MASK,
    &INVERT_MASK,
    &CROP_MASK,
    &MASK_COMPOSITE,
    &FEATHER_MASK,
    &GROW_MASK,
    &THRESHOLD_MASK,
    &MASK_TO_IMAGE,
    &IMAGE_TO_MASK,
    &IMAGE_COLOR_TO_MASK,
];

const MASK: &[Output] = &[Output::new(Kind::MASK)];

const SOLID_MASK: Function = Function::new(
    &Schema::new("SolidMask", "Solid Mask", "mask")
        .doc("Makes a mask that is the same everywhere.")
        .inputs(&[
            Input::float("value", 1.0, 0.0..=1.0, 0.01)
                .doc("How much may change: 1 is all, 0 is nothing."),
            Input::int("width", 512, 1..=16384).doc("Width in pixels."),
            Input::int("height", 512, 1..=16384).doc("Height in pixels."),
        ])
        .outputs(MASK),
    |inputs, cx| {
        let (height, width) = (inputs.int::<usize>("height")?, inputs.int::<usize>("width")?);
        check(cx, "a mask of this size", &[height, width])?;
        let data = vec![inputs.float("value")? as f32; height * width];
        Ok(Outputs::one(Mask { batch: 1, height, width, data }))
    },
);

const INVERT_MASK: Function = Function::new(
    &Schema::new("InvertMask", "Invert Mask", "mask")
        .doc("Swaps what may change and what may not.")
        .inputs(&[Input::link("mask", Kind::MASK).doc("The mask.")])
        .outputs(MASK),
    |inputs, _| Ok(Outputs::one(inputs.object::<Mask>("mask")?.map(|v| 1.0 - v))),
);

const CROP_MASK: Function = Function::new(
    &Schema::new("CropMask", "Crop Mask", "mask")
        .doc("Cuts a rectangle out of a mask; what lies outside the mask is left away.")
        .inputs(&[
            Input::link("mask", Kind::MASK).doc("The mask."),
            Input::int("x", 0, 0..=16384).doc("Left edge in pixels."),
            Input::int("y", 0, 0..=16384).doc("Top edge in pixels."),
            Input::int("width", 512, 1..=16384).doc("Width in pixels."),
            Input::int("height", 512, 1..=16384).doc("Height in pixels."),
        ])
        .outputs(MASK),
    |inputs, _| {
        let mask = inputs.object::<Mask>("mask")?;
        let corner = [inputs.int("x")?, inputs.int("y")?];
        match mask.cropped(corner, [inputs.int("width")?, inputs.int("height")?]) {
            Some(part) => Ok(Outputs::one(part)),
            None => Err(Error::new(ErrorKind::Mismatch {
                what: "corner of the part",
                expected: format!("x below {} and y below {}", mask.width, mask.height),
                got: format!("x {} and y {}", corner[0], corner[1]),
            })
            .hint("use a smaller x or y")),
        }
    },
);

const MASK_COMPOSITE: Function = Function::new(
    &Schema::new("MaskComposite", "Combine Masks", "mask")
        .doc("Lays one mask on another.")
        .inputs(&[
            Input::link("destination", Kind::MASK).doc("The mask below, whose size is kept."),
            Input::link("source", Kind::MASK).doc("The mask on top."),
            Input::int("x", 0, 0..=16384).doc("Where its left edge comes, in pixels."),
            Input::int("y", 0, 0..=16384).doc("Where its top edge comes, in pixels."),
            Input::combo("operation", &["multiply", "add", "subtract", "and", "or", "xor"]).doc(
                "What is done where both are. The last three take values above a half for white.",
            ),
        ])
        .outputs(MASK),
    |inputs, cx| {
        let (destination, source) =
            (inputs.object::<Mask>("destination")?, inputs.object::<Mask>("source")?);
        let batch = destination.batch.max(source.batch);
        check(cx, "these masks together", &[batch, destination.height, destination.width])?;
        let corner = [inputs.int("x")?, inputs.int("y")?];
        let operation = operation(inputs.string("operation")?)?;
        Ok(Outputs::one(destination.composited(&source, corner, operation)))
    },
);

fn operation(name: &str) -> Result<fn(f32, f32) -> f32> {
    /// Half is rounded to even, as torch does: it is black.
    fn white(v: f32) -> bool {
        v > 0.5
    }
    Ok(match name {
        "multiply" => |a, b| a * b,
        "add" => |a, b| a + b,
        "subtract" => |a, b| a - b,
        "and" => |a, b| f32::from(white(a) && white(b)),
        "or" => |a, b| f32::from(white(a) || white(b)),
        "xor" => |a, b| f32::from(white(a) != white(b)),
        _ => return Err(unknown("operation", name)),
    })
}

const FEATHER_MASK: Function = Function::new(
    &Schema::new("FeatherMask", "Feather Mask", "mask")
        .doc("Fades a mask out towards its edges.")
        .inputs(&[
            Input::link("mask", Kind::MASK).doc("The mask."),
            Input::int("left", 0, 0..=16384).doc("Width of the fade at the left, in pixels."),
            Input::int("top", 0, 0..=16384).doc("Height of the fade at the top, in pixels."),
            Input::int("right", 0, 0..=16384).doc("Width of the fade at the right, in pixels."),
            Input::int("bottom", 0, 0..=16384).doc("Height of the fade at the bottom, in pixels."),
        ])
        .outputs(MASK),
    |inputs, _| {
        let mask = inputs.object::<Mask>("mask")?;
        let (left, top) = (inputs.int("left")?, inputs.int("top")?);
        Ok(Outputs::one(mask.feathered([left, top, inputs.int("right")?, inputs.int("bottom")?])))
    },
);

/// A mask with its white grown or shrunk.
const GROW_MASK: Function = Function::waiting(
    &Schema::new("GrowMask", "Grow Mask", "mask")
        .doc("Grows the white of a mask, or shrinks it.")
        .inputs(&[
            Input::link("mask", Kind::MASK).doc("The mask."),
            Input::int("expand", 0, -16384..=16384).doc("By how many pixels; below 0 it shrinks."),
            Input::boolean("tapered_corners", true)
                .doc("Whether corners become slanted rather than square."),
        ])
        .outputs(MASK),
    |inputs, cx| Box::pin(grow_mask(inputs, cx)),
);

async fn grow_mask(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let mask = inputs.object::<Mask>("mask")?;
    let expand: i32 = inputs.int("expand")?;
    let corners = !inputs.boolean("tapered_corners")?;
    // Shrinking is growing of the negative.
    let sign = if expand < 0 { -1.0 } else { 1.0 };
    let mut out = mask.map(|v| v * sign);
    for plane in out.data.chunks_mut(mask.height * mask.width) {
        for _ in 0..expand.unsigned_abs() {
            cx.checkpoint().await?;
            let grown = dilated(plane, mask.width, corners);
            if grown == plane {
                break;
            }
            plane.copy_from_slice(&grown);
        }
    }
    Ok(Outputs::one(out.map(|v| v * sign)))
}

const THRESHOLD_MASK: Function = Function::new(
    &Schema::new("ThresholdMask", "Threshold Mask", "mask")
        .doc("Makes a mask black and white.")
        .inputs(&[
            Input::link("mask", Kind::MASK).doc("The mask."),
            Input::float("value", 0.5, 0.0..=1.0, 0.01).doc("What is above it becomes white."),
        ])
        .outputs(MASK),
    |inputs, _| {
        let value = inputs.float("value")? as f32;
        Ok(Outputs::one(inputs.object::<Mask>("mask")?.map(|v| f32::from(v > value))))
    },
);

const MASK_TO_IMAGE: Function = Function::new(
    &Schema::new("MaskToImage", "Convert Mask to Image", "mask")
        .doc("Makes a grey picture of a mask.")
        .inputs(&[Input::link("mask", Kind::MASK).doc("The mask.")])
        .outputs(&[Output::new(Kind::IMAGE)]),
    |inputs, cx| Ok(Outputs::one(grey(&*inputs.object::<Mask>("mask")?, cx)?)),
);

/// A picture that shows a mask.
pub(super) fn grey(mask: &Mask, cx: &Context<'_>) -> Result<Image> {
    check(cx, "a picture of this mask", &[mask.data.len(), 3])?;
    let data = mask.data.iter().flat_map(|v| [*v; 3]).collect();
    Image::new([mask.batch, mask.height, mask.width, 3], data)
}

const IMAGE_TO_MASK: Function = Function::new(
    &Schema::new("ImageToMask", "Convert Image to Mask", "mask")
        .doc("Takes one colour of a picture as a mask.")
        .inputs(&[
            Input::link("image", Kind::IMAGE).doc("The picture."),
            Input::combo("channel", &["red", "green", "blue", "alpha"])
                .doc("The colour; alpha is the opacity."),
        ])
        .outputs(MASK),
    |inputs, _| {
        let image = inputs.object::<Image>("image")?;
        let name = inputs.string("channel")?;
        let channel = ["red", "green", "blue", "alpha"].iter().position(|known| *known == name);
        let channel = channel.ok_or_else(|| unknown("channel", name))?;
        if channel >= image.channels {
            return Err(Error::new(ErrorKind::Mismatch {
                what: "channels of the picture",
                expected: "4, for its opacity".into(),
                got: image.channels.to_string(),
            })
            .hint(
                "choose red, green or blue, or take the mask of the node that loads the picture",
            ));
        }
        Ok(Outputs::one(mask_of(&image, |pixel| pixel[channel])))
    },
);

const IMAGE_COLOR_TO_MASK: Function = Function::new(
    &Schema::new("ImageColorToMask", "Image Color to Mask", "mask")
        .doc("Makes a mask that is white where a picture has exactly one colour.")
        .inputs(&[
            Input::link("image", Kind::IMAGE).doc("The picture."),
            Input::int("color", 0, 0..=0xff_ffff)
                .doc("The colour: red · 65536 + green · 256 + blue."),
        ])
        .outputs(MASK),
    |inputs, _| {
        let color: u32 = inputs.int("color")?;
        let byte = |v: &f32| (v.clamp(0.0, 1.0) * 255.0).round_ties_even() as u32;
        Ok(Outputs::one(mask_of(&*inputs.object::<Image>("image")?, |pixel| {
            let is = pixel[..3].iter().fold(0, |sum, v| sum << 8 | byte(v));
            f32::from(is == color)
        })))
    },
);

fn mask_of(image: &Image, value: impl Fn(&[f32]) -> f32) -> Mask {
    let data = image.data.chunks(image.channels).map(value).collect();
    Mask { batch: image.batch, height: image.height, width: image.width, data }
}

fn check(cx: &Context<'_>, what: &str, sides: &[usize]) -> Result<()> {
    let numbers = sides.iter().fold(1_u64, |all, side| all.saturating_mul(*side as u64));
    limits::check_host(&cx.env::<Environment>().device_info, what, numbers)
}

fn unknown(what: &'static str, got: &str) -> Error {
    ErrorKind::UnknownName { what, got: got.to_owned() }.into()
}

#[cfg(test)]
mod tests;
