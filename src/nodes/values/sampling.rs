//! What flows between the nodes that denoise: noise, guidance, samplers, levels, and patches of a model.

use std::rc::Rc;

use super::{Conditioning, Model};
use crate::diffusion::samplers::Method;
use crate::diffusion::schedule::NoiseSchedule;
use crate::graph::{Kind, Value};
use crate::models::unet::{FreeU, Savings};

/// NOISE: what a run starts from.
pub const NOISE: Kind = Kind::new("NOISE");
/// GUIDER: a model with its prompts and how they guide it.
pub const GUIDER: Kind = Kind::new("GUIDER");
/// SAMPLER: a sampler with its settings.
pub const SAMPLER: Kind = Kind::new("SAMPLER");
/// SIGMAS: the noise levels of a run.
pub const SIGMAS: Kind = Kind::new("SIGMAS");

/// NOISE: what a run starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noise {
    /// The noise of a seed.
    Seed(u64),
    /// None: the latent is noisy already. Samplers that draw on their way use seed 0.
    None,
}

impl Noise {
    /// The seed of what a sampler draws on its way.
    pub fn seed(self) -> u64 {
        match self {
            Self::Seed(seed) => seed,
            Self::None => 0,
        }
    }
}

impl From<Noise> for Value {
    fn from(noise: Noise) -> Self {
        Self::object(NOISE, 16, noise)
    }
}

impl From<Method> for Value {
    fn from(method: Method) -> Self {
        Self::object(SAMPLER, size_of::<Method>(), method)
    }
}

/// SIGMAS: the noise levels of a run, first to last.
#[derive(Debug, Clone, PartialEq)]
pub struct Sigmas(pub Vec<f32>);

impl From<Sigmas> for Value {
    fn from(sigmas: Sigmas) -> Self {
        Self::object(SIGMAS, sigmas.0.len() * 4, sigmas)
    }
}

/// GUIDER: a model with its prompts and how they guide it.
#[derive(Debug, Clone)]
pub struct Guider {
    /// The network.
    pub model: Model,
    /// How the prompts' answers become one.
    pub guidance: Guidance,
    /// The prompts that the guidance needs, in its order.
    pub prompts: Vec<Rc<Conditioning>>,
}

impl From<Guider> for Value {
    fn from(guider: Guider) -> Self {
        Self::object(GUIDER, 0, guider)
    }
}

/// How the answers to several prompts become one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Guidance {
    /// Positive alone.
    Positive,
    /// Positive, negative: classifier-free guidance of this strength.
    Cfg(f32),
    /// First, negative, second: guided away from the negative by the second, and on by the first.
    Dual {
        /// How far from the second to the first.
        first: f32,
        /// How far from the negative to the second, or, nested, from the negative to what the others give.
        second: f32,
        /// Whether the first two are guided among themselves before.
        nested: bool,
    },
    /// Positive, negative, empty: only what the negative has across the positive is taken away.
    PerpNeg {
        /// Strength of guidance.
        cfg: f32,
        /// Weight of the negative.
        negative: f32,
    },
}

/// What patches changed about a model.
#[derive(Debug, Clone, Default)]
pub struct ModelOptions {
    /// What takes the place of plain classifier-free guidance.
    pub cfg: CfgRule,
    /// What is done to the network's feature maps.
    pub free_u: Option<FreeU>,
    /// What is saved where they attend to themselves.
    pub savings: Savings,
    /// Which calls take the network's inner maps from a call before.
    pub reuse: Option<Reuse>,
    /// From which noise level, and down to which, the negative prompt has a say; everywhere if absent.
    pub guided_between: Option<[f32; 2]>,
    /// The levels the network was trained on, where a patch put others in their place.
    pub trained: Option<Rc<NoiseSchedule>>,
    /// How a noise mask is read: with this strength as how much each place may change, rather than whether.
    pub differential: Option<f32>,
}

/// How long the network's inner maps are used again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reuse {
    /// One call in so many computes them.
    pub interval: usize,
    /// How many of the outermost layers every call computes.
    pub layers: usize,
    /// The noise levels, the highest first, between which that is done.
    pub between: [f32; 2],
}

/// What takes the place of plain classifier-free guidance; the last patch counts.
#[derive(Debug, Clone, Default)]
pub enum CfgRule {
    /// Nothing.
    #[default]
    Plain,
    /// Brought back, to this share, to the spread that the positive prompt's answer has.
    Rescaled(f32),
    /// Perp-Neg with this empty prompt and this weight of the negative.
    PerpNeg(Rc<Conditioning>, f32),
}
