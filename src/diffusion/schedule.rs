//! Noise levels: the table a network was trained on, and the levels a run visits.
//!
//! A level is a `sigma`, the standard deviation of the noise on a latent of variance 1; networks take a
//! `timestep`, an index into the table of their training. [`NoiseSchedule`] holds the table and goes from
//! one to the other; [`Scheduler`] picks the levels of a run; [`sampling_sigmas`] is what a sampling node
//! calls. Names and results are ComfyUI's, so that a graph gives the same picture here.

mod beta;
mod scheduler;

use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};

pub use scheduler::{SCHEDULERS, Scheduler, sampling_sigmas};

/// How the variance added per training step grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BetaSchedule {
    /// Its square root grows linearly; Stable Diffusion's.
    ScaledLinear,
    /// It grows linearly.
    Linear,
}

/// What the network's output stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prediction {
    /// The noise.
    Epsilon,
    /// The velocity, a mix of noise and clean latent (Salimans and Ho 2022, appendix D).
    VPrediction,
    /// The clean latent.
    Sample,
}

/// The fields of a diffusers `scheduler_config.json` that say how the network was trained.
///
/// The other fields choose a sampler or the levels of a run, which here the graph does.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleConfig {
    /// Length of the table.
    pub num_train_timesteps: usize,
    /// Variance added by the first training step.
    pub beta_start: f64,
    /// Variance added by the last training step.
    pub beta_end: f64,
    /// How it grows between them.
    pub beta_schedule: BetaSchedule,
    /// What the network predicts.
    pub prediction_type: Prediction,
    /// Whether the last level is pure noise (Lin et al. 2023).
    pub rescale_betas_zero_snr: bool,
}

impl Default for ScheduleConfig {
    /// Stable Diffusion 1.x.
    ///
    /// # Source
    ///
    /// `scheduler/scheduler_config.json` of the Stable Diffusion 1.5 checkpoint in diffusers' layout.
    fn default() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 0.00085,
            beta_end: 0.012,
            beta_schedule: BetaSchedule::ScaledLinear,
            prediction_type: Prediction::Epsilon,
            rescale_betas_zero_snr: false,
        }
    }
}

impl ScheduleConfig {
    /// Reads the text of a `scheduler_config.json`; a missing field has Stable Diffusion 1.x's value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadFile`] if it is not a JSON object, [`ErrorKind::UnsupportedConfig`] for a value of
    /// the wrong kind or a schedule that is not known here.
    pub fn from_json(file: &str, text: &str) -> Result<Self> {
        let bad = |why: String| Error::new(ErrorKind::BadFile { file: file.to_owned(), why });
        let json: Value = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
        let Value::Object(fields) = json else {
            return Err(bad("expected a JSON object".to_owned()));
        };
        let unsupported = |option: &str| {
            let value = fields.get(option).map_or_else(String::new, Value::to_string);
            Error::new(ErrorKind::UnsupportedConfig {
                file: file.to_owned(),
                option: option.to_owned(),
                value,
            })
        };
        let field = |option: &str| fields.get(option).filter(|value| !value.is_null());

        let mut config = Self::default();
        if field("trained_betas").is_some() {
            return Err(
                unsupported("trained_betas").hint("use a checkpoint with a named beta_schedule")
            );
        }
        if let Some(value) = field("num_train_timesteps") {
            // Far above any network; a table of 10⁹ would only be a slow way to run out of memory.
            config.num_train_timesteps = value
                .as_u64()
                .filter(|steps| (2..=100_000).contains(steps))
                .ok_or_else(|| unsupported("num_train_timesteps"))?
                as usize;
        }
        for (option, slot) in
            [("beta_start", &mut config.beta_start), ("beta_end", &mut config.beta_end)]
        {
            if let Some(value) = field(option) {
                *slot = value
                    .as_f64()
                    .filter(|beta| *beta > 0.0 && *beta < 1.0)
                    .ok_or_else(|| unsupported(option))?;
            }
        }
        if let Some(value) = field("beta_schedule") {
            config.beta_schedule = match value.as_str() {
                Some("scaled_linear") => BetaSchedule::ScaledLinear,
                Some("linear") => BetaSchedule::Linear,
                _ => {
                    return Err(
                        unsupported("beta_schedule").hint("use `scaled_linear` or `linear`")
                    );
                }
            };
        }
        if let Some(value) = field("prediction_type") {
            config.prediction_type = match value.as_str() {
                Some("epsilon") => Prediction::Epsilon,
                Some("v_prediction") => Prediction::VPrediction,
                Some("sample") => Prediction::Sample,
                _ => {
                    return Err(unsupported("prediction_type")
                        .hint("use `epsilon`, `v_prediction` or `sample`"));
                }
            };
        }
        if let Some(value) = field("rescale_betas_zero_snr") {
            config.rescale_betas_zero_snr =
                value.as_bool().ok_or_else(|| unsupported("rescale_betas_zero_snr"))?;
        }
        Ok(config)
    }
}

