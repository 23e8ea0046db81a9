//! The samplers by name, and what their names alone stand for.

use super::SamplerOptions;
use crate::diffusion::noise::NoiseSource;
use crate::error::{Error, ErrorKind, Result, nearest};

/// A way from noise to a latent, by the name users type; in ComfyUI's order.
///
/// A name that ends in `_cfg_pp` follows CFG++ (Chung et al. 2024, <https://arxiv.org/abs/2406.08070>): it goes to
/// the guided clean latent, but takes the noise it keeps from the negative prompt's answer. One that ends in
/// `_gpu` draws its noise as a graphics card would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampler {
    /// First order, deterministic.
    Euler,
    /// `euler` with CFG++.
    EulerCfgPp,
    /// First order, with fresh noise in every step.
    EulerAncestral,
    /// `euler_ancestral` with CFG++.
    EulerAncestralCfgPp,
    /// Second order, two network calls a step.
    Heun,
    /// Up to three calls a step, weighted by their noise.
    HeunPp2,
    /// The exponential form of `heun`, in logarithms of the noise level.
    ExpHeun2X0,
    /// `exp_heun_2_x0` with fresh noise.
    ExpHeun2X0Sde,
    /// Second order by the middle of a step.
    Dpm2,
    /// `dpm_2` with fresh noise.
    Dpm2Ancestral,
    /// Linear multistep of order 4, with exact weights for uneven steps.
    Lms,
    /// DPM-Solver with as many calls as there are steps, up to three a step.
    DpmFast,
    /// DPM-Solver that chooses its own steps.
    DpmAdaptive,
    /// DPM-Solver++ of second order by the middle of a step, with fresh noise.
    Dpmpp2sAncestral,
    /// `dpmpp_2s_ancestral` with CFG++.
    Dpmpp2sAncestralCfgPp,
    /// DPM-Solver++ for the stochastic equation, two network calls a step.
    DpmppSde,
    /// `dpmpp_sde` with a graphics card's noise.
    DpmppSdeGpu,
    /// DPM-Solver++ of second order that looks one step back.
    Dpmpp2m,
    /// `dpmpp_2m` with CFG++.
    Dpmpp2mCfgPp,
    /// `dpmpp_2m` for the stochastic equation.
    Dpmpp2mSde,
    /// `dpmpp_2m_sde` with a graphics card's noise.
    Dpmpp2mSdeGpu,
    /// `dpmpp_2m_sde` with the exact second-order weight.
    Dpmpp2mSdeHeun,
    /// `dpmpp_2m_sde_heun` with a graphics card's noise.
    Dpmpp2mSdeHeunGpu,
    /// DPM-Solver++ of third order for the stochastic equation.
    Dpmpp3mSde,
    /// `dpmpp_3m_sde` with a graphics card's noise.
    Dpmpp3mSdeGpu,
    /// The original: each step draws from the posterior.
    Ddpm,
    /// For latent consistency models: jump to the clean latent, add noise again.
    Lcm,
    /// Linear multistep of order 4 with the weights of even steps.
    Ipndm,
    /// `ipndm` with weights for uneven steps.
    IpndmV,
    /// Linear multistep of order 3, polynomial in the time of the training.
    Deis,
    /// Exponential multistep of order 2.
    ResMultistep,
    /// `res_multistep` with CFG++.
    ResMultistepCfgPp,
    /// `res_multistep` with fresh noise.
    ResMultistepAncestral,
    /// `res_multistep_ancestral` with CFG++.
    ResMultistepAncestralCfgPp,
    /// First order along a slope that is carried on from the last one.
    GradientEstimation,
    /// `gradient_estimation` with CFG++.
    GradientEstimationCfgPp,
    /// Extended reverse-time stochastic solver of order 3.
    ErSde,
    /// Stochastic exponential solver of two calls a step.
    Seeds2,
    /// Stochastic exponential solver of three calls a step.
    Seeds3,
    /// Stochastic Adams predictor of order 3 and corrector of order 4.
    SaSolver,
    /// `sa_solver` that calls the network again after each correction.
    SaSolverPece,
    /// `euler` with its own noise under an inpainting mask.
    Ddim,
    /// Predictor and corrector of order 3, `B(h) = h`.
    UniPc,
    /// Predictor and corrector of order 3, `B(h) = e^h − 1`.
    UniPcBh2,
}

