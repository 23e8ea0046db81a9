//! Samplers: from noise to a latent, in steps.
//!
//! [`sample`] walks down a list of noise levels and asks a [`Denoise`] for the clean latent at each. All samplers
//! work in the space of Karras et al. 2022, where the latent at level `sigma` is the clean one plus noise of that
//! deviation. Those that k-diffusion has follow it, and so ComfyUI, to the rounding of single precision; the
//! others follow their papers.
//!
//! A sampler is, with a few exceptions, a rule in `samplers/FAMILY.rs` that gives the weights of a step's sums
//! (`samplers/steps.rs`). To add one: write the rule, add a variant to [`Sampler`] and follow the compiler.

mod adams;
mod dpm_solver;
mod er_sde;
mod euler;
mod exponential;
mod heun;
mod midpoint;
mod names;
mod options;
mod run;
mod sa_solver;
mod seeds;
mod step_noise;
mod steps;
mod uni_pc;

use futures_util::future::LocalBoxFuture;

use crate::error::{Error, ErrorKind, Result};
pub use names::{SAMPLERS, Sampler};
pub use options::{ErNoise, SamplerOptions};
use run::Run;
pub use step_noise::StepNoise;
use steps::{Memory, Rule, Table};

/// What a sampler samples from: a network with its prompt and guidance.
pub trait Denoise {
    /// The clean latent that is most likely behind `x`.
    ///
    /// # Shapes
    ///
    /// - `x`, output: `[batch, channels, height / 8, width / 8]`, flattened
    ///
    /// # Units
    ///
    /// - `sigma`: standard deviation of the noise in `x`
    ///
    /// # Errors
    ///
    /// Whatever stops the run; `Cancelled` among them.
    fn denoise<'a>(&'a mut self, x: &'a [f32], sigma: f32) -> LocalBoxFuture<'a, Result<Vec<f32>>>;

    /// As [`Denoise::denoise`], with the negative prompt's own answer beside the guided one; for samplers
    /// that step along the latter (CFG++). Without a negative prompt both are the same.
    ///
    /// # Errors
    ///
    /// As [`Denoise::denoise`].
    fn denoise_both<'a>(
        &'a mut self,
        x: &'a [f32],
        sigma: f32,
    ) -> LocalBoxFuture<'a, Result<Denoised>> {
        Box::pin(async move {
            let guided = self.denoise(x, sigma).await?;
            Ok(Denoised { negative: guided.clone(), guided })
        })
    }
}

/// A network's answer before and after guidance.
#[derive(Debug, Clone, PartialEq)]
pub struct Denoised {
    /// The clean latent after guidance.
    pub guided: Vec<f32>,
    /// The clean latent that the negative prompt sees.
    pub negative: Vec<f32>,
}

/// A sampler with its settings: what flows along a SAMPLER link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Method {
    /// Which sampler.
    pub sampler: Sampler,
    /// How it is set.
    pub options: SamplerOptions,
}

impl From<Sampler> for Method {
    /// What the sampler's name alone stands for.
    fn from(sampler: Sampler) -> Self {
        Self { sampler, options: sampler.options() }
    }
}

/// One step, as it is reported: after the network's call, before the latent moves on.
#[derive(Debug, Clone, Copy)]
pub struct StepInfo<'a> {
    /// Which step, from 0.
    pub step: usize,
    /// How many there are.
    pub steps: usize,
    /// The noise level of `x`.
    pub sigma: f32,
    /// The latent before the step.
    pub x: &'a [f32],
    /// The clean latent the network sees in it; what a preview shows.
    pub denoised: &'a [f32],
}

