//! Brownian motion over noise levels, as the samplers of the SDE family draw it.
//!
//! Such a sampler needs noise that belongs to a stretch of noise levels, not to a step: with twice the
//! steps the same seed must walk the same path. [`BrownianTree`] is the path. It halves the whole range
//! again and again, each half's increment made from its parent's and from noise whose seed depends on the
//! seed and the place in the tree alone. Desktop programs use torchsde's tree, whose seeds come from
//! numpy's `SeedSequence`; both are repeated here to the last bit.

use std::collections::VecDeque;

use crate::diffusion::noise::{Noise, NoiseSource};

/// A path of Brownian motion in `len` dimensions, fixed by its seed.
///
/// # Source
///
/// torchsde 0.2.6 `BrownianTree` (levels rounded to 6 decimals, 24 words of pooled entropy) under
/// k-diffusion's `BrownianTreeNoiseSampler`; checked against both in `tests/diffusion.rs`.
#[derive(Debug, Clone)]
pub struct BrownianTree {
    source: NoiseSource,
    seed: u64,
    root: Node,
    increment: Vec<f32>,
    /// Recently made pairs of children: the next stretch shares most of its ancestors with the last.
    recent: VecDeque<(Node, Halves)>,
}

/// A stretch of noise levels and its place in the tree.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Node {
    start: f64,
    end: f64,
    key: u64,
    depth: u32,
}

/// The increments over the two halves of a node.
type Halves = (Vec<f32>, Vec<f32>);

/// Pairs kept; two paths from root to leaf (a range of 15 is halved 24 times down to 1e-6).
const RECENT: usize = 52;

impl BrownianTree {
    /// The path of `seed` between two noise levels, as torch draws it on a CPU.
    ///
    /// # Units
    ///
    /// - `sigma_min`, `sigma_max`: standard deviations of the noise
    pub fn new(seed: u64, sigma_min: f32, sigma_max: f32, len: usize) -> Self {
        Self::on(NoiseSource::Cpu, seed, sigma_min, sigma_max, len)
    }

    /// The path of `seed` as a machine draws it: on a graphics card it is another one.
    pub fn on(source: NoiseSource, seed: u64, sigma_min: f32, sigma_max: f32, len: usize) -> Self {
        let (start, end) = (f64::from(sigma_min), f64::from(sigma_max));
        let width = ((end - start).sqrt()) as f32;
        let mut increment = Noise::new(source, u64::from(seeds(seed, None)[0])).randn(len);
        increment.iter_mut().for_each(|x| *x *= width);
        let root = Node { start: rounded(start), end: rounded(end), key: 0, depth: 0 };
        Self { source, seed, root, increment, recent: VecDeque::new() }
    }

    /// The noise for a step from `sigma` to `sigma_next`: the increment, scaled to variance 1.
    ///
    /// Levels outside the range of the tree count as its ends, and two equal levels give zeros.
    pub fn noise(&mut self, sigma: f32, sigma_next: f32) -> Vec<f32> {
        let (low, high) =
            if sigma < sigma_next { (sigma, sigma_next) } else { (sigma_next, sigma) };
        // The sampler walks down, the tree is built upwards.
        let scale = if sigma < sigma_next { 1.0 } else { -1.0 };
        let width = (high - low).sqrt();
        let mut noise = self.between(f64::from(low), f64::from(high));
        if width > 0.0 {
            noise.iter_mut().for_each(|x| *x = *x * scale / width);
        }
        noise
    }

    /// `W(high) − W(low)`.
    fn between(&mut self, low: f64, high: f64) -> Vec<f32> {
        let clamped = |x: f64| rounded(x).clamp(self.root.start, self.root.end);
        let (low, high) = (clamped(low), clamped(high));
        if low >= high {
            return vec![0.0; self.increment.len()];
        }
        let mut sum: Option<Vec<f32>> = None;
        // Depth first, left half first: the order in which torchsde adds, so that sums round alike.
        let mut open = vec![(self.root, self.increment.clone(), low, high)];
        while let Some((node, increment, low, high)) = open.pop() {
            if low == node.start && high == node.end {
                sum = Some(match sum {
                    None => increment,
                    Some(before) => before.iter().zip(&increment).map(|(a, b)| a + b).collect(),
                });
                continue;
            }
            let (left, right) = node.halves();
            let (left_increment, right_increment) = self.split(node, &increment);
            if high > left.end {
                open.push((right, right_increment, low.max(left.end), high));
            }
            if low < left.end {
                open.push((left, left_increment, low, high.min(left.end)));
            }
        }
        sum.unwrap_or_else(|| vec![0.0; self.increment.len()])
    }

    fn split(&mut self, node: Node, increment: &[f32]) -> Halves {
        if let Some((_, halves)) = self.recent.iter().find(|(known, _)| *known == node) {
            return halves.clone();
        }
        let middle = node.middle();
        let reciprocal = 1.0 / (node.end - node.start);
        let (before, after) = (middle - node.start, node.end - middle);
        let deviation = (before * after * reciprocal).sqrt() as f32;
        let (before, reciprocal) = (before as f32, reciprocal as f32);

        let seed = seeds(self.seed, Some((node.key, node.depth)))[0];
        let noise = Noise::new(self.source, u64::from(seed)).randn(increment.len());
        let left: Vec<f32> = increment
            .iter()
            .zip(&noise)
            .map(|(w, n)| w * before * reciprocal + n * deviation)
            .collect();
        let right: Vec<f32> = increment.iter().zip(&left).map(|(w, l)| w - l).collect();
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((node, (left.clone(), right.clone())));
        (left, right)
    }
}

