//! How a checkpoint says it was trained.

use serde_json::Value;

use super::Prediction;
use crate::error::{Error, ErrorKind, Result};

/// How the variance added per training step grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BetaSchedule {
    /// Its square root grows linearly; Stable Diffusion's.
    ScaledLinear,
    /// It grows linearly.
    Linear,
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
