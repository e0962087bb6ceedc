//! A graph run by [rten](https://crates.io/crates/rten), which is Rust throughout: what was written is looked at by another's
//! eyes.

use std::{collections::BTreeMap, fs, path::Path};

use burn::tensor::TensorData;
use half::f16;
use prost::Message;
use rten::{DataType, Model, ModelOptions, NodeId, Value, ValueOrView, ValueType};
use rten_tensor::Tensor;

use crate::{Check, Error, Onnx, Range, check_path, proto, read_check};

/// A graph that is ready to run.
pub struct Runtime(Model);

/// What looking at a graph found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verified {
    /// Batches that were run.
    pub batches: usize,
    /// The greatest difference between an output and what it must be, relative to the output's greatest number and at least to
    /// one.
    pub difference: f64,
    /// What the file beside it says is rounding.
    pub tolerance: f64,
}

impl Runtime {
    /// Reads a graph. Weights in float16 are widened, for rten computes in float32.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is no graph that rten runs.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let read = |source| Error::Read { path: path.to_owned(), source };
        let refused = |reason: String| Error::Refused { path: path.to_owned(), reason };
        let bytes = fs::read(path).map_err(read)?;
        let mut model = proto::Model::decode(bytes.as_slice())
            .map_err(|error| refused(format!("is no ONNX: {error}")))?;
        let mut halves = 0;
        for tensor in model.graph.iter_mut().flat_map(|graph| &mut graph.initializer) {
            halves += usize::from(widen(tensor));
        }
        let loaded = if halves > 0 {
            Model::load(model.encode_to_vec())
        } else {
            // Which finds what lies in a file beside it, too.
            Model::load_file(path)
        };
        loaded.map(Self).map_err(|error| refused(error.to_string()))
    }

    /// A graph that was not written yet.
    ///
    /// # Errors
    ///
    /// If it is none that rten runs.
    pub fn of(onnx: &Onnx) -> Result<Self, Error> {
        // As it is, so that values within it keep their names.
        let options = ModelOptions::with_all_ops().enable_optimization(false).load(onnx.to_bytes());
        options.map(Self).map_err(|error| Error::Run { reason: error.to_string() })
    }

    /// The least and the greatest number that values within a graph take on a batch.
    ///
    /// # Errors
    ///
    /// If there is no such value, or the graph cannot be run.
    pub fn ranges(
        &self,
        names: &[String],
        inputs: &BTreeMap<String, TensorData>,
    ) -> Result<Vec<Range>, Error> {
        let ids = names.iter().map(|name| {
            let unknown = || Error::Run { reason: format!("there is no value `{name}`") };
            self.0.find_node(name).ok_or_else(unknown)
        });
        let ids = ids.collect::<Result<Vec<_>, Error>>()?;
        let range = |values: Vec<f32>| {
            values
                .into_iter()
                .fold([0.0_f32; 2], |[least, most], value| [least.min(value), most.max(value)])
        };
        Ok(self.values(&ids, inputs)?.into_iter().map(range).collect())
    }

    /// What it makes of inputs: each output by its name, row by row.
    ///
    /// # Errors
    ///
    /// If an input is missing, or the graph cannot be run with them.
    pub fn run(
        &self,
        inputs: &BTreeMap<String, TensorData>,
    ) -> Result<BTreeMap<String, Vec<f32>>, Error> {
        let ids = self.0.output_ids();
        let names = ids.iter().map(|&id| self.name(id).to_owned());
        Ok(names.zip(self.values(ids, inputs)?).collect())
    }

    /// Values within a graph, row by row.
    fn values(
        &self,
        ids: &[NodeId],
        inputs: &BTreeMap<String, TensorData>,
    ) -> Result<Vec<Vec<f32>>, Error> {
        let refused = |reason: String| Error::Run { reason };
        let mut given: Vec<(NodeId, ValueOrView<'_>)> = Vec::new();
        for &id in self.0.input_ids() {
            let name = self.name(id);
            let Some(data) = inputs.get(name) else {
                return Err(refused(format!("there is no input `{name}`")));
            };
            let shape = data.shape().to_vec();
            let value: Value = match self.0.node_info(id).and_then(|info| info.dtype()) {
                Some(ValueType::Tensor(DataType::Int32)) => {
                    Tensor::from_data(&shape, data.iter::<i32>().collect::<Vec<_>>()).into()
                }
                Some(ValueType::Tensor(DataType::UInt8)) => {
                    Tensor::from_data(&shape, data.iter::<u8>().collect::<Vec<_>>()).into()
                }
                _ => Tensor::from_data(&shape, data.iter::<f32>().collect::<Vec<_>>()).into(),
            };
            given.push((id, value.into()));
        }
        let found = self.0.run(given, ids, None).map_err(|error| refused(error.to_string()))?;
        let values = ids.iter().zip(found).map(|(&id, value)| {
            let values: Option<Tensor<f32>> = value.into_tensor();
            let whole = || refused(format!("`{}` holds no floats", self.name(id)));
            Ok(values.ok_or_else(whole)?.into_data())
        });
        values.collect()
    }

    fn name(&self, id: NodeId) -> &str {
        self.0.node_info(id).and_then(|info| info.name()).unwrap_or_default()
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").finish_non_exhaustive()
    }
}

/// Runs a graph on the inputs beside it, and compares what it gives with what it must give.
///
/// # Errors
///
/// If either cannot be read, or the graph cannot be run.
pub fn verify(path: &Path) -> Result<Verified, Error> {
    let beside = check_path(path);
    let Check { batches, tolerance } = read_check(&beside)?;
    let runtime = Runtime::open(path)?;
    let mut difference = 0.0_f64;
    for recorded in &batches {
        let given = runtime.run(&recorded.inputs)?;
        let apart = recorded.difference(&given).ok_or_else(|| Error::Run {
            reason: format!("it has other outputs than {} says", beside.display()),
        })?;
        difference = difference.max(apart);
    }
    Ok(Verified { batches: batches.len(), difference, tolerance })
}

/// Numbers of float16 in float32; whether these were.
fn widen(tensor: &mut proto::Tensor) -> bool {
    let half = tensor.data_type == Some(proto::FLOAT16);
    if let Some(bytes) = tensor.raw_data.as_mut().filter(|_| half) {
        let wide = bytes
            .chunks_exact(2)
            .flat_map(|pair| f16::from_le_bytes([pair[0], pair[1]]).to_f32().to_le_bytes());
        *bytes = wide.collect();
        tensor.data_type = Some(proto::FLOAT);
    }
    half
}
