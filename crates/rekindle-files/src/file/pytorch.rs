//! PyTorch checkpoints, through Burn's own reader of them.
//!
//! That reader executes nothing: it interprets the few calls that rebuild tensors and refuses
//! whatever else is given one. What it leaves open is guarded here: panics, files whose tensors are
//! far larger than themselves, and two tensors of one name.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use pytorch_reader::{DType, PickleValue, PytorchReader, Tensor};

use super::{CHUNK_BYTES, Contents, Dtype, Location, TensorInfo, container};
use crate::Error;

/// Where training scripts put the state dict, best first.
const NESTINGS: [&str; 7] = [
    "state_dict",
    "model_state",
    "model_state_dict",
    "model",
    "net",
    "state_dict_ema",
    "model_ema",
];
/// What `DataParallel` and `torch.compile` put in front of every name, in either order.
const WRAPPERS: [&str; 3] = ["_orig_mod.", "module.", "_orig_mod."];
/// Bytes that all names together may have: nesting multiplies them.
const MAX_NAME_BYTES: usize = 64 << 20;
/// A tensor may always be this large, in bytes, even in a file that is smaller.
const MIN_TENSOR_LIMIT: u64 = 1 << 20;
/// A tensor is converted in this many parts, each of which is freed at once.
const CONVERTED_PARTS: usize = 16;

/// The name by which the reader calls a tensor among the values of a pickle.
const TENSOR_TYPE: &str = "torch.Tensor";

/// Opens a PyTorch checkpoint.
pub(super) fn open(path: &Path) -> Result<Contents, Error> {
    let length = guarded(path, || container::check(path))?;
    let nested_under = guarded(path, || choose(path))?;
    let reader = guarded(path, || {
        match nested_under {
            Some(key) => PytorchReader::with_top_level_key(path, key),
            None => PytorchReader::new(path),
        }
        .map_err(|source| pytorch_error(path, source))
    })?;

    let mut tensors = BTreeMap::new();
    for (name, tensor) in reader.into_tensors() {
        let bytes = tensor.byte_len() as u64;
        if bytes > length.max(MIN_TENSOR_LIMIT) {
            let reason = format!(
                "tensor {name} would take {bytes} bytes of memory, while the whole file has {length}"
            );
            return Err(Error::Refused { path: path.to_owned(), reason });
        }
        let info = TensorInfo { dtype: dtype(tensor.dtype()), shape: tensor.shape().to_vec() };
        tensors.insert(name, (info, Location::PyTorch(tensor)));
    }
    Ok(Contents {
        tensors: unwrap_names(tensors),
        nested_under: nested_under.map(str::to_owned),
        ..Contents::default()
    })
}

/// Reads one tensor, giving the bytes of the file back part by part as they are converted.
pub(super) fn read_f32(tensor: &Tensor, info: &TensorInfo, path: &Path) -> Result<Vec<f32>, Error> {
    let mut bytes = guarded(path, || tensor.read().map_err(|source| pytorch_error(path, source)))?;
    let size = info.dtype.bytes();
    if bytes.len() != info.bytes() {
        let reason = format!("{} was read as {} bytes", tensor.name, bytes.len());
        return Err(Error::Refused { path: path.to_owned(), reason });
    }
    // The reader returns the machine's own order.
    if cfg!(target_endian = "big") {
        bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    }

    // From the end: zeroed memory costs nothing before it is written, and large vectors shrink in
    // place, so the two together stay at the size of one.
    let mut values = vec![0.0; info.num_elements()];
    let part = (values.len() / CONVERTED_PARTS).max(CHUNK_BYTES / size);
    let mut end = values.len();
    while end > 0 {
        let start = end.saturating_sub(part);
        info.dtype.convert(&bytes[start * size..], &mut values[start..end]);
        bytes.truncate(start * size);
        bytes.shrink_to_fit();
        end = start;
    }
    Ok(values)
}

