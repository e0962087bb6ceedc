//! Attention, the way back.

use super::{
    FEW_ROWS, Head, LANES, MANY_ROWS, Operands, Place, Shape, block, clear, combine, products,
    turned,
};
use crate::{
    cpu::{
        parallel::{Shared, tasks},
        simd::{Isa, Kernel, Real, Simd, vectors},
    },
    memory::Buffer,
};

/// Texts that share a bias are summed up in so many parts at most, whatever the number of threads.
const SUMS: usize = 8;

/// Gradients.
#[derive(Debug)]
pub(crate) struct Found<E> {
    /// Of queries, keys and values as they came: three, or one of all.
    pub(crate) parts: Vec<Buffer<E>>,
    /// Of the bias, where it was asked for.
    pub(crate) bias: Option<Buffer<E>>,
}

/// The gradients of queries, keys and values for `dy`, with what [`forward`] returned, and that of the bias if it trains.
pub(crate) fn backward<E: Real>(
    isa: Isa,
    shape: Shape,
    operands: Operands<'_, E>,
    (sums, dy): (&[E], &[E]),
    bias_trains: bool,
) -> Found<E> {
    let (places, len) = operands.places(shape);
    let Shape { batch, length, heads, .. } = shape;
    assert!(dy.len() == len && sums.len() == batch * heads * length, "a gradient of another shape");
    let together = operands.parts.together();
    let mut parts: Vec<_> = (0..3 / together).map(|_| Buffer::<E>::any(together * len)).collect();
    let bias = operands.bias.filter(|_| bias_trains);
    // Texts `of`, `of + texts`, ... share what is added to their scores.
    let texts = bias.map_or(batch, |bias| bias.texts);
    let groups = bias.map_or(1, |bias| (batch / bias.texts).min(SUMS)).max(1);
    let mut partial = Buffer::<E>::zeros(if bias.is_some() {
        groups * texts * heads * length * length
    } else {
        0
    });
    if !dy.is_empty() {
        let written: Vec<_> = parts.iter_mut().map(|part| Shared::new(part)).collect();
        let slopes = Shared::new(&mut partial);
        tasks(groups * texts * heads, |task| {
            let (group, of, head) = (task / heads / texts, task / heads % texts, task % heads);
            for text in (of + group * texts..batch).step_by(groups * texts) {
                let place = places[text];
                let bias = bias.map(|_| slopes.get().wrapping_add(task * length * length));
                let to = gradients(&written, shape, place, head);
                let run = Backward { shape, operands, text, place, head, sums, dy, to, bias };
                // SAFETY: a text's head is one task's, a part of the bias's gradient too, and the shapes were compared.
                unsafe { E::dispatch(isa, run) }
            }
        });
    }
    let bias = bias.map(|bias| {
        let own = length * length;
        let mut sum = Buffer::<E>::zeros(bias.texts * bias.heads * own);
        for (index, part) in partial.chunks_exact(own.max(1)).enumerate() {
            let (of, head) = (index / heads % texts, index % heads);
            let at = (of * bias.heads + head % bias.heads) * own;
            sum[at..at + own].iter_mut().zip(part).for_each(|(sum, part)| {
                *sum = E::of(sum.wide() + part.wide());
            });
        }
        sum
    });
    Found { parts, bias }
}

/// Where a head's gradients of queries, keys and values are written.
fn gradients<E>(written: &[Shared<E>], shape: Shape, place: Place, head: usize) -> [Head<E>; 3] {
    let channels = shape.channels();
    [0, 1, 2].map(|part| {
        let (of, step, at) = match written {
            [all] => (all, 3 * channels, part * channels),
            apart => (&apart[part], channels, 0),
        };
        let first = place.start * step + at + head * shape.width;
        Head { start: of.get().wrapping_add(first).cast_const(), step }
    })
}

struct Backward<'a, E> {
    shape: Shape,
    operands: Operands<'a, E>,
    text: usize,
    place: Place,
    head: usize,
    sums: &'a [E],
    dy: &'a [E],
    to: [Head<E>; 3],
    /// Where this task adds the gradient of the bias.
    bias: Option<*mut E>,
}

impl<E: Real> Kernel<E> for Backward<'_, E> {
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

