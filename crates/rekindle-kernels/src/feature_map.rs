//! What flows through a network.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use burn::{prelude::*, tensor::DType};

use crate::cpu::count;

/// A feature map `[batch, channels, height, width]`, in the order of memory that its backend computes in.
///
/// On Flex, in `f32` and `f64`, the channels of a pixel lie side by side; elsewhere a map is the tensor it
/// was made of. Going in and out costs nothing where the order is right already: the tensor that comes out
/// is a view.
#[derive(Debug, Clone)]
pub struct FeatureMap {
    tensor: Tensor<4>,
    order: Order,
    known: Known,
}

/// Whether a map has got a gradient from a convolution of ours, so that another can add its own while it writes:
/// to add two maps afterwards takes as long as the smaller convolutions.
///
/// A map's tensor is what an operation made, never a leaf, and Burn follows no graph back twice: so what was
/// taken out of the gradients is not lost, and none is there from another time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known(Arc<AtomicBool>);

impl Known {
    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Which axis of a map's tensor is what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// `[batch, height, width, channels]`: our kernels.
    ChannelsLast,
    /// `[batch, channels, height, width]`: Burn's operations.
    ChannelsFirst,
}

impl Order {
    /// The axis of channels.
    pub(crate) fn channels(self) -> usize {
        match self {
            Self::ChannelsLast => 3,
            Self::ChannelsFirst => 1,
        }
    }
}

impl FeatureMap {
    /// From `[batch, channels, height, width]`.
    pub fn new(x: Tensor<4>) -> Self {
        let ours =
            matches!(x.dtype(), DType::F32 | DType::F64) && x.device().inner() == Device::flex();
        if ours { Self::last(x.permute([0, 2, 3, 1])) } else { Self::first(x) }
    }

    /// `[batch, channels, height, width]`
    pub fn into_tensor(self) -> Tensor<4> {
        match self.order {
            Order::ChannelsLast => self.tensor.permute([0, 3, 1, 2]),
            Order::ChannelsFirst => self.tensor,
        }
    }

    /// `[batch, channels, height, width]`
    pub fn dims(&self) -> [usize; 4] {
        let dims = self.tensor.dims();
        match (self.order, dims) {
            (Order::ChannelsLast, [batch, height, width, channels]) => {
                [batch, channels, height, width]
            }
            (Order::ChannelsFirst, _) => dims,
        }
    }

    /// Where it is.
    pub fn device(&self) -> Device {
        self.tensor.device()
    }

    /// What its numbers are.
    pub fn dtype(&self) -> DType {
        self.tensor.dtype()
    }

    /// The map between channels of zeros, `before` and `after`.
    ///
    /// # Panics
    ///
    /// If that is a map of more numbers than any machine holds.
    pub fn pad_channels(self, before: usize, after: usize) -> Self {
        let axis = self.order.channels();
        self.pad(axis, before, after)
    }

    /// The map in a frame of zeros, so many pixels wide.
    ///
    /// # Panics
    ///
    /// If that is a map of more numbers than any machine holds.
    pub fn pad_pixels(self, frame: usize) -> Self {
        let first = match self.order {
            Order::ChannelsLast => 1,
            Order::ChannelsFirst => 2,
        };
        self.pad(first, frame, frame).pad(first + 1, frame, frame)
    }

    /// The channels of all maps, one map behind the other.
    ///
    /// # Panics
    ///
    /// If there are no maps, or if they differ in more than their channels.
    pub fn concat(maps: Vec<Self>) -> Self {
        let Some(first) = maps.first() else { panic!("the channels of no maps") };
        let (order, axis) = (first.order, first.order.channels());
        let maps = maps.into_iter().map(|map| map.ordered(order)).collect();
        Self::of(Tensor::cat(maps, axis), order)
    }

    /// Zeros before and after an axis of the tensor.
    fn pad(self, axis: usize, before: usize, after: usize) -> Self {
        let Self { tensor, order, .. } = self;
        let mut padded = tensor.dims();
        let zeros = before.checked_add(after).and_then(|zeros| zeros.checked_add(padded[axis]));
        padded[axis] = zeros.unwrap_or(usize::MAX);
        count(&padded);
        let zeros = |extent: usize| {
            let mut shape = tensor.dims();
            shape[axis] = extent;
            Tensor::zeros(shape, (&tensor.device(), tensor.dtype()))
        };
        let tensor = Tensor::cat(vec![zeros(before), tensor.clone(), zeros(after)], axis);
        Self::of(tensor, order)
    }

    /// A tensor in the order of our kernels.
    pub(crate) fn last(tensor: Tensor<4>) -> Self {
        Self::of(tensor, Order::ChannelsLast)
    }

    /// What is known of its gradient.
    pub(crate) fn known(&self) -> Known {
        self.known.clone()
    }

    /// A tensor in Burn's order.
    pub(crate) fn first(tensor: Tensor<4>) -> Self {
        Self::of(tensor, Order::ChannelsFirst)
    }

    pub(crate) fn order(&self) -> Order {
        self.order
    }

    /// A tensor whose axes are in this order.
    pub(crate) fn of(tensor: Tensor<4>, order: Order) -> Self {
        Self { tensor, order, known: Known::default() }
    }

    /// The tensor as it is.
    pub(crate) fn into_inner(self) -> Tensor<4> {
        self.tensor
    }

    /// The same map in another's order.
    pub(crate) fn ordered(self, order: Order) -> Tensor<4> {
        match (self.order, order) {
            (Order::ChannelsFirst, Order::ChannelsLast) => self.tensor.permute([0, 2, 3, 1]),
            (_, Order::ChannelsFirst) => self.into_tensor(),
            _ => self.tensor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_the_tensor_it_was_made_of() {
        let device = Device::flex();
        let x = Tensor::<1, Int>::arange(0..120, &device).float().reshape([2, 3, 4, 5]);
        let map = FeatureMap::new(x.clone());
        assert_eq!((map.order(), map.dims()), (Order::ChannelsLast, [2, 3, 4, 5]));
        map.into_tensor().into_data().assert_eq(&x.clone().into_data(), true);
        let padded = FeatureMap::new(x.clone()).pad_channels(1, 2);
        assert_eq!(padded.dims(), [2, 6, 4, 5]);
        let inside = padded.into_tensor().slice([0..2, 1..4]);
        inside.into_data().assert_eq(&x.clone().into_data(), true);
        let half = FeatureMap::new(x.clone().cast(DType::F16));
        assert_eq!((half.order(), half.dims()), (Order::ChannelsFirst, [2, 3, 4, 5]));
    }
}
