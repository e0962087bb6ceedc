//! Pooling on Flex, and the way back.

use burn::backend::{
    Autodiff, Flex,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    tensor::FloatTensor,
};
use burn_flex::FlexTensor;

use super::{
    costs::pass,
    tensor::{FlexReal, Like, contiguous, extent, slice, tensor_of},
    typed,
};
use crate::{
    cpu::{Divisor, Extent, Isa, Window, mean, pool},
    memory::Buffer,
    profile::measure,
};

/// Whether it is said where a maximum was.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Places {
    Ignored,
    Kept,
}

/// A pool's output, and the place of each maximum.
pub(super) fn maximum<E: FlexReal>(
    x: FlexTensor,
    window: Window,
    places: Places,
) -> (FlexTensor, Option<FlexTensor>) {
    let input = extent(&x);
    let x = contiguous::<E>(x);
    let output = pool::output(input, window);
    let mut y = Buffer::<E>::any(output.len());
    let mut found = (places == Places::Kept).then(|| Buffer::<E>::any(output.len()));
    let places = found.as_deref_mut();
    measure(
        "pool",
        || pass::<E>(input, 1),
        || {
            pool::maximum(Isa::best(), input, window, slice::<E>(&x), &mut y, places);
        },
    );
    (tensor_of(y, output.dims()), found.map(|found| tensor_of(found, output.dims())))
}

pub(super) fn average<E: FlexReal>(x: FlexTensor, window: Window, divisor: Divisor) -> FlexTensor {
    let input = extent(&x);
    let x = contiguous::<E>(x);
    let output = pool::output(input, window);
    let mut y = Buffer::<E>::any(output.len());
    measure(
        "pool",
        || pass::<E>(input, 1),
        || {
            pool::average(input, window, divisor, slice::<E>(&x), &mut y);
        },
    );
    tensor_of(y, output.dims())
}

pub(super) fn mean<E: FlexReal>(x: FlexTensor) -> FlexTensor {
    let input = extent(&x);
    let x = contiguous::<E>(x);
    let means =
        measure("pool", || pass::<E>(input, 1), || mean::mean(Isa::best(), input, slice::<E>(&x)));
    tensor_of(means, [input.batch, input.channels])
}

/// What goes back through a pool.
#[derive(Debug, Clone)]
enum Pool {
    Maximum(Window, FlexTensor),
    Average(Window, Divisor),
    Mean,
}

#[derive(Debug)]
struct Pooled;

impl Backward<Flex, 1> for Pooled {
    type State = (Extent, Pool, Like);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (input, pool, like) = ops.state;
        let dy = like.check(grads.consume::<Flex>(&ops.node));
        if let [Some(parent)] = ops.parents {
            let dx = typed!(dy, E => gradient::<E>(dy, input, &pool));
            grads.register::<Flex>(parent.id, dx);
        }
    }
}

fn gradient<E: FlexReal>(dy: FlexTensor, input: Extent, pool: &Pool) -> FlexTensor {
    let dy = contiguous::<E>(dy);
    let dy = slice::<E>(&dy);
    let mut dx = Buffer::<E>::any(input.len());
    measure(
        "pool back",
        || pass::<E>(input, 1),
        || match pool {
            Pool::Maximum(window, places) => {
                let places = slice::<E>(places);
                pool::maximum_gradient(Isa::best(), input, *window, dy, places, &mut dx);
            }
            Pool::Average(window, divisor) => {
                pool::average_gradient(input, *window, *divisor, dy, &mut dx);
            }
            Pool::Mean => mean::mean_gradient(input, dy, &mut dx),
        },
    );
    tensor_of(dx, input.dims())
}

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

pub(super) fn tracked_maximum<C: CheckpointStrategy>(x: Tracked<C>, window: Window) -> Tracked<C> {
    let (x, node) = x.into_parts();
    match Pooled.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let input = extent(&x);
            let (y, places) = typed!(x, E => maximum::<E>(x, window, Places::Kept));
            // Places were asked for, so they are there.
            let places = places.unwrap_or_else(|| y.clone());
            prep.finish((input, Pool::Maximum(window, places), Like::of(&y)), y)
        }
        OpsKind::UnTracked(prep) => {
            prep.finish(typed!(x, E => maximum::<E>(x, window, Places::Ignored)).0)
        }
    }
}

pub(super) fn tracked_average<C: CheckpointStrategy>(
    x: Tracked<C>,
    window: Window,
    divisor: Divisor,
) -> Tracked<C> {
    let pool = Pool::Average(window, divisor);
    tracked::<C>(x, pool, |x| typed!(x, E => average::<E>(x, window, divisor)))
}

pub(super) fn tracked_mean<C: CheckpointStrategy>(x: Tracked<C>) -> Tracked<C> {
    tracked::<C>(x, Pool::Mean, |x| typed!(x, E => mean::<E>(x)))
}

fn tracked<C: CheckpointStrategy>(
    x: Tracked<C>,
    pool: Pool,
    run: impl FnOnce(FlexTensor) -> FlexTensor,
) -> Tracked<C> {
    let (x, node) = x.into_parts();
    let input = extent(&x);
    match Pooled.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let y = run(x);
            prep.finish((input, pool, Like::of(&y)), y)
        }
        OpsKind::UnTracked(prep) => prep.finish(run(x)),
    }
}
