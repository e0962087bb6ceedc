//! Every kernel over small shapes, without Burn and without threads: little enough for Miri to run, which sees what no
//! sanitizer does, such as a pointer that only lies where nothing may. What the numbers are `tests/properties.rs`
//! proves over many more shapes; here they are compared with the plainest loops, and gradients by what makes them ones:
//! a map's product with the gradient of the input is the output's product with the gradient.

use super::{
    Activation, Convolution, Direction, Extent, Isa, Packed, Post, Real, Window, Written, dense,
    depthwise,
    gate::Gate,
    mean,
    norm::{self, Measure, Moments},
    pool, scale,
    slope::{self, Argument, Rest},
    update::{self, Update},
    weight_gradient,
};
use crate::memory::Buffer;

/// Numbers that are whole eighths, so that sums of a few have no rounding.
fn draw<E: Real>(seed: usize, len: usize) -> Buffer<E> {
    let mut values = Buffer::any(len);
    for (index, value) in values.iter_mut().enumerate() {
        *value = E::of(((index * 7 + index / 5 + seed * 3) % 17) as f64 / 8.0 - 1.0);
    }
    values
}

fn dot<E: Real>(a: &[E], b: &[E]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.wide() * b.wide()).sum()
}

fn close<E: Real>(what: &str, found: &[E], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let apart = (found.wide() - expected).abs();
        assert!(apart < 1e-3 * expected.abs().max(1.0), "{what}: {found:?} is not {expected}");
    }
}

/// The number of `[picture, row, column, channel]`, if it lies in the map.
fn at(map: Extent, [picture, channel]: [usize; 2], [y, x]: [isize; 2]) -> Option<usize> {
    let [y, x] = [usize::try_from(y).ok()?, usize::try_from(x).ok()?];
    let inside = y < map.height && x < map.width;
    inside.then(|| ((picture * map.height + y) * map.width + x) * map.channels + channel)
}

/// Calls `visit([number, picture, channel], source, position)` for each number of the output and each pixel that its
/// window reads.
fn each(shape: &Convolution, mut visit: impl FnMut([usize; 3], [isize; 2], usize)) {
    let Window { kernel, stride, dilation, before, .. } = shape.window;
    let output = shape.output();
    for index in 0..output.len() {
        let (pixel, channel) = (index / output.channels, index % output.channels);
        let (rows, column) = (pixel / output.width, pixel % output.width);
        let (picture, row) = (rows / output.height, rows % output.height);
        for position in 0..shape.window.positions() {
            let (i, j) = (position / kernel[1], position % kernel[1]);
            let y = (row * stride[0] + i * dilation[0]) as isize - before[0] as isize;
            let x = (column * stride[1] + j * dilation[1]) as isize - before[1] as isize;
            visit([index, picture, channel], [y, x], position);
        }
    }
}

fn convolved<E: Real>(shape: &Convolution, x: &[E], weights: &[E]) -> Vec<f64> {
    let seen = shape.channels_seen();
    let mut y = vec![0.0; shape.output().len()];
    each(shape, |[index, picture, channel], pixel, position| {
        let group = channel / (shape.channels_out / shape.groups);
        for input in 0..seen {
            let weight = (channel * seen + input) * shape.window.positions() + position;
            if let Some(at) = at(shape.input, [picture, group * seen + input], pixel) {
                y[index] += x[at].wide() * weights[weight].wide();
            }
        }
    });
    y
}

