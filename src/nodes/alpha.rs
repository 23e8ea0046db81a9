//! Nodes for pictures with opacity.

use super::{Environment, limits};
use crate::error::{ErrorKind, Result};
use crate::graph::{Context, Function, Input, Kind, Node, Output, Outputs, Schema};
use crate::image::porter_duff::{MODES, Mode};
use crate::image::resample::{Crop, Method, mask_to_size};
use crate::image::{Image, Mask};

/// The classes of this family, in menu order.
pub(super) const NODES: &[&dyn Node] =
    &[&PORTER_DUFF_IMAGE_COMPOSITE, &SPLIT_IMAGE_WITH_ALPHA, &JOIN_IMAGE_WITH_ALPHA];

const SPLIT_IMAGE_WITH_ALPHA: Function = Function::new(
    &Schema::new("SplitImageWithAlpha", "Split Image with Alpha", "mask/compositing")
        .doc("Takes a picture apart into its colours and a mask of where it is transparent.")
        .inputs(&[Input::link("image", Kind::IMAGE).doc("The picture.")])
        .outputs(&[Output::new(Kind::IMAGE), Output::new(Kind::MASK)]),
    |inputs, _| {
        let image = inputs.object::<Image>("image")?;
        let (batch, height, width) = (image.batch, image.height, image.width);
        let pixels = || image.data.chunks(image.channels);
        let mask = pixels().map(|pixel| pixel.get(3).map_or(0.0, |alpha| 1.0 - alpha)).collect();
        let colours = pixels().flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        let image = Image::new([batch, height, width, 3], colours)?;
        Ok(Outputs::new(vec![image.into(), Mask { batch, height, width, data: mask }.into()]))
    },
);

const JOIN_IMAGE_WITH_ALPHA: Function = Function::new(
    &Schema::new("JoinImageWithAlpha", "Join Image with Alpha", "mask/compositing")
        .doc("Makes a picture transparent where a mask is white.")
        .inputs(&[
            Input::link("image", Kind::IMAGE).doc("The picture."),
            Input::link("alpha", Kind::MASK)
                .doc("Where it becomes transparent; stretched to the picture's size."),
        ])
        .outputs(&[Output::new(Kind::IMAGE)]),
    |inputs, cx| {
        let (image, mask) = (inputs.object::<Image>("image")?, inputs.object::<Mask>("alpha")?);
        let batch = image.batch.min(mask.batch);
        let shape = [batch, image.height, image.width, 4];
        check(cx, shape)?;
        let mask = mask_to_size(&mask, [batch, 1, image.height, image.width]);
        let pixels = image.data.chunks(image.channels).zip(mask);
        let data = pixels.flat_map(|(pixel, mask)| [pixel[0], pixel[1], pixel[2], 1.0 - mask]);
        Ok(Outputs::one(Image::new(shape, data.collect())?))
    },
);

const PORTER_DUFF_IMAGE_COMPOSITE: Function = Function::new(
    &Schema::new("PorterDuffImageComposite", "Porter-Duff Image Composite", "mask/compositing")
        .doc("Lays one picture on another where both may be transparent.")
        .inputs(&[
            Input::link("source", Kind::IMAGE)
                .doc("The picture on top; scaled to fill the one below."),
            Input::link("source_alpha", Kind::MASK).doc("Where it is transparent."),
            Input::link("destination", Kind::IMAGE).doc("The picture below, whose size is kept."),
            Input::link("destination_alpha", Kind::MASK).doc("Where it is transparent."),
            Input::combo("mode", &MODES)
                .or("DST")
                .doc("How they are put together: SRC is the one on top, DST the one below."),
        ])
        .outputs(&[Output::new(Kind::IMAGE), Output::new(Kind::MASK)]),
    |inputs, cx| {
        let name = inputs.string("mode")?;
        let unknown = || ErrorKind::UnknownName { what: "mode", got: name.to_owned() };
        let mode = Mode::from_name(name).ok_or_else(unknown)?;
        let image = |input| inputs.object::<Image>(input);
        let mask = |input| inputs.object::<Mask>(input);
        let (source, under) = (image("source")?, image("destination")?);
        let (source_mask, under_mask) = (mask("source_alpha")?, mask("destination_alpha")?);
        let size @ [height, width] = [under.height, under.width];
        let batches = [source.batch, under.batch, source_mask.batch, under_mask.batch];
        let batch = batches.into_iter().fold(usize::MAX, usize::min);
        check(cx, [source.batch.max(batch), height, width, source.channels.max(4)])?;
        check(cx, [source_mask.batch.max(under_mask.batch), height, width, 1])?;
        let fit = |image: &Image| image.resized(size, Method::Bicubic, Crop::Center);
        let fit_mask = |mask: &Mask| mask.resized(size, Method::Bicubic, Crop::Center);
        let (source, source_mask, under_mask) =
            (fit(&source), fit_mask(&source_mask), fit_mask(&under_mask));
        let pixels = batch * height * width;
        let (mut data, mut masks) = (Vec::with_capacity(pixels * 3), Vec::with_capacity(pixels));
        let pixel = |image: &Image, mask: &Mask, i: usize| {
            let at = i * image.channels;
            let colour = [image.data[at], image.data[at + 1], image.data[at + 2]];
            (colour, 1.0 - mask.data[i])
        };
        for i in 0..pixels {
            let (colour, opacity) =
                mode.blend(pixel(&source, &source_mask, i), pixel(&under, &under_mask, i));
            data.extend(colour);
            masks.push(1.0 - opacity);
        }
        let image = Image::new([batch, height, width, 3], data)?;
        Ok(Outputs::new(vec![image.into(), Mask { batch, height, width, data: masks }.into()]))
    },
);

