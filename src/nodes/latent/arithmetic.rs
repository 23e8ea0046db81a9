//! Latents added, mixed and scaled, number by number.

use std::rc::Rc;

use super::batch::repeated;
use super::resize::fitted;
use crate::error::Result;
use crate::graph::{Context, Function, Input, Inputs, Kind, Output, Outputs, Schema};
use crate::nodes::values::Latent;

const FIRST: Input =
    Input::link("samples1", Kind::LATENT).doc("The first latents; their size and mask are kept.");
const SECOND: Input = Input::link("samples2", Kind::LATENT).doc("The second latents.");

/// The sum of two latents.
pub(super) const LATENT_ADD: Function = Function::new(
    &Schema::new("LatentAdd", "Latent Add", "latent/advanced")
        .doc("Adds latents.")
        .inputs(&[FIRST, SECOND])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, cx| combined(inputs, cx, "bilinear", &|a, b| a + b),
);

/// Their difference.
pub(super) const LATENT_SUBTRACT: Function = Function::new(
    &Schema::new("LatentSubtract", "Latent Subtract", "latent/advanced")
        .doc("Takes the second latents from the first.")
        .inputs(&[FIRST, SECOND])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, cx| combined(inputs, cx, "bilinear", &|a, b| a - b),
);

/// A latent, stronger or weaker.
pub(super) const LATENT_MULTIPLY: Function = Function::new(
    &Schema::new("LatentMultiply", "Latent Multiply", "latent/advanced")
        .doc("Multiplies latents with a number.")
        .inputs(&[
            Input::link("samples", Kind::LATENT).doc("The latents."),
            Input::float("multiplier", 1.0, -10.0..=10.0, 0.01).doc("The number."),
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, _| {
        let mut latent = (*inputs.object::<Latent>("samples")?).clone();
        let by = inputs.float("multiplier")? as f32;
        latent.samples.iter_mut().for_each(|v| *v *= by);
        Ok(Outputs::one(latent))
    },
);

/// Two latents mixed.
pub(super) const LATENT_BLEND: Function = Function::new(
    &Schema::new("LatentBlend", "Latent Blend", "latent/advanced")
        .doc("Mixes latents.")
        .inputs(&[
            FIRST,
            SECOND,
            Input::float("blend_factor", 0.5, 0.0..=1.0, 0.01)
                .doc("How much of the first: 1 is all of it, 0 only the second."),
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, cx| {
        let factor = inputs.float("blend_factor")? as f32;
        combined(inputs, cx, "bicubic", &|a, b| a * factor + b * (1.0 - factor))
    },
);

/// Two latents mixed by direction and length.
pub(super) const LATENT_INTERPOLATE: Function = Function::new(
    &Schema::new("LatentInterpolate", "Latent Interpolate", "latent/advanced")
        .doc("Mixes latents without weakening them: directions and lengths are mixed apart.")
        .inputs(&[
            FIRST,
            SECOND,
            Input::float("ratio", 1.0, 0.0..=1.0, 0.01)
                .doc("How much of the first: 1 is all of it, 0 only the second."),
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, cx| {
        let [first, second] = pair(inputs, cx, "bilinear")?;
        let ratio = inputs.float("ratio")? as f32;
        let mixed = |a: f32, b: f32| a * ratio + b * (1.0 - ratio);
        let [_, channels, height, width] = first.shape;
        let plane = height * width;
        let mut samples = vec![0.0; first.samples.len()];
        for start in 0..first.samples.len() / plane / channels * plane {
            // The channels of one place are a vector.
            let start = start / plane * plane * channels + start % plane;
            let places = || (0..channels).map(|c| start + c * plane);
            let length = |of: &[f32]| places().map(|i| of[i] * of[i]).sum::<f32>().sqrt();
            let (a, b) = (length(&first.samples), length(&second.samples));
            for i in places() {
                samples[i] = mixed(over(first.samples[i], a), over(second.samples[i], b));
            }
            let direction = length(&samples);
            for i in places() {
                samples[i] = over(samples[i], direction) * mixed(a, b);
            }
        }
        Ok(Outputs::one(first.with(first.shape, samples)?))
    },
);

/// `value / length`; a vector of no length has no direction.
fn over(value: f32, length: f32) -> f32 {
    if length == 0.0 { 0.0 } else { value / length }
}

/// Both latents in the first one's shape.
fn pair(inputs: &Inputs, cx: &Context<'_>, method: &str) -> Result<[Rc<Latent>; 2]> {
    let (first, second) = (inputs.object::<Latent>("samples1")?, inputs.object("samples2")?);
    let second = fitted(cx, second, &first, method)?;
    let second = repeated(&second, first.shape[0])?;
    Ok([first, Rc::new(second)])
}

fn combined(
    inputs: &Inputs,
    cx: &Context<'_>,
    method: &str,
    f: &dyn Fn(f32, f32) -> f32,
) -> Result<Outputs> {
    let [first, second] = pair(inputs, cx, method)?;
    let samples = first.samples.iter().zip(&second.samples).map(|(a, b)| f(*a, *b)).collect();
    Ok(Outputs::one(first.with(first.shape, samples)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::testing::{output, run};

    fn latent(shape: [usize; 4], samples: &[f32]) -> Latent {
        Latent::new(shape, samples.to_vec()).unwrap()
    }

    fn of(node: &Function, option: Option<(&'static str, f64)>) -> Vec<f32> {
        let first = latent([2, 1, 1, 2], &[1.0, 2.0, 3.0, 4.0]);
        let first = Latent { batch_index: Some([3, 4].into()), ..first };
        let inputs = Inputs::new().with("samples1", first.clone()).with("samples", first);
        let mut inputs = inputs.with("samples2", latent([1, 1, 1, 2], &[10.0, 20.0]));
        if let Some((name, value)) = option {
            inputs.set(name, value.into());
        }
        let out = output::<Latent>(node, inputs);
        assert_eq!((out.shape, out.batch_index.as_deref()), ([2, 1, 1, 2], Some(&[3, 4][..])));
        out.samples.clone()
    }

    #[test]
    fn latents_are_combined_and_the_shorter_batch_repeated() {
        assert_eq!(of(&LATENT_ADD, None), [11.0, 22.0, 13.0, 24.0]);
        assert_eq!(of(&LATENT_SUBTRACT, None), [-9.0, -18.0, -7.0, -16.0]);
        assert_eq!(of(&LATENT_MULTIPLY, Some(("multiplier", -0.5))), [-0.5, -1.0, -1.5, -2.0]);
        assert_eq!(of(&LATENT_BLEND, Some(("blend_factor", 0.75))), [3.25, 6.5, 4.75, 8.0]);
    }

    #[test]
    fn interpolation_keeps_lengths() {
        let mix = |a: &[f32], b: &[f32], ratio: f64| {
            let inputs = Inputs::new().with("samples1", latent([1, 2, 1, 1], a));
            let inputs = inputs.with("samples2", latent([1, 2, 1, 1], b)).with("ratio", ratio);
            output::<Latent>(&LATENT_INTERPOLATE, inputs).samples.clone()
        };
        // Half way between east of length 3 and north of length 5: north-east of length 4.
        let out = mix(&[3.0, 0.0], &[0.0, 5.0], 0.5);
        assert!(out.iter().all(|v| (v - 4.0 * 0.5_f32.sqrt()).abs() < 1e-6), "{out:?}");
        assert_eq!(mix(&[3.0, 4.0], &[0.0, 0.0], 1.0), [3.0, 4.0]);
        assert_eq!(mix(&[0.0, 0.0], &[0.0, 0.0], 0.5), [0.0, 0.0]);
    }

    #[test]
    fn latents_of_other_families_are_refused() {
        let inputs = Inputs::new().with("samples1", latent([1, 1, 1, 1], &[1.0]));
        let inputs = inputs.with("samples2", latent([1, 2, 1, 1], &[1.0, 2.0]));
        let error = run(&LATENT_ADD, inputs).unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with("channels of the latents: expected 1, got 2"), "{message}");
    }
}
