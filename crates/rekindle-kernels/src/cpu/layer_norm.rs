//! The norm of each row, and the way back.

use super::{
    parallel::{Shared, parts},
    simd::{Isa, Kernel, Real, Simd, vectors},
};
use crate::memory::Buffer;

/// Rows that a task takes at a time; sums over rows are made of as many, whatever the threads.
const ROWS: usize = 32;

/// `(x - mean) / sqrt(variance + epsilon) * gamma + beta` of each row of `gamma.len()` numbers; returned are mean and reciprocal
/// deviation of each row, one behind the other.
pub(crate) fn forward<E: Real>(
    isa: Isa,
    x: &[E],
    gamma: &[E],
    beta: Option<&[E]>,
    epsilon: f64,
    y: &mut [E],
) -> Buffer<E> {
    let channels = gamma.len();
    assert!(
        channels > 0 && x.len().is_multiple_of(channels) && y.len() == x.len(),
        "rows of another length"
    );
    assert!(beta.is_none_or(|beta| beta.len() == channels), "a shift of other channels");
    let rows = x.len() / channels;
    let mut kept = Buffer::<E>::any(2 * rows);
    let (out, statistics) = (Shared::new(y), Shared::new(&mut kept));
    parts(rows, ROWS, |start, end| {
        let kernel = Forward { x, gamma, beta, epsilon, out, statistics, rows: start..end };
        // SAFETY: each row is written by one task, and the lengths were compared.
        unsafe { E::dispatch(isa, kernel) }
    });
    kept
}

struct Forward<'a, E> {
    x: &'a [E],
    gamma: &'a [E],
    beta: Option<&'a [E]>,
    epsilon: f64,
    out: Shared<E>,
    statistics: Shared<E>,
    rows: std::ops::Range<usize>,
}

impl<E: Real> Kernel<E> for Forward<'_, E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let channels = self.gamma.len();
        let count = channels as f64;
        for row in self.rows {
            // SAFETY: a row lies within `x` and `out`, and the vectors are as long as a row.
            unsafe {
                let x = self.x.as_ptr().add(row * channels);
                let mut sum = S::zero();
                vectors!(S, channels, |at, left| {
                    sum = S::add(sum, S::load_up_to(x.add(at), left));
                });
                let mean = S::sum(sum) / count;
                let middle = S::constant(mean);
                let mut squares = S::zero();
                vectors!(S, channels, |at, left| {
                    let apart = S::sub(S::load_up_to(x.add(at), left), middle);
                    // What is beyond the row is zero there, not the mean.
                    let square = S::mul(apart, apart);
                    if left < S::LANES {
                        let mut lanes = [E::ZERO; 16];
                        S::store(lanes.as_mut_ptr(), square);
                        squares = S::add(squares, S::load_part(lanes.as_ptr(), left));
                    } else {
                        squares = S::add(squares, square);
                    }
                });
                let r = (S::sum(squares) / count + self.epsilon).sqrt().recip();
                *self.statistics.get().add(2 * row) = E::of(mean);
                *self.statistics.get().add(2 * row + 1) = E::of(r);
                let scale = S::constant(r);
                let out = self.out.get().add(row * channels);
                vectors!(S, channels, |at, left| {
                    let normed = S::mul(S::sub(S::load_up_to(x.add(at), left), middle), scale);
                    let gamma = S::load_up_to(self.gamma.as_ptr().add(at), left);
                    let y = match self.beta {
                        Some(beta) => {
                            S::fma(normed, gamma, S::load_up_to(beta.as_ptr().add(at), left))
                        }
                        None => S::mul(normed, gamma),
                    };
                    S::store_up_to(out.add(at), y, left);
                });
            }
        }
    }
}

/// What a norm's operands get: the input's gradient, and those of factor and shift.
pub(crate) struct Gradients<E> {
    pub(crate) x: Buffer<E>,
    pub(crate) gamma: Buffer<E>,
    pub(crate) beta: Buffer<E>,
}

