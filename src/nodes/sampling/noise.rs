//! Nodes of the noise that a run starts from.

use super::run::{desktop, draw};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Context, Function, Input, Inputs, Kind, Output, Outputs, Schema};
use crate::nodes::values::{Latent, Model, NOISE, Noise, SIGMAS, Sigmas};

/// The noise of a seed.
pub(super) const RANDOM_NOISE: Function = Function::new(
    &Schema::new("RandomNoise", "RandomNoise", "sampling/custom_sampling/noise")
        .doc("The noise that a picture starts from.")
        .inputs(&[Input::int("noise_seed", 0, 0..=u64::MAX as i128)
            .control_after_generate()
            .doc("Which noise: the same seed gives the same.")])
        .outputs(&[Output::new(NOISE)]),
    |inputs, _| Ok(Outputs::one(Noise::Seed(inputs.int("noise_seed")?))),
);

/// No noise.
pub(super) const DISABLE_NOISE: Function = Function::new(
    &Schema::new("DisableNoise", "DisableNoise", "sampling/custom_sampling/noise")
        .doc("No noise: for a latent that still has the noise another sampler left.")
        .outputs(&[Output::new(NOISE)]),
    |_, _| Ok(Outputs::one(Noise::None)),
);

/// A latent → the same with noise.
pub(super) const ADD_NOISE: Function = Function::waiting(
    &Schema::new("AddNoise", "AddNoise", "sampling/custom_sampling/noise")
        .doc("Adds noise to a latent, as much as lies between the first and the last level.")
        .inputs(&[
            Input::link("model", Kind::MODEL).doc("The network that will remove it."),
            Input::link("noise", NOISE).doc("The noise."),
            Input::link("sigmas", SIGMAS).doc("The levels; of one, all of it is added."),
            Input::link("latent_image", Kind::LATENT).doc("The latent."),
        ])
        .outputs(&[Output::new(Kind::LATENT)])
        .experimental(),
    |inputs, cx| Box::pin(add_noise(inputs, cx)),
)
.fingerprinted_by(|_, cx| Ok(Some(desktop(cx))));

async fn add_noise(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let model = inputs.object::<Model>("model")?;
    let latent = inputs.object::<Latent>("latent_image")?;
    let noise = draw(*inputs.object::<Noise>("noise")?, &latent, cx.env())?;
    let samples = noised(&model, &latent, &noise, &inputs.object::<Sigmas>("sigmas")?.0)?;
    Ok(Outputs::one(Latent { samples, ..(*latent).clone() }))
}

fn noised(model: &Model, latent: &Latent, noise: &[f32], sigmas: &[f32]) -> Result<Vec<f32>> {
    let (Some(first), Some(last)) = (sigmas.first(), sigmas.last()) else {
        return Ok(latent.samples.clone());
    };
    let sigma = if sigmas.len() > 1 { (first - last).abs() } else { *first };
    if !sigma.is_finite() {
        return Err(Error::new(ErrorKind::NotFinite { input: "sigmas" }));
    }
    let scale = model.format.scaling_factor;
    let places = latent.samples.iter().zip(noise);
    Ok(places.map(|(latent, noise)| (latent * scale + noise * sigma) / scale).collect())
}
