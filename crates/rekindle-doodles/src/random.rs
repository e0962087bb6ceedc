//! A counter-based random stream: a picture depends on its own key and on nothing else.

use rekindle_base::{STEP, mix};

/// The random numbers of one picture.
#[derive(Debug, Clone)]
pub(crate) struct Random(rekindle_base::Random);

impl Random {
    /// A stream that is told apart from every other by the words of its key, in order.
    pub(crate) fn new(key: [u64; 3]) -> Self {
        let state = key.iter().fold(0, |state, &word| mix(state ^ mix(word.wrapping_add(STEP))));
        Self(rekindle_base::Random::from_state(state))
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0.bits()
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
