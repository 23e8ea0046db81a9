//! The noise a sampler adds on its way.

use crate::diffusion::brownian::BrownianTree;
use crate::diffusion::noise::{Noise, NoiseSource};

/// The noise of a run's steps; drawn only by the samplers that add some.
#[derive(Debug, Clone)]
pub struct StepNoise {
    seed: u64,
    noise: Noise,
}

impl StepNoise {
    /// The noise of a run with that seed, as ComfyUI draws it on a CPU.
    ///
    /// Ancestral steps draw from a generator of its own, seeded `seed + 1` so that the first step does not add
    /// the very noise the run began with; the SDE samplers walk the Brownian path of `seed`. The seed after
    /// 2⁶⁴ − 1 is 0, where torch refuses.
    pub fn new(seed: u64) -> Self {
        Self::on(NoiseSource::Cpu, seed)
    }

    /// The noise of a run with that seed.
    ///
    /// On a graphics card ancestral steps draw with `seed` itself: there ComfyUI's initial noise still comes from
    /// the CPU, and the two cannot be the same. Brownian paths do not follow this choice; the samplers whose
    /// name ends in `_gpu` walk the card's.
    pub fn on(source: NoiseSource, seed: u64) -> Self {
        let own = match source {
            NoiseSource::Cpu => seed.wrapping_add(1),
            NoiseSource::Cuda => seed,
        };
        Self { seed, noise: Noise::new(source, own) }
    }

    pub(super) fn next(&mut self, len: usize) -> Vec<f32> {
        self.noise.randn(len)
    }

    pub(super) fn brownian(&self, sigmas: &[f32], len: usize, source: NoiseSource) -> BrownianTree {
        let max = sigmas.iter().copied().fold(0.0, f32::max);
        let min = sigmas.iter().copied().filter(|sigma| *sigma > 0.0).fold(max, f32::min);
        BrownianTree::on(source, self.seed, min, max, len)
    }
}
