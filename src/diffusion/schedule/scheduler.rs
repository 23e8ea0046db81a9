//! The noise levels a run visits, by scheduler.

use super::{NoiseSchedule, curves, linspace_f32};
use crate::diffusion::samplers::Sampler;
use crate::error::{Error, ErrorKind, Result, nearest};

/// A rule that picks the noise levels of a run, by the name users type.
///
/// # Source
///
/// The levels are ComfyUI 0.3.64's, from the facts of its scheduler list; `karras` and `exponential` are
/// k-diffusion's functions. Checked in `tests/diffusion.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheduler {
    /// Levels of the table at even distances, from the top.
    Simple,
    /// As `normal`, but one timestep more, and the last one left out.
    SgmUniform,
    /// Even distances in the 7th root of the level: many steps where there is little noise.
    Karras,
    /// Even distances in the logarithm of the level.
    Exponential,
    /// Every n-th level of the table, counted from its bottom.
    DdimUniform,
    /// Timesteps by the quantiles of a beta distribution: many steps at both ends.
    Beta,
    /// Timesteps at even distances, both ends included.
    Normal,
    /// Half of the steps slow and even, then ever longer ones.
    LinearQuadratic,
    /// Even distances in the angle whose tangent is the level.
    KlOptimal,
}

/// The names of all schedulers, in ComfyUI's order; the first is the default of its nodes.
pub const SCHEDULERS: [&str; Scheduler::ALL.len()] = {
    let mut names = [""; Scheduler::ALL.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = Scheduler::ALL[i].name();
        i += 1;
    }
    names
};

/// Levels closed to zero, as ComfyUI decides it.
const ZERO: f32 = 1e-5;

/// The most levels computed for a run; reached only with a denoise that is next to nothing.
pub(super) const MOST_STEPS: usize = 1_000_000;

/// The most steps a sampling node takes.
const MAX_STEPS: usize = 10_000;

impl Scheduler {
    /// All of them, in ComfyUI's order.
    pub const ALL: [Self; 9] = [
        Self::Simple,
        Self::SgmUniform,
        Self::Karras,
        Self::Exponential,
        Self::DdimUniform,
        Self::Beta,
        Self::Normal,
        Self::LinearQuadratic,
        Self::KlOptimal,
    ];

    /// The name that graphs use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::SgmUniform => "sgm_uniform",
            Self::Karras => "karras",
            Self::Exponential => "exponential",
            Self::DdimUniform => "ddim_uniform",
            Self::Beta => "beta",
            Self::Normal => "normal",
            Self::LinearQuadratic => "linear_quadratic",
            Self::KlOptimal => "kl_optimal",
        }
    }

    /// The scheduler of that name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownName`], with the nearest name as hint.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name).ok_or_else(|| {
            let error =
                Error::new(ErrorKind::UnknownName { what: "scheduler", got: name.to_owned() });
            match nearest(name, SCHEDULERS) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("use one of {}", SCHEDULERS.join(", "))),
            }
        })
    }

    /// The levels for that many steps: descending, the last one 0.
    ///
    /// Mostly `steps + 1` levels. `ddim_uniform` has more when `steps` does not divide the table (12 steps
    /// of 1000 are 13), `beta` and `simple` fewer when two steps fall on one timestep.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ValueOutOfRange`] if `steps` is 0 or beyond a million.
    pub fn sigmas(self, schedule: &NoiseSchedule, steps: usize) -> Result<Vec<f32>> {
        check_steps(steps)?;
        let (max, min) = (f64::from(schedule.sigma_max()), f64::from(schedule.sigma_min()));
        match self {
            Self::Simple => Ok(simple(schedule, steps)),
            Self::SgmUniform => Ok(uniform_timesteps(schedule, steps, true)),
            Self::Karras => curves::karras(steps, max, min, 7.0),
            Self::Exponential => curves::exponential(steps, max, min),
            Self::DdimUniform => Ok(ddim_uniform(schedule, steps)),
            Self::Beta => curves::beta(schedule, steps, 0.6, 0.6),
            Self::Normal => Ok(uniform_timesteps(schedule, steps, false)),
            Self::LinearQuadratic => curves::linear_quadratic(steps, max, 0.025),
            Self::KlOptimal => curves::kl_optimal(steps, max, min),
        }
    }
}

pub(super) fn check_steps(steps: usize) -> Result<()> {
    if (1..=MOST_STEPS).contains(&steps) {
        return Ok(());
    }
    let (got, max) = (steps as f64, MOST_STEPS as f64);
    Err(ErrorKind::ValueOutOfRange { input: "steps", got, min: 1.0, max }.into())
}

