//! A counter-based random stream: a picture depends on its own key and on nothing else.
//!
//! Paper: "Fast splittable pseudorandom number generators" (Steele, Lea and Flood, OOPSLA 2014), SplitMix64.

/// Increment of SplitMix64: 2^64 divided by the golden ratio, made odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The random numbers of one picture.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// A stream that is told apart from every other by the words of its key, in order.
    pub(crate) fn new(key: [u64; 3]) -> Self {
        let state = key.iter().fold(0, |state, &word| mix(state ^ mix(word.wrapping_add(GOLDEN))));
        Self { state }
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// A number in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f32 {
        // 24 bits are what an f32 holds exactly.
        (self.bits() >> 40) as f32 / (1u32 << 24) as f32
    }

    /// A number in `[low, high)`.
    pub(crate) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// A point of the square `[low, high)^2`.
    pub(crate) fn point(&mut self, low: f32, high: f32) -> [f32; 2] {
        [self.between(low, high), self.between(low, high)]
    }

    /// A whole number below `count`.
    pub(crate) fn below(&mut self, count: u32) -> u32 {
        (((self.bits() >> 32) * u64::from(count)) >> 32) as u32
    }
}

/// The finalizer of SplitMix64, a bijection of the 64-bit words.
fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
