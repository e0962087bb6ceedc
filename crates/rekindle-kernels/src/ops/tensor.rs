//! Flex's tensors as slices and back.
//!
//! Whoever asks for a tensor's numbers has its shape counted: see [`count`]. A shape without numbers may have a product
//! that wraps, and so may one that shows few numbers as many.

use std::borrow::Cow;

use burn::tensor::{DType, Element, Shape};
use burn_flex::{FlexTensor, Layout};

use crate::{
    cpu::{Extent, Pixels, Real, Shared, Written, count},
    memory::Buffer,
};

/// A [`Real`] as Burn knows it.
pub(crate) trait FlexReal: Real + Element + bytemuck::Pod {}

impl FlexReal for f32 {}
impl FlexReal for f64 {}

/// A tensor whose numbers lie in a row.
pub(crate) fn contiguous<E: FlexReal>(tensor: FlexTensor) -> FlexTensor {
    let shape = tensor.layout().shape().to_vec();
    let len = count(&shape);
    if tensor.is_contiguous() {
        return tensor;
    }
    let Ok([a, b, c, d]) = <[usize; 4]>::try_from(shape) else { return tensor.to_contiguous() };
    // Burn's own copy of a permuted picture runs on one thread.
    let strides = tensor.layout().strides().to_vec();
    let source = tensor.storage::<E>();
    let start = tensor.layout().start_offset() as isize;
    let mut out = Buffer::<E>::any(len);
    let target = Shared::new(&mut out);
    crate::cpu::parts(a * b, 8, |first, end| {
        for row in first..end {
            let (i, j) = (row / b, row % b);
            let from = start + i as isize * strides[0] + j as isize * strides[1];
            // SAFETY: each row is written by one task, and lies within the copy: the shape's products do not wrap.
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

/// Numbers from one pixel of a map to the next, where the numbers of each lie side by side and pixels at even distances.
fn pixel_stride(tensor: &FlexTensor) -> Option<usize> {
    let [batch, height, width, channels] = extent(tensor).dims();
    let strides = tensor.layout().strides();
    let [rows, row, stride, 1] = *strides else { return None };
    let across = usize::try_from(stride).ok()?;
    let wanted = [height.checked_mul(width)?.checked_mul(across)?, width.checked_mul(across)?];
    let fits = [(rows, batch), (row, height)].into_iter().zip(wanted);
    let even =
        fits.into_iter().all(|((found, count), wanted)| count <= 1 || found == wanted as isize);
    (even && across >= channels).then_some(across)
}

/// Whether [`pixels`] has what it needs.
pub(crate) fn has_pixels(tensor: &FlexTensor) -> bool {
    pixel_stride(tensor).is_some()
}

/// The pixels of a map, which may lie between those of another.
pub(crate) fn pixels<E: FlexReal>(tensor: &FlexTensor) -> Pixels<'_, E> {
    match pixel_stride(tensor) {
        Some(stride) => {
            Pixels::new(&tensor.storage::<E>()[tensor.layout().start_offset()..], stride)
        }
        None => Pixels::new(slice::<E>(tensor), extent(tensor).channels),
    }
}

/// The numbers of a contiguous tensor.
pub(crate) fn slice<E: FlexReal>(tensor: &FlexTensor) -> &[E] {
    count(tensor.layout().shape());
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
    count(tensor.layout().shape());
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
    assert_eq!(buffer.len(), count(&shape), "as many numbers as a tensor of {shape:?} has");
    FlexTensor::new(buffer.into_bytes(), Layout::contiguous(shape), E::dtype())
}

/// Maps a tensor to one of the same shape, in place where nobody else holds it.
pub(crate) fn map_in_place<E: FlexReal>(
    tensor: FlexTensor,
    run: impl FnOnce(Written<'_, E>),
) -> FlexTensor {
    let mut tensor = contiguous::<E>(tensor);
    if let Some((start, end)) = tensor.layout().contiguous_offsets()
        && let Some(numbers) = tensor.try_storage_mut::<E>()
    {
        run(Written::Over(&mut numbers[start..end]));
        return tensor;
    }
    let from = slice::<E>(&tensor);
    let mut out = Buffer::<E>::any(from.len());
    run(Written::To { from, to: &mut out });
    tensor_in(out, tensor.layout().shape().clone())
}

/// A tensor that nobody else holds, with nothing but its numbers in memory.
pub(crate) fn own<E: FlexReal>(tensor: FlexTensor) -> FlexTensor {
    let whole = tensor.layout().num_elements() == tensor.storage::<E>().len();
    if tensor.is_unique() && whole && tensor.is_contiguous() {
        return tensor;
    }
    let shape = tensor.layout().shape().clone();
    let tensor = tensor.to_contiguous();
    tensor_in(Buffer::copy(slice::<E>(&tensor)), shape)
}

/// What the gradient of a tensor is to be like. It comes from another operation, which may be anybody's.
#[derive(Debug, Clone)]
pub(crate) struct Like {
    shape: Shape,
    dtype: DType,
}

impl Like {
    /// The gradient of this tensor.
    pub(crate) fn of(tensor: &FlexTensor) -> Self {
        Self { shape: tensor.layout().shape().clone(), dtype: tensor.dtype() }
    }

    /// The gradient, looked at.
    ///
    /// # Panics
    ///
    /// If it is of another shape, or of other numbers.
    pub(crate) fn check(&self, gradient: FlexTensor) -> FlexTensor {
        let found = (gradient.layout().shape(), gradient.dtype());
        let expected = (&self.shape, self.dtype);
        assert_eq!(found, expected, "a gradient of another shape or type than what it is of");
        gradient
    }
}
