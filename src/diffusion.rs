//! Noise schedules, samplers and guidance, on host arrays.
//!
//! Everything here is arithmetic on `&[f32]` and `Vec<f32>`: no tensor library, no device, no files, no
//! JS, so that the same seed gives the same steps on every device. The network is behind
//! [`samplers::Denoise`], the one thing that is awaited.
//!
//! A run, in the order of the calls:
//!
//! 1. [`schedule::NoiseSchedule`] from the checkpoint's `scheduler_config.json`;
//! 2. [`schedule::sampling_sigmas`]: the noise levels, from scheduler, steps and denoise;
//! 3. [`noise::Noise`]: the noise that torch draws for the seed, on a CPU or on a graphics card;
//! 4. [`schedule::NoiseSchedule::noised`]: noise and latent mixed at the first level;
//! 5. [`samplers::sample`], whose model is the network between [`guidance::network_input`] and
//!    [`guidance::denoised`], with [`inpaint::Inpaint`] around it when there is a mask.

pub mod areas;
pub mod brownian;
pub mod guidance;
pub mod inpaint;
pub mod noise;
mod quadrature;
pub mod samplers;
pub mod schedule;
