//! Nodes that mix pictures with one another, with noise, or with white.

use super::{MAX_SIDE, check, chosen, resized};
use crate::diffusion::noise::Generator;
use crate::graph::{Function, Input, Kind, Node, Output, Outputs, Schema};
use crate::image::blend::{self, Mode};
use crate::image::resample::{Crop, Method};
use crate::image::{Image, Mask};

/// The classes of this family, in menu order.
pub(in crate::nodes) const NODES: &[&dyn Node] =
    &[&IMAGE_INVERT, &IMAGE_BLEND, &IMAGE_COMPOSITE_MASKED, &IMAGE_ADD_NOISE];

const IMAGE: Input = Input::link("image", Kind::IMAGE).doc("The pictures.");
const OUTPUT: &[Output] = &[Output::new(Kind::IMAGE)];

const IMAGE_INVERT: Function = Function::new(
    &Schema::new("ImageInvert", "Invert Image", "image")
        .doc("Makes a negative.")
        .inputs(&[IMAGE])
        .outputs(OUTPUT),
    |inputs, _| {
        let image = inputs.object::<Image>("image")?;
        let data = image.data.iter().map(|v| 1.0 - v).collect();
        Ok(Outputs::one(Image { data, ..*image }))
    },
);

const IMAGE_BLEND: Function = Function::new(
    &Schema::new("ImageBlend", "Image Blend", "image/postprocessing")
        .doc("Mixes two pictures; the second is brought to the first's size.")
        .inputs(&[
            Input::link("image1", Kind::IMAGE).doc("The first pictures."),
            Input::link("image2", Kind::IMAGE).doc("The second pictures."),
            Input::float("blend_factor", 0.5, 0.0..=1.0, 0.01)
                .doc("How much of the mix there is; the rest is the first picture."),
            Input::combo("blend_mode", Mode::NAMES).doc("How two colours become one."),
        ])
        .outputs(OUTPUT),
    |inputs, cx| {
        let first = inputs.object::<Image>("image1")?;
        let second = inputs.object::<Image>("image2")?.with_channels(first.channels);
        let [_, height, width, channels] = first.shape();
        check(cx, [first.batch.max(second.batch), height, width, channels])?;
        let second = if [second.height, second.width] == [height, width] {
            second
        } else {
            resized(cx, &second, [height, width], Method::Bicubic, Crop::Center)?
        };
        let mode = chosen(inputs, "blend_mode", Mode::from_name)?;
        let factor = inputs.float("blend_factor")? as f32;
        Ok(Outputs::one(blend::blend(&first, &second, factor, mode)))
    },
);

const IMAGE_COMPOSITE_MASKED: Function = Function::new(
    &Schema::new("ImageCompositeMasked", "Image Composite Masked", "image")
        .doc("Lays a picture onto another, where a mask shows it.")
        .inputs(&[
            Input::link("destination", Kind::IMAGE).doc("The pictures below."),
            Input::link("source", Kind::IMAGE).doc("The pictures that are laid onto them."),
            Input::int("x", 0, 0..=MAX_SIDE).doc("Left edge of the source."),
            Input::int("y", 0, 0..=MAX_SIDE).doc("Upper edge of the source."),
            Input::boolean("resize_source", false)
                .doc("Whether the source is first stretched to the destination's size."),
            Input::link("mask", Kind::MASK)
                .optional()
                .doc("White where the source is shown; everywhere without one."),
        ])
        .outputs(OUTPUT),
    |inputs, cx| {
        let destination = inputs.object::<Image>("destination")?;
        let mut source = inputs.object::<Image>("source")?.with_channels(destination.channels);
        if inputs.boolean("resize_source")? {
            let size = [destination.height, destination.width];
            source = resized(cx, &source, size, Method::Bilinear, Crop::Disabled)?;
        }
        let mask = inputs.optional_object::<Mask>("mask")?.map(|mask| {
            mask.resized([source.height, source.width], Method::Bilinear, Crop::Disabled)
        });
        let corner = [inputs.int("y")?, inputs.int("x")?];
        Ok(Outputs::one(blend::composite(&destination, &source, corner, mask.as_ref())))
    },
);

