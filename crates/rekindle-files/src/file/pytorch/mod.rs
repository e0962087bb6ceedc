//! PyTorch checkpoints, of which nothing is executed.
//!
//! A `.pth` is a pickle, a program for a stack machine that may name and call any Python object, in
//! one of three containers. Ours knows the instructions that `torch.save` writes and the names that
//! weights need, and calls nothing: see `machine.rs` and `calls.rs`. Whatever a file pretends, it
//! costs a bounded number of steps, and memory for what it holds rather than for what it says.
//!
//! | container | written | opens with |
//! |---|---|---|
//! | ZIP | since 1.6 | `PK` |
//! | legacy | from 0.1.10 to 1.5 | a pickle of a number |
//! | TAR | before | a header block with `ustar` in it |

mod calls;
mod cost;
mod layout;
mod legacy;
mod machine;
mod tar;
pub(super) mod value;
mod zip;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use rekindle_base::open_regular;

use self::cost::Cost;
use self::value::{Value, Values};
use super::positioned::PositionedFile;
use super::sets::{AVERAGED, RAW, WeightsSet};
use super::{Contents, MAX_NAME_BYTES, MAX_TENSORS};
use crate::Error;
use crate::error::shown;

/// What `DataParallel` and `torch.compile` put in front of every name, in either order.
const WRAPPERS: [&str; 3] = ["_orig_mod.", "module.", "_orig_mod."];
/// Bytes that all names together may have: nesting multiplies them.
const MAX_NAMES_BYTES: usize = 16 << 20;
/// Dictionaries and lists within each other; a list that holds itself has no end of them.
const MAX_NESTING: usize = 32;
/// Values that are looked at for tensors: sharing multiplies them as well.
const MAX_VISITED: usize = 1_000_000;
/// As many bytes as it takes to tell the containers apart.
pub(super) const OPENING_BYTES: usize = 262;

/// What a container holds: an object, and the storages that its tensors are in.
struct Parsed {
    values: Values,
    root: Value,
    storages: BTreeMap<String, Extent>,
}

/// Where the bytes of a storage, or of an entry, are in the file.
#[derive(Debug, Clone, Copy)]
struct Extent {
    offset: u64,
    bytes: u64,
    /// Of all bytes (CRC-32), where the container has one.
    checksum: Option<u32>,
}

/// Why a file is not read.
#[derive(Debug)]
enum Problem {
    Io(io::Error),
    /// It is not what PyTorch writes, any more.
    Damaged(String),
    /// It asks for something that weights do not need.
    Refused(String),
    Names(Vec<String>),
    NoTensors(Vec<String>),
    NoSet {
        set: String,
        found: Vec<String>,
    },
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged("it ends early".into()),
            _ => Self::Io(error),
        }
    }
}

impl Problem {
    fn at(self, path: &Path) -> Error {
        let path = path.to_owned();
        match self {
            Self::Io(source) => Error::Read { path, source },
            Self::Damaged(reason) => Error::PyTorch { path, reason },
            Self::Refused(reason) => Error::Refused { path, reason },
            Self::Names(names) => Error::DuplicateNames { path, names },
            Self::NoTensors(keys) => Error::NoTensors { path, keys },
            Self::NoSet { set, found } => Error::NoSuchSet { path, set, found },
        }
    }
}

/// The reader of a container.
type Parse = fn(&PositionedFile, u64) -> Result<Parsed, Problem>;

/// The container that a file opens like.
fn container(opening: &[u8]) -> Option<Parse> {
    let (offset, magic) = tar::MAGIC;
    if opening.starts_with(zip::MAGIC) {
        Some(zip::parse)
    } else if opening.get(offset..).is_some_and(|rest| rest.starts_with(magic)) {
        Some(tar::parse)
    } else if opening.starts_with(legacy::MAGIC) {
        Some(legacy::parse)
    } else {
        None
    }
}

