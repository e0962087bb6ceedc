//! Flex's tensors as slices and back.

use std::borrow::Cow;

use burn::tensor::{Element, Shape};
use burn_flex::{FlexTensor, Layout};

use crate::{
    cpu::{Extent, Real, Shared},
    memory::Buffer,
};

/// A [`Real`] as Burn knows it.
pub(crate) trait FlexReal: Real + Element + bytemuck::Pod {}

impl FlexReal for f32 {}
impl FlexReal for f64 {}

/// A tensor whose numbers lie in a row.
pub(crate) fn contiguous<E: FlexReal>(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() {
        return tensor;
    }
    let shape = tensor.layout().shape().to_vec();
    let Ok([a, b, c, d]) = <[usize; 4]>::try_from(shape) else { return tensor.to_contiguous() };
    // Burn's own copy of a permuted picture runs on one thread.
    let strides = tensor.layout().strides().to_vec();
    let source = tensor.storage::<E>();
    let start = tensor.layout().start_offset() as isize;
    let mut out = Buffer::<E>::any(a * b * c * d);
    let target = Shared::new(&mut out);
    crate::cpu::parts(a * b, 8, |first, end| {
        for row in first..end {
            let (i, j) = (row / b, row % b);
            let from = start + i as isize * strides[0] + j as isize * strides[1];
            // SAFETY: each row is written by one task.
            let target =
                unsafe { std::slice::from_raw_parts_mut(target.get().add(row * c * d), c * d) };
            // The inner axis of the source goes outside: its stride is the longer one.
            for l in 0..d {
                let from = from + l as isize * strides[3];
                for k in 0..c {
                    target[k * d + l] = source[(from + k as isize * strides[2]) as usize];
                }
            }
        }
    });
    tensor_of(out, [a, b, c, d])
}

/// The shape of a map.
pub(crate) fn extent(tensor: &FlexTensor) -> Extent {
    Extent::new(<[usize; 4]>::try_from(tensor.layout().shape().to_vec()).unwrap_or_default())
}

/// The numbers of a contiguous tensor.
pub(crate) fn slice<E: FlexReal>(tensor: &FlexTensor) -> &[E] {
    let Some(numbers) = tensor.as_slice::<E>() else {
        panic!(
            "a tensor of {:?} that is not contiguous, or not of {:?}",
            tensor.dtype(),
            E::dtype()
        )
    };
    numbers
}

/// A small tensor's numbers, in a row.
pub(crate) fn numbers<E: FlexReal>(tensor: &FlexTensor) -> Cow<'_, [E]> {
    match tensor.as_slice::<E>() {
        Some(slice) => Cow::Borrowed(slice),
        None => Cow::Owned(slice::<E>(&tensor.to_contiguous()).to_vec()),
    }
}

/// A contiguous tensor of this shape.
pub(crate) fn tensor_of<E: FlexReal, const D: usize>(
    buffer: Buffer<E>,
    shape: [usize; D],
) -> FlexTensor {
    tensor_in(buffer, Shape::from(shape))
}

/// A contiguous tensor of this shape.
pub(crate) fn tensor_in<E: FlexReal>(buffer: Buffer<E>, shape: Shape) -> FlexTensor {
    debug_assert_eq!(buffer.len(), shape.num_elements());
    FlexTensor::new(buffer.into_bytes(), Layout::contiguous(shape), E::dtype())
}

/// Maps a tensor to one of the same shape, in place where nobody else holds it: `run` is given where to
/// read and where to write, which may be the same.
pub(crate) fn map_in_place<E: FlexReal>(
    tensor: FlexTensor,
    run: impl FnOnce(Shared<E>, Shared<E>),
) -> FlexTensor {
    let mut tensor = contiguous::<E>(tensor);
    let len = tensor.layout().num_elements();
    if let Some((start, end)) = tensor.layout().contiguous_offsets()
        && let Some(numbers) = tensor.try_storage_mut::<E>()
    {
        let numbers = Shared::new(&mut numbers[start..end]);
        run(numbers, numbers);
        return tensor;
    }
    let mut out = Buffer::<E>::any(len);
    run(Shared::read(slice::<E>(&tensor)), Shared::new(&mut out));
    tensor_in(out, tensor.layout().shape().clone())
}
