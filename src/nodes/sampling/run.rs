//! A run: from a latent and noise to a latent, whichever node asks for it.

use super::guided::Guided;
use super::hole::Canvas;
use super::preview::Previewer;
use crate::diffusion::inpaint::{Inpaint, inpaint_noise};
use crate::diffusion::noise::{Generator, Philox};
use crate::diffusion::samplers::{self, Method, StepInfo, StepNoise};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Context;
use crate::image::resample::mask_to_size;
use crate::nodes::values::{Guider, Latent, Model, Noise};
use crate::nodes::{Desktop, Environment, limits};

/// What a sampling node gives to [`sample`].
pub(super) struct Run<'a> {
    pub(super) guider: &'a Guider,
    pub(super) method: Method,
    /// Fewer than two levels are no step.
    pub(super) sigmas: &'a [f32],
    pub(super) latent: &'a Latent,
    /// The noise to begin with, and the seed of what the sampler draws on its way.
    pub(super) noise: Noise,
    pub(super) seed: u64,
}

/// What a run gives.
pub(super) struct Sampled {
    /// The latent at the last level.
    pub(super) output: Latent,
    /// The clean latent that the network saw in it before the last step.
    pub(super) denoised: Latent,
}

/// Denoises.
pub(super) async fn sample(run: Run<'_>, cx: &Context<'_>) -> Result<Sampled> {
    let Run { guider, method, sigmas, latent, noise, seed } = run;
    let (Some(&first), Some(&last)) = (sigmas.first(), sigmas.last()) else {
        return Ok(Sampled { output: latent.clone(), denoised: latent.clone() });
    };
    let model = &guider.model;
    let latent = &fixed_up(latent, model, cx)?;
    let scale = model.format.scaling_factor;
    let start: Vec<f32> = latent.samples.iter().map(|v| v * scale).collect();
    let env = cx.env::<Environment>();
    env.make_room().await?;
    let noise = draw(noise, latent, env)?;
    let x = model.schedule.noised(&start, &noise, first)?;
    let previewer = Previewer::new(cx, &model.format, latent.shape).await?;
    let mut clean = Vec::new();
    let mut on_step = |info: StepInfo<'_>| -> Result<()> {
        cx.progress(info.step as u64 + 1, info.steps as u64);
        previewer.take(info.denoised);
        clean.clear();
        clean.extend_from_slice(info.denoised);
        cx.check_cancelled()
    };
    let hole = latent.noise_mask.as_deref();
    let canvas = Canvas { shape: latent.shape, picture: &start, hole };
    let mut network = Guided::new(guider, canvas, sigmas, &previewer, cx)?;
    let mut drawn = match env.noise() {
        Desktop::ComfyUi => StepNoise::new(seed),
        Desktop::ComfyUiCuda => StepNoise::on_card(seed),
        Desktop::A1111 => {
            StepNoise::each_on_card(&seeds(seed, latent)?, latent.samples.len() / latent.shape[0])
        }
    };
    let unscaled = |v: Vec<f32>| -> Vec<f32> { v.into_iter().map(|v| v / scale).collect() };
    let samples = match &latent.noise_mask {
        None => {
            let network = &mut network;
            let out =
                samplers::sample(method, network, x, sigmas, &mut drawn, &mut on_step).await?;
            unscaled(out)
        }
        Some(mask) => {
            let mask = mask_to_size(mask, latent.shape);
            let fresh = inpaint_noise(method.sampler, seed, &noise);
            let mut masked = Inpaint::new(&mut network, mask.clone(), start.clone(), fresh)?;
            if let Some(strength) = model.options.differential {
                masked = masked.by_degrees(&model.schedule, sigmas, strength);
            }
            let masked = &mut masked;
            let out = samplers::sample(method, masked, x, sigmas, &mut drawn, &mut on_step).await?;
            let mut out = unscaled(out);
            if last == 0.0 && model.options.differential.is_none() {
                // What is protected comes back to the last bit, whatever sampler and scaling did to it.
                let places = out.iter_mut().zip(&mask).zip(&latent.samples);
                places.filter(|((_, m), _)| **m == 0.0).for_each(|((out, _), kept)| *out = *kept);
            }
            out
        }
    };
    let output = Latent { samples, ..latent.clone() };
    let denoised = match clean.is_empty() {
        true => output.clone(),
        false => Latent { samples: unscaled(clean), ..latent.clone() },
    };
    Ok(Sampled { output, denoised })
}

