//! Hundreds of random shapes: values and all gradients of our kernels beside Burn's own operations in
//! double precision.
//!
//! In `f64` the kernels are the same code, so they prove every index and every formula to nine digits; in
//! `f32` they prove the instructions to single precision. Each set of instructions that the machine has is
//! tried in a process of its own.

use burn::{
    backend::{
        Autodiff, Flex,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::NoCheckpointing},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
    },
    prelude::*,
    tensor::{
        DType, TensorData,
        module::{avg_pool2d, batch_norm, batch_norm_train, conv2d, max_pool2d},
        ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions},
    },
};
use burn_flex::FlexTensor;
use rekindle_kernels::{
    Activation, Convolve, Divisor, FeatureMap, GroupNorm, GrowingMap, Isa, Norm, PackedWeights,
    SqueezeExcite, Update, Window, add, add_scaled, average_pool, convolve, global_mean,
    group_norm, linear, max_pool, normalize, response_norm, squeeze_excite, update,
};

mod support;

use support::{Random, apart, leaf};

impl Random {
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.range(0, from.len() - 1)]
    }
}

const ACTIVATIONS: [Activation; 10] = [
    Activation::Identity,
    Activation::Relu,
    Activation::Relu6,
    Activation::Silu,
    Activation::HardSwish,
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::QuickGelu,
    Activation::Sigmoid,
    Activation::HardSigmoid,
];

/// Smooth ones: where there is a corner, rounding decides on which side of it a number lies.
fn is_smooth(activation: Activation) -> bool {
    use Activation::{Gelu, GeluTanh, Identity, QuickGelu, Sigmoid, Silu};
    matches!(activation, Identity | Silu | Gelu | GeluTanh | QuickGelu | Sigmoid)
}

/// How far gradients in double precision may differ: Burn's of `x / 6` multiplies by a sixth in single
/// precision.
fn gradient_tolerance(activation: Activation) -> f64 {
    match activation {
        Activation::HardSwish | Activation::HardSigmoid => 2e-7,
        _ => 1e-8,
    }
}

/// The largest difference, relative to the largest number.
fn error(found: TensorData, expected: TensorData) -> f64 {
    assert_eq!(found.shape(), expected.shape());
    let [found, expected] = [found, expected].map(|of| of.iter::<f64>().collect::<Vec<_>>());
    apart(&found, &expected)
}

/// Compares values, and gradients of a sum that gives each number a weight of its own.
fn compare<const D: usize>(
    what: &str,
    random: &mut Random,
    [found, expected]: [(Tensor<D>, Vec<Leaf>); 2],
    tolerance: [f64; 2],
) {
    let (found, found_leaves) = found;
    let (expected, expected_leaves) = expected;
    let e = error(found.to_data(), expected.to_data());
    assert!(e < tolerance[0], "{what}: values differ by {e:.1e}");
    let weights = random.tensor(expected.dims(), -1.0, 1.0);
    let gradients = |y: Tensor<D>, leaves: Vec<Leaf>| {
        let weights = Tensor::<D>::from_data(weights.clone(), &Device::flex()).cast(y.dtype());
        let gradients = (y * Tensor::from_inner(weights)).sum().backward();
        leaves.into_iter().map(|leaf| leaf.gradient(&gradients)).collect::<Vec<_>>()
    };
    let found = gradients(found, found_leaves);
    let expected = gradients(expected, expected_leaves);
    for (index, (found, expected)) in found.into_iter().zip(expected).enumerate() {
        let (Some(found), Some(expected)) = (found, expected) else {
            panic!("{what}: no gradient of operand {index}")
        };
        let e = error(found, expected);
        assert!(e < tolerance[1], "{what}: gradients of operand {index} differ by {e:.1e}");
    }
}

/// A tensor of any rank that gradients are taken of.
enum Leaf {
    One(Tensor<1>),
    Four(Tensor<4>),
}

