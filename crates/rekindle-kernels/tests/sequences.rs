//! Attention and norms of rows beside Burn's own operations in double precision, for random shapes and lengths: values and
//! all gradients, on every set of instructions that the machine has.

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

use std::process::Command;

use burn::{
    prelude::*,
    tensor::{
        DType, TensorData,
        activation::{sigmoid, softmax, tanh},
        module,
    },
};
use rekindle_kernels::{
    Attention, Isa, PackedWeights, Recur, Recurrence, RecurrentState, RecurrentWeights, attention,
    embedding, layer_norm, pad, recurrent, self_attention, unpad,
};

mod support;

use support::{Random, apart, leaf, wide};

const TYPES: [(DType, f64); 2] = [(DType::F64, 1e-7), (DType::F32, 2e-5)];

/// Attention by Burn's operations; padding is taken out of the result.
fn composed(
    parts: [Tensor<3>; 3],
    mask: Tensor<2>,
    bias: Option<Tensor<4>>,
    heads: usize,
    scale: f64,
) -> Tensor<3> {
    thinned(parts, mask, bias, (heads, scale), |shares| shares)
}

/// The same where something happens to what each token looks at, `[batch, heads, length, length]`.
fn thinned(
    parts: [Tensor<3>; 3],
    mask: Tensor<2>,
    bias: Option<Tensor<4>>,
    (heads, scale): (usize, f64),
    thin: impl Fn(Tensor<4>) -> Tensor<4>,
) -> Tensor<3> {
    let [batch, length, channels] = parts[0].dims();
    let apart = |x: Tensor<3>| x.reshape([batch, length, heads, channels / heads]).swap_dims(1, 2);
    let [query, key, value] = parts.map(apart);
    let scores = query.matmul(key.swap_dims(2, 3)) * scale;
    let scores = match bias {
        Some(bias) => {
            let texts = bias.dims()[0];
            scores + bias.repeat_dim(0, batch / texts)
        }
        None => scores,
    };
    let scores = scores + ((mask.clone() - 1.0) * 1e30).reshape([batch, 1, 1, length]);
    let shares = thin(softmax(scores, 3));
    let out = shares.matmul(value).swap_dims(1, 2).reshape([batch, length, channels]);
    out * mask.unsqueeze_dim::<3>(2)
}

/// Who computes attention, and of what.
#[derive(Debug, Clone, Copy)]
enum Computed {
    ByBurn,
    Apart,
    Together,
}

