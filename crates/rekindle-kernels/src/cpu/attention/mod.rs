//! Attention of a sequence to itself, head by head, without a matrix of all scores: a few rows of it live at a time.
//!
//! Tokens of a text are in front, and what is behind them is neither looked at nor computed: its outputs are zero. Where texts
//! lie one behind the other without padding, there is nothing behind them.

use super::{
    dropout::Dropout,
    pack::transpose,
    parallel::{Shared, tasks},
    simd::{Isa, Kernel, Real, Simd},
};
use crate::memory::Buffer;

mod back;
mod products;

pub(crate) use back::{Found, backward};
use products::{combine, products};

/// Rows of scores at a time where vectors are the longest: as many sums, of two vectors each, as hide how long an addition
/// takes.
const MANY_ROWS: usize = 8;
/// Rows of scores at a time elsewhere: there are half as many registers.
const FEW_ROWS: usize = 4;
/// The most lanes of any vector: rows of scores are so many numbers longer than needed.
const LANES: usize = 16;
/// A score that no other loses against.
const LEAST: f64 = -1e30;

/// Where the tokens of a batch lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// `[batch, length, ..]`: each text has `length` rows, whatever its tokens.
    Padded,
    /// `[tokens of all texts, ..]`: each text has as many rows as tokens.
    Dense,
}

/// The shape of attention: rows of `heads * width`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shape {
    pub(crate) batch: usize,
    /// Tokens that no text exceeds.
    pub(crate) length: usize,
    pub(crate) heads: usize,
    pub(crate) width: usize,
    /// What scores are multiplied by.
    pub(crate) scale: f64,
    pub(crate) rows: Rows,
    /// What training drops of a row's shares.
    pub(crate) dropout: Option<Dropout>,
}

impl Shape {
    fn channels(self) -> usize {
        self.heads * self.width
    }

    /// Drops some of the shares that a token of a text's head gives to `count` others.
    ///
    /// # Safety
    ///
    /// The machine has the instructions of `S`, and there are so many shares.
    #[inline(always)]
    unsafe fn drop_shares<S: Simd>(
        &self,
        [text, head, token]: [usize; 3],
        shares: *mut S::E,
        count: usize,
    ) {
        if let Some(dropout) = self.dropout {
            let row = (text * self.heads + head) * self.length + token;
            // SAFETY: by contract.
            unsafe { dropout.over::<S>((row, 0, count), shares, None, shares) }
        }
    }

    /// The rows of each text: the first, and how many there are.
    fn places(self, lengths: &[usize]) -> Vec<Place> {
        let mut start = 0;
        let place = |&tokens: &usize| {
            let rows = if self.rows == Rows::Padded { self.length } else { tokens };
            let place = Place { start, rows };
            start += rows;
            place
        };
        lengths.iter().map(place).collect()
    }

    /// Numbers that rows of `heads * width` over texts that lie there have.
    fn len(self, places: &[Place]) -> usize {
        places.last().map_or(0, |place| place.start + place.rows) * self.channels()
    }
}

/// A text's rows.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: usize,
    rows: usize,
}

/// What is added to scores: `[texts, heads or 1, length, length]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bias<'a, E> {
    pub(crate) values: &'a [E],
    /// How many texts have their own: a divisor of the batch, over which they are repeated.
    pub(crate) texts: usize,
    /// How many heads have their own: all, or one for all.
    pub(crate) heads: usize,
}

impl<E> Bias<'_, E> {
    fn row(&self, shape: Shape, text: usize, head: usize, row: usize) -> &[E] {
        let length = shape.length;
        let at = text % self.texts * self.heads + head % self.heads;
        let from = (at * length + row) * length;
        &self.values[from..from + length]
    }
}

/// Queries, keys and values.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Parts<'a, E> {
    /// Rows of `heads * width` each.
    Apart([&'a [E]; 3]),
    /// Rows of `3 * heads * width`: a token's query, then its key, then its value.
    Together(&'a [E]),
}

impl<E> Parts<'_, E> {
    /// Parts that lie in one row.
    fn together(&self) -> usize {
        match self {
            Self::Apart(_) => 1,
            Self::Together(_) => 3,
        }
    }

    /// A head's queries, keys and values.
    fn heads(&self, shape: Shape, place: Place, head: usize) -> [Head<E>; 3] {
        let step = self.together() * shape.channels();
        match self {
            Self::Apart(parts) => parts.map(|of| Head::new(of, shape, step, place, head)),
            Self::Together(rows) => {
                [0, 1, 2].map(|part| Head::new(rows, shape, step, place, part * shape.heads + head))
            }
        }
    }
}

/// Queries, keys and values, and how many tokens each text has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operands<'a, E> {
    pub(crate) parts: Parts<'a, E>,
    pub(crate) lengths: &'a [usize],
    pub(crate) bias: Option<Bias<'a, E>>,
}

