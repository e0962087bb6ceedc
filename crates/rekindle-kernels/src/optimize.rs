//! One step of an optimizer, on any backend.

use burn::{backend::Flex, prelude::*, tensor::DType};
use burn_flex::FlexTensor;

pub use crate::cpu::update::Update;
use crate::{
    cpu::{self, Isa, count},
    memory::Buffer,
    ops::{FlexReal, own, slice, tensor_in},
    profile::{Cost, measure},
};

/// Moves `weight` along its gradient, and gives back the optimizer's state: the mean of the gradients and,
/// for [`Update::AdamW`], of their squares. Without a state it is the first step; no state is kept for
/// [`Update::Sgd`] without momentum.
///
/// On Flex in `f32` and `f64` it is one pass on all threads, in place where nobody else holds the weight.
///
/// # Panics
///
/// If the shapes differ, or, on Flex, types of numbers between the weight and a state.
pub fn update<const D: usize>(
    update: Update,
    weight: Tensor<D>,
    gradient: Tensor<D>,
    state: [Option<Tensor<D>>; 2],
) -> (Tensor<D>, [Option<Tensor<D>>; 2]) {
    assert_eq!(weight.dims(), gradient.dims(), "a gradient of another shape");
    for state in state.iter().flatten() {
        assert_eq!(weight.dims(), state.dims(), "a state of another shape");
    }
    let ours = !weight.device().is_autodiff()
        && weight.device() == Device::flex()
        && matches!(weight.dtype(), DType::F32 | DType::F64)
        && weight.dtype() == gradient.dtype();
    if !ours {
        return composed(update, weight, gradient, state);
    }
    let primitive = |tensor: Tensor<D>| tensor.try_into_primitive::<Flex>();
    let (Ok(w), Ok(g)) = (primitive(weight), primitive(gradient)) else {
        unreachable!("a tensor on Flex that is not of Flex")
    };
    let state = state.map(|tensor| tensor.and_then(|tensor| primitive(tensor).ok()));
    let (w, state) = match w.dtype() {
        DType::F64 => in_place::<f64>(update, w, g, state),
        _ => in_place::<f32>(update, w, g, state),
    };
    let state = state.map(|tensor| tensor.map(Tensor::from_primitive::<Flex>));
    (Tensor::from_primitive::<Flex>(w), state)
}

type State = [Option<FlexTensor>; 2];

fn in_place<E: FlexReal>(
    update: Update,
    w: FlexTensor,
    g: FlexTensor,
    [m, v]: State,
) -> (FlexTensor, State) {
    let count = count(g.layout().shape());
    let g = g.to_contiguous();
    let wanted = match update {
        Update::Sgd { momentum, .. } => [momentum != 0.0, false],
        Update::AdamW { .. } => [true, true],
        Update::Lion { .. } => [true, false],
    };
    let shape = g.layout().shape().clone();
    let [mut m, mut v] = [(m, wanted[0]), (v, wanted[1])].map(|(tensor, wanted)| {
        let zeros = || tensor_in(Buffer::<E>::zeros(count), shape.clone());
        wanted.then(|| tensor.map_or_else(zeros, own::<E>))
    });
    let mut w = own::<E>(w);
    let arrays = 3 + 2 * (usize::from(m.is_some()) + usize::from(v.is_some()));
    let bytes = (count * size_of::<E>() * arrays) as f64;
    measure(
        "update",
        || Cost { shape: count.to_string(), flops: 0.0, bytes },
        || {
            cpu::update::update(
                Isa::best(),
                update,
                w.storage_mut::<E>(),
                slice::<E>(&g),
                m.as_mut().map_or(&mut [], |m| m.storage_mut::<E>()),
                v.as_mut().map_or(&mut [], |v| v.storage_mut::<E>()),
            );
        },
    );
    (w, [m, v])
}