/// Runs a sampler over `sigmas`, from `x` at the first level to the latent at the last.
///
/// Fewer than two levels are no step: `x` comes back as it is.
///
/// # Shapes
///
/// - `x`, output: `[batch, channels, height / 8, width / 8]`, flattened, `x` with the noise of `sigmas[0]`
///
/// # Errors
///
/// [`ErrorKind::NotFinite`] as soon as the network returns something that is not a number, what `model` or
/// `on_step` return (this is how a run is cancelled), [`ErrorKind::Mismatch`] for an output of another
/// length, [`ErrorKind::ValueOutOfRange`] for a level that is 0 before the end, or negative.
pub async fn sample(
    method: impl Into<Method>,
    model: &mut dyn Denoise,
    x: Vec<f32>,
    sigmas: &[f32],
    noise: &mut StepNoise,
    on_step: &mut dyn FnMut(StepInfo<'_>) -> Result<()>,
) -> Result<Vec<f32>> {
    check_sigmas(sigmas)?;
    if sigmas.len() < 2 {
        return Ok(x);
    }
    let Method { sampler, options } = method.into();
    let mut run = Run { model, sampler, options, sigmas, noise, path: None, on_step };
    let latent = match sampler {
        Sampler::DpmFast => dpm_solver::fast(&mut run, x).await,
        Sampler::DpmAdaptive => dpm_solver::adaptive(&mut run, x).await,
        Sampler::SaSolver => sa_solver::sample(&mut run, x, false).await,
        Sampler::SaSolverPece => sa_solver::sample(&mut run, x, true).await,
        Sampler::UniPc => uni_pc::sample(&mut run, x, uni_pc::Variant::Bh1).await,
        Sampler::UniPcBh2 => uni_pc::sample(&mut run, x, uni_pc::Variant::Bh2).await,
        _ => steps::walk(&mut run, x, table(sampler, &options)).await,
    }?;
    // The last step is not seen by the network, and levels given by hand may coincide.
    if latent.iter().any(|value| !value.is_finite()) {
        return Err(Error::new(ErrorKind::NotFinite { input: "latent" })
            .hint("use sigmas that go down from step to step"));
    }
    Ok(latent)
}

fn check_sigmas(sigmas: &[f32]) -> Result<()> {
    let last = sigmas.len().saturating_sub(1);
    for (i, sigma) in sigmas.iter().enumerate() {
        if !sigma.is_finite() {
            return Err(ErrorKind::NotFinite { input: "sigmas" }.into());
        }
        if *sigma < 0.0 || (*sigma == 0.0 && i < last) {
            return Err(Error::new(ErrorKind::ValueOutOfRange {
                input: "sigmas",
                got: f64::from(*sigma),
                min: 0.0,
                max: f64::from(f32::MAX),
            })
            .hint("only the last sigma may be 0"));
        }
    }
    Ok(())
}

/// The samplers whose steps are sums.
fn table(sampler: Sampler, options: &SamplerOptions) -> Table {
    use Sampler as S;

    let rule: Rule = match sampler {
        S::Heun => heun::heun,
        S::HeunPp2 => heun::heunpp2,
        S::ExpHeun2X0 | S::ExpHeun2X0Sde => seeds::exp_heun_2,
        S::Dpm2 | S::Dpm2Ancestral => midpoint::dpm_2,
        S::Lms => adams::lms,
        S::Dpmpp2sAncestral | S::Dpmpp2sAncestralCfgPp => midpoint::dpmpp_2s,
        S::DpmppSde | S::DpmppSdeGpu => midpoint::dpmpp_sde,
        S::Dpmpp2m | S::Dpmpp2mCfgPp => exponential::dpmpp_2m,
        S::Dpmpp2mSde | S::Dpmpp2mSdeGpu => exponential::dpmpp_2m_sde,
        S::Dpmpp2mSdeHeun | S::Dpmpp2mSdeHeunGpu => exponential::dpmpp_2m_sde_heun,
        S::Dpmpp3mSde | S::Dpmpp3mSdeGpu => exponential::dpmpp_3m_sde,
        S::Lcm => euler::lcm,
        S::Ipndm => adams::ipndm,
        S::IpndmV => adams::ipndm_v,
        S::Deis => adams::deis,
        S::ResMultistep
        | S::ResMultistepCfgPp
        | S::ResMultistepAncestral
        | S::ResMultistepAncestralCfgPp => exponential::res_multistep,
        S::GradientEstimation | S::GradientEstimationCfgPp => adams::gradient_estimation,
        S::ErSde => er_sde::er_sde,
        S::Seeds2 => seeds::seeds_2,
        S::Seeds3 => seeds::seeds_3,
        _ => euler::euler,
    };
    let memory = match sampler {
        S::Lms | S::Ipndm | S::IpndmV | S::Deis => Memory::Slopes(options.order.max(1)),
        S::GradientEstimation | S::GradientEstimationCfgPp => Memory::Slopes(2),
        S::Dpmpp2m
        | S::Dpmpp2mCfgPp
        | S::Dpmpp2mSde
        | S::Dpmpp2mSdeGpu
        | S::Dpmpp2mSdeHeun
        | S::Dpmpp2mSdeHeunGpu
        | S::ResMultistep
        | S::ResMultistepCfgPp
        | S::ResMultistepAncestral
        | S::ResMultistepAncestralCfgPp => Memory::Answers(2),
        S::Dpmpp3mSde | S::Dpmpp3mSdeGpu | S::ErSde => Memory::Answers(3),
        _ => Memory::Nothing,
    };
    Table {
        rule,
        memory,
        cfg_pp: matches!(
            sampler,
            S::EulerCfgPp
                | S::EulerAncestralCfgPp
                | S::Dpmpp2sAncestralCfgPp
                | S::Dpmpp2mCfgPp
                | S::ResMultistepCfgPp
                | S::ResMultistepAncestralCfgPp
                | S::GradientEstimationCfgPp
        ),
        churns: matches!(sampler, S::Euler | S::Heun | S::Dpm2),
        zero_is_ordinary: sampler == S::Lms,
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