/// An empty latent of another family gets the channels of this one; any other is left as it is.
fn fixed_up(latent: &Latent, model: &Model, cx: &Context<'_>) -> Result<Latent> {
    let [batch, channels, height, width] = latent.shape;
    let wanted = model.unet.config().out_channels;
    if channels == wanted || latent.samples.iter().any(|v| *v != 0.0) {
        return Ok(latent.clone());
    }
    let shape = [batch, wanted, height, width];
    let numbers = shape.iter().map(|n| *n as u64).product();
    let env = cx.env::<Environment>();
    limits::check_host(&env.device_info, "an empty latent of this size", numbers)?;
    Ok(Latent { shape, samples: vec![0.0; numbers as usize], ..latent.clone() })
}

/// What a run depends on besides its inputs: whose random numbers it draws.
pub(super) fn desktop(cx: &Context<'_>) -> String {
    cx.env::<Environment>().noise().name().to_owned()
}

/// The noise for a latent, scaled to variance 1.
///
/// One draw for the whole batch; where the pictures are some of a larger batch, one draw for each of that
/// batch, of which theirs are taken. As draws follow each other in one stream, both give picture `k` of a batch
/// the same noise. With A1111 every picture has its own seed.
pub(super) fn draw(noise: Noise, latent: &Latent, env: &Environment) -> Result<Vec<f32>> {
    let Noise::Seed(seed) = noise else { return Ok(vec![0.0; latent.samples.len()]) };
    let len = latent.samples.len() / latent.shape[0];
    if env.noise() == Desktop::A1111 {
        let seeds = seeds(seed, latent)?;
        return Ok(seeds.into_iter().flat_map(|seed| Philox::new(seed).randn(len)).collect());
    }
    let mut generator = Generator::new(seed);
    if latent.batch_index.is_none() {
        return Ok(generator.randn(latent.samples.len()));
    }
    let places = places(latent)?;
    let largest = places.iter().copied().max().unwrap_or(0);
    let numbers = (largest as u64).saturating_add(1).saturating_mul(len as u64);
    limits::check_host(&env.device_info, "the noise of a batch with such places", numbers)?;
    let mut out = vec![0.0; latent.samples.len()];
    for index in 0..=largest {
        let one = generator.randn(len);
        let takers = places.iter().enumerate().filter(|(_, place)| **place == index);
        takers.for_each(|(i, _)| out[i * len..][..len].copy_from_slice(&one));
    }
    Ok(out)
}

/// The seed of each picture with A1111.
fn seeds(seed: u64, latent: &Latent) -> Result<Vec<u64>> {
    Ok(places(latent)?.into_iter().map(|place| seed.wrapping_add(place as u64)).collect())
}

/// The place of each picture in its batch.
fn places(latent: &Latent) -> Result<Vec<usize>> {
    let batch = latent.shape[0];
    let Some(places) = &latent.batch_index else { return Ok((0..batch).collect()) };
    if places.len() == batch {
        return Ok(places.to_vec());
    }
    Err(Error::new(ErrorKind::Mismatch {
        what: "places of the latents in their batch",
        expected: batch.to_string(),
        got: places.len().to_string(),
    })
    .hint("take the latents from a batch with `LatentFromBatch`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::testing::environment;

    fn latent(batch: usize, places: Option<&[usize]>) -> Latent {
        let shape = [batch, 4, 4, 4];
        let mut latent = Latent::new(shape, vec![0.0; batch * 64]).unwrap();
        latent.batch_index = places.map(Into::into);
        latent
    }

    #[test]
    fn pictures_of_a_larger_batch_get_the_noise_of_their_places() {
        let env = environment().unwrap();
        let draw = |latent| draw(Noise::Seed(5), &latent, &env).unwrap();
        let one = |whole: &[f32], i: usize| whole[i * 64..][..64].to_vec();
        let cpu = draw(latent(4, None));
        assert_eq!(cpu, Generator::new(5).randn(4 * 64));
        env.set_noise(Desktop::ComfyUiCuda);
        assert_eq!(draw(latent(4, None)), cpu);
        env.set_noise(Desktop::A1111);
        let card = draw(latent(4, None));
        assert_eq!(one(&card, 2), Philox::new(7).randn(64));
        for (source, whole) in [(Desktop::ComfyUi, cpu), (Desktop::A1111, card)] {
            env.set_noise(source);
            let some = draw(latent(3, Some(&[2, 0, 2])));
            assert_eq!(some, [one(&whole, 2), one(&whole, 0), one(&whole, 2)].concat());
        }
        assert_eq!(super::draw(Noise::None, &latent(1, None), &env).unwrap(), [0.0; 64]);
    }

    #[test]
    fn places_that_do_not_fit_are_refused() {
        let env = environment().unwrap();
        let code = |places: &[usize]| {
            let error = draw(Noise::Seed(5), &latent(2, Some(places)), &env).unwrap_err();
            error.kind().code()
        };
        assert_eq!(code(&[1]), "mismatch");
        assert_eq!([code(&[0, usize::MAX]), code(&[0, usize::MAX >> 8])], ["too_large"; 2]);
    }
}
