//! Graphs in 8 bits: calibrated on a user's own items, and measured on others before they are written.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use burn::{prelude::*, tensor::TensorData};
use rekindle_data::Part;
use rekindle_finetune::MeasureConfig;
use rekindle_layers::Input;
use rekindle_onnx::{Check, Feed, Onnx, Range, Runtime};

use crate::{
    Error, Evaluation, Exported, Learned, ModelOf,
    measure::evaluate_with,
    modality::{ItemOf, Modality},
};

/// What outputs may differ by where products are in 8 bits: a number that is rounded otherwise is off by a part in 255, and goes on.
const EIGHT_BITS: f64 = 0.1;

impl Exported {
    /// The same with products in 8 bits: [`Onnx::int8`], by what values are on these items of the model's, so many at once.
    ///
    /// The range of a value is the mean of what it is in each batch, so that one odd item makes all others no coarser (Krishnamoorthi
    /// 2018, <https://arxiv.org/abs/1806.08342>, section 3.1.1).
    ///
    /// # Errors
    ///
    /// If there are no items, one cannot be read, or the graph cannot be run.
    pub fn int8<M: Modality>(
        self,
        model: &ModelOf<M>,
        items: &[ItemOf<M>],
        batch: usize,
    ) -> Result<Self, Error> {
        let runtime = Runtime::of(&self.onnx)?;
        let names = self.onnx.activations();
        let mut sums = vec![[0.0_f64; 2]; names.len()];
        let mut batches = 0.0;
        for items in items.chunks(batch.max(1)) {
            let Some(input) = model.predictor()?.inputs(items.iter().cloned())? else { continue };
            let inputs = input.named().into_iter().map(|named| (named.name, named.data)).collect();
            for (sum, range) in sums.iter_mut().zip(runtime.ranges(&names, &inputs)?) {
                sum.iter_mut().zip(range).for_each(|(sum, end)| *sum += f64::from(end));
            }
            batches += 1.0;
        }
        if batches == 0.0 {
            return Err(Error::NothingToCalibrate);
        }
        let range = |sum: [f64; 2]| -> Range { sum.map(|end| (end / batches) as f32) };
        let ranges = names.into_iter().zip(sums.into_iter().map(range)).collect();
        let onnx = self.onnx.int8(&ranges);
        // What is drawn is not what was seen, and clipped: the graph itself says what it must give.
        let runtime = Runtime::of(&onnx)?;
        let mut check = Check { tolerance: EIGHT_BITS, ..self.check };
        for recorded in &mut check.batches {
            for (name, values) in runtime.run(&recorded.inputs)? {
                if let Some(output) = recorded.outputs.get_mut(&name) {
                    *output = TensorData::new(values, output.shape().clone());
                }
            }
        }
        Ok(Self { onnx, check, ..self })
    }
}

/// What a graph answers to a part of a data set, as [`evaluate`](crate::evaluate) has it of the model that it was made of.
///
/// # Errors
///
/// Those of [`evaluate`](crate::evaluate), and if the graph cannot be run.
pub fn evaluate_graph<L: Learned, M: Modality>(
    model: &ModelOf<M>,
    onnx: &Onnx,
    data: &M::Data,
    part: Option<Part>,
    batch: usize,
) -> Result<Evaluation<L::Task>, Error> {
    let runtime = Runtime::of(onnx)?;
    let classes = model.config().classes;
    let failed: Arc<Mutex<Option<rekindle_onnx::Error>>> = Arc::default();
    let first = Arc::clone(&failed);
    let forward = move |_: &_, input: crate::InputOf<M>| {
        let inputs: BTreeMap<String, TensorData> =
            input.named().into_iter().map(|named| (named.name, named.data)).collect();
        let logits = runtime.run(&inputs).map(|mut outputs| outputs.remove("logits"));
        let values = match logits {
            Ok(values) => values.unwrap_or_default(),
            Err(error) => {
                first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                Vec::new()
            }
        };
        let items = inputs.values().next().map_or(0, |data| data.shape()[0]);
        let fits = values.len() == items * classes;
        let values = if fits { values } else { vec![0.0; items * classes] };
        Tensor::<2>::from_data(TensorData::new(values, [items, classes]), &input.device())
    };
    let how = MeasureConfig { batch, forward: Arc::new(forward) };
    let found = evaluate_with::<L, M>(model, data, part, &how)?;
    let failed = failed.lock().unwrap_or_else(PoisonError::into_inner).take();
    failed.map_or(Ok(found), |error| Err(error.into()))
}