/// The way back from `dy`, with what [`forward`] returned.
pub(crate) fn backward<E: Real>(
    isa: Isa,
    x: &[E],
    gamma: &[E],
    kept: &[E],
    dy: &[E],
) -> Gradients<E> {
    let channels = gamma.len();
    assert!(
        channels > 0 && x.len().is_multiple_of(channels) && dy.len() == x.len(),
        "rows of another length"
    );
    let rows = x.len() / channels;
    assert!(kept.len() == 2 * rows, "statistics of other rows");
    let mut dx = Buffer::<E>::any(x.len());
    let chunks = rows.div_ceil(ROWS);
    let mut sums = Buffer::<E>::zeros(2 * chunks * channels);
    let (out, partial) = (Shared::new(&mut dx), Shared::new(&mut sums));
    parts(rows, ROWS, |start, end| {
        let kernel = Backward { x, gamma, kept, dy, out, partial, rows: start..end };
        // SAFETY: each row, and each part's sums, are written by one task, and the lengths were compared.
        unsafe { E::dispatch(isa, kernel) }
    });
    let mut found = [Buffer::<E>::zeros(channels), Buffer::<E>::zeros(channels)];
    for chunk in sums.chunks_exact(2 * channels) {
        for (found, chunk) in found.iter_mut().zip(chunk.chunks_exact(channels)) {
            found.iter_mut().zip(chunk).for_each(|(found, part)| *found = *found + *part);
        }
    }
    let [gamma, beta] = found;
    Gradients { x: dx, gamma, beta }
}

struct Backward<'a, E> {
    x: &'a [E],
    gamma: &'a [E],
    kept: &'a [E],
    dy: &'a [E],
    out: Shared<E>,
    partial: Shared<E>,
    rows: std::ops::Range<usize>,
}

impl<E: Real> Kernel<E> for Backward<'_, E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let channels = self.gamma.len();
        let count = channels as f64;
        let part = self.rows.start / ROWS;
        for row in self.rows {
            let (mean, r) = (self.kept[2 * row], self.kept[2 * row + 1]);
            // SAFETY: a row lies within `x`, `dy` and `out`, the vectors are as long as a row, and a part has its own sums.
            unsafe {
                let (mean, r) = (S::splat(mean), S::splat(r));
                let x = self.x.as_ptr().add(row * channels);
                let dy = self.dy.as_ptr().add(row * channels);
                let gamma = self.gamma.as_ptr();
                let of_gamma = self.partial.get().add(2 * part * channels);
                let of_beta = of_gamma.add(channels);
                let (mut sum, mut product) = (S::zero(), S::zero());
                vectors!(S, channels, |at, left| {
                    let normed = S::mul(S::sub(S::load_up_to(x.add(at), left), mean), r);
                    let dy = S::load_up_to(dy.add(at), left);
                    // Zero beyond the row, as `dy` is.
                    let g = S::mul(dy, S::load_up_to(gamma.add(at), left));
                    sum = S::add(sum, g);
                    product = S::fma(g, normed, product);
                    S::store_up_to(
                        of_gamma.add(at),
                        S::fma(dy, normed, S::load_up_to(of_gamma.add(at), left)),
                        left,
                    );
                    S::store_up_to(
                        of_beta.add(at),
                        S::add(dy, S::load_up_to(of_beta.add(at), left)),
                        left,
                    );
                });
                let sum = S::constant(S::sum(sum) / count);
                let product = S::constant(S::sum(product) / count);
                let out = self.out.get().add(row * channels);
                vectors!(S, channels, |at, left| {
                    let normed = S::mul(S::sub(S::load_up_to(x.add(at), left), mean), r);
                    let g =
                        S::mul(S::load_up_to(dy.add(at), left), S::load_up_to(gamma.add(at), left));
                    let dx = S::sub(S::sub(g, sum), S::mul(normed, product));
                    S::store_up_to(out.add(at), S::mul(dx, r), left);
                });
            }
        }
    }
}