impl Leaf {
    fn gradient(&self, gradients: &burn::tensor::Gradients) -> Option<TensorData> {
        match self {
            Self::One(tensor) => tensor.grad(gradients).map(|gradient| gradient.into_data()),
            Self::Four(tensor) => tensor.grad(gradients).map(|gradient| gradient.into_data()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum NormKind {
    None,
    Running,
    Batch,
}

/// A convolution and what follows it, drawn at random.
#[derive(Debug)]
struct Case {
    shape: [usize; 4],
    out: usize,
    groups: usize,
    window: Window,
    bias: bool,
    norm: NormKind,
    shortcut: bool,
    activation: Activation,
}

impl Case {
    fn draw(random: &mut Random) -> Self {
        let groups = random.pick(&[1, 1, 1, 2, 3, 8]);
        let depthwise = random.range(0, 3) == 0;
        let (channels, out, groups) = match depthwise {
            true => {
                let channels = random.pick(&[2, 8, 17, 24, 40]);
                (channels, channels, channels)
            }
            // Many channels are packed where few are read where they lie.
            false => (
                groups * random.pick(&[1, 2, 3, 5, 8, 16, 33, 200 / groups]),
                groups * random.pick(&[1, 3, 4, 7, 16, 20, 41, 205 / groups]),
                groups,
            ),
        };
        let kernel = random.pick(&[[1, 1], [1, 1], [3, 3], [3, 3], [5, 5], [2, 3], [7, 7], [1, 4]]);
        let pick2 = |random: &mut Random, from: &[usize]| [random.pick(from), random.pick(from)];
        let window = Window {
            kernel,
            stride: pick2(random, &[1, 1, 2, 3]),
            dilation: pick2(random, &[1, 1, 1, 2]),
            before: pick2(random, &[0, 1, 2, 3]),
            after: pick2(random, &[0, 1, 2, 4]),
        };
        // Every sixth is the plainest there is, which has ways of its own.
        let window = if random.range(0, 5) == 0 { Window::square(1, 1, 0) } else { window };
        let kernel = window.kernel;
        let reach = |axis: usize| window.dilation[axis] * (kernel[axis] - 1) + 1;
        let side = |random: &mut Random, axis: usize| {
            let least = reach(axis).saturating_sub(window.before[axis] + window.after[axis]).max(1);
            random.range(least, least + 10)
        };
        let (height, width) = (side(random, 0), side(random, 1));
        // A batch of nothing but padding has no variance: what it is divided by is rounding.
        let sees = |axis: usize, size: usize| {
            let first = |at: usize| at * window.stride[axis];
            let taps =
                |at: usize| (0..kernel[axis]).map(move |k| first(at) + k * window.dilation[axis]);
            let inside = window.before[axis]..window.before[axis] + size;
            let count = window.count([height, width])[axis];
            (0..count).any(|at| taps(at).any(|at| inside.contains(&at)))
        };
        let norm = random.pick(&[NormKind::None, NormKind::Running, NormKind::Batch]);
        let norm = match norm {
            NormKind::Batch if !(sees(0, height) && sees(1, width)) => NormKind::Running,
            norm => norm,
        };
        Self {
            shape: [random.range(1, 3), channels, height, width],
            out,
            groups,
            window,
            bias: random.range(0, 1) == 0,
            norm,
            shortcut: random.range(0, 2) == 0,
            activation: random.pick(&ACTIVATIONS),
        }
    }

    /// One whose windows of 3x3 slide over a map that is cut into squares: some that the squares fit and some
    /// that they do not, with any padding.
    fn draw_squares(random: &mut Random) -> Self {
        let pick2 = |random: &mut Random| {
            [random.range(0, 2), random.range(0, 2)].map(|padding| random.pick(&[padding, 1, 3]))
        };
        let window =
            Window { before: pick2(random), after: pick2(random), ..Window::square(3, 1, 0) };
        // Outputs of 11 are too few, and 13 too far from a multiple of four, unless the other side makes up.
        let side = |random: &mut Random, axis: usize| {
            random.range(11, 20) + 2 - window.before[axis].min(2) - window.after[axis].min(2)
        };
        let (height, width) = (side(random, 0), side(random, 1));
        Self {
            shape: [random.range(1, 6), random.range(30, 70), height, width],
            out: random.range(30, 70),
            groups: 1,
            window,
            bias: random.range(0, 1) == 0,
            norm: random.pick(&[NormKind::None, NormKind::Running, NormKind::Batch]),
            shortcut: random.range(0, 2) == 0,
            activation: random.pick(&ACTIVATIONS),
        }
    }

    fn check(&self, random: &mut Random) {
        let [batch, channels, height, width] = self.shape;
        let [rows, columns] = self.window.count([height, width]);
        let [kernel_height, kernel_width] = self.window.kernel;
        let weights = [self.out, channels / self.groups, kernel_height, kernel_width];
        let bound = 2.0 / (weights[1..].iter().product::<usize>() as f32).sqrt();
        let operands = Operands {
            x: random.tensor(self.shape, -1.0, 1.5),
            weight: random.tensor(weights, -bound, bound),
            bias: self.bias.then(|| random.tensor([self.out], -1.0, 1.0)),
            gamma: random.tensor([self.out], 0.5, 1.5),
            beta: random.tensor([self.out], -1.0, 1.0),
            mean: random.tensor([self.out], -0.5, 0.5),
            variance: random.tensor([self.out], 0.5, 2.0),
            shortcut: self
                .shortcut
                .then(|| random.tensor([batch, self.out, rows, columns], -2.0, 2.0)),
        };
        let expected = || self.expected(&operands);
        let found = self.found(&operands, DType::F64);
        let tolerance = [1e-9, gradient_tolerance(self.activation)];
        compare(&format!("{self:?} in f64"), random, [found, expected()], tolerance);
        if is_smooth(self.activation) {
            // A norm of two or three values divides by what may be small.
            let few = self.norm == NormKind::Batch && batch * rows * columns < 16;
            // What only scales a channel has next to no gradient before a norm: it is rounding.
            let lone = self.norm == NormKind::Batch && weights[1..] == [1, 1, 1];
            let tolerance = if few || lone { [1e-2, 1e-1] } else { [1e-5, 1e-4] };
            let found = self.found(&operands, DType::F32);
            compare(&format!("{self:?} in f32"), random, [found, expected()], tolerance);
        }
        // Without a graph, packed anew and from the cache, the values are the same bit by bit as with one.
        let packed = PackedWeights::default();
        let once = self.plain(&operands, &packed);
        once.assert_eq(&self.plain(&operands, &packed), true);
        if self.norm != NormKind::Batch {
            let e = error(once, expected().0.into_data());
            assert!(e < 1e-5, "{self:?} without a graph: values differ by {e:.1e}");
        }
    }

    fn found(&self, operands: &Operands, dtype: DType) -> (Tensor<4>, Vec<Leaf>) {
        let (with, x, leaves) = operands.take(dtype);
        let vector = |index: usize| with.vectors[index].clone();
        let norm = match self.norm {
            NormKind::None => Norm::None,
            NormKind::Running => Norm::Running {
                gamma: vector(0),
                beta: vector(1),
                mean: vector(2).detach(),
                variance: vector(3).detach(),
                epsilon: 1e-3,
            },
            NormKind::Batch => Norm::Batch { gamma: vector(0), beta: vector(1), epsilon: 1e-3 },
        };
        let (y, statistics) = convolve(
            FeatureMap::new(x),
            Convolve {
                weight: with.weight,
                bias: with.bias,
                window: self.window,
                groups: self.groups,
                norm,
                shortcut: with.shortcut.map(FeatureMap::new),
                dropout: 0.0,
                activation: self.activation,
                packed: None,
            },
        );
        assert_eq!(statistics.is_some(), self.norm == NormKind::Batch);
        (y.into_tensor(), self.leaves(leaves))
    }

    /// The values without a graph.
    fn plain(&self, operands: &Operands, packed: &PackedWeights) -> TensorData {
        let device = Device::flex();
        let vector = |data: &TensorData| Tensor::<1>::from_data(data.clone(), &device);
        let norm = match self.norm {
            NormKind::None => Norm::None,
            _ => Norm::Running {
                gamma: vector(&operands.gamma),
                beta: vector(&operands.beta),
                mean: vector(&operands.mean),
                variance: vector(&operands.variance),
                epsilon: 1e-3,
            },
        };
        let map = |data: &TensorData| FeatureMap::new(Tensor::from_data(data.clone(), &device));
        let with = Convolve {
            weight: Tensor::from_data(operands.weight.clone(), &device),
            bias: operands.bias.as_ref().map(vector),
            window: self.window,
            groups: self.groups,
            norm,
            shortcut: operands.shortcut.as_ref().map(map),
            dropout: 0.0,
            activation: self.activation,
            packed: Some(packed),
        };
        convolve(map(&operands.x), with).0.into_tensor().into_data()
    }

    fn expected(&self, operands: &Operands) -> (Tensor<4>, Vec<Leaf>) {
        let (with, x, leaves) = operands.take(DType::F64);
        let Window { stride, dilation, before, after, .. } = self.window;
        let padding = [(before[0], after[0]), (before[1], after[1])];
        let options = ConvOptions::new_with_padding(stride, padding, dilation, self.groups);
        let y = conv2d(x, with.weight, with.bias, options);
        let [gamma, beta, mean, variance] = with.vectors;
        let y = match self.norm {
            NormKind::None => y,
            NormKind::Running => batch_norm(y, gamma, beta, mean.detach(), variance.detach(), 1e-3),
            NormKind::Batch => batch_norm_train(y, gamma, beta, 1e-3).output,
        };
        let y = match with.shortcut {
            Some(shortcut) => y + shortcut,
            None => y,
        };
        (self.activation.forward(y), self.leaves(leaves))
    }

    /// The operands that this case has gradients of.
    fn leaves(&self, mut leaves: Vec<Leaf>) -> Vec<Leaf> {
        if self.norm == NormKind::None {
            leaves.drain(2..4);
        }
        leaves
    }
}

struct Operands {
    x: TensorData,
    weight: TensorData,
    bias: Option<TensorData>,
    gamma: TensorData,
    beta: TensorData,
    mean: TensorData,
    variance: TensorData,
    shortcut: Option<TensorData>,
}

struct Taken {
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    vectors: [Tensor<1>; 4],
    shortcut: Option<Tensor<4>>,
}

impl Operands {
    fn take(&self, dtype: DType) -> (Taken, Tensor<4>, Vec<Leaf>) {
        let x = leaf::<4>(&self.x, dtype);
        let weight = leaf::<4>(&self.weight, dtype);
        let bias = self.bias.as_ref().map(|bias| leaf::<1>(bias, dtype));
        let vectors = [&self.gamma, &self.beta, &self.mean, &self.variance]
            .map(|data| leaf::<1>(data, dtype));
        let shortcut = self.shortcut.as_ref().map(|shortcut| leaf::<4>(shortcut, dtype));
        let mut leaves = vec![
            Leaf::Four(x.clone()),
            Leaf::Four(weight.clone()),
            Leaf::One(vectors[0].clone()),
            Leaf::One(vectors[1].clone()),
        ];
        leaves.extend(bias.clone().map(Leaf::One));
        leaves.extend(shortcut.clone().map(Leaf::Four));
        (Taken { weight, bias, vectors, shortcut }, x, leaves)
    }
}

#[test]
fn convolutions_and_what_follows_agree() {
    let mut random = Random(1);
    for _ in 0..400 {
        Case::draw(&mut random).check(&mut random);
    }
}

#[test]
fn convolutions_in_squares_agree() {
    let mut random = Random(5);
    for _ in 0..60 {
        Case::draw_squares(&mut random).check(&mut random);
    }
}

#[test]
fn pools_agree() {
    let mut random = Random(2);
    for _ in 0..150 {
        let kernel = [random.range(1, 4), random.range(1, 4)];
        let window = Window {
            kernel,
            stride: [random.range(1, 3), random.range(1, 3)],
            dilation: [1; 2],
            before: kernel.map(|side| random.range(0, side / 2)),
            after: kernel.map(|side| random.range(0, side / 2)),
        };
        let shape = [
            random.range(1, 3),
            random.pick(&[1, 3, 8, 19]),
            random.range(kernel[0], kernel[0] + 8),
            random.range(kernel[1], kernel[1] + 8),
        ];
        let data = random.tensor(shape, -1.0, 1.0);
        let x = || leaf::<4>(&data, DType::F64);
        let padding = [0, 1].map(|axis| (window.before[axis], window.after[axis]));
        let what = format!("{window:?} over {shape:?}");

        let (ours, burns) = (x(), x());
        let found = max_pool(FeatureMap::new(ours.clone()), window).into_tensor();
        let options = MaxPoolOptions {
            kernel_size: kernel,
            stride: window.stride,
            padding,
            dilation: [1; 2],
            ceil_mode: false,
        };
        let expected = max_pool2d(burns.clone(), options);
        let both = [(found, vec![Leaf::Four(ours)]), (expected, vec![Leaf::Four(burns)])];
        compare(&format!("maximum of {what}"), &mut random, both, [1e-12, 1e-12]);

        let (ours, burns) = (x(), x());
        let divisor = random.pick(&[Divisor::Pixels, Divisor::Positions]);
        let found = average_pool(FeatureMap::new(ours.clone()), window, divisor).into_tensor();
        let options = AvgPoolOptions {
            kernel_size: kernel,
            stride: window.stride,
            padding,
            count_include_pad: divisor == Divisor::Positions,
            ceil_mode: false,
        };
        let expected = avg_pool2d(burns.clone(), options);
        let both = [(found, vec![Leaf::Four(ours)]), (expected, vec![Leaf::Four(burns)])];
        compare(&format!("average of {what}"), &mut random, both, [1e-12, 1e-12]);

        let (ours, burns) = (x(), x());
        let found = global_mean(FeatureMap::new(ours.clone()));
        let expected = burns.clone().mean_dims(&[2, 3]).flatten(1, 3);
        let both = [(found, vec![Leaf::Four(ours)]), (expected, vec![Leaf::Four(burns)])];
        compare(&format!("mean of {shape:?}"), &mut random, both, [1e-12, 1e-12]);
    }
}

#[test]
fn squeeze_and_excitation_agrees() {
    let mut random = Random(3);
    for _ in 0..60 {
        let (channels, squeezed) = (random.pick(&[1, 4, 16, 35]), random.pick(&[1, 3, 8, 10]));
        let shape = [random.range(1, 3), channels, random.range(1, 9), random.range(1, 9)];
        let activations = random.pick(&[
            [Activation::Silu, Activation::Sigmoid],
            [Activation::Gelu, Activation::Sigmoid],
            [Activation::Relu, Activation::HardSigmoid],
        ]);
        let data = [
            random.tensor(shape, -1.0, 2.0),
            random.tensor([squeezed, channels, 1, 1], -1.0, 1.0),
            random.tensor([channels, squeezed, 1, 1], -1.0, 1.0),
        ];
        let biases = [random.tensor([squeezed], -1.0, 1.0), random.tensor([channels], -1.0, 1.0)];
        let take = |dtype| {
            let [x, reduce, expand] = data.each_ref().map(|data| leaf::<4>(data, dtype));
            let [reduce_bias, expand_bias] = biases.each_ref().map(|data| leaf::<1>(data, dtype));
            let leaves = vec![
                Leaf::Four(x.clone()),
                Leaf::Four(reduce.clone()),
                Leaf::Four(expand.clone()),
                Leaf::One(reduce_bias.clone()),
                Leaf::One(expand_bias.clone()),
            ];
            (x, SqueezeExcite { reduce, reduce_bias, expand, expand_bias, activations }, leaves)
        };
        let ours = |dtype| {
            let (x, with, leaves) = take(dtype);
            (squeeze_excite(FeatureMap::new(x), with).into_tensor(), leaves)
        };
        let burns = || {
            let (x, with, leaves) = take(DType::F64);
            let layer = |x, weight, bias| {
                conv2d(x, weight, Some(bias), ConvOptions::new([1, 1], [0, 0], [1, 1], 1))
            };
            let means = x.clone().mean_dims(&[2, 3]);
            let hidden = activations[0].forward(layer(means, with.reduce, with.reduce_bias));
            let factors = activations[1].forward(layer(hidden, with.expand, with.expand_bias));
            (x * factors, leaves)
        };
        let what = format!("squeeze {shape:?} to {squeezed} with {activations:?}");
        let tolerance = [1e-9, gradient_tolerance(activations[1])];
        compare(&what, &mut random, [ours(DType::F64), burns()], tolerance);
        if is_smooth(activations[0]) {
            compare(&what, &mut random, [ours(DType::F32), burns()], [1e-5, 1e-4]);
        }
    }
}

#[test]
fn global_response_normalization_agrees() {
    let mut random = Random(11);
    for _ in 0..60 {
        let channels = random.pick(&[1, 4, 16, 35, 130]);
        let shape = [random.range(1, 3), channels, random.range(1, 9), random.range(1, 9)];
        let x = random.tensor(shape, -1.0, 2.0);
        let vectors = [random.tensor([channels], -1.0, 1.0), random.tensor([channels], -1.0, 1.0)];
        let take = |dtype| {
            let x = leaf::<4>(&x, dtype);
            let [weight, bias] = vectors.each_ref().map(|data| leaf::<1>(data, dtype));
            let leaves =
                vec![Leaf::Four(x.clone()), Leaf::One(weight.clone()), Leaf::One(bias.clone())];
            (x, weight, bias, leaves)
        };
        let ours = |dtype| {
            let (x, weight, bias, leaves) = take(dtype);
            (response_norm(FeatureMap::new(x), weight, bias, 1e-6).into_tensor(), leaves)
        };
        let burns = || {
            let (x, weight, bias, leaves) = take(DType::F64);
            let lengths = x.clone().square().sum_dims(&[2, 3]).sqrt();
            let shares = lengths.clone() / (lengths.mean_dim(1) + 1e-6);
            let [weight, bias] = [weight, bias].map(|v| v.reshape([1, channels, 1, 1]));
            (x.clone() + x * shares * weight + bias, leaves)
        };
        let what = format!("response norm of {shape:?}");
        compare(&what, &mut random, [ours(DType::F64), burns()], [1e-9, 1e-8]);
        compare(&what, &mut random, [ours(DType::F32), burns()], [1e-5, 1e-4]);
    }
}

/// The slope of a length has no bounds at zero.
#[test]
fn a_silent_channel_has_a_gradient() {
    let device = Device::flex().autodiff();
    let x = Tensor::<4>::zeros([1, 2, 3, 3], &device).require_grad();
    let ones = Tensor::<1>::ones([2], &device);
    let y = response_norm(FeatureMap::new(x.clone()), ones.clone(), ones, 1e-6).into_tensor();
    let gradient = x.grad(&y.sum().backward()).unwrap().into_data();
    assert!(gradient.iter::<f32>().all(|value| value == 1.0), "{gradient:?}");
}

#[test]
fn linear_layers_agree() {
    let mut random = Random(7);
    for _ in 0..60 {
        let [batch, channels, out] = [(0, 9), (1, 70), (1, 90)].map(|(a, b)| random.range(a, b));
        let x = random.tensor([batch, channels], -1.0, 1.0);
        let weight = random.tensor([channels, out], -1.0, 1.0);
        let bias = random.tensor([out], -1.0, 1.0);
        let device = Device::flex();
        let packed = PackedWeights::default();
        let operands = || {
            let weight = Tensor::<2>::from_data(weight.clone(), &device);
            (weight, Tensor::<1>::from_data(bias.clone(), &device))
        };
        let found = {
            let (weight, bias) = operands();
            let x = Tensor::<2>::from_data(x.clone(), &device);
            let once = linear(x.clone(), weight.clone(), bias.clone(), &packed).into_data();
            for row in 0..batch {
                let alone =
                    linear(x.clone().narrow(0, row, 1), weight.clone(), bias.clone(), &packed);
                let among = Tensor::<2>::from_data(once.clone(), &device).narrow(0, row, 1);
                alone.into_data().assert_eq(&among.into_data(), true);
            }
            // Other weights of the same shape are packed anew.
            let other = linear(x.clone(), weight.clone() * 2.0, bias.clone() * 2.0, &packed);
            other
                .into_data()
                .assert_eq(&(linear(x, weight, bias, &packed) * 2.0).into_data(), true);
            once
        };
        let (weight, bias) = operands();
        let [x, weight] =
            [Tensor::<2>::from_data(x.clone(), &device), weight].map(|t| t.cast(DType::F64));
        let expected = x.matmul(weight) + bias.cast(DType::F64).unsqueeze();
        let e = error(found, expected.into_data());
        assert!(e < 1e-6, "{batch}x{channels}->{out}: {e:.1e}");
    }
}

/// As input and as shortcut.
#[test]
fn a_map_that_several_read_gets_all_their_gradients() {
    let mut random = Random(8);
    let x = random.tensor([2, 3, 8, 8], -1.0, 1.0);
    let weights: Vec<TensorData> = [[4, 3, 3, 3], [4, 4, 3, 3], [4, 4, 1, 1], [4, 4, 3, 3]]
        .map(|shape| random.tensor(shape, -0.5, 0.5))
        .into();
    let leaves = || -> Vec<Tensor<4>> {
        std::iter::once(&x).chain(&weights).map(|data| leaf(data, DType::F64)).collect()
    };
    let ours = leaves();
    let unit = |x: &FeatureMap, weight: usize, shortcut: Option<&FeatureMap>| {
        let weight = ours[weight].clone();
        let kernel = weight.dims()[2];
        let window = Window::square(kernel, 1, kernel / 2);
        let shortcut = shortcut.cloned();
        let activation = Activation::Silu;
        convolve(x.clone(), Convolve { weight, shortcut, activation, ..ones(1, 1, window) }).0
    };
    let y = unit(&FeatureMap::new(ours[0].clone()), 1, None);
    // Read as input and as shortcut, then by a third and a fourth.
    let z = unit(&unit(&y, 2, None), 4, Some(&y));
    let (a, b) = (unit(&y, 3, Some(&z)), unit(&y, 2, None));
    let found = (a.into_tensor().sum() + b.into_tensor().powi_scalar(2).sum()).backward();

    let burns = leaves();
    let unit = |x: &Tensor<4>, weight: usize, shortcut: Option<&Tensor<4>>| {
        let weight = burns[weight].clone();
        let side = weight.dims()[2] / 2;
        let options = ConvOptions::new([1, 1], [side, side], [1, 1], 1);
        let y = conv2d(x.clone(), weight, None, options);
        let y = match shortcut {
            Some(shortcut) => y + shortcut.clone(),
            None => y,
        };
        Activation::Silu.forward(y)
    };
    let y = unit(&burns[0], 1, None);
    let z = unit(&unit(&y, 2, None), 4, Some(&y));
    let (a, b) = (unit(&y, 3, Some(&z)), unit(&y, 2, None));
    let expected = (a.sum() + b.powi_scalar(2).sum()).backward();
    for (index, (ours, burns)) in ours.iter().zip(&burns).enumerate() {
        let e = error(
            ours.grad(&found).unwrap().into_data(),
            burns.grad(&expected).unwrap().into_data(),
        );
        assert!(e < 1e-9, "gradients of operand {index} differ by {e:.1e}");
    }
}

#[test]
fn a_branch_is_added_by_its_factor() {
    let mut random = Random(4);
    for _ in 0..20 {
        let shape =
            [random.range(1, 4), random.range(1, 20), random.range(1, 5), random.range(1, 5)];
        let [a, b] = [0, 1].map(|_| random.tensor(shape, -1.0, 1.0));
        let factors = random.tensor([shape[0]], 0.0, 2.0);
        let take = || [leaf::<4>(&a, DType::F64), leaf::<4>(&b, DType::F64)];
        let factors = Tensor::<1>::from_data(factors, &Device::flex()).cast(DType::F64);
        let factors = Tensor::<1>::from_inner(factors);
        let [x, added] = take();
        let leaves = vec![Leaf::Four(x.clone()), Leaf::Four(added.clone())];
        let found =
            add_scaled(FeatureMap::new(x), factors.clone(), FeatureMap::new(added)).into_tensor();
        let [x, added] = take();
        let expected_leaves = vec![Leaf::Four(x.clone()), Leaf::Four(added.clone())];
        let expected = x * factors.reshape([shape[0], 1, 1, 1]) + added;
        let both = [(found, leaves), (expected, expected_leaves)];
        compare(&format!("{shape:?}"), &mut random, both, [1e-12, 1e-12]);
    }
}

/// A norm by itself beside Burn's, and one over a part of a wider map's channels.
#[test]
fn norms_by_themselves_agree() {
    let mut random = Random(8);
    for _ in 0..120 {
        let shape =
            [random.range(1, 3), random.range(1, 40), random.range(1, 9), random.range(1, 9)];
        let channels = shape[1];
        let kind = random.pick(&[NormKind::None, NormKind::Running, NormKind::Batch]);
        let activation = ACTIVATIONS.iter().copied().filter(|activation| is_smooth(*activation));
        let activation = random.pick(&activation.collect::<Vec<_>>());
        let data = random.tensor(shape, -1.0, 1.0);
        let vectors = [(0.5, 1.5), (-0.5, 0.5), (-0.5, 0.5), (0.5, 1.5)]
            .map(|(low, high)| random.tensor([channels], low, high));
        let take = |take_norm: &mut dyn FnMut(Tensor<4>, Norm) -> Tensor<4>| {
            let x = leaf::<4>(&data, DType::F64);
            let [gamma, beta, mean, variance] =
                vectors.each_ref().map(|vector| leaf::<1>(vector, DType::F64));
            let mut leaves = vec![Leaf::Four(x.clone())];
            if kind != NormKind::None {
                leaves.extend([gamma.clone(), beta.clone()].map(Leaf::One));
            }
            let [mean, variance] =
                [mean, variance].map(|vector| Tensor::from_inner(vector.inner()));
            let epsilon = 1e-3;
            let norm = match kind {
                NormKind::None => Norm::None,
                NormKind::Running => Norm::Running { gamma, beta, mean, variance, epsilon },
                NormKind::Batch => Norm::Batch { gamma, beta, epsilon },
            };
            (take_norm(x, norm), leaves)
        };
        let found =
            take(&mut |x, norm| normalize(FeatureMap::new(x), norm, activation).0.into_tensor());
        let expected = take(&mut |x, norm| {
            activation.forward(match norm {
                Norm::None => x,
                Norm::Running { gamma, beta, mean, variance, epsilon } => {
                    batch_norm(x, gamma, beta, mean, variance, epsilon)
                }
                Norm::Batch { gamma, beta, epsilon } => {
                    batch_norm_train(x, gamma, beta, epsilon).output
                }
            })
        });
        let what = format!("{kind:?} and {activation:?} over {shape:?}");
        compare(&what, &mut random, [found, expected], [1e-10, 1e-8]);

        let plain = || Tensor::<4>::from_data(data.clone(), &Device::flex());
        let room = channels + random.range(0, 5);
        let grown = GrowingMap::new(FeatureMap::new(plain()), room);
        let part = normalize(grown.map(), Norm::None, activation).0.into_tensor();
        let whole = normalize(FeatureMap::new(plain()), Norm::None, activation).0.into_tensor();
        part.into_data().assert_eq(&whole.into_data(), true);
    }
}

/// Channels that are added one after the other are those of all maps, with a graph and without.
#[test]
fn a_map_grows() {
    let mut random = Random(9);
    for device in [Device::flex(), Device::flex().autodiff()] {
        let maps = [3, 1, 5].map(|channels| {
            Tensor::<4>::from_data(random.tensor([2, channels, 4, 3], -1.0, 1.0), &device)
        });
        let expected = Tensor::cat(maps.to_vec(), 1);
        let [first, rest @ ..] = maps.map(FeatureMap::new);
        let grown = rest.into_iter().fold(GrowingMap::new(first, 9), GrowingMap::push);
        let found = grown.map().into_tensor();
        found.into_data().assert_eq(&expected.into_data(), true);
    }
}

#[test]
fn group_norms_agree() {
    let mut random = Random(10);
    for _ in 0..60 {
        let groups = random.range(1, 4);
        let channels = groups * random.range(1, 9);
        let shape = [random.range(1, 3), channels, random.range(1, 6), random.range(1, 7)];
        let activation = random.pick(&[Activation::Identity, Activation::Silu]);
        let data = random.tensor(shape, -1.0, 1.0);
        let vectors = [0.5, -0.5].map(|low| random.tensor([channels], low, low + 1.0));
        let take = || {
            let x = leaf::<4>(&data, DType::F64);
            let [gamma, beta] = vectors.each_ref().map(|vector| leaf::<1>(vector, DType::F64));
            let leaves =
                vec![Leaf::Four(x.clone()), Leaf::One(gamma.clone()), Leaf::One(beta.clone())];
            (x, gamma, beta, leaves)
        };
        let (x, gamma, beta, leaves) = take();
        let with = GroupNorm { gamma, beta, groups, epsilon: 1e-3 };
        let found = group_norm(FeatureMap::new(x), with, activation).into_tensor();
        let (x, gamma, beta, expected_leaves) = take();
        let rows = x.reshape([shape[0], groups, channels / groups * shape[2] * shape[3]]);
        let apart = rows.clone() - rows.mean_dim(2);
        let variance = (apart.clone() * apart.clone()).mean_dim(2);
        let normed = (apart / (variance + 1e-3).sqrt()).reshape(shape);
        let [gamma, beta] = [gamma, beta].map(|vector| vector.reshape([1, channels, 1, 1]));
        let expected = activation.forward(normed * gamma + beta);
        let both = [(found, leaves), (expected, expected_leaves)];
        compare(&format!("{groups} groups of {shape:?}"), &mut random, both, [1e-10, 1e-8]);
    }
}

/// A mean of ten thousand with a deviation of one, and a batch that is one pixel.
#[test]
fn batch_norm_is_safe() {
    let device = Device::flex().autodiff();
    let identity = || Tensor::<2>::eye(3, &device).reshape([3, 3, 1, 1]);
    let norm = || Norm::Batch {
        gamma: Tensor::ones([3], &device).require_grad(),
        beta: Tensor::zeros([3], &device),
        epsilon: 1e-5,
    };
    let run = |x: Tensor<4>| {
        let with = Convolve {
            weight: identity(),
            bias: None,
            window: Window::square(1, 1, 0),
            groups: 1,
            norm: norm(),
            shortcut: None,
            dropout: 0.0,
            activation: Activation::Identity,
            packed: None,
        };
        let (y, statistics) = convolve(FeatureMap::new(x), with);
        (y.into_tensor(), statistics.unwrap())
    };
    let mut random = Random(5);
    let noise = random.tensor([8, 3, 40, 40], -1.0, 1.0);
    let (_, statistics) = run(Tensor::<4>::from_data(noise, &device) + 1e4);
    for variance in statistics.variance.into_data().iter::<f32>() {
        assert!((variance - 1.0 / 3.0).abs() < 0.01, "a variance of {variance}");
    }
    let x = Tensor::<4>::full([1, 3, 1, 1], 7.0, &device).require_grad();
    let (y, statistics) = run(x.clone());
    assert_eq!(statistics.count, 1);
    y.to_data().assert_eq(&TensorData::new(vec![0.0_f32; 3], [1, 3, 1, 1]), true);
    let gradients = y.sum().backward();
    assert_eq!(x.grad(&gradients).unwrap().abs().sum().into_scalar::<f32>(), 0.0);
}

#[test]
fn an_empty_batch_is_an_empty_batch() {
    let device = Device::flex();
    for groups in [1, 2, 4] {
        let with = Convolve {
            weight: Tensor::ones([4, 4 / groups, 3, 3], &device),
            bias: None,
            window: Window::square(3, 2, 1),
            groups,
            norm: Norm::None,
            shortcut: None,
            dropout: 0.0,
            activation: Activation::Silu,
            packed: None,
        };
        let (y, _) = convolve(FeatureMap::new(Tensor::zeros([0, 4, 9, 6], &device)), with);
        assert_eq!(y.dims(), [0, 4, 5, 3]);
        assert_eq!(global_mean(y).dims(), [0, 4]);
    }
}

/// Neither the batch that a picture is in nor the number of threads changes a bit; of gradients, the threads.
#[test]
fn results_do_not_depend_on_batch_or_threads() {
    let device = Device::flex();
    let mut random = Random(6);
    for (channels, out, groups, kernel, size) in [
        (3, 20, 1, 7, 33),
        (48, 40, 1, 3, 14),
        (40, 48, 1, 3, 20),
        (40, 90, 1, 1, 12),
        (64, 24, 1, 1, 7),
        (200, 210, 1, 1, 12),
        (24, 24, 24, 5, 19),
        (16, 16, 2, 3, 9),
    ] {
        let data = random.tensor([5, channels, size, size], -1.0, 1.0);
        let x = Tensor::<4>::from_data(data.clone(), &device);
        let weight = random.tensor([out, channels / groups, kernel, kernel], -1.0, 1.0);
        let with = |weight: Tensor<4>, norm| Convolve {
            weight,
            bias: None,
            window: Window::square(kernel, 1, kernel / 2),
            groups,
            norm,
            shortcut: None,
            dropout: 0.0,
            activation: Activation::Silu,
            packed: None,
        };
        let run = |x: Tensor<4>| {
            let weight = Tensor::from_data(weight.clone(), &device);
            convolve(FeatureMap::new(x), with(weight, Norm::None)).0.into_tensor()
        };
        let gradients = || {
            let (x, weight) = (leaf::<4>(&data, DType::F32), leaf::<4>(&weight, DType::F32));
            let ones = || Tensor::ones([out], &device.clone().autodiff()).require_grad();
            let (gamma, beta) = (ones(), ones());
            let norm = Norm::Batch { gamma: gamma.clone(), beta, epsilon: 1e-5 };
            let (y, _) = convolve(FeatureMap::new(x.clone()), with(weight.clone(), norm));
            let y = y.into_tensor();
            let gradients = (y.clone() * y).mean().backward();
            [Leaf::Four(x), Leaf::Four(weight), Leaf::One(gamma)]
                .map(|leaf| leaf.gradient(&gradients).unwrap())
        };
        let threads = |count| rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap();
        let whole = threads(2).install(|| run(x.clone()));
        let whole_gradients = threads(2).install(gradients);
        for count in [1, 5] {
            let again = threads(count).install(|| run(x.clone()));
            again.into_data().assert_eq(&whole.to_data(), true);
            for (a, b) in threads(count).install(gradients).iter().zip(&whole_gradients) {
                a.assert_eq(b, true);
            }
        }
        for picture in 0..5 {
            let alone = run(x.clone().narrow(0, picture, 1));
            let expected = whole.clone().narrow(0, picture, 1).into_data();
            alone.into_data().assert_eq(&expected, true);
        }
    }
}

fn ones(channels: usize, out: usize, window: Window) -> Convolve<'static> {
    Convolve {
        weight: Tensor::ones([out, channels, window.kernel[0], window.kernel[1]], &Device::flex()),
        bias: None,
        window,
        groups: 1,
        norm: Norm::None,
        shortcut: None,
        dropout: 0.0,
        activation: Activation::Identity,
        packed: None,
    }
}

/// What a task panics with.
fn refusal(task: &dyn Fn()) -> String {
    let task = std::panic::AssertUnwindSafe(task);
    let Err(panic) = std::panic::catch_unwind(task) else { panic!("it was taken") };
    let formatted = panic.downcast_ref::<String>().cloned();
    formatted.unwrap_or_else(|| panic.downcast_ref::<&str>().unwrap_or(&"").to_string())
}

/// What does not fit is refused before anything is read, rather than read beyond its end.
#[test]
fn wrong_shapes_are_refused() {
    operands_that_do_not_fit();
    windows_that_are_none();
    gradients_of_another_shape();
    // Where overflows are looked for, Burn itself takes no tensor of these shapes.
    if !cfg!(debug_assertions) {
        shapes_whose_product_wraps();
    }
}

fn operands_that_do_not_fit() {
    let device = Device::flex();
    let vector = |len: usize| Tensor::<1>::ones([len], &device);
    let map = |shape: [usize; 4]| FeatureMap::new(Tensor::ones(shape, &device));
    let double =
        |shape: [usize; 4]| FeatureMap::new(Tensor::<4>::ones(shape, &device).cast(DType::F64));
    let with = || ones(3, 8, Window::square(1, 1, 0));
    let batch = |gamma, beta| Norm::Batch { gamma, beta, epsilon: 1e-5 };
    let cases = [
        ("bias", Convolve { bias: Some(vector(7)), ..with() }),
        ("norm", Convolve { norm: batch(vector(64), vector(8)), ..with() }),
        ("norm", Convolve { norm: batch(vector(8), vector(4)), ..with() }),
        ("shortcut", Convolve { shortcut: Some(map([1, 8, 6, 4])), ..with() }),
        ("types", Convolve { shortcut: Some(double([1, 8, 4, 6])), ..with() }),
        ("types", Convolve { bias: Some(vector(8).cast(DType::F64)), ..with() }),
        ("channels", ones(2, 8, Window::square(1, 1, 0))),
        ("groups", Convolve { groups: 0, ..with() }),
        ("groups", Convolve { groups: 3, ..ones(1, 8, Window::square(1, 1, 0)) }),
        // Five times as many wrap to three.
        ("groups", Convolve { groups: 0x6666_6666_6666_6667, ..ones(5, 0, with().window) }),
    ];
    for (what, with) in cases {
        let message = refusal(&|| drop(convolve(map([1, 3, 4, 6]), with.clone())));
        assert!(message.contains(what), "`{what}` is not in: {message}");
    }
    let identity = Activation::Identity;
    let excite = SqueezeExcite {
        reduce: Tensor::ones([2, 3, 1, 1], &device),
        reduce_bias: vector(2),
        expand: Tensor::ones([3, 2, 1, 1], &device),
        expand_bias: vector(3).cast(DType::F64),
        activations: [identity; 2],
    };
    let x = || map([2, 3, 2, 2]);
    let sgd = Update::Sgd { lr: 0.1, momentum: 0.9, decay: 0.0, nesterov: false };
    let group = |gamma, beta, groups| GroupNorm { gamma, beta, groups, epsilon: 1e-5 };
    let rows: [(&str, &dyn Fn()); 18] = [
        ("in 2 groups", &|| drop(group_norm(x(), group(vector(3), vector(3), 2), identity))),
        ("in 0 groups", &|| drop(group_norm(x(), group(vector(3), vector(3), 0), identity))),
        ("channels", &|| drop(group_norm(x(), group(vector(3), vector(4), 3), identity))),
        ("types", &|| {
            let beta = vector(3).cast(DType::F64);
            drop(group_norm(x(), group(vector(3), beta, 3), identity));
        }),
        ("channels", &|| drop(normalize(x(), batch(vector(3), vector(2)), identity))),
        ("types", &|| {
            let beta = vector(3).cast(DType::F64);
            drop(normalize(x(), batch(vector(3), beta), identity));
        }),
        ("3 channels in a map of 2", &|| drop(GrowingMap::new(x(), 2))),
        ("another size", &|| drop(GrowingMap::new(x(), 6).push(map([2, 3, 1, 4])))),
        ("shapes", &|| drop(add(x(), map([2, 3, 2, 1]), identity))),
        ("types", &|| drop(add(x(), double([2, 3, 2, 2]), identity))),
        ("types", &|| drop(add_scaled(x(), vector(2), double([2, 3, 2, 2])))),
        ("factor", &|| drop(add_scaled(x(), vector(3), x()))),
        ("types", &|| drop(squeeze_excite(x(), excite.clone()))),
        ("channels", &|| drop(response_norm(x(), vector(3), vector(2), 1e-6))),
        ("types", &|| drop(response_norm(x(), vector(3), vector(3).cast(DType::F64), 1e-6))),
        ("gradient", &|| drop(update(sgd, vector(3), vector(2), [None, None]))),
        ("state", &|| drop(update(sgd, vector(3), vector(3), [Some(vector(2)), None]))),
        ("state", &|| drop(update(sgd, vector(3), vector(3), [Some(vector(0)), None]))),
    ];
    for (what, task) in rows {
        let message = refusal(task);
        assert!(message.contains(what), "`{what}` is not in: {message}");
    }
}

/// Windows whose reach or count would wrap, or that have no size.
fn windows_that_are_none() {
    let device = Device::flex();
    let map = |dtype| FeatureMap::new(Tensor::<4>::ones([1, 2, 4, 6], &device).cast(dtype));
    let plain = Window::square(3, 1, 1);
    let (half, most) = (1 << 63, usize::MAX);
    for (what, window) in [
        ("without", Window { kernel: [0, 3], ..plain }),
        ("without", Window { kernel: [3, 0], ..plain }),
        ("without", Window { stride: [0, 1], ..plain }),
        ("without", Window { stride: [1, 0], ..plain }),
        ("without", Window { dilation: [0, 1], ..plain }),
        ("without", Window { dilation: [1, 0], ..plain }),
        ("pixels", Window { before: [half, 1], ..plain }),
        ("pixels", Window { before: [1, half], ..plain }),
        ("pixels", Window { after: [1, most], ..plain }),
        ("pixels", Window { before: [half; 2], after: [half; 2], ..plain }),
        ("pixels", Window { before: [most - 3, 1], ..plain }),
        ("pixels", Window { dilation: [half, 1], ..plain }),
        ("pixels", Window { dilation: [1, most], ..plain }),
        ("pixels", Window { stride: [1, half], ..plain }),
        ("pixels", Window { stride: [Window::MOST_PIXELS + 1, 1], ..plain }),
        ("pixels", Window { after: [0, Window::MOST_PIXELS], ..plain }),
        // Each axis is one that might be.
        ("numbers", Window { before: [Window::MOST_PIXELS / 2; 2], ..plain }),
    ] {
        let with = |groups, dtype| {
            let with = ones(2 / groups, 2, window);
            Convolve { groups, weight: with.weight.clone().cast(dtype), ..with }
        };
        let rows: [(&str, &dyn Fn()); 5] = [
            ("dense", &|| drop(convolve(map(DType::F32), with(1, DType::F32)))),
            ("depthwise", &|| drop(convolve(map(DType::F32), with(2, DType::F32)))),
            ("composed", &|| drop(convolve(map(DType::F16), with(1, DType::F16)))),
            ("maximum", &|| drop(max_pool(map(DType::F32), window))),
            ("average", &|| drop(average_pool(map(DType::F32), window, Divisor::Pixels))),
        ];
        for (operation, task) in rows {
            if what == "numbers" && matches!(operation, "maximum" | "average") {
                continue; // Refused for another reason: the padding.
            }
            let message = refusal(task);
            assert!(message.contains(what), "{operation}: `{what}` is not in: {message}");
        }
        if what != "numbers" {
            let message = refusal(&|| assert_eq!(window.count([4, 6]), [0, 0]));
            assert!(message.contains(what), "count: `{what}` is not in: {message}");
        }
    }
    let side = 1 << 13;
    let large =
        Window { before: [side / 2; 2], after: [side / 2; 2], ..Window::square(side, 1, 0) };
    let apart = Window { dilation: [3; 2], ..Window::square(2, 1, 1) };
    let single = || FeatureMap::new(Tensor::ones([1, 2, 2, 2], &device));
    for (what, window) in [("positions", large), ("padding alone", apart)] {
        let message = refusal(&|| drop(max_pool(single(), window)));
        assert!(message.contains(what), "`{what}` is not in: {message}");
    }
    let message = refusal(&|| drop(average_pool(single(), large, Divisor::Pixels)));
    assert!(message.contains("positions"), "{message}");
}

/// Somebody else's operation: it changes nothing, and its gradient is whatever it was given.
#[derive(Debug)]
struct Foreign;

impl Backward<Flex, 1> for Foreign {
    type State = FlexTensor;

    fn backward(self, ops: Ops<FlexTensor, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        drop(grads.consume::<Flex>(&ops.node));
        if let [Some(parent)] = ops.parents {
            grads.register::<Flex>(parent.id, ops.state);
        }
    }
}

fn foreign<const D: usize>(y: Tensor<D>, gradient: Tensor<D>) -> Tensor<D> {
    let (Ok(gradient), Ok(y)) =
        (gradient.try_into_primitive::<Flex>(), y.try_into_primitive::<Autodiff<Flex>>())
    else {
        panic!("a tensor that is not on Flex")
    };
    let (y, node) = y.into_parts();
    Tensor::from_primitive::<Autodiff<Flex>>(
        match Foreign.prepare::<NoCheckpointing>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(gradient, y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        },
    )
}

/// The gradient that comes to an operation is what another registered, which may be anybody's.
fn gradients_of_another_shape() {
    let device = Device::flex();
    let shape = [2, 4, 5, 6];
    let x = || Tensor::<4>::from_inner(Tensor::ones(shape, &device)).require_grad();
    let map = || FeatureMap::new(x());
    let vector = || Tensor::<1>::from_inner(Tensor::ones([4], &device)).require_grad();
    let unit = |groups: usize, norm: NormKind, activation, shortcut: bool| {
        let weight = Tensor::ones([4, 4 / groups, 3, 3], &device);
        let norm = match norm {
            NormKind::None => Norm::None,
            NormKind::Running => Norm::Running {
                gamma: vector(),
                beta: vector(),
                mean: vector().detach(),
                variance: vector().detach(),
                epsilon: 1e-3,
            },
            NormKind::Batch => Norm::Batch { gamma: vector(), beta: vector(), epsilon: 1e-3 },
        };
        let with = Convolve {
            weight: Tensor::from_inner(weight).require_grad(),
            bias: Some(vector()),
            groups,
            norm,
            activation,
            shortcut: shortcut.then(map),
            ..ones(4, 4, Window::square(3, 1, 1))
        };
        convolve(map(), with).0
    };
    let mut outputs: Vec<(String, Box<dyn Fn() -> FeatureMap + '_>)> = Vec::new();
    for groups in [1, 2, 4] {
        for norm in [NormKind::None, NormKind::Running, NormKind::Batch] {
            for activation in [Activation::Identity, Activation::Relu, Activation::Silu] {
                for shortcut in [false, true] {
                    let what = format!("{groups} groups, {norm:?}, {activation:?}, {shortcut}");
                    outputs
                        .push((what, Box::new(move || unit(groups, norm, activation, shortcut))));
                }
            }
        }
    }
    let excite = || SqueezeExcite {
        reduce: Tensor::from_inner(Tensor::ones([2, 4, 1, 1], &device)),
        reduce_bias: Tensor::from_inner(Tensor::ones([2], &device)),
        expand: Tensor::from_inner(Tensor::ones([4, 2, 1, 1], &device)),
        expand_bias: vector(),
        activations: [Activation::Silu, Activation::Sigmoid],
    };
    let factors = || Tensor::<1>::from_inner(Tensor::ones([2], &device));
    let window = Window::square(2, 2, 0);
    let more: [(&str, &dyn Fn() -> FeatureMap); 7] = [
        ("maximum", &|| max_pool(map(), window)),
        ("average", &|| average_pool(map(), window, Divisor::Pixels)),
        ("excitation", &|| squeeze_excite(map(), excite())),
        ("response", &|| response_norm(map(), vector(), vector(), 1e-6)),
        ("sum", &|| add(map(), map(), Activation::Identity)),
        ("activation of a sum", &|| add(map(), map(), Activation::Silu)),
        ("scaled sum", &|| add_scaled(map(), factors(), map())),
    ];
    for (what, output) in more {
        outputs.push((what.to_owned(), Box::new(output)));
    }
    for (what, output) in outputs {
        let [batch, channels, height, width] = output().dims();
        for (shape, dtype) in [
            ([1, 1, 1, 1], DType::F32),
            ([batch, channels, height, width - 1], DType::F32),
            ([batch, channels, width, height + 40], DType::F32),
            // As many numbers.
            ([channels, batch, height, width], DType::F32),
            ([0, channels, height, width], DType::F32),
            ([batch, channels, height, width], DType::F64),
        ] {
            let gradient = || Tensor::<4>::ones(shape, &device).cast(dtype);
            let message = refusal(&|| {
                drop(foreign(output().into_tensor(), gradient()).sum().backward());
            });
            assert!(message.contains("a gradient of another shape"), "{what}: {message}");
        }
    }
    for (shape, dtype) in [([1, 1], DType::F32), ([4, 2], DType::F32), ([2, 4], DType::F64)] {
        let gradient = || Tensor::<2>::ones(shape, &device).cast(dtype);
        let message = refusal(&|| drop(foreign(global_mean(map()), gradient()).sum().backward()));
        assert!(message.contains("a gradient of another shape"), "mean: {message}");
    }
}

/// Tensors without numbers, or of one that is shown many times, whose other axes have a product that wraps.
fn shapes_whose_product_wraps() {
    let device = Device::flex();
    let single = || Tensor::<4>::ones([1, 1, 1, 1], &device);
    let expanded = |shape: [usize; 4]| single().expand(Shape::new(shape));
    let many = |shape: [usize; 4]| FeatureMap::new(expanded(shape));
    let plain = Window::square(1, 1, 0);
    let far = 1 << 33;
    // The last but one is 2^64 + 1 numbers, the last a number more than may be.
    for shape in [
        [1 << 32, 1 << 32, 0, 1],
        [1 << 32, 0, 1 << 32, 1],
        [0, 1 << 32, 1 << 16, 1 << 16],
        [1 << 63, 2, 0, 0],
        [1, 2, 1 << 63, 0],
        [274_177, 67_280_421_310_721, 1, 1],
        [(1 << 40) + 1, 1, 1, 1],
    ] {
        let [batch, channels, ..] = shape;
        let x = || match shape.contains(&0) {
            true => FeatureMap::new(Tensor::zeros(shape, &device)),
            false => many(shape),
        };
        let vector = |len| Tensor::<1>::ones([1], &device).expand(Shape::new([len]));
        let excite = || SqueezeExcite {
            reduce: expanded([1, channels, 1, 1]),
            reduce_bias: vector(1),
            expand: expanded([channels, 1, 1, 1]),
            expand_bias: vector(channels),
            activations: [Activation::Relu, Activation::Sigmoid],
        };
        let dense = || Convolve { weight: expanded([1, channels, 1, 1]), ..ones(1, 1, plain) };
        let sgd = Update::Sgd { lr: 0.1, momentum: 0.9, decay: 0.0, nesterov: false };
        let tensor = || x().into_tensor();
        let rows: [(&str, &dyn Fn()); 9] = [
            ("mean", &|| drop(global_mean(x()))),
            ("maximum", &|| drop(max_pool(x(), plain))),
            ("average", &|| drop(average_pool(x(), plain, Divisor::Pixels))),
            ("sum", &|| drop(add(x(), x(), Activation::Relu))),
            ("scaled sum", &|| drop(add_scaled(x(), vector(batch), x()))),
            ("excitation", &|| drop(squeeze_excite(x(), excite()))),
            ("response", &|| drop(response_norm(x(), vector(channels), vector(channels), 1e-6))),
            ("convolution", &|| drop(convolve(x(), dense()))),
            ("step", &|| drop(update(sgd, tensor(), tensor(), [None, None]))),
        ];
        for (operation, task) in rows {
            let message = refusal(task);
            let refused = ["numbers than", "pixels", "padding alone"];
            let ours = refused.iter().any(|why| message.contains(why));
            assert!(ours, "{operation} of {shape:?}: {message}");
        }
    }
    let rows: [(&str, &dyn Fn()); 5] = [
        ("weights", &|| {
            let weight = expanded([far, far, 1, 1]);
            let x = FeatureMap::new(Tensor::zeros([0, far, 1, 1], &device));
            drop(convolve(x, Convolve { weight, ..ones(1, 1, plain) }));
        }),
        ("outputs", &|| {
            let weight = expanded([far, 1, 1, 1]);
            drop(convolve(many([1 << 4, 1, 4, 4]), Convolve { weight, ..ones(1, 1, plain) }));
        }),
        ("a layer's weights", &|| {
            let weight = Tensor::<2>::ones([1, 1], &device).expand([far, far]);
            let bias = Tensor::<1>::ones([1], &device).expand([far]);
            let x = Tensor::<2>::zeros([0, far], &device);
            drop(linear(x, weight, bias, &PackedWeights::default()));
        }),
        ("padding", &|| drop(many([1, 2, 2, 2]).pad_channels(usize::MAX, 0))),
        ("padding", &|| drop(many([1, 2, 2, 2]).pad_channels(1 << 63, (1 << 63) - 1))),
    ];
    for (what, task) in rows {
        let message = refusal(task);
        assert!(message.contains("numbers than"), "{what}: {message}");
    }
}

/// No channel, no pixel and no picture are sizes like others.
#[test]
fn a_size_may_be_zero() {
    let device = Device::flex();
    let values = [1.0_f32, -2.0, 3.0];
    let bias = Tensor::<1>::from_floats(values, &device);
    for batch in [0, 1, 5] {
        let x = Tensor::<2>::zeros([batch, 0], &device);
        let y = linear(x, Tensor::zeros([0, 3], &device), bias.clone(), &PackedWeights::default());
        y.into_data().assert_eq(&TensorData::new(values.repeat(batch), [batch, 3]), true);
        let (x, weight) = (Tensor::ones([batch, 4], &device), Tensor::zeros([4, 0], &device));
        let y = linear(x, weight, Tensor::zeros([0], &device), &PackedWeights::default());
        assert_eq!(y.dims(), [batch, 0]);
    }
    for shape in [[2, 3, 0, 4], [2, 3, 4, 0], [0, 3, 4, 4], [2, 0, 4, 4]] {
        let [batch, channels, ..] = shape;
        let x = || FeatureMap::new(Tensor::zeros(shape, &device));
        let means = TensorData::new(vec![0.0_f32; batch * channels], [batch, channels]);
        global_mean(x()).into_data().assert_eq(&means, true);
        assert_eq!(add(x(), x(), Activation::Silu).dims(), shape);
        // Padding is read, and nothing else.
        let window = Window { before: [1, 0], after: [2, 3], ..Window::square(3, 1, 0) };
        let (y, _) =
            convolve(x(), Convolve { bias: Some(bias.clone()), ..ones(channels, 3, window) });
        let [rows, columns] = window.count([shape[2], shape[3]]);
        let pixels = rows * columns;
        let expected: Vec<f32> =
            (0..batch * 3 * pixels).map(|index| values[index / pixels % 3]).collect();
        let expected = TensorData::new(expected, [batch, 3, rows, columns]);
        y.into_tensor().into_data().assert_eq(&expected, true);
    }
    // Of no squeezed channel the second bias is left; the gradient of the first layer is as empty.
    let x = leaf::<4>(&Random(9).tensor([2, 3, 2, 2], -1.0, 1.0), DType::F32);
    let empty = |shape: [usize; 4]| Tensor::<4>::from_inner(Tensor::zeros(shape, &device));
    let bias = Tensor::<1>::from_inner(bias).require_grad();
    let excite = |bias: Tensor<1>| SqueezeExcite {
        reduce: empty([0, 3, 1, 1]),
        reduce_bias: Tensor::from_inner(Tensor::zeros([0], &device)),
        expand: empty([3, 0, 1, 1]),
        expand_bias: bias,
        activations: [Activation::Relu, Activation::Sigmoid],
    };
    let y = squeeze_excite(FeatureMap::new(x.clone()), excite(bias.clone())).into_tensor();
    let factors = Activation::Sigmoid.forward(bias.clone().reshape([1, 3, 1, 1]));
    let expected = x.clone() * factors;
    let leaves = || vec![Leaf::Four(x.clone()), Leaf::One(bias.clone())];
    let both = [(y, leaves()), (expected, leaves())];
    compare("no squeezed channel", &mut Random(10), both, [1e-5, 1e-5]);
}

/// Pictures of a batch of their own, each a task, share what is packed: none waits for itself.
#[test]
fn tasks_share_packed_weights() {
    use rayon::prelude::*;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    for _ in 0..20 {
        let packed = PackedWeights::default();
        let sums: Vec<f32> = pool.install(|| {
            let task = |_| {
                let with = ones(64, 128, Window::square(1, 1, 0));
                let x = FeatureMap::new(Tensor::ones([1, 64, 3, 3], &Device::flex()));
                let with = Convolve { packed: Some(&packed), ..with };
                convolve(x, with).0.into_tensor().sum().into_scalar()
            };
            (0..16).into_par_iter().map(task).collect()
        });
        assert!(sums.iter().all(|sum| *sum == 64.0 * 128.0 * 9.0), "{sums:?}");
    }
}

/// A depthwise window with more weights than the cache holds.
#[test]
fn a_window_may_be_large() {
    let side = 95;
    let window = Window::square(side, 1, 0);
    let with = Convolve { groups: 2, ..ones(1, 2, window) };
    let x = FeatureMap::new(Tensor::ones([1, 2, side, side + 1], &Device::flex()));
    let sums = convolve(x, with).0.into_tensor().into_data();
    assert!(sums.iter::<f32>().all(|sum| sum == (side * side) as f32));
}

/// Every other set of instructions, in a process that is told to use it.
#[test]
fn other_instructions_agree() {
    if std::env::var_os("REKINDLE_ISA").is_some() {
        return;
    }
    for isa in Isa::available().into_iter().skip(1) {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .env("REKINDLE_ISA", format!("{isa:?}"))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{isa:?}: {text}");
    }
}
