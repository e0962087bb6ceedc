//! Where the elements of a tensor are, once everything that a pickle says about them is checked.

use super::value::{RawTensor, Storage};
use super::{Extent, Problem};
use crate::TensorInfo;
use crate::file::Location;
use crate::file::safetensors::checked_bytes;
use crate::file::strided::Axes;

/// A tensor may always be this large, in bytes, even in a file that is smaller.
const MIN_TENSOR_LIMIT: u64 = 1 << 20;

/// Places a tensor in a file of `length` bytes.
pub(super) fn place(
    name: &str,
    tensor: &RawTensor,
    storage: &Storage,
    extent: &Extent,
    length: u64,
) -> Result<(TensorInfo, Location), Problem> {
    let damaged = |what: &str| Problem::Damaged(format!("tensor {name} {what}"));
    if storage.bytes() != Some(extent.bytes) {
        return Err(damaged("has a storage of another size than the pickle says"));
    }
    if tensor.shape.len() != tensor.stride.len() {
        return Err(damaged("has more extents than strides, or fewer"));
    }
    let info = TensorInfo { dtype: tensor.dtype, shape: tensor.shape.clone() };
    let bytes = checked_bytes(info.dtype, &info.shape)
        .ok_or_else(|| damaged("is too large for this machine to address"))?;
    if bytes > length.max(MIN_TENSOR_LIMIT) {
        let reason = format!(
            "tensor {name} would take {bytes} bytes of memory, while the whole file has {length}"
        );
        return Err(Problem::Refused(reason));
    }

    let element = info.dtype.bytes() as u64;
    let reach = match storage.dtype {
        Some(_) => storage.view.end,
        None => extent.bytes / element,
    };
    let first = storage.view.start.checked_add(tensor.offset);
    let axes = Axes::new(&tensor.shape, &tensor.stride);
    let end = first.and_then(|first| first.checked_add(axes.as_ref()?.span()?));
    let (Some(first), Some(axes), true) = (first, axes, end.is_some_and(|end| end <= reach)) else {
        return Err(damaged("reaches past its storage"));
    };
    let offset = extent.offset + first * element;
    if axes.is_contiguous() {
        let checksum = extent.checksum.filter(|_| bytes == extent.bytes);
        return Ok((info, Location::Range { file: 0, offset, checksum }));
    }
    if axes.overlap() {
        return Err(Problem::Refused(format!("elements of tensor {name} overlap in its storage")));
    }
    Ok((info, Location::Strided { file: 0, offset, axes }))
}
