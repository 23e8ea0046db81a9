//! Saving pictures with more than 8 bits.

use super::files::{IMAGES, PREFIX, texts, write_each};
use crate::error::Result;
use crate::graph::event::Place;
use crate::graph::{Branch, Context, Function, Input, Inputs, Outputs, Schema};
use crate::image::{Image, codec};

const FORMAT: Input = Input::branches(
    "format",
    &[
        Branch::new(
            "png",
            &[
                Input::combo("bit_depth", &["8-bit", "16-bit"]).doc("Bits of each number."),
                Input::combo("input_color_space", &["sRGB"]).doc("What the numbers mean."),
            ],
        ),
        Branch::new(
            "exr",
            &[
                Input::combo("bit_depth", &["32-bit float"]).doc("Bits of each number."),
                Input::combo("input_color_space", &["sRGB", "linear"])
                    .doc("What the numbers mean: sRGB is turned into light, linear is kept."),
            ],
        ),
    ],
)
.doc("The kind of file: png for looking at, exr for working on.");

/// Pictures → PNG or OpenEXR files to keep.
pub(super) const SAVE_IMAGE_ADVANCED: Function = Function::waiting(
    &Schema::new("SaveImageAdvanced", "Save Image (Advanced)", "image")
        .doc("Saves pictures with as many bits as wanted, and with the graph they were made with.")
        .inputs(&[IMAGES, PREFIX, FORMAT])
        .output_node(),
    |inputs, cx| Box::pin(save_image_advanced(inputs, cx)),
);

async fn save_image_advanced(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let image = &*inputs.object::<Image>("images")?;
    let exr = inputs.string("format")? == "exr";
    let linear = inputs.string("format.input_color_space")? == "linear";
    let wide = inputs.string("format.bit_depth")? == "16-bit";
    let texts = &texts(cx)[..];
    let encode = |index: usize| {
        if exr {
            codec::encode_exr(image, index, linear, texts)
        } else if wide {
            codec::encode_png16(image, index, texts)
        } else {
            codec::encode_png(image, index, texts)
        }
    };
    let kind = (if exr { "exr" } else { "png" }, Place::Output);
    write_each(image, inputs.string("filename_prefix")?, kind, cx, &encode).await
}