/// The noise levels a network was trained on, from least to most noise.
///
/// # Source
///
/// `σ = √((1 − ᾱ)/ᾱ)` with `ᾱ = ∏(1 − β)` (Ho et al. 2020; Karras et al. 2022, table 1), computed in
/// double and kept in single precision, as ComfyUI does. Checked in `tests/diffusion.rs`.
#[derive(Debug, Clone, PartialEq)]
pub struct NoiseSchedule {
    sigmas: Vec<f32>,
    log_sigmas: Vec<f32>,
    prediction: Prediction,
}

impl NoiseSchedule {
    /// Computes the table.
    pub fn new(config: &ScheduleConfig) -> Self {
        let steps = config.num_train_timesteps;
        let betas: Vec<f64> = match config.beta_schedule {
            BetaSchedule::Linear => linspace(config.beta_start, config.beta_end, steps),
            BetaSchedule::ScaledLinear => {
                linspace(config.beta_start.sqrt(), config.beta_end.sqrt(), steps)
                    .into_iter()
                    .map(|root| root * root)
                    .collect()
            }
        };
        let mut product = 1.0;
        let mut alphas: Vec<f64> = betas
            .iter()
            .map(|beta| {
                product *= 1.0 - beta;
                product
            })
            .collect();
        if config.rescale_betas_zero_snr {
            rescale_to_zero_snr(&mut alphas);
        }
        let sigmas: Vec<f64> = alphas.iter().map(|alpha| ((1.0 - alpha) / alpha).sqrt()).collect();
        Self {
            log_sigmas: sigmas.iter().map(|sigma| sigma.ln() as f32).collect(),
            sigmas: sigmas.into_iter().map(|sigma| sigma as f32).collect(),
            prediction: config.prediction_type,
        }
    }

    /// The table, ascending; the index is the timestep.
    pub fn sigmas(&self) -> &[f32] {
        &self.sigmas
    }

    /// The level of timestep 0.
    pub fn sigma_min(&self) -> f32 {
        self.sigmas[0]
    }

    /// The level of the last timestep.
    pub fn sigma_max(&self) -> f32 {
        self.sigmas[self.sigmas.len() - 1]
    }

    /// What the network predicts.
    pub fn prediction(&self) -> Prediction {
        self.prediction
    }

    /// The same table for a network that predicts something else (`ModelSamplingDiscrete`).
    #[must_use]
    pub fn with_prediction(mut self, prediction: Prediction) -> Self {
        self.prediction = prediction;
        self
    }

    /// The whole timestep whose level is nearest to `sigma`, on a logarithmic scale.
    ///
    /// ComfyUI gives the network this one for any level, also for one between two timesteps.
    pub fn timestep(&self, sigma: f32) -> f32 {
        let log_sigma = ln(sigma);
        let above = self.log_sigmas.partition_point(|known| *known < log_sigma);
        if above == 0 {
            return 0.0;
        }
        let Some(high) = self.log_sigmas.get(above) else {
            return (self.log_sigmas.len() - 1) as f32;
        };
        let below = above - 1;
        // The lower one on a tie, as a search from the start finds it.
        let nearer_below = (log_sigma - self.log_sigmas[below]).abs() <= (log_sigma - high).abs();
        (if nearer_below { below } else { above }) as f32
    }

    /// The timestep of `sigma` with its fraction, linear in the logarithm of the level.
    ///
    /// This is what k-diffusion and diffusers give the network for a level between two timesteps.
    pub fn fractional_timestep(&self, sigma: f32) -> f32 {
        let log_sigma = ln(sigma);
        let last = self.log_sigmas.len() - 1;
        let low = self.log_sigmas.partition_point(|known| *known <= log_sigma).clamp(1, last) - 1;
        let (from, to) = (self.log_sigmas[low], self.log_sigmas[low + 1]);
        let fraction = ((log_sigma - from) / (to - from)).clamp(0.0, 1.0);
        low as f32 + fraction
    }

