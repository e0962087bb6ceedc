//! The register tile: a few pixels times a few vectors of channels, summed over the whole window.
//!
//! No copy of the input is made (no im2col): for each position of the window there is a pointer to the
//! channels of each pixel, or to zeros where the window hangs over the edge. Each sum is one chain of
//! fused multiply-adds in the order of the packed weights, so a number does not depend on the tile, the
//! batch or the thread that computed it.

use super::{
    layout::Panel,
    simd::{Isa, Kernel, Real, Simd},
};

/// Pointers of a block of pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<E> {
    /// `[positions][capacity]`: where each pixel reads its channels.
    pub(crate) sources: *const *const E,
    /// `[capacity]`: where each pixel is written.
    pub(crate) targets: *const *mut E,
    /// Pixels from one position to the next.
    pub(crate) capacity: usize,
    /// Pixels in the block.
    pub(crate) count: usize,
}

/// A part of a long sum: it goes on with what the part before left where the result will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) is_first: bool,
    pub(crate) is_last: bool,
}

impl Part {
    /// A sum in one part.
    pub(crate) const WHOLE: Self = Self { is_first: true, is_last: true };
}

/// What is summed, and what becomes of the sums.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns<E> {
    /// Packed weights of the panel.
    pub(crate) weights: *const E,
    /// As many weights that are wanted next, to be fetched meanwhile.
    pub(crate) next: *const E,
    /// `[positions]`: the depth at which the weights of each begin.
    pub(crate) offsets: *const usize,
    pub(crate) positions: usize,
    /// Channels summed over at each position.
    pub(crate) length: usize,
    /// The first of them in a pixel.
    pub(crate) source: usize,
    /// The first column in a pixel that is written.
    pub(crate) target: usize,
    /// Columns that exist.
    pub(crate) columns: usize,
    /// Which part of the sum this is; all columns of the panel exist unless it is the whole.
    pub(crate) part: Part,
    /// `y = min(max(scale * sum + shift + residual, low), high)`; padded like the panel.
    pub(crate) scale: *const E,
    pub(crate) shift: *const E,
    /// Added to what is written, which lies as far from `targets_start` as this from its own start.
    pub(crate) residual: Option<*const E>,
    pub(crate) targets_start: *mut E,
    pub(crate) low: E,
    pub(crate) high: E,
}

/// Computes all rows of a panel.
///
/// # Safety
///
/// `isa` is available, and the pointers are what they are said to be.
pub(crate) unsafe fn product<E: Real>(isa: Isa, panel: Panel, rows: Rows<E>, columns: Columns<E>) {
    let most = if panel.vectors == 1 { 12 } else { isa.tile().0 };
    // Tiles of equal height, give or take one: a low one costs as much as one twice as high.
    let tiles = rows.count.div_ceil(most);
    if tiles == 0 {
        return;
    }
    let (height, higher) = (rows.count / tiles, rows.count % tiles);
    // With each step of each tile an equal part of the next weights.
    let ahead = (panel.vectors * E::lanes(isa)).div_ceil(tiles);
    let steps = columns.positions * columns.length;
    let call = |height: usize, first: usize, before: usize, tiles: usize| {
        if tiles > 0 {
            let next = columns.next.wrapping_add(before * steps * ahead);
            let columns = Columns { next, ..columns };
            let tiles = Tiles { rows, columns, first, tiles, ahead };
            // SAFETY: by contract.
            unsafe { tiles_of(isa, panel.vectors, height, tiles) };
        }
    };
    call(height + 1, 0, 0, higher);
    call(height, higher * (height + 1), higher, tiles - higher);
}

/// Calls the tile that was compiled for this height and width.
unsafe fn tiles_of<E: Real>(isa: Isa, vectors: usize, height: usize, tiles: Tiles<E>) {
    /// One arm for each height.
    macro_rules! heights {
        ($vectors:literal: $($height:literal)*) => {
            match height {
                // SAFETY: the caller's contract.
                $($height => unsafe { E::dispatch(isa, Sized::<E, $height, $vectors>(tiles)) },)*
                _ => unreachable!("a tile of {height} rows"),
            }
        };
    }
    if vectors == 1 {
        heights!(1: 1 2 3 4 5 6 7 8 9 10 11 12)
    } else {
        heights!(2: 1 2 3 4 5 6 7 8 9 10 11 12)
    }
}

/// Tiles one below the other.
#[derive(Clone, Copy)]
struct Tiles<E> {
    rows: Rows<E>,
    columns: Columns<E>,
    first: usize,
    tiles: usize,
    /// Weights to fetch ahead with each step.
    ahead: usize,
}

struct Sized<E, const HEIGHT: usize, const VECTORS: usize>(Tiles<E>);

