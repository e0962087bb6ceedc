//! What PyTorch wrote from 0.1.10 to 1.5: five pickles, then the storages one after the other.

use std::collections::BTreeMap;

use super::calls::key_text;
use super::machine::{Machine, Persistent};
use super::value::Value;
use super::{Extent, Parsed, Problem};
use crate::file::positioned::PositionedFile;
use crate::file::section::Section;

/// The first pickle, which is the number 0x1950a86a20f9469cfc6c.
pub(super) const MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
/// The second pickle, the only version there has been.
const VERSION: Value = Value::Int(1001);

/// Reads the pickles and finds the storages.
pub(super) fn parse(file: &PositionedFile, length: u64) -> Result<Parsed, Problem> {
    let mut input = Section::new(file, 0, length);
    input.skip(MAGIC.len() as u64)?;
    let mut machine = Machine::new();
    if machine.read(&mut input, &Persistent::Nothing)? != VERSION {
        return Err(Problem::Damaged("it is of a version that PyTorch never wrote".into()));
    }
    check_system(&mut machine, &mut input)?;
    let root = machine.read(&mut input, &Persistent::Storages)?;
    let Value::List(keys) = machine.read(&mut input, &Persistent::Nothing)? else {
        return Err(Problem::Damaged("the list of its storages is missing".into()));
    };

    let values = machine.values;
    let mut storages = BTreeMap::new();
    for key in values.list(keys) {
        let key = key_text(&values, *key)?;
        let Some((elements, bytes)) = values
            .find_storage(&key)
            .and_then(|storage| Some((storage.elements, storage.bytes()?)))
        else {
            return Err(Problem::Damaged(format!("storage {key:?} is listed but not described")));
        };
        if u64::from_le_bytes(input.array()?) != elements {
            return Err(Problem::Damaged(format!("storage {key:?} has not {elements} elements")));
        }
        let extent = Extent { offset: input.position(), bytes, checksum: None };
        input.skip(bytes)?;
        if storages.contains_key(&*key) {
            return Err(Problem::Damaged(format!("storage {key:?} is listed twice")));
        }
        storages.insert(key.into_owned(), extent);
    }
    if input.left() > 0 {
        let reason = format!("{} bytes follow its last storage", input.left());
        return Err(Problem::Damaged(reason));
    }
    Ok(Parsed { values, root, storages })
}

/// Reads the pickle about the machine that wrote the file.
pub(super) fn check_system(machine: &mut Machine, input: &mut Section<'_>) -> Result<(), Problem> {
    let Value::Dict(system) = machine.read(input, &Persistent::Nothing)? else {
        return Err(Problem::Damaged("it does not say what machine wrote it".into()));
    };
    match machine.values.get(system, "little_endian") {
        Some(Value::Bool(true)) => Ok(()),
        _ => Err(Problem::Refused("it was not saved on a little-endian machine".into())),
    }
}
