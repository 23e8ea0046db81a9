//! The noise levels a network knows, and how it is asked and answers at each.

use super::config::{BetaSchedule, ScheduleConfig};
use super::{Prediction, exp, linspace, ln};
use crate::diffusion::guidance::{self, EDM_DEVIATION};
use crate::error::{ErrorKind, Result};

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
    time: Time,
}

/// The number a network takes for a level.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Time {
    /// The index into the table of training, of which this table has every so-manieth entry.
    Index { stride: usize },
    /// A quarter of the logarithm of the level (Karras et al. 2022, table 1).
    Logarithm,
    /// The angle, as a share of a right angle (Salimans and Ho 2022).
    Angle,
    /// The level before it was shifted, times `scale`; levels are from 0 to 1.
    Shifted { shift: f32, scale: f32 },
}

/// Levels of a network that knows any level; schedulers pick from them.
const CONTINUOUS: usize = 1000;

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
        Self::of(&levels(&alphas), config.prediction_type, Time::Index { stride: 1 })
    }

    fn of(sigmas: &[f64], prediction: Prediction, time: Time) -> Self {
        Self {
            log_sigmas: sigmas.iter().map(|sigma| sigma.ln() as f32).collect(),
            sigmas: sigmas.iter().map(|sigma| *sigma as f32).collect(),
            prediction,
            time,
        }
    }

    /// The levels of a network that takes the logarithm of the level (`ModelSamplingContinuousEDM`).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ValueOutOfRange`] unless `0 < sigma_min < sigma_max`.
    pub fn edm(prediction: Prediction, sigma_min: f64, sigma_max: f64) -> Result<Self> {
        Ok(Self::of(&even_logarithms(sigma_min, sigma_max)?, prediction, Time::Logarithm))
    }

    /// The levels of a network that predicts velocity and takes the angle (`ModelSamplingContinuousV`).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ValueOutOfRange`] unless `0 < sigma_min < sigma_max`.
    pub fn continuous_v(sigma_min: f64, sigma_max: f64) -> Result<Self> {
        let sigmas = even_logarithms(sigma_min, sigma_max)?;
        Ok(Self::of(&sigmas, Prediction::VPrediction, Time::Angle))
    }

    /// The levels of a rectified flow, moved towards noise by `shift` (`ModelSamplingSD3`).
    ///
    /// `σ = shift·t/(1 + (shift − 1)·t)`; the network takes `t` times `scale`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ValueOutOfRange`] unless `shift` and `scale` are positive.
    ///
    /// # Source
    ///
    /// Esser et al. 2024, <https://arxiv.org/abs/2403.03206>, equation 23.
    pub fn flow(shift: f64, scale: f64) -> Result<Self> {
        for (input, got) in [("shift", shift), ("multiplier", scale)] {
            positive(input, got, f64::from(f32::MAX))?;
        }
        let sigmas: Vec<f64> =
            (1..=CONTINUOUS).map(|i| shifted(shift, i as f64 / CONTINUOUS as f64)).collect();
        let time = Time::Shifted { shift: shift as f32, scale: scale as f32 };
        Ok(Self::of(&sigmas, Prediction::Flow, time))
    }

    /// The same levels with the last one moved to pure noise (`zsnr` of `ModelSamplingDiscrete`).
    ///
    /// Levels that are not those of a training table have no such end and stay.
    #[must_use]
    pub fn with_zero_snr(self) -> Self {
        let Time::Index { .. } = self.time else { return self };
        let mut alphas: Vec<f64> =
            self.sigmas.iter().map(|sigma| 1.0 / (1.0 + f64::from(*sigma).powi(2))).collect();
        rescale_to_zero_snr(&mut alphas);
        Self::of(&levels(&alphas), self.prediction, self.time)
    }

    /// The levels that latent consistency models are distilled at (`lcm` of `ModelSamplingDiscrete`): every 20th,
    /// from the top.
    ///
    /// # Source
    ///
    /// Luo et al. 2023, <https://arxiv.org/abs/2310.04378>, section 4.3, skipping 20 of 1000 timesteps.
    #[must_use]
    pub fn with_consistency(self) -> Self {
        const STRIDE: usize = 20;
        let sigmas: Vec<f64> = self
            .sigmas
            .iter()
            .rev()
            .step_by(STRIDE)
            .map(|sigma| f64::from(*sigma))
            .collect::<Vec<f64>>()
            .into_iter()
            .rev()
            .collect();
        // A table too short to skip in would have no step from one level to the next.
        if sigmas.len() < 2 {
            return Self { prediction: Prediction::Consistency, ..self };
        }
        Self::of(&sigmas, Prediction::Consistency, Time::Index { stride: STRIDE })
    }

    /// The table, ascending; of a training table the index is the timestep.
    pub fn sigmas(&self) -> &[f32] {
        &self.sigmas
    }

    /// The lowest level.
    pub fn sigma_min(&self) -> f32 {
        self.sigmas[0]
    }

    /// The highest level.
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

    /// The number the network is given for a level.
    ///
    /// Of a training table the whole timestep whose level is nearest on a logarithmic scale: ComfyUI gives the
    /// network this one also for a level between two timesteps.
    pub fn timestep(&self, sigma: f32) -> f32 {
        match self.time {
            Time::Index { stride } => (self.nearest(sigma) * stride + stride - 1) as f32,
            Time::Logarithm => 0.25 * ln(sigma),
            Time::Angle => (f64::from(sigma).atan() * std::f64::consts::FRAC_2_PI) as f32,
            Time::Shifted { shift, scale } => {
                // The inverse of the shift.
                sigma / (shift - (shift - 1.0) * sigma) * scale
            }
        }
    }

    fn nearest(&self, sigma: f32) -> usize {
        let log_sigma = ln(sigma);
        let above = self.log_sigmas.partition_point(|known| *known < log_sigma);
        if above == 0 {
            return 0;
        }
        let Some(high) = self.log_sigmas.get(above) else { return self.log_sigmas.len() - 1 };
        let below = above - 1;
        // The lower one on a tie, as a search from the start finds it.
        let nearer_below = (log_sigma - self.log_sigmas[below]).abs() <= (log_sigma - high).abs();
        if nearer_below { below } else { above }
    }

    /// The index of `sigma` in the table with its fraction, linear in the logarithm of the level.
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

    /// The level of a timestep; of a training table linear in the logarithm between two whole ones.
    pub fn sigma(&self, timestep: f32) -> f32 {
        match self.time {
            Time::Index { stride } => {
                let last = self.log_sigmas.len() - 1;
                let index = (timestep - (stride - 1) as f32) / stride as f32;
                let index = index.clamp(0.0, last as f32);
                let (low, high) = (index.floor() as usize, index.ceil() as usize);
                let fraction = index - index.floor();
                exp((1.0 - fraction) * self.log_sigmas[low] + fraction * self.log_sigmas[high])
            }
            Time::Logarithm => exp(timestep / 0.25),
            Time::Angle => (f64::from(timestep) * std::f64::consts::FRAC_PI_2).tan() as f32,
            Time::Shifted { shift, scale } => {
                shifted(f64::from(shift), f64::from(timestep / scale)) as f32
            }
        }
    }

    /// As [`Self::sigma_at`], but at the start higher than any level, and at the end 0, so that a stretch from 0 to 1
    /// leaves nothing out.
    pub fn percent_to_sigma(&self, percent: f64) -> f32 {
        /// Above every level there is.
        const ALL: f32 = 999_999_999.9;
        if percent <= 0.0 {
            return ALL;
        }
        if percent >= 1.0 {
            return 0.0;
        }
        self.sigma_at(percent)
    }

    /// The level after a share of the way from noise to picture, measured in timesteps, which go down evenly.
    pub fn sigma_at(&self, part: f64) -> f32 {
        let left = 1.0 - part;
        match self.time {
            // Of a thousand timesteps, whatever the table.
            Time::Index { .. } => self.sigma((left * 999.0) as f32),
            Time::Logarithm | Time::Angle => {
                let (low, high) =
                    (f64::from(ln(self.sigma_min())), f64::from(ln(self.sigma_max())));
                (low + (high - low) * left).exp() as f32
            }
            Time::Shifted { shift, .. } => shifted(f64::from(shift), left) as f32,
        }
    }

    /// The input of the network: the latent scaled to the variance it was trained on.
    pub fn network_input(&self, x: &[f32], sigma: f32) -> Vec<f32> {
        match self.prediction {
            Prediction::Flow | Prediction::Image => x.to_vec(),
            Prediction::Edm => {
                let scale = (sigma * sigma + EDM_DEVIATION * EDM_DEVIATION).sqrt();
                x.iter().map(|x| x / scale).collect()
            }
            _ => guidance::network_input(x, sigma),
        }
    }

    /// The clean latent that a network's output stands for.
    ///
    /// # Shapes
    ///
    /// - `x`, `output`, result: the same, flattened; `x` as the sampler has it
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mismatch`] if the two differ in length.
    pub fn denoised(&self, x: &[f32], output: Vec<f32>, sigma: f32) -> Result<Vec<f32>> {
        let mut denoised = guidance::denoised(self.prediction, x, output, sigma)?;
        if self.prediction == Prediction::Consistency {
            let [skip, keep] = guidance::consistency(self.timestep(sigma));
            for (denoised, x) in denoised.iter_mut().zip(x) {
                *denoised = keep * *denoised + skip * x;
            }
        }
        Ok(denoised)
    }

    /// Whether a run that starts at `sigma` starts from pure noise.
    pub fn is_max(&self, sigma: f32) -> bool {
        let (sigma, max) = (f64::from(sigma), f64::from(self.sigma_max()));
        sigma > max || (max - sigma).abs() <= 1e-5 * max.max(sigma)
    }

    /// A latent with the noise of the level at which a run starts.
    ///
    /// Of a flow `(1 − σ)·latent + σ·noise`; else `latent + σ·noise`, but `latent + √(1 + σ²)·noise` when the run starts from pure noise: there the
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
        if self.prediction == Prediction::Flow {
            let mixed = latent.iter().zip(noise);
            return Ok(mixed
                .map(|(latent, noise)| sigma * noise + (1.0 - sigma) * latent)
                .collect());
        }
        let scale = if self.is_max(sigma) { (1.0 + sigma * sigma).sqrt() } else { sigma };
        Ok(latent.iter().zip(noise).map(|(latent, noise)| noise * scale + latent).collect())
    }
}

fn levels(alphas: &[f64]) -> Vec<f64> {
    alphas.iter().map(|alpha| ((1.0 - alpha) / alpha).sqrt()).collect()
}

/// A level of a flow, moved towards noise.
fn shifted(shift: f64, time: f64) -> f64 {
    shift * time / (1.0 + (shift - 1.0) * time)
}

fn even_logarithms(sigma_min: f64, sigma_max: f64) -> Result<Vec<f64>> {
    positive("sigma_max", sigma_max, f64::from(f32::MAX))?;
    positive("sigma_min", sigma_min, sigma_max)?;
    Ok(linspace(sigma_min.ln(), sigma_max.ln(), CONTINUOUS).into_iter().map(f64::exp).collect())
}

/// Refuses what is not between 0 and `max`, both excluded.
fn positive(input: &'static str, got: f64, max: f64) -> Result<()> {
    if got > 0.0 && got < max {
        return Ok(());
    }
    Err(ErrorKind::ValueOutOfRange { input, got, min: 0.0, max }.into())
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
