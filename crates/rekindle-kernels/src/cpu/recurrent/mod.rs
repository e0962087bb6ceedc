//! A recurrent layer over all steps, in one direction or both, and the way back.
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

/// The shape of a layer: `[batch, time, gates * units]` in for each direction, `[batch, time, directions * units]` out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Run {
    pub(crate) kind: Recurrence,
    pub(crate) batch: usize,
    pub(crate) time: usize,
    pub(crate) units: usize,
    /// One, or two, of which the second goes from the last step to the first.
    pub(crate) directions: usize,
}

impl Run {
    /// Numbers of a step of a direction's gates.
    pub(crate) fn width(self) -> usize {
        self.kind.gates() * self.units
    }

    /// Numbers of a step of the output.
    pub(crate) fn outputs(self) -> usize {
        self.directions * self.units
    }

    /// The step that comes as number `index` of a row with `length` steps.
    fn step(self, direction: usize, index: usize, length: usize) -> usize {
        if direction > 0 { length - 1 - index } else { index }
    }

    /// Numbers of `[batch, time + 2, directions * units]`: outputs, the last state, the last cell.
    pub(crate) fn len(self) -> usize {
        self.batch * (self.time + 2) * self.outputs()
    }

    /// Where a row's output of a step is there; its state and its cell are those of two steps more.
    fn output(self, direction: usize, row: usize, step: usize) -> usize {
        (row * (self.time + 2) + step) * self.outputs() + direction * self.units
    }

    /// Where a row's first state, or cell, is.
    fn state(self, direction: usize, row: usize) -> usize {
        (direction * self.batch + row) * self.units
    }

    /// Runs `task` over rows of the batch, in each direction. A row is computed by itself, so it does not matter beside which:
    /// there are as many tasks as threads, or more.
    fn rows(self, task: impl Fn(usize, Range<usize>) + Sync + Send) {
        let rows = (self.batch * self.directions).div_ceil(threads()).clamp(ROWS[0], ROWS[1]);
        let parts = self.batch.div_ceil(rows);
        tasks(parts * self.directions, |index| {
            let (direction, index) = (index / parts, index % parts);
            task(direction, index * rows..((index + 1) * rows).min(self.batch));
        });
    }
}

/// What each direction multiplies its state by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weights<'a, E> {
    /// `[gates units, units]`
    pub(crate) weight: &'a [E],
    /// `[gates units]`, added to the product.
    pub(crate) bias: &'a [E],
}

/// What a layer is computed from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given<'a, E> {
    /// One for each direction.
    pub(crate) weights: &'a [Weights<'a, E>],
    /// The first states `[directions, batch, units]`.
    pub(crate) hidden: &'a [E],
    /// The first cells `[directions, batch, units]`.
    pub(crate) cell: &'a [E],
    /// Steps of each row.
    pub(crate) lengths: &'a [usize],
}