/// Whether a file opens like one of PyTorch's containers.
pub(super) fn starts_like(opening: &[u8]) -> bool {
    container(opening).is_some()
}

/// Opens a PyTorch checkpoint.
pub(super) fn open(path: &Path, set: &WeightsSet) -> Result<Contents, Error> {
    let read_error = |source| Error::Read { path: path.to_owned(), source };
    let file = open_regular(path).map_err(read_error)?;
    let length = file.metadata().map_err(read_error)?.len();
    let file = PositionedFile::new(file);
    let mut contents = contents(&file, length, set).map_err(|problem| problem.at(path))?;
    contents.files.push((path.to_owned(), file));
    Ok(contents)
}

fn contents(file: &PositionedFile, length: u64, set: &WeightsSet) -> Result<Contents, Problem> {
    let mut opening = vec![0; length.min(OPENING_BYTES as u64) as usize];
    file.read_exact_at(&mut opening, 0)?;
    let parse = container(&opening)
        .ok_or_else(|| Problem::Damaged("it does not start as PyTorch's files do".into()))?;
    let Parsed { values, root, storages } = parse(file, length)?;

    let sets = sets(&values, root);
    let (nested_under, root) = choose(&values, root, set, &sets)?;
    let mut names = Names {
        values: &values,
        found: BTreeMap::new(),
        repeated: BTreeSet::new(),
        bytes: 0,
        visited: 0,
        cost: Cost::default(),
    };
    names.walk(root, &mut String::new(), 0)?;
    let Names { found, repeated, .. } = names;
    if !repeated.is_empty() {
        return Err(Problem::Names(shown(repeated)));
    }
    if found.is_empty() {
        return Err(Problem::NoTensors(keys(&values, root)));
    }

    let mut tensors = BTreeMap::new();
    for (name, tensor) in found {
        let tensor = values.tensor(tensor);
        let storage = values.storage(tensor.storage);
        let Some(extent) = storages.get(&*storage.key) else {
            let reason = format!("the storage of tensor {name} is missing");
            return Err(Problem::Damaged(reason));
        };
        let placed = layout::place(&name, tensor, storage, extent, length)?;
        tensors.insert(name, placed);
    }
    let (wrapper, tensors) = unwrap_names(tensors);
    Ok(Contents { tensors, nested_under, sets, wrapper, ..Contents::default() })
}

/// The well-known keys at the top that hold tensors.
fn sets(values: &Values, root: Value) -> Vec<String> {
    let Value::Dict(dict) = root else { return Vec::new() };
    let is_tensor = |(_, value): &(Value, Value)| matches!(value, Value::Tensor(_));
    let holds_tensors = |key: &&str| match values.get(dict, key) {
        Some(Value::Dict(inner)) => values.dict(inner).iter().any(is_tensor),
        _ => false,
    };
    AVERAGED.into_iter().chain(RAW).filter(holds_tensors).map(str::to_owned).collect()
}

/// The dictionary that the tensors are in, and its key where that is not the root itself.
fn choose(
    values: &Values,
    root: Value,
    set: &WeightsSet,
    sets: &[String],
) -> Result<(Option<String>, Value), Problem> {
    let absent = || Problem::NoSet { set: set.to_string(), found: sets.to_vec() };
    let Value::Dict(dict) = root else {
        return if set.is_any() { Ok((None, root)) } else { Err(absent()) };
    };
    let full = |key: &str| match values.get(dict, key) {
        Some(Value::Dict(inner)) if !values.dict(inner).is_empty() => {
            Some((Some(key.to_owned()), Value::Dict(inner)))
        }
        _ => None,
    };
    // Of two dictionaries, one that holds tensors is meant: `ema` may be settings, `model` lists of tensors.
    let keys = set.keys();
    let with_tensors = keys.iter().find(|key| sets.iter().any(|set| set == *key));
    let nested = with_tensors.and_then(|key| full(key));
    let nested = nested.or_else(|| keys.iter().find_map(|key| full(key)));
    match nested {
        Some(nested) => Ok(nested),
        None if set.is_any() => Ok((None, root)),
        None => Err(absent()),
    }
}