/// Burn's own operations, for other backends.
fn composed<const D: usize>(
    update: Update,
    w: Tensor<D>,
    g: Tensor<D>,
    [m, v]: [Option<Tensor<D>>; 2],
) -> (Tensor<D>, [Option<Tensor<D>>; 2]) {
    let mean = |old: Option<Tensor<D>>, new: Tensor<D>, share: f64| match old {
        Some(old) => old * share + new * (1.0 - share),
        None => new * (1.0 - share),
    };
    match update {
        Update::Sgd { lr, momentum, decay, nesterov } => {
            let g = if decay == 0.0 { g } else { g + w.clone() * decay };
            if momentum == 0.0 {
                return (w - g * lr, [None, None]);
            }
            let next = match m {
                Some(m) => m * momentum + g.clone(),
                None => g.clone(),
            };
            let step = if nesterov { g + next.clone() * momentum } else { next.clone() };
            (w - step * lr, [Some(next), None])
        }
        Update::AdamW { lr, betas: [a, b], epsilon, decay, step } => {
            let m = mean(m, g.clone(), a);
            let v = mean(v, g.clone() * g, b);
            let below = (v.clone() / (1.0 - b.powi(step))).sqrt() + epsilon;
            let moved = m.clone() / below * (lr / (1.0 - a.powi(step)));
            (w * (1.0 - lr * decay) - moved, [Some(m), Some(v)])
        }
        Update::Lion { lr, betas: [a, b], decay } => {
            let moved = mean(m.clone(), g.clone(), a).sign() * lr;
            (w * (1.0 - lr * decay) - moved, [Some(mean(m, g, b)), None])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers with zeros among them, where a sign has none; their count leaves a part of a vector.
    fn wave(step: i32) -> Vec<f64> {
        (0..1003).map(|at| f64::from((at * step) % 7 - 3)).collect()
    }

    /// A name, which states are kept, and what a step does.
    type Row<'a> = (&'a str, [bool; 2], &'a dyn Fn(i32) -> Update);

    /// What every set of instructions makes of a few steps is what Burn's operations make of them.
    #[test]
    fn kernels_are_what_is_composed() {
        let tensor = |values: &[f64]| Tensor::<1>::from_data(values, (&Device::flex(), DType::F64));
        let (lr, decay) = (0.1, 0.01);
        let rows: [Row<'_>; 4] = [
            ("plain", [false; 2], &|_| Update::Sgd { lr, momentum: 0.0, decay, nesterov: false }),
            ("momentum", [true, false], &|_| Update::Sgd {
                lr,
                momentum: 0.9,
                decay,
                nesterov: true,
            }),
            ("AdamW", [true; 2], &|step| Update::AdamW {
                lr,
                betas: [0.9, 0.999],
                epsilon: 1e-8,
                decay,
                step,
            }),
            ("Lion", [true, false], &|_| Update::Lion { lr, betas: [0.9, 0.99], decay }),
        ];
        for (name, state, how) in rows {
            let mut expected = (tensor(&wave(2)), [None, None]);
            let mut fused = expected.clone();
            for step in 1..4 {
                expected = composed(how(step), expected.0, tensor(&wave(step)), expected.1);
                fused = update(how(step), fused.0, tensor(&wave(step)), fused.1);
            }
            let agree = |found: [&[f64]; 3], by: &str| {
                let (w, [m, v]) = expected.clone();
                for (found, expected) in found.into_iter().zip([Some(w), m, v]) {
                    let expected: Vec<f64> =
                        expected.map_or(vec![], |t| t.into_data().iter().collect());
                    assert_eq!(found.len(), expected.len(), "{name} by {by}");
                    let close = found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12);
                    assert!(close, "{name} by {by}");
                }
            };
            let (w, [m, v]) = fused;
            let fused = [Some(w), m, v].map(|tensor| {
                tensor.map_or(vec![], |tensor| tensor.into_data().iter::<f64>().collect())
            });
            agree(fused.each_ref().map(Vec::as_slice), "tensors");
            for isa in Isa::available() {
                let mut w = wave(2);
                let [mut m, mut v] = state.map(|kept| vec![0.0; if kept { w.len() } else { 0 }]);
                for step in 1..4 {
                    cpu::update::update(isa, how(step), &mut w, &wave(step), &mut m, &mut v);
                }
                agree([&w, &m, &v], &format!("{isa:?}"));
            }
        }
    }
}
