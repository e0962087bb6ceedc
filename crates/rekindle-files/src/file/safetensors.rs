//! The safetensors format: an 8-byte length, a JSON header of that length, the tensors' bytes.
//!
//! Checked as strictly as safetensors' own Rust core does (`src/tensor.rs`), and names twice given
//! are refused as well: the tensors must tile the file exactly, without gap, overlap or rest. What
//! a header may hold is bounded, because parsed it takes up to ten times its size in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use rekindle_base::open_regular;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::json::{Entries, check_length, duplicates};
use super::positioned::PositionedFile;
use super::pytorch::value::MAX_DIMENSIONS;
use super::{Contents, Dtype, Location, MAX_TENSORS, TensorInfo};
use crate::Error;
use crate::error::shown;

/// Bytes of the length that opens a file.
pub(crate) const LENGTH_BYTES: u64 = 8;
/// Largest header that the format allows, in bytes.
const FORMAT_HEADER_BYTES: u64 = 100_000_000;
/// Largest header that is read, in bytes: huggingface.js has the same limit. A ResNet-50 has 35 kB.
pub(crate) const MAX_HEADER_BYTES: u64 = 25_000_000;
/// The key of the header that names no tensor.
pub(crate) const METADATA_KEY: &str = "__metadata__";

/// What the header of a file says, once all of it has been checked.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) metadata: BTreeMap<String, String>,
    /// Name, information, and the offset in the file at which its bytes start.
    pub(super) tensors: Vec<(String, TensorInfo, u64)>,
}

/// Opens a safetensors file.
pub(super) fn open(path: &Path) -> Result<Contents, Error> {
    let read_error = |source| Error::Read { path: path.to_owned(), source };
    let file = open_regular(path).map_err(read_error)?;
    let length = file.metadata().map_err(read_error)?.len();
    let file = PositionedFile::new(file);
    let header = read_header(&file, length, path)?;
    let tensors = header.tensors.into_iter().map(|(name, info, offset)| {
        (name, (info, Location::Range { file: 0, offset, checksum: None }))
    });
    Ok(Contents {
        tensors: tensors.collect(),
        files: vec![(path.to_owned(), file)],
        metadata: header.metadata,
        ..Contents::default()
    })
}

/// Whether a file that starts like this can be nothing but safetensors.
///
/// The length's upper bytes are zero, which no text and no pickle has at this place.
pub(super) fn starts_like(opening: &[u8]) -> bool {
    opening.split_first_chunk().is_some_and(|(length, json)| {
        u64::from_le_bytes(*length) <= FORMAT_HEADER_BYTES && json.first() == Some(&b'{')
    })
}

/// Reads and checks the header of a file of `length` bytes.
pub(super) fn read_header(
    file: &PositionedFile,
    length: u64,
    path: &Path,
) -> Result<Header, Error> {
    let truncated = |expected| Error::Truncated { path: path.to_owned(), bytes: length, expected };
    let read_error = |source| Error::Read { path: path.to_owned(), source };

    if length < LENGTH_BYTES {
        return Err(truncated(LENGTH_BYTES));
    }
    let mut header_bytes = [0; LENGTH_BYTES as usize];
    file.read_exact_at(&mut header_bytes, 0).map_err(read_error)?;
    let header_bytes = u64::from_le_bytes(header_bytes);
    if header_bytes > MAX_HEADER_BYTES {
        return Err(Error::HeaderTooLarge {
            path: path.to_owned(),
            bytes: header_bytes,
            limit: MAX_HEADER_BYTES,
        });
    }
    let data_start = LENGTH_BYTES + header_bytes;
    if data_start > length {
        return Err(truncated(data_start));
    }

    let mut text = vec![0; header_bytes as usize];
    file.read_exact_at(&mut text, LENGTH_BYTES).map_err(read_error)?;
    let text = std::str::from_utf8(&text)
        .map_err(|source| Error::NotUtf8 { path: path.to_owned(), source })?;
    let raw: RawHeader = serde_json::from_str(text).map_err(|source| Error::Json {
        path: path.to_owned(),
        what: "header",
        source,
    })?;
    let data_bytes = raw.check(path)?;

    let expected = data_start.saturating_add(data_bytes);
    if length < expected {
        return Err(truncated(expected));
    }
    if length > expected {
        return Err(Error::TrailingBytes { path: path.to_owned(), extra: length - expected });
    }
    Ok(raw.resolve(data_start))
}

/// The header as JSON, before it has been checked.
#[derive(Debug, Default)]
struct RawHeader {
    metadata: Entries<String>,
    tensors: Vec<(String, RawTensor)>,
    repeated_metadata: bool,
}

