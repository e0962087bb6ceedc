//! Dropout of what tokens look at. Each share is dropped or kept by its place alone, so that it is the same on the way back, for
//! any number of threads, and wherever texts lie.

use crate::cpu::simd::Real;

/// Probabilities are of so many parts: four draws come of one word.
const PARTS: u64 = 1 << DRAW;
/// Bits of a draw.
const DRAW: u32 = 16;

/// Which shares are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dropped {
    seed: u64,
    /// Draws below are dropped.
    below: u64,
}

impl Dropped {
    /// Those that a seed draws, each with a probability below one.
    pub(crate) fn new(seed: u64, probability: f64) -> Self {
        let below = (probability * PARTS as f64).round() as u64;
        Self { seed, below: below.min(PARTS - 1) }
    }

    /// Drops some of the shares of a row of a text's head, and makes up for them with the others.
    #[inline(always)]
    pub(super) fn apply<E: Real>(self, place: [usize; 3], shares: &mut [E]) {
        let kept = E::of(PARTS as f64 / (PARTS - self.below) as f64);
        let row = place.iter().fold(self.seed, |word, &at| mixed(word.wrapping_add(at as u64)));
        for (at, shares) in shares.chunks_mut((u64::BITS / DRAW) as usize).enumerate() {
            let mut draws = mixed(row.wrapping_add(at as u64));
            for share in shares {
                *share = if draws % PARTS < self.below { E::ZERO } else { *share * kept };
                draws >>= DRAW;
            }
        }
    }
}

/// SplitMix64 (Steele et al. 2014): neighbors become far apart.
#[inline(always)]
fn mixed(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
