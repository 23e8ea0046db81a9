//! One latent put on another.

use std::rc::Rc;

use super::FACTOR;
use super::batch::{masks_of, repeated};
use super::resize::{resized, same_channels};
use crate::error::Result;
use crate::graph::{Function, Input, Kind, Output, Outputs, Schema};
use crate::image::Mask;
use crate::image::resample::{Crop, mask_to_size};
use crate::nodes::limits;
use crate::nodes::values::Latent;

const X: Input = Input::int("x", 0, 0..=16384).step(8).doc("Its left edge there, in pixels.");
const Y: Input = Input::int("y", 0, 0..=16384).step(8).doc("Its top edge there, in pixels.");

/// A latent on another, its edges faded.
pub(super) const LATENT_COMPOSITE: Function = Function::new(
    &Schema::new("LatentComposite", "Latent Composite", "latent")
        .doc("Puts latents on others.")
        .inputs(&[
            Input::link("samples_to", Kind::LATENT).doc("The latents below."),
            Input::link("samples_from", Kind::LATENT).doc("The latents put on them."),
            X,
            Y,
            Input::int("feather", 0, 0..=16384)
                .step(8)
                .doc("Pixels over which the edges fade, except along the border of the picture."),
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, _| {
        let to = inputs.object::<Latent>("samples_to")?;
        let from = inputs.object::<Latent>("samples_from")?;
        let place = |name| Ok::<_, crate::error::Error>(inputs.int::<usize>(name)? / FACTOR);
        let (top, left, feather) = (place("y")?, place("x")?, place("feather")?);
        let down = Fade::new(top, from.shape[2], to.shape[2], feather);
        let across = Fade::new(left, from.shape[3], to.shape[3], feather);
        let out = pasted(&to, &from, [top, left], &|_, y, x| down.at(y) * across.at(x))?;
        Ok(Outputs::one(out))
    },
);

/// A latent on another, through a mask.
pub(super) const LATENT_COMPOSITE_MASKED: Function = Function::new(
    &Schema::new("LatentCompositeMasked", "Latent Composite Masked", "latent")
        .doc("Puts latents on others, where a mask lets them through.")
        .inputs(&[
            Input::link("destination", Kind::LATENT).doc("The latents below."),
            Input::link("source", Kind::LATENT).doc("The latents put on them."),
            X,
            Y,
            Input::boolean("resize_source", false)
                .doc("Stretches what is put on to the size of what is below."),
            Input::link("mask", Kind::MASK)
                .optional()
                .doc("White where it is put on; stretched over it. Everywhere if left out."),
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, cx| {
        let to = inputs.object::<Latent>("destination")?;
        let [batch, _, height, width] = to.shape;
        let mut from = inputs.object::<Latent>("source")?;
        if inputs.boolean("resize_source")? {
            from = Rc::new(resized(cx, &from, [height, width], "bilinear", Crop::Disabled)?);
        }
        let at = [inputs.int::<usize>("y")? / FACTOR, inputs.int::<usize>("x")? / FACTOR];
        let [_, _, h, w] = from.shape;
        let out = match inputs.optional_object::<Mask>("mask")? {
            None => pasted(&to, &from, at, &|_, _, _| 1.0),
            Some(mask) => {
                let shape = [batch, 1, h, w];
                limits::check_latent(cx.env(), "masks of this size", shape)?;
                let weights = mask_to_size(&masks_of(&mask, 0..batch), shape);
                pasted(&to, &from, at, &|b, y, x| weights[(b * h + y) * w + x])
            }
        };
        Ok(Outputs::one(out?))
    },
);

/// `from`, repeated for the batch, mixed into `to` from `[top, left]` on, by `weight(picture, row, column)`.
fn pasted(
    to: &Latent,
    from: &Latent,
    [top, left]: [usize; 2],
    weight: &dyn Fn(usize, usize, usize) -> f32,
) -> Result<Latent> {
    same_channels(to, from)?;
    let [batch, channels, height, width] = to.shape;
    let from = repeated(from, batch)?;
    let [_, _, h, w] = from.shape;
    let (rows, columns) = (h.min(height.saturating_sub(top)), w.min(width.saturating_sub(left)));
    let mut out = to.clone();
    for b in 0..batch {
        for c in 0..channels {
            let plane = b * channels + c;
            for y in 0..rows {
                let below = &mut out.samples[(plane * height + top + y) * width..][..width];
                let above = &from.samples[(plane * h + y) * w..][..columns];
                for (x, above) in above.iter().enumerate() {
                    let (m, below) = (weight(b, y, x), &mut below[left + x]);
                    *below = above * m + *below * (1.0 - m);
                }
            }
        }
    }
    Ok(out)
}

/// How a pasted side fades: not where it lies along the border.
struct Fade {
    length: usize,
    feather: usize,
    start: bool,
    end: bool,
}

impl Fade {
    fn new(start: usize, length: usize, whole: usize, feather: usize) -> Self {
        let length = length.min(whole.saturating_sub(start));
        Self { length, feather, start: start != 0, end: start + length < whole }
    }

    fn at(&self, i: usize) -> f32 {
        let ramp = |fades: bool, distance: usize| match fades && distance < self.feather {
            true => (distance + 1) as f32 / self.feather as f32,
            false => 1.0,
        };
        ramp(self.start, i) * ramp(self.end, self.length - 1 - i)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Inputs;
    use crate::nodes::testing::{output, run};

    /// `[batch, 1, height, width]` of one number.
    fn flat(batch: usize, height: usize, width: usize, value: f32) -> Latent {
        Latent::new([batch, 1, height, width], vec![value; batch * height * width]).unwrap()
    }

    fn composite(from: Latent, x: i64, feather: i64) -> Vec<f32> {
        let to = Latent { batch_index: Some([9].into()), ..flat(1, 1, 6, 0.0) };
        let inputs = Inputs::new().with("samples_to", to).with("samples_from", from);
        let inputs = inputs.with("x", x).with("y", 0_i64).with("feather", feather);
        let out = output::<Latent>(&LATENT_COMPOSITE, inputs);
        assert_eq!(out.batch_index.as_deref(), Some(&[9][..]));
        out.samples.clone()
    }

    #[test]
    fn edges_fade_except_along_the_border() {
        assert_eq!(composite(flat(1, 1, 2, 1.0), 8, 0), [0.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
        assert_eq!(composite(flat(1, 1, 4, 1.0), 8, 16), [0.0, 0.5, 1.0, 1.0, 0.5, 0.0]);
        assert_eq!(composite(flat(1, 1, 4, 1.0), 0, 16), [1.0, 1.0, 1.0, 0.5, 0.0, 0.0]);
        // What reaches beyond is cut off, and then lies along the border.
        assert_eq!(composite(flat(1, 9, 9, 1.0), 24, 16), [0.0, 0.0, 0.0, 0.5, 1.0, 1.0]);
        assert_eq!(composite(flat(1, 1, 2, 1.0), 8, 32), [0.0, 0.125, 0.125, 0.0, 0.0, 0.0]);
        assert_eq!(composite(flat(1, 1, 2, 1.0), 4096, 0), [0.0; 6]);
    }

    fn masked(mask: Option<Mask>, source: Latent) -> Rc<Latent> {
        let inputs = Inputs::new().with("destination", flat(2, 2, 2, 0.0)).with("source", source);
        let mut inputs = inputs.with("x", 8_i64).with("y", 0_i64).with("resize_source", false);
        if let Some(mask) = mask {
            inputs.set("mask", mask.into());
        }
        output(&LATENT_COMPOSITE_MASKED, inputs)
    }

    #[test]
    fn a_mask_is_stretched_over_what_is_put_on() {
        let plain = masked(None, flat(1, 2, 2, 1.0));
        assert_eq!(plain.samples, [0.0, 1.0, 0.0, 1.0].repeat(2));
        let mask = Mask { batch: 2, height: 1, width: 1, data: vec![0.25, 0.5] };
        let masked = masked(Some(mask), flat(1, 2, 2, 1.0));
        assert_eq!(masked.samples, [0.0, 0.25, 0.0, 0.25, 0.0, 0.5, 0.0, 0.5]);
    }

    #[test]
    fn latents_of_another_family_are_refused() {
        let source = Latent::new([1, 2, 1, 1], vec![0.0; 2]).unwrap();
        let inputs = Inputs::new().with("samples_to", flat(1, 1, 1, 0.0)).with("x", 0_i64);
        let inputs = inputs.with("samples_from", source).with("y", 0_i64).with("feather", 0_i64);
        let error = run(&LATENT_COMPOSITE, inputs).unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with("channels of the latents: expected 1, got 2"), "{message}");
    }
}