fn attention_is_burns() {
    let mut random = Random(1);
    for case in 0..60 {
        let of_batch = random.range(1, 4);
        // Texts whose scores have something of their own added, and a batch of several times as many.
        let texts = [1, of_batch][random.range(0, 1)];
        let batch = [of_batch, texts * random.range(1, 11)][random.range(0, 1)];
        let heads = random.range(1, 4);
        let (length, width) = (random.range(1, 40), random.range(1, 37));
        let shape = [batch, length, heads * width];
        let data = [(); 4].map(|()| random.tensor(shape, -1.0, 1.0));
        let lengths: Vec<usize> = (0..batch).map(|_| random.range(1, length)).collect();
        let mask: Vec<f32> = lengths
            .iter()
            .flat_map(|n| (0..length).map(move |at| f32::from(u8::from(at < *n))))
            .collect();
        let mask = TensorData::new(mask, [batch, length]);
        let own = [texts, random.range(0, 1) * (heads - 1) + 1];
        let bias =
            (case % 3 > 0).then(|| random.tensor([own[0], own[1], length, length], -1.0, 1.0));
        let scale = 1.0 / (width as f64).sqrt();
        let run = |dtype: DType, computed: Computed| {
            let leaves = [0, 1, 2].map(|at| leaf::<3>(&data[at], dtype));
            let constant = |data: &TensorData| data.clone().convert_dtype(dtype);
            let device = Device::flex().autodiff();
            let mask = Tensor::<2>::from_data(constant(&mask), (&device, dtype));
            let bias = bias.as_ref().map(|bias| match case % 3 {
                1 => leaf::<4>(bias, dtype),
                _ => Tensor::<4>::from_data(constant(bias), (&device, dtype)),
            });
            let with = Attention { heads, mask: &mask, bias: bias.clone(), scale, dropout: 0.0 };
            let ours = |out: Tensor<3>| out * mask.clone().unsqueeze_dim::<3>(2);
            let out = match computed {
                Computed::Apart => ours(attention(leaves.clone(), with)),
                Computed::Together => ours(self_attention(Tensor::cat(leaves.to_vec(), 2), with)),
                Computed::ByBurn => {
                    composed(leaves.clone(), mask.clone(), bias.clone(), heads, scale)
                }
            };
            let weights = Tensor::<3>::from_data(constant(&data[3]), (&device, dtype));
            let gradients = (out.clone() * weights).sum().backward();
            let of_leaves = leaves.map(|leaf| wide(leaf.grad(&gradients).unwrap()));
            let of_bias = bias.and_then(|bias| bias.grad(&gradients)).map(wide);
            let [query, key, value] = of_leaves;
            [wide(out), query, key, value, of_bias.unwrap_or_default()]
        };
        let expected = run(DType::F64, Computed::ByBurn);
        assert_eq!(expected[4].is_empty(), case % 3 != 1);
        for (dtype, tolerance) in TYPES {
            for computed in [Computed::Apart, Computed::Together] {
                let found = run(dtype, computed);
                let names = ["output", "query", "key", "value", "bias"];
                for (name, (found, expected)) in names.iter().zip(found.iter().zip(&expected)) {
                    assert_eq!(found.len(), expected.len(), "case {case} {name}");
                    let error = apart(found, expected);
                    assert!(
                        error < tolerance,
                        "case {case} {computed:?} {dtype:?} {name}: {error:e} at {shape:?} {lengths:?}"
                    );
                }
            }
        }
    }
}

