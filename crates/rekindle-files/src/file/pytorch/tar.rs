//! The TAR archive that PyTorch wrote before 0.1.10, and torchvision's VGG-16 still is.
//!
//! | entry | content |
//! |---|---|
//! | `sys_info` | a pickle about the machine |
//! | `storages` | their number; for each a pickle of key, device and type, then length and bytes; views |
//! | `tensors` | their number; for each a pickle of keys and type, then shape, strides and offset |
//! | `pickle` | the object, in which tensors are called by their keys |

use std::collections::BTreeMap;

use super::calls::{key_text, natural};
use super::machine::{Machine, Persistent};
use super::value::{Global, MAX_DIMENSIONS, RawTensor, Storage, Value};
use super::{Extent, Parsed, Problem, legacy};
use crate::file::positioned::PositionedFile;
use crate::file::section::Section;

/// Where the magic of a TAR archive is, and what it is.
pub(super) const MAGIC: (usize, &[u8]) = (257, b"ustar");

/// Headers are one block, and contents start at a block.
const BLOCK: u64 = 512;
const NAME_FIELD: std::ops::Range<usize> = 0..100;
const SIZE_FIELD: std::ops::Range<usize> = 124..136;
const TYPE_FIELD: usize = 156;
/// Storages, and tensors, that an archive may have.
const MAX_ROWS: usize = 100_000;

/// Reads the entries of an archive.
pub(super) fn parse(file: &PositionedFile, length: u64) -> Result<Parsed, Problem> {
    let entries = entries(file, length)?;
    let entry = |name: &str| {
        let found = entries.get(name);
        let (start, end) =
            found.ok_or_else(|| Problem::Damaged(format!("its TAR archive has no {name}")))?;
        Ok::<_, Problem>(Section::new(file, *start, *end))
    };
    let mut machine = Machine::new();
    legacy::check_system(&mut machine, &mut entry("sys_info")?)?;
    let storages = read_storages(&mut machine, &mut entry("storages")?)?;
    let tensors = read_tensors(&mut machine, &mut entry("tensors")?)?;
    let root = machine.read(&mut entry("pickle")?, &Persistent::Tensors(tensors))?;
    Ok(Parsed { values: machine.values, root, storages })
}

/// Where the bytes of each plain file are.
///
/// Sparse files, whose few bytes may stand for any number of zeros, and other extensions that
/// change sizes are refused: PyTorch never wrote any.
fn entries(file: &PositionedFile, length: u64) -> Result<BTreeMap<String, (u64, u64)>, Problem> {
    let mut entries = BTreeMap::new();
    let mut input = Section::new(file, 0, length);
    while input.left() >= BLOCK {
        let header: [u8; BLOCK as usize] = input.array()?;
        // Zeros pad the end of an archive.
        if header.iter().all(|byte| *byte == 0) {
            continue;
        }
        let plain = matches!(header[TYPE_FIELD], b'0' | 0 | b'5');
        let (Some(size), true) = (octal(&header[SIZE_FIELD]), plain) else {
            return Err(Problem::Refused("its TAR archive holds more than plain files".into()));
        };
        let name = String::from_utf8_lossy(&header[NAME_FIELD]);
        let name = name.trim_end_matches('\0').trim_start_matches("./").to_owned();
        let start = input.position();
        input.skip(size)?;
        if entries.insert(name, (start, start + size)).is_some() || entries.len() > MAX_ROWS {
            return Err(Problem::Refused("its TAR archive has a file twice, or too many".into()));
        }
        input.skip((size.next_multiple_of(BLOCK) - size).min(input.left()))?;
    }
    Ok(entries)
}

/// A number as TAR writes it, without the extensions of it.
fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
}

