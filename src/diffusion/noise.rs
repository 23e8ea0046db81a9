//! The numbers `torch.randn` draws: on a CPU bit for bit, on an NVIDIA card to its own precision.
//!
//! "Same seed, same picture" needs the noise of the programs the seed comes from, and those draw it with
//! torch on the CPU. [`Generator`] is torch's: a Mersenne Twister seeded with the low 32 bits of the seed,
//! and two ways to normal numbers. Fewer than 16 numbers are made in double precision, two at a time, the
//! second kept for the next such draw. From 16 on they are made in single precision in blocks of 16.
//!
//! A batch is one draw `[B, C, h, w]`. The stream is sequential and its blocks are 16 long, so image `k`
//! of a batch is the `k`-th consecutive draw of `C·h·w` numbers, as long as that is a multiple of 16
//! (with 4 channels: as long as `h·w` is a multiple of 4). Otherwise the last block is drawn anew, as
//! torch does, and only the start of the batch agrees.

mod mersenne;
mod normal;
mod philox;

use mersenne::MersenneTwister;
pub use philox::Philox;

/// The machine whose random numbers are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoiseSource {
    /// Torch on a CPU: ComfyUI's initial noise, and A1111's with its setting "CPU".
    Cpu,
    /// Torch on an NVIDIA card: A1111's default.
    Cuda,
}

/// A source of random numbers of either machine.
#[derive(Debug, Clone)]
pub enum Noise {
    /// Torch's CPU generator.
    Cpu(Generator),
    /// Torch's CUDA generator.
    Cuda(Philox),
}

impl Noise {
    /// The generator of that machine after `manual_seed(seed)`.
    pub fn new(source: NoiseSource, seed: u64) -> Self {
        match source {
            NoiseSource::Cpu => Self::Cpu(Generator::new(seed)),
            NoiseSource::Cuda => Self::Cuda(Philox::new(seed)),
        }
    }

    /// The next `len` numbers of mean 0 and variance 1, as one `torch.randn` call draws them.
    pub fn randn(&mut self, len: usize) -> Vec<f32> {
        match self {
            Self::Cpu(generator) => generator.randn(len),
            Self::Cuda(generator) => generator.randn(len),
        }
    }
}

/// A source of random numbers that repeats torch's CPU generator.
///
/// # Example
///
/// ```
/// use tintype::diffusion::noise::Generator;
///
/// let noise = Generator::new(42).randn(4 * 16 * 16);
/// assert!((noise[0] - 1.926_915).abs() < 2e-6);
/// ```
///
/// # Source
///
/// PyTorch, `aten/src/ATen/CPUGeneratorImpl.cpp`, `core/DistributionsHelper.h` and
/// `native/cpu/DistributionTemplates.h`; checked against torch 2.15.0 in `tests/diffusion.rs`.
#[derive(Debug, Clone)]
pub struct Generator {
    twister: MersenneTwister,
    /// The second number of a pair; a large draw neither uses nor drops it.
    spare: Option<f64>,
}

impl Generator {
    /// A generator as after `torch.Generator().manual_seed(seed)`.
    ///
    /// Torch's twister takes the low 32 bits of the seed, so seeds that differ by a multiple of 2³² draw
    /// the same numbers, here as there.
    pub fn new(seed: u64) -> Self {
        Self { twister: MersenneTwister::new((seed & 0xffff_ffff) as u32), spare: None }
    }

    /// The next `len` numbers of mean 0 and variance 1, as one `torch.randn` call draws them.
    ///
    /// The length of a draw matters: two draws of 8 are not one draw of 16.
    pub fn randn(&mut self, len: usize) -> Vec<f32> {
        if len < normal::BLOCK {
            return (0..len).map(|_| self.one() as f32).collect();
        }
        let mut out: Vec<f32> = (0..len).map(|_| self.uniform_f32()).collect();
        let whole = len / normal::BLOCK * normal::BLOCK;
        for block in out[..whole].chunks_exact_mut(normal::BLOCK) {
            normal::from_uniform(block);
        }
        if whole < len {
            // The last 16 are drawn anew, over numbers that were already finished.
            let tail = &mut out[len - normal::BLOCK..];
            tail.iter_mut().for_each(|slot| *slot = self.uniform_f32());
            normal::from_uniform(tail);
        }
        out
    }

    fn one(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let turn = self.uniform_f64();
        let length = self.uniform_f64();
        let radius = (-2.0 * (-length).ln_1p()).sqrt();
        let angle = 2.0 * std::f64::consts::PI * turn;
        self.spare = Some(radius * angle.sin());
        radius * angle.cos()
    }

    fn uniform_f32(&mut self) -> f32 {
        (self.twister.next() & 0x00ff_ffff) as f32 * (1.0 / 16_777_216.0)
    }

    fn uniform_f64(&mut self) -> f64 {
        let high = u64::from(self.twister.next());
        let low = u64::from(self.twister.next());
        ((high << 32 | low) & ((1 << 53) - 1)) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_k_of_a_batch_is_the_kth_consecutive_draw() {
        let batch = Generator::new(9).randn(3 * 4 * 8 * 6);
        let mut generator = Generator::new(9);
        let singles: Vec<f32> = (0..3).flat_map(|_| generator.randn(4 * 8 * 6)).collect();
        assert_eq!(batch, singles);
    }

    #[test]
    fn only_the_low_half_of_the_seed_counts() {
        assert_eq!(Generator::new(1 << 32).randn(40), Generator::new(0).randn(40));
        assert_eq!(Generator::new(u64::MAX).randn(3), Generator::new(0xffff_ffff).randn(3));
    }

    #[test]
    fn an_empty_draw_takes_nothing() {
        let mut generator = Generator::new(3);
        assert!(generator.randn(0).is_empty());
        assert_eq!(generator.randn(20), Generator::new(3).randn(20));
    }

    #[test]
    fn numbers_are_finite_and_normal() {
        let numbers = Generator::new(5).randn(1 << 16);
        let count = numbers.len() as f64;
        let mean = numbers.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
        let square = numbers.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / count;
        assert!(numbers.iter().all(|x| x.is_finite()));
        assert!(mean.abs() < 0.02 && (square - 1.0).abs() < 0.02, "mean {mean}, variance {square}");
    }
}