const IMAGE_ADD_NOISE: Function = Function::new(
    &Schema::new("ImageAddNoise", "Image Add Noise", "image")
        .doc("Adds random grain to pictures.")
        .inputs(&[
            IMAGE,
            Input::int("seed", 0, 0..=u64::MAX as i128)
                .control_after_generate()
                .doc("Start of the random numbers: the same seed, the same grain."),
            Input::float("strength", 0.5, 0.0..=1.0, 0.01).doc("How strong it is."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let mut image = (*inputs.object::<Image>("image")?).clone();
        let strength = inputs.float("strength")? as f32;
        let noise = Generator::new(inputs.int("seed")?).randn(image.data.len());
        for (v, noise) in image.data.iter_mut().zip(noise) {
            *v = (*v + strength * noise).clamp(0.0, 1.0);
        }
        Ok(Outputs::one(image))
    },
);

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::graph::Inputs;
    use crate::nodes::testing::output;

    fn flat(shape: [usize; 4], value: f32) -> Image {
        Image::filled(shape, value)
    }

    #[test]
    fn a_negative_twice_is_the_picture() {
        let image = flat([1, 1, 1, 4], 0.25);
        let once: Rc<Image> = output(&IMAGE_INVERT, Inputs::new().with("image", image.clone()));
        assert_eq!(once.data, [0.75; 4]);
        let twice: Rc<Image> = output(&IMAGE_INVERT, Inputs::new().with("image", (*once).clone()));
        assert_eq!(*twice, image);
    }

    #[test]
    fn the_second_picture_takes_the_firsts_size_and_channels() {
        let inputs = Inputs::new()
            .with("image1", flat([1, 2, 2, 3], 0.5))
            .with("image2", flat([2, 5, 3, 4], 0.5))
            .with("blend_factor", 0.5)
            .with("blend_mode", "multiply");
        let image: Rc<Image> = output(&IMAGE_BLEND, inputs);
        assert_eq!(image.shape(), [2, 2, 2, 3]);
        assert!(image.data.iter().all(|v| (v - 0.375).abs() < 1e-6));
    }

    #[test]
    fn a_source_is_stretched_when_asked_and_its_mask_always() {
        let inputs = |stretch: bool| {
            Inputs::new()
                .with("destination", flat([1, 2, 4, 3], 0.0))
                .with("source", flat([1, 1, 2, 4], 1.0))
                .with("mask", Mask { batch: 1, height: 1, width: 1, data: vec![0.5] })
                .with("x", 1_i64)
                .with("y", 0_i64)
                .with("resize_source", stretch)
        };
        let firsts = |image: Rc<Image>| image.data.iter().step_by(3).copied().collect::<Vec<f32>>();
        let small = firsts(output(&IMAGE_COMPOSITE_MASKED, inputs(false)));
        assert_eq!(small, [0.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let large = firsts(output(&IMAGE_COMPOSITE_MASKED, inputs(true)));
        assert_eq!(large, [0.0, 0.5, 0.5, 0.5, 0.0, 0.5, 0.5, 0.5]);
    }

    #[test]
    fn grain_is_torchs() {
        // torch.randn((1, 4, 4, 3), generator=torch.Generator().manual_seed(42))
        let inputs = Inputs::new().with("image", flat([1, 4, 4, 3], 0.5)).with("seed", 42_i64);
        let image: Rc<Image> = output(&IMAGE_ADD_NOISE, inputs.with("strength", 0.1));
        let expected = [1.926_915_3, 1.487_284_1, 0.900_717_2, -2.105_521_2].map(|v| 0.5 + 0.1 * v);
        for (got, expected) in image.data.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-6, "{got} for {expected}");
        }
    }
}