fn check(cx: &Context<'_>, shape: [usize; 4]) -> Result<()> {
    let numbers = shape.iter().fold(1_u64, |all, side| all.saturating_mul(*side as u64));
    limits::check_host(&cx.env::<Environment>().device_info, "a picture of this size", numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Inputs;
    use crate::nodes::testing::run;

    fn pair(outputs: Outputs) -> (Image, Mask) {
        let [image, mask] = <[_; 2]>::try_from(outputs.values).unwrap();
        let inputs = Inputs::new().with("image", image).with("mask", mask);
        let image = inputs.object::<Image>("image").unwrap();
        ((*image).clone(), (*inputs.object::<Mask>("mask").unwrap()).clone())
    }

    fn mask(height: usize, width: usize, data: &[f32]) -> Mask {
        Mask { batch: 1, height, width, data: data.to_vec() }
    }

    #[test]
    fn opacity_is_taken_off_and_put_on() {
        let data = vec![0.1, 0.2, 0.3, 0.25, 0.4, 0.5, 0.6, 1.0];
        let image = Image::new([1, 1, 2, 4], data).unwrap();
        let inputs = Inputs::new().with("image", image.clone());
        let (colours, alpha) = pair(run(&SPLIT_IMAGE_WITH_ALPHA, inputs).unwrap());
        assert_eq!(colours.data, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
        assert_eq!(alpha, mask(1, 2, &[0.75, 0.0]));
        let inputs = Inputs::new().with("image", colours.clone()).with("alpha", alpha);
        let out = run(&JOIN_IMAGE_WITH_ALPHA, inputs).unwrap();
        let joined = Inputs::new().with("image", out.values[0].clone());
        assert_eq!(*joined.object::<Image>("image").unwrap(), image);
        // Without opacity nothing is transparent.
        let inputs = Inputs::new().with("image", colours.clone());
        assert_eq!(pair(run(&SPLIT_IMAGE_WITH_ALPHA, inputs).unwrap()).1.data, [0.0; 2]);
        // A mask of another size is stretched between the centres of its pixels.
        let image = Image::new([1, 1, 4, 3], vec![0.5; 12]).unwrap();
        let inputs = Inputs::new().with("image", image).with("alpha", mask(1, 2, &[0.0, 1.0]));
        let out = Inputs::new()
            .with("image", run(&JOIN_IMAGE_WITH_ALPHA, inputs).unwrap().values[0].clone());
        let out = out.object::<Image>("image").unwrap();
        let alphas: Vec<f32> = out.data.chunks(4).map(|pixel| pixel[3]).collect();
        assert_eq!(alphas, [1.0, 0.75, 0.25, 0.0]);
    }

    #[test]
    fn pictures_of_other_sizes_are_fitted() {
        let flat = |height: usize, width: usize, v: f32| {
            Image::new([1, height, width, 3], vec![v; height * width * 3]).unwrap()
        };
        // Without masks of their own pictures come with 64 × 64 of nothing.
        let inputs = Inputs::new()
            .with("source", flat(6, 2, 0.8))
            .with("source_alpha", mask(6, 2, &[0.5; 12]))
            .with("destination", flat(2, 3, 0.2))
            .with("destination_alpha", mask(64, 64, &[0.0; 4096]));
        let over = inputs.clone().with("mode", "SRC_OVER");
        let (image, alpha) = pair(run(&PORTER_DUFF_IMAGE_COMPOSITE, over).unwrap());
        assert_eq!([image.batch, image.height, image.width, image.channels], [1, 2, 3, 3]);
        assert!(image.data.iter().all(|v| (v - 0.5).abs() < 1e-5), "{:?}", image.data);
        assert!(alpha.data.iter().all(|v| v.abs() < 1e-5), "{:?}", alpha.data);
        let out = inputs.clone().with("mode", "DST_OUT");
        let (image, alpha) = pair(run(&PORTER_DUFF_IMAGE_COMPOSITE, out).unwrap());
        assert!(image.data.iter().all(|v| (v - 0.2).abs() < 1e-5), "{:?}", image.data);
        assert!(alpha.data.iter().all(|v| (v - 0.5).abs() < 1e-5), "{:?}", alpha.data);
        let odd = run(&PORTER_DUFF_IMAGE_COMPOSITE, inputs.with("mode", "OVER")).unwrap_err();
        assert_eq!(odd.kind().code(), "unknown_name");
    }
}
