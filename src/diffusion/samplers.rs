//! Samplers: from noise to a latent, in steps.
//!
//! [`sample`] walks down a list of noise levels and asks a [`Denoise`] for the clean latent at each. One
//! file a sampler, named as users type it. All of them work in the space of Karras et al. 2022, where the
//! latent at level `sigma` is the clean one plus noise of that deviation, and follow k-diffusion, and so
//! ComfyUI, to the rounding of single precision.
//!
//! To add a sampler: write `samplers/NAME.rs` with an `async fn sample(run, x)`, add a variant to
//! [`Sampler`] and follow the compiler.

mod ddim;
mod dpmpp_2m;
mod dpmpp_sde;
mod euler;
mod euler_ancestral;
mod heun;
mod lcm;
mod uni_pc;

use futures_util::future::LocalBoxFuture;

use crate::diffusion::brownian::BrownianTree;
use crate::diffusion::guidance::same_length;
use crate::diffusion::noise::Generator;
use crate::error::{Error, ErrorKind, Result, nearest};

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

/// The numbers a sampler can be set with; each sampler reads those it has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SamplerOptions {
    /// How much of a step's noise is drawn anew: 0 is deterministic, 1 ancestral.
    pub eta: f64,
    /// Multiplies the noise that is added.
    pub s_noise: f64,
}

impl Default for SamplerOptions {
    /// What the sampler's name alone stands for.
    fn default() -> Self {
        Self { eta: 1.0, s_noise: 1.0 }
    }
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
    fn from(sampler: Sampler) -> Self {
        Self { sampler, options: SamplerOptions::default() }
    }
}

/// A way from noise to a latent, by the name users type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampler {
    /// First order, deterministic.
    Euler,
    /// First order, with fresh noise in every step.
    EulerAncestral,
    /// Second order, two network calls a step.
    Heun,
    /// DPM-Solver++ for the stochastic equation, two network calls a step.
    DpmppSde,
    /// DPM-Solver++ of second order that looks one step back.
    Dpmpp2m,
    /// For latent consistency models: jump to the clean latent, add noise again.
    Lcm,
    /// `euler` with its own noise under an inpainting mask.
    Ddim,
    /// Predictor and corrector of order 3, `B(h) = h`.
    UniPc,
    /// Predictor and corrector of order 3, `B(h) = e^h − 1`.
    UniPcBh2,
}

/// The names of all samplers, in ComfyUI's order; the first is the default of its nodes.
pub const SAMPLERS: [&str; Sampler::ALL.len()] = {
    let mut names = [""; Sampler::ALL.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = Sampler::ALL[i].name();
        i += 1;
    }
    names
};

impl Sampler {
    /// All of them, in ComfyUI's order.
    pub const ALL: [Self; 9] = [
        Self::Euler,
        Self::EulerAncestral,
        Self::Heun,
        Self::DpmppSde,
        Self::Dpmpp2m,
        Self::Lcm,
        Self::Ddim,
        Self::UniPc,
        Self::UniPcBh2,
    ];

    /// The name that graphs use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Euler => "euler",
            Self::EulerAncestral => "euler_ancestral",
            Self::Heun => "heun",
            Self::DpmppSde => "dpmpp_sde",
            Self::Dpmpp2m => "dpmpp_2m",
            Self::Lcm => "lcm",
            Self::Ddim => "ddim",
            Self::UniPc => "uni_pc",
            Self::UniPcBh2 => "uni_pc_bh2",
        }
    }

    /// The sampler of that name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownName`], with the nearest name as hint.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name).ok_or_else(|| {
            let error =
                Error::new(ErrorKind::UnknownName { what: "sampler", got: name.to_owned() });
            match nearest(name, SAMPLERS) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("use one of {}", SAMPLERS.join(", "))),
            }
        })
    }

    /// Whether the run leaves out the second-to-last level, and computes one step more to make up for it.
    ///
    /// These samplers go from the level before it to zero in one step and would waste a call there.
    pub fn drops_second_to_last_sigma(self) -> bool {
        matches!(self, Self::UniPc | Self::UniPcBh2)
    }

    /// Whether the noise over the protected part of an inpainting mask is drawn anew, with `seed + 1`.
    pub fn draws_inpaint_noise(self) -> bool {
        matches!(self, Self::Ddim)
    }
}

/// The noise a sampler adds on its way; drawn only by the samplers that do.
#[derive(Debug, Clone)]
pub struct StepNoise {
    seed: u64,
    generator: Generator,
}

