//! Saving: a module as a safetensors file under the checkpoint's names.

use std::{collections::BTreeMap, convert::Infallible, path::Path};

use burn::{
    module::{ModuleVisitor, Param},
    prelude::*,
    tensor::TensorData,
};
use rekindle_files::{Dtype, Entry, write_safetensors};
use rekindle_layers::NameStack;

use crate::{Error, Naming, load::transpose};

/// Writes a module under the checkpoint's names and shapes, through a temporary file and a rename.
///
/// Python loads it with `strict=True`: the counter that PyTorch keeps beside each batch norm is
/// written too, as zero, because nothing reads it where the momentum is fixed.
///
/// # Errors
///
/// If the file cannot be written; what was there before is then unchanged.
pub fn save<M: Module>(
    module: &M,
    path: &Path,
    naming: &Naming,
    metadata: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let mut collector =
        Collector { naming: *naming, names: NameStack::default(), entries: vec![], values: vec![] };
    // A module that trains holds back its last update of the running statistics.
    module.valid().visit(&mut collector);
    let Collector { entries, values, .. } = collector;
    write_safetensors(path, metadata, &entries, |index| Ok::<_, Infallible>(values[index]()))?;
    Ok(())
}

struct Collector {
    naming: Naming,
    names: NameStack,
    entries: Vec<Entry>,
    /// The bytes of each entry, made when they are asked for.
    values: Vec<Box<dyn Fn() -> Vec<u8>>>,
}

impl Collector {
    fn push(&mut self, entry: Entry, values: impl Fn() -> Vec<u8> + 'static) {
        self.entries.push(entry);
        self.values.push(Box::new(values));
    }
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.names.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.names.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.naming.in_checkpoint(&self.names.name());
        let tensor = param.val();
        let mut shape = tensor.shape().to_vec();
        let transposed = self.names.is_transposed(D);
        if transposed {
            shape.reverse();
        }
        if let Some(norm) = name.strip_suffix("running_var") {
            let name = format!("{norm}num_batches_tracked");
            let counter = Entry { name, dtype: Dtype::I64, shape: vec![] };
            self.push(counter, || 0_i64.to_le_bytes().to_vec());
        }
        let rows = shape.first().copied().unwrap_or(1);
        self.push(Entry { name, dtype: Dtype::F32, shape }, move || {
            let values: Vec<f32> = floats(tensor.to_data());
            let values = if transposed { transpose(&values, rows) } else { values };
            values.iter().flat_map(|value| value.to_le_bytes()).collect()
        });
    }
}

fn floats(data: TensorData) -> Vec<f32> {
    data.iter::<f32>().collect()
}
