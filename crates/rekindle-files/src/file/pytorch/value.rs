//! What a pickle's objects become: small values that refer to each other by number.
//!
//! Python's objects refer to each other freely, so copies of them may grow exponentially and drops
//! of them may overflow the stack. Numbers do neither: a value takes 16 bytes, and half a million
//! steps of a pickle make at most as many of them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use super::Problem;
use super::cost::Cost;
use crate::Dtype;
use crate::file::MAX_TENSORS;

/// Extents that a tensor may have; PyTorch's networks have five at most.
pub(in crate::file) const MAX_DIMENSIONS: usize = 8;
/// Bytes that all texts of a file may have together: names, but also labels beside the weights.
const MAX_TEXT_BYTES: usize = 16 << 20;

/// An object. Numbers refer to the tables of [`Values`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Text(Text),
    Global(Global),
    Tuple(u32),
    List(u32),
    Dict(u32),
    Storage(u32),
    Tensor(u32),
    /// What no tensor depends on: a float, an `argparse.Namespace`, a scalar of numpy.
    Opaque,
}

/// A Python object that a pickle may name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Global {
    /// `torch.FloatStorage` and the like; `None` is the untyped one.
    Storage(Option<Dtype>),
    /// `torch.float32` and the like.
    Dtype(Dtype),
    /// A function that rebuilds a tensor from that many arguments at least.
    Rebuild(u8),
    /// `_rebuild_parameter`, whose first argument is the tensor.
    Parameter,
    /// A dictionary, perhaps of pairs.
    Dict,
    /// A class of tuples: `torch.Size`.
    Tuple,
    /// Something that no tensor depends on.
    Opaque,
}

/// A text, by its place among all texts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Text {
    start: u32,
    bytes: u32,
}

/// A storage as the pickle describes it.
#[derive(Debug, Clone)]
pub(super) struct Storage {
    pub(super) key: Rc<str>,
    /// `None` where the storage is untyped: each tensor says what its own is.
    pub(super) dtype: Option<Dtype>,
    pub(super) elements: u64,
    /// The elements that a view of it has, in very old files; all of them otherwise.
    pub(super) view: Range<u64>,
}

/// A tensor as the pickle describes it, unchecked.
#[derive(Debug)]
pub(super) struct RawTensor {
    pub(super) storage: u32,
    pub(super) dtype: Dtype,
    pub(super) offset: u64,
    pub(super) shape: Vec<usize>,
    pub(super) stride: Vec<usize>,
}

/// Everything that the pickles of a file have made.
#[derive(Debug, Default)]
pub(super) struct Values {
    texts: String,
    /// Tuples and lists.
    lists: Vec<Vec<Value>>,
    dicts: Vec<Vec<(Value, Value)>>,
    storages: Vec<Storage>,
    /// The storage of each key, which must be described the same way each time.
    keys: BTreeMap<Rc<str>, u32>,
    tensors: Vec<RawTensor>,
    pub(super) cost: Cost,
}

impl Values {
    pub(super) fn add_text(&mut self, bytes: u64) -> Result<u32, Problem> {
        let start = self.texts.len();
        if bytes > (MAX_TEXT_BYTES - start) as u64 {
            let limit = format!("its texts take more than {MAX_TEXT_BYTES} bytes");
            return Err(Problem::Refused(limit));
        }
        Ok(start as u32)
    }

    /// Keeps a text, for which [`add_text`](Self::add_text) has found room.
    pub(super) fn push_text(&mut self, text: &str) -> Value {
        let start = self.texts.len() as u32;
        self.texts.push_str(text);
        Value::Text(Text { start, bytes: text.len() as u32 })
    }

    pub(super) fn text(&self, text: Text) -> &str {
        &self.texts[text.start as usize..][..text.bytes as usize]
    }

    pub(super) fn push_list(&mut self, items: Vec<Value>) -> u32 {
        self.lists.push(items);
        (self.lists.len() - 1) as u32
    }

    pub(super) fn list(&self, list: u32) -> &[Value] {
        &self.lists[list as usize]
    }

    pub(super) fn list_mut(&mut self, list: u32) -> &mut Vec<Value> {
        &mut self.lists[list as usize]
    }

    pub(super) fn push_dict(&mut self, items: Vec<(Value, Value)>) -> u32 {
        self.dicts.push(items);
        (self.dicts.len() - 1) as u32
    }

    /// The items of a dictionary, in the order in which they were set, repeated keys and all.
    pub(super) fn dict(&self, dict: u32) -> &[(Value, Value)] {
        &self.dicts[dict as usize]
    }

    pub(super) fn dict_mut(&mut self, dict: u32) -> &mut Vec<(Value, Value)> {
        &mut self.dicts[dict as usize]
    }

    /// The value under a text, the last one where it was set twice.
    pub(super) fn get(&self, dict: u32, key: &str) -> Option<Value> {
        let is_key = |value| matches!(value, Value::Text(text) if self.text(text) == key);
        self.dict(dict).iter().rev().find(|(name, _)| is_key(*name)).map(|(_, value)| *value)
    }

    /// Keeps a storage; two descriptions of one must agree but for the view.
    pub(super) fn push_storage(&mut self, mut storage: Storage) -> Result<Value, Problem> {
        let index = self.storages.len() as u32;
        // One copy of a key for all views of its storage.
        let known = self.keys.get_key_value(&*storage.key);
        let first = known.map_or(index, |(_, first)| *first);
        match known {
            Some((key, _)) => storage.key = Rc::clone(key),
            None => drop(self.keys.insert(Rc::clone(&storage.key), index)),
        }
        if let Some(known) = self.storages.get(first as usize) {
            if (known.dtype, known.elements) != (storage.dtype, storage.elements) {
                let reason = format!("storage {:?} is described in two ways", storage.key);
                return Err(Problem::Damaged(reason));
            }
            if known.view == storage.view {
                return Ok(Value::Storage(first));
            }
        }
        if self.storages.len() == MAX_TENSORS {
            let reason = format!("it describes more than {MAX_TENSORS} storages and views of them");
            return Err(Problem::Refused(reason));
        }
        self.storages.push(storage);
        Ok(Value::Storage(index))
    }

    pub(super) fn storage(&self, storage: u32) -> &Storage {
        &self.storages[storage as usize]
    }

    /// The storage under a key, if a pickle has described it.
    pub(super) fn find_storage(&self, key: &str) -> Option<&Storage> {
        self.keys.get(key).map(|index| self.storage(*index))
    }

    pub(super) fn push_tensor(&mut self, tensor: RawTensor) -> Result<Value, Problem> {
        if self.tensors.len() == MAX_TENSORS {
            let reason = format!("it rebuilds more than {MAX_TENSORS} tensors");
            return Err(Problem::Refused(reason));
        }
        self.tensors.push(tensor);
        Ok(Value::Tensor((self.tensors.len() - 1) as u32))
    }

    pub(super) fn tensor(&self, tensor: u32) -> &RawTensor {
        &self.tensors[tensor as usize]
    }
}

impl Storage {
    /// Its size, if 64 bits can hold that.
    pub(super) fn bytes(&self) -> Option<u64> {
        self.elements.checked_mul(self.dtype.map_or(1, Dtype::bytes) as u64)
    }
}