/// One tensor of the header.
#[derive(Debug, serde::Deserialize)]
struct RawTensor {
    dtype: RawDtype,
    #[serde(deserialize_with = "shape")]
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

/// An element type, or the start of what stands in its place.
#[derive(Debug)]
enum RawDtype {
    Known(Dtype),
    Unknown(String),
}

impl RawHeader {
    /// Checks everything that can be told without the file's length; returns the data's bytes.
    fn check(&self, path: &Path) -> Result<u64, Error> {
        let mut names = duplicates(self.tensors.iter().map(|(name, _)| name));
        names.extend(duplicates(self.metadata.0.iter().map(|(name, _)| name)));
        names.extend(self.repeated_metadata.then(|| METADATA_KEY.to_owned()));
        check_names(path, self.tensors.iter().map(|(name, _)| name))?;
        check_names(path, self.metadata.0.iter().map(|(name, _)| name))?;
        if !names.is_empty() {
            return Err(Error::DuplicateNames { path: path.to_owned(), names });
        }

        let mut order: Vec<_> = self.tensors.iter().collect();
        order.sort_by_key(|(_, tensor)| tensor.data_offsets);
        let mut expected_start = 0;
        for (name, tensor) in order {
            let (start, end) = tensor.data_offsets;
            if start != expected_start {
                return Err(Error::Layout {
                    path: path.to_owned(),
                    name: name.clone(),
                    start,
                    expected: expected_start,
                });
            }
            let dtype = match &tensor.dtype {
                RawDtype::Known(dtype) => *dtype,
                RawDtype::Unknown(dtype) => {
                    let (name, dtype) = (name.clone(), dtype.clone());
                    return Err(Error::UnknownDtype { path: path.to_owned(), name, dtype });
                }
            };
            let expected = checked_bytes(dtype, &tensor.shape).ok_or_else(|| {
                Error::ShapeOverflow { path: path.to_owned(), name: name.clone() }
            })?;
            if end.checked_sub(start) != Some(expected) {
                return Err(Error::SizeMismatch {
                    path: path.to_owned(),
                    name: name.clone(),
                    dtype,
                    shape: tensor.shape.clone(),
                    expected,
                    bytes: end.saturating_sub(start),
                });
            }
            expected_start = end;
        }
        Ok(expected_start)
    }

    /// Turns offsets in the data into offsets in the file.
    fn resolve(self, data_start: u64) -> Header {
        let tensors = self.tensors.into_iter().filter_map(|(name, tensor)| {
            let RawDtype::Known(dtype) = tensor.dtype else { return None };
            let info = TensorInfo { dtype, shape: tensor.shape };
            Some((name, info, data_start + tensor.data_offsets.0))
        });
        Header { tensors: tensors.collect(), metadata: self.metadata.0.into_iter().collect() }
    }
}

/// Bytes of a tensor, or `None` where they cannot be addressed.
pub(crate) fn checked_bytes(dtype: Dtype, shape: &[usize]) -> Option<u64> {
    let bytes = shape.iter().try_fold(dtype.bytes(), |bytes, size| bytes.checked_mul(*size))?;
    // No allocation may exceed `isize::MAX`, and float16 doubles when it is read.
    (bytes <= isize::MAX as usize / 2).then_some(bytes as u64)
}

/// Refuses names that would write to the terminal more than themselves.
pub(crate) fn check_names<'a>(
    path: &Path,
    names: impl Iterator<Item = &'a String>,
) -> Result<(), Error> {
    let names = shown(names.filter(|name| name.contains(char::is_control)));
    if names.is_empty() {
        Ok(())
    } else {
        Err(Error::ControlCharacters { path: path.to_owned(), names })
    }
}

impl<'de> Deserialize<'de> for RawDtype {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DtypeVisitor;
        impl Visitor<'_> for DtypeVisitor {
            type Value = RawDtype;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an element type")
            }

            fn visit_str<E>(self, name: &str) -> Result<RawDtype, E> {
                let start = || name.escape_debug().take(32).collect();
                Ok(Dtype::from_name(name)
                    .map_or_else(|| RawDtype::Unknown(start()), RawDtype::Known))
            }
        }
        deserializer.deserialize_str(DtypeVisitor)
    }
}

/// A shape of at most as many extents as a tensor may have.
fn shape<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<usize>, D::Error> {
    struct ShapeVisitor;
    impl<'de> Visitor<'de> for ShapeVisitor {
        type Value = Vec<usize>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of extents")
        }

        fn visit_seq<S: SeqAccess<'de>>(self, mut extents: S) -> Result<Vec<usize>, S::Error> {
            let mut shape = Vec::new();
            while let Some(extent) = extents.next_element()? {
                if shape.len() == MAX_DIMENSIONS {
                    let message = format!("a tensor has more than {MAX_DIMENSIONS} dimensions");
                    return Err(S::Error::custom(message));
                }
                shape.push(extent);
            }
            shape.shrink_to_fit();
            Ok(shape)
        }
    }
    deserializer.deserialize_seq(ShapeVisitor)
}

impl<'de> Deserialize<'de> for RawHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

/// Keeps every entry in order: a map would silently keep the last of two with one name.
struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = RawHeader;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from names to tensors")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<RawHeader, M::Error> {
        let mut header = RawHeader::default();
        let mut metadata = None;
        while let Some(name) = map.next_key::<String>()? {
            if name == METADATA_KEY {
                header.repeated_metadata |= metadata.is_some();
                metadata = Some(map.next_value::<Option<Entries<String>>>()?.unwrap_or_default());
            } else if header.tensors.len() == MAX_TENSORS {
                return Err(M::Error::custom(format!("more than {MAX_TENSORS} tensors")));
            } else {
                let tensor = (name, map.next_value()?);
                check_length(&tensor)?;
                header.tensors.push(tensor);
            }
        }
        header.metadata = metadata.unwrap_or_default();
        Ok(header)
    }
}
