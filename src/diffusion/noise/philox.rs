//! The numbers `torch.randn` draws on an NVIDIA card.
//!
//! Each thread of the card has its own stream of a counter-based generator; up to some hundred thousand
//! numbers a draw (the threads a card runs at once: 125952 on an RTX 3090) every number has its own thread, and
//! so its place is all that matters. A longer draw gives some threads a second number, which depends on the
//! card; here every number keeps its own thread, as on a card large enough. The card's own logarithm and sine
//! are approximate, so numbers agree to about 1e-6, not to the last bit.

/// Torch's CUDA generator.
///
/// # Source
///
/// Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3" (Philox 4×32-10); the uses of its words in
/// PyTorch's `aten/src/ATen/native/cuda/DistributionTemplates.h`: key the seed, counter the draw and the
/// thread; Box and Muller's transform as in cuRAND, of which the first number is used.
#[derive(Debug, Clone)]
pub struct Philox {
    seed: u64,
    draws: u64,
}

impl Philox {
    /// A generator as after `torch.Generator("cuda").manual_seed(seed)`.
    pub fn new(seed: u64) -> Self {
        Self { seed, draws: 0 }
    }

    /// The next `len` numbers of mean 0 and variance 1, as one `torch.randn` call draws them.
    pub fn randn(&mut self, len: usize) -> Vec<f32> {
        let [low, high] = words(self.seed);
        let [draw_low, draw_high] = words(self.draws);
        if len > 0 {
            self.draws = self.draws.wrapping_add(1);
        }
        (0..len as u64)
            .map(|thread| {
                let [thread_low, thread_high] = words(thread);
                let bits = philox([draw_low, draw_high, thread_low, thread_high], [low, high]);
                normal(bits[0], bits[1])
            })
            .collect()
    }
}

fn words(number: u64) -> [u32; 2] {
    [(number & 0xffff_ffff) as u32, (number >> 32) as u32]
}

/// The first number of Box and Muller's pair, in single precision as the card computes it.
fn normal(first: u32, second: u32) -> f32 {
    const UNIT: f32 = 1.0 / 4_294_967_296.0;
    const TURN: f32 = UNIT * 2.0 * std::f32::consts::PI;
    let u = (first as f32).mul_add(UNIT, UNIT / 2.0);
    let v = (second as f32).mul_add(TURN, TURN / 2.0);
    let radius = (-2.0 * f64::from(u).ln()).sqrt();
    (radius * f64::from(v).sin()) as f32
}

/// Ten rounds of Philox 4×32.
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let [low_0, high_0] = words(u64::from(counter[0]) * 0xd251_1f53);
        let [low_1, high_1] = words(u64::from(counter[2]) * 0xcd9e_8d57);
        counter = [high_1 ^ counter[1] ^ key[0], low_1, high_0 ^ counter[3] ^ key[1], low_0];
        key = [key[0].wrapping_add(0x9e37_79b9), key[1].wrapping_add(0xbb67_ae85)];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers of the Random123 library (`kat_vectors`, `philox4x32 10`).
    #[test]
    fn words_are_the_known_answers() {
        let ones = u32::MAX;
        for (counter, key, expected) in [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([ones; 4], [ones; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ] {
            assert_eq!(philox(counter, key), expected);
        }
    }

    /// `torch.randn(12, device="cuda")` after `manual_seed(0)`, as published with other imitations of it.
    #[test]
    fn numbers_are_the_cards() {
        let expected = [
            -0.924_663, -0.425_344, -2.643_846, 0.145_184, -0.120_866, -0.579_726, -0.622_851,
            -0.328_387, -1.074_542, -0.363_144, -1.671_051, 2.265_505,
        ];
        for (got, expected) in Philox::new(0).randn(12).into_iter().zip(expected) {
            assert!((got - expected).abs() < 2e-6, "{got}, not {expected}");
        }
    }

    #[test]
    fn each_draw_is_another_and_all_of_the_seed_counts() {
        let mut generator = Philox::new(7);
        let (first, second) = (generator.randn(1000), generator.randn(1000));
        assert_ne!(first, second);
        assert!(generator.randn(0).is_empty());
        assert_eq!(Philox::new(7).randn(2000)[..1000], first);
        assert_ne!(Philox::new(7 + (1 << 32)).randn(1000), first);
        let all: Vec<f64> = first.iter().chain(&second).map(|x| f64::from(*x)).collect();
        let mean = all.iter().sum::<f64>() / 2000.0;
        let square = all.iter().map(|x| x * x).sum::<f64>() / 2000.0;
        assert!(mean.abs() < 0.1 && (square - 1.0).abs() < 0.1, "mean {mean}, variance {square}");
    }
}
