//! Nodes that denoise, and what they are made of: noise, guiders, samplers, levels, patches of models.
//!
//! A node reads its inputs and calls [`run::sample`]. That is the only way from a latent to a latent:
//! [`guided`] is what the sampler asks, and asks [`network`] in turn, which asks [`control`] for what steers it.

mod control;
mod custom;
mod guided;
mod guiders;
mod hole;
mod ksampler;
mod network;
mod noise;
mod patches;
mod preview;
mod run;
mod samplers;
mod sigmas;

use crate::graph::Node;

/// The classes of this family, in menu order.
pub(super) const NODES: &[&dyn Node] = &[
    &ksampler::KSAMPLER,
    &ksampler::KSAMPLER_ADVANCED,
    &custom::SAMPLER_CUSTOM,
    &custom::SAMPLER_CUSTOM_ADVANCED,
    &custom::KSAMPLER_SELECT,
    &samplers::EULER_ANCESTRAL,
    &samplers::EULER_ANCESTRAL_CFG_PP,
    &samplers::LMS,
    &samplers::DPMPP_2S_ANCESTRAL,
    &samplers::DPMPP_SDE,
    &samplers::DPMPP_2M_SDE,
    &samplers::DPMPP_3M_SDE,
    &samplers::DPM_ADAPTATIVE,
    &samplers::ER_SDE,
    &samplers::SA_SOLVER,
    &noise::RANDOM_NOISE,
    &noise::DISABLE_NOISE,
    &noise::ADD_NOISE,
    &guiders::BASIC_GUIDER,
    &guiders::CFG_GUIDER,
    &guiders::DUAL_CFG_GUIDER,
    &guiders::PERP_NEG_GUIDER,
    &sigmas::BASIC_SCHEDULER,
    &sigmas::KARRAS_SCHEDULER,
    &sigmas::EXPONENTIAL_SCHEDULER,
    &sigmas::POLYEXPONENTIAL_SCHEDULER,
    &sigmas::LAPLACE_SCHEDULER,
    &sigmas::VP_SCHEDULER,
    &sigmas::BETA_SAMPLING_SCHEDULER,
    &sigmas::SD_TURBO_SCHEDULER,
    &sigmas::SPLIT_SIGMAS,
    &sigmas::SPLIT_SIGMAS_DENOISE,
    &sigmas::FLIP_SIGMAS,
    &sigmas::SET_FIRST_SIGMA,
    &sigmas::EXTEND_INTERMEDIATE_SIGMAS,
    &sigmas::MANUAL_SIGMAS,
    &sigmas::SAMPLING_PERCENT_TO_SIGMA,
    &patches::MODEL_SAMPLING_DISCRETE,
    &patches::MODEL_SAMPLING_CONTINUOUS_EDM,
    &patches::MODEL_SAMPLING_CONTINUOUS_V,
    &patches::RESCALE_CFG,
    &patches::PERP_NEG,
    &patches::DIFFERENTIAL_DIFFUSION,
    &patches::FREE_U,
    &patches::FREE_U_V2,
    &patches::HYPER_TILE,
    &patches::TOME_PATCH_MODEL,
    &patches::DEEP_CACHE,
    &patches::GUIDANCE_INTERVAL,
];
