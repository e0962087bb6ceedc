//! What goes into a network and through it, as far as an engine must know: devices, graphs, rows.

use std::fmt::Debug;

use burn::{prelude::*, tensor::TensorData};
use rekindle_kernels::items_at_once;

/// A batch of inputs.
pub trait Input: Clone + Debug + Send + 'static {
    /// The device it is on.
    fn device(&self) -> Device;

    /// Its values without a graph, on the plain device. It must be on a device with autodiff.
    fn inner(self) -> Self;

    /// The same values as a constant, on the device with autodiff.
    fn tracked(self) -> Self;

    /// The batch in parts that go forward through a network one after the other in less time than all at once, where there are
    /// such: what becomes of an item does not depend on what it is in a batch with.
    fn in_parts(self) -> Vec<Self> {
        vec![self]
    }

    /// Runs `compute` on the plain device, whatever device this is on, and brings the result back.
    fn without_graph<Y: Input>(self, compute: impl FnOnce(Self) -> Y) -> Y {
        if self.device().is_autodiff() { compute(self.inner()).tracked() } else { compute(self) }
    }
}

/// What passes between the stages of a network, and can be kept: each item of the batch is a row of numbers.
pub trait Flow: Input {
    /// Tensors that an item consists of, at the network's input.
    const TENSORS: usize;

    /// Whether all items have the same shapes; what does not, as texts of different lengths, is kept once it is an embedding.
    const SAME_SHAPES: bool = true;

    /// The shape of each tensor of an item, without the batch.
    fn shapes(&self) -> Vec<Vec<usize>>;

    /// The numbers of all items, item by item: those of its first tensor, then those of the next.
    fn into_rows(self) -> Vec<f32>;

    /// The batch whose rows and shapes these are.
    ///
    /// # Panics
    ///
    /// If they are not of such a flow.
    fn from_rows(rows: Vec<f32>, shapes: &[Vec<usize>], device: &Device) -> Self;
}

impl<const D: usize> Input for Tensor<D> {
    fn device(&self) -> Device {
        Tensor::device(self)
    }

    fn inner(self) -> Self {
        Tensor::inner(self)
    }

    fn tracked(self) -> Self {
        Tensor::from_inner(self)
    }

    /// Of pictures as many as a cache holds the maps of.
    fn in_parts(self) -> Vec<Self> {
        let items = self.dims()[0];
        let parts = items.div_ceil(items_at_once(&self)).max(1);
        // As equal as can be: two parts of three in place of four and two.
        let first = |part: usize| part * items / parts;
        let part = |part| self.clone().narrow(0, first(part), first(part + 1) - first(part));
        if parts == 1 { vec![self] } else { (0..parts).map(part).collect() }
    }
}

impl<const D: usize> Flow for Tensor<D> {
    const TENSORS: usize = 1;

    fn shapes(&self) -> Vec<Vec<usize>> {
        vec![self.dims()[1..].to_vec()]
    }

    fn into_rows(self) -> Vec<f32> {
        self.into_data().iter::<f32>().collect()
    }

    fn from_rows(rows: Vec<f32>, shapes: &[Vec<usize>], device: &Device) -> Self {
        assert!(
            shapes.len() == 1 && shapes[0].len() + 1 == D,
            "{shapes:?} for a tensor of {D} axes"
        );
        let width = shapes[0].iter().product::<usize>().max(1);
        let shape: Vec<usize> =
            std::iter::once(rows.len() / width).chain(shapes[0].iter().copied()).collect();
        Self::from_data(TensorData::new(rows, shape), device)
    }
}

impl<A: Input, B: Input> Input for (A, B) {
    fn device(&self) -> Device {
        self.0.device()
    }

    fn inner(self) -> Self {
        (self.0.inner(), self.1.inner())
    }

    fn tracked(self) -> Self {
        (self.0.tracked(), self.1.tracked())
    }
}

/// One input for each part of a network of several.
impl<A: Input> Input for Vec<A> {
    fn device(&self) -> Device {
        self.first().map(A::device).unwrap_or_default()
    }

    fn inner(self) -> Self {
        self.into_iter().map(A::inner).collect()
    }

    fn tracked(self) -> Self {
        self.into_iter().map(A::tracked).collect()
    }
}

/// The rows of two batches side by side, each `left` and `right` numbers wide.
pub(crate) fn side_by_side(left: &[f32], right: &[f32], items: usize) -> Vec<f32> {
    let widths = [left, right].map(|rows| rows.len() / items.max(1));
    let rows = left.chunks_exact(widths[0].max(1)).zip(right.chunks_exact(widths[1].max(1)));
    rows.flat_map(|(left, right)| left.iter().chain(right).copied()).collect()
}

/// The numbers of one tensor or another of each row, where the first are `left` of `width` numbers.
pub(crate) fn apart(rows: &[f32], left: usize, width: usize) -> [Vec<f32>; 2] {
    let part = |range: std::ops::Range<usize>| {
        rows.chunks_exact(width).flat_map(|row| row[range.clone()].iter().copied()).collect()
    };
    [part(0..left), part(left..width)]
}
