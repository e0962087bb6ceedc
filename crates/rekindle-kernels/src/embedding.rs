//! Rows of a table on any backend.

use burn::{backend::Dispatch, prelude::*, tensor::module};

use crate::{cpu::count, ops::Kernels, ours::is_ours};

/// The rows of a table `[rows, channels]` by their numbers: `[batch, length]` to `[batch, length, channels]`.
///
/// # Panics
///
/// If a number is below zero or beyond the table.
pub fn embedding(table: Tensor<2>, ids: Tensor<2, Int>) -> Tensor<3> {
    let [batch, length] = ids.dims();
    let [_, channels] = table.dims();
    let on_flex = ids.device().inner() == Device::flex();
    if !on_flex || !is_ours(&[(table.device(), table.dtype())]) {
        return module::embedding(table, ids);
    }
    count(&table.dims());
    count(&[batch, length, channels]);
    // A number below zero is beyond every table.
    let numbers = ids.into_data().iter::<i64>().map(|id| id as usize).collect();
    let rows = <Dispatch as Kernels>::embedding(table.into_dispatch(), numbers);
    Tensor::<2>::from_dispatch(rows).reshape([batch, length, channels])
}

/// Rows of each item by their places, `[batch, rows, channels]` to `[batch, places, channels]`; one beyond the last is zeros.
///
/// # Panics
///
/// If a place is further beyond.
pub fn take_rows(x: Tensor<3>, places: &[usize]) -> Tensor<3> {
    let [batch, rows, channels] = x.dims();
    count(&[batch, places.len(), channels]);
    let options = (&x.device(), x.dtype());
    let filled = places.contains(&rows);
    if is_ours(&[(x.device(), x.dtype())]) {
        // All items are one table, with a row of zeros behind it.
        let zeros = || Tensor::zeros([1, channels], options);
        let table = x.clone().reshape([batch * rows, channels]);
        let table = if filled { Tensor::cat(vec![table, zeros()], 0) } else { table };
        let place = |item: usize, place: usize| {
            if place == rows { batch * rows } else { item * rows + place }
        };
        let ids = (0..batch).flat_map(|item| places.iter().map(move |&at| place(item, at)));
        let ids = ids.collect();
        let taken = <Dispatch as Kernels>::embedding(table.into_dispatch(), ids);
        return Tensor::<2>::from_dispatch(taken).reshape([batch, places.len(), channels]);
    }
    let places: Vec<i64> = places.iter().map(|&place| place as i64).collect();
    let places = Tensor::<1, Int>::from_data(places.as_slice(), options.0);
    let zeros = || Tensor::zeros([batch, 1, channels], options);
    let x = if filled { Tensor::cat(vec![x.clone(), zeros()], 1) } else { x };
    x.select(1, places)
}
