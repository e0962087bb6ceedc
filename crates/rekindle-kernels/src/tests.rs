//! What other backends compose of Burn's operations is what our kernels compute.

use burn::{
    prelude::*,
    tensor::{DType, Distribution},
};

use crate::{
    Activation, Convolve, Divisor, FeatureMap, GroupNorm, GrowingMap, Norm, SqueezeExcite, Window,
    add, add_scaled, average_pool, convolve, feature_map::Order, global_mean, group_norm, max_pool,
    normalize, squeeze_excite,
};

/// A tensor in double precision that gradients may be taken through.
fn draw<const D: usize>(shape: [usize; D], low: f64) -> Tensor<D> {
    let plain = Tensor::<D>::random(shape, Distribution::Uniform(low, 1.0), &Device::flex());
    Tensor::from_inner(plain.cast(DType::F64))
}

/// Runs `task` over a map in each order, and compares what comes out, and its gradient.
fn agree<const D: usize>(what: &str, shape: [usize; 4], task: impl Fn(FeatureMap) -> Tensor<D>) {
    let x = draw(shape, -1.0).inner();
    let run = |order| {
        let x = Tensor::from_inner(x.clone()).require_grad();
        let map = match order {
            Order::ChannelsLast => FeatureMap::new(x.clone()),
            Order::ChannelsFirst => FeatureMap::first(x.clone()),
        };
        assert_eq!(map.order(), order);
        let y = task(map);
        let gradients = (y.clone() * y.clone()).sum().backward();
        [x.grad(&gradients).unwrap().flatten::<1>(0, 3), y.inner().flatten::<1>(0, D - 1)]
    };
    let (ours, composed) = (run(Order::ChannelsLast), run(Order::ChannelsFirst));
    for (ours, composed) in ours.into_iter().zip(composed) {
        let difference: f64 = (ours - composed).abs().max().into_scalar();
        assert!(difference < 2e-6, "{what}: {difference:.1e}");
    }
}

#[test]
fn convolutions_are_the_same_in_both_orders() {
    let vectors: [Tensor<1>; 5] = [0.5, -1.0, -1.0, 0.1, -1.0].map(|low| draw([6], low));
    let shortcut = draw([2, 6, 4, 3], -1.0);
    let before_and_after = Window { before: [1, 0], after: [2, 1], ..Window::square(3, 2, 0) };
    for (groups, norm) in [(1, 0), (1, 1), (2, 2), (6, 1), (6, 2)] {
        let weight = draw([6, 6 / groups, 3, 3], -1.0);
        for activation in [Activation::Relu6, Activation::HardSwish, Activation::Silu] {
            for joined in [false, true] {
                let task = |x: FeatureMap| {
                    let [gamma, beta, mean, variance, bias] = vectors.clone();
                    let with = Convolve {
                        weight: weight.clone(),
                        bias: Some(bias),
                        window: before_and_after,
                        groups,
                        norm: match norm {
                            0 => Norm::None,
                            1 => Norm::Running { gamma, beta, mean, variance, epsilon: 1e-3 },
                            _ => Norm::Batch { gamma, beta, epsilon: 1e-3 },
                        },
                        shortcut: joined.then(|| match x.order() {
                            Order::ChannelsLast => FeatureMap::new(shortcut.clone()),
                            Order::ChannelsFirst => FeatureMap::first(shortcut.clone()),
                        }),
                        dropout: 0.0,
                        activation,
                        packed: None,
                    };
                    let (y, statistics) = convolve(x, with);
                    // What the batch's statistics are counts as well.
                    let mean = statistics.map_or(0.0, |statistics| {
                        assert_eq!(statistics.count, 2 * 4 * 3);
                        (statistics.mean.sum() + statistics.variance.sum()).into_scalar::<f64>()
                    });
                    y.into_tensor() + mean
                };
                let what = format!("{groups} groups, norm {norm}, {activation:?}, joined {joined}");
                agree(&what, [2, 6, 7, 6], task);
            }
        }
    }
}

#[test]
fn everything_else_is_the_same_in_both_orders() {
    let padded = Window { before: [1, 0], after: [0, 1], ..Window::square(2, 2, 0) };
    let shape = [3, 4, 5, 6];
    agree("maximum", shape, |x| max_pool(x, padded).into_tensor());
    for divisor in [Divisor::Pixels, Divisor::Positions] {
        agree("average", shape, |x| average_pool(x, padded, divisor).into_tensor());
    }
    for activation in [Activation::Relu, Activation::Gelu] {
        let vector = |value: f64| Tensor::<1>::full([4], value, (&Device::flex(), DType::F64));
        let norm = || Norm::Running {
            gamma: vector(0.5),
            beta: vector(0.25),
            mean: vector(-1.0),
            variance: vector(2.0),
            epsilon: 1e-3,
        };
        agree("norm", shape, |x| normalize(x, norm(), activation).0.into_tensor());
        let groups =
            || GroupNorm { gamma: vector(0.5), beta: vector(0.25), groups: 2, epsilon: 1e-3 };
        agree("groups", shape, |x| group_norm(x, groups(), activation).into_tensor());
    }
    agree("growing", shape, |x| GrowingMap::new(x.clone(), 8).push(x).into_map().into_tensor());
    agree("frame", shape, |x| x.pad_pixels(1).into_tensor());
    agree("concat", shape, |x| FeatureMap::concat(vec![x.clone(), x]).into_tensor());
    agree("mean", shape, global_mean);
    agree("padding", shape, |x| x.pad_channels(1, 2).into_tensor());
    let added = draw(shape, -1.0);
    for activation in [Activation::Identity, Activation::Relu, Activation::Gelu] {
        agree("addition", shape, |x| {
            add(x, FeatureMap::new(added.clone()), activation).into_tensor()
        });
        agree("addition", shape, |x| {
            add(FeatureMap::first(added.clone()), x, activation).into_tensor()
        });
    }
    let factors = draw([3], 0.0);
    agree("branch", shape, |x| {
        add_scaled(x, factors.clone(), FeatureMap::new(added.clone())).into_tensor()
    });
    let excite = SqueezeExcite {
        reduce: draw([2, 4, 1, 1], -1.0),
        reduce_bias: draw([2], -1.0),
        expand: draw([4, 2, 1, 1], -1.0),
        expand_bias: draw([4], -1.0),
        activations: [Activation::Silu, Activation::Sigmoid],
    };
    agree("excitation", shape, |x| squeeze_excite(x, excite.clone()).into_tensor());
}

/// A type that our kernels do not have still computes.
#[test]
fn half_precision_composes() {
    let x = draw([2, 3, 8, 8], -1.0);
    let weight = draw([5, 3, 3, 3], -1.0);
    let run = |dtype: DType| {
        let with = Convolve {
            weight: weight.clone().cast(dtype),
            bias: None,
            window: Window::square(3, 1, 1),
            groups: 1,
            norm: Norm::None,
            shortcut: None,
            dropout: 0.0,
            activation: Activation::Relu,
            packed: None,
        };
        let (y, _) = convolve(FeatureMap::new(x.clone().cast(dtype)), with);
        global_mean(max_pool(y, Window::square(2, 2, 0))).cast(DType::F64)
    };
    let difference: f64 = (run(DType::F16) - run(DType::F64)).abs().max().into_scalar();
    assert!(difference < 1e-2, "{difference}");
}
