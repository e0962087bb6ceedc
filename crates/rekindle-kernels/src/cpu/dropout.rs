//! Numbers that are dropped at random: Srivastava et al. 2014, <https://jmlr.org/papers/v15/srivastava14a.html>.
//!
//! Which are dropped is told from a key, the row and the column alone. So no mask is kept for the way back, and it does not
//! matter which thread computes a row, or with which instructions.

use super::{
    parallel::{Shared, parts},
    simd::{Isa, Kernel, Real, Simd},
};

/// Numbers that are drawn at a time: the most lanes of any vector.
const DRAWN: usize = 16;
/// Rows that a task takes at a time.
const ROWS: usize = 32;

/// What is dropped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Dropout {
    key: u64,
    /// Draws below are dropped.
    below: u32,
    /// What is kept is multiplied by this.
    scale: f64,
}

impl Dropout {
    /// Drops each number with this probability, which is below 1.
    pub(crate) fn new(key: u64, probability: f64) -> Self {
        let below = (probability * 2.0_f64.powi(32)) as u32;
        Self { key, below, scale: 1.0 / (1.0 - probability) }
    }

    /// What the draws of a row begin with: Steele et al. 2014, "Fast splittable pseudorandom number generators", figure 13.
    #[inline(always)]
    fn row(self, row: usize) -> [u32; 2] {
        let mut z = self.key.wrapping_add((row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        [z as u32, (z >> 32) as u32]
    }

    /// The factors of some columns of a row, from `column` on.
    #[inline(always)]
    fn factors<E: Real>(self, row: [u32; 2], column: usize) -> [E; DRAWN] {
        let scale = E::of(self.scale);
        let mut factors = [E::ZERO; DRAWN];
        for (lane, factor) in factors.iter_mut().enumerate() {
            let column = ((column + lane) as u32).wrapping_mul(0x9e37_79b1);
            let drawn = mixed(mixed(column ^ row[0]).wrapping_add(row[1]));
            *factor = if drawn < self.below { E::ZERO } else { scale };
        }
        factors
    }

    /// `x * factor + added` of `columns` numbers of a row, from `first` on.
    ///
    /// # Safety
    ///
    /// The machine has the instructions of `S`, and the pointers are to so many numbers. `x` may be `y`.
    #[inline(always)]
    pub(super) unsafe fn over<S: Simd>(
        self,
        (row, first, columns): (usize, usize, usize),
        x: *const S::E,
        added: Option<*const S::E>,
        y: *mut S::E,
    ) {
        let row = self.row(row);
        let mut start = 0;
        while start < columns {
            let factors = self.factors::<S::E>(row, first + start);
            let end = (start + DRAWN).min(columns);
            let mut at = start;
            while at < end {
                let left = (end - at).min(S::LANES);
                // SAFETY: by contract; a vector of factors lies within those drawn, whose count is a multiple of all lanes.
                unsafe {
                    let factor = S::load(factors.as_ptr().add(at - start));
                    let x = S::load_up_to(x.add(at), left);
                    let kept = match added {
                        Some(added) => S::fma(x, factor, S::load_up_to(added.add(at), left)),
                        None => S::mul(x, factor),
                    };
                    S::store_up_to(y.add(at), kept, left);
                }
                at += S::LANES;
            }
            start = end;
        }
    }
}

/// A number whose bits all depend on all bits of another: Wellons 2018, "Prospecting for hash functions", `lowbias32`.
#[inline(always)]
fn mixed(mut h: u32) -> u32 {
    h ^= h >> 16;
    h = h.wrapping_mul(0x7feb_352d);
    h ^= h >> 15;
    h = h.wrapping_mul(0x846c_a68b);
    h ^ (h >> 16)
}

/// Drops numbers of `x`, rows of `channels`, into `y`: the way there, and of a gradient the way back.
///
/// # Panics
///
/// If `x` and `y` are not of one shape.
pub(crate) fn drop_rows<E: Real>(
    isa: Isa,
    dropout: Dropout,
    channels: usize,
    x: &[E],
    y: &mut [E],
) {
    assert!(
        channels > 0 && x.len() == y.len() && x.len().is_multiple_of(channels),
        "what is dropped and what is left are of other shapes"
    );
    let out = Shared::new(y);
    parts(x.len() / channels, ROWS, |start, end| {
        let kernel = Over { dropout, channels, x, out, rows: start..end };
        // SAFETY: each row is written by one task, and the lengths were compared.
        unsafe { E::dispatch(isa, kernel) }
    });
}

struct Over<'a, E> {
    dropout: Dropout,
    channels: usize,
    x: &'a [E],
    out: Shared<E>,
    rows: std::ops::Range<usize>,
}

impl<E: Real> Kernel<E> for Over<'_, E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let Self { dropout, channels, x, out, rows } = self;
        for row in rows {
            // SAFETY: a row lies within both.
            unsafe {
                let x = x.as_ptr().add(row * channels);
                let y = out.get().add(row * channels);
                dropout.over::<S>((row, 0, channels), x, None, y);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is dropped is the same share in every row and column, another for another key, and the same by all instructions.
    #[test]
    fn a_share_is_dropped_and_the_rest_is_scaled() {
        // Few, where each step is interpreted.
        let (rows, channels) = if cfg!(miri) { (40, 33) } else { (400, 257) };
        let x = vec![1.0_f32; rows * channels];
        for probability in [0.1, 0.5, 0.9] {
            let found = |isa, key| {
                let mut y = vec![0.0; x.len()];
                drop_rows(isa, Dropout::new(key, probability), channels, &x, &mut y);
                y
            };
            let first = found(Isa::available()[0], 1);
            let scale = (1.0 / (1.0 - probability)) as f32;
            assert!(first.iter().all(|y| *y == 0.0 || *y == scale), "{probability}");
            let share = |kept: &mut dyn Iterator<Item = f32>, most: usize| {
                let kept = kept.filter(|y| *y != 0.0).count() as f64;
                let count = most as f64;
                let deviation = (probability * (1.0 - probability) / count).sqrt();
                assert!(((1.0 - kept / count) - probability).abs() < 6.0 * deviation);
            };
            share(&mut first.iter().copied(), rows * channels);
            for row in first.chunks(channels) {
                share(&mut row.iter().copied(), channels);
            }
            for column in 0..channels {
                share(&mut first.iter().copied().skip(column).step_by(channels), rows);
            }
            for isa in Isa::available() {
                assert_eq!(found(isa, 1), first, "{isa:?}");
            }
            // Two keys agree where two independent draws would.
            let other = found(Isa::available()[0], 2);
            let same = first.iter().zip(&other).filter(|(a, b)| a == b).count() as f64;
            let expected = probability.powi(2) + (1.0 - probability).powi(2);
            let count = first.len() as f64;
            assert!((same / count - expected).abs() < 3.0 / count.sqrt(), "{probability}");
        }
    }
}
