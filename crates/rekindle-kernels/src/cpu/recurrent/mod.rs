//! One direction of a recurrent layer over all steps, and the way back.
//!
//! A task takes a few rows of the batch through all of time, so that no two tasks wait for each other. A row's steps end with
//! its length: what is behind is not computed.

use super::{
    activation::sigmoid,
    parallel::{Shared, tasks},
    simd::{Isa, Kernel, Real, Simd, vectors},
};
use crate::{memory::Buffer, recurrence::Recurrence};

mod back;

pub(crate) use back::{Incoming, backward};

/// Rows of the batch that a task takes.
const ROWS: usize = 4;

/// The shape of a run: `[batch, time, gates * units]` in, `[batch, time, units]` out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Run {
    pub(crate) kind: Recurrence,
    pub(crate) batch: usize,
    pub(crate) time: usize,
    pub(crate) units: usize,
    /// From the last step to the first.
    pub(crate) reverse: bool,
}

impl Run {
    fn width(self) -> usize {
        self.kind.gates() * self.units
    }

    /// The step that comes as number `index` of a row with `length` steps.
    fn step(self, index: usize, length: usize) -> usize {
        if self.reverse { length - 1 - index } else { index }
    }
}

/// What a run is computed from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given<'a, E> {
    /// The input with its weights applied, `[batch, time, gates units]`.
    pub(crate) x: &'a [E],
    /// `[gates units, units]`
    pub(crate) weight: &'a [E],
    /// `[gates units]`, added to the product with the state.
    pub(crate) bias: &'a [E],
    /// The first state `[batch, units]`.
    pub(crate) hidden: &'a [E],
    /// The first cell `[batch, units]`.
    pub(crate) cell: &'a [E],
    /// Steps of each row.
    pub(crate) lengths: &'a [usize],
}

impl<E> Given<'_, E> {
    fn check(&self, run: Run) {
        let Run { batch, time, units, .. } = run;
        let width = run.width();
        assert!(
            self.x.len() == batch * time * width
                && self.weight.len() == width * units
                && self.bias.len() == width
                && self.hidden.len() == batch * units
                && self.cell.len() == batch * units
                && self.lengths.len() == batch
                && self.lengths.iter().all(|length| *length <= time),
            "operands of a recurrent layer of other shapes"
        );
    }
}

/// What a run gives, and what its way back needs.
#[derive(Debug)]
pub(crate) struct Found<E> {
    /// `[batch, time, units]`; 0 behind a row's length.
    pub(crate) outputs: Buffer<E>,
    /// The last state `[batch, units]`.
    pub(crate) hidden: Buffer<E>,
    /// The last cell `[batch, units]`.
    pub(crate) cell: Buffer<E>,
    /// The gates behind their activations `[batch, time, gates units]`.
    pub(crate) gates: Buffer<E>,
    /// An LSTM's cells, and what a GRU's reset gate is applied to: `[batch, time, units]`.
    pub(crate) inner: Buffer<E>,
}

/// Runs a layer.
pub(crate) fn forward<E: Real>(isa: Isa, run: Run, given: Given<'_, E>) -> Found<E> {
    given.check(run);
    let Run { batch, time, units, .. } = run;
    let width = run.width();
    let turned = turned(given.weight, width, units);
    let mut found = Found {
        outputs: Buffer::zeros(batch * time * units),
        hidden: Buffer::copy(given.hidden),
        cell: Buffer::copy(given.cell),
        gates: Buffer::zeros(batch * time * width),
        inner: Buffer::zeros(batch * time * units),
    };
    let out = Out {
        outputs: Shared::new(&mut found.outputs),
        hidden: Shared::new(&mut found.hidden),
        cell: Shared::new(&mut found.cell),
        gates: Shared::new(&mut found.gates),
        inner: Shared::new(&mut found.inner),
    };
    tasks(batch.div_ceil(ROWS), |task| {
        // SAFETY: rows of the batch belong to one task, and `check` compared the shapes.
        unsafe {
            E::dispatch(isa, Forward { run, given, weight: &turned, out, first: task * ROWS })
        }
    });
    found
}

/// `[units, width]` of `[width, units]`.
fn turned<E: Real>(weight: &[E], width: usize, units: usize) -> Buffer<E> {
    let mut out = Buffer::<E>::any(weight.len());
    for (row, values) in weight.chunks_exact(units.max(1)).enumerate() {
        for (column, &value) in values.iter().enumerate() {
            out[column * width + row] = value;
        }
    }
    out
}

#[derive(Clone, Copy)]
struct Out<E> {
    outputs: Shared<E>,
    hidden: Shared<E>,
    cell: Shared<E>,
    gates: Shared<E>,
    inner: Shared<E>,
}

struct Forward<'a, E> {
    run: Run,
    given: Given<'a, E>,
    weight: &'a [E],
    out: Out<E>,
    first: usize,
}

