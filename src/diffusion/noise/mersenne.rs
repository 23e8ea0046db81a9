//! The Mersenne Twister MT19937.

const LENGTH: usize = 624;
const MIDDLE: usize = 397;

/// The 32-bit Mersenne Twister with its usual seeding.
///
/// # Source
///
/// Matsumoto and Nishimura 1998, "Mersenne Twister: a 623-dimensionally equidistributed uniform
/// pseudo-random number generator"; constants and seeding as in their `mt19937ar.c`.
#[derive(Debug, Clone)]
pub(super) struct MersenneTwister {
    state: Vec<u32>,
    position: usize,
}

impl MersenneTwister {
    pub(super) fn new(seed: u32) -> Self {
        let mut state = vec![seed; LENGTH];
        for i in 1..LENGTH {
            let last = state[i - 1];
            state[i] = 1_812_433_253_u32.wrapping_mul(last ^ (last >> 30)).wrapping_add(i as u32);
        }
        Self { state, position: LENGTH }
    }

    pub(super) fn next(&mut self) -> u32 {
        if self.position == LENGTH {
            self.refill();
        }
        let mut y = self.state[self.position];
        self.position += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    fn refill(&mut self) {
        for i in 0..LENGTH {
            let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % LENGTH] & 0x7fff_ffff);
            let twist = if y & 1 == 0 { 0 } else { 0x9908_b0df };
            self.state[i] = self.state[(i + MIDDLE) % LENGTH] ^ (y >> 1) ^ twist;
        }
        self.position = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousandth_number_is_the_one_the_c_plus_plus_standard_demands() {
        let mut twister = MersenneTwister::new(5489);
        let last = (0..10_000).map(|_| twister.next()).last();
        assert_eq!(last, Some(4_123_659_995));
    }
}