/// The keys at the top, sorted: what there is instead of tensors.
fn keys(values: &Values, root: Value) -> Vec<String> {
    let Value::Dict(dict) = root else { return Vec::new() };
    let keys = values.dict(dict).iter().filter_map(|(key, _)| calls::key_text(values, *key).ok());
    let keys: BTreeSet<Cow<'_, str>> = keys.collect();
    shown(keys)
}

/// The tensors by name: their paths through dictionaries and lists, as `state_dict` has them.
struct Names<'a> {
    values: &'a Values,
    found: BTreeMap<String, u32>,
    repeated: BTreeSet<String>,
    bytes: usize,
    visited: usize,
    cost: Cost,
}

impl Names<'_> {
    fn walk(&mut self, value: Value, path: &mut String, depth: usize) -> Result<(), Problem> {
        if depth > MAX_NESTING {
            return Err(endless());
        }
        match value {
            Value::Dict(dict) => {
                for (key, value) in self.values.dict(dict) {
                    if self.visit(*value)? {
                        let key = calls::key_text(self.values, *key)?;
                        self.step(&key, *value, path, depth)?;
                    }
                }
            }
            Value::List(list) | Value::Tuple(list) => {
                for (index, value) in self.values.list(list).iter().enumerate() {
                    if self.visit(*value)? {
                        self.step(&index.to_string(), *value, path, depth)?;
                    }
                }
            }
            Value::Tensor(tensor) => {
                if path.len() > MAX_NAME_BYTES {
                    let reason = format!("a tensor's name has more than {MAX_NAME_BYTES} bytes");
                    return Err(Problem::Refused(reason));
                }
                self.bytes += path.len();
                if self.bytes > MAX_NAMES_BYTES || self.found.len() == MAX_TENSORS {
                    let reason =
                        format!("it has more than {MAX_TENSORS} tensors, or names without end");
                    return Err(Problem::Refused(reason));
                }
                if path.contains(char::is_control) {
                    let name = path.escape_debug();
                    return Err(Problem::Refused(format!(
                        "tensor {name} has control characters in its name"
                    )));
                }
                if self.found.insert(path.clone(), tensor).is_some() {
                    self.repeated.insert(path.clone());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Counts a value, whatever it is, and says whether there may be tensors in it.
    fn visit(&mut self, value: Value) -> Result<bool, Problem> {
        self.visited += 1;
        if self.visited > MAX_VISITED {
            return Err(endless());
        }
        Ok(matches!(value, Value::Dict(_) | Value::List(_) | Value::Tuple(_) | Value::Tensor(_)))
    }

    fn step(
        &mut self,
        key: &str,
        value: Value,
        path: &mut String,
        depth: usize,
    ) -> Result<(), Problem> {
        self.cost.copy(key.len() + 1)?;
        let length = path.len();
        if length > 0 {
            path.push('.');
        }
        path.push_str(key);
        self.walk(value, path, depth + 1)?;
        path.truncate(length);
        Ok(())
    }
}

fn endless() -> Problem {
    Problem::Refused("its dictionaries and lists nest without end".into())
}

/// Drops a wrapper's prefix where every name has it: elsewhere it is the network's own. Says what was dropped.
pub(super) fn unwrap_names<T>(mut tensors: BTreeMap<String, T>) -> (String, BTreeMap<String, T>) {
    let mut dropped = String::new();
    for wrapper in WRAPPERS {
        if tensors.keys().all(|name| name.len() > wrapper.len() && name.starts_with(wrapper)) {
            let inner =
                tensors.into_iter().map(|(name, tensor)| (name[wrapper.len()..].into(), tensor));
            tensors = inner.collect();
            dropped.push_str(wrapper);
        }
    }
    (dropped, tensors)
}
