//! A recurrent layer, the way back.

use std::ops::Range;

use super::{Given, Run, step::Step, tanh};
use crate::{
    cpu::{
        geometry::Direction,
        parallel::Shared,
        simd::{Isa, Kernel, Real, Simd, vectors},
    },
    memory::Buffer,
    recurrence::Recurrence,
};

/// What [`forward`](super::forward) found, in whoever's memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept<'a, E> {
    pub(crate) outputs: &'a [E],
    /// Of each direction.
    pub(crate) inner: &'a [&'a [E]],
}

/// The gradients of a layer's operands but the weights and the bias, which are products of what is here.
#[derive(Debug)]
pub(crate) struct Gradients<E> {
    /// Of the product with the state, and so of the bias once summed: `[batch, time, gates units]` of each direction; of a GRU
    /// alone, since the others' is that of the input.
    pub(crate) fed: Vec<Buffer<E>>,
    /// The state before each step `[batch, time, units]` of each direction; 0 behind a row's length.
    pub(crate) before: Vec<Buffer<E>>,
    /// Of the first states `[directions, batch, units]`.
    pub(crate) hidden: Buffer<E>,
    /// Of the first cells `[directions, batch, units]`.
    pub(crate) cell: Buffer<E>,
}

/// The way back from `dy` `[batch, time + 2, directions * units]`, of outputs, last states and last cells. `gates`, as
/// [`forward`](super::forward) left them, become the gradient of the input's part of them.
pub(crate) fn backward<E: Real>(
    isa: Isa,
    run: Run,
    given: Given<'_, E>,
    gates: &mut [&mut [E]],
    kept: Kept<'_, E>,
    dy: &[E],
) -> Gradients<E> {
    given.check(run, gates.iter().map(|gates| gates.len()));
    let Run { batch, time, units, kind, directions } = run;
    let width = run.width();
    assert!(
        dy.len() == run.len()
            && kept.outputs.len() == run.len()
            && kept.inner.len() == directions
            && kept.inner.iter().all(|inner| inner.len() == batch * time * units),
        "gradients of a recurrent layer of other shapes"
    );
    let steps: Vec<Step<E>> = given
        .weights
        .iter()
        .map(|of| Step::new(isa, [width, units], of.weight, Direction::Backward, None))
        .collect();
    let each = |count: usize, len: usize| (0..count).map(|_| Buffer::any(len)).collect();
    let fed = if kind == Recurrence::Gru { directions } else { 0 };
    let mut gradients = Gradients {
        fed: each(fed, batch * time * width),
        before: each(directions, batch * time * units),
        hidden: Buffer::any(directions * batch * units),
        cell: Buffer::any(directions * batch * units),
    };
    let to: Vec<Back<E>> = gates
        .iter_mut()
        .zip(&mut gradients.before)
        .enumerate()
        .map(|(direction, (gates, before))| Back {
            gates: Shared::new(gates),
            fed: gradients.fed.get_mut(direction).map(|fed| Shared::new(fed)),
            before: Shared::new(before),
            hidden: Shared::new(&mut gradients.hidden),
            cell: Shared::new(&mut gradients.cell),
        })
        .collect();
    run.rows(|direction, rows| {
        let (step, to) = (&steps[direction], to[direction]);
        let kernel = Backward { run, given, direction, kept, step, dy, to, rows };
        // SAFETY: rows of the batch belong to one task in each direction, and the shapes were compared.
        unsafe { E::dispatch(isa, kernel) }
    });
    gradients
}

#[derive(Clone, Copy)]
struct Back<E> {
    gates: Shared<E>,
    fed: Option<Shared<E>>,
    before: Shared<E>,
    hidden: Shared<E>,
    cell: Shared<E>,
}

struct Backward<'a, E> {
    run: Run,
    given: Given<'a, E>,
    direction: usize,
    kept: Kept<'a, E>,
    step: &'a Step<E>,
    dy: &'a [E],
    to: Back<E>,
    rows: Range<usize>,
}

impl<E: Real> Backward<'_, E> {
    /// Sets out with what came for the last state and cell, and clears what is behind each row's length.
    unsafe fn begin(&self) {
        let Run { time, units, .. } = self.run;
        let width = self.run.width();
        for row in self.rows.clone() {
            let length = self.given.lengths[row];
            let last =
                |place: usize| self.dy[self.run.output(self.direction, row, place)..].as_ptr();
            // SAFETY: the shapes were compared, and the row is this task's.
            unsafe {
                let state = self.run.state(self.direction, row);
                let own = |to: Shared<E>| to.get().add(state);
                std::ptr::copy_nonoverlapping(last(time), own(self.to.hidden), units);
                std::ptr::copy_nonoverlapping(last(time + 1), own(self.to.cell), units);
                let clear = |to: Shared<E>, width: usize| {
                    let from = to.get().add((row * time + length) * width);
                    std::slice::from_raw_parts_mut(from, (time - length) * width).fill(E::ZERO);
                };
                clear(self.to.gates, width);
                clear(self.to.before, units);
                if let Some(fed) = self.to.fed {
                    clear(fed, width);
                }
            }
        }
    }
}

