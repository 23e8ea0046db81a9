//! Nodes that make pictures larger or smaller.

use std::rc::Rc;

use super::{MAX_SIDE, check, chosen, resized};
use crate::error::Result;
use crate::graph::{Branch, Context, Function, Input, Inputs, Kind, Node, Output, Outputs, Schema};
use crate::image::layout::on_canvas;
use crate::image::resample::{Crop, Method};
use crate::image::{Image, Mask};

/// The classes of this family, in menu order.
pub(in crate::nodes) const NODES: &[&dyn Node] = &[
    &IMAGE_SCALE,
    &IMAGE_SCALE_BY,
    &IMAGE_SCALE_TO_TOTAL_PIXELS,
    &IMAGE_SCALE_TO_MAX_DIMENSION,
    &RESIZE_IMAGE_MASK,
    &RESIZE_BY_LONGER_EDGE,
    &RESIZE_BY_SHORTER_EDGE,
    &RESIZE_AND_PAD,
];

const IMAGE: Input = Input::link("image", Kind::IMAGE).doc("The pictures.");
const METHOD: Input = Input::combo("upscale_method", Method::NAMES)
    .doc("How new pixels are made of old ones: lanczos is sharpest, area best for making smaller.");
const CROP: Input = Input::combo("crop", Crop::NAMES)
    .doc("Whether another shape is stretched, or cut at both ends.");
const AREA_FIRST: &[&str] = &["area", "lanczos", "bilinear", "nearest-exact", "bicubic"];
const OUTPUT: &[Output] = &[Output::new(Kind::IMAGE)];

/// A side in whole pixels; halves go to the even number, as Python rounds.
fn side(pixels: f64) -> usize {
    pixels.round_ties_even().max(1.0) as usize
}

/// `[height, width]` of a picture made `factor` times as large.
fn by_factor([height, width]: [usize; 2], factor: f64) -> [usize; 2] {
    [side(height as f64 * factor), side(width as f64 * factor)]
}

/// How much larger a picture of so many million pixels (of 1024² each) is.
fn to_megapixels([height, width]: [usize; 2], megapixels: f64) -> f64 {
    (megapixels * 1024.0 * 1024.0 / (height as f64 * width as f64)).sqrt()
}

/// `[height, width]` of a picture whose longer side becomes `longer`.
fn by_longer([height, width]: [usize; 2], longer: usize) -> [usize; 2] {
    let other = |short: usize, long: usize| side(short as f64 / long as f64 * longer as f64);
    if height > width { [longer, other(width, height)] } else { [other(height, width), longer] }
}

/// `[height, width]` of a picture whose shorter side becomes `shorter`.
fn by_shorter([height, width]: [usize; 2], shorter: usize) -> [usize; 2] {
    let other = |long: usize, short: usize| side(long as f64 / short as f64 * shorter as f64);
    if height < width { [shorter, other(width, height)] } else { [other(height, width), shorter] }
}

/// `[height, width]`, where a side of 0 follows from the other and the shape.
fn with_missing_side(old: [usize; 2], [height, width]: [usize; 2]) -> [usize; 2] {
    let [tall, wide] = old.map(|side| side as f64);
    match (height, width) {
        (0, 0) => old,
        (0, _) => [side(tall * width as f64 / wide), width],
        (_, 0) => [height, side(wide * height as f64 / tall)],
        both => [both.0, both.1],
    }
}

const IMAGE_SCALE: Function = Function::new(
    &Schema::new("ImageScale", "Upscale Image", "image/upscaling")
        .doc("Brings pictures to a size.")
        .inputs(&[
            IMAGE,
            METHOD,
            Input::int("width", 512, 0..=MAX_SIDE).doc("Width in pixels; 0 keeps the shape."),
            Input::int("height", 512, 0..=MAX_SIDE).doc("Height in pixels; 0 keeps the shape."),
            CROP,
        ])
        .outputs(OUTPUT),
    |inputs, cx| {
        let image = inputs.object::<Image>("image")?;
        let wanted = [inputs.int("height")?, inputs.int("width")?];
        if wanted == [0, 0] {
            return Ok(Outputs::one(inputs.value("image")?.clone()));
        }
        let size = with_missing_side([image.height, image.width], wanted);
        let method = chosen(inputs, "upscale_method", Method::from_name)?;
        let crop = chosen(inputs, "crop", Crop::from_name)?;
        Ok(Outputs::one(resized(cx, &image, size, method, crop)?))
    },
);