/// The storages, which become known to the machine, and where the bytes of each are.
fn read_storages(
    machine: &mut Machine,
    input: &mut Section<'_>,
) -> Result<BTreeMap<String, Extent>, Problem> {
    let mut storages = BTreeMap::new();
    for _ in 0..count(machine, input)? {
        let row = machine.read(input, &Persistent::Nothing)?;
        let [key, _, Value::Global(Global::Storage(Some(dtype)))] = fields(machine, row)? else {
            return Err(malformed());
        };
        let key = key_text(&machine.values, key)?.into_owned();
        let elements = natural::<u64>(i64::from_le_bytes(input.array()?))?;
        let storage =
            Storage { key: (*key).into(), dtype: Some(dtype), elements, view: 0..elements };
        let bytes = storage.bytes().ok_or_else(malformed)?;
        let extent = Extent { offset: input.position(), bytes, checksum: None };
        input.skip(bytes)?;
        machine.values.push_storage(storage)?;
        if storages.insert(key, extent).is_some() {
            return Err(malformed());
        }
    }
    let Value::List(views) = machine.read(input, &Persistent::Nothing)? else {
        return Err(malformed());
    };
    for view in machine.values.list(views).to_vec() {
        let [key, root, Value::Int(offset), Value::Int(elements)] = fields(machine, view)? else {
            return Err(malformed());
        };
        let (key, root) = (key_text(&machine.values, key)?, key_text(&machine.values, root)?);
        let (offset, elements) = (natural::<u64>(offset)?, natural::<u64>(elements)?);
        let dtype = machine.values.find_storage(&root).and_then(|storage| storage.dtype);
        let (Some(root), Some(dtype)) = (storages.get(&*root), dtype) else {
            return Err(malformed());
        };
        let key = key.into_owned();
        let storage =
            Storage { key: (*key).into(), dtype: Some(dtype), elements, view: 0..elements };
        let start = offset.checked_mul(dtype.bytes() as u64);
        let (Some(start), Some(bytes)) = (start, storage.bytes()) else { return Err(malformed()) };
        if start.checked_add(bytes).is_none_or(|end| end > root.bytes) {
            return Err(malformed());
        }
        let extent = Extent { offset: root.offset + start, bytes, checksum: None };
        machine.values.push_storage(storage)?;
        if storages.insert(key, extent).is_some() {
            return Err(malformed());
        }
    }
    Ok(storages)
}

/// The tensors, by the keys under which the pickle has them.
fn read_tensors(
    machine: &mut Machine,
    input: &mut Section<'_>,
) -> Result<BTreeMap<String, Value>, Problem> {
    let mut tensors = BTreeMap::new();
    for _ in 0..count(machine, input)? {
        let row = machine.read(input, &Persistent::Nothing)?;
        let [key, storage, _] = fields(machine, row)?;
        let (key, storage) = (key_text(&machine.values, key)?, key_text(&machine.values, storage)?);
        let key = key.into_owned();
        let storage = machine.values.find_storage(&storage).cloned().ok_or_else(malformed)?;
        let dtype = storage.dtype.ok_or_else(malformed)?;
        let Value::Storage(storage) = machine.values.push_storage(storage)? else {
            return Err(malformed());
        };

        let dimensions = i32::from_le_bytes(input.array()?);
        // The number of dimensions once had eight bytes.
        input.skip(4)?;
        let dimensions = natural::<usize>(dimensions.into())?;
        if dimensions > MAX_DIMENSIONS {
            let reason = format!("a tensor has more than {MAX_DIMENSIONS} dimensions");
            return Err(Problem::Refused(reason));
        }
        let mut extents = || -> Result<Vec<usize>, Problem> {
            (0..dimensions).map(|_| natural(i64::from_le_bytes(input.array()?))).collect()
        };
        let (shape, stride) = (extents()?, extents()?);
        let offset = natural(i64::from_le_bytes(input.array()?))?;
        let tensor = RawTensor { storage, dtype, offset, shape, stride };
        if tensors.insert(key, machine.values.push_tensor(tensor)?).is_some() {
            return Err(malformed());
        }
    }
    Ok(tensors)
}

/// The number of rows of a table.
fn count(machine: &mut Machine, input: &mut Section<'_>) -> Result<usize, Problem> {
    match machine.read(input, &Persistent::Nothing)? {
        Value::Int(count) => natural(count).and_then(|count| {
            (count <= MAX_ROWS)
                .then_some(count)
                .ok_or_else(|| Problem::Refused(format!("it has more than {MAX_ROWS} tensors")))
        }),
        _ => Err(malformed()),
    }
}

/// The fields of a tuple.
fn fields<const N: usize>(machine: &Machine, row: Value) -> Result<[Value; N], Problem> {
    let (Value::Tuple(row) | Value::List(row)) = row else { return Err(malformed()) };
    machine.values.list(row).try_into().map_err(|_| malformed())
}

fn malformed() -> Problem {
    Problem::Damaged("the tables of its TAR archive are malformed".into())
}
