//! The numbers a sampler can be set with.

/// The settings of every sampler; each reads those it has.
///
/// [`Sampler::options`](super::Sampler::options) gives what a name alone stands for; nodes change some of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SamplerOptions {
    /// How much of a step's noise is drawn anew: 0 is deterministic, 1 the reverse-time equation.
    pub eta: f64,
    /// Multiplies the noise that is added.
    pub s_noise: f64,
    /// Noise added before each step of `euler`, `heun` and `dpm_2`, shared out among the steps (Karras et al. 2022,
    /// algorithm 2).
    pub s_churn: f64,
    /// The lowest level at which there is churn.
    pub s_tmin: f64,
    /// The highest level at which there is churn.
    pub s_tmax: f64,
    /// Where between two levels `dpmpp_sde`, `seeds_2` and `exp_heun_2_x0` ask the network, in logarithms.
    pub r: f64,
    /// The highest order of `lms`, `ipndm`, `ipndm_v`, `deis` and `dpm_adaptive` (2 or 3).
    pub order: usize,
    /// How far `gradient_estimation` carries the slope on: 1 is `euler`.
    pub gamma: f64,
    /// Error that `dpm_adaptive` allows in proportion to the latent.
    pub rtol: f64,
    /// Error that `dpm_adaptive` always allows.
    pub atol: f64,
    /// First step of `dpm_adaptive`, in logarithms of the level.
    pub h_init: f64,
    /// Proportional part of `dpm_adaptive`'s step control.
    pub pcoeff: f64,
    /// Integral part of `dpm_adaptive`'s step control.
    pub icoeff: f64,
    /// Differential part of `dpm_adaptive`'s step control.
    pub dcoeff: f64,
    /// `dpm_adaptive` keeps a step if the next one may be that much longer.
    pub accept_safety: f64,
    /// The order of `er_sde`, 1 to 3.
    pub max_stage: usize,
    /// The noise of `er_sde`.
    pub er_noise: ErNoise,
    /// Order of `sa_solver`'s prediction.
    pub predictor_order: usize,
    /// Order of `sa_solver`'s correction; 0 leaves it out.
    pub corrector_order: usize,
    /// Whether `sa_solver` takes the simplified weights of order 2.
    pub simple_order_2: bool,
    /// The levels between which `sa_solver` adds noise, highest first.
    pub noisy: [f64; 2],
}

/// How the noise of `er_sde` grows with the level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErNoise {
    /// As the authors recommend: `σ·(e^(σ^0.3) + 10)`.
    Extended,
    /// The reverse-time equation with [`SamplerOptions::eta`]: `σ^(η + 1)`; with 0 it is deterministic.
    ReverseTime,
}

impl Default for SamplerOptions {
    fn default() -> Self {
        Self {
            eta: 1.0,
            s_noise: 1.0,
            s_churn: 0.0,
            s_tmin: 0.0,
            s_tmax: f64::INFINITY,
            r: 0.5,
            order: 4,
            gamma: 2.0,
            rtol: 0.05,
            atol: 0.0078,
            h_init: 0.05,
            pcoeff: 0.0,
            icoeff: 1.0,
            dcoeff: 0.0,
            accept_safety: 0.81,
            max_stage: 3,
            er_noise: ErNoise::Extended,
            predictor_order: 3,
            corrector_order: 4,
            simple_order_2: false,
            noisy: NOISY,
        }
    }
}

/// The levels after a fifth and after four fifths of Stable Diffusion's timesteps (799.2 and 199.8).
const NOISY: [f64; 2] = [5.0924, 0.5712];