const IMAGE_SCALE_BY: Function = Function::new(
    &Schema::new("ImageScaleBy", "Upscale Image By", "image/upscaling")
        .doc("Makes pictures so many times as large.")
        .inputs(&[
            IMAGE,
            METHOD,
            Input::float("scale_by", 1.0, 0.01..=8.0, 0.01).doc("How many times as wide and high."),
        ])
        .outputs(OUTPUT),
    |inputs, cx| {
        let image = inputs.object::<Image>("image")?;
        let size = by_factor([image.height, image.width], inputs.float("scale_by")?);
        let method = chosen(inputs, "upscale_method", Method::from_name)?;
        Ok(Outputs::one(resized(cx, &image, size, method, Crop::Disabled)?))
    },
);

const IMAGE_SCALE_TO_TOTAL_PIXELS: Function = Function::new(
    &Schema::new("ImageScaleToTotalPixels", "Scale Image to Total Pixels", "image/upscaling")
        .doc("Brings pictures to a number of pixels, in the shape they have.")
        .inputs(&[
            IMAGE,
            METHOD,
            Input::float("megapixels", 1.0, 0.01..=16.0, 0.01)
                .doc("How many million pixels, of 1024 × 1024 each."),
            Input::int("resolution_steps", 1, 1..=256).doc("What both sides are a multiple of."),
        ])
        .outputs(OUTPUT),
    |inputs, cx| {
        let image = inputs.object::<Image>("image")?;
        let size = [image.height, image.width];
        let factor = to_megapixels(size, inputs.float("megapixels")?);
        let steps = inputs.optional_int("resolution_steps")?.unwrap_or(1_usize).max(1);
        let size = size.map(|length| side(length as f64 * factor / steps as f64) * steps);
        let method = chosen(inputs, "upscale_method", Method::from_name)?;
        Ok(Outputs::one(resized(cx, &image, size, method, Crop::Disabled)?))
    },
);

const IMAGE_SCALE_TO_MAX_DIMENSION: Function = Function::new(
    &Schema::new("ImageScaleToMaxDimension", "Scale Image to Max Dimension", "image/upscaling")
        .doc("Brings the longer side of pictures to a length, in the shape they have.")
        .inputs(&[
            IMAGE,
            Input::combo("upscale_method", AREA_FIRST).doc("How new pixels are made of old ones."),
            Input::int("largest_size", 512, 0..=MAX_SIDE).doc("Length of the longer side."),
        ])
        .outputs(OUTPUT),
    |inputs, cx| {
        let image = inputs.object::<Image>("image")?;
        let size = by_longer([image.height, image.width], inputs.int("largest_size")?);
        let method = chosen(inputs, "upscale_method", Method::from_name)?;
        Ok(Outputs::one(resized(cx, &image, size, method, Crop::Disabled)?))
    },
);

const SIZE: [Input; 2] = [
    Input::int("width", 512, 0..=MAX_SIDE).doc("Width in pixels; 0 keeps the shape."),
    Input::int("height", 512, 0..=MAX_SIDE).doc("Height in pixels; 0 keeps the shape."),
];
const CENTER: Input = Input::combo("crop", Crop::NAMES).or("center").doc(CROP.doc);

