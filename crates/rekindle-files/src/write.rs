//! Writing safetensors files, one tensor at a time and all or nothing.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use rekindle_base::AtomicFile;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::error::shortened;
use crate::file::MAX_NAME_BYTES;
use crate::file::json::duplicates;
use crate::file::safetensors::{LENGTH_BYTES, MAX_HEADER_BYTES, METADATA_KEY, checked_bytes};
use crate::{Dtype, Error};

#[cfg(test)]
mod tests;

/// A tensor that is to be written: everything but its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Name in the file, unique.
    pub name: String,
    /// Type of each element.
    pub dtype: Dtype,
    /// Extents, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
}

/// Writes a safetensors file, asking for the values of one tensor at a time.
///
/// `data(i)` returns the values of `entries[i]`, row-major and little-endian. It is called once
/// per entry, in the order of the file (largest alignment first, then by name: the order of
/// safetensors' own serializer), so that no second copy of a model is ever held.
///
/// The bytes go to a temporary file in the same folder, which is synced and then renamed: a reader
/// sees the old file or the new one, never half of one. A symbolic link at `path` is replaced, not
/// followed. The permissions are those of any new file (the umask's).
///
/// # Errors
///
/// If names repeat, if `data` fails or returns another number of bytes than the entry needs, or if
/// the folder cannot be written to. What was at `path` before is then unchanged.
pub fn write_safetensors<E>(
    path: &Path,
    metadata: &BTreeMap<String, String>,
    entries: &[Entry],
    mut data: impl FnMut(usize) -> Result<Vec<u8>, E>,
) -> Result<(), Error>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let layout = Layout::new(path, metadata, entries)?;
    let write_error = |source| write_error(path, source);

    // Dropped on every early return below, which removes it.
    let mut file = AtomicFile::create(path).map_err(write_error)?;
    file.write_all(&layout.opening).map_err(write_error)?;
    for (index, bytes) in layout.order {
        let name = &entries[index].name;
        let values = data(index).map_err(|source| Error::Payload {
            path: path.to_owned(),
            name: name.clone(),
            source: source.into(),
        })?;
        if values.len() as u64 != bytes {
            let reason = format!("tensor {name} needs {bytes} bytes but got {}", values.len());
            return Err(Error::InvalidEntry { path: path.to_owned(), reason });
        }
        file.write_all(&values).map_err(write_error)?;
    }
    file.commit().map_err(write_error)
}

/// The header as bytes, and the order in which the values follow it.
struct Layout {
    /// Length and header, padded so that the values start at a multiple of 8.
    opening: Vec<u8>,
    /// Index of the entry, and its number of bytes.
    order: Vec<(usize, u64)>,
}

impl Layout {
    fn new(
        path: &Path,
        metadata: &BTreeMap<String, String>,
        entries: &[Entry],
    ) -> Result<Self, Error> {
        let invalid = |reason| Error::InvalidEntry { path: path.to_owned(), reason };
        let names = duplicates(entries.iter().map(|entry| &entry.name));
        if !names.is_empty() {
            return Err(invalid(format!("names repeat: {}", names.join(", "))));
        }
        if entries.iter().any(|entry| entry.name == METADATA_KEY) {
            return Err(invalid(format!("no tensor may be called {METADATA_KEY}")));
        }

        let keys = entries.iter().map(|entry| &entry.name).chain(metadata.keys());
        if let Some(long) = keys.into_iter().find(|name| name.len() > MAX_NAME_BYTES) {
            let long = shortened(long);
            return Err(invalid(format!("the name {long} has more than {MAX_NAME_BYTES} bytes")));
        }

        let mut order = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let bytes = checked_bytes(entry.dtype, &entry.shape)
                .ok_or_else(|| invalid(format!("the shape of {} is too large", entry.name)))?;
            order.push((index, bytes));
        }
        order.sort_by(|(left, _), (right, _)| {
            let (left, right) = (&entries[*left], &entries[*right]);
            right.dtype.cmp(&left.dtype).then_with(|| left.name.cmp(&right.name))
        });

        let header = Header { metadata, entries, order: &order };
        let mut json = serde_json::to_vec(&header).map_err(|error| invalid(error.to_string()))?;
        json.resize(json.len().next_multiple_of(LENGTH_BYTES as usize), b' ');
        if json.len() as u64 > MAX_HEADER_BYTES {
            return Err(invalid(format!("its header would exceed {MAX_HEADER_BYTES} bytes")));
        }
        let mut opening = (json.len() as u64).to_le_bytes().to_vec();
        opening.append(&mut json);
        Ok(Self { opening, order })
    }
}

/// The header as JSON.
struct Header<'a> {
    metadata: &'a BTreeMap<String, String>,
    entries: &'a [Entry],
    order: &'a [(usize, u64)],
}

/// One tensor of the header.
#[derive(serde::Serialize)]
struct HeaderTensor<'a> {
    dtype: &'static str,
    shape: &'a [usize],
    data_offsets: (u64, u64),
}

impl Serialize for Header<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.metadata.is_empty() {
            map.serialize_entry(METADATA_KEY, self.metadata)?;
        }
        let mut start = 0u64;
        for (index, bytes) in self.order {
            let entry = &self.entries[*index];
            let end = start.saturating_add(*bytes);
            let tensor = HeaderTensor {
                dtype: entry.dtype.name(),
                shape: &entry.shape,
                data_offsets: (start, end),
            };
            map.serialize_entry(&entry.name, &tensor)?;
            start = end;
        }
        map.end()
    }
}

fn write_error(path: &Path, source: io::Error) -> Error {
    let remedy = match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "create its folder first",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "choose a folder that you may write to"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free space on the disk",
        io::ErrorKind::IsADirectory => "choose a path that is no folder",
        _ => "check the folder and the disk",
    };
    Error::Write { path: path.to_owned(), remedy, source }
}
