//! Nodes that cut, turn and join pictures.

use super::{MAX_SIDE, check, chosen, resized};
use crate::graph::{Function, Input, Kind, Node, Output, Outputs, Schema};
use crate::image::resample::{Crop, Method};
use crate::image::{Image, layout};

/// The classes of this family, in menu order.
pub(in crate::nodes) const NODES: &[&dyn Node] =
    &[&IMAGE_CROP, &IMAGE_FLIP, &IMAGE_ROTATE, &IMAGE_STITCH, &IMAGE_PAD_FOR_OUTPAINT];

const IMAGE: Input = Input::link("image", Kind::IMAGE).doc("The pictures.");
const OUTPUT: &[Output] = &[Output::new(Kind::IMAGE)];

const IMAGE_CROP: Function = Function::new(
    &Schema::new("ImageCrop", "Image Crop", "image/transform")
        .doc("Cuts a rectangle out of pictures.")
        .inputs(&[
            IMAGE,
            Input::int("width", 512, 1..=MAX_SIDE).doc("Its width in pixels."),
            Input::int("height", 512, 1..=MAX_SIDE).doc("Its height in pixels."),
            Input::int("x", 0, 0..=MAX_SIDE).doc("Its left edge."),
            Input::int("y", 0, 0..=MAX_SIDE).doc("Its upper edge."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let image = inputs.object::<Image>("image")?;
        let corner = [inputs.int("y")?, inputs.int("x")?];
        let size = [inputs.int("height")?, inputs.int("width")?];
        Ok(Outputs::one(layout::crop(&image, corner, size)))
    },
);

const FLIPS: &[&str] = &["x-axis: vertically", "y-axis: horizontally"];

const IMAGE_FLIP: Function = Function::new(
    &Schema::new("ImageFlip", "Image Flip", "image/transform")
        .doc("Mirrors pictures.")
        .inputs(&[IMAGE, Input::combo("flip_method", FLIPS).doc("Upside down, or left for right.")])
        .outputs(OUTPUT),
    |inputs, _| {
        let image = inputs.object::<Image>("image")?;
        let flip = match inputs.string("flip_method")?.starts_with('x') {
            true => layout::flip_vertically,
            false => layout::flip_horizontally,
        };
        Ok(Outputs::one(flip(&image)))
    },
);

const TURNS: &[&str] = &["none", "90 degrees", "180 degrees", "270 degrees"];

const IMAGE_ROTATE: Function = Function::new(
    &Schema::new("ImageRotate", "Image Rotate", "image/transform")
        .doc("Turns pictures clockwise.")
        .inputs(&[IMAGE, Input::combo("rotation", TURNS).doc("How far.")])
        .outputs(OUTPUT),
    |inputs, _| {
        let image = inputs.object::<Image>("image")?;
        let quarters =
            chosen(inputs, "rotation", |name| TURNS.iter().position(|turn| *turn == name))?;
        Ok(Outputs::one(layout::rotate(&image, quarters)))
    },
);

const COLOURS: &[&str] = &["white", "black", "red", "green", "blue"];

const IMAGE_STITCH: Function = Function::new(
    &Schema::new("ImageStitch", "Image Stitch", "image/transform")
        .doc("Puts a picture beside, above or below another.")
        .inputs(&[
            Input::link("image1", Kind::IMAGE).doc("The first pictures."),
            Input::combo("direction", &["right", "down", "left", "up"])
                .doc("On which side of the first the second is put."),
            Input::boolean("match_image_size", true)
                .doc("Whether the second is brought to the first's size; else the smaller is put in the middle of black."),
            Input::int("spacing_width", 0, 0..=1024)
                .step(2)
                .doc("Pixels between the two, an even number."),
            Input::combo("spacing_color", COLOURS).doc("Their colour."),
            Input::link("image2", Kind::IMAGE).optional().doc("The second pictures."),
        ])
        .outputs(OUTPUT),
    |inputs, cx| {
        let first = inputs.object::<Image>("image1")?;
        let Some(second) = inputs.optional_object::<Image>("image2")? else {
            return Ok(Outputs::one(inputs.value("image1")?.clone()));
        };
        let (mut first, mut second) = ((*first).clone(), (*second).clone());
        let direction = inputs.string("direction")?;
        // The axis along which they are joined, and the one along which they have to be equal.
        let along = usize::from(matches!(direction, "right" | "left"));
        let across = 1 - along;
        let size = |image: &Image| [image.height, image.width];
        if inputs.boolean("match_image_size")? {
            let mut wanted = size(&first);
            let [length, breadth] = [along, across].map(|axis| size(&second)[axis] as f64);
            wanted[along] = ((length / breadth * wanted[across] as f64) as usize).max(1);
            second = resized(cx, &second, wanted, Method::Lanczos, Crop::Disabled)?;
        }
        let batch = first.batch.max(second.batch);
        let channels = first.channels.max(second.channels);
        let breadth = size(&first)[across].max(size(&second)[across]);
        let spacing = inputs.int::<usize>("spacing_width")?.next_multiple_of(2);
        let mut whole = [0; 2];
        whole[along] = size(&first)[along] + spacing + size(&second)[along];
        whole[across] = breadth;
        check(cx, [batch, whole[0], whole[1], channels])?;
        first = first.with_channels(channels).padded_to(batch);
        second = second.with_channels(channels).padded_to(batch);
        if matches!(direction, "left" | "up") {
            std::mem::swap(&mut first, &mut second);
        }
        let mut canvas = Image::filled([batch, whole[0], whole[1], channels], 0.0);
        let place = |start: usize, image: &Image| {
            let mut corner = [0; 2];
            (corner[along], corner[across]) = (start, (breadth - size(image)[across]) / 2);
            corner
        };
        let end = size(&first)[along];
        layout::paste(&mut canvas, &first, place(0, &first));
        layout::paste(&mut canvas, &second, place(end + spacing, &second));
        if spacing > 0 {
            let colour: &[f32] = match inputs.string("spacing_color")? {
                "black" => &[0.0, 0.0, 0.0, 1.0],
                "red" => &[1.0, 0.0, 0.0, 1.0],
                "green" => &[0.0, 1.0, 0.0, 1.0],
                "blue" => &[0.0, 0.0, 1.0, 1.0],
                _ => &[1.0; 4],
            };
            let mut strip = [breadth; 2];
            strip[along] = spacing;
            let mut strip = Image::filled([batch, strip[0], strip[1], channels], 0.0);
            for pixel in strip.data.chunks_exact_mut(channels) {
                pixel.copy_from_slice(&colour[..channels]);
            }
            let corner = place(end, &strip);
            layout::paste(&mut canvas, &strip, corner);
        }
        Ok(Outputs::one(canvas))
    },
);

const IMAGE_PAD_FOR_OUTPAINT: Function = Function::new(
    &Schema::new("ImagePadForOutpaint", "Pad Image for Outpainting", "image")
        .doc("Puts grey around pictures, and a mask over it, for a sampler to fill.")
        .inputs(&[
            IMAGE,
            Input::int("left", 0, 0..=MAX_SIDE).step(8).doc("Pixels to the left."),
            Input::int("top", 0, 0..=MAX_SIDE).step(8).doc("Pixels above."),
            Input::int("right", 0, 0..=MAX_SIDE).step(8).doc("Pixels to the right."),
            Input::int("bottom", 0, 0..=MAX_SIDE).step(8).doc("Pixels below."),
            Input::int("feathering", 40, 0..=MAX_SIDE)
                .doc("Pixels inside the picture over which the mask fades."),
        ])
        .outputs(&[Output::new(Kind::IMAGE), Output::new(Kind::MASK)]),
    |inputs, cx| {
        let image = inputs.object::<Image>("image")?;
        let sides: [usize; 4] =
            [inputs.int("left")?, inputs.int("top")?, inputs.int("right")?, inputs.int("bottom")?];
        let [left, top, right, bottom] = sides;
        let size = [image.height + top + bottom, image.width + left + right];
        check(cx, [image.batch, size[0], size[1], image.channels])?;
        let mask =
            layout::outpaint_mask([image.height, image.width], sides, inputs.int("feathering")?);
        let padded = layout::on_canvas(&image, size, [top, left], 0.5);
        Ok(Outputs::new(vec![padded.into(), mask.into()]))
    },
);

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::graph::Inputs;
    use crate::image::Mask;
    use crate::nodes::testing::{output, run};

    fn counted(height: usize, width: usize) -> Image {
        let data = (0..height * width).flat_map(|i| [i as f32 / 255.0, 0.0, 0.0]).collect();
        Image::new([1, height, width, 3], data).unwrap()
    }

    fn firsts(image: &Image) -> Vec<i32> {
        let firsts = image.data.iter().step_by(image.channels);
        firsts.map(|v| (v * 255.0).round() as i32).collect()
    }

    fn given(node: &Function, inputs: Inputs) -> Rc<Image> {
        output(node, inputs)
    }

    #[test]
    fn rectangles_flips_and_turns() {
        let image = || Inputs::new().with("image", counted(2, 3));
        let crop = image().with("width", 9_i64).with("height", 1_i64).with("x", 1_i64);
        assert_eq!(firsts(&given(&IMAGE_CROP, crop.with("y", 1_i64))), [4, 5]);
        let flip =
            |name: &'static str| firsts(&given(&IMAGE_FLIP, image().with("flip_method", name)));
        assert_eq!([flip(FLIPS[0]), flip(FLIPS[1])], [[3, 4, 5, 0, 1, 2], [2, 1, 0, 5, 4, 3]]);
        let turn =
            |name: &'static str| firsts(&given(&IMAGE_ROTATE, image().with("rotation", name)));
        assert_eq!(
            [turn("90 degrees"), turn("270 degrees")],
            [[3, 0, 4, 1, 5, 2], [2, 5, 1, 4, 0, 3]]
        );
        assert_eq!([turn("none"), turn("180 degrees")], [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0]]);
    }

    fn stitched(direction: &'static str, matching: bool, spacing: i64, second: Image) -> Rc<Image> {
        let inputs = Inputs::new().with("image1", counted(2, 1)).with("image2", second);
        let inputs = inputs.with("direction", direction).with("match_image_size", matching);
        given(&IMAGE_STITCH, inputs.with("spacing_width", spacing).with("spacing_color", "red"))
    }

    #[test]
    fn pictures_are_put_on_every_side() {
        let other = || Image::filled([1, 2, 1, 3], 9.0 / 255.0);
        assert_eq!(firsts(&stitched("right", true, 0, other())), [0, 9, 1, 9]);
        assert_eq!(firsts(&stitched("left", true, 0, other())), [9, 0, 9, 1]);
        assert_eq!(firsts(&stitched("down", true, 0, other())), [0, 1, 9, 9]);
        assert_eq!(firsts(&stitched("up", true, 0, other())), [9, 9, 0, 1]);
        // An odd distance becomes even.
        assert_eq!(firsts(&stitched("right", true, 1, other())), [0, 255, 255, 9, 1, 255, 255, 9]);
    }

    #[test]
    fn sizes_are_matched_or_padded_with_black() {
        let large = || Image::filled([1, 4, 4, 3], 9.0 / 255.0);
        let matched = stitched("right", true, 0, large());
        assert_eq!((matched.shape(), firsts(&matched)), ([1, 2, 3, 3], vec![0, 9, 9, 1, 9, 9]));
        let padded = stitched("right", false, 0, Image::filled([2, 4, 1, 4], 9.0 / 255.0));
        assert_eq!(padded.shape(), [2, 4, 2, 4]);
        assert_eq!(firsts(&padded), [[0, 9, 0, 9, 1, 9, 0, 9]; 2].concat());
        // Nothing lies there, so it is clear; the first picture had no opacity, so it is opaque.
        assert_eq!([padded.data[3], padded.data[2 * 4 + 3]], [0.0, 1.0]);
        let alone = Inputs::new().with("image1", counted(2, 1));
        assert_eq!(firsts(&given(&IMAGE_STITCH, alone)), [0, 1]);
    }

    #[test]
    fn grey_and_a_mask_surround_a_picture() {
        let inputs = ["left", "top", "right", "bottom"].into_iter().fold(
            Inputs::new().with("image", counted(4, 4)).with("feathering", 1_i64),
            |inputs, side| inputs.with(side, i64::from(side == "top")),
        );
        let outputs = run(&IMAGE_PAD_FOR_OUTPAINT, inputs).unwrap();
        let image = outputs.values[0].downcast::<Image>().unwrap();
        assert_eq!((image.shape(), &image.data[..3]), ([1, 5, 4, 3], &[0.5; 3][..]));
        assert_eq!(firsts(&image)[4..8], [0, 1, 2, 3]);
        let mask = outputs.values[1].downcast::<Mask>().unwrap();
        assert_eq!((mask.batch, mask.height, mask.width), (1, 5, 4));
        assert_eq!(mask.data, [[1.0; 8], [0.0; 8], [0.0; 8]].concat()[..20]);
    }

    #[test]
    fn what_does_not_fit_into_memory_is_refused() {
        let inputs = ["left", "top", "right", "bottom", "feathering"]
            .into_iter()
            .fold(Inputs::new().with("image", counted(4, 4)), |inputs, side| {
                inputs.with(side, 16384_i64)
            });
        assert_eq!(run(&IMAGE_PAD_FOR_OUTPAINT, inputs).unwrap_err().kind().code(), "too_large");
    }
}
