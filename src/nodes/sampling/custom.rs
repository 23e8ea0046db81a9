//! The samplers that take noise, guider, sampler and levels from other nodes.

use super::guiders::cfg_guider;
use super::run::{Run, Sampled, desktop, sample};
use crate::diffusion::samplers::{Method, SAMPLERS, Sampler};
use crate::error::Result;
use crate::graph::{Context, Function, Input, Inputs, Kind, Output, Outputs, Schema};
use crate::nodes::values::{GUIDER, Guider, Latent, NOISE, Noise, SAMPLER, SIGMAS, Sigmas};

const SAMPLER_INPUT: Input = Input::link("sampler", SAMPLER).doc("The way from noise to picture.");
const SIGMAS_INPUT: Input = Input::link("sigmas", SIGMAS).doc("The noise levels to go through.");
const LATENT_IMAGE: Input =
    Input::link("latent_image", Kind::LATENT).doc("Where to start: empty, or a picture to change.");
const OUTPUTS: &[Output] = &[
    Output::new(Kind::LATENT).named("output").doc("The latent after the last step."),
    Output::new(Kind::LATENT).named("denoised_output").doc(
        "The clean latent that the network saw in the last step; it differs where noise is left.",
    ),
];

/// A latent, noised and denoised over given levels.
pub(super) const SAMPLER_CUSTOM: Function = Function::waiting(
    &Schema::new("SamplerCustom", "SamplerCustom", "sampling/custom_sampling")
        .doc("Paints with a sampler and noise levels of your choice.")
        .inputs(&[
            Input::link("model", Kind::MODEL).doc("The network that paints."),
            Input::boolean("add_noise", true)
                .doc("Off where the latent still has the noise that another sampler left."),
            Input::int("noise_seed", 0, 0..=u64::MAX as i128).control_after_generate().doc(
                "Which noise to start from: the same seed and settings give the same picture.",
            ),
            Input::float("cfg", 8.0, 0.0..=100.0, 0.1).doc(
                "How closely the picture follows the prompt; 1 leaves the negative prompt out.",
            ),
            Input::link("positive", Kind::CONDITIONING).doc("What the picture should show."),
            Input::link("negative", Kind::CONDITIONING).doc("What it should not show."),
            SAMPLER_INPUT,
            SIGMAS_INPUT,
            LATENT_IMAGE,
        ])
        .outputs(OUTPUTS),
    |inputs, cx| Box::pin(sampler_custom(inputs, cx)),
)
.fingerprinted_by(|_, cx| Ok(Some(desktop(cx))));

async fn sampler_custom(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let seed = inputs.int("noise_seed")?;
    let noise = if inputs.boolean("add_noise")? { Noise::Seed(seed) } else { Noise::None };
    run(&inputs, &cfg_guider(&inputs)?, noise, seed, cx).await
}

/// As SamplerCustom, with noise and guidance from nodes as well.
pub(super) const SAMPLER_CUSTOM_ADVANCED: Function = Function::waiting(
    &Schema::new("SamplerCustomAdvanced", "SamplerCustomAdvanced", "sampling/custom_sampling")
        .doc("Paints with noise, guidance, sampler and noise levels of your choice.")
        .inputs(&[
            Input::link("noise", NOISE).doc("The noise to start from."),
            Input::link("guider", GUIDER).doc("The model with its prompts."),
            SAMPLER_INPUT,
            SIGMAS_INPUT,
            LATENT_IMAGE,
        ])
        .outputs(OUTPUTS),
    |inputs, cx| Box::pin(sampler_custom_advanced(inputs, cx)),
)
.fingerprinted_by(|_, cx| Ok(Some(desktop(cx))));

async fn sampler_custom_advanced(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let noise = *inputs.object::<Noise>("noise")?;
    let guider = inputs.object::<Guider>("guider")?;
    run(&inputs, &guider, noise, noise.seed(), cx).await
}

async fn run(
    inputs: &Inputs,
    guider: &Guider,
    noise: Noise,
    seed: u64,
    cx: &Context<'_>,
) -> Result<Outputs> {
    let method = *inputs.object::<Method>("sampler")?;
    let sigmas = inputs.object::<Sigmas>("sigmas")?;
    let latent = inputs.object::<Latent>("latent_image")?;
    let run = Run { guider, method, sigmas: &sigmas.0, latent: &latent, noise, seed };
    let Sampled { output, denoised } = sample(run, cx).await?;
    Ok(Outputs::new(vec![output.into(), denoised.into()]))
}

/// A sampler by its name.
pub(super) const KSAMPLER_SELECT: Function = Function::new(
    &Schema::new("KSamplerSelect", "KSamplerSelect", "sampling/custom_sampling/samplers")
        .doc("A sampler, set as its name alone means.")
        .inputs(&[Input::combo("sampler_name", &SAMPLERS).doc("The way from noise to picture.")])
        .outputs(&[Output::new(SAMPLER)]),
    |inputs, _| {
        let sampler = Sampler::from_name(inputs.string("sampler_name")?)?;
        Ok(Outputs::one(Method::from(sampler)))
    },
);