/// A convolution with what may follow it, and all of its gradients.
fn check_convolution<E: Real>(isa: Isa, shape: &Convolution) {
    let what = format!("{shape} by {isa:?}");
    let (output, depthwise) = (shape.output(), shape.is_depthwise());
    let x = draw::<E>(1, shape.input.len());
    let weights = draw::<E>(2, shape.weights());
    let added = draw::<E>(3, output.len());
    let shift = draw::<E>(4, output.channels);
    let factors = draw::<E>(5, output.channels);
    let forward = |post: &Post<'_, E>, measure: Measure| {
        let mut y = Buffer::<E>::any(output.len());
        let moments = if depthwise {
            depthwise::forward(isa, shape, &x, &weights, post, &mut y, measure)
        } else {
            let packed = Packed::new(isa, shape, Direction::Forward, &weights, None);
            dense::forward(shape, &x, &packed, post, &mut y, measure)
        };
        (y, moments)
    };
    let plain = convolved(shape, &x, &weights);
    let (y, moments) = forward(&Post::default(), Measure::Channels);
    close(&what, &y, &plain);
    let [mean, _] = moments.as_ref().map(Moments::join).unwrap();
    let pixels = output.pixels();
    let means = (0..output.channels).map(|channel| {
        (0..pixels).map(|pixel| plain[pixel * output.channels + channel]).sum::<f64>()
            / pixels.max(1) as f64
    });
    close(&format!("{what}, means"), &mean, &means.collect::<Vec<_>>());
    for activation in [Activation::Relu6, Activation::HardSwish] {
        let post = Post {
            scale: Some(&factors[..]),
            shift: Some(&shift[..]),
            residual: Some(&added[..]),
            activation,
            ..Post::default()
        };
        let expected: Vec<f64> = plain
            .iter()
            .enumerate()
            .map(|(index, y)| {
                let channel = index % output.channels;
                let u = y * factors[channel].wide() + shift[channel].wide() + added[index].wide();
                match activation {
                    Activation::Relu6 => u.clamp(0.0, 6.0),
                    _ => u * (u + 3.0).clamp(0.0, 6.0) / 6.0,
                }
            })
            .collect();
        close(&format!("{what}, {activation:?}"), &forward(&post, Measure::Nothing).0, &expected);
    }

    let dy = draw::<E>(6, output.len());
    let before = draw::<E>(7, shape.input.len());
    let mut dx = Buffer::<E>::any(shape.input.len());
    let factor = Some(&factors[..]);
    let mut dw = Buffer::<E>::any(weights.len());
    if depthwise {
        depthwise::input_gradient(isa, shape, &dy, &weights, factor, Some(&before), &mut dx);
        depthwise::weight_gradient(isa, shape, &x, &dy, &mut dw);
    } else {
        let packed = Packed::new(isa, shape, Direction::Backward, &weights, factor);
        dense::input_gradient(shape, &dy, &packed, Some(&before), &mut dx);
        weight_gradient::weight_gradient(isa, shape, &x, &dy, &mut dw);
    }
    let by_factors: f64 = (0..output.len())
        .map(|index| plain[index] * factors[index % output.channels].wide() * dy[index].wide())
        .sum();
    let product: f64 = plain.iter().zip(dy.iter()).map(|(y, dy)| y * dy.wide()).sum();
    let size = |a: &[E], b: &[E]| (dot(a, a) * dot(b, b)).sqrt().max(1.0);
    let sizes = [size(&x, &dx), size(&weights, &dw)];
    let found = [dot(&x, &dx) - dot(&x, &before), dot(&weights, &dw)];
    let found = [E::of(found[0] / sizes[0]), E::of(found[1] / sizes[1])];
    let expected = [by_factors / sizes[0], product / sizes[1]];
    close(&format!("{what}, gradients"), &found, &expected);
}

