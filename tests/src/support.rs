//! What the tests have in common: networks, their tensors as bits, files made up on the spot.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    path::{Path, PathBuf},
};

use burn::{module::Param, prelude::*};
use rekindle_checkpoint::{CheckpointFile, Dtype, Entry, Naming, write_safetensors};
use rekindle_lab::parity::{Golden, fill::uniform};
use rekindle_layers::{NameStack, ParameterVisitor, visit_parameters};
use rekindle_transfer::Classifier;
use rekindle_vision::{Architecture, Init, VisionBackbone, architectures};

pub(crate) type Model = Classifier<VisionBackbone>;

/// An untrained network, with the paper's dropout and stochastic depth.
pub(crate) fn network(
    name: &str,
    channels_in: usize,
    classes: usize,
    device: &Device,
) -> (Model, Naming) {
    let init = Init { channels_in, ..Init::default() };
    let backbone = Architecture::find(name).unwrap().init(&init, device);
    let naming = Naming::of(&backbone, Model::TRUNK, Model::HEAD);
    (Model::new(backbone, classes, device), naming)
}

/// Parameters beyond which a network is too large for a test that trains it dozens of times.
const LARGE: usize = 15_000_000;

/// The smallest network of each family, of those that have a small one.
pub(crate) fn smallest() -> Vec<&'static str> {
    let mut families: BTreeMap<&str, Architecture> = BTreeMap::new();
    for row in architectures().filter(|row| row.parameters < LARGE) {
        let smallest = families.entry(row.family).or_insert(row);
        if row.parameters < smallest.parameters {
            *smallest = row;
        }
    }
    families.into_values().map(|row| row.name).collect()
}

/// Pictures `[batch, channels, height, width]` that are the same every time.
pub(crate) fn pictures(shape: [usize; 4], device: &Device) -> Tensor<4> {
    let values = uniform("pictures", shape.iter().product());
    Tensor::from_data(burn::tensor::TensorData::new(values, shape), device)
}

/// A golden file that is committed.
pub(crate) fn golden_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(format!("timm__{name}.json"))
}

pub(crate) fn golden(name: &str) -> Golden {
    Golden::read(&golden_path(name)).unwrap()
}

/// The bits of every float tensor, by the checkpoint's names.
pub(crate) type Bits = BTreeMap<String, Vec<u32>>;

pub(crate) fn bits(model: &Model, naming: &Naming) -> Bits {
    let mut visitor = BitsVisitor { naming, found: Bits::new() };
    // A module that trains holds back its last update of the running statistics.
    visit_parameters(&model.valid(), &mut visitor);
    visitor.found
}

struct BitsVisitor<'a> {
    naming: &'a Naming,
    found: Bits,
}

impl ParameterVisitor for BitsVisitor<'_> {
    fn float<const D: usize>(&mut self, at: &NameStack, param: &Param<Tensor<D>>) {
        let values = param.val().into_data();
        let bits = values.iter::<f32>().map(f32::to_bits).collect();
        self.found.insert(self.naming.in_checkpoint(&at.name()), bits);
    }
}

/// A tensor of a file that is made up.
pub(crate) type FileTensor = (Entry, Vec<u8>);

pub(crate) fn float_tensor(name: &str, shape: &[usize], values: &[f32]) -> FileTensor {
    let entry = Entry { name: name.to_owned(), dtype: Dtype::F32, shape: shape.to_vec() };
    (entry, values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

/// The float tensors of a checkpoint, as they would be written again.
pub(crate) fn float_tensors(file: &CheckpointFile) -> Vec<FileTensor> {
    let floats = file.tensors().filter(|(_, info)| info.dtype.is_float());
    floats
        .map(|(name, info)| float_tensor(name, &info.shape, &file.read_f32(name).unwrap()))
        .collect()
}

pub(crate) fn write(path: &Path, tensors: &[FileTensor]) -> CheckpointFile {
    let entries: Vec<Entry> = tensors.iter().map(|(entry, _)| entry.clone()).collect();
    write_safetensors(path, &BTreeMap::new(), &entries, |index| {
        Ok::<_, Infallible>(tensors[index].1.clone())
    })
    .unwrap();
    CheckpointFile::open(path).unwrap()
}