impl StepNoise {
    /// The noise of a run with that seed.
    ///
    /// Ancestral steps draw from a generator of its own, seeded `seed + 1` so that the first step does not
    /// add the very noise the run began with; the SDE samplers walk the Brownian path of `seed`. Both are
    /// what ComfyUI does on a CPU. The seed after 2⁶⁴ − 1 is 0, where torch refuses.
    pub fn new(seed: u64) -> Self {
        Self { seed, generator: Generator::new(seed.wrapping_add(1)) }
    }

    fn next(&mut self, len: usize) -> Vec<f32> {
        self.generator.randn(len)
    }

    fn brownian(&self, sigmas: &[f32], len: usize) -> BrownianTree {
        let max = sigmas.iter().copied().fold(0.0, f32::max);
        let min = sigmas.iter().copied().filter(|sigma| *sigma > 0.0).fold(max, f32::min);
        BrownianTree::new(self.seed, min, max, len)
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
    let mut run = Run { model, options, sigmas, noise, on_step };
    let latent = match sampler {
        Sampler::Euler => euler::sample(&mut run, x).await,
        Sampler::EulerAncestral => euler_ancestral::sample(&mut run, x).await,
        Sampler::Heun => heun::sample(&mut run, x).await,
        Sampler::DpmppSde => dpmpp_sde::sample(&mut run, x).await,
        Sampler::Dpmpp2m => dpmpp_2m::sample(&mut run, x).await,
        Sampler::Lcm => lcm::sample(&mut run, x).await,
        Sampler::Ddim => ddim::sample(&mut run, x).await,
        Sampler::UniPc => uni_pc::sample(&mut run, x, uni_pc::Variant::Bh1).await,
        Sampler::UniPcBh2 => uni_pc::sample(&mut run, x, uni_pc::Variant::Bh2).await,
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

/// What every sampler has at hand.
struct Run<'a> {
    model: &'a mut dyn Denoise,
    options: SamplerOptions,
    sigmas: &'a [f32],
    noise: &'a mut StepNoise,
    on_step: &'a mut dyn FnMut(StepInfo<'_>) -> Result<()>,
}

impl Run<'_> {
    fn steps(&self) -> usize {
        self.sigmas.len() - 1
    }

    /// The network's answer, once it is known to be one.
    async fn denoise(&mut self, x: &[f32], sigma: f32) -> Result<Vec<f32>> {
        let denoised = self.model.denoise(x, sigma).await?;
        same_length("denoised latent", x.len(), denoised.len())?;
        if denoised.iter().any(|value| !value.is_finite()) {
            return Err(Error::new(ErrorKind::NotFinite { input: "network output" })
                .hint("lower cfg, or run the model in f32: numbers overflowed in it"));
        }
        Ok(denoised)
    }

    fn report(&mut self, step: usize, x: &[f32], denoised: &[f32]) -> Result<()> {
        let steps = self.steps();
        (self.on_step)(StepInfo { step, steps, sigma: self.sigmas[step], x, denoised })
    }
}

/// `x` and `y` by the element.
fn zip_with(x: &[f32], y: &[f32], f: impl Fn(f32, f32) -> f32) -> Vec<f32> {
    x.iter().zip(y).map(|(x, y)| f(*x, *y)).collect()
}

/// An Euler step along the line from `x` to `denoised`, from level `sigma` to `sigma_next`.
///
/// `x + (x − d)/σ·(σ' − σ)`.
fn euler_step(x: &[f32], denoised: &[f32], sigma: f32, sigma_next: f32) -> Vec<f32> {
    let dt = sigma_next - sigma;
    zip_with(x, denoised, |x, d| x + (x - d) / sigma * dt)
}

/// How far to step down, and how much noise to add, to end an ancestral step at `sigma_next`.
///
/// # Source
///
/// k-diffusion `get_ancestral_step`: with η = 1 the variance of the posterior of Ho et al. 2020.
fn ancestral_step(sigma: f64, sigma_next: f64, eta: f64) -> (f64, f64) {
    let (from, to) = (sigma * sigma, sigma_next * sigma_next);
    // Upwards (flipped levels) there is nothing to add.
    let up = (eta * (to * (from - to) / from).max(0.0).sqrt()).min(sigma_next);
    ((to - up * up).max(0.0).sqrt(), up)
}

#[cfg(test)]
mod tests;