#[test]
fn convolutions() {
    let square = Window::square;
    let uneven = Window { before: [2, 0], after: [0, 1], ..square(3, 2, 0) };
    let dilated = Window { dilation: [2, 1], ..square(3, 1, 2) };
    // Batch, height, width, channels in and out, groups.
    let rows = [
        ([1, 4, 5, 3, 9, 1], square(3, 1, 1)),
        ([2, 5, 4, 5, 13, 1], square(1, 1, 0)),
        ([2, 4, 3, 20, 7, 1], square(1, 1, 0)),
        ([1, 5, 6, 4, 5, 1], uneven),
        ([1, 4, 4, 6, 9, 3], dilated),
        ([1, 3, 9, 7, 7, 7], square(3, 1, 1)),
        ([2, 6, 5, 5, 5, 5], uneven),
        ([1, 5, 4, 9, 9, 9], dilated),
        ([1, 2, 2, 3, 3, 3], square(2, 3, 0)),
        // Nothing of one or of another.
        ([0, 4, 4, 3, 5, 1], square(3, 1, 1)),
        ([1, 0, 3, 2, 3, 1], square(3, 1, 2)),
        ([1, 3, 0, 4, 4, 4], square(3, 1, 2)),
        ([1, 3, 3, 0, 3, 1], square(3, 1, 1)),
        ([1, 3, 3, 3, 0, 1], square(3, 1, 1)),
        ([1, 2, 2, 3, 3, 1], square(3, 1, 0)),
    ];
    for isa in Isa::available() {
        for ([batch, height, width, channels, out, groups], window) in rows {
            let input = Extent::new([batch, height, width, channels]);
            let shape = Convolution::new(input, out, groups, window);
            check_convolution::<f32>(isa, &shape);
            check_convolution::<f64>(isa, &shape);
        }
    }
}

/// As few channels and pixels as go through squares.
#[test]
fn convolutions_in_squares() {
    let shape =
        |batch| Convolution::new(Extent::new([batch, 12, 13, 32]), 33, 1, Window::square(3, 1, 1));
    // The gradient of weights takes squares where there are many: too many for Miri.
    let batch = if cfg!(miri) { 1 } else { 9 };
    for isa in Isa::available() {
        check_convolution::<f32>(isa, &shape(batch));
    }
}

#[test]
fn pools() {
    let window = Window { before: [1, 0], after: [0, 1], ..Window::square(2, 2, 0) };
    for isa in Isa::available() {
        for dims in [[2, 5, 4, 7], [1, 3, 3, 17], [0, 4, 4, 3], [2, 4, 4, 0]] {
            let what = format!("{dims:?} by {isa:?}");
            let input = Extent::new(dims);
            let output = pool::output(input, window);
            let x = draw::<f32>(1, input.len());
            let shape = Convolution::new(input, input.channels, input.channels.max(1), window);
            let mut most = vec![f64::NEG_INFINITY; output.len()];
            let (mut sums, mut counts) = (vec![0.0; output.len()], vec![0.0_f64; output.len()]);
            each(&shape, |[index, picture, channel], pixel, _| {
                if let Some(at) = at(input, [picture, channel], pixel) {
                    most[index] = most[index].max(x[at].wide());
                    sums[index] += x[at].wide();
                    counts[index] += 1.0;
                }
            });
            let [mut y, mut places] = [0, 1].map(|_| Buffer::<f32>::any(output.len()));
            pool::maximum(isa, input, window, &x, &mut y, Some(&mut places));
            close(&what, &y, &most);
            let dy = draw::<f32>(2, output.len());
            let mut dx = Buffer::<f32>::any(input.len());
            pool::maximum_gradient(isa, input, window, &dy, &places, &mut dx);
            close(&what, &[dot(&x, &dx) as f32], &[dot(&y, &dy)]);
            pool::average(input, window, pool::Divisor::Pixels, &x, &mut y);
            let averages: Vec<f64> =
                sums.iter().zip(&counts).map(|(sum, count)| sum / count).collect();
            close(&what, &y, &averages);
            pool::average_gradient(input, window, pool::Divisor::Pixels, &dy, &mut dx);
            close(&what, &[dot(&x, &dx) as f32], &[dot(&y, &dy)]);
            let means = mean::mean(isa, input, &x);
            let dmeans = draw::<f32>(3, means.len());
            mean::mean_gradient(input, &dmeans, &mut dx);
            close(&what, &[dot(&x, &dx) as f32], &[dot(&means, &dmeans)]);
        }
        // No pixel has no mean, and nothing is read.
        let nothing = mean::mean::<f32>(isa, Extent::new([2, 0, 4, 70]), &[]);
        assert_eq!(*nothing, [0.0; 140]);
    }
}

