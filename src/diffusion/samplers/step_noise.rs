//! The noise a sampler adds on its way.

use crate::diffusion::brownian::BrownianTree;
use crate::diffusion::noise::{Noise, NoiseSource};

/// The noise of a run's steps; drawn only by the samplers that add some.
#[derive(Debug, Clone)]
pub struct StepNoise {
    seed: u64,
    /// One for the whole latent, or one for each picture of the batch.
    noises: Vec<Noise>,
}

impl StepNoise {
    /// The noise of a run with that seed, as ComfyUI draws it on a CPU.
    ///
    /// Ancestral steps draw from a generator of its own, seeded `seed + 1` so that the first step does not add
    /// the very noise the run began with; the SDE samplers walk the Brownian path of `seed`. The seed after
    /// 2⁶⁴ − 1 is 0, where torch refuses.
    pub fn new(seed: u64) -> Self {
        Self { seed, noises: vec![Noise::new(NoiseSource::Cpu, seed.wrapping_add(1))] }
    }

    /// The noise of a run with that seed, as ComfyUI draws it on a graphics card: from a generator with the run's own
    /// seed, since the noise the run began with came from the CPU.
    pub fn on_card(seed: u64) -> Self {
        Self { seed, noises: vec![Noise::new(NoiseSource::Cuda, seed)] }
    }

    /// The noise of a batch of pictures of `len` numbers with these seeds, as A1111 draws it on a graphics card.
    ///
    /// Each picture goes on with the generator that gave it the noise it began with. Brownian paths do not follow
    /// this choice; the samplers whose name ends in `_gpu` walk the card's.
    pub fn each_on_card(seeds: &[u64], len: usize) -> Self {
        let after_first = |seed: &u64| {
            let mut noise = Noise::new(NoiseSource::Cuda, *seed);
            noise.randn(len);
            noise
        };
        let seed = seeds.first().copied().unwrap_or_default();
        Self { seed, noises: seeds.iter().map(after_first).collect() }
    }

    pub(super) fn next(&mut self, len: usize) -> Vec<f32> {
        let each = len / self.noises.len().max(1);
        self.noises.iter_mut().flat_map(|noise| noise.randn(each)).collect()
    }

    pub(super) fn brownian(&self, sigmas: &[f32], len: usize, source: NoiseSource) -> BrownianTree {
        let max = sigmas.iter().copied().fold(0.0, f32::max);
        let min = sigmas.iter().copied().filter(|sigma| *sigma > 0.0).fold(max, f32::min);
        BrownianTree::on(source, self.seed, min, max, len)
    }
}
