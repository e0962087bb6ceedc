//! The register tile of the weight gradient.

use crate::cpu::simd::{Isa, Kernel, Real, Simd, vectors};

/// Adds to sums `[outputs][width]` the products of `a` `[tile][count][height]` and `b` `[count][width]`.
#[derive(Clone, Copy)]
pub(in crate::cpu) struct Outer<E> {
    pub(in crate::cpu) a: *const E,
    /// From one tile of `a` to the next.
    pub(in crate::cpu) stride: usize,
    pub(in crate::cpu) b: *const E,
    /// From one pixel to the next of each.
    pub(in crate::cpu) steps: [usize; 2],
    pub(in crate::cpu) count: usize,
    pub(in crate::cpu) sums: *mut E,
    /// Whether the sums begin with these products, whatever is there.
    pub(in crate::cpu) begins: bool,
}

/// Calls what was compiled for the instructions' tile and this many vectors: whole tiles, then what is left.
///
/// # Safety
///
/// The pointers are what they are said to be.
pub(in crate::cpu) unsafe fn outer_product<E: Real>(
    isa: Isa,
    vectors: usize,
    outputs: usize,
    outer: Outer<E>,
) {
    /// Tiles of so many rows and vectors.
    macro_rules! tiles {
        ($rows:expr, $tiles:expr, $outer:expr, $($height:literal)*) => {
            match ($rows, vectors) {
                // SAFETY: the caller's contract.
                $(($height, 1) => unsafe { E::dispatch(isa, Tiles::<E, $height, 1>($outer, $tiles)) },
                ($height, _) => unsafe { E::dispatch(isa, Tiles::<E, $height, 2>($outer, $tiles)) },)*
                (rows, _) => unreachable!("a tile of {rows} rows"),
            }
        };
    }
    let height = isa.tile().0;
    let (tiles, rows) = (outputs / height, outputs % height);
    if tiles > 0 {
        tiles!(height, tiles, outer, 6 12);
    }
    if rows > 0 {
        let width = vectors * E::lanes(isa);
        let rest = Outer {
            a: outer.a.wrapping_add(tiles * outer.stride),
            sums: outer.sums.wrapping_add(tiles * height * width),
            ..outer
        };
        tiles!(rows, 1, rest, 1 2 3 4 5 6 7 8 9 10 11);
    }
}

/// So many tiles, one after the other.
struct Tiles<E, const ROWS: usize, const VECTORS: usize>(Outer<E>, usize);

impl<E: Real, const ROWS: usize, const VECTORS: usize> Kernel<E> for Tiles<E, ROWS, VECTORS> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let Self(Outer { a, stride, b, steps, count, sums, begins }, tiles) = self;
        // SAFETY: by the contract of the caller.
        unsafe {
            for index in 0..tiles {
                let (mut a, mut b) = (a.add(index * stride), b);
                let sums = sums.add(index * ROWS * VECTORS * S::LANES);
                let mut tile = [[S::zero(); VECTORS]; ROWS];
                if !begins {
                    for row in 0..ROWS {
                        for v in 0..VECTORS {
                            tile[row][v] = S::load(sums.add((row * VECTORS + v) * S::LANES));
                        }
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

/// Adds up the sums of all parts, row by row, and writes them where the weights are.
pub(super) struct JoinRows<E> {
    pub(super) first: *const E,
    /// From one part to the next.
    pub(super) stride: usize,
    pub(super) splits: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// From one row to the next.
    pub(super) step: usize,
    pub(super) target: *mut E,
    pub(super) target_step: usize,
}

impl<E: Real> Kernel<E> for JoinRows<E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let Self { first, stride, splits, rows, columns, step, target, target_step } = self;
        // SAFETY: by what `weight_gradient` says of the pointers.
        unsafe {
            for row in 0..rows {
                let (first, target) = (first.add(row * step), target.add(row * target_step));
                vectors!(S, columns, |at, left| {
                    let mut sum = S::load_up_to(first.add(at), left);
                    for part in 1..splits {
                        sum = S::add(sum, S::load_up_to(first.add(part * stride + at), left));
                    }
                    S::store_up_to(target.add(at), sum, left);
                });
            }
        }
    }
}
