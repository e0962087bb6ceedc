//! Which tensors our kernels compute with.

use burn::{prelude::*, tensor::DType};

/// Whether our kernels compute with all of these.
pub(crate) fn is_ours(tensors: &[(Device, DType)]) -> bool {
    let first = tensors.first().map(|(_, dtype)| *dtype);
    matches!(first, Some(DType::F32 | DType::F64))
        && tensors.iter().all(|(device, dtype)| {
            Some(*dtype) == first && device.clone().inner() == Device::flex()
        })
}
