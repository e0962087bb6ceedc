//! Attention, the way back.

use super::{Head, LANES, Operands, Place, ROWS, Shape, block, clear, combine, products, turned};
use crate::{
    cpu::{
        parallel::{Shared, tasks},
        simd::{Isa, Kernel, Real, Simd, vectors},
    },
    memory::Buffer,
};

/// The gradients of queries, keys and values for `dy`, with what [`forward`] returned.
pub(crate) fn backward<E: Real>(
    isa: Isa,
    shape: Shape,
    operands: Operands<'_, E>,
    sums: &[E],
    dy: &[E],
) -> [Buffer<E>; 3] {
    let (places, len) = operands.places(shape);
    let Shape { batch, length, heads, .. } = shape;
    assert!(dy.len() == len && sums.len() == batch * heads * length, "a gradient of another shape");
    let mut found = [(); 3].map(|()| Buffer::<E>::any(len));
    if dy.is_empty() {
        return found;
    }
    let out = found.each_mut().map(|found| Shared::new(found));
    tasks(batch * heads, |task| {
        let (text, head) = (task / heads, task % heads);
        let place = places[text];
        // SAFETY: a text's head is one task's, and the shapes were compared.
        unsafe { E::dispatch(isa, Backward { shape, operands, text, place, head, sums, dy, out }) }
    });
    found
}

struct Backward<'a, E> {
    shape: Shape,
    operands: Operands<'a, E>,
    text: usize,
    place: Place,
    head: usize,
    sums: &'a [E],
    dy: &'a [E],
    out: [Shared<E>; 3],
}

impl<E: Real> Kernel<E> for Backward<'_, E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let Self { shape, operands, text, place, head, sums, dy, out } = self;
        let Shape { length, heads, width, scale, .. } = shape;
        let count = operands.lengths[text];
        // SAFETY: `places` compared all lengths; the rows of this text and head are this task's.
        unsafe {
            let step = shape.channels();
            let to = out.map(|out| Head {
                start: out.get().wrapping_add(place.start * step + head * width).cast_const(),
                step,
            });
            // Those of keys and values are summed up in place.
            to.iter().for_each(|rows| clear(*rows, 0..place.rows, width));
            if count == 0 || width == 0 {
                return;
            }
            let [query, key, value, dy] = [operands.query, operands.key, operands.value, dy]
                .map(|of| Head::new(of, shape, place, head));
            let stride = count.next_multiple_of(LANES);
            let [keys, values] = [key, value].map(|rows| turned(rows, count, width, stride));
            let [mut shares, mut slopes] = [(); 2].map(|()| Buffer::<E>::any(ROWS * stride));
            let sums = &sums[(text * heads + head) * length..][..length];
            for first in (0..count).step_by(ROWS) {
                let live = ROWS.min(count - first);
                let (p, ds) = (shares.as_mut_ptr(), slopes.as_mut_ptr());
                let queries = block(query, first, count);
                let given = block(dy, first, count);
                products::<S>(queries, keys.as_ptr(), (width, stride), scale, p);
                products::<S>(given, values.as_ptr(), (width, stride), 1.0, ds);
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
                    // What values were weighed by.
                    shape.drop_shares::<S>(place, p, count);
                }
                let mut rows = [to[0].start.cast_mut(); ROWS];
                for (r, row) in rows.iter_mut().enumerate().take(live) {
                    *row = to[0].row(first + r).cast_mut();
                }
                combine::<S>(ds, stride, (key, count, width), scale, rows, live);
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