#[test]
fn factors_of_channels() {
    for isa in Isa::available() {
        for dims in [[2, 3, 4, 5], [1, 2, 2, 19], [2, 0, 3, 70], [0, 2, 2, 3], [2, 2, 2, 0]] {
            let input = Extent::new(dims);
            let (x, dy) = (draw::<f32>(1, input.len()), draw::<f32>(2, input.len()));
            let vectors = input.batch * input.channels;
            let (factors, constants) = (draw::<f32>(3, vectors), draw::<f32>(4, vectors));
            let mut y = Buffer::<f32>::any(input.len());
            scale::scale(isa, input, &x, &factors, Some(&constants), Some(&dy), &mut y);
            let pixels = (input.height * input.width).max(1);
            let expected = (0..input.len()).map(|index| {
                let picture = index / input.channels / pixels;
                let vector = picture * input.channels + index % input.channels;
                let sum = x[index].wide() * factors[vector].wide() + constants[vector].wide();
                sum + dy[index].wide()
            });
            close(&format!("{dims:?} by {isa:?}"), &y, &expected.collect::<Vec<_>>());
            let products = scale::products(isa, input, &x, &dy);
            assert_eq!(products.len(), vectors);
            let sum: f64 = products.iter().map(|product| f64::from(*product)).sum();
            close(&format!("{dims:?} by {isa:?}"), &[sum as f32], &[dot(&x, &dy)]);
            let (batch, squeezed) = (input.batch, dims[2] - 2);
            let [reduce, expand] = [5, 6].map(|seed| draw::<f32>(seed, squeezed * input.channels));
            let (reduce_bias, expand_bias) =
                (draw::<f32>(7, squeezed), draw::<f32>(8, input.channels));
            let gate = Gate {
                batch,
                channels: input.channels,
                squeezed,
                reduce: &reduce,
                reduce_bias: &reduce_bias,
                expand: &expand,
                expand_bias: &expand_bias,
                activations: [Activation::Relu, Activation::Identity],
            };
            let means = draw::<f32>(9, vectors);
            let found = gate.backward(isa, &means, &factors);
            assert_eq!(*gate.forward(isa, &means), *found.factors);
            assert_eq!((found.factors.len(), found.means.len()), (vectors, vectors));
            let lens = [reduce.len(), squeezed, expand.len(), input.channels];
            assert_eq!(found.weights.map(|gradient| gradient.len()), lens);
        }
    }
}

/// A norm, an addition and an activation there and back, over the map itself and to another.
#[test]
fn norms_and_slopes() {
    for isa in Isa::available() {
        for (pixels, channels) in [(9, 5), (100, 17), (0, 3), (4, 0)] {
            let len = pixels * channels;
            let (y, added, dz) = (draw::<f32>(1, len), draw::<f32>(2, len), draw::<f32>(3, len));
            let [mean, factors, shift] = [4, 5, 6].map(|seed| draw::<f32>(seed, channels));
            let mut z = Buffer::<f32>::any(len);
            let vectors = [&mean[..], &factors, &shift];
            norm::apply(
                isa,
                norm::Pixels::new(&y, channels),
                vectors,
                Some(&added),
                Activation::Relu,
                &mut z,
            );
            let expected: Vec<f64> = (0..len)
                .map(|index| {
                    let channel = index % channels;
                    let apart = y[index].wide() - mean[channel].wide();
                    let u = apart * factors[channel].wide() + shift[channel].wide();
                    (u + added[index].wide()).max(0.0)
                })
                .collect();
            close(&format!("{pixels}x{channels} by {isa:?}"), &z, &expected);
            let slopes: Vec<f64> = expected
                .iter()
                .zip(dz.iter())
                .map(|(z, dz)| if *z > 0.0 { dz.wide() } else { 0.0 })
                .collect();
            for rest in [Rest::Residual(&added[..]), Rest::Value(&z[..])] {
                let argument = Argument::Normed {
                    y: &y,
                    scale: &factors,
                    shift: &shift,
                    mean: &mean,
                    rest: Some(rest),
                };
                let read = slope::sums(isa, Activation::Relu, argument, channels, &dz);
                let mut g = Buffer::<f32>::any(len);
                let map = Written::To { from: &dz, to: &mut g };
                let sums = slope::slopes(isa, Activation::Relu, argument, channels, map);
                close("slopes", &g, &slopes);
                let mut over = Buffer::copy(&dz);
                let map = Written::Over(&mut over);
                slope::slopes(isa, Activation::Relu, argument, channels, map);
                assert_eq!((&*over, &*read.gradient), (&*g, &*sums.gradient));
                let map = Written::To { from: &dz, to: &mut g };
                slope::through_norm(isa, Activation::Relu, argument, map, &sums, &factors);
                let map = Written::Over(&mut over);
                slope::through_norm(isa, Activation::Identity, argument, map, &sums, &factors);
                assert_eq!(over.len(), g.len());
                let equal = over.iter().zip(g.iter()).all(|(over, g)| (over - g).abs() < 1e-4);
                assert!(equal, "{pixels}x{channels} by {isa:?}: {over:?} is not {g:?}");
            }
        }
    }
}

