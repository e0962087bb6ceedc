//! A linear layer on Flex, without a graph.

use burn_flex::FlexTensor;

use super::tensor::{numbers, tensor_of};
use crate::{
    cpu::{Convolution, Direction, Extent, Isa, Packed, Post, Window, dense, norm::Measure},
    memory::Buffer,
    packed_weights::PackedWeights,
    profile::measure,
};

/// Rows `[batch, in]` times weights `[in, out]`, plus the bias `[out]`: a convolution over pictures of one pixel.
pub(super) fn plain(
    x: FlexTensor,
    weight: &FlexTensor,
    bias: &FlexTensor,
    packed: &PackedWeights,
) -> FlexTensor {
    // Of the shapes, not of the lengths: a layer of no inputs has a batch all the same.
    let [batch, channels] = x.layout().shape().dims();
    let [outputs] = bias.layout().shape().dims();
    let input = Extent::new([batch, 1, 1, channels]);
    let convolution = Convolution::new(input, outputs, 1, Window::square(1, 1, 0));
    let (x, bias) = (numbers::<f32>(&x), numbers::<f32>(bias));
    let isa = Isa::best();
    let packed = packed.get(isa, &convolution, weight, || {
        let weights = numbers::<f32>(weight);
        let mut turned = Buffer::<f32>::any(weights.len());
        for (output, turned) in turned.chunks_mut(channels.max(1)).enumerate() {
            let column = weights[output..].iter().step_by(outputs);
            turned.iter_mut().zip(column).for_each(|(to, &from)| *to = from);
        }
        Packed::new(isa, &convolution, Direction::Forward, &turned, None)
    });
    let mut y = Buffer::<f32>::any(convolution.output().len());
    let post = Post { shift: Some(&bias), ..Post::default() };
    measure(
        "linear",
        || super::costs::cost::<f32>(&convolution),
        || dense::forward(&convolution, &x, &packed, &post, &mut y, Measure::Nothing),
    );
    tensor_of(y, [batch, outputs])
}
