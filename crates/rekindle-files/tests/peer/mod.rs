//! Our reader of safetensors held against the `safetensors` crate, whose format it is. The fuzzer of the format takes this file too.

use std::{collections::BTreeMap, path::Path};

use rekindle_files::{CheckpointFile, Error};
use safetensors::SafeTensors;

/// Whether both take a file of these bytes, which lies at `path`.
///
/// # Errors
///
/// Where one takes it and the other does not for a reason that is none of those that we are stricter by; or where they find
/// something else in it.
pub(crate) fn agreement(path: &Path, bytes: &[u8]) -> Result<bool, String> {
    match (CheckpointFile::open(path), SafeTensors::deserialize(bytes)) {
        (Ok(ours), Ok(theirs)) => same(&ours, &theirs, bytes).map(|()| true),
        (Err(_), Err(_)) => Ok(false),
        (Ok(_), Err(error)) => Err(format!("ours takes what safetensors refuses: {error}")),
        (Err(error), Ok(_)) if is_stricter(&error) => Ok(false),
        (Err(error), Ok(_)) => Err(format!("safetensors takes what ours refuses: {error:?}")),
    }
}

/// What we refuse and safetensors does not: names twice, names that a terminal would obey, types of eight bits and less, sizes
/// that a header of the largest size could ask for, and what only looks like a type.
fn is_stricter(error: &Error) -> bool {
    match error {
        Error::DuplicateNames { .. }
        | Error::ControlCharacters { .. }
        | Error::UnknownDtype { .. }
        | Error::HeaderTooLarge { .. }
        | Error::ShapeOverflow { .. }
        | Error::NoTensors { .. } => true,
        Error::Json { source, .. } => {
            let limits = ["a name of", "more than", "expected an element type"];
            limits.iter().any(|limit| source.to_string().contains(limit))
        }
        _ => false,
    }
}

fn same(ours: &CheckpointFile, theirs: &SafeTensors<'_>, bytes: &[u8]) -> Result<(), String> {
    // What a wrapper has put before every name is dropped by us.
    let names: BTreeMap<String, _> =
        ours.tensors().map(|(name, info)| (format!("{}{name}", ours.wrapper()), info)).collect();
    let mut count = 0;
    for (name, view) in theirs.iter() {
        let Some(info) = names.get(name) else { return Err(format!("{name:?} is missing")) };
        if info.dtype.name() != view.dtype().to_string() || info.shape != view.shape() {
            return Err(format!("{name:?} is {info:?}, and {:?} {:?}", view.dtype(), view.shape()));
        }
        if info.bytes() != view.data().len() {
            return Err(format!("{name:?} has {} bytes, and {}", info.bytes(), view.data().len()));
        }
        if info.dtype.name() == "F32" {
            let own = name.strip_prefix(ours.wrapper()).unwrap_or(name);
            let values = ours.read_f32(own).map_err(|error| format!("{name:?}: {error}"))?;
            let read: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            if read != view.data() {
                return Err(format!("{name:?} has other values"));
            }
        }
        count += 1;
    }
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let theirs: BTreeMap<_, _> =
        header.metadata().clone().unwrap_or_default().into_iter().collect();
    if count != names.len() || *ours.metadata() != theirs {
        return Err(format!(
            "{} tensors and {:?}, and {count} and {theirs:?}",
            names.len(),
            ours.metadata()
        ));
    }
    Ok(())
}
