//! The names that a pickle may use, and what calling each of them means here.
//!
//! `GLOBAL` names a Python object and `REDUCE` calls it: that is how a pickle runs whatever its
//! author likes. Here a name is a row of this table or the file is refused, and a call rebuilds a
//! tensor, makes a container, or is remembered as something that no tensor depends on. The rows are
//! what `torch.save` needs for a state dict, and what training scripts keep beside it.

use std::borrow::Cow;

use super::Problem;
use super::value::{Global, MAX_DIMENSIONS, RawTensor, Storage, Value, Values};
use crate::Dtype;
use crate::file::MAX_NAME_BYTES;

/// Arguments of `_rebuild_tensor_v3`, which says the element type in the last of them.
const WITH_DTYPE: u8 = 7;

/// Module, name, and what it is.
#[rustfmt::skip]
const GLOBALS: [(&str, &str, Global); 62] = [
    ("torch", "BFloat16Storage", Global::Storage(Some(Dtype::BF16))),
    ("torch", "BoolStorage", Global::Storage(Some(Dtype::Bool))),
    ("torch", "ByteStorage", Global::Storage(Some(Dtype::U8))),
    ("torch", "CharStorage", Global::Storage(Some(Dtype::I8))),
    ("torch", "DoubleStorage", Global::Storage(Some(Dtype::F64))),
    ("torch", "FloatStorage", Global::Storage(Some(Dtype::F32))),
    ("torch", "HalfStorage", Global::Storage(Some(Dtype::F16))),
    ("torch", "IntStorage", Global::Storage(Some(Dtype::I32))),
    ("torch", "LongStorage", Global::Storage(Some(Dtype::I64))),
    ("torch", "ShortStorage", Global::Storage(Some(Dtype::I16))),
    ("torch.cuda", "BFloat16Storage", Global::Storage(Some(Dtype::BF16))),
    ("torch.cuda", "ByteStorage", Global::Storage(Some(Dtype::U8))),
    ("torch.cuda", "DoubleStorage", Global::Storage(Some(Dtype::F64))),
    ("torch.cuda", "FloatStorage", Global::Storage(Some(Dtype::F32))),
    ("torch.cuda", "HalfStorage", Global::Storage(Some(Dtype::F16))),
    ("torch.cuda", "IntStorage", Global::Storage(Some(Dtype::I32))),
    ("torch.cuda", "LongStorage", Global::Storage(Some(Dtype::I64))),
    ("torch.storage", "UntypedStorage", Global::Storage(None)),
    ("torch", "UntypedStorage", Global::Storage(None)),
    ("torch", "bfloat16", Global::Dtype(Dtype::BF16)),
    ("torch", "bool", Global::Dtype(Dtype::Bool)),
    ("torch", "float16", Global::Dtype(Dtype::F16)),
    ("torch", "float32", Global::Dtype(Dtype::F32)),
    ("torch", "float64", Global::Dtype(Dtype::F64)),
    ("torch", "int16", Global::Dtype(Dtype::I16)),
    ("torch", "int32", Global::Dtype(Dtype::I32)),
    ("torch", "int64", Global::Dtype(Dtype::I64)),
    ("torch", "int8", Global::Dtype(Dtype::I8)),
    ("torch", "uint16", Global::Dtype(Dtype::U16)),
    ("torch", "uint32", Global::Dtype(Dtype::U32)),
    ("torch", "uint64", Global::Dtype(Dtype::U64)),
    ("torch", "uint8", Global::Dtype(Dtype::U8)),
    ("torch._utils", "_rebuild_tensor", Global::Rebuild(4)),
    ("torch._utils", "_rebuild_tensor_v2", Global::Rebuild(6)),
    ("torch._utils", "_rebuild_tensor_v3", Global::Rebuild(WITH_DTYPE)),
    ("torch._utils", "_rebuild_parameter", Global::Parameter),
    ("collections", "OrderedDict", Global::Dict),
    ("collections", "defaultdict", Global::Dict),
    ("torch", "Size", Global::Tuple),
    // In the tables of the TAR archives that PyTorch wrote before 0.1.10.
    ("torch", "ByteTensor", Global::Opaque),
    ("torch", "DoubleTensor", Global::Opaque),
    ("torch", "FloatTensor", Global::Opaque),
    ("torch", "HalfTensor", Global::Opaque),
    ("torch", "IntTensor", Global::Opaque),
    ("torch", "LongTensor", Global::Opaque),
    ("torch.cuda", "FloatTensor", Global::Opaque),
    // What training scripts keep beside the weights: arguments, results, places.
    ("argparse", "Namespace", Global::Opaque),
    ("torch", "device", Global::Opaque),
    ("numpy", "dtype", Global::Opaque),
    ("numpy.core.multiarray", "scalar", Global::Opaque),
    ("numpy._core.multiarray", "scalar", Global::Opaque),
    ("_codecs", "encode", Global::Opaque),
    ("pathlib", "PosixPath", Global::Opaque),
    ("pathlib", "WindowsPath", Global::Opaque),
    ("builtins", "dict", Global::Opaque),
    ("builtins", "list", Global::Opaque),
    ("builtins", "set", Global::Opaque),
    ("__builtin__", "dict", Global::Opaque),
    ("__builtin__", "list", Global::Opaque),
    ("__builtin__", "set", Global::Opaque),
    ("builtins", "bytearray", Global::Opaque),
    ("__builtin__", "bytearray", Global::Opaque),
];