impl<E> Operands<'_, E> {
    /// Where each text lies, the shapes compared; and how many numbers the queries are.
    fn places(&self, shape: Shape) -> (Vec<Place>, usize) {
        let Shape { batch, length, heads, .. } = shape;
        assert!(
            self.lengths.len() == batch && self.lengths.iter().all(|tokens| *tokens <= length),
            "lengths of other texts"
        );
        let places = shape.places(self.lengths);
        let len = shape.len(&places);
        let fits = match self.parts {
            Parts::Apart(parts) => parts.iter().all(|part| part.len() == len),
            Parts::Together(rows) => rows.len() == 3 * len,
        };
        assert!(fits, "an operand of attention of another shape");
        if let Some(bias) = &self.bias {
            let fits = [1, heads].contains(&bias.heads)
                && bias.texts > 0
                && batch.is_multiple_of(bias.texts)
                && bias.values.len() == bias.texts * bias.heads * length * length;
            assert!(fits, "a bias of another shape");
        }
        (places, len)
    }
}

/// What each token gets, into `out`; returned is the logarithm of the sum of each row's exponentials, `[batch, heads, length]`,
/// where there will be a way back, else nothing.
pub(crate) fn forward<E: Real>(
    isa: Isa,
    shape: Shape,
    operands: Operands<'_, E>,
    out: &mut [E],
    way_back: bool,
) -> Buffer<E> {
    let (places, len) = operands.places(shape);
    assert_eq!(out.len(), len, "an output of attention of another shape");
    let Shape { batch, length, heads, .. } = shape;
    let mut sums = Buffer::<E>::zeros(if way_back { batch * heads * length } else { 0 });
    if out.is_empty() {
        return sums;
    }
    let (out, kept) = (Shared::new(out), way_back.then(|| Shared::new(&mut sums)));
    tasks(batch * heads, |task| {
        let (text, head) = (task / heads, task % heads);
        let place = places[text];
        // SAFETY: a text's head is one task's, and the shapes were compared.
        unsafe { E::dispatch(isa, Forward { shape, operands, text, place, head, out, kept }) }
    });
    sums
}

struct Forward<'a, E> {
    shape: Shape,
    operands: Operands<'a, E>,
    text: usize,
    place: Place,
    head: usize,
    out: Shared<E>,
    kept: Option<Shared<E>>,
}

/// A head's rows: where the first begins, and how far it is to the next.
struct Head<E> {
    start: *const E,
    step: usize,
}

impl<E> Clone for Head<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Head<E> {}

impl<E> Head<E> {
    fn new(of: &[E], shape: Shape, step: usize, place: Place, head: usize) -> Self {
        Self { start: of[place.start * step + head * shape.width..].as_ptr(), step }
    }

    #[inline(always)]
    unsafe fn row(self, index: usize) -> *const E {
        // SAFETY: the caller asks for rows of the text alone.
        unsafe { self.start.add(index * self.step) }
    }
}

/// `[width, stride]` of `count` rows.
unsafe fn turned<E: Real>(rows: Head<E>, count: usize, width: usize, stride: usize) -> Buffer<E> {
    let mut out = Buffer::<E>::any(width * stride);
    for row in out.chunks_exact_mut(stride) {
        row[count..].fill(E::ZERO);
    }
    // SAFETY: the caller vouches for the rows; there is room for `width` of `stride`, which is no less than `count`.
    unsafe { transpose(rows.start, [count, width], rows.step, out.as_mut_ptr(), stride) };
    out
}

/// Writes zeros into rows `from..to` of a head.
unsafe fn clear<E: Real>(rows: Head<E>, range: std::ops::Range<usize>, width: usize) {
    for index in range {
        // SAFETY: the caller vouches for the rows, which are its own to write.
        unsafe { std::slice::from_raw_parts_mut(rows.row(index).cast_mut(), width) }.fill(E::ZERO);
    }
}

/// The rows of a block: behind the last, it is repeated.
#[inline(always)]
unsafe fn block<E, const ROWS: usize>(
    rows: Head<E>,
    first: usize,
    count: usize,
) -> [*const E; ROWS] {
    let mut found = [rows.start; ROWS];
    for (r, found) in found.iter_mut().enumerate() {
        // SAFETY: the caller vouches for `count` rows.
        *found = unsafe { rows.row((first + r).min(count - 1)) };
    }
    found
}

