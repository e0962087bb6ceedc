//! One direction of a recurrent layer, the way back.

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
    pub(crate) gates: &'a [E],
    pub(crate) inner: &'a [E],
}

/// The gradients of a run's operands but the weights and the bias, which are products of what is here.
#[derive(Debug)]
pub(crate) struct Gradients<E> {
    /// Of the input `[batch, time, gates units]`.
    pub(crate) x: Buffer<E>,
    /// Of the product with the state, and so of the bias once summed: `[batch, time, gates units]`; of a GRU alone, since the
    /// others' is that of the input.
    pub(crate) fed: Option<Buffer<E>>,
    /// The state before each step `[batch, time, units]`; 0 behind a row's length.
    pub(crate) before: Buffer<E>,
    /// Of the first state `[batch, units]`.
    pub(crate) hidden: Buffer<E>,
    /// Of the first cell `[batch, units]`.
    pub(crate) cell: Buffer<E>,
}

/// The way back from `dy` `[batch, time + 2, units]`, of outputs, last state and last cell.
pub(crate) fn backward<E: Real>(
    isa: Isa,
    run: Run,
    given: Given<'_, E>,
    kept: Kept<'_, E>,
    dy: &[E],
) -> Gradients<E> {
    given.check(run);
    let Run { batch, time, units, kind, .. } = run;
    let width = run.width();
    assert!(
        dy.len() == run.len()
            && kept.outputs.len() == run.len()
            && kept.gates.len() == batch * time * width
            && kept.inner.len() == batch * time * units,
        "gradients of a recurrent layer of other shapes"
    );
    let step = Step::new(isa, [width, units], given.weight, Direction::Backward, None);
    let mut gradients = Gradients {
        x: Buffer::any(batch * time * width),
        fed: (kind == Recurrence::Gru).then(|| Buffer::any(batch * time * width)),
        before: Buffer::any(batch * time * units),
        hidden: Buffer::any(batch * units),
        cell: Buffer::any(batch * units),
    };
    let to = Back {
        x: Shared::new(&mut gradients.x),
        fed: gradients.fed.as_mut().map(|fed| Shared::new(fed)),
        before: Shared::new(&mut gradients.before),
        hidden: Shared::new(&mut gradients.hidden),
        cell: Shared::new(&mut gradients.cell),
    };
    run.rows(|rows| {
        // SAFETY: rows of the batch belong to one task, and the shapes were compared.
        unsafe { E::dispatch(isa, Backward { run, given, kept, step: &step, dy, to, rows }) }
    });
    gradients
}

#[derive(Clone, Copy)]
struct Back<E> {
    x: Shared<E>,
    fed: Option<Shared<E>>,
    before: Shared<E>,
    hidden: Shared<E>,
    cell: Shared<E>,
}

struct Backward<'a, E> {
    run: Run,
    given: Given<'a, E>,
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
            let last = |place: usize| self.dy[self.run.output(row, place)..].as_ptr();
            // SAFETY: the shapes were compared, and the row is this task's.
            unsafe {
                let own = |to: Shared<E>| to.get().add(row * units);
                std::ptr::copy_nonoverlapping(last(time), own(self.to.hidden), units);
                std::ptr::copy_nonoverlapping(last(time + 1), own(self.to.cell), units);
                let clear = |to: Shared<E>, width: usize| {
                    let from = to.get().add((row * time + length) * width);
                    std::slice::from_raw_parts_mut(from, (time - length) * width).fill(E::ZERO);
                };
                clear(self.to.x, width);
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
        let Self { run, given, kept, step, dy, to, rows } = self;
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
                    let now = run.step(index, length);
                    let place = row * time + now;
                    // The state and the cell before this step.
                    let (h, c) = match index.checked_sub(1) {
                        Some(index) => {
                            let earlier = run.step(index, length);
                            (
                                kept.outputs.as_ptr().add(run.output(row, earlier)),
                                kept.inner.as_ptr().add((row * time + earlier) * units),
                            )
                        }
                        None => (
                            given.hidden.as_ptr().add(row * units),
                            given.cell.as_ptr().add(row * units),
                        ),
                    };
                    let gates = kept.gates.as_ptr().add(place * width);
                    let inner = kept.inner.as_ptr().add(place * units);
                    let incoming = dy.as_ptr().add(run.output(row, now));
                    let dx = to.x.get().add(place * width);
                    let dfed = to.fed.map(|fed| fed.get().add(place * width));
                    let (dh, dc) =
                        (to.hidden.get().add(row * units), to.cell.get().add(row * units));
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
                    let (dh, back) = (to.hidden.get().add(row * units), back.cast_const());
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
