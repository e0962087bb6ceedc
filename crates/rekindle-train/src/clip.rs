//! Gradients of a whole module at once: clipped by their common norm, and averaged over small batches.

use std::collections::HashSet;

use burn::{
    module::{ModuleVisitor, Param, ParamId},
    optim::GradientsParams,
    prelude::*,
    tensor::DType,
};

/// Scales the gradients of `module` down so that their norm, over all of them together, is at most
/// `most`; gives the norm they had.
///
/// PyTorch's `clip_grad_norm_` (Burn clips each tensor by its own norm). A norm that is no finite number
/// leaves them as they are: what to do then is the caller's to decide.
pub fn clip_global_norm<M: Module>(module: &M, gradients: &mut GradientsParams, most: f64) -> f64 {
    let mut squares = Squares { gradients, sums: Vec::new() };
    visit_once(module, &mut squares);
    if squares.sums.is_empty() {
        return 0.0;
    }
    // One tensor, so that a GPU is waited for once.
    let sums = Tensor::cat(squares.sums, 0).into_data();
    let norm = sums.iter::<f32>().map(f64::from).sum::<f64>().sqrt();
    // PyTorch's 1e-6 keeps the quotient finite.
    let factor = most / (norm + 1e-6);
    if norm.is_finite() && factor < 1.0 {
        visit_once(module, &mut Scale { gradients, factor });
    }
    norm
}

/// The mean of the gradients of several small batches, each weighted by its number of examples: the
/// gradient of one large batch, where the loss is a mean over examples.
#[derive(Debug, Default)]
pub struct Accumulator {
    mean: GradientsParams,
    examples: usize,
}

impl Accumulator {
    /// Takes the gradients of another batch; one without examples changes nothing.
    ///
    /// A parameter that a batch has no gradient for counts as zero there.
    pub fn add<M: Module>(&mut self, module: &M, gradients: GradientsParams, examples: usize) {
        if examples == 0 {
            return;
        }
        let before = self.examples;
        self.examples += examples;
        if before == 0 {
            self.mean = gradients;
            return;
        }
        let share = examples as f64 / self.examples as f64;
        visit_once(module, &mut Blend { mean: &mut self.mean, gradients, share });
    }

    /// Examples since the gradients were last taken.
    pub fn examples(&self) -> usize {
        self.examples
    }

    /// The mean so far, empty if nothing was added; the next batch starts anew.
    pub fn take(&mut self) -> GradientsParams {
        std::mem::take(self).mean
    }
}

/// Something to do with each parameter.
trait Each {
    fn each<const D: usize>(&mut self, id: ParamId);
}

/// Walks the parameters in the order of the module's fields, and those that are shared once.
fn visit_once<M: Module, E: Each>(module: &M, each: &mut E) {
    struct Once<'a, E> {
        seen: HashSet<ParamId>,
        each: &'a mut E,
    }
    impl<E: Each> ModuleVisitor for Once<'_, E> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if self.seen.insert(param.id) {
                self.each.each::<D>(param.id);
            }
        }
    }
    module.visit(&mut Once { seen: HashSet::new(), each });
}

struct Squares<'a> {
    gradients: &'a GradientsParams,
    sums: Vec<Tensor<1>>,
}

impl Each for Squares<'_> {
    fn each<const D: usize>(&mut self, id: ParamId) {
        if let Some(gradient) = self.gradients.get::<D>(id) {
            let gradient = gradient.cast(DType::F32);
            self.sums.push((gradient.clone() * gradient).sum());
        }
    }
}

struct Scale<'a> {
    gradients: &'a mut GradientsParams,
    factor: f64,
}

impl Each for Scale<'_> {
    fn each<const D: usize>(&mut self, id: ParamId) {
        if let Some(gradient) = self.gradients.remove::<D>(id) {
            self.gradients.register(id, gradient * self.factor);
        }
    }
}

/// Mixes new gradients into a mean by their share of it.
struct Blend<'a> {
    mean: &'a mut GradientsParams,
    gradients: GradientsParams,
    share: f64,
}

