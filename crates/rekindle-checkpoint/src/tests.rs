//! Small modules, files made for them, and what became of both.

mod prefixes;
mod rules;
mod values;

use std::{collections::BTreeMap, convert::Infallible, path::Path};

use burn::prelude::*;
use rekindle_layers::{
    Landmarks, NameStack, ParameterVisitor, Rule, Rules, Saved, visit_parameters,
};

use super::*;

/// A tensor of a file: its name, its shape, and the first of its values, which count up by one.
type Row<'a> = (&'a str, &'a [usize], f32);

/// A naming without landmarks.
fn naming(rules: &'static [Rule]) -> Naming {
    let landmarks = Landmarks { first_convolution: "", classifier: "" };
    Naming { trunk: "", head: "", landmarks, further: &[], rules: rules.into() }
}

fn ramp(shape: &[usize], first: f32) -> Vec<f32> {
    (0..shape.iter().product()).map(|index: usize| first + index as f32).collect()
}

/// Writes and opens a file.
fn file(path: &Path, rows: &[Row<'_>]) -> CheckpointFile {
    let values: Vec<_> =
        rows.iter().map(|(name, shape, first)| (*name, *shape, ramp(shape, *first))).collect();
    file_of(path, &values)
}

fn file_of(path: &Path, tensors: &[(&str, &[usize], Vec<f32>)]) -> CheckpointFile {
    let entry = |(name, shape, _): &(&str, &[usize], Vec<f32>)| Entry {
        name: (*name).to_owned(),
        dtype: Dtype::F32,
        shape: shape.to_vec(),
    };
    let entries: Vec<Entry> = tensors.iter().map(entry).collect();
    write_safetensors(path, &BTreeMap::new(), &entries, |index| {
        let (_, _, values) = &tensors[index];
        Ok::<_, Infallible>(values.iter().flat_map(|value| value.to_le_bytes()).collect())
    })
    .unwrap();
    CheckpointFile::open(path).unwrap()
}

/// Every tensor of a file: its shape and values.
fn contents(file: &CheckpointFile) -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
    let read = |name: &str, info: &TensorInfo| (info.shape.clone(), file.read_f32(name).unwrap());
    file.tensors().map(|(name, info)| (name.to_owned(), read(name, info))).collect()
}

/// Every parameter of a module by the checkpoint's name, in Burn's layout.
fn values<M: Module>(module: &M) -> BTreeMap<String, Vec<f32>> {
    struct Values(BTreeMap<String, Vec<f32>>);
    impl ParameterVisitor for Values {
        fn float<const D: usize>(
            &mut self,
            at: &NameStack,
            param: &burn::module::Param<Tensor<D>>,
        ) {
            self.0.insert(at.name(), param.val().into_data().iter::<f32>().collect());
        }
    }
    let mut found = Values(BTreeMap::new());
    visit_parameters(module, &mut found);
    found.0
}

/// The lines of an error.
fn problems(error: Error) -> Vec<String> {
    match error {
        Error::Mismatch { problems, .. }
        | Error::Values { problems, .. }
        | Error::Rules { problems } => problems,
        Error::File(error) => panic!("{error}"),
    }
}