/// Values that are all of one token tell what is dropped; the same is dropped of others by the same random numbers, and on the
/// way back.
fn what_is_dropped_is_not_seen_and_has_no_slope() {
    let mut random = Random(9);
    let device = Device::flex().autodiff();
    for case in 0..20 {
        let (batch, heads) = (random.range(1, 3), random.range(1, 3));
        let length = random.range(8, 40);
        let width = length + random.range(0, 3);
        let shape = [batch, length, heads * width];
        let data = [(); 4].map(|()| random.tensor(shape, -1.0, 1.0));
        let lengths: Vec<usize> = (0..batch).map(|_| random.range(5, length)).collect();
        let mask =
            lengths.iter().flat_map(|n| (0..length).map(move |at| f32::from(u8::from(at < *n))));
        let mask = TensorData::new(mask.collect::<Vec<_>>(), [batch, length]);
        let (scale, dropout) = (0.3, [0.1, 0.5][case % 2]);
        let run = |parts: [Tensor<3>; 3], dtype: DType, dropout: f64| {
            device.seed(case as u64);
            let mask = mask.clone().convert_dtype(dtype);
            let mask = Tensor::<2>::from_data(mask, (&device, dtype));
            let with = Attention { heads, mask: &mask, bias: None, scale, dropout };
            attention(parts, with) * mask.clone().unsqueeze_dim::<3>(2)
        };
        // Each token of each head has a channel of its own.
        let own = (0..batch * length * heads * width).map(|at| {
            let (token, channel) = (at / (heads * width) % length, at % width);
            f32::from(u8::from(token == channel))
        });
        let own = TensorData::new(own.collect::<Vec<_>>(), shape);
        let seen = |dropout| {
            let parts = [&data[0], &data[1], &own].map(|data| leaf::<3>(data, DType::F64));
            let out = run(parts, DType::F64, dropout);
            out.reshape([batch, length, heads, width]).swap_dims(1, 2).narrow(3, 0, length)
        };
        let (all, left) = (wide(seen(0.0)), wide(seen(dropout)));
        let kept = 1.0 / (1.0 - dropout);
        let factor = |(all, left): (&f64, &f64)| if *all == 0.0 { 0.0 } else { left / all };
        let factors: Vec<f64> = all.iter().zip(&left).map(factor).collect();
        let count = |of: &dyn Fn(f64) -> bool| factors.iter().filter(|x| of(**x)).count() as f64;
        let there = all.iter().filter(|share| **share > 0.0).count() as f64;
        let whole = count(&|x| (x / kept - 1.0).abs() < 1e-4);
        assert_eq!(whole + count(&|x| x == 0.0), factors.len() as f64, "case {case}");
        let (dropped, spread) = (1.0 - whole / there, (dropout * (1.0 - dropout) / there).sqrt());
        assert!((dropped - dropout).abs() < 5.0 * spread, "case {case}: {dropped} of {there}");

        let factors = TensorData::new(factors, [batch, heads, length, length]);
        let gradients = |dtype: DType, ours: bool| {
            let leaves = [0, 1, 2].map(|at| leaf::<3>(&data[at], dtype));
            let out = if ours {
                run(leaves.clone(), dtype, dropout)
            } else {
                let constant = mask.clone().convert_dtype(dtype);
                let mask = Tensor::<2>::from_data(constant, (&device, dtype));
                let factors = Tensor::<4>::from_data(factors.clone(), (&device, dtype));
                thinned(leaves.clone(), mask, None, (heads, scale), |shares| {
                    shares * factors.clone()
                })
            };
            let weights = data[3].clone().convert_dtype(dtype);
            let weights = Tensor::<3>::from_data(weights, (&device, dtype));
            let gradients = (out.clone() * weights).sum().backward();
            let [query, key, value] = leaves.map(|leaf| wide(leaf.grad(&gradients).unwrap()));
            [wide(out), query, key, value]
        };
        let expected = gradients(DType::F64, false);
        for (dtype, tolerance) in TYPES {
            for (found, expected) in gradients(dtype, true).iter().zip(&expected) {
                let error = apart(found, expected);
                assert!(error < tolerance, "case {case} {dtype:?}: {error:e}");
            }
        }
        // Where nothing trains, nothing is dropped.
        let plain =
            data.each_ref().map(|data| Tensor::<3>::from_data(data.clone(), &Device::flex()));
        let [query, key, value, _] = plain;
        let mask = Tensor::<2>::from_data(mask.clone(), &Device::flex());
        let out = |dropout| {
            let with = Attention { heads, mask: &mask, bias: None, scale, dropout };
            wide(attention([query.clone(), key.clone(), value.clone()], with))
        };
        assert_eq!(out(dropout), out(0.0));
    }
}

fn norms_are_burns() {
    let mut random = Random(2);
    for case in 0..40 {
        let shape = [random.range(1, 5), random.range(1, 70), random.range(1, 90)];
        let (x, dy) = (random.tensor(shape, -1.0, 1.0), random.tensor(shape, -1.0, 1.0));
        let (gamma, beta) =
            (random.tensor([shape[2]], -1.0, 1.0), random.tensor([shape[2]], -1.0, 1.0));
        let shifts = case % 2 == 0;
        let run = |dtype: DType, ours: bool| {
            let (x, gamma, beta) =
                (leaf::<3>(&x, dtype), leaf::<1>(&gamma, dtype), leaf::<1>(&beta, dtype));
            let shift = shifts.then(|| beta.clone());
            let y = match ours {
                true => layer_norm(x.clone(), gamma.clone(), shift, 1e-3),
                false => module::layer_norm(x.clone(), gamma.clone(), shift, 1e-3),
            };
            let weights = dy.clone().convert_dtype(dtype);
            let weights = Tensor::<3>::from_data(weights, (&Device::flex().autodiff(), dtype));
            let gradients = (y.clone() * weights).sum().backward();
            let mut found = vec![
                wide(y),
                wide(x.grad(&gradients).unwrap()),
                wide(gamma.grad(&gradients).unwrap()),
            ];
            found.extend(beta.grad(&gradients).map(wide));
            found
        };
        let expected = run(DType::F64, false);
        for (dtype, tolerance) in TYPES {
            let found = run(dtype, true);
            assert_eq!(found.len(), expected.len());
            for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let error = apart(found, expected);
                assert!(error < tolerance, "case {case} {dtype:?} {at}: {error:e} at {shape:?}");
            }
        }
    }
}