    /// The level of a timestep, linear in the logarithm between two whole ones.
    pub fn sigma(&self, timestep: f32) -> f32 {
        let last = self.log_sigmas.len() - 1;
        let timestep = timestep.clamp(0.0, last as f32);
        let low = timestep.floor() as usize;
        let high = timestep.ceil() as usize;
        let fraction = timestep - timestep.floor();
        exp((1.0 - fraction) * self.log_sigmas[low] + fraction * self.log_sigmas[high])
    }

    /// Whether a run that starts at `sigma` starts from pure noise.
    pub fn is_max(&self, sigma: f32) -> bool {
        let (sigma, max) = (f64::from(sigma), f64::from(self.sigma_max()));
        sigma > max || (max - sigma).abs() <= 1e-5 * max.max(sigma)
    }

    /// A latent with the noise of the level at which a run starts.
    ///
    /// `latent + σ·noise`, but `latent + √(1 + σ²)·noise` when the run starts from pure noise: there the
    /// network has seen noise and picture of variance 1 together.
    ///
    /// # Shapes
    ///
    /// - `noise`, `latent`, output: the same `[batch, channels, height / 8, width / 8]`, flattened
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mismatch`] if the two differ in length.
    pub fn noised(&self, latent: &[f32], noise: &[f32], sigma: f32) -> Result<Vec<f32>> {
        if latent.len() != noise.len() {
            return Err(ErrorKind::Mismatch {
                what: "noise for a latent",
                expected: format!("{} numbers", latent.len()),
                got: format!("{} numbers", noise.len()),
            }
            .into());
        }
        let scale = if self.is_max(sigma) { (1.0 + sigma * sigma).sqrt() } else { sigma };
        Ok(latent.iter().zip(noise).map(|(latent, noise)| noise * scale + latent).collect())
    }
}

/// Moves the last level to pure noise and stretches the others to meet it.
///
/// # Source
///
/// Lin et al. 2023, <https://arxiv.org/abs/2305.08891>, algorithm 1. The last ᾱ would be 0 and its sigma
/// infinite; 4.8973451890853435e-08 (sigma 4518.8) is the value that ComfyUI and A1111 put there.
fn rescale_to_zero_snr(alphas: &mut [f64]) {
    let first = alphas[0].sqrt();
    let last = alphas[alphas.len() - 1].sqrt();
    for alpha in &mut *alphas {
        let root = (alpha.sqrt() - last) * (first / (first - last));
        *alpha = root * root;
    }
    if let Some(end) = alphas.last_mut() {
        *end = 4.897_345_189_085_343_5e-8;
    }
}

/// `count` numbers from `start` to `end` at even distances; only `start` if `count` is 1.
///
/// From the middle on they are counted back from the end, as torch does, so that both ends are exact.
fn linspace(start: f64, end: f64, count: usize) -> Vec<f64> {
    let step = (end - start) / (count.max(2) - 1) as f64;
    let from_start = (count / 2).max(1);
    (0..count)
        .map(|i| {
            if i < from_start {
                start + step * i as f64
            } else {
                end - step * (count - 1 - i) as f64
            }
        })
        .collect()
}

/// [`linspace`] in single precision.
fn linspace_f32(start: f32, end: f32, count: usize) -> Vec<f32> {
    let step = (end - start) / (count.max(2) - 1) as f32;
    let from_start = (count / 2).max(1);
    (0..count)
        .map(|i| {
            if i < from_start {
                start + step * i as f32
            } else {
                end - step * (count - 1 - i) as f32
            }
        })
        .collect()
}

// Single-precision functions by way of double precision: rounded correctly but for one case in many
// millions, so the browser, this machine and torch agree, whatever library each one has.

fn ln(x: f32) -> f32 {
    f64::from(x).ln() as f32
}

fn exp(x: f32) -> f32 {
    f64::from(x).exp() as f32
}

fn powf(x: f32, power: f64) -> f32 {
    f64::from(x).powf(power) as f32
}

#[cfg(test)]
mod tests;
