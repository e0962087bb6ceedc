//! The two products of attention, a few rows of scores at a time.

use super::Head;
use crate::cpu::simd::{Simd, vectors};

/// `out[r][j] = scale * rows[r] . columns[j]` for `ROWS` rows, of which the last may be repeated.
#[inline(always)]
pub(super) unsafe fn products<S: Simd, const ROWS: usize>(
    rows: [*const S::E; ROWS],
    columns: *const S::E,
    (width, stride): (usize, usize),
    scale: f64,
    out: *mut S::E,
) {
    // SAFETY: the caller vouches for `width` numbers a row, and `width * stride` and `ROWS * stride` of the others; `stride`
    // is a multiple of every number of lanes.
    unsafe {
        let mut at = 0;
        while at + 2 * S::LANES <= stride {
            scores::<S, ROWS, 2>(rows, columns.add(at), (width, stride), scale, out.add(at));
            at += 2 * S::LANES;
        }
        if at < stride {
            scores::<S, ROWS, 1>(rows, columns.add(at), (width, stride), scale, out.add(at));
        }
    }
}

/// A few vectors of [`products`]: enough sums that none waits for itself.
#[inline(always)]
unsafe fn scores<S: Simd, const ROWS: usize, const VECTORS: usize>(
    rows: [*const S::E; ROWS],
    columns: *const S::E,
    (width, stride): (usize, usize),
    scale: f64,
    out: *mut S::E,
) {
    // SAFETY: as in `products`.
    unsafe {
        let scale = S::constant(scale);
        let mut sums = [[S::zero(); VECTORS]; ROWS];
        for channel in 0..width {
            let mut column = [S::zero(); VECTORS];
            for v in 0..VECTORS {
                column[v] = S::load(columns.add(channel * stride + v * S::LANES));
            }
            for r in 0..ROWS {
                let x = S::splat(*rows[r].add(channel));
                for v in 0..VECTORS {
                    sums[r][v] = S::fma(x, column[v], sums[r][v]);
                }
            }
        }
        for r in 0..ROWS {
            for v in 0..VECTORS {
                S::store(out.add(r * stride + v * S::LANES), S::mul(sums[r][v], scale));
            }
        }
    }
}

/// `out[r] = scales[r] * sum over j of weights[r][j] rows[j]`, for the first `live` of `ROWS` rows.
#[inline(always)]
pub(super) unsafe fn combine<S: Simd, const ROWS: usize>(
    weights: *const S::E,
    stride: usize,
    (rows, count, width): (Head<S::E>, usize, usize),
    scales: [S::E; ROWS],
    out: [*mut S::E; ROWS],
    live: usize,
) {
    // SAFETY: the caller vouches for `ROWS * stride` weights, `count` rows of `width`, and as wide outputs.
    unsafe {
        let mut at = 0;
        while at + 2 * S::LANES <= width {
            let mut sums = [[S::zero(); 2]; ROWS];
            for j in 0..count {
                let row = rows.row(j).add(at);
                let row = [S::load(row), S::load(row.add(S::LANES))];
                for r in 0..ROWS {
                    let weight = S::splat(*weights.add(r * stride + j));
                    sums[r][0] = S::fma(weight, row[0], sums[r][0]);
                    sums[r][1] = S::fma(weight, row[1], sums[r][1]);
                }
            }
            for r in 0..live {
                let scale = S::splat(scales[r]);
                S::store(out[r].add(at), S::mul(sums[r][0], scale));
                S::store(out[r].add(at + S::LANES), S::mul(sums[r][1], scale));
            }
            at += 2 * S::LANES;
        }
        let (first, rest) = (at, width - at);
        vectors!(S, rest, |at, left| {
            let at = first + at;
            let mut sums = [S::zero(); ROWS];
            for j in 0..count {
                let row = S::load_up_to(rows.row(j).add(at), left);
                for r in 0..ROWS {
                    sums[r] = S::fma(S::splat(*weights.add(r * stride + j)), row, sums[r]);
                }
            }
            for r in 0..live {
                S::store_up_to(out[r].add(at), S::mul(sums[r], S::splat(scales[r])), left);
            }
        });
    }
}