/// A layer step by step by Burn's operations, row by row: outputs, the last state, the last cell.
fn stepped(
    [x, weight, bias]: [Tensor<2>; 3],
    [hidden, cell]: [Tensor<2>; 2],
    (kind, reverse): (Recurrence, bool),
    (time, lengths): (usize, &[usize]),
) -> [Tensor<2>; 3] {
    let [rows, units] = weight.dims();
    let (mut outputs, mut last, mut cells) = (Vec::new(), Vec::new(), Vec::new());
    for (text, &length) in lengths.iter().enumerate() {
        let [mut h, mut c] = [&hidden, &cell].map(|state| state.clone().narrow(0, text, 1));
        let mut own = vec![Tensor::zeros([1, units], (&x.device(), x.dtype())); time];
        for index in 0..length {
            let step = if reverse { length - 1 - index } else { index };
            let now = x.clone().narrow(0, text * time + step, 1);
            let fed =
                h.clone().matmul(weight.clone().swap_dims(0, 1)) + bias.clone().reshape([1, rows]);
            let gate = |of: &Tensor<2>, at: usize| of.clone().narrow(1, at * units, units);
            match kind {
                Recurrence::Lstm => {
                    let all = now + fed;
                    let [i, f, o] = [0, 1, 3].map(|at| sigmoid(gate(&all, at)));
                    c = f * c + i * tanh(gate(&all, 2));
                    h = o * tanh(c.clone());
                }
                Recurrence::Gru => {
                    let [r, z] = [0, 1].map(|at| sigmoid(gate(&now, at) + gate(&fed, at)));
                    let n = tanh(gate(&now, 2) + r * gate(&fed, 2));
                    h = (z.clone().neg() + 1.0) * n + z * h;
                }
                Recurrence::Rnn => h = tanh(now + fed),
            }
            own[step] = h.clone();
        }
        outputs.extend(own);
        last.push(h);
        cells.push(c);
    }
    [outputs, last, cells].map(|rows| Tensor::cat(rows, 0))
}