/// `out[r] = start[r] + rows[r] matrix` for `ROWS` rows of `inner` numbers and a matrix `[inner, width]`.
#[inline(always)]
unsafe fn product<S: Simd>(
    rows: [*const S::E; ROWS],
    matrix: *const S::E,
    [inner, width]: [usize; 2],
    start: Option<*const S::E>,
    out: [*mut S::E; ROWS],
) {
    // SAFETY: the caller vouches for the rows, the matrix, `width` numbers at `start` and of each output.
    unsafe {
        let mut at = 0;
        while at + 2 * S::LANES <= width {
            let mut sums = [[S::zero(); 2]; ROWS];
            for k in 0..inner {
                let column = matrix.add(k * width + at);
                let columns = [S::load(column), S::load(column.add(S::LANES))];
                for r in 0..ROWS {
                    let x = S::splat(*rows[r].add(k));
                    sums[r][0] = S::fma(x, columns[0], sums[r][0]);
                    sums[r][1] = S::fma(x, columns[1], sums[r][1]);
                }
            }
            for r in 0..ROWS {
                for (part, sum) in sums[r].into_iter().enumerate() {
                    let to = at + part * S::LANES;
                    let sum = match start {
                        Some(start) => S::add(sum, S::load(start.add(to))),
                        None => sum,
                    };
                    S::store(out[r].add(to), sum);
                }
            }
            at += 2 * S::LANES;
        }
        while at < width {
            let left = S::LANES.min(width - at);
            let mut sums = [S::zero(); ROWS];
            for k in 0..inner {
                let column = S::load_up_to(matrix.add(k * width + at), left);
                for r in 0..ROWS {
                    sums[r] = S::fma(S::splat(*rows[r].add(k)), column, sums[r]);
                }
            }
            for r in 0..ROWS {
                let sum = match start {
                    Some(start) => S::add(sums[r], S::load_up_to(start.add(at), left)),
                    None => sums[r],
                };
                S::store_up_to(out[r].add(at), sum, left);
            }
            at += left;
        }
    }
}

/// `tanh x = 2 sigmoid(2 x) - 1`
#[inline(always)]
unsafe fn tanh<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller vouches for the instructions.
    unsafe {
        let two = S::constant(2.0);
        S::sub(S::mul(two, sigmoid::<S>(S::mul(two, x))), S::constant(1.0))
    }
}

impl<E: Real> Kernel<E> for Forward<'_, E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let Self { run, given, weight, out, first } = self;
        let Run { kind, batch, time, units, .. } = run;
        let width = run.width();
        let live = ROWS.min(batch - first);
        let longest = given.lengths[first..first + live].iter().copied().max().unwrap_or(0);
        let mut fed = Buffer::<E>::any(ROWS * width);
        // SAFETY: `check` compared all shapes, and these rows of the batch are this task's.
        unsafe {
            let fed_rows: [*mut E; ROWS] = std::array::from_fn(|r| fed.as_mut_ptr().add(r * width));
            // Behind the last row, it is repeated, and what it gives is not used.
            let rows: [usize; ROWS] = std::array::from_fn(|r| first + r.min(live - 1));
            let states = rows.map(|row| out.hidden.get().add(row * units));
            for index in 0..longest {
                let hidden = states.map(<*mut E>::cast_const);
                product::<S>(
                    hidden,
                    weight.as_ptr(),
                    [units, width],
                    Some(given.bias.as_ptr()),
                    fed_rows,
                );
                for r in 0..live {
                    let (row, length) = (rows[r], given.lengths[rows[r]]);
                    if index >= length {
                        continue;
                    }
                    let place = row * time + run.step(index, length);
                    let x = given.x.as_ptr().add(place * width);
                    let gates = out.gates.get().add(place * width);
                    let inner = out.inner.get().add(place * units);
                    let output = out.outputs.get().add(place * units);
                    let (fed, state) = (fed_rows[r].cast_const(), states[r]);
                    let cell = out.cell.get().add(row * units);
                    vectors!(S, units, |at, left| {
                        let x = |gate: usize| S::load_up_to(x.add(gate * units + at), left);
                        let fed = |gate: usize| S::load_up_to(fed.add(gate * units + at), left);
                        let keep =
                            |gate: usize, v| S::store_up_to(gates.add(gate * units + at), v, left);
                        let next = match kind {
                            Recurrence::Lstm => {
                                let i = sigmoid::<S>(S::add(x(0), fed(0)));
                                let f = sigmoid::<S>(S::add(x(1), fed(1)));
                                let g = tanh::<S>(S::add(x(2), fed(2)));
                                let o = sigmoid::<S>(S::add(x(3), fed(3)));
                                let c = S::fma(f, S::load_up_to(cell.add(at), left), S::mul(i, g));
                                S::store_up_to(cell.add(at), c, left);
                                S::store_up_to(inner.add(at), c, left);
                                keep(0, i);
                                keep(1, f);
                                keep(2, g);
                                keep(3, o);
                                S::mul(o, tanh::<S>(c))
                            }
                            Recurrence::Gru => {
                                let r = sigmoid::<S>(S::add(x(0), fed(0)));
                                let z = sigmoid::<S>(S::add(x(1), fed(1)));
                                let n = tanh::<S>(S::fma(r, fed(2), x(2)));
                                S::store_up_to(inner.add(at), fed(2), left);
                                keep(0, r);
                                keep(1, z);
                                keep(2, n);
                                let h = S::load_up_to(state.add(at), left);
                                S::fma(z, S::sub(h, n), n)
                            }
                            Recurrence::Rnn => {
                                let h = tanh::<S>(S::add(x(0), fed(0)));
                                keep(0, h);
                                h
                            }
                        };
                        S::store_up_to(state.add(at), next, left);
                        S::store_up_to(output.add(at), next, left);
                    });
                }
            }
        }
    }
}