/// The names of all samplers, in ComfyUI's order; the first is the default of its nodes.
pub const SAMPLERS: [&str; Sampler::ALL.len()] = [
    "euler",
    "euler_cfg_pp",
    "euler_ancestral",
    "euler_ancestral_cfg_pp",
    "heun",
    "heunpp2",
    "exp_heun_2_x0",
    "exp_heun_2_x0_sde",
    "dpm_2",
    "dpm_2_ancestral",
    "lms",
    "dpm_fast",
    "dpm_adaptive",
    "dpmpp_2s_ancestral",
    "dpmpp_2s_ancestral_cfg_pp",
    "dpmpp_sde",
    "dpmpp_sde_gpu",
    "dpmpp_2m",
    "dpmpp_2m_cfg_pp",
    "dpmpp_2m_sde",
    "dpmpp_2m_sde_gpu",
    "dpmpp_2m_sde_heun",
    "dpmpp_2m_sde_heun_gpu",
    "dpmpp_3m_sde",
    "dpmpp_3m_sde_gpu",
    "ddpm",
    "lcm",
    "ipndm",
    "ipndm_v",
    "deis",
    "res_multistep",
    "res_multistep_cfg_pp",
    "res_multistep_ancestral",
    "res_multistep_ancestral_cfg_pp",
    "gradient_estimation",
    "gradient_estimation_cfg_pp",
    "er_sde",
    "seeds_2",
    "seeds_3",
    "sa_solver",
    "sa_solver_pece",
    "ddim",
    "uni_pc",
    "uni_pc_bh2",
];

impl Sampler {
    /// All of them, in ComfyUI's order.
    pub const ALL: [Self; 44] = [
        Self::Euler,
        Self::EulerCfgPp,
        Self::EulerAncestral,
        Self::EulerAncestralCfgPp,
        Self::Heun,
        Self::HeunPp2,
        Self::ExpHeun2X0,
        Self::ExpHeun2X0Sde,
        Self::Dpm2,
        Self::Dpm2Ancestral,
        Self::Lms,
        Self::DpmFast,
        Self::DpmAdaptive,
        Self::Dpmpp2sAncestral,
        Self::Dpmpp2sAncestralCfgPp,
        Self::DpmppSde,
        Self::DpmppSdeGpu,
        Self::Dpmpp2m,
        Self::Dpmpp2mCfgPp,
        Self::Dpmpp2mSde,
        Self::Dpmpp2mSdeGpu,
        Self::Dpmpp2mSdeHeun,
        Self::Dpmpp2mSdeHeunGpu,
        Self::Dpmpp3mSde,
        Self::Dpmpp3mSdeGpu,
        Self::Ddpm,
        Self::Lcm,
        Self::Ipndm,
        Self::IpndmV,
        Self::Deis,
        Self::ResMultistep,
        Self::ResMultistepCfgPp,
        Self::ResMultistepAncestral,
        Self::ResMultistepAncestralCfgPp,
        Self::GradientEstimation,
        Self::GradientEstimationCfgPp,
        Self::ErSde,
        Self::Seeds2,
        Self::Seeds3,
        Self::SaSolver,
        Self::SaSolverPece,
        Self::Ddim,
        Self::UniPc,
        Self::UniPcBh2,
    ];

    /// The name that graphs use.
    pub const fn name(self) -> &'static str {
        // Declared in the order of the list, which a test checks.
        SAMPLERS[self as usize]
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
        matches!(self, Self::Dpm2 | Self::Dpm2Ancestral | Self::UniPc | Self::UniPcBh2)
    }

    /// Whether the noise over the protected part of an inpainting mask is drawn anew, with `seed + 1`.
    pub fn draws_inpaint_noise(self) -> bool {
        matches!(self, Self::Ddim)
    }

    /// Where the sampler's Brownian path is drawn.
    pub(super) fn path_source(self) -> NoiseSource {
        match self {
            Self::DpmppSdeGpu
            | Self::Dpmpp2mSdeGpu
            | Self::Dpmpp2mSdeHeunGpu
            | Self::Dpmpp3mSdeGpu => NoiseSource::Cuda,
            _ => NoiseSource::Cpu,
        }
    }

    /// The settings that the name alone stands for.
    pub fn options(self) -> SamplerOptions {
        let standard = SamplerOptions::default();
        match self {
            // Deterministic by name.
            Self::Euler
            | Self::EulerCfgPp
            | Self::Ddim
            | Self::Dpm2
            | Self::Dpmpp2m
            | Self::Dpmpp2mCfgPp
            | Self::ResMultistep
            | Self::ResMultistepCfgPp => SamplerOptions { eta: 0.0, ..standard },
            Self::ExpHeun2X0 => SamplerOptions { eta: 0.0, r: 1.0, ..standard },
            Self::ExpHeun2X0Sde => SamplerOptions { r: 1.0, ..standard },
            Self::DpmAdaptive => SamplerOptions { eta: 0.0, order: 3, ..standard },
            Self::Deis => SamplerOptions { order: 3, ..standard },
            _ => standard,
        }
    }
}