fn recurrent_layers_are_burns() {
    let mut random = Random(4);
    for case in 0..36 {
        let kind = [Recurrence::Lstm, Recurrence::Gru, Recurrence::Rnn][case % 3];
        let directions = 1 + case / 3 % 2;
        let [batch, time, inputs, units] =
            [(1, 6), (1, 9), (1, 30), (1, 37)].map(|(low, high)| random.range(low, high));
        let width = kind.gates() * units;
        let lengths: Vec<usize> = (0..batch).map(|_| random.range(0, time)).collect();
        let mask: Vec<f32> = lengths
            .iter()
            .flat_map(|n| (0..time).map(move |at| f32::from(u8::from(at < *n))))
            .collect();
        let mask = TensorData::new(mask, [batch, time]);
        // The input, and each direction's weights, biases, first state and first cell.
        let of_one = [
            [width, inputs],
            [width, units],
            [1, width],
            [1, width],
            [batch, units],
            [batch, units],
        ];
        let shapes = [[batch * time, inputs]].into_iter();
        let shapes = shapes.chain((0..directions).flat_map(|_| of_one));
        let data: Vec<TensorData> = shapes.map(|shape| random.tensor(shape, -1.0, 1.0)).collect();
        let all = directions * units;
        let weights = [[batch * time, all], [batch, all], [batch, all]]
            .map(|shape| random.tensor(shape, -1.0, 1.0));
        // Half of the layers begin with zeros.
        let begins = case % 2 == 0;
        let run = |dtype: DType, ours: bool| {
            let leaves: Vec<Tensor<2>> = data.iter().map(|data| leaf(data, dtype)).collect();
            let x = leaves[0].clone();
            let options = (&Device::flex().autodiff(), dtype);
            let constant = |data: &TensorData| data.clone().convert_dtype(dtype);
            let of = |direction: usize| -> [Tensor<2>; 6] {
                std::array::from_fn(|at| leaves[1 + direction * 6 + at].clone())
            };
            let given = if ours {
                let mask = Tensor::<2>::from_data(constant(&mask), options);
                let stacked = |at: usize| {
                    let states = (0..directions).map(|direction| of(direction)[at].clone());
                    Tensor::stack::<3>(states.collect(), 0)
                };
                let weights = |direction: usize| {
                    let [weight_ih, weight_hh, bias_ih, bias_hh, ..] = of(direction);
                    let [bias_ih, bias_hh] = [bias_ih, bias_hh].map(|bias| bias.reshape([width]));
                    let packed = PackedWeights::default();
                    RecurrentWeights { weight_ih, weight_hh, bias_ih, bias_hh, packed }
                };
                let state = begins.then(|| RecurrentState { hidden: stacked(4), cell: stacked(5) });
                let directions = (0..directions).map(weights).collect();
                let with = Recur { kind, directions, state, mask: Some(&mask) };
                let (y, state) = recurrent(x.reshape([batch, time, inputs]), with);
                let beside = |state: Tensor<3>| state.swap_dims(0, 1).reshape([batch, all]);
                [y.reshape([batch * time, all]), beside(state.hidden), beside(state.cell)]
            } else {
                let found = (0..directions).map(|direction| {
                    let [weight_ih, weight, bias_ih, bias, hidden, cell] = of(direction);
                    let x = x.clone().matmul(weight_ih.swap_dims(0, 1)) + bias_ih;
                    let share = if begins { 1.0 } else { 0.0 };
                    let states = [hidden * share, cell * share];
                    stepped([x, weight, bias], states, (kind, direction > 0), (time, &lengths))
                });
                let found: Vec<[Tensor<2>; 3]> = found.collect();
                [0, 1, 2]
                    .map(|at| Tensor::cat(found.iter().map(|found| found[at].clone()).collect(), 1))
            };
            let loss = given.iter().zip(&weights).map(|(given, weights)| {
                (given.clone() * Tensor::<2>::from_data(constant(weights), options)).sum()
            });
            let gradients = loss.reduce(|a, b| a + b).unwrap().backward();
            let mut found: Vec<Vec<f64>> = given.into_iter().map(wide).collect();
            let zeros = |leaf: &Tensor<2>| vec![0.0; leaf.shape().num_elements()];
            // A layer that never steps has no gradients of its weights in Burn's graph.
            found.extend(
                leaves.iter().map(|leaf| leaf.grad(&gradients).map_or_else(|| zeros(leaf), wide)),
            );
            found
        };
        let expected = run(DType::F64, false);
        for (dtype, tolerance) in TYPES {
            for (at, (found, expected)) in run(dtype, true).iter().zip(&expected).enumerate() {
                let error = apart(found, expected);
                assert!(
                    error < tolerance,
                    "case {case} {kind:?} {dtype:?} {at}: {error:e} for {directions} of {batch} x {time} x {units}, {lengths:?}"
                );
            }
        }
    }
}

