//! Nodes that make batches of pictures and take them apart.

use std::rc::Rc;

use super::{MAX_SIDE, check, resized, sizes_differ};
use crate::error::Result;
use crate::graph::{Context, Function, Input, Kind, Node, Output, Outputs, Schema, Value};
use crate::image::resample::{Crop, Method};
use crate::image::{Image, batch};

/// The classes of this family, in menu order.
pub(in crate::nodes) const NODES: &[&dyn Node] = &[
    &EMPTY_IMAGE,
    &IMAGE_BATCH,
    &BATCH_IMAGES,
    &IMAGE_FROM_BATCH,
    &REPEAT_IMAGE_BATCH,
    &REBATCH_IMAGES,
    &GET_IMAGE_SIZE,
];

const IMAGE: Input = Input::link("image", Kind::IMAGE).doc("The pictures.");
const OUTPUT: &[Output] = &[Output::new(Kind::IMAGE)];

const EMPTY_IMAGE: Function = Function::new(
    &Schema::new("EmptyImage", "Empty Image", "image")
        .doc("Pictures of one colour.")
        .inputs(&[
            Input::int("width", 512, 1..=MAX_SIDE).doc("Width in pixels."),
            Input::int("height", 512, 1..=MAX_SIDE).doc("Height in pixels."),
            Input::int("batch_size", 1, 1..=4096).doc("How many."),
            Input::int("color", 0, 0..=0xff_ffff)
                .doc("The colour: red · 65536 + green · 256 + blue."),
        ])
        .outputs(OUTPUT),
    |inputs, cx| {
        let shape = [inputs.int("batch_size")?, inputs.int("height")?, inputs.int("width")?, 3];
        check(cx, shape)?;
        let [_, colour @ ..] = inputs.int::<u32>("color")?.to_be_bytes();
        let colour = colour.map(|v| f32::from(v) / 255.0);
        let mut image = Image::filled(shape, 0.0);
        image.data.chunks_exact_mut(3).for_each(|pixel| pixel.copy_from_slice(&colour));
        Ok(Outputs::one(image))
    },
);

const IMAGE_BATCH: Function = Function::new(
    &Schema::new("ImageBatch", "Batch Images", "image/batch")
        .doc("Makes one batch of two; the second is brought to the first's size.")
        .inputs(&[
            Input::link("image1", Kind::IMAGE).doc("The pictures that come first."),
            Input::link("image2", Kind::IMAGE).doc("The pictures that follow."),
        ])
        .outputs(OUTPUT),
    |inputs, cx| joined(cx, &[inputs.object("image1")?, inputs.object("image2")?]),
);

const BATCH_IMAGES: Function = Function::new(
    &Schema::new("BatchImagesNode", "Batch Images", "image/batch")
        .doc("Makes one batch of several; all are brought to the first's size.")
        .inputs(&[Input::grow("images", &IMAGE, "image", 2..=50).doc("The pictures, in order.")])
        .outputs(OUTPUT),
    |inputs, cx| joined(cx, &inputs.group_objects("images")?),
);

/// One batch in the first one's size, with opacity if one has it.
fn joined(cx: &Context<'_>, images: &[Rc<Image>]) -> Result<Outputs> {
    let Some(first) = images.first() else { return Ok(Outputs::default()) };
    let size = [first.height, first.width];
    let channels = images.iter().map(|image| image.channels).fold(3, usize::max);
    let count = images.iter().map(|image| image.batch).sum();
    check(cx, [count, size[0], size[1], channels])?;
    let mut same = Vec::with_capacity(images.len());
    for image in images {
        let image = image.with_channels(channels);
        same.push(if [image.height, image.width] == size {
            image
        } else {
            resized(cx, &image, size, Method::Bilinear, Crop::Center)?
        });
    }
    Ok(Outputs::one(batch::join(&same)))
}