impl<E: Real> Backward<'_, E> {
    /// So many rows of scores at a time.
    #[inline(always)]
    unsafe fn by<S: Simd<E = E>, const ROWS: usize>(self) {
        let Self { shape, operands, text, place, head, sums, dy, to, bias: trained } = self;
        let Shape { length, heads, width, scale, .. } = shape;
        let count = operands.lengths[text];
        // SAFETY: `places` compared all lengths; the rows of this text and head are this task's.
        unsafe {
            // Those of keys and values are summed up in place.
            to.iter().for_each(|rows| clear(*rows, 0..place.rows, width));
            if count == 0 || width == 0 {
                return;
            }
            let [query, key, value] = operands.parts.heads(shape, place, head);
            let dy = Head::new(dy, shape, shape.channels(), place, head);
            let stride = count.next_multiple_of(LANES);
            let [keys, values] = [key, value].map(|rows| turned(rows, count, width, stride));
            let [mut shares, mut slopes] = [(); 2].map(|()| Buffer::<E>::any(ROWS * stride));
            let sums = &sums[(text * heads + head) * length..][..length];
            for first in (0..count).step_by(ROWS) {
                let live = ROWS.min(count - first);
                let (p, ds) = (shares.as_mut_ptr(), slopes.as_mut_ptr());
                let queries = block::<_, ROWS>(query, first, count);
                let given = block::<_, ROWS>(dy, first, count);
                products::<S, ROWS>(queries, keys.as_ptr(), (width, stride), scale, p);
                products::<S, ROWS>(given, values.as_ptr(), (width, stride), 1.0, ds);
                for r in 0..ROWS {
                    let (p, ds) = (p.add(r * stride), ds.add(r * stride));
                    if r >= live {
                        std::slice::from_raw_parts_mut(p, stride).fill(E::ZERO);
                        std::slice::from_raw_parts_mut(ds, stride).fill(E::ZERO);
                        continue;
                    }
                    let sum = S::splat(sums[first + r]);
                    let bias =
                        operands.bias.map(|bias| bias.row(shape, text, head, first + r).as_ptr());
                    let place = [text, head, first + r];
                    shape.drop_shares::<S>(place, ds, count);
                    let mut both = S::zero();
                    vectors!(S, count, |at, left| {
                        let mut x = S::load_up_to(p.add(at), left);
                        if let Some(bias) = bias {
                            x = S::add(x, S::load_up_to(bias.add(at), left));
                        }
                        let share = S::exp(S::sub(x, sum));
                        S::store_up_to(p.add(at), share, left);
                        both = S::fma(
                            S::load_up_to(p.add(at), left),
                            S::load_up_to(ds.add(at), left),
                            both,
                        );
                    });
                    let mean = S::constant(S::sum(both));
                    vectors!(S, count, |at, left| {
                        let slope = S::sub(S::load_up_to(ds.add(at), left), mean);
                        S::store_up_to(
                            ds.add(at),
                            S::mul(slope, S::load_up_to(p.add(at), left)),
                            left,
                        );
                    });
                    if let Some(trained) = trained {
                        let row = trained.add((first + r) * length);
                        vectors!(S, count, |at, left| {
                            let sum = S::add(
                                S::load_up_to(row.add(at), left),
                                S::load_up_to(ds.add(at), left),
                            );
                            S::store_up_to(row.add(at), sum, left);
                        });
                    }
                    // What values were weighed by.
                    shape.drop_shares::<S>(place, p, count);
                }
                let mut rows = [to[0].start.cast_mut(); ROWS];
                for (r, row) in rows.iter_mut().enumerate().take(live) {
                    *row = to[0].row(first + r).cast_mut();
                }
                combine::<S, ROWS>(
                    ds,
                    stride,
                    (key, count, width),
                    [E::of(scale); ROWS],
                    rows,
                    live,
                );
                let factor = S::constant(scale);
                for j in 0..count {
                    let (dk, dv) = (to[1].row(j).cast_mut(), to[2].row(j).cast_mut());
                    let mut weights = [[S::zero(); ROWS]; 2];
                    for r in 0..ROWS {
                        weights[0][r] = S::mul(S::splat(*ds.add(r * stride + j)), factor);
                        weights[1][r] = S::splat(*p.add(r * stride + j));
                    }
                    vectors!(S, width, |at, left| {
                        let mut k = S::load_up_to(dk.add(at), left);
                        let mut v = S::load_up_to(dv.add(at), left);
                        for r in 0..ROWS {
                            k = S::fma(weights[0][r], S::load_up_to(queries[r].add(at), left), k);
                            v = S::fma(weights[1][r], S::load_up_to(given[r].add(at), left), v);
                        }
                        S::store_up_to(dk.add(at), k, left);
                        S::store_up_to(dv.add(at), v, left);
                    });
                }
            }
        }
    }
}