/// What texts go through without the padding between them is what they go through with it, there and back.
fn texts_without_padding_are_those_with_it() {
    let mut random = Random(5);
    for case in 0..20 {
        let (batch, heads) = (random.range(1, 5), random.range(1, 3));
        let (length, width) = (random.range(2, 20), random.range(1, 20));
        let shape = [batch, length, heads * width];
        let data = [(); 4].map(|()| random.tensor(shape, -1.0, 1.0));
        // The first text is the longest, and the last ends before it or is nothing at all.
        let mut lengths: Vec<usize> = (0..batch).map(|_| random.range(0, length)).collect();
        lengths[batch - 1] = random.range(0, length - 1);
        let mask: Vec<f32> = lengths
            .iter()
            .flat_map(|n| (0..length).map(move |at| f32::from(u8::from(at < *n))))
            .collect();
        let mask = Tensor::<2>::from_data(
            TensorData::new(mask, [batch, length]),
            &Device::flex().autodiff(),
        );
        let bias = (case % 2 == 0).then(|| random.tensor([1, heads, length, length], -1.0, 1.0));
        let device = Device::flex().autodiff();
        let with = || Attention {
            heads,
            mask: &mask,
            bias: bias.as_ref().map(|bias| Tensor::from_data(bias.clone(), &device)),
            scale: 0.3,
            dropout: 0.0,
        };
        let run = |dense: bool| {
            let leaves = [0, 1, 2].map(|at| leaf::<3>(&data[at], DType::F32));
            let out = if dense {
                let tokens = leaves.each_ref().map(|leaf| unpad(leaf, &mask).unwrap());
                assert_eq!(tokens[0].dims()[1], lengths.iter().sum::<usize>());
                pad(attention(tokens, with()), &mask)
            } else {
                attention(leaves.clone(), with())
            };
            let weights = Tensor::<3>::from_data(data[3].clone(), &device);
            let gradients = (out.clone() * weights).sum().backward();
            let [query, key, value] = leaves.map(|leaf| wide(leaf.grad(&gradients).unwrap()));
            [wide(out), query, key, value]
        };
        assert_eq!(run(true), run(false), "case {case}: {shape:?} {lengths:?}");
    }
}

fn rows_of_tables_are_burns() {
    let mut random = Random(6);
    for case in 0..20 {
        let [rows, channels, batch, length] =
            [(1, 40), (1, 30), (1, 5), (1, 40)].map(|(low, high)| random.range(low, high));
        // Every second time no row is taken twice.
        let (batch, length) = if case % 2 == 0 { (batch, length) } else { (1, length.min(rows)) };
        let ids: Vec<i64> = match case % 2 {
            0 => (0..batch * length).map(|_| random.range(0, rows - 1) as i64).collect(),
            _ => (0..length).map(|at| (rows - 1 - at) as i64).collect(),
        };
        let ids = TensorData::new(ids, [batch, length]);
        let (table, dy) = (
            random.tensor([rows, channels], -1.0, 1.0),
            random.tensor([batch, length, channels], -1.0, 1.0),
        );
        let run = |dtype: DType, ours: bool| {
            let device = Device::flex().autodiff();
            let table = leaf::<2>(&table, dtype);
            let ids = Tensor::<2, Int>::from_data(ids.clone(), &device);
            let y = match ours {
                true => embedding(table.clone(), ids),
                false => module::embedding(table.clone(), ids),
            };
            let weights = dy.clone().convert_dtype(dtype);
            let weights = Tensor::<3>::from_data(weights, (&device, dtype));
            let gradients = (y.clone() * weights).sum().backward();
            [wide(y), wide(table.grad(&gradients).unwrap())]
        };
        let expected = run(DType::F64, false);
        for (dtype, tolerance) in TYPES {
            for (found, expected) in run(dtype, true).iter().zip(&expected) {
                let error = apart(found, expected);
                assert!(error < tolerance, "case {case} {dtype:?}: {error:e}");
            }
        }
    }
}

