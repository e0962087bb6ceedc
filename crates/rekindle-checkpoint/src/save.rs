//! Saving: a module as a safetensors file under the checkpoint's names.

use std::{collections::BTreeMap, convert::Infallible, path::Path, rc::Rc};

use burn::{module::Param, prelude::*};
use rekindle_files::{Dtype, Entry, write_safetensors};
use rekindle_layers::{NameStack, ParameterInfo, ParameterVisitor, Saved, visit_parameters};

use crate::{
    Error, Naming,
    layout::{Group, groups},
    load::transpose,
};

/// Writes a module under the checkpoint's names and shapes, through a temporary file and a rename.
///
/// Python loads it with `strict=True`: what the family's rules split or join is put together or
/// divided again, and the counter that PyTorch keeps beside each batch norm is written too, as zero,
/// because nothing reads it where the momentum is fixed.
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
    // A module that trains holds back its last update of the running statistics.
    let module = module.valid();
    let wanted = naming.wanted(&module);
    let mut collector = Collector { wanted: &wanted, values: Vec::new() };
    visit_parameters(&module, &mut collector);
    let mut written = Written { values: collector.values, entries: vec![], bytes: vec![] };
    for group in groups(&wanted, naming)? {
        written.add(&group, &wanted, naming);
    }
    let Written { entries, bytes, .. } = written;
    write_safetensors(path, metadata, &entries, |index| Ok::<_, Infallible>(bytes[index]()))?;
    Ok(())
}

/// The bytes of a tensor, made when they are asked for.
type Bytes = Rc<dyn Fn() -> Vec<u8>>;

/// The values of parameters in the checkpoint's layout, in the order of the module.
struct Collector<'a> {
    wanted: &'a [ParameterInfo],
    values: Vec<Bytes>,
}

impl ParameterVisitor for Collector<'_> {
    fn float<const D: usize>(&mut self, _at: &NameStack, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let parameter = &self.wanted[self.values.len()];
        let transposed = parameter.transposed;
        let rows = parameter.checkpoint_shape().first().copied().unwrap_or(1);
        self.values.push(Rc::new(move || {
            let values: Vec<f32> = tensor.to_data().iter::<f32>().collect();
            let values = if transposed { transpose(&values, rows) } else { values };
            values.iter().flat_map(|value| value.to_le_bytes()).collect()
        }));
    }
}

/// The tensors of a file that is written.
struct Written {
    values: Vec<Bytes>,
    entries: Vec<Entry>,
    /// Of each entry.
    bytes: Vec<Bytes>,
}

impl Written {
    fn push(&mut self, name: &str, dtype: Dtype, shape: &[usize], bytes: Bytes) {
        self.entries.push(Entry { name: name.to_owned(), dtype, shape: shape.to_vec() });
        self.bytes.push(bytes);
    }

    /// Adds the tensors of a group, and what is written beside them.
    fn add(&mut self, group: &Group, wanted: &[ParameterInfo], naming: &Naming) {
        let shape = group.shape(wanted);
        let parts: Vec<Bytes> =
            group.parameters.iter().map(|place| Rc::clone(&self.values[*place])).collect();
        let count = group.file.len();
        for (index, name) in group.file.iter().enumerate() {
            if let Some(norm) = name.strip_suffix("running_var") {
                let counter = Rc::new(|| 0_i64.to_le_bytes().to_vec());
                self.push(&format!("{norm}num_batches_tracked"), Dtype::I64, &[], counter);
            }
            let parts = parts.clone();
            let bytes: Bytes = Rc::new(move || {
                if let ([part], 1) = (parts.as_slice(), count) {
                    return part();
                }
                let mut bytes: Vec<u8> = parts.iter().flat_map(|part| part()).collect();
                let length = bytes.len() / count;
                bytes.truncate((index + 1) * length);
                bytes.drain(..index * length);
                bytes
            });
            self.push(name, Dtype::F32, &shape, Rc::clone(&bytes));
            if let Some((twin, Saved::Twice)) = naming.twin(name) {
                self.push(&twin, Dtype::F32, &shape, bytes);
            }
        }
    }
}
