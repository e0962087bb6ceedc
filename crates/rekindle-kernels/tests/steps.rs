//! Dropout, and convolutions over time with the maximum behind them, beside Burn's own operations in double precision: values
//! and all gradients, for random shapes and lengths.

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

use std::process::Command;

use burn::{
    prelude::*,
    tensor::{DType, TensorData, activation, module::conv1d, ops::ConvOptions},
};
use rekindle_kernels::{
    Activation, Convolve, FeatureMap, Isa, Norm, Window, convolve, dropout, max_over_time,
};

mod support;

use support::{Random, apart, leaf, wide};

fn compare(what: &str, found: &[Vec<f64>], expected: &[Vec<f64>], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = apart(found, expected);
        assert!(error < tolerance, "{what}, {at}: {error:e}");
    }
}

/// What a matrix gives with some of it dropped and something added is what is left of it and that; so are the gradients, of
/// what is dropped none.
fn dropout_is_a_mask() {
    let mut random = Random(1);
    // What is dropped is drawn by the device, and nothing else in this process draws.
    Device::flex().seed(1);
    for case in 0..30 {
        let [rows, inputs, outputs] =
            [(1, 40), (1, 50), (1, 70)].map(|(low, high)| random.range(low, high));
        let share = [0.1, 0.5, 0.8][case % 3];
        let data = [[rows, inputs], [outputs, inputs], [1, outputs], [rows, outputs]]
            .map(|shape| random.tensor(shape, -1.0, 1.0));
        let weights = random.tensor([rows, outputs], -1.0, 1.0);
        let leaves = || data.each_ref().map(|data| leaf::<2>(data, DType::F64));
        let weighed = |y: &Tensor<2>| {
            let weights = weights.clone().convert_dtype(DType::F64);
            let options = (&Device::flex().autodiff(), DType::F64);
            (y.clone() * Tensor::<2>::from_data(weights, options)).sum().backward()
        };
        let found = |of: [Tensor<2>; 4], y: Tensor<2>| {
            let gradients = weighed(&y);
            let mut found = vec![wide(y)];
            found.extend(of.iter().map(|leaf| wide(leaf.grad(&gradients).unwrap())));
            found
        };
        let of = leaves();
        let [x, weight, bias, added] = of.clone();
        let map = |x: Tensor<2>| {
            let [rows, channels] = x.dims();
            FeatureMap::new(x.reshape([1, 1, rows, channels]).permute([0, 3, 1, 2]))
        };
        let with = Convolve {
            weight: weight.reshape([outputs, inputs, 1, 1]),
            bias: Some(bias.reshape([outputs])),
            window: Window::square(1, 1, 0),
            groups: 1,
            norm: Norm::None,
            dropout: share,
            shortcut: Some(map(added)),
            activation: Activation::Identity,
            packed: None,
        };
        let y = convolve(map(x), with).0.into_tensor();
        let y = y.permute([0, 2, 3, 1]).reshape([rows, outputs]);
        let ours = found(of.clone(), y.clone());
        let [x, weight, bias, added] = of;
        let mask = (y.inner() - added.inner()).abs().greater_elem(1e-12).float();
        let mask = Tensor::from_inner(mask.cast(DType::F64) * (1.0 / (1.0 - share)));
        let of = leaves();
        let [_, _, _, added] = of.clone();
        drop((x, weight, bias));
        let [x, weight, bias, _] = of.clone();
        let expected = (x.matmul(weight.swap_dims(0, 1)) + bias) * mask + added;
        compare(&format!("case {case}"), &ours, &found(of, expected), 1e-9);
    }
    // By itself it scales what it keeps, and drops the same on the way back.
    for share in [0.0, 0.3] {
        let x = Tensor::<3>::ones([5, 7, 33], &Device::flex().autodiff()).require_grad();
        let y = dropout(x.clone(), share);
        let gradients = y.clone().sum().backward();
        let (y, dx) = (wide(y), wide(x.grad(&gradients).unwrap()));
        assert_eq!(y, dx, "{share}");
        let kept = y.iter().filter(|y| **y != 0.0).count() as f64 / y.len() as f64;
        assert!((kept - (1.0 - share)).abs() < 0.08, "{share}: {kept}");
    }
}