/// Burn's variance is a sum of squares in another order, so the tolerance is not the last bit's.
#[test]
fn everything_is_burns_on_every_set_of_instructions() {
    if std::env::var_os("REKINDLE_SEQUENCES").is_some() {
        attention_is_burns();
        what_is_dropped_is_not_seen_and_has_no_slope();
        norms_are_burns();
        recurrent_layers_are_burns();
        texts_without_padding_are_those_with_it();
        rows_of_tables_are_burns();
        return;
    }
    for isa in Isa::available() {
        let program = std::env::current_exe().unwrap();
        let status = Command::new(program)
            .env("REKINDLE_SEQUENCES", "1")
            .env("REKINDLE_ISA", format!("{isa:?}"))
            .args(["--exact", "everything_is_burns_on_every_set_of_instructions", "--nocapture"])
            .status()
            .unwrap();
        assert!(status.success(), "{isa:?}");
    }
}

/// A text is the same bits alone and beside longer ones, and on any number of threads.
#[test]
fn a_text_is_the_same_in_any_batch() {
    let mut random = Random(3);
    let [query, key, value] = [(); 3].map(|()| random.tensor([2, 9, 12], -1.0, 1.0));
    let tensor = |data: &TensorData| Tensor::<3>::from_data(data.clone(), &Device::flex());
    let both = [&query, &key, &value].map(tensor);
    let mask = |rows: &[f32], shape: [usize; 2]| {
        Tensor::<2>::from_data(TensorData::new(rows.to_vec(), shape), &Device::flex())
    };
    let full: Vec<f32> = (0..18).map(|at| f32::from(u8::from(!(5..9).contains(&at)))).collect();
    let with = |mask| Attention { heads: 3, mask, bias: None, scale: 0.5, dropout: 0.0 };
    let (of_both, of_one) = (mask(&full, [2, 9]), mask(&[1.0; 5], [1, 5]));
    let beside = attention(both.clone(), with(&of_both));
    let alone = attention(both.map(|x| x.slice([0..1, 0..5])), with(&of_one));
    beside.slice([0..1, 0..5]).into_data().assert_eq(&alone.into_data(), true);
}

/// A direction of zeros: rows of the gates, numbers of a step, units.
fn untrained([rows, inputs, units]: [usize; 3]) -> RecurrentWeights {
    let device = Device::flex();
    RecurrentWeights {
        weight_ih: Tensor::zeros([rows, inputs], &device),
        weight_hh: Tensor::zeros([rows, units], &device),
        bias_ih: Tensor::zeros([rows], &device),
        bias_hh: Tensor::zeros([rows], &device),
        packed: PackedWeights::default(),
    }
}