/// The levels a sampling node hands to its sampler.
///
/// With `denoise` below 1 the levels of `steps / denoise` steps are computed and the last `steps + 1` kept,
/// so that a picture is changed in `steps` steps of an ordinary length. `denoise` 0 gives no levels at all:
/// nothing is to be done. Samplers that ask for it get the levels of one step more without the
/// second-to-last one ([`Sampler::drops_second_to_last_sigma`]).
///
/// # Errors
///
/// [`ErrorKind::ValueOutOfRange`] if `steps` is not 1 to 10000, or `denoise` not 0 to 1 or so small that
/// the levels could not be told apart; [`ErrorKind::NotFinite`] if `denoise` is not a number.
pub fn sampling_sigmas(
    schedule: &NoiseSchedule,
    scheduler: Scheduler,
    sampler: Sampler,
    steps: usize,
    denoise: f64,
) -> Result<Vec<f32>> {
    if !(1..=MAX_STEPS).contains(&steps) {
        return Err(Error::new(ErrorKind::ValueOutOfRange {
            input: "steps",
            got: steps as f64,
            min: 1.0,
            max: MAX_STEPS as f64,
        })
        .hint("use 20 steps, or 4 to 8 with a distilled model"));
    }
    if !denoise.is_finite() {
        return Err(ErrorKind::NotFinite { input: "denoise" }.into());
    }
    if !(0.0..=1.0).contains(&denoise) {
        return Err(ErrorKind::ValueOutOfRange {
            input: "denoise",
            got: denoise,
            min: 0.0,
            max: 1.0,
        }
        .into());
    }
    if denoise == 0.0 {
        return Ok(Vec::new());
    }
    // So near to 1 the whole run is meant (ComfyUI's limit).
    if denoise > 0.9999 {
        return all_sigmas(schedule, scheduler, sampler, steps);
    }
    let whole_steps = steps as f64 / denoise;
    if whole_steps >= MOST_STEPS as f64 {
        return Err(Error::new(ErrorKind::ValueOutOfRange {
            input: "denoise",
            got: denoise,
            min: steps as f64 / MOST_STEPS as f64,
            max: 1.0,
        })
        .hint("raise denoise, or set it to 0 to keep the latent as it is"));
    }
    let mut sigmas = all_sigmas(schedule, scheduler, sampler, whole_steps as usize)?;
    let start = sigmas.len().saturating_sub(steps + 1);
    Ok(sigmas.split_off(start))
}

fn all_sigmas(
    schedule: &NoiseSchedule,
    scheduler: Scheduler,
    sampler: Sampler,
    steps: usize,
) -> Result<Vec<f32>> {
    if !sampler.drops_second_to_last_sigma() {
        return scheduler.sigmas(schedule, steps);
    }
    let mut sigmas = scheduler.sigmas(schedule, steps + 1)?;
    if sigmas.len() > 2 {
        sigmas.remove(sigmas.len() - 2);
    }
    Ok(sigmas)
}

fn simple(schedule: &NoiseSchedule, steps: usize) -> Vec<f32> {
    let table = schedule.sigmas();
    let stride = table.len() as f64 / steps as f64;
    let mut sigmas: Vec<f32> =
        (0..steps).map(|i| table[table.len() - 1 - (i as f64 * stride) as usize]).collect();
    // With more steps than levels some repeat. ComfyUI keeps the repeats, over which the multistep
    // samplers divide by zero; a step between equal levels is none.
    sigmas.dedup();
    sigmas.push(0.0);
    sigmas
}

fn uniform_timesteps(schedule: &NoiseSchedule, steps: usize, leave_out_last: bool) -> Vec<f32> {
    let (start, end) =
        (schedule.timestep(schedule.sigma_max()), schedule.timestep(schedule.sigma_min()));
    let ends_at_zero = schedule.sigma(end) <= ZERO;
    let timesteps = if leave_out_last {
        let mut timesteps = linspace_f32(start, end, steps + 1);
        timesteps.pop();
        timesteps
    } else {
        linspace_f32(start, end, if ends_at_zero { steps + 1 } else { steps })
    };
    let mut sigmas: Vec<f32> = timesteps.into_iter().map(|t| schedule.sigma(t)).collect();
    if leave_out_last || !ends_at_zero {
        sigmas.push(0.0);
    }
    sigmas
}

fn ddim_uniform(schedule: &NoiseSchedule, steps: usize) -> Vec<f32> {
    let table = schedule.sigmas();
    // A table whose second level is 0 already brings the 0 that others need appended.
    let brings_zero = table[1] <= ZERO;
    let steps = if brings_zero { steps + 1 } else { steps };
    let stride = (table.len() / steps).max(1);
    let mut sigmas: Vec<f32> = table.iter().copied().skip(1).step_by(stride).collect();
    sigmas.reverse();
    if !brings_zero {
        sigmas.push(0.0);
    }
    sigmas
}
