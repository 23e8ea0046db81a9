//! Latents made larger and smaller.

use std::rc::Rc;

use super::FACTOR;
use super::bislerp::bislerp;
use super::cut::narrowed;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Context, Function, Input, Kind, Output, Outputs, Schema};
use crate::image::resample::{self, Crop, Method};
use crate::nodes::limits;
use crate::nodes::values::Latent;

const SAMPLES: Input = Input::link("samples", Kind::LATENT).doc("The latents.");
const UPSCALE_METHOD: Input = Input::combo(
    "upscale_method",
    &["nearest-exact", "bilinear", "area", "bicubic", "bislerp"],
)
.doc("How new places are made of old ones; bislerp is bilinear without weakening the latents.");

/// A latent in another size.
pub(super) const LATENT_UPSCALE: Function = Function::new(
    &Schema::new("LatentUpscale", "Upscale Latent", "latent")
        .doc("Makes latents larger or smaller, to a size.")
        .inputs(&[
            SAMPLES,
            UPSCALE_METHOD,
            Input::int("width", 512, 0..=16384)
                .step(8)
                .doc("Width in pixels; 0 follows from the height."),
            Input::int("height", 512, 0..=16384)
                .step(8)
                .doc("Height in pixels; 0 follows from the width."),
            Input::combo("crop", Crop::NAMES)
                .doc("Whether another shape stretches the picture or cuts off what is too much."),
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, cx| {
        let latent = inputs.object::<Latent>("samples")?;
        let [_, _, height, width] = latent.shape;
        let (w, h): (usize, usize) = (inputs.int("width")?, inputs.int("height")?);
        // The side that is 0 keeps the proportions; a picture has 64 pixels at least.
        let other = |side: usize, from: usize, to: usize| {
            (to as f64 * side as f64 / from as f64).round_ties_even() as usize
        };
        let [w, h] = match [w, h] {
            [0, 0] => return Ok(Outputs::one((*latent).clone())),
            [0, h] => [other(h.max(64), height, width), h],
            [w, 0] => [w, other(w.max(64), width, height)],
            both => both,
        };
        let size = [h, w].map(|side| side.max(64) / FACTOR);
        let crop = inputs.string("crop")?;
        let crop = Crop::from_name(crop).ok_or_else(|| unknown("crop", crop))?;
        let out = resized(cx, &latent, size, inputs.string("upscale_method")?, crop)?;
        Ok(Outputs::one(out))
    },
);

/// A latent some times as large.
pub(super) const LATENT_UPSCALE_BY: Function = Function::new(
    &Schema::new("LatentUpscaleBy", "Upscale Latent By", "latent")
        .doc("Makes latents larger or smaller, by a factor.")
        .inputs(&[
            SAMPLES,
            UPSCALE_METHOD,
            Input::float("scale_by", 1.5, 0.01..=8.0, 0.01).doc("The factor for both sides."),
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, cx| {
        let latent = inputs.object::<Latent>("samples")?;
        let [_, _, height, width] = latent.shape;
        let by = inputs.float("scale_by")?;
        // A tiny latent would shrink to nothing.
        let size =
            [height, width].map(|side| ((side as f64 * by).round_ties_even() as usize).max(1));
        let method = inputs.string("upscale_method")?;
        Ok(Outputs::one(resized(cx, &latent, size, method, Crop::Disabled)?))
    },
);

/// A latent in another size, `[height, width]` in its positions.
pub(super) fn resized(
    cx: &Context<'_>,
    latent: &Latent,
    to: [usize; 2],
    method: &str,
    crop: Crop,
) -> Result<Latent> {
    let [batch, channels, height, width] = latent.shape;
    let shape = [batch, channels, to[0], to[1]];
    limits::check_latent(cx.env(), "latents of this size", shape)?;
    let samples = match Method::from_name(method) {
        Some(method) => resample::cropped(&latent.samples, [height, width], to, 1, method, crop),
        None if method == "bislerp" => {
            let [top, left] = resample::margins([height, width], to, crop);
            let middle = narrowed(latent, 2, top, height - 2 * top)?;
            bislerp(&narrowed(&middle, 3, left, width - 2 * left)?, to)
        }
        None => return Err(unknown("upscale method", method)),
    };
    latent.with(shape, samples)
}

/// A latent brought to the size of another of the same family, its middle kept.
pub(super) fn fitted(
    cx: &Context<'_>,
    latent: Rc<Latent>,
    like: &Latent,
    method: &str,
) -> Result<Rc<Latent>> {
    same_channels(like, &latent)?;
    let [_, _, height, width] = like.shape;
    if latent.shape[2..] == [height, width] {
        return Ok(latent);
    }
    Ok(Rc::new(resized(cx, &latent, [height, width], method, Crop::Center)?))
}

/// Refuses two latents of different families.
pub(super) fn same_channels(like: &Latent, latent: &Latent) -> Result<()> {
    let (expected, got) = (like.shape[1], latent.shape[1]);
    if expected == got {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Mismatch {
        what: "channels of the latents",
        expected: expected.to_string(),
        got: got.to_string(),
    })
    .hint("use latents of the same family"))
}

fn unknown(what: &'static str, got: &str) -> Error {
    ErrorKind::UnknownName { what, got: got.to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;
    use crate::graph::Inputs;
    use crate::nodes::testing::output;

    fn numbers(json: &Json) -> Vec<f32> {
        json.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
    }

    fn sides<const N: usize>(json: &Json) -> [usize; N] {
        std::array::from_fn(|i| json[i].as_u64().unwrap() as usize)
    }

    #[test]
    fn every_method_gives_torch_s_numbers() {
        let fixture = include_str!("../../../tests/fixtures/latent.json");
        let cases: Json = serde_json::from_str(fixture).unwrap();
        let latent = Latent::new(sides(&cases["shape"]), numbers(&cases["x"])).unwrap();
        let cases = cases["resize"].as_array().unwrap();
        assert_eq!(cases.len(), 20);
        for case in cases {
            let name = case["name"].as_str().unwrap();
            let [height, width] = sides::<2>(&case["to"]);
            let inputs = Inputs::new().with("samples", latent.clone());
            let inputs = inputs.with("upscale_method", case["method"].as_str().unwrap());
            let inputs = inputs.with("width", width as i64).with("height", height as i64);
            let inputs = inputs.with("crop", case["crop"].as_str().unwrap());
            let out = output::<Latent>(&LATENT_UPSCALE, inputs);
            assert_eq!(out.shape[2..], sides::<2>(&case["size"]), "{name}");
            for (ours, torch) in out.samples.iter().zip(numbers(&case["y"])) {
                assert!((ours - torch).abs() < 2e-5, "{name}: {ours} {torch}");
            }
        }
    }

    fn size_after(node: &Function, inputs: Inputs, shape: [usize; 4]) -> [usize; 2] {
        let latent = Latent::new(shape, vec![1.0; shape.iter().product()]).unwrap();
        let latent = Latent { batch_index: Some([2].into()), ..latent };
        let inputs = inputs.with("samples", latent).with("upscale_method", "nearest-exact");
        let out = output::<Latent>(node, inputs.with("crop", "disabled"));
        assert_eq!(out.batch_index.as_deref(), Some(&[2][..]));
        [out.shape[2], out.shape[3]]
    }

    #[test]
    fn a_side_of_nought_keeps_the_proportions() {
        let size = |width: i64, height: i64| {
            let inputs = Inputs::new().with("width", width).with("height", height);
            size_after(&LATENT_UPSCALE, inputs, [1, 1, 16, 24])
        };
        assert_eq!(size(0, 0), [16, 24]);
        assert_eq!(size(0, 256), [32, 48]);
        assert_eq!(size(96, 0), [8, 12]);
        assert_eq!(size(0, 8), [8, 12], "64 pixels at least");
        assert_eq!(size(8, 512), [64, 8]);
    }

    #[test]
    fn a_factor_rounds_halves_to_even() {
        let size = |by: f64, shape| {
            size_after(&LATENT_UPSCALE_BY, Inputs::new().with("scale_by", by), shape)
        };
        assert_eq!(size(1.5, [1, 1, 3, 5]), [4, 8]);
        assert_eq!(size(0.01, [1, 1, 3, 5]), [1, 1]);
    }
}