/// Nothing in gives nothing out, and what does not fit is refused before anything is read.
#[test]
fn empty_and_absurd_inputs_are_safe() {
    let device = Device::flex();
    let zeros = |shape: [usize; 3]| Tensor::<3>::zeros(shape, &device);
    for shape in [[0, 3, 4], [2, 0, 4], [2, 3, 0]] {
        let mask = Tensor::<2>::ones([shape[0], shape[1]], &device);
        let with = Attention { heads: 2, mask: &mask, bias: None, scale: 1.0, dropout: 0.0 };
        assert_eq!(attention([zeros(shape), zeros(shape), zeros(shape)], with).dims(), shape);
    }
    assert_eq!(
        layer_norm(zeros([0, 3, 4]), Tensor::ones([4], &device), None, 1e-5).dims(),
        [0, 3, 4]
    );
    for [batch, time, units] in [[0, 3, 4], [2, 0, 4], [2, 3, 0]] {
        let directions = vec![untrained([3 * units, 5, units]); 2];
        let with = Recur { kind: Recurrence::Gru, directions, state: None, mask: None };
        let y = recurrent(zeros([batch, time, 5]), with).0;
        assert_eq!(y.dims(), [batch, time, 2 * units]);
    }
    let huge = Tensor::<1>::zeros([1], &device).expand([1 << 30, 1 << 30, 4]);
    type Refused = (&'static str, Box<dyn FnOnce() + std::panic::UnwindSafe>);
    let refused: [Refused; 10] = [
        (
            "7 channels of queries",
            Box::new(move || {
                let mask = Tensor::<2>::ones([1, 2], &Device::flex());
                let with =
                    Attention { heads: 1, mask: &mask, bias: None, scale: 1.0, dropout: 0.0 };
                self_attention(Tensor::zeros([1, 2, 7], &Device::flex()), with);
            }),
        ),
        (
            "a bias of",
            Box::new(move || {
                let mask = Tensor::<2>::ones([2, 3], &Device::flex());
                let bias = Some(Tensor::zeros([1, 2, 3, 2], &Device::flex()));
                let with = Attention { heads: 2, mask: &mask, bias, scale: 1.0, dropout: 0.0 };
                self_attention(Tensor::zeros([2, 3, 12], &Device::flex()), with);
            }),
        ),
        (
            "a bias of",
            Box::new(move || {
                let mask = Tensor::<2>::ones([3, 2], &Device::flex());
                let bias = Some(Tensor::zeros([2, 1, 2, 2], &Device::flex()));
                let with = Attention { heads: 2, mask: &mask, bias, scale: 1.0, dropout: 0.0 };
                self_attention(Tensor::zeros([3, 2, 12], &Device::flex()), with);
            }),
        ),
        (
            "heads",
            Box::new(move || {
                let mask = Tensor::<2>::ones([1, 2], &Device::flex());
                let x = Tensor::<3>::zeros([1, 2, 4], &Device::flex());
                let with =
                    Attention { heads: 3, mask: &mask, bias: None, scale: 1.0, dropout: 0.0 };
                attention([x.clone(), x.clone(), x], with);
            }),
        ),
        (
            "a mask of other texts",
            Box::new(move || {
                let mask = Tensor::<2>::ones([1, 3], &Device::flex());
                let x = Tensor::<3>::zeros([1, 2, 4], &Device::flex());
                let with =
                    Attention { heads: 2, mask: &mask, bias: None, scale: 1.0, dropout: 0.0 };
                attention([x.clone(), x.clone(), x], with);
            }),
        ),
        (
            "gates of 2 units",
            Box::new(move || {
                let directions = vec![untrained([6, 8, 2])];
                let with = Recur { kind: Recurrence::Lstm, directions, state: None, mask: None };
                recurrent(Tensor::zeros([1, 2, 8], &Device::flex()), with);
            }),
        ),
        (
            "of 3 directions",
            Box::new(move || {
                let directions = vec![untrained([8, 8, 2]); 3];
                let with = Recur { kind: Recurrence::Lstm, directions, state: None, mask: None };
                recurrent(Tensor::zeros([1, 2, 8], &Device::flex()), with);
            }),
        ),
        (
            "beyond the table",
            Box::new(move || {
                let ids = Tensor::<2, Int>::from_data([[0, 2]], &Device::flex());
                embedding(Tensor::zeros([2, 3], &Device::flex()), ids);
            }),
        ),
        (
            "tokens of another shape",
            Box::new(move || {
                let mask = Tensor::<2>::from_data([[1.0, 1.0], [1.0, 0.0]], &Device::flex());
                pad(Tensor::zeros([1, 2, 4], &Device::flex()), &mask);
            }),
        ),
        (
            "numbers",
            Box::new(move || {
                layer_norm(huge, Tensor::ones([4], &Device::flex()), None, 1e-5);
            }),
        ),
    ];
    for (named, run) in refused {
        let panic = std::panic::catch_unwind(run).unwrap_err();
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or_default();
        assert!(text.contains(named), "{named}: {text}");
    }
}