const RESIZE_IMAGE_MASK: Function = Function::new(
    &Schema::new("ResizeImageMaskNode", "Resize Image/Mask", "transform")
        .doc("Brings pictures or masks to a size that is told in one of several ways.")
        .inputs(&[
            Input::link("input", Kind::new("IMAGE,MASK")).doc("The pictures or masks."),
            Input::branches(
                "resize_type",
                &[
                    Branch::new("scale dimensions", &[SIZE[0], SIZE[1], CENTER]),
                    Branch::new(
                        "scale by multiplier",
                        &[Input::float("multiplier", 1.0, 0.01..=8.0, 0.01)
                            .doc("How many times as wide and high.")],
                    ),
                    Branch::new(
                        "scale longer dimension",
                        &[Input::int("longer_size", 512, 0..=MAX_SIDE)
                            .doc("Length of the longer side.")],
                    ),
                    Branch::new(
                        "scale shorter dimension",
                        &[Input::int("shorter_size", 512, 0..=MAX_SIDE)
                            .doc("Length of the shorter side.")],
                    ),
                    Branch::new("scale width", &[SIZE[0]]),
                    Branch::new("scale height", &[SIZE[1]]),
                    Branch::new(
                        "scale total pixels",
                        &[Input::float("megapixels", 1.0, 0.01..=16.0, 0.01)
                            .doc("How many million pixels, of 1024 × 1024 each.")],
                    ),
                    Branch::new(
                        "match size",
                        &[
                            Input::link("match", Kind::new("IMAGE,MASK")).doc("What has the size."),
                            CENTER,
                        ],
                    ),
                    Branch::new(
                        "scale to multiple",
                        &[Input::int("multiple", 8, 1..=MAX_SIDE)
                            .doc("What both sides are cut to a multiple of.")],
                    ),
                ],
            )
            .doc("How the size is told."),
            Input::combo("scale_method", Method::NAMES)
                .or("area")
                .doc("How new pixels are made of old ones."),
        ])
        .outputs(&[Output::new(Kind::new("IMAGE,MASK")).named("resized")]),
    |inputs, cx| {
        let method = chosen(inputs, "scale_method", Method::from_name)?;
        if let Some(mask) = inputs.value("input")?.downcast::<Mask>() {
            let (size, crop) = wanted(inputs, [mask.height, mask.width])?;
            check(cx, [mask.batch, size[0], size[1], 1])?;
            return Ok(Outputs::one(mask.resized(size, method, crop)));
        }
        let image = inputs.object::<Image>("input")?;
        let (size, crop) = wanted(inputs, [image.height, image.width])?;
        Ok(Outputs::one(resized(cx, &image, size, method, crop)?))
    },
);

/// `[height, width]` that the chosen way to tell it gives for something of this size.
fn wanted(inputs: &Inputs, old: [usize; 2]) -> Result<([usize; 2], Crop)> {
    let size = match inputs.string("resize_type")? {
        "scale dimensions" => {
            let size = [inputs.int("resize_type.height")?, inputs.int("resize_type.width")?];
            let crop = chosen(inputs, "resize_type.crop", Crop::from_name)?;
            return Ok((with_missing_side(old, size), crop));
        }
        "match size" => {
            let size = match inputs.value("resize_type.match")?.downcast::<Mask>() {
                Some(mask) => [mask.height, mask.width],
                None => {
                    let image = inputs.object::<Image>("resize_type.match")?;
                    [image.height, image.width]
                }
            };
            return Ok((size, chosen(inputs, "resize_type.crop", Crop::from_name)?));
        }
        "scale to multiple" => {
            let of = inputs.int::<usize>("resize_type.multiple")?.max(1);
            return Ok((old.map(|side| (side / of * of).max(of)), Crop::Center));
        }
        "scale by multiplier" => by_factor(old, inputs.float("resize_type.multiplier")?),
        "scale total pixels" => {
            by_factor(old, to_megapixels(old, inputs.float("resize_type.megapixels")?))
        }
        "scale longer dimension" => by_longer(old, inputs.int("resize_type.longer_size")?),
        "scale shorter dimension" => by_shorter(old, inputs.int("resize_type.shorter_size")?),
        "scale width" => with_missing_side(old, [0, inputs.int("resize_type.width")?]),
        "scale height" => with_missing_side(old, [inputs.int("resize_type.height")?, 0]),
        other => {
            let (what, got) = ("resize_type", other.to_owned());
            return Err(crate::error::ErrorKind::UnknownName { what, got }.into());
        }
    };
    Ok((size, Crop::Disabled))
}

const RESIZE_BY_LONGER_EDGE: Function = Function::new(
    &Schema::new("ResizeImagesByLongerEdge", "Resize Images by Longer Edge", "image/transform")
        .doc("Brings the longer side of pictures to a length, by lanczos.")
        .inputs(&[
            Input::link("images", Kind::IMAGE).doc("The pictures."),
            Input::int("longer_edge", 1024, 1..=8192).doc("Length of the longer side."),
        ])
        .outputs(&[Output::new(Kind::IMAGE).named("images")]),
    |inputs, cx| by_edge(inputs, cx, "longer_edge", by_longer),
);

