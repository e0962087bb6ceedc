//! One file: what it is by its content, and how its tensors are read.

use std::io::Read;
use std::path::Path;

use rekindle_base::open_regular;

use super::pytorch::OPENING_BYTES;
use super::safetensors::LENGTH_BYTES;
use super::sets::WeightsSet;
use super::{Contents, pytorch, safetensors, sharded};
use crate::Error;

/// What a file is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Safetensors,
    Index,
    PyTorch,
}

/// Opens a file of any of the formats.
pub(super) fn open(path: &Path, set: &WeightsSet) -> Result<Contents, Error> {
    match detect(path)? {
        Format::PyTorch => pytorch::open(path, set),
        _ if !set.is_any() => {
            let (path, set) = (path.to_owned(), set.to_string());
            Err(Error::NoSuchSet { path, set, found: Vec::new() })
        }
        Format::Safetensors => safetensors::open(path),
        Format::Index => sharded::open(path),
    }
}

/// Decides by content; a name that ends in `.safetensors` only makes for a better error.
fn detect(path: &Path) -> Result<Format, Error> {
    let mut opening = Vec::new();
    open_regular(path)
        .and_then(|file| file.take(OPENING_BYTES as u64).read_to_end(&mut opening))
        .map_err(|source| Error::Read { path: path.to_owned(), source })?;

    if safetensors::starts_like(&opening) {
        return Ok(Format::Safetensors);
    }
    let is_named_safetensors = path.extension().is_some_and(|extension| extension == "safetensors");
    // Too short to tell: any byte may open the length, that of a pickle or of a space included.
    if is_named_safetensors && (1..=LENGTH_BYTES as usize).contains(&opening.len()) {
        return Ok(Format::Safetensors);
    }
    if pytorch::starts_like(&opening) {
        return Ok(Format::PyTorch);
    }
    let text = opening.trim_ascii_start();
    let found = match text {
        [] => "it is empty",
        [b'{', ..] => return Ok(Format::Index),
        [0x80, ..] => "it is a pickle, but not one of PyTorch's",
        [b'<', ..] => "it looks like a web page, perhaps a login or an error page",
        _ if text.starts_with(b"version https://git-lfs") => {
            "it is a pointer of Git LFS, which `git lfs pull` replaces by the file"
        }
        _ if is_named_safetensors => return Ok(Format::Safetensors),
        _ => "its first bytes are those of no known format",
    };
    Err(Error::UnknownFormat { path: path.to_owned(), found: found.to_owned() })
}
