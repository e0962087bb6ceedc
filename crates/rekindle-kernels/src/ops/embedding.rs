//! Rows of a table by their numbers on Flex, and the gradient of the table.

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
    sequence::in_a_row,
    tensor::{FlexReal, slice, tensor_of},
    typed,
};
use crate::{
    cpu::{Extent, Shared, parts},
    memory::Buffer,
    profile::measure,
};

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

/// Rows that a task copies.
const ROWS: usize = 64;
/// Numbers that a task clears.
const CLEARED: usize = 1 << 18;

fn dims(table: &FlexTensor) -> [usize; 2] {
    <[usize; 2]>::try_from(table.layout().shape().to_vec()).unwrap_or_default()
}

fn chosen<E: FlexReal>(table: &FlexTensor, ids: &[usize]) -> FlexTensor {
    let [rows, channels] = dims(table);
    assert!(ids.iter().all(|id| *id < rows), "a number of a row beyond the table of {rows}");
    let table = slice::<E>(table);
    let mut out = Buffer::<E>::any(ids.len() * channels);
    let target = Shared::new(&mut out);
    measure(
        "embedding",
        || pass::<E>(Extent::new([1, 1, ids.len(), channels]), 2),
        || {
            parts(ids.len(), ROWS, |start, end| {
                for (at, id) in ids.iter().enumerate().take(end).skip(start) {
                    // SAFETY: a row is written by one task, and there is room for as many as there are numbers.
                    let row = unsafe {
                        std::slice::from_raw_parts_mut(target.get().add(at * channels), channels)
                    };
                    row.copy_from_slice(&table[id * channels..][..channels]);
                }
            });
        },
    );
    tensor_of(out, [ids.len(), channels])
}

pub(super) fn plain(table: FlexTensor, ids: &[usize]) -> FlexTensor {
    let table = in_a_row(table);
    typed!(table, E => chosen::<E>(&table, ids))
}

pub(super) fn tracked<C: CheckpointStrategy>(table: Tracked<C>, ids: Vec<usize>) -> Tracked<C> {
    let (table, node) = table.into_parts();
    let table = in_a_row(table);
    let y = typed!(table, E => chosen::<E>(&table, &ids));
    match Choose.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish((ids, dims(&table)), y),
        OpsKind::UnTracked(prep) => prep.finish(y),
    }
}

#[derive(Debug)]
struct Choose;

impl Backward<Flex, 1> for Choose {
    type State = (Vec<usize>, [usize; 2]);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = in_a_row(grads.consume::<Flex>(&ops.node));
        let (ids, table) = ops.state;
        let [parent] = ops.parents;
        if let Some(parent) = parent {
            let found = typed!(dy, E => added::<E>(&dy, &ids, table));
            grads.register::<Flex>(parent.id, found);
        }
    }
}

/// The table's gradient: to each row the gradients of where it was taken to, in their order.
fn added<E: FlexReal>(dy: &FlexTensor, ids: &[usize], [rows, channels]: [usize; 2]) -> FlexTensor {
    let dy = slice::<E>(dy);
    assert_eq!(dy.len(), ids.len() * channels, "a gradient of another shape");
    let mut table = Buffer::<E>::any(rows * channels);
    measure(
        "embedding back",
        || pass::<E>(Extent::new([1, 1, rows, channels]), 1),
        || {
            if let Some(places) = places(ids, rows) {
                return moved(dy, &places, channels, &mut table);
            }
            let target = Shared::new(&mut table);
            parts(rows * channels, CLEARED, |start, end| {
                // SAFETY: each part of the table is cleared by one task.
                unsafe { std::slice::from_raw_parts_mut(target.get().add(start), end - start) }
                    .fill(E::ZERO);
            });
            for (at, id) in ids.iter().enumerate() {
                let row = &mut table[id * channels..][..channels];
                let dy = &dy[at * channels..][..channels];
                row.iter_mut().zip(dy).for_each(|(row, dy)| *row = *row + *dy);
            }
        },
    );
    tensor_of(table, [rows, channels])
}

/// A row that was taken nowhere.
const NOWHERE: usize = usize::MAX;

/// Where each row of a table was taken to, if none was taken twice.
fn places(ids: &[usize], rows: usize) -> Option<Vec<usize>> {
    if ids.len() > rows {
        return None;
    }
    let mut places = vec![NOWHERE; rows];
    let mut ids = ids.iter().enumerate();
    ids.all(|(at, id)| std::mem::replace(&mut places[*id], at) == NOWHERE).then_some(places)
}

/// The gradient of a table of which no row was taken twice: nothing is added up, so all threads write at once.
fn moved<E: FlexReal>(dy: &[E], places: &[usize], channels: usize, table: &mut [E]) {
    let target = Shared::new(table);
    parts(places.len(), ROWS, |start, end| {
        for (row, &place) in places.iter().enumerate().take(end).skip(start) {
            // SAFETY: a row is written by one task, and the table has as many rows as there are places.
            let row = unsafe {
                std::slice::from_raw_parts_mut(target.get().add(row * channels), channels)
            };
            match place {
                NOWHERE => row.fill(E::ZERO),
                _ => row.copy_from_slice(&dy[place * channels..][..channels]),
            }
        }
    });
}