impl<E: Real> Kernel<E> for Backward<'_, E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        // SAFETY: by contract.
        unsafe { self.begin() };
        let Self { run, given, direction, kept, step, dy, to, rows } = self;
        let Run { kind, time, units, .. } = run;
        let width = run.width();
        let longest = given.lengths[rows.clone()].iter().copied().max().unwrap_or(0);
        let mut back = Buffer::<E>::any(rows.len() * units);
        let back = back.as_mut_ptr();
        let (mut sources, mut targets) = (Vec::new(), Vec::new());
        // SAFETY: the shapes were compared, and these rows of the batch are this task's.
        unsafe {
            for index in (0..longest).rev() {
                let live = || rows.clone().filter(|row| index < given.lengths[*row]);
                sources.clear();
                for row in live() {
                    let length = given.lengths[row];
                    let now = run.step(direction, index, length);
                    let place = row * time + now;
                    // The state and the cell before this step.
                    let (h, c) = match index.checked_sub(1) {
                        Some(index) => {
                            let earlier = run.step(direction, index, length);
                            (
                                kept.outputs.as_ptr().add(run.output(direction, row, earlier)),
                                kept.inner[direction].as_ptr().add((row * time + earlier) * units),
                            )
                        }
                        None => (
                            given.hidden.as_ptr().add(run.state(direction, row)),
                            given.cell.as_ptr().add(run.state(direction, row)),
                        ),
                    };
                    // Read, and then written over.
                    let dx = to.gates.get().add(place * width);
                    let gates = dx.cast_const();
                    let inner = kept.inner[direction].as_ptr().add(place * units);
                    let incoming = dy.as_ptr().add(run.output(direction, row, now));
                    let dfed = to.fed.map(|fed| fed.get().add(place * width));
                    let (dh, dc) = (
                        to.hidden.get().add(run.state(direction, row)),
                        to.cell.get().add(run.state(direction, row)),
                    );
                    let before = to.before.get().add(place * units);
                    sources.push(dfed.unwrap_or(dx).cast_const());
                    vectors!(S, units, |at, left| {
                        let one = S::constant(1.0);
                        let gate = |gate: usize| S::load_up_to(gates.add(gate * units + at), left);
                        // Of a gate's argument, for the input, and for the product with the state.
                        let put = |gate: usize, v, fed| {
                            S::store_up_to(dx.add(gate * units + at), v, left);
                            if let Some(dfed) = dfed {
                                S::store_up_to(dfed.add(gate * units + at), fed, left);
                            }
                        };
                        let of_sigmoid = |s| S::mul(s, S::sub(one, s));
                        let of_tanh = |t| S::sub(one, S::mul(t, t));
                        let old = S::load_up_to(h.add(at), left);
                        S::store_up_to(before.add(at), old, left);
                        let g = S::add(
                            S::load_up_to(dh.add(at), left),
                            S::load_up_to(incoming.add(at), left),
                        );
                        let through = match kind {
                            Recurrence::Lstm => {
                                let (i, f, n, o) = (gate(0), gate(1), gate(2), gate(3));
                                let t = tanh::<S>(S::load_up_to(inner.add(at), left));
                                let kept = S::fma(
                                    S::mul(g, o),
                                    of_tanh(t),
                                    S::load_up_to(dc.add(at), left),
                                );
                                let earlier = S::load_up_to(c.add(at), left);
                                let di = S::mul(S::mul(kept, n), of_sigmoid(i));
                                let df = S::mul(S::mul(kept, earlier), of_sigmoid(f));
                                let dn = S::mul(S::mul(kept, i), of_tanh(n));
                                let d_o = S::mul(S::mul(g, t), of_sigmoid(o));
                                put(0, di, di);
                                put(1, df, df);
                                put(2, dn, dn);
                                put(3, d_o, d_o);
                                S::store_up_to(dc.add(at), S::mul(kept, f), left);
                                S::zero()
                            }
                            Recurrence::Gru => {
                                let (r, z, n) = (gate(0), gate(1), gate(2));
                                let dn = S::mul(S::mul(g, S::sub(one, z)), of_tanh(n));
                                let dz = S::mul(S::mul(g, S::sub(old, n)), of_sigmoid(z));
                                let dr = S::mul(
                                    S::mul(dn, S::load_up_to(inner.add(at), left)),
                                    of_sigmoid(r),
                                );
                                put(0, dr, dr);
                                put(1, dz, dz);
                                put(2, dn, S::mul(dn, r));
                                S::mul(g, z)
                            }
                            Recurrence::Rnn => {
                                let dn = S::mul(g, of_tanh(gate(0)));
                                put(0, dn, dn);
                                S::zero()
                            }
                        };
                        S::store_up_to(dh.add(at), through, left);
                    });
                }
                targets.clear();
                targets.extend((0..sources.len()).map(|at| back.add(at * units)));
                step.run(&sources, &targets);
                for (row, back) in live().zip(&targets) {
                    let dh = to.hidden.get().add(run.state(direction, row));
                    let back = back.cast_const();
                    vectors!(S, units, |at, left| {
                        let sum = S::add(
                            S::load_up_to(dh.add(at), left),
                            S::load_up_to(back.add(at), left),
                        );
                        S::store_up_to(dh.add(at), sum, left);
                    });
                }
            }
        }
    }
}
