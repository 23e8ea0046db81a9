//! Noise levels: the table a network was trained on, and the levels a run visits.
//!
//! A level is a `sigma`, the standard deviation of the noise on a latent of variance 1; networks take a
//! `timestep`, an index into the table of their training. [`NoiseSchedule`] holds the table and goes from
//! one to the other; [`Scheduler`] picks the levels of a run; [`sampling_sigmas`] is what a sampling node
//! calls. [`curves`] and [`edit`] are for the nodes that make and change a list of levels. Names and results are ComfyUI's, so that a graph gives the same picture here.

mod beta;
mod config;
pub mod curves;
pub mod edit;
mod noise_schedule;
mod scheduler;

pub use config::{BetaSchedule, ScheduleConfig};
pub use noise_schedule::NoiseSchedule;
pub use scheduler::{SCHEDULERS, Scheduler, sampling_sigmas};

/// What the network's output stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prediction {
    /// The noise.
    Epsilon,
    /// The velocity, a mix of noise and clean latent (Salimans and Ho 2022, appendix D).
    VPrediction,
    /// The clean latent.
    Sample,
    /// The noise, of a latent consistency model: the clean latent is mixed with the noisy one near level 0.
    Consistency,
    /// The clean latent and the noisy one mixed so that the output has variance 1 (Karras et al. 2022).
    Edm,
    /// The clean latent, by a network that takes the noisy one unscaled.
    Image,
    /// The noise less the clean latent, which are mixed along a line (rectified flow).
    Flow,
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