/// Two convolutions over the same steps, each with the maximum over time behind it. The longer the texts, the fewer numbers of
/// the gradient are not zero.
fn convolutions_over_time_are_burns() {
    let mut random = Random(2);
    for case in 0..40 {
        let [batch, channels, outputs] =
            [(1, 4), (1, 20), (1, 40)].map(|(low, high)| random.range(low, high));
        let length = random.range(8, if case % 2 == 0 { 14 } else { 60 });
        let windows = [(); 2].map(|()| {
            let [kernel, stride, dilation] =
                [(2, 5), (1, 2), (1, 2)].map(|(low, high)| random.range(low, high));
            (kernel, stride, dilation, random.range(0, 3))
        });
        let x = random.tensor([batch, length, channels], -1.0, 1.0);
        let weights =
            windows.map(|(kernel, ..)| random.tensor([outputs, channels, kernel], -1.0, 1.0));
        let biases = windows.map(|_| random.tensor([outputs], -1.0, 1.0));
        let given = windows.map(|_| random.tensor([batch, outputs], -1.0, 1.0));
        let mut lengths = [(); 2].map(|()| Vec::new());
        for lengths in &mut lengths {
            lengths.extend((0..batch).map(|_| random.range(0, 60)));
        }
        let run = |dtype: DType, ours: bool| {
            let leaf_x = leaf::<3>(&x, dtype);
            let weights = weights.each_ref().map(|data| leaf::<3>(data, dtype));
            let biases = biases.each_ref().map(|data| leaf::<1>(data, dtype));
            let map = leaf_x.clone().reshape([batch, 1, length, channels]).permute([0, 3, 1, 2]);
            let map = FeatureMap::new(map);
            let options = (&Device::flex().autodiff(), dtype);
            let (mut found, mut loss) = (Vec::new(), Tensor::<1>::zeros([1], options));
            for at in 0..2 {
                let (kernel, stride, dilation, padding) = windows[at];
                let (weight, bias) = (weights[at].clone(), biases[at].clone());
                let steps = if ours {
                    let with = Convolve {
                        weight: weight.reshape([outputs, channels, 1, kernel]),
                        bias: Some(bias),
                        window: Window {
                            kernel: [1, kernel],
                            stride: [1, stride],
                            dilation: [1, dilation],
                            before: [0, padding],
                            after: [0, padding],
                        },
                        groups: 1,
                        norm: Norm::None,
                        dropout: 0.0,
                        shortcut: None,
                        activation: Activation::Relu,
                        packed: None,
                    };
                    let y = convolve(map.clone(), with).0.into_tensor();
                    y.permute([0, 2, 3, 1]).reshape([batch as i64, -1, outputs as i64])
                } else {
                    let padding = [padding];
                    let with = ConvOptions::new([stride], padding, [dilation], 1);
                    let y = conv1d(leaf_x.clone().swap_dims(1, 2), weight, Some(bias), with);
                    activation::relu(y).swap_dims(1, 2)
                };
                let time = steps.dims()[1];
                let mask: Vec<f64> = lengths[at]
                    .iter()
                    .flat_map(|n| (0..time).map(move |step| f64::from(u8::from(step < *n))))
                    .collect();
                let mask = TensorData::new(mask, [batch, time]).convert_dtype(dtype);
                let mask = Tensor::<2>::from_data(mask, options);
                let most: Tensor<2> = if ours {
                    max_over_time(steps, &mask)
                } else {
                    // Behind the activation nothing is below zero.
                    (steps * mask.unsqueeze_dim::<3>(2)).max_dim(1).reshape([batch, outputs])
                };
                let given = given[at].clone().convert_dtype(dtype);
                loss = loss + (most.clone() * Tensor::<2>::from_data(given, options)).sum();
                found.push(wide(most));
            }
            let gradients = loss.backward();
            let of = |gradient: Option<Vec<f64>>, data: &TensorData| {
                gradient.unwrap_or_else(|| vec![0.0; data.num_elements()])
            };
            found.push(of(leaf_x.grad(&gradients).map(wide), &x));
            for (weight, bias) in weights.iter().zip(&biases) {
                found.push(wide(weight.grad(&gradients).unwrap()));
                found.push(wide(bias.grad(&gradients).unwrap()));
            }
            found
        };
        let expected = run(DType::F64, false);
        for (dtype, tolerance) in [(DType::F64, 1e-9), (DType::F32, 2e-5)] {
            compare(&format!("case {case}, {dtype:?}"), &run(dtype, true), &expected, tolerance);
        }
    }
}

/// A convolution of no channels is its bias, and has gradients of no numbers, few as those behind it are.
fn nothing_goes_in() {
    let mut random = Random(4);
    let [x, weight] =
        [random.tensor([1, 0, 1, 8], 0.0, 1.0), random.tensor([3, 0, 1, 2], 0.0, 1.0)];
    let bias = random.tensor([3], 0.0, 1.0);
    let [x, weight] = [x, weight].map(|data| leaf::<4>(&data, DType::F32));
    let leaf_bias = leaf::<1>(&bias, DType::F32);
    let with = Convolve {
        weight: weight.clone(),
        bias: Some(leaf_bias.clone()),
        window: Window {
            kernel: [1, 2],
            stride: [1, 1],
            dilation: [1, 1],
            before: [0, 0],
            after: [0, 0],
        },
        groups: 1,
        norm: Norm::None,
        dropout: 0.0,
        shortcut: None,
        activation: Activation::Identity,
        packed: None,
    };
    let y = convolve(FeatureMap::new(x.clone()), with).0.into_tensor();
    assert_eq!(y.dims(), [1, 3, 1, 7]);
    let gradients = y.slice([0..1, 1..2, 0..1, 3..4]).sum().backward();
    assert_eq!(weight.grad(&gradients).map(|slope| slope.dims()), Some([3, 0, 1, 2]));
    assert_eq!(wide(leaf_bias.grad(&gradients).unwrap()), [0.0, 1.0, 0.0]);
}

fn properties() {
    dropout_is_a_mask();
    convolutions_over_time_are_burns();
    nothing_goes_in();
}

#[test]
fn with_the_best_instructions() {
    properties();
}

/// Every set of instructions below the best, each in a process of its own: the choice is made once a process.
#[test]
fn with_fewer_instructions() {
    let asked = std::env::var_os("REKINDLE_ISA");
    for isa in Isa::available().into_iter().skip(1).filter(|_| asked.is_none()) {
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "with_the_best_instructions"])
            .env("REKINDLE_ISA", format!("{isa:?}").to_lowercase())
            .status();
        assert!(status.unwrap().success(), "{isa:?}");
    }
}
