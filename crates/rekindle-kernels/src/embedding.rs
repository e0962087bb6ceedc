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