impl Each for Blend<'_> {
    fn each<const D: usize>(&mut self, id: ParamId) {
        let old = self.mean.remove::<D>(id).map(|old| old * (1.0 - self.share));
        let new = self.gradients.remove::<D>(id).map(|new| new * self.share);
        let sum = match (old, new) {
            (Some(old), Some(new)) => old + new,
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => return,
        };
        self.mean.register(id, sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::{Linear, LinearConfig};

    fn layer() -> Linear {
        LinearConfig::new(2, 2).init(&Device::flex().autodiff())
    }

    fn gradients(layer: &Linear, weight: [[f32; 2]; 2], bias: Option<[f32; 2]>) -> GradientsParams {
        let device = Device::flex();
        let mut gradients = GradientsParams::new();
        gradients.register(layer.weight.id, Tensor::<2>::from_floats(weight, &device));
        if let Some(bias) = bias {
            let id = layer.bias.as_ref().unwrap().id;
            gradients.register(id, Tensor::<1>::from_floats(bias, &device));
        }
        gradients
    }

    fn values(layer: &Linear, gradients: &GradientsParams) -> Vec<f32> {
        let weight = gradients.get::<2>(layer.weight.id).unwrap().flatten::<1>(0, 1);
        let bias = gradients.get::<1>(layer.bias.as_ref().unwrap().id).unwrap();
        Tensor::cat(vec![weight, bias], 0).into_data().try_to_vec().unwrap()
    }

    /// `torch.nn.utils.clip_grad_norm_([a, b], 6.5)`.
    #[test]
    fn norms_are_clipped_as_in_pytorch() {
        let layer = layer();
        let unclipped = [3.0, 0.0, 0.0, 4.0, 12.0, 0.0];
        let clipped = [1.499_999_9, 0.0, 0.0, 1.999_999_9, 5.999_999_5, 0.0];
        for (most, expected) in [(6.5, clipped), (13.5, unclipped)] {
            let mut found = gradients(&layer, [[3.0, 0.0], [0.0, 4.0]], Some([12.0, 0.0]));
            assert_eq!(clip_global_norm(&layer, &mut found, most), 13.0);
            assert_eq!(values(&layer, &found), expected);
        }
        assert_eq!(clip_global_norm(&layer, &mut GradientsParams::new(), 1.0), 0.0);
    }

    #[test]
    fn what_is_no_number_is_reported_and_left() {
        let layer = layer();
        for value in [f32::INFINITY, f32::NAN] {
            let mut found = gradients(&layer, [[1.0, value], [0.0, 0.0]], Some([2.0, 0.0]));
            assert!(!clip_global_norm(&layer, &mut found, 1.0).is_finite());
            assert_eq!(values(&layer, &found)[4], 2.0);
        }
    }

    /// Against the gradient of the mean loss of all examples in one batch.
    #[test]
    fn small_batches_make_one_large() {
        let layer = layer();
        let device = Device::flex().autodiff();
        let x = Tensor::<2>::from_floats([[1.0, 2.0], [-1.0, 0.5], [0.25, 3.0]], &device);
        let gradient = |x: Tensor<2>| {
            let y = layer.forward(x);
            GradientsParams::from_grads((y.clone() * y).mean().backward(), &layer)
        };
        let mut accumulator = Accumulator::default();
        accumulator.add(&layer, gradient(x.clone().slice(0..1)), 1);
        accumulator.add(&layer, GradientsParams::new(), 0);
        accumulator.add(&layer, gradient(x.clone().slice(1..3)), 2);
        assert_eq!(accumulator.examples(), 3);
        let (found, expected) = (accumulator.take(), gradient(x.clone()));
        for (a, b) in values(&layer, &found).iter().zip(values(&layer, &expected)) {
            assert!((a - b).abs() < 1e-6, "{a} against {b}");
        }
        // And one batch is itself, to the bit.
        assert_eq!((accumulator.examples(), accumulator.take().len()), (0, 0));
        accumulator.add(&layer, gradient(x.clone()), 3);
        assert_eq!(values(&layer, &accumulator.take()), values(&layer, &expected));
    }

    #[test]
    fn a_gradient_that_is_missing_counts_as_zero() {
        let layer = layer();
        let with = || gradients(&layer, [[1.0; 2]; 2], Some([4.0, 8.0]));
        let without = || gradients(&layer, [[3.0; 2]; 2], None);
        for [first, second] in [[with(), without()], [without(), with()]] {
            let mut accumulator = Accumulator::default();
            accumulator.add(&layer, first, 2);
            accumulator.add(&layer, second, 2);
            assert_eq!(values(&layer, &accumulator.take()), [2.0, 2.0, 2.0, 2.0, 2.0, 4.0]);
        }
    }
}
