//! Nodes that filter pictures.

use super::{check, chosen, sizes_differ};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Context, Function, Input, Inputs, Kind, Node, Output, Outputs, Schema};
use crate::image::filters::canny::canny;
use crate::image::filters::morphology::{Operation, morphology};
use crate::image::filters::{blur, sharpen};
use crate::image::quantize::{Dither, quantize};
use crate::image::{Image, colour};

/// The classes of this family, in menu order.
pub(in crate::nodes) const NODES: &[&dyn Node] = &[
    &IMAGE_BLUR,
    &IMAGE_SHARPEN,
    &IMAGE_QUANTIZE,
    &CANNY,
    &MORPHOLOGY,
    &IMAGE_RGB_TO_YUV,
    &IMAGE_YUV_TO_RGB,
];

const IMAGE: Input = Input::link("image", Kind::IMAGE).doc("The pictures.");
const OUTPUT: &[Output] = &[Output::new(Kind::IMAGE)];

const IMAGE_BLUR: Function = Function::new(
    &Schema::new("ImageBlur", "Image Blur", "image/postprocessing")
        .doc("Blurs pictures.")
        .inputs(&[
            IMAGE,
            Input::int("blur_radius", 1, 1..=31).doc("How many neighbours count on each side."),
            Input::float("sigma", 1.0, 0.1..=10.0, 0.1)
                .doc("How evenly they count: small, the nearest most; large, all alike."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let image = inputs.object::<Image>("image")?;
        let sigma = inputs.float("sigma")? as f32;
        Ok(Outputs::one(blur(&image, inputs.int("blur_radius")?, sigma)))
    },
);

const IMAGE_SHARPEN: Function = Function::new(
    &Schema::new("ImageSharpen", "Image Sharpen", "image/postprocessing")
        .doc("Sharpens pictures: what a blur would take away is added.")
        .inputs(&[
            IMAGE,
            Input::int("sharpen_radius", 1, 1..=31).doc("How many neighbours count on each side."),
            Input::float("sigma", 1.0, 0.1..=10.0, 0.01)
                .doc("How evenly they count: small, the nearest most; large, all alike."),
            Input::float("alpha", 1.0, 0.0..=5.0, 0.01).doc("How strong it is."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let image = inputs.object::<Image>("image")?;
        let (sigma, alpha) = (inputs.float("sigma")? as f32, inputs.float("alpha")? as f32);
        Ok(Outputs::one(sharpen(&image, inputs.int("sharpen_radius")?, sigma, alpha)))
    },
);

const IMAGE_QUANTIZE: Function = Function::new(
    &Schema::new("ImageQuantize", "Image Quantize", "image/postprocessing")
        .doc("Reduces pictures to few colours.")
        .inputs(&[
            IMAGE,
            Input::int("colors", 256, 1..=256).doc("How many colours a picture has at most."),
            Input::combo("dither", Dither::NAMES)
                .doc("How colours between them are shown: not at all, by grain, or by a pattern."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let image = inputs.object::<Image>("image")?;
        let dither = chosen(inputs, "dither", Dither::from_name)?;
        let colours = inputs.int::<usize>("colors")?.clamp(1, 256);
        Ok(Outputs::one(quantize(&image, colours, dither)))
    },
);

const CANNY: Function = Function::new(
    &Schema::new("Canny", "Canny", "image/preprocessors")
        .doc("Draws the edges in pictures, white on black.")
        .inputs(&[
            IMAGE,
            Input::float("low_threshold", 0.4, 0.01..=0.99, 0.01)
                .doc("From here on an edge is followed."),
            Input::float("high_threshold", 0.8, 0.01..=0.99, 0.01)
                .doc("From here on an edge begins."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let image = inputs.object::<Image>("image")?;
        let (low, high) = (inputs.float("low_threshold")?, inputs.float("high_threshold")?);
        if low > high {
            let kind = ErrorKind::ValueOutOfRange {
                input: "low_threshold",
                got: low,
                min: 0.01,
                max: high,
            };
            return Err(
                Error::new(kind).hint("use a lower threshold that is not above the high one")
            );
        }
        Ok(Outputs::one(canny(&image, low as f32, high as f32)))
    },
);

const MORPHOLOGY: Function = Function::new(
    &Schema::new("Morphology", "ImageMorphology", "image/postprocessing")
        .doc("Grows, shrinks or outlines what is bright.")
        .inputs(&[
            IMAGE,
            Input::combo("operation", Operation::NAMES).doc("What is done."),
            Input::int("kernel_size", 3, 3..=999)
                .doc("Side of the square that counts around a pixel."),
        ])
        .outputs(OUTPUT),
    |inputs, cx| {
        let image = inputs.object::<Image>("image")?;
        let size = inputs.int::<usize>("kernel_size")?.max(1);
        let [_, height, width, channels] = image.shape();
        // The picture and the margin around it that is never picked.
        check(cx, [1, height + size, width + size, channels])?;
        let operation = chosen(inputs, "operation", Operation::from_name)?;
        Ok(Outputs::one(morphology(&image, operation, size)))
    },
);

const IMAGE_RGB_TO_YUV: Function = Function::new(
    &Schema::new("ImageRGBToYUV", "ImageRGBToYUV", "image/color")
        .doc("Takes pictures apart into brightness and two differences of colour.")
        .inputs(&[IMAGE])
        .outputs(&[
            Output::new(Kind::IMAGE).named("Y"),
            Output::new(Kind::IMAGE).named("U"),
            Output::new(Kind::IMAGE).named("V"),
        ]),
    |inputs, cx| {
        let image = inputs.object::<Image>("image")?;
        check(cx, [3 * image.batch, image.height, image.width, 3])?;
        Ok(Outputs::new(colour::rgb_to_yuv(&image).map(Into::into).into()))
    },
);

const IMAGE_YUV_TO_RGB: Function = Function::new(
    &Schema::new("ImageYUVToRGB", "ImageYUVToRGB", "image/color")
        .doc("Puts pictures together from brightness and two differences of colour.")
        .inputs(&[
            Input::link("Y", Kind::IMAGE).doc("Brightness."),
            Input::link("U", Kind::IMAGE).doc("How blue it is."),
            Input::link("V", Kind::IMAGE).doc("How red it is."),
        ])
        .outputs(OUTPUT),
    yuv_to_rgb,
);

fn yuv_to_rgb(inputs: &Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let parts = [inputs.object::<Image>("Y")?, inputs.object("U")?, inputs.object("V")?];
    let [y, u, v] = [0, 1, 2].map(|i| &*parts[i]);
    for part in [u, v] {
        if [part.height, part.width] != [y.height, y.width] {
            return Err(sizes_differ("size of brightness and colour", y, part));
        }
    }
    check(cx, [y.batch.max(u.batch).max(v.batch), y.height, y.width, 3])?;
    Ok(Outputs::one(colour::yuv_to_rgb([y, u, v])))
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::nodes::testing::{output, run};

    /// A white half beside a black one.
    fn halves() -> Inputs {
        let row = [[0.0; 12], [1.0; 12]].concat();
        Inputs::new().with("image", Image::new([1, 4, 8, 3], row.repeat(4)).unwrap())
    }

    #[test]
    fn each_node_calls_its_filter_with_its_inputs() {
        let image = halves().object::<Image>("image").unwrap();
        let given = |node: &Function, inputs: Inputs| -> Image {
            let image: Rc<Image> = output(node, inputs);
            (*image).clone()
        };
        let inputs = halves().with("blur_radius", 2_i64).with("sigma", 0.5);
        assert_eq!(given(&IMAGE_BLUR, inputs), blur(&image, 2, 0.5));
        let inputs = halves().with("sharpen_radius", 2_i64).with("sigma", 0.5).with("alpha", 0.1);
        assert_eq!(given(&IMAGE_SHARPEN, inputs), sharpen(&image, 2, 0.5, 0.1));
        let inputs = halves().with("colors", 1_i64).with("dither", "none");
        assert_eq!(given(&IMAGE_QUANTIZE, inputs).data, [128.0 / 255.0; 96]);
        let inputs = halves().with("low_threshold", 0.4).with("high_threshold", 0.8);
        assert_eq!(given(&CANNY, inputs).data.iter().sum::<f32>(), 4.0 * 3.0);
        let inputs = halves().with("operation", "dilate").with("kernel_size", 3_i64);
        assert_eq!(given(&MORPHOLOGY, inputs).data.iter().sum::<f32>(), 5.0 * 4.0 * 3.0);
    }

    #[test]
    fn colours_come_back_from_their_parts() {
        let outputs = run(&IMAGE_RGB_TO_YUV, halves()).unwrap();
        let [y, u, v] = [0, 1, 2].map(|i| outputs.values[i].clone());
        let inputs = Inputs::new().with("Y", y.clone()).with("U", u).with("V", v);
        let image: Rc<Image> = output(&IMAGE_YUV_TO_RGB, inputs.clone());
        let expected = halves().object::<Image>("image").unwrap();
        assert!(image.data.iter().zip(&expected.data).all(|(a, b)| (a - b).abs() < 1e-5));
        let inputs = inputs.with("V", Image::filled([1, 2, 2, 3], 0.5));
        let error = run(&IMAGE_YUV_TO_RGB, inputs).unwrap_err();
        assert_eq!(
            error.to_string(),
            "size of brightness and colour: expected 8 × 4 pixels, got 2 × 2 pixels; bring them to one size with `ImageScale`"
        );
    }

    #[test]
    fn thresholds_have_an_order() {
        let inputs = halves().with("low_threshold", 0.9).with("high_threshold", 0.8);
        assert_eq!(run(&CANNY, inputs).unwrap_err().kind().code(), "value_out_of_range");
    }
}