#[test]
fn steps() {
    let (lr, decay) = (0.1, 0.01);
    for isa in Isa::available() {
        for len in [0, 1, 37] {
            for (how, [has_m, has_v]) in [
                (Update::Sgd { lr, momentum: 0.0, decay, nesterov: false }, [false, false]),
                (Update::Sgd { lr, momentum: 0.9, decay, nesterov: true }, [true, false]),
                (
                    Update::AdamW { lr, betas: [0.9, 0.99], epsilon: 1e-8, decay, step: 1 },
                    [true; 2],
                ),
                (Update::Lion { lr, betas: [0.9, 0.99], decay }, [true, false]),
            ] {
                let (mut w, g) = (draw::<f32>(1, len), draw::<f32>(2, len));
                let [mut m, mut v] =
                    [has_m, has_v].map(|has| Buffer::<f32>::zeros(if has { len } else { 0 }));
                update::update(isa, how, &mut w, &g, &mut m, &mut v);
                let before = draw::<f32>(1, len);
                let moved = w.iter().zip(before.iter()).filter(|(w, before)| w != before).count();
                assert!(moved * 2 >= len, "{how:?} by {isa:?}: {moved} of {len} moved");
            }
        }
    }
}

/// A map that is written to a shorter one, or that another's argument does not fit, is refused.
#[test]
fn lengths_are_compared() {
    let isa = Isa::Portable;
    let (short, long) = (draw::<f32>(1, 12), draw::<f32>(2, 15));
    let run = |from: &[f32], to: &mut [f32], kept: &[f32]| {
        let map = Written::To { from, to };
        slope::slopes(isa, Activation::Silu, Argument::Kept(kept), 3, map);
    };
    for (from, len, kept) in [(&long, 12, &long), (&short, 15, &short), (&short, 12, &long)] {
        let task = || run(from, &mut Buffer::<f32>::any(len), kept);
        let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(task));
        assert!(refused.is_err(), "{} numbers to {len}", from.len());
    }
    let square = |channels| {
        Convolution::new(Extent::new([1, 3, 3, channels]), 8, 1, Window::square(3, 1, 1))
    };
    let packed = Packed::new(isa, &square(4), Direction::Forward, &draw::<f32>(1, 288), None);
    for shape in [square(3), square(5), square(8)] {
        let task = || {
            let x = draw::<f32>(3, shape.input.len());
            let mut y = Buffer::<f32>::any(shape.output().len());
            dense::forward(&shape, &x, &packed, &Post::default(), &mut y, Measure::Nothing);
        };
        let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(task));
        assert!(refused.is_err(), "weights of four channels for {shape}");
    }
}
