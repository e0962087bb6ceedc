//! One direction of a recurrent layer over all steps, and the way back.
//!
//! A task takes some rows of the batch through all of time, so that no two tasks wait for each other: the more rows, the less
//! often the weights are read. A row's steps end with its length: what is behind is not computed.

use std::ops::Range;

use super::{
    activation::sigmoid,
    geometry::Direction,
    parallel::{Shared, tasks, threads},
    simd::{Isa, Kernel, Real, Simd, vectors},
};
use crate::{memory::Buffer, recurrence::Recurrence};

mod back;
mod step;

pub(crate) use back::{Kept, backward};
use step::Step;

/// The most rows of the batch that a task takes, and the fewest: fewer would leave registers unused.
const ROWS: [usize; 2] = [4, 16];

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

    /// Numbers of `[batch, time + 2, units]`: outputs, the last state, the last cell.
    pub(crate) fn len(self) -> usize {
        self.batch * (self.time + 2) * self.units
    }

    /// Where a row's output of a step is there; its state and its cell are those of two steps more.
    fn output(self, row: usize, step: usize) -> usize {
        (row * (self.time + 2) + step) * self.units
    }

    /// Runs `task` over rows of the batch. A row is computed by itself, so it does not matter beside which: there are as many
    /// tasks as threads.
    fn rows(self, task: impl Fn(Range<usize>) + Sync + Send) {
        let rows = self.batch.div_ceil(threads()).clamp(ROWS[0], ROWS[1]);
        tasks(self.batch.div_ceil(rows), |index| {
            task(index * rows..((index + 1) * rows).min(self.batch));
        });
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

/// Whether the way back will be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Nothing,
    Gates,
}

/// What a run gives, and what its way back needs.
#[derive(Debug)]
pub(crate) struct Found<E> {
    /// `[batch, time + 2, units]`: outputs, 0 behind a row's length; then the last state, and the last cell.
    pub(crate) outputs: Buffer<E>,
    /// The gates behind their activations `[batch, time, gates units]`, if they are kept; anything behind a row's length.
    pub(crate) gates: Buffer<E>,
    /// An LSTM's cells, and what a GRU's reset gate is applied to, likewise: `[batch, time, units]`.
    pub(crate) inner: Buffer<E>,
}

/// Runs a layer.
pub(crate) fn forward<E: Real>(isa: Isa, run: Run, given: Given<'_, E>, keep: Keep) -> Found<E> {
    given.check(run);
    let Run { batch, time, units, .. } = run;
    let width = run.width();
    let step = Step::new(isa, [width, units], given.weight, Direction::Forward, Some(given.bias));
    let kept = |len: usize| Buffer::any(if keep == Keep::Gates { len } else { 0 });
    let mut found = Found {
        outputs: Buffer::any(run.len()),
        gates: kept(batch * time * width),
        inner: kept(batch * time * units),
    };
    let outputs = Shared::new(&mut found.outputs);
    let kept = (keep == Keep::Gates)
        .then(|| [Shared::new(&mut found.gates), Shared::new(&mut found.inner)]);
    run.rows(|rows| {
        // SAFETY: rows of the batch belong to one task, and `check` compared the shapes.
        unsafe { E::dispatch(isa, Forward { run, given, step: &step, outputs, kept, rows }) }
    });
    found
}

struct Forward<'a, E> {
    run: Run,
    given: Given<'a, E>,
    step: &'a Step<E>,
    outputs: Shared<E>,
    /// Gates, and what is inside of a step.
    kept: Option<[Shared<E>; 2]>,
    rows: Range<usize>,
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
        let Self { run, given, step, outputs, kept, rows } = self;
        let Run { kind, time, units, .. } = run;
        let width = run.width();
        let longest = given.lengths[rows.clone()].iter().copied().max().unwrap_or(0);
        let mut fed = Buffer::<E>::any(rows.len() * width);
        let fed = fed.as_mut_ptr();
        let (mut sources, mut targets) = (Vec::new(), Vec::new());
        // SAFETY: `check` compared all shapes, and these rows of the batch are this task's.
        unsafe {
            let output = |row: usize, step: usize| outputs.get().add(run.output(row, step));
            for row in rows.clone() {
                let first = row * units;
                let own = |from: &[E], to: *mut E| {
                    std::ptr::copy_nonoverlapping(from[first..].as_ptr(), to, units);
                };
                own(given.hidden, output(row, time));
                own(given.cell, output(row, time + 1));
                let behind = (time - given.lengths[row]) * units;
                std::slice::from_raw_parts_mut(output(row, given.lengths[row]), behind)
                    .fill(E::ZERO);
            }
            for index in 0..longest {
                let live = || rows.clone().filter(|row| index < given.lengths[*row]);
                sources.clear();
                sources.extend(live().map(|row| output(row, time).cast_const()));
                targets.clear();
                targets.extend((0..sources.len()).map(|at| fed.add(at * width)));
                step.run(&sources, &targets);
                for (row, fed) in live().zip(&targets) {
                    let now = run.step(index, given.lengths[row]);
                    let place = row * time + now;
                    let x = given.x.as_ptr().add(place * width);
                    let kept = kept.map(|[gates, inner]| {
                        [gates.get().add(place * width), inner.get().add(place * units)]
                    });
                    let fed = fed.cast_const();
                    let (state, cell) = (output(row, time), output(row, time + 1));
                    let to = output(row, now);
                    vectors!(S, units, |at, left| {
                        let x = |gate: usize| S::load_up_to(x.add(gate * units + at), left);
                        let fed = |gate: usize| S::load_up_to(fed.add(gate * units + at), left);
                        let (next, inner, gates) = match kind {
                            Recurrence::Lstm => {
                                let i = sigmoid::<S>(S::add(x(0), fed(0)));
                                let f = sigmoid::<S>(S::add(x(1), fed(1)));
                                let g = tanh::<S>(S::add(x(2), fed(2)));
                                let o = sigmoid::<S>(S::add(x(3), fed(3)));
                                let c = S::fma(f, S::load_up_to(cell.add(at), left), S::mul(i, g));
                                S::store_up_to(cell.add(at), c, left);
                                (S::mul(o, tanh::<S>(c)), c, [i, f, g, o])
                            }
                            Recurrence::Gru => {
                                let r = sigmoid::<S>(S::add(x(0), fed(0)));
                                let z = sigmoid::<S>(S::add(x(1), fed(1)));
                                let n = tanh::<S>(S::fma(r, fed(2), x(2)));
                                let h = S::load_up_to(state.add(at), left);
                                (S::fma(z, S::sub(h, n), n), fed(2), [r, z, n, n])
                            }
                            Recurrence::Rnn => {
                                let h = tanh::<S>(S::add(x(0), fed(0)));
                                (h, h, [h; 4])
                            }
                        };
                        if let Some([to, to_inner]) = kept {
                            for (gate, value) in gates.iter().enumerate().take(kind.gates()) {
                                S::store_up_to(to.add(gate * units + at), *value, left);
                            }
                            S::store_up_to(to_inner.add(at), inner, left);
                        }
                        S::store_up_to(state.add(at), next, left);
                        S::store_up_to(to.add(at), next, left);
                    });
                }
            }
        }
    }
}
