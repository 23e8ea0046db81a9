//! The samplers that do everything by themselves.

use super::guiders::cfg_guider;
use super::run::{Run, desktop, sample};
use crate::diffusion::samplers::{SAMPLERS, Sampler};
use crate::diffusion::schedule::{SCHEDULERS, Scheduler, sampling_sigmas};
use crate::error::Result;
use crate::graph::{Context, Function, Input, Inputs, Kind, Output, Outputs, Schema};
use crate::nodes::values::{Latent, Noise};

const MODEL: Input = Input::link("model", Kind::MODEL).doc("The network that paints.");
const STEPS: Input = Input::int("steps", 20, 1..=10000).doc("More steps, finer and slower.");
const CFG: Input = Input::float("cfg", 8.0, 0.0..=100.0, 0.1)
    .doc("How closely the picture follows the prompt; 1 leaves the negative prompt out.");
const SAMPLER_NAME: Input =
    Input::combo("sampler_name", &SAMPLERS).doc("The way from noise to picture.");
const SCHEDULER: Input =
    Input::combo("scheduler", &SCHEDULERS).doc("How much noise is removed in which step.");
const POSITIVE: Input =
    Input::link("positive", Kind::CONDITIONING).doc("What the picture should show.");
const NEGATIVE: Input = Input::link("negative", Kind::CONDITIONING).doc("What it should not show.");
const LATENT_IMAGE: Input =
    Input::link("latent_image", Kind::LATENT).doc("Where to start: empty, or a picture to change.");

/// A latent, noised and denoised towards a prompt.
pub(super) const KSAMPLER: Function = Function::waiting(
    &Schema::new("KSampler", "KSampler", "sampling")
        .doc("Paints: starts from noise, or from a picture with noise added, and removes it step by step, guided by the prompts.")
        .inputs(&[
            MODEL,
            Input::int("seed", 0, 0..=u64::MAX as i128)
                .control_after_generate()
                .doc("Which noise to start from: the same seed and settings give the same picture."),
            STEPS,
            CFG,
            SAMPLER_NAME,
            SCHEDULER,
            POSITIVE,
            NEGATIVE,
            LATENT_IMAGE,
            Input::float("denoise", 1.0, 0.0..=1.0, 0.01)
                .doc("How much may change: 1 makes a new picture, less keeps some of the given one."),
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, cx| Box::pin(k_sampler(inputs, cx)),
)
.fingerprinted_by(|_, cx| Ok(Some(desktop(cx))));

async fn k_sampler(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let seed = inputs.int("seed")?;
    let denoise = inputs.float("denoise")?;
    denoised(&inputs, Noise::Seed(seed), seed, denoise, |sigmas| sigmas, cx).await
}

/// As KSampler, from any step to any other.
pub(super) const KSAMPLER_ADVANCED: Function = Function::waiting(
    &Schema::new("KSamplerAdvanced", "KSampler (Advanced)", "sampling")
        .doc("Paints a part of the steps, so that another sampler, model or prompt can do the others.")
        .inputs(&[
            MODEL,
            Input::combo("add_noise", &["enable", "disable"])
                .doc("Disable where the latent still has the noise that another sampler left."),
            Input::int("noise_seed", 0, 0..=u64::MAX as i128)
                .control_after_generate()
                .doc("Which noise to start from: the same seed and settings give the same picture."),
            STEPS,
            CFG,
            SAMPLER_NAME,
            SCHEDULER,
            POSITIVE,
            NEGATIVE,
            LATENT_IMAGE,
            Input::int("start_at_step", 0, 0..=10000).doc("The first step done here."),
            Input::int("end_at_step", 10000, 0..=10000).doc("The first step not done here."),
            Input::combo("return_with_leftover_noise", &["disable", "enable"])
                .doc("Enable to leave the noise of the steps that are not done here for another sampler."),
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, cx| Box::pin(k_sampler_advanced(inputs, cx)),
)
.fingerprinted_by(|_, cx| Ok(Some(desktop(cx))));

async fn k_sampler_advanced(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let seed = inputs.int("noise_seed")?;
    let (start, end) = (inputs.int("start_at_step")?, inputs.int("end_at_step")?);
    let noise = match inputs.string("add_noise")? {
        "disable" => Noise::None,
        _ => Noise::Seed(seed),
    };
    let leftover = inputs.string("return_with_leftover_noise")? == "enable";
    let part = |sigmas| between(sigmas, start, end, leftover);
    denoised(&inputs, noise, seed, 1.0, part, cx).await
}

/// The levels of the steps from `start` up to `end`, of which there may be none; unless noise is to be left,
/// the last of them is 0.
fn between(mut sigmas: Vec<f32>, start: usize, end: usize, leftover: bool) -> Vec<f32> {
    if end + 1 < sigmas.len() {
        sigmas.truncate(end + 1);
        if let Some(last) = sigmas.last_mut()
            && !leftover
        {
            *last = 0.0;
        }
    }
    if start + 1 < sigmas.len() { sigmas.split_off(start) } else { Vec::new() }
}

/// What both nodes do: `part` picks of the run's levels.
async fn denoised(
    inputs: &Inputs,
    noise: Noise,
    seed: u64,
    denoise: f64,
    part: impl FnOnce(Vec<f32>) -> Vec<f32>,
    cx: &Context<'_>,
) -> Result<Outputs> {
    let guider = cfg_guider(inputs)?;
    let latent = inputs.object::<Latent>("latent_image")?;
    let sampler = Sampler::from_name(inputs.string("sampler_name")?)?;
    let scheduler = Scheduler::from_name(inputs.string("scheduler")?)?;
    let steps = inputs.int("steps")?;
    let sigmas = sampling_sigmas(&guider.model.schedule, scheduler, sampler, steps, denoise)?;
    let run = Run {
        guider: &guider,
        method: sampler.into(),
        sigmas: &part(sigmas),
        latent: &latent,
        noise,
        seed,
    };
    Ok(Outputs::one(sample(run, cx).await?.output))
}

#[cfg(test)]
mod tests {
    use super::between;

    #[test]
    fn steps_are_cut_out_of_the_levels() {
        let cut =
            |start, end, leftover| between(vec![8.0, 4.0, 2.0, 1.0, 0.0], start, end, leftover);
        assert_eq!(cut(0, 10000, false), [8.0, 4.0, 2.0, 1.0, 0.0]);
        assert_eq!(cut(1, 3, true), [4.0, 2.0, 1.0]);
        assert_eq!(cut(1, 3, false), [4.0, 2.0, 0.0]);
        assert_eq!(cut(3, 4, true), [1.0, 0.0]);
        // At or beyond the end there is nothing to do.
        for (start, end) in [(4, 10000), (9, 10000), (3, 3), (3, 1), (0, 0)] {
            assert!(cut(start, end, false).is_empty(), "{start} to {end}");
        }
        assert!(between(Vec::new(), 0, 10, false).is_empty());
    }
}
