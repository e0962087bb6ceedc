//! The register tile of the weight gradient.

use crate::cpu::simd::{Isa, Kernel, Real, Simd, vectors};

/// Adds to sums `[rows][width]` the products of `a` `[count][rows]` and `b` `[count][width]`.
#[derive(Clone, Copy)]
pub(super) struct Outer<E> {
    pub(super) a: *const E,
    pub(super) b: *const E,
    /// From one pixel to the next of each.
    pub(super) steps: [usize; 2],
    pub(super) count: usize,
    pub(super) sums: *mut E,
}

/// Calls the tile that was compiled for this many rows and vectors.
pub(super) unsafe fn outer_product<E: Real>(
    isa: Isa,
    vectors: usize,
    rows: usize,
    outer: Outer<E>,
) {
    /// One arm for each height.
    macro_rules! heights {
        ($vectors:literal: $($height:literal)*) => {
            match rows {
                // SAFETY: the caller's contract.
                $($height => unsafe { E::dispatch(isa, Sized::<E, $height, $vectors>(outer)) },)*
                _ => unreachable!("a tile of {rows} rows"),
            }
        };
    }
    if vectors == 1 {
        heights!(1: 1 2 3 4 5 6 7 8 9 10 11 12)
    } else {
        heights!(2: 1 2 3 4 5 6 7 8 9 10 11 12)
    }
}

struct Sized<E, const ROWS: usize, const VECTORS: usize>(Outer<E>);

impl<E: Real, const ROWS: usize, const VECTORS: usize> Kernel<E> for Sized<E, ROWS, VECTORS> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let Outer { mut a, mut b, steps, count, sums } = self.0;
        // SAFETY: by the contract of the caller.
        unsafe {
            let mut tile = [[S::zero(); VECTORS]; ROWS];
            for row in 0..ROWS {
                for v in 0..VECTORS {
                    tile[row][v] = S::load(sums.add((row * VECTORS + v) * S::LANES));
                }
            }
            for _ in 0..count {
                let mut w = [S::zero(); VECTORS];
                for v in 0..VECTORS {
                    w[v] = S::load(b.add(v * S::LANES));
                }
                for row in 0..ROWS {
                    let value = S::splat(*a.add(row));
                    for v in 0..VECTORS {
                        tile[row][v] = S::fma(value, w[v], tile[row][v]);
                    }
                }
                a = a.wrapping_add(steps[0]);
                b = b.wrapping_add(steps[1]);
            }
            for row in 0..ROWS {
                for v in 0..VECTORS {
                    S::store(sums.add((row * VECTORS + v) * S::LANES), tile[row][v]);
                }
            }
        }
    }
}

/// Adds to the first part's sums those of the others.
pub(super) struct Join<E> {
    pub(super) first: *mut E,
    pub(super) area: usize,
    pub(super) stride: usize,
    pub(super) splits: usize,
}

impl<E: Real> Kernel<E> for Join<E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        // SAFETY: by what `weight_gradient` says of the pointers.
        unsafe {
            vectors!(S, self.area, |at, left| {
                let mut sum = S::load_up_to(self.first.add(at), left);
                for part in 1..self.splits {
                    sum = S::add(sum, S::load_up_to(self.first.add(part * self.stride + at), left));
                }
                S::store_up_to(self.first.add(at), sum, left);
            });
        }
    }
}