const IMAGE_FROM_BATCH: Function = Function::new(
    &Schema::new("ImageFromBatch", "Image From Batch", "image/batch")
        .doc("Takes some pictures of a batch.")
        .inputs(&[
            IMAGE,
            Input::int("batch_index", 0, 0..=4095).doc("The first; they are counted from 0."),
            Input::int("length", 1, 1..=4096).doc("How many, as far as there are."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let image = inputs.object::<Image>("image")?;
        let first = inputs.int::<usize>("batch_index")?.min(image.batch - 1);
        let length = inputs.int::<usize>("length")?.clamp(1, image.batch - first);
        Ok(Outputs::one(image.part(first, length)))
    },
);

const REPEAT_IMAGE_BATCH: Function = Function::new(
    &Schema::new("RepeatImageBatch", "Repeat Image Batch", "image/batch")
        .doc("Repeats a batch as a whole.")
        .inputs(&[IMAGE, Input::int("amount", 1, 1..=4096).doc("How many times.")])
        .outputs(OUTPUT),
    |inputs, cx| {
        let image = inputs.object::<Image>("image")?;
        let [batch, height, width, channels] = image.shape();
        let batch = inputs.int::<usize>("amount")?.saturating_mul(batch);
        check(cx, [batch, height, width, channels])?;
        let data = image.data.repeat(batch / image.batch);
        Ok(Outputs::one(Image { batch, data, ..*image }))
    },
);

const REBATCH_IMAGES: Function = Function::new(
    &Schema::new("RebatchImages", "Rebatch Images", "image/batch")
        .doc("Makes a list of batches of one size, whatever batches the pictures come in.")
        .inputs(&[
            Input::link("images", Kind::IMAGE).doc("The pictures."),
            Input::int("batch_size", 1, 1..=4096)
                .doc("How many in each batch; the last may be smaller."),
        ])
        .outputs(&[Output::new(Kind::IMAGE).list()])
        .input_is_list(),
    |inputs, _| {
        let images = inputs.objects::<Image>("images")?;
        let size = inputs.int::<usize>("batch_size")?.max(1);
        let singles: Vec<Image> = images
            .iter()
            .flat_map(|image| (0..image.batch).map(|number| image.part(number, 1)))
            .collect();
        let mut batches: Vec<Value> = Vec::with_capacity(singles.len().div_ceil(size));
        for group in singles.chunks(size) {
            if let Some(other) = group.iter().find(|image| image.shape() != group[0].shape()) {
                return Err(sizes_differ("pictures of one batch", &group[0], other));
            }
            batches.push(batch::join(group).into());
        }
        Ok(Outputs::one(Value::list(batches)))
    },
);

const GET_IMAGE_SIZE: Function = Function::new(
    &Schema::new("GetImageSize", "Get Image Size", "image")
        .doc("Tells how large pictures are, and how many.")
        .inputs(&[IMAGE])
        .outputs(&[
            Output::new(Kind::INT).named("width"),
            Output::new(Kind::INT).named("height"),
            Output::new(Kind::INT).named("batch_size"),
        ]),
    |inputs, _| {
        let image = inputs.object::<Image>("image")?;
        let sizes = [image.width, image.height, image.batch];
        Ok(Outputs::new(sizes.map(|size| Value::Int(size as i128)).into()))
    },
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Inputs;
    use crate::nodes::testing::{output, run};

    fn flat(batch: usize, size: [usize; 2], channels: usize, value: f32) -> Image {
        Image::filled([batch, size[0], size[1], channels], value)
    }

    #[test]
    fn a_colour_is_read_by_its_bytes() {
        let inputs =
            Inputs::new().with("width", 2_i64).with("height", 1_i64).with("batch_size", 2_i64);
        let image: Rc<Image> = output(&EMPTY_IMAGE, inputs.clone().with("color", 0xff_3300_i64));
        assert_eq!((image.shape(), &image.data[..3]), ([2, 1, 2, 3], &[1.0, 0.2, 0.0][..]));
        let large = inputs.with("width", 16384_i64).with("height", 16384_i64).with("color", 0_i64);
        assert_eq!(run(&EMPTY_IMAGE, large).unwrap_err().kind().code(), "too_large");
    }

    #[test]
    fn batches_take_the_first_ones_size_and_any_opacity() {
        let inputs = Inputs::new()
            .with("image1", flat(1, [2, 2], 3, 0.25))
            .with("image2", flat(2, [4, 9], 4, 0.5));
        let both: Rc<Image> = output(&IMAGE_BATCH, inputs);
        assert_eq!(both.shape(), [3, 2, 2, 4]);
        assert_eq!([&both.data[..4], &both.data[16..20]], [[0.25, 0.25, 0.25, 1.0], [0.5; 4]]);
        let many = (0..3).fold(Inputs::new(), |inputs, i| {
            inputs.with(format!("images.image{i}"), flat(1, [2, i + 1], 3, i as f32))
        });
        let many: Rc<Image> = output(&BATCH_IMAGES, many);
        assert_eq!(
            (many.shape(), &many.data[..]),
            ([3, 2, 1, 3], &[[0.0; 6], [1.0; 6], [2.0; 6]].concat()[..])
        );
    }

    #[test]
    fn parts_and_repeats() {
        let data = (0..9).map(|i| (i / 3) as f32).collect();
        let image = Image::new([3, 1, 1, 3], data).unwrap();
        let inputs = || Inputs::new().with("image", image.clone());
        let part = |first: i64, length: i64| {
            let inputs = inputs().with("batch_index", first).with("length", length);
            let part: Rc<Image> = output(&IMAGE_FROM_BATCH, inputs);
            part.data.iter().step_by(3).map(|v| *v as i32).collect::<Vec<_>>()
        };
        assert_eq!([part(1, 1), part(1, 9), part(9, 2)], [vec![1], vec![1, 2], vec![2]]);
        let twice: Rc<Image> = output(&REPEAT_IMAGE_BATCH, inputs().with("amount", 2_i64));
        assert_eq!((twice.batch, twice.data[9..].to_vec()), (6, image.data.clone()));
        let sizes =
            run(&GET_IMAGE_SIZE, Inputs::new().with("image", flat(4, [2, 3], 3, 0.0))).unwrap();
        let sizes = Inputs::new()
            .with("w", sizes.values[0].clone())
            .with("h", sizes.values[1].clone())
            .with("b", sizes.values[2].clone());
        assert_eq!(
            [sizes.int("w"), sizes.int("h"), sizes.int("b")].map(|n| n.unwrap_or(0)),
            [3, 2, 4]
        );
    }

    #[test]
    fn any_batches_become_batches_of_one_size() {
        let image = |batch, value| Value::from(flat(batch, [1, 1], 3, value));
        let list = Value::list(vec![image(3, 1.0), image(2, 2.0)]);
        let inputs = Inputs::new().with("images", list).with("batch_size", 2_i64);
        let outputs = run(&REBATCH_IMAGES, inputs).unwrap();
        let batches = Inputs::new().with("batches", outputs.values[0].clone());
        let batches = batches.objects::<Image>("batches").unwrap();
        let data: Vec<_> = batches.iter().map(|batch| batch.data.iter().sum::<f32>()).collect();
        assert_eq!(data, [6.0, 9.0, 6.0]);
        let list = Value::list(vec![image(1, 1.0), flat(1, [1, 2], 3, 0.0).into()]);
        let inputs = Inputs::new().with("images", list).with("batch_size", 2_i64);
        assert_eq!(run(&REBATCH_IMAGES, inputs).unwrap_err().kind().code(), "mismatch");
    }
}
