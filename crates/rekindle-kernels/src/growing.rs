//! A map to whose channels others are added, one after the other: densely connected layers.

use burn::{prelude::*, tensor::s};

use crate::{
    cpu::count,
    feature_map::{FeatureMap, Order},
};

/// A map whose first channels are there, and room for the others.
///
/// Without a graph, room is taken once and written into, so that nothing is copied that is there already. With one, each
/// state is a tensor of its own, which gradients are taken of.
#[derive(Debug)]
pub struct GrowingMap {
    tensor: Tensor<4>,
    order: Order,
    filled: usize,
}

impl GrowingMap {
    /// `[batch, channels, height, width]`, with room for `channels_out` channels.
    ///
    /// # Panics
    ///
    /// If that is a map of more numbers than any machine holds, or of fewer channels than there are.
    pub fn new(x: FeatureMap, channels_out: usize) -> Self {
        let [batch, channels, height, width] = x.dims();
        assert!(channels <= channels_out, "{channels} channels in a map of {channels_out}");
        count(&[batch, channels_out, height, width]);
        let (order, tensor) = (x.order(), x.into_inner());
        // Other backends may copy all of what is written into.
        let tensor = if tensor.device().is_autodiff() || order == Order::ChannelsFirst {
            tensor
        } else {
            let mut shape = tensor.dims();
            shape[order.channels()] = channels_out;
            // Written over, so what it holds does not matter.
            let room = Tensor::empty(shape, (&tensor.device(), tensor.dtype()));
            put(room, 0, tensor)
        };
        Self { tensor, order, filled: channels }
    }

    /// The channels that are there, `[batch, channels, height, width]`. It must be gone when others are added, or all are
    /// copied.
    pub fn map(&self) -> FeatureMap {
        let axis = self.order.channels();
        let tensor = self.tensor.clone();
        let whole = tensor.dims()[axis] == self.filled;
        let tensor = if whole { tensor } else { tensor.narrow(axis, 0, self.filled) };
        FeatureMap::of(tensor, self.order)
    }

    /// The channels that are there.
    pub fn into_map(self) -> FeatureMap {
        self.map()
    }

    /// Adds `[batch, channels, height, width]` behind them.
    ///
    /// # Panics
    ///
    /// If there is no room for them, or if they are of another size.
    pub fn push(self, y: FeatureMap) -> Self {
        let Self { tensor, order, filled } = self;
        let axis = order.channels();
        let y = y.ordered(order);
        let (mut room, mut shape) = (tensor.dims(), y.dims());
        let channels = shape[axis];
        [room[axis], shape[axis]] = [0; 2];
        assert_eq!(room, shape, "channels of a map of another size");
        let tensor = if tensor.dims()[axis] == filled {
            Tensor::cat(vec![tensor, y], axis)
        } else {
            put(tensor, filled, y)
        };
        Self { tensor, order, filled: filled + channels }
    }
}

/// Writes channels, the last axis, into a tensor from `first` on.
fn put(tensor: Tensor<4>, first: usize, y: Tensor<4>) -> Tensor<4> {
    let channels = first..first + y.dims()[3];
    tensor.slice_assign(s![.., .., .., channels], y)
}