impl<E> Given<'_, E> {
    fn check(&self, run: Run, mut gates: impl ExactSizeIterator<Item = usize>) {
        let Run { batch, time, units, directions, .. } = run;
        let width = run.width();
        assert!(
            self.weights.len() == directions
                && self
                    .weights
                    .iter()
                    .all(|of| { of.weight.len() == width * units && of.bias.len() == width })
                && self.hidden.len() == directions * batch * units
                && self.cell.len() == directions * batch * units
                && self.lengths.len() == batch
                && self.lengths.iter().all(|length| *length <= time)
                && gates.len() == directions
                && gates.all(|gates| gates == batch * time * width),
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

/// What a layer gives, and what its way back needs beside the gates.
#[derive(Debug)]
pub(crate) struct Found<E> {
    /// `[batch, time + 2, directions * units]`: outputs, 0 behind a row's length; then the last states, and the last cells.
    pub(crate) outputs: Buffer<E>,
    /// An LSTM's cells, and what a GRU's reset gate is applied to, if they are kept; anything behind a row's length:
    /// `[batch, time, units]` of each direction.
    pub(crate) inner: Vec<Buffer<E>>,
}

/// Runs a layer. `gates` are the input's part of them, `[batch, time, gates units]` of each direction; where they are kept they
/// become the gates themselves, behind their activations.
pub(crate) fn forward<E: Real>(
    isa: Isa,
    run: Run,
    given: Given<'_, E>,
    gates: &mut [Buffer<E>],
    keep: Keep,
) -> Found<E> {
    given.check(run, gates.iter().map(|gates| gates.len()));
    let Run { batch, time, units, .. } = run;
    let width = run.width();
    let steps: Vec<Step<E>> = given
        .weights
        .iter()
        .map(|of| Step::new(isa, [width, units], of.weight, Direction::Forward, Some(of.bias)))
        .collect();
    let inner = if keep == Keep::Gates { batch * time * units } else { 0 };
    let mut found = Found {
        outputs: Buffer::any(run.len()),
        inner: gates.iter().map(|_| Buffer::any(inner)).collect(),
    };
    let outputs = Shared::new(&mut found.outputs);
    let shared = |all: &mut [Buffer<E>]| -> Vec<Shared<E>> {
        all.iter_mut().map(|buffer| Shared::new(buffer)).collect()
    };
    let (gates, inner) = (shared(gates), shared(&mut found.inner));
    run.rows(|direction, rows| {
        let kernel = Forward {
            run,
            given,
            direction,
            step: &steps[direction],
            outputs,
            gates: gates[direction],
            inner: (keep == Keep::Gates).then_some(inner[direction]),
            rows,
        };
        // SAFETY: rows of the batch belong to one task in each direction, and the shapes were compared.
        unsafe { E::dispatch(isa, kernel) }
    });
    found
}

struct Forward<'a, E> {
    run: Run,
    given: Given<'a, E>,
    direction: usize,
    step: &'a Step<E>,
    outputs: Shared<E>,
    /// The input's part, and then the gates if what is inside of a step is kept too.
    gates: Shared<E>,
    inner: Option<Shared<E>>,
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
        let Self { run, given, direction, step, outputs, gates, inner, rows } = self;
        let Run { kind, time, units, .. } = run;
        let width = run.width();
        let longest = given.lengths[rows.clone()].iter().copied().max().unwrap_or(0);
        let mut fed = Buffer::<E>::any(rows.len() * width);
        let fed = fed.as_mut_ptr();
        let (mut sources, mut targets) = (Vec::new(), Vec::new());
        // SAFETY: `check` compared all shapes, and these rows of the batch are this task's.
        unsafe {
            let output =
                |row: usize, step: usize| outputs.get().add(run.output(direction, row, step));
            for row in rows.clone() {
                let first = run.state(direction, row);
                let own = |from: &[E], to: *mut E| {
                    std::ptr::copy_nonoverlapping(from[first..].as_ptr(), to, units);
                };
                own(given.hidden, output(row, time));
                own(given.cell, output(row, time + 1));
                for step in given.lengths[row]..time {
                    std::slice::from_raw_parts_mut(output(row, step), units).fill(E::ZERO);
                }
            }
            for index in 0..longest {
                let live = || rows.clone().filter(|row| index < given.lengths[*row]);
                sources.clear();
                sources.extend(live().map(|row| output(row, time).cast_const()));
                targets.clear();
                targets.extend((0..sources.len()).map(|at| fed.add(at * width)));
                step.run(&sources, &targets);
                for (row, fed) in live().zip(&targets) {
                    let now = run.step(direction, index, given.lengths[row]);
                    let place = row * time + now;
                    let gates = gates.get().add(place * width);
                    let inner = inner.map(|inner| inner.get().add(place * units));
                    let fed = fed.cast_const();
                    let (state, cell) = (output(row, time), output(row, time + 1));
                    let to = output(row, now);
                    vectors!(S, units, |at, left| {
                        let x = |gate: usize| S::load_up_to(gates.add(gate * units + at), left);
                        let fed = |gate: usize| S::load_up_to(fed.add(gate * units + at), left);
                        let (next, inside, values) = match kind {
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
                        if let Some(inner) = inner {
                            for (gate, value) in values.iter().enumerate().take(kind.gates()) {
                                S::store_up_to(gates.add(gate * units + at), *value, left);
                            }
                            S::store_up_to(inner.add(at), inside, left);
                        }
                        S::store_up_to(state.add(at), next, left);
                        S::store_up_to(to.add(at), next, left);
                    });
                }
            }
        }
    }
}
