//! Inputs of a graph, and what they must give: written beside it, so that it can be looked at anywhere.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use burn::{prelude::*, tensor::TensorData};
use rekindle_files::{CheckpointFile, Dtype, Entry, write_safetensors};

use crate::{Error, Feed, Named};

/// A batch of inputs, and what the network made of it.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// Inputs by their names.
    pub inputs: BTreeMap<String, TensorData>,
    /// Outputs by their names.
    pub outputs: BTreeMap<String, TensorData>,
}

impl Recorded {
    /// What `run` makes of an input, its outputs under these names.
    pub fn of<I: Feed>(input: I, outputs: &[&str], run: impl FnOnce(I) -> Vec<Tensor<2>>) -> Self {
        let inputs = input.named().into_iter().map(|Named { name, data, .. }| (name, data));
        let inputs = inputs.collect();
        let names = outputs.iter().map(|&name| name.to_owned());
        let outputs = names.zip(run(input).into_iter().map(Tensor::into_data)).collect();
        Self { inputs, outputs }
    }

    /// The greatest difference between what a graph gave and what it must give, relative to the greatest number of an output
    /// and at least to one; none where an output is missing or of another shape.
    pub fn difference(&self, given: &BTreeMap<String, Vec<f32>>) -> Option<f64> {
        let mut worst = 0.0_f64;
        for (name, wanted) in &self.outputs {
            let found = given.get(name)?;
            let wanted: Vec<f32> = wanted.iter::<f32>().collect();
            if found.len() != wanted.len() {
                return None;
            }
            let scale = wanted.iter().fold(1.0_f32, |most, value| most.max(value.abs()));
            for (found, wanted) in found.iter().zip(&wanted) {
                let apart = f64::from((found - wanted).abs() / scale);
                // What is no number is as far apart as can be.
                worst = if apart.is_nan() { f64::INFINITY } else { worst.max(apart) };
            }
        }
        Some(worst)
    }
}

/// What a graph must give, and how closely.
#[derive(Debug, Clone)]
pub struct Check {
    /// Batches, with what the network made of them.
    pub batches: Vec<Recorded>,
    /// The greatest difference that is rounding, as [`Recorded::difference`] has it.
    pub tolerance: f64,
}

/// Between two programs that compute in float32.
pub const TOLERANCE: f64 = 1e-4;

/// Where what a graph must give lies: `NAME.check.safetensors` beside it.
pub fn check_path(onnx: &Path) -> PathBuf {
    onnx.with_extension("check.safetensors")
}

/// Writes batches as `0.input.images` and `0.output.logits`, `1.` and so on, all in float32, token numbers too.
///
/// # Errors
///
/// If the file cannot be written.
pub fn write_check(path: &Path, check: &Check) -> Result<(), Error> {
    let named =
        check.batches.iter().enumerate().flat_map(|(place, Recorded { inputs, outputs })| {
            let all = [(INPUT, inputs), (OUTPUT, outputs)].into_iter();
            all.flat_map(move |(kind, tensors)| {
                tensors.iter().map(move |(name, data)| (format!("{place}.{kind}.{name}"), data))
            })
        });
    let named: Vec<(String, &TensorData)> = named.collect();
    let entries: Vec<Entry> = named
        .iter()
        .map(|(name, data)| Entry {
            name: name.clone(),
            dtype: Dtype::F32,
            shape: data.shape().to_vec(),
        })
        .collect();
    let bytes = |place: usize| {
        let values = named[place].1.iter::<f32>();
        Ok::<_, std::io::Error>(values.flat_map(f32::to_le_bytes).collect())
    };
    let metadata = [(TOLERATED.to_owned(), check.tolerance.to_string())].into_iter().collect();
    Ok(write_safetensors(path, &metadata, &entries, bytes)?)
}

/// Reads what [`write_check`] wrote.
///
/// # Errors
///
/// If the file cannot be read, or holds something else.
pub fn read_check(path: &Path) -> Result<Check, Error> {
    let file = CheckpointFile::open(path)?;
    let mut batches: BTreeMap<usize, Recorded> = BTreeMap::new();
    for (name, info) in file.tensors() {
        let mut words = name.splitn(3, '.');
        let place = words.next().and_then(|place| place.parse().ok());
        let (Some(place), Some(kind), Some(called)) = (place, words.next(), words.next()) else {
            return Err(Error::Check { path: path.to_owned(), name: name.to_owned() });
        };
        let recorded = batches.entry(place).or_default();
        let to = match kind {
            INPUT => &mut recorded.inputs,
            OUTPUT => &mut recorded.outputs,
            _ => return Err(Error::Check { path: path.to_owned(), name: name.to_owned() }),
        };
        let data = TensorData::new(file.read_f32(name)?, info.shape.clone());
        to.insert(called.to_owned(), data);
    }
    let tolerance = file.metadata().get(TOLERATED).and_then(|text| text.parse().ok());
    let batches = batches.into_values().collect();
    Ok(Check { batches, tolerance: tolerance.unwrap_or(TOLERANCE) })
}

/// The key of the tolerance.
const TOLERATED: &str = "tolerance";
const INPUT: &str = "input";
const OUTPUT: &str = "output";