impl<E: Real, const HEIGHT: usize, const VECTORS: usize> Kernel<E> for Sized<E, HEIGHT, VECTORS> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let Tiles { rows, columns, first, tiles, ahead } = self.0;
        let mut next = columns.next;
        // SAFETY: sources, weights and targets are valid for what is read and written, by the contract
        // of `product`; a tile reads `HEIGHT` rows from `first`, and there are `tiles` of them.
        unsafe {
            for tile in 0..tiles {
                let first = first + tile * HEIGHT;
                let targets = rows.targets.add(first);
                let mut sums = [[S::zero(); VECTORS]; HEIGHT];
                if !columns.part.is_first {
                    for row in 0..HEIGHT {
                        let target = (*targets.add(row)).add(columns.target);
                        for v in 0..VECTORS {
                            sums[row][v] = S::load(target.add(v * S::LANES));
                        }
                    }
                }
                for position in 0..columns.positions {
                    let sources = rows.sources.add(position * rows.capacity + first);
                    let mut x = [std::ptr::null::<E>(); HEIGHT];
                    for row in 0..HEIGHT {
                        x[row] = (*sources.add(row)).add(columns.source);
                    }
                    let offset = *columns.offsets.add(position) * (VECTORS * S::LANES);
                    let mut weights = columns.weights.add(offset);
                    for channel in 0..columns.length {
                        let mut w = [S::zero(); VECTORS];
                        for v in 0..VECTORS {
                            w[v] = S::load(weights.add(v * S::LANES));
                        }
                        weights = weights.add(VECTORS * S::LANES);
                        S::prefetch(next);
                        next = next.wrapping_add(ahead);
                        for row in 0..HEIGHT {
                            let value = S::splat(*x[row].add(channel));
                            for v in 0..VECTORS {
                                sums[row][v] = S::fma(value, w[v], sums[row][v]);
                            }
                        }
                    }
                }
                if columns.part.is_last {
                    finish::<S, HEIGHT, VECTORS>(sums, targets, &columns);
                } else {
                    for row in 0..HEIGHT {
                        let target = (*targets.add(row)).add(columns.target);
                        for v in 0..VECTORS {
                            S::store(target.add(v * S::LANES), sums[row][v]);
                        }
                    }
                }
            }
        }
    }
}

/// Scales, shifts, adds, clamps and writes.
///
/// Each way through is a loop of its own with a short body: so each is unrolled, and the sums stay in
/// registers.
#[inline(always)]
unsafe fn finish<S: Simd, const HEIGHT: usize, const VECTORS: usize>(
    sums: [[S::V; VECTORS]; HEIGHT],
    targets: *const *mut S::E,
    columns: &Columns<S::E>,
) {
    // SAFETY: as in `run`; of a vector that the columns do not fill, only those that exist are touched.
    unsafe {
        let (low, high) = (S::splat(columns.low), S::splat(columns.high));
        let mut scale = [S::zero(); VECTORS];
        let mut shift = [S::zero(); VECTORS];
        for v in 0..VECTORS {
            scale[v] = S::load(columns.scale.add(v * S::LANES));
            shift[v] = S::load(columns.shift.add(v * S::LANES));
        }
        if columns.columns < VECTORS * S::LANES {
            return finish_part::<S, HEIGHT, VECTORS>(sums, targets, columns);
        }
        match columns.residual {
            None => {
                for row in 0..HEIGHT {
                    let target = (*targets.add(row)).add(columns.target);
                    for v in 0..VECTORS {
                        let y = S::fma(sums[row][v], scale[v], shift[v]);
                        S::store(target.add(v * S::LANES), S::min(high, S::max(low, y)));
                    }
                }
            }
            Some(residual) => {
                for row in 0..HEIGHT {
                    let target = (*targets.add(row)).add(columns.target);
                    let residual = residual.offset(target.offset_from(columns.targets_start));
                    for v in 0..VECTORS {
                        let y = S::fma(sums[row][v], scale[v], shift[v]);
                        let y = S::add(y, S::load(residual.add(v * S::LANES)));
                        S::store(target.add(v * S::LANES), S::min(high, S::max(low, y)));
                    }
                }
            }
        }
    }
}

/// The same where the last vector has lanes without a column.
#[inline(always)]
unsafe fn finish_part<S: Simd, const HEIGHT: usize, const VECTORS: usize>(
    sums: [[S::V; VECTORS]; HEIGHT],
    targets: *const *mut S::E,
    columns: &Columns<S::E>,
) {
    // SAFETY: as in `finish`.
    unsafe {
        let (low, high) = (S::splat(columns.low), S::splat(columns.high));
        // Through memory: it is the last panel of a layer that has an odd number of channels.
        let mut lanes = [[[S::E::ZERO; 16]; VECTORS]; HEIGHT];
        for row in 0..HEIGHT {
            for v in 0..VECTORS {
                S::store(lanes[row][v].as_mut_ptr(), sums[row][v]);
            }
        }
        for (row, lanes) in lanes.iter().enumerate() {
            let target = (*targets.add(row)).add(columns.target);
            for (v, lanes) in lanes.iter().enumerate() {
                let at = v * S::LANES;
                let left = columns.columns.saturating_sub(at).min(S::LANES);
                let scale = S::load(columns.scale.add(at));
                let mut y = S::fma(S::load(lanes.as_ptr()), scale, S::load(columns.shift.add(at)));
                if let Some(residual) = columns.residual {
                    let residual = residual.offset(target.offset_from(columns.targets_start));
                    y = S::add(y, S::load_part(residual.add(at), left));
                }
                S::store_part(target.add(at), S::min(high, S::max(low, y)), left);
            }
        }
    }
}