const RESIZE_BY_SHORTER_EDGE: Function = Function::new(
    &Schema::new("ResizeImagesByShorterEdge", "Resize Images by Shorter Edge", "image/transform")
        .doc("Brings the shorter side of pictures to a length, by lanczos.")
        .inputs(&[
            Input::link("images", Kind::IMAGE).doc("The pictures."),
            Input::int("shorter_edge", 512, 1..=8192).doc("Length of the shorter side."),
        ])
        .outputs(&[Output::new(Kind::IMAGE).named("images")]),
    |inputs, cx| by_edge(inputs, cx, "shorter_edge", by_shorter),
);

fn by_edge(
    inputs: &Inputs,
    cx: &Context<'_>,
    edge: &'static str,
    size: fn([usize; 2], usize) -> [usize; 2],
) -> Result<Outputs> {
    let images: Rc<Image> = inputs.object("images")?;
    let size = size([images.height, images.width], inputs.int(edge)?);
    Ok(Outputs::one(resized(cx, &images, size, Method::Lanczos, Crop::Disabled)?))
}

const RESIZE_AND_PAD: Function = Function::new(
    &Schema::new("ResizeAndPadImage", "Resize And Pad Image", "image/transform")
        .doc("Fits pictures whole into a size, with bars where they are too narrow or too flat.")
        .inputs(&[
            IMAGE,
            Input::int("target_width", 512, 1..=MAX_SIDE).doc("Width in pixels."),
            Input::int("target_height", 512, 1..=MAX_SIDE).doc("Height in pixels."),
            Input::combo("padding_color", &["white", "black"]).doc("Colour of the bars."),
            Input::combo(
                "interpolation",
                &["area", "bicubic", "nearest-exact", "bilinear", "lanczos"],
            )
            .doc("How new pixels are made of old ones."),
        ])
        .outputs(OUTPUT),
    |inputs, cx| {
        let image = inputs.object::<Image>("image")?;
        let target: [usize; 2] = [inputs.int("target_height")?, inputs.int("target_width")?];
        check(cx, [image.batch, target[0], target[1], image.channels])?;
        let old = [image.height, image.width];
        let factor = |i: usize| target[i] as f64 / old[i] as f64;
        let factor = factor(0).min(factor(1));
        let inner = [0, 1].map(|i| ((old[i] as f64 * factor) as usize).clamp(1, target[i]));
        let method = chosen(inputs, "interpolation", Method::from_name)?;
        let resized = image.resized(inner, method, Crop::Disabled);
        let corner = [0, 1].map(|i| (target[i] - inner[i]) / 2);
        let white = inputs.string("padding_color")? == "white";
        Ok(Outputs::one(on_canvas(&resized, target, corner, f32::from(u8::from(white)))))
    },
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::testing::{output, run};

    fn picture(batch: usize, height: usize, width: usize) -> Inputs {
        Inputs::new().with("image", Image::filled([batch, height, width, 3], 0.5))
    }

    fn size(node: &Function, inputs: Inputs) -> [usize; 2] {
        let image: Rc<Image> = output(node, inputs);
        [image.height, image.width]
    }

    #[test]
    fn sizes_are_rounded_as_python_rounds() {
        let scale = |width: i64, height: i64| {
            let inputs = picture(1, 5, 10).with("upscale_method", "area").with("crop", "disabled");
            size(&IMAGE_SCALE, inputs.with("width", width).with("height", height))
        };
        assert_eq!(scale(7, 3), [3, 7]);
        // 5 · 3/10 is 1.5 and 5 · 5/10 is 2.5: both become 2.
        assert_eq!(
            [scale(3, 0), scale(5, 0), scale(0, 4), scale(0, 0)],
            [[2, 3], [2, 5], [4, 8], [5, 10]]
        );
        let by = |factor: f64| {
            size(
                &IMAGE_SCALE_BY,
                picture(1, 5, 10).with("upscale_method", "bilinear").with("scale_by", factor),
            )
        };
        assert_eq!([by(0.5), by(1.5), by(0.01)], [[2, 5], [8, 15], [1, 1]]);
        let longest = |height, width| {
            let inputs = picture(1, height, width).with("upscale_method", "lanczos");
            size(&IMAGE_SCALE_TO_MAX_DIMENSION, inputs.with("largest_size", 8_i64))
        };
        assert_eq!([longest(5, 10), longest(10, 5), longest(3, 3)], [[4, 8], [8, 4], [8, 8]]);
        let total = |steps: i64| {
            let inputs = picture(1, 50, 100).with("upscale_method", "nearest-exact");
            let inputs = inputs.with("megapixels", 0.01).with("resolution_steps", steps);
            size(&IMAGE_SCALE_TO_TOTAL_PIXELS, inputs)
        };
        assert_eq!([total(1), total(16)], [[72, 145], [80, 144]]);
    }

    #[test]
    fn edges_get_their_length() {
        let edge = |node: &Function, name, height, width| {
            let image = Image::filled([2, height, width, 3], 0.5);
            size(node, Inputs::new().with("images", image).with(name, 6_i64))
        };
        assert_eq!(edge(&RESIZE_BY_LONGER_EDGE, "longer_edge", 4, 8), [3, 6]);
        assert_eq!(edge(&RESIZE_BY_SHORTER_EDGE, "shorter_edge", 4, 8), [6, 12]);
        assert_eq!(edge(&RESIZE_BY_SHORTER_EDGE, "shorter_edge", 8, 4), [12, 6]);
    }

    #[test]
    fn bars_fill_what_a_picture_leaves() {
        let inputs = picture(2, 2, 4).with("target_width", 4_i64).with("target_height", 5_i64);
        let inputs = inputs.with("padding_color", "white").with("interpolation", "area");
        let image: Rc<Image> = output(&RESIZE_AND_PAD, inputs);
        assert_eq!(image.shape(), [2, 5, 4, 3]);
        let rows: Vec<f32> = image.data.chunks(4 * 3).take(5).map(|row| row[0]).collect();
        assert_eq!(rows, [1.0, 0.5, 0.5, 1.0, 1.0]);
    }

    #[test]
    fn pictures_and_masks_are_resized_in_nine_ways() {
        let inputs = |kind: &'static str| {
            picture(1, 8, 16)
                .with("input", Image::filled([1, 8, 16, 3], 0.5))
                .with("scale_method", "area")
                .with("resize_type", kind)
        };
        let cases: [(&str, Inputs, [usize; 2]); 9] = [
            (
                "dimensions",
                inputs("scale dimensions")
                    .with("resize_type.width", 4_i64)
                    .with("resize_type.height", 4_i64)
                    .with("resize_type.crop", "center"),
                [4, 4],
            ),
            (
                "multiplier",
                inputs("scale by multiplier").with("resize_type.multiplier", 1.5),
                [12, 24],
            ),
            (
                "longer",
                inputs("scale longer dimension").with("resize_type.longer_size", 4_i64),
                [2, 4],
            ),
            (
                "shorter",
                inputs("scale shorter dimension").with("resize_type.shorter_size", 4_i64),
                [4, 8],
            ),
            ("width", inputs("scale width").with("resize_type.width", 4_i64), [2, 4]),
            ("height", inputs("scale height").with("resize_type.height", 4_i64), [4, 8]),
            (
                "pixels",
                inputs("scale total pixels").with("resize_type.megapixels", 0.01),
                [72, 145],
            ),
            (
                "match",
                inputs("match size")
                    .with("resize_type.crop", "disabled")
                    .with("resize_type.match", Image::filled([1, 3, 5, 3], 0.0)),
                [3, 5],
            ),
            ("multiple", inputs("scale to multiple").with("resize_type.multiple", 5_i64), [5, 15]),
        ];
        for (name, inputs, expected) in cases {
            assert_eq!(size(&RESIZE_IMAGE_MASK, inputs.clone()), expected, "{name}");
            let mask = Mask { batch: 1, height: 8, width: 16, data: vec![0.5; 128] };
            let mask: Rc<Mask> = output(&RESIZE_IMAGE_MASK, inputs.with("input", mask));
            assert_eq!([mask.height, mask.width], expected, "{name}");
        }
    }

    #[test]
    fn what_does_not_fit_into_memory_is_refused() {
        let inputs = picture(64, 5, 10).with("upscale_method", "area").with("crop", "disabled");
        let inputs = inputs.with("width", 16384_i64).with("height", 16384_i64);
        let error = run(&IMAGE_SCALE, inputs).unwrap_err();
        assert_eq!(error.kind().code(), "too_large");
        let inputs = picture(1, 5, 10).with("upscale_method", "area").with("largest_size", 0_i64);
        let error = run(&IMAGE_SCALE_TO_MAX_DIMENSION, inputs).unwrap_err();
        assert_eq!(error.kind().code(), "value_out_of_range");
    }
}