/// The top-level key under which the tensors are, once their names are known to be unique.
fn choose(path: &Path) -> Result<Option<&'static str>, Error> {
    let root = PytorchReader::read_pickle_data(path, None)
        .map_err(|source| pytorch_error(path, source))?;
    let mut root = match root {
        PickleValue::Dict(root) => root,
        _ => HashMap::new(),
    };
    let key = NESTINGS.into_iter().find(
        |key| matches!(root.get(*key), Some(PickleValue::Dict(values)) if !values.is_empty()),
    );
    let mut keys: Vec<_> = root.keys().cloned().collect();
    let tensors = match key {
        Some(key) => root.remove(key).unwrap_or(PickleValue::None),
        None => PickleValue::Dict(root),
    };

    let mut names = Names::default();
    names.walk(&tensors, &mut String::new());
    if names.bytes > MAX_NAME_BYTES {
        let reason = format!("the names of its tensors take more than {MAX_NAME_BYTES} bytes");
        return Err(Error::Refused { path: path.to_owned(), reason });
    }
    if !names.repeated.is_empty() {
        return Err(Error::DuplicateNames {
            path: path.to_owned(),
            names: names.repeated.into_iter().collect(),
        });
    }
    if names.unique.is_empty() {
        keys.sort_unstable();
        return Err(Error::NoTensors { path: path.to_owned(), keys });
    }
    Ok(key)
}

/// The names that the reader will give to tensors: their paths through dictionaries and lists.
///
/// Collected first because it keeps only one of `{"a.b": x, "a": {"b": y}}`, at random.
#[derive(Default)]
struct Names {
    unique: BTreeSet<String>,
    repeated: BTreeSet<String>,
    bytes: usize,
}

impl Names {
    /// The reader bounds the depth of nesting, and with it that of this recursion.
    fn walk(&mut self, value: &PickleValue, path: &mut String) {
        match value {
            PickleValue::Dict(values) => {
                values.iter().for_each(|(key, value)| self.step(key, value, path));
            }
            PickleValue::List(values) => {
                let values = values.iter().enumerate();
                values.for_each(|(index, value)| self.step(&index.to_string(), value, path));
            }
            PickleValue::Unsupported(kind) if kind == TENSOR_TYPE => {
                self.bytes += path.len();
                if self.bytes <= MAX_NAME_BYTES && !self.unique.insert(path.clone()) {
                    self.repeated.insert(path.clone());
                }
            }
            _ => {}
        }
    }

    fn step(&mut self, key: &str, value: &PickleValue, path: &mut String) {
        let length = path.len();
        if length > 0 {
            path.push('.');
        }
        path.push_str(key);
        self.walk(value, path);
        path.truncate(length);
    }
}

/// Drops a wrapper's prefix where every name has it: elsewhere it is the network's own.
pub(super) fn unwrap_names<T>(mut tensors: BTreeMap<String, T>) -> BTreeMap<String, T> {
    for wrapper in WRAPPERS {
        if tensors.keys().all(|name| name.len() > wrapper.len() && name.starts_with(wrapper)) {
            let inner =
                tensors.into_iter().map(|(name, tensor)| (name[wrapper.len()..].into(), tensor));
            tensors = inner.collect();
        }
    }
    tensors
}

/// Turns a panic of the reader into an error.
///
/// It parses pickles and archives from anywhere, through crates that are not ours; a service that
/// loads what users upload must outlive a bug in them. Nothing of ours is left half changed: the
/// closures only read.
fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_: Box<dyn Any + Send>| {
        let reason = "it makes the parser of PyTorch files fail".to_owned();
        Err(Error::Refused { path: path.to_owned(), reason })
    })
}

fn pytorch_error(
    path: &Path,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    Error::PyTorch { path: path.to_owned(), source: source.into() }
}

fn dtype(dtype: DType) -> Dtype {
    match dtype {
        DType::F64 => Dtype::F64,
        DType::F32 => Dtype::F32,
        DType::F16 => Dtype::F16,
        DType::BF16 => Dtype::BF16,
        DType::I64 => Dtype::I64,
        DType::I32 => Dtype::I32,
        DType::I16 => Dtype::I16,
        DType::I8 => Dtype::I8,
        DType::U64 => Dtype::U64,
        DType::U32 => Dtype::U32,
        DType::U16 => Dtype::U16,
        DType::U8 => Dtype::U8,
        DType::Bool => Dtype::Bool,
    }
}