impl<E: Real> Forward<'_, E> {
    fn out_head(&self) -> Head<E> {
        let step = self.shape.channels();
        let first = self.place.start * step + self.head * self.shape.width;
        Head { start: self.out.get().wrapping_add(first), step }
    }
}

impl<E: Real> Kernel<E> for Forward<'_, E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        // SAFETY: by contract.
        unsafe {
            match S::LANES {
                LANES => self.by::<S, MANY_ROWS>(),
                _ => self.by::<S, FEW_ROWS>(),
            }
        }
    }
}

impl<E: Real> Forward<'_, E> {
    /// So many rows of scores at a time.
    #[inline(always)]
    unsafe fn by<S: Simd<E = E>, const ROWS: usize>(self) {
        let Self { shape, operands, text, place, head, .. } = self;
        let Shape { length, heads, width, scale, .. } = shape;
        let count = operands.lengths[text];
        let out = self.out_head();
        // SAFETY: `places` compared all lengths; the rows of this text and head are this task's.
        unsafe {
            if count == 0 || width == 0 {
                clear(out, 0..place.rows, width);
                return;
            }
            let [query, key, value] = operands.parts.heads(shape, place, head);
            let stride = count.next_multiple_of(LANES);
            let columns = turned(key, count, width, stride);
            let mut scores = Buffer::<E>::any(ROWS * stride);
            let behind = behind::<S>(count);
            for first in (0..count).step_by(ROWS) {
                let live = ROWS.min(count - first);
                let all = scores.as_mut_ptr();
                let queries = block::<_, ROWS>(query, first, count);
                products::<S, ROWS>(queries, columns.as_ptr(), (width, stride), scale, all);
                let mut shares = [E::ZERO; ROWS];
                for r in 0..live {
                    let (row, token) = (all.add(r * stride), first + r);
                    let bias =
                        operands.bias.map(|bias| bias.row(shape, text, head, token).as_ptr());
                    let (most, sum) = exponentials::<S>(row, count, bias, behind);
                    shares[r] = E::of(1.0 / sum);
                    if let Some(kept) = self.kept {
                        let log = E::of(most.wide() + sum.ln());
                        *kept.get().add((text * heads + head) * length + token) = log;
                    }
                    shape.drop_shares::<S>([text, head, token], row, count);
                }
                let mut to = [out.start.cast_mut(); ROWS];
                for (r, to) in to.iter_mut().enumerate().take(live) {
                    *to = out.row(first + r).cast_mut();
                }
                combine::<S, ROWS>(all, stride, (value, count, width), shares, to, live);
            }
            clear(out, count..place.rows, width);
        }
    }
}

/// What is added to the last vector of `count` scores, so that what is behind them counts for nothing.
#[inline(always)]
unsafe fn behind<S: Simd>(count: usize) -> S::V {
    let mut lanes = [S::E::ZERO; LANES];
    lanes[(count - 1) % S::LANES + 1..].fill(S::E::of(LEAST));
    // SAFETY: a vector has no more lanes.
    unsafe { S::load(lanes.as_ptr()) }
}

/// The exponentials of `count` scores and what is added to them, less the greatest, in place; returned are the greatest and
/// the sum of the exponentials.
#[inline(always)]
unsafe fn exponentials<S: Simd>(
    row: *mut S::E,
    count: usize,
    bias: Option<*const S::E>,
    behind: S::V,
) -> (S::E, f64) {
    // SAFETY: the caller vouches for whole vectors of scores, and for `count` numbers that are added to them.
    unsafe {
        let mut most = S::constant(LEAST);
        let mut at = 0;
        while at < count {
            let mut x = S::load(row.add(at));
            if let Some(bias) = bias {
                x = S::add(x, S::load_up_to(bias.add(at), count - at));
            }
            if at + S::LANES >= count {
                x = S::add(x, behind);
            }
            S::store(row.add(at), x);
            most = S::max(most, x);
            at += S::LANES;
        }
        let most = S::greatest(most);
        let top = S::splat(most);
        let mut sum = S::zero();
        at = 0;
        while at < count {
            let x = S::exp(S::sub(S::load(row.add(at)), top));
            S::store(row.add(at), x);
            sum = S::add(sum, x);
            at += S::LANES;
        }
        (most, S::sum(sum))
    }
}