impl Node {
    fn middle(self) -> f64 {
        rounded(0.5 * (self.end + self.start))
    }

    fn halves(self) -> (Self, Self) {
        let middle = self.middle();
        let depth = self.depth + 1;
        (
            Self { end: middle, key: 2 * self.key, depth, ..self },
            Self { start: middle, key: 2 * self.key + 1, depth, ..self },
        )
    }
}

/// The number nearest to `x` with 6 decimals; ties, which are decided on the exact value, to even.
fn rounded(x: f64) -> f64 {
    format!("{x:.6}").parse().expect("a formatted number is a number")
}

/// The first seeds of numpy's `SeedSequence(seed, spawn_key=place, pool_size=24)`.
///
/// # Source
///
/// O'Neill 2015, "Developing a seed_seq alternative"; numpy 2.4 `numpy/random/bit_generator.pyx`.
fn seeds(seed: u64, place: Option<(u64, u32)>) -> [u32; 4] {
    const POOL: usize = 24;

    let mut entropy = words(seed);
    if let Some((key, depth)) = place {
        // A spawn key must not be mistaken for more seed.
        entropy.resize(POOL, 0);
        entropy.extend(words(key));
        entropy.extend(words(u64::from(depth)));
    }

    let mut hash = Hash { state: 0x43b0_d7e5, factor: 0x931e_8875 };
    let mut pool: Vec<u32> =
        (0..POOL).map(|i| hash.next(entropy.get(i).copied().unwrap_or(0))).collect();
    for source in 0..POOL {
        for target in 0..POOL {
            if source != target {
                pool[target] = mixed(pool[target], hash.next(pool[source]));
            }
        }
    }
    for word in entropy.iter().skip(POOL) {
        for slot in &mut pool {
            *slot = mixed(*slot, hash.next(*word));
        }
    }

    let mut output = Hash { state: 0x8b51_f9dd, factor: 0x58f3_8ded };
    [0, 1, 2, 3].map(|i| output.next(pool[i]))
}

struct Hash {
    state: u32,
    factor: u32,
}

impl Hash {
    fn next(&mut self, word: u32) -> u32 {
        let word = word ^ self.state;
        self.state = self.state.wrapping_mul(self.factor);
        let word = word.wrapping_mul(self.state);
        word ^ (word >> 16)
    }
}

fn mixed(x: u32, y: u32) -> u32 {
    let sum = x.wrapping_mul(0xca01_f9dd).wrapping_sub(y.wrapping_mul(0x4973_f715));
    sum ^ (sum >> 16)
}

/// A number as 32-bit words, lowest first, at least one.
fn words(number: u64) -> Vec<u32> {
    let (low, high) = ((number & 0xffff_ffff) as u32, (number >> 32) as u32);
    if high == 0 { vec![low] } else { vec![low, high] }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numpy.random.SeedSequence(7, pool_size=24).generate_state(4)` and with `spawn_key=(5, 3)`.
    #[test]
    fn seeds_are_numpys() {
        assert_eq!(seeds(7, None), SEEDS_ROOT);
        assert_eq!(seeds(7, Some((5, 3))), SEEDS_NODE);
        assert_eq!(seeds(u64::MAX, Some((1 << 40, 41))), SEEDS_LONG);
    }

    const SEEDS_ROOT: [u32; 4] = [1376543887, 623213690, 436845524, 1186459840];
    const SEEDS_NODE: [u32; 4] = [1167487741, 594211726, 3626736891, 2420502566];
    const SEEDS_LONG: [u32; 4] = [869124584, 2631768795, 1272571960, 2260397875];

    #[test]
    fn parts_of_a_stretch_add_up_whatever_was_asked_before() {
        let mut tree = BrownianTree::new(11, 0.03, 14.6, 64);
        let whole = tree.between(0.5, 9.0);
        let mut other = BrownianTree::new(11, 0.03, 14.6, 64);
        let (a, b) = (other.between(0.5, 3.25), other.between(3.25, 9.0));
        for ((w, a), b) in whole.iter().zip(&a).zip(&b) {
            assert!((w - (a + b)).abs() < 1e-5, "{w} is not {a} + {b}");
        }
        assert_eq!(tree.between(0.5, 9.0), whole);
    }

    #[test]
    fn levels_outside_the_range_or_equal_are_no_trouble() {
        let mut tree = BrownianTree::new(1, 0.1, 10.0, 20);
        assert_eq!(tree.noise(20.0, 0.0).len(), 20);
        assert!(tree.noise(2.0, 2.0).iter().all(|x| *x == 0.0));
        assert!(tree.noise(2.0, 2.000_000_2).iter().all(|x| x.is_finite()));
    }

    #[test]
    fn a_cards_path_is_made_of_its_own_numbers() {
        let mut tree = BrownianTree::on(NoiseSource::Cuda, 7, 1.0, 5.0, 32);
        let root = Noise::new(NoiseSource::Cuda, u64::from(SEEDS_ROOT[0])).randn(32);
        for (got, root) in tree.noise(5.0, 1.0).iter().zip(root) {
            assert!((got + root).abs() < 1e-6, "{got} is not −{root}");
        }
    }

    #[test]
    fn rounding_is_decided_on_the_exact_value() {
        assert_eq!(rounded(0.007_812_5), 0.007_812);
        assert_eq!(rounded(14.614_641_189_575_195), 14.614_641);
        assert_eq!(rounded(1.000_000_5), 1.000_001);
    }
}