/// The object of that name, or why the file is refused.
pub(super) fn find(module: &str, name: &str) -> Result<Global, Problem> {
    let row = GLOBALS.iter().find(|row| (row.0, row.1) == (module, name));
    row.map(|row| row.2).ok_or_else(|| {
        let name = format!("{module}.{name}").escape_debug().to_string();
        Problem::Refused(format!("it names {name}, which is none of what weights need"))
    })
}

/// What a call makes; nothing of it is executed.
pub(super) fn call(values: &mut Values, callable: Value, args: Value) -> Result<Value, Problem> {
    let (Value::Global(global), Value::Tuple(args)) = (callable, args) else {
        return Err(damaged("a call has no function or no arguments"));
    };
    match (global, values.list(args)) {
        (Global::Opaque, _) => Ok(Value::Opaque),
        (Global::Parameter, [tensor @ Value::Tensor(_), ..]) => Ok(*tensor),
        (Global::Tuple, [tuple @ Value::Tuple(_)]) => Ok(*tuple),
        // A `defaultdict` of what; its items follow.
        (Global::Dict, [] | [Value::Global(_) | Value::None]) => {
            Ok(Value::Dict(values.push_dict(Vec::new())))
        }
        // Python 2 hands all pairs over at once.
        (Global::Dict, [Value::List(pairs)]) => {
            let pairs = *pairs;
            // One list may be handed over again and again.
            values.cost.copy(2 * size_of_val(values.list(pairs)))?;
            let pairs = values.list(pairs).iter().map(|pair| match pair {
                Value::List(pair) | Value::Tuple(pair) => match values.list(*pair) {
                    [key, value] => Ok((*key, *value)),
                    _ => Err(damaged("a dictionary is not made of pairs")),
                },
                _ => Err(damaged("a dictionary is not made of pairs")),
            });
            let pairs = pairs.collect::<Result<_, _>>()?;
            Ok(Value::Dict(values.push_dict(pairs)))
        }
        (Global::Rebuild(arity), args) if args.len() >= usize::from(arity) => {
            let tensor = rebuild(values, args, arity)?;
            values.push_tensor(tensor)
        }
        _ => Err(damaged("a call has other arguments than PyTorch gives it")),
    }
}

