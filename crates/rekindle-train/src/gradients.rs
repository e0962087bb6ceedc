//! The gradients of batches, and where they are computed: on this thread, or elsewhere.

use burn::{module::Module, optim::GradientsParams, prelude::*};

use crate::{Error, Objective, TensorBatch};

/// What came of a batch that is trained on. `T` is the target.
pub(crate) struct Trained<T> {
    /// The mean loss of its examples.
    pub(crate) loss: f64,
    /// The model's outputs, row by row.
    pub(crate) outputs: Vec<f32>,
    /// What was right.
    pub(crate) target: T,
    /// The places of its examples.
    pub(crate) indices: Vec<usize>,
    /// Empty where the loss is NaN.
    pub(crate) gradients: GradientsParams,
}

/// Where the gradients of batches are computed. `I` is the input, `T` the target.
pub(crate) trait Compute<M, I, T> {
    /// The devices that take a batch each at a time; none if it is the model's, alone.
    fn devices(&self) -> &[Device];

    /// What comes of at most as many batches as there are devices, in their order. Gradients are on the
    /// model's device.
    fn compute(
        &mut self,
        model: &M,
        batches: Vec<TensorBatch<I, T>>,
    ) -> Result<Vec<Trained<T>>, Error>;
}

/// On this thread, on the model's device, by an objective.
pub(crate) struct Here<'a, O>(pub(crate) &'a O);

impl<M: Module, I, O: Objective<M, I>> Compute<M, I, O::Target> for Here<'_, O> {
    fn devices(&self) -> &[Device] {
        &[]
    }

    fn compute(
        &mut self,
        model: &M,
        batches: Vec<TensorBatch<I, O::Target>>,
    ) -> Result<Vec<Trained<O::Target>>, Error> {
        Ok(batches.into_iter().map(|batch| trained(model, self.0, batch)).collect())
    }
}

/// Forward and backward.
pub(crate) fn trained<M: Module, I, O: Objective<M, I>>(
    model: &M,
    objective: &O,
    batch: TensorBatch<I, O::Target>,
) -> Trained<O::Target> {
    let TensorBatch { input, target, indices } = batch;
    let (outputs, loss) = objective.step(model, input, &target);
    let numbers = floats(outputs);
    let value = f64::from(loss.clone().into_scalar::<f32>());
    let gradients = if value.is_finite() {
        GradientsParams::from_grads(loss.backward(), model)
    } else {
        GradientsParams::new()
    };
    Trained { loss: value, outputs: numbers, target, indices, gradients }
}

/// All numbers, row by row.
pub(crate) fn floats(outputs: Tensor<2>) -> Vec<f32> {
    outputs.into_data().iter::<f32>().collect()
}
