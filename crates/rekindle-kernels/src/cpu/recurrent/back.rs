//! One direction of a recurrent layer, the way back.

use super::{Found, Given, ROWS, Run, product, tanh};
use crate::{
    cpu::{
        parallel::{Shared, tasks},
        simd::{Isa, Kernel, Real, Simd, vectors},
    },
    memory::Buffer,
    recurrence::Recurrence,
};

/// What comes back: for outputs, and for the last state and cell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Incoming<'a, E> {
    /// `[batch, time, units]`
    pub(crate) outputs: &'a [E],
    /// `[batch, units]`, where the last state is used.
    pub(crate) hidden: Option<&'a [E]>,
    /// `[batch, units]`, where the last cell is used.
    pub(crate) cell: Option<&'a [E]>,
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

/// The way back from `dy`, with what [`forward`] found.
pub(crate) fn backward<E: Real>(
    isa: Isa,
    run: Run,
    given: Given<'_, E>,
    found: &Found<E>,
    dy: Incoming<'_, E>,
) -> Gradients<E> {
    given.check(run);
    let Run { batch, time, units, .. } = run;
    let width = run.width();
    let last = |dy: Option<&[E]>| dy.is_none_or(|dy| dy.len() == batch * units);
    assert!(
        dy.outputs.len() == batch * time * units
            && last(dy.hidden)
            && last(dy.cell)
            && found.gates.len() == batch * time * width
            && found.inner.len() == batch * time * units,
        "gradients of a recurrent layer of other shapes"
    );
    let zeros = |len| Buffer::<E>::zeros(len);
    let of = |dy: Option<&[E]>| dy.map_or_else(|| zeros(batch * units), Buffer::copy);
    let mut gradients = Gradients {
        x: zeros(batch * time * width),
        fed: (run.kind == Recurrence::Gru).then(|| zeros(batch * time * width)),
        before: zeros(batch * time * units),
        hidden: of(dy.hidden),
        cell: of(dy.cell),
    };
    let to = Back {
        x: Shared::new(&mut gradients.x),
        fed: gradients.fed.as_mut().map(|fed| Shared::new(fed)),
        before: Shared::new(&mut gradients.before),
        hidden: Shared::new(&mut gradients.hidden),
        cell: Shared::new(&mut gradients.cell),
    };
    tasks(batch.div_ceil(ROWS), |task| {
        // SAFETY: rows of the batch belong to one task, and the shapes were compared.
        unsafe { E::dispatch(isa, Backward { run, given, found, dy, to, first: task * ROWS }) }
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
    found: &'a Found<E>,
    dy: Incoming<'a, E>,
    to: Back<E>,
    first: usize,
}

impl<E: Real> Kernel<E> for Backward<'_, E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let Self { run, given, found, dy, to, first } = self;
        let Run { kind, batch, time, units, .. } = run;
        let width = run.width();
        let live = ROWS.min(batch - first);
        let longest = given.lengths[first..first + live].iter().copied().max().unwrap_or(0);
        let mut slopes = Buffer::<E>::any(ROWS * width);
        let mut back = Buffer::<E>::any(ROWS * units);
        // SAFETY: the shapes were compared, and these rows of the batch are this task's.
        unsafe {
            let slope_rows: [*mut E; ROWS] =
                std::array::from_fn(|r| slopes.as_mut_ptr().add(r * width));
            let back_rows: [*mut E; ROWS] =
                std::array::from_fn(|r| back.as_mut_ptr().add(r * units));
            for index in (0..longest).rev() {
                std::slice::from_raw_parts_mut(slope_rows[0], ROWS * width).fill(E::ZERO);
                for r in 0..live {
                    let row = first + r;
                    let length = given.lengths[row];
                    if index >= length {
                        continue;
                    }
                    let place = row * time + run.step(index, length);
                    // The state and the cell before this step.
                    let earlier = index
                        .checked_sub(1)
                        .map(|index| (row * time + run.step(index, length)) * units);
                    let (h, c) = match earlier {
                        Some(at) => (found.outputs.as_ptr().add(at), found.inner.as_ptr().add(at)),
                        None => (
                            given.hidden.as_ptr().add(row * units),
                            given.cell.as_ptr().add(row * units),
                        ),
                    };
                    let gates = found.gates.as_ptr().add(place * width);
                    let inner = found.inner.as_ptr().add(place * units);
                    let incoming = dy.outputs.as_ptr().add(place * units);
                    let dx = to.x.get().add(place * width);
                    let dfed = to.fed.map(|fed| fed.get().add(place * width));
                    let (dh, dc) =
                        (to.hidden.get().add(row * units), to.cell.get().add(row * units));
                    let before = to.before.get().add(place * units);
                    let slope = slope_rows[r];
                    vectors!(S, units, |at, left| {
                        let one = S::constant(1.0);
                        let gate = |gate: usize| S::load_up_to(gates.add(gate * units + at), left);
                        // Of a gate's argument, for the input, and for the product with the state.
                        let put = |gate: usize, v, fed| {
                            S::store_up_to(dx.add(gate * units + at), v, left);
                            S::store_up_to(slope.add(gate * units + at), fed, left);
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
                let rows = slope_rows.map(<*mut E>::cast_const);
                product::<S>(rows, given.weight.as_ptr(), [width, units], None, back_rows);
                for r in 0..live {
                    let row = first + r;
                    if index >= given.lengths[row] {
                        continue;
                    }
                    let (dh, back) = (to.hidden.get().add(row * units), back_rows[r]);
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