fn rebuild(values: &Values, args: &[Value], arity: u8) -> Result<RawTensor, Problem> {
    let [Value::Storage(storage), Value::Int(offset), shape, stride, ..] = args else {
        return Err(damaged("a tensor is not rebuilt from storage, offset, shape and stride"));
    };
    let stored = values.storage(*storage).dtype;
    let said = match args.get(usize::from(WITH_DTYPE) - 1) {
        Some(Value::Global(Global::Dtype(dtype))) if arity == WITH_DTYPE => Some(*dtype),
        _ => None,
    };
    let dtype = match (stored, said) {
        (Some(stored), Some(said)) if stored != said => None,
        _ => stored.or(said),
    };
    Ok(RawTensor {
        storage: *storage,
        dtype: dtype.ok_or_else(|| damaged("a tensor's element type is not its storage's"))?,
        offset: natural(*offset)?,
        shape: extents(values, *shape)?,
        stride: extents(values, *stride)?,
    })
}

/// A storage from `('storage', type, key, device, elements)` and perhaps a view of it.
pub(super) fn storage(values: &mut Values, id: Value) -> Result<Value, Problem> {
    let malformed = || damaged("a storage is not described as PyTorch does it");
    let Value::Tuple(id) = id else { return Err(malformed()) };
    let [
        Value::Text(tag),
        Value::Global(Global::Storage(dtype)),
        key,
        _,
        Value::Int(elements),
        view @ ..,
    ] = values.list(id)
    else {
        return Err(malformed());
    };
    if values.text(*tag) != "storage" {
        return Err(malformed());
    }
    let (dtype, elements) = (*dtype, natural(*elements)?);
    let view = match view {
        [] | [Value::None] => 0..elements,
        [Value::Tuple(view)] => match values.list(*view) {
            [_, Value::Int(offset), Value::Int(size)] => {
                let (start, size) = (natural::<u64>(*offset)?, natural::<u64>(*size)?);
                let end = start.checked_add(size).filter(|end| *end <= elements);
                start..end.ok_or_else(|| damaged("a view reaches past its storage"))?
            }
            _ => return Err(malformed()),
        },
        _ => return Err(malformed()),
    };
    let key = key_text(values, *key)?;
    let (bytes, key) = (key.len(), key.into());
    values.cost.copy(bytes)?;
    values.push_storage(Storage { key, dtype, elements, view })
}

/// A key: PyTorch writes the same one as a text here and as a number there.
pub(super) fn key_text(values: &Values, key: Value) -> Result<Cow<'_, str>, Problem> {
    match key {
        Value::Text(text) => match values.text(text) {
            text if text.len() <= MAX_NAME_BYTES => Ok(text.into()),
            text => Err(Problem::Refused(format!(
                "a key has {} bytes, more than {MAX_NAME_BYTES}",
                text.len()
            ))),
        },
        Value::Int(number) => Ok(number.to_string().into()),
        _ => Err(damaged("a key is neither a text nor a number")),
    }
}

/// A number that counts something.
pub(super) fn natural<T: TryFrom<i64>>(number: i64) -> Result<T, Problem> {
    T::try_from(number).map_err(|_| damaged("a size is negative or too large"))
}

/// A shape, or the strides to it.
fn extents(values: &Values, value: Value) -> Result<Vec<usize>, Problem> {
    let (Value::Tuple(items) | Value::List(items)) = value else {
        return Err(damaged("a shape is no tuple"));
    };
    let items = values.list(items);
    if items.len() > MAX_DIMENSIONS {
        let reason = format!("a tensor has {} dimensions, more than {MAX_DIMENSIONS}", items.len());
        return Err(Problem::Refused(reason));
    }
    let extent = |item: &Value| match item {
        Value::Int(number) => natural::<usize>(*number),
        _ => Err(damaged("a shape is not made of numbers")),
    };
    items.iter().map(extent).collect()
}

fn damaged(reason: &str) -> Problem {
    Problem::Damaged(reason.to_owned())
}
