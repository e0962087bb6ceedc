//! A store for what the frozen stages of a network make of pictures, which is computed once and read in every epoch.
//!
//! Its file is a [`RecordFile`] whose key is the digest of the network: weights, cut, preprocessing, shape and precision.
//! An item's key is the digest of the item, and its values are little-endian.

use std::{collections::HashMap, path::Path};

use half::f16;
use rekindle_base::{Header, RecordFile, Sizes, Unusable};
pub use rekindle_base::{Key, key};
use serde::{Deserialize, Serialize};

/// Why features cannot be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read or written, or is somebody else's.
    #[error(transparent)]
    File(#[from] rekindle_base::Error),
    /// A value is beyond what a half can hold, and would be kept as infinity.
    #[error("a feature of {0} is beyond 65504, the largest value in `f16`; keep features in `f32`")]
    TooLarge(f32),
    /// Features that were never put, or were damaged since, are asked for.
    #[error("features of a picture are not in the store; run again to compute them")]
    Absent,
}

/// How precisely values are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// As they are.
    F32,
    /// To eleven bits, in half the space.
    F16,
}

/// How a store came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// It is empty.
    Fresh,
    /// It holds what an earlier run put.
    Kept,
    /// An older file was of no use: it says why.
    Rebuilt(String),
    /// Another process writes the file, so this store is in memory.
    Busy,
}

/// Values of items, by key.
#[derive(Debug)]
pub struct FeatureStore {
    place: Place,
    precision: Precision,
    /// Values of an item.
    width: usize,
    /// How it came to be.
    pub opened: Opened,
}

#[derive(Debug)]
enum Place {
    Memory(HashMap<Key, Vec<u8>>),
    File(RecordFile),
}

/// Bytes that so many items of `width` values take.
pub fn bytes_needed(items: usize, width: usize, precision: Precision) -> u64 {
    let (header, values) = (header(&[0; 32], width, precision), width * precision.bytes());
    header.bytes() + items as u64 * header.record_bytes(values)
}

fn header(network: &Key, width: usize, precision: Precision) -> Header {
    Header {
        name: b"rekindle features ",
        version: b"1\n",
        key: *network,
        sizes: Sizes::Equal(width * precision.bytes()),
    }
}

/// Why an older file of features was of no use.
fn why(unusable: Unusable) -> String {
    let why = match unusable {
        Unusable::Cut => "it was cut short",
        Unusable::Version => "it was written in another version of the format",
        Unusable::Key => "it was of another network, cut, preprocessing or precision",
        Unusable::Linked => "it has another name, which what is written here would be seen by",
    };
    why.to_owned()
}

impl Precision {
    fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    fn encode(self, values: &[f32]) -> Result<Vec<u8>, Error> {
        match self {
            Self::F32 => Ok(values.iter().flat_map(|value| value.to_le_bytes()).collect()),
            Self::F16 => {
                // Halfway between the largest half and the next power of two: from here on, rounding gives infinity.
                let large = |value: &&f32| value.is_finite() && value.abs() >= 65520.0;
                match values.iter().find(large) {
                    Some(&value) => Err(Error::TooLarge(value)),
                    None => Ok(values
                        .iter()
                        .flat_map(|&value| f16::from_f32(value).to_le_bytes())
                        .collect()),
                }
            }
        }
    }

    fn decode(self, bytes: &[u8], values: &mut [f32]) {
        match self {
            Self::F32 => {
                for (value, bytes) in values.iter_mut().zip(bytes.as_chunks::<4>().0) {
                    *value = f32::from_le_bytes(*bytes);
                }
            }
            Self::F16 => {
                for (value, bytes) in values.iter_mut().zip(bytes.as_chunks::<2>().0) {
                    *value = f16::from_le_bytes(*bytes).to_f32();
                }
            }
        }
    }
}

impl FeatureStore {
    /// An empty store in memory, for items of `width` values.
    pub fn memory(width: usize, precision: Precision) -> Self {
        Self { place: Place::Memory(HashMap::new()), precision, width, opened: Opened::Fresh }
    }

    /// The store in the file at `path`, whose folder is made where it is missing; it holds only features of the network with this key.
    ///
    /// A file of features of another network, or in another version of the format, is made anew. While another process
    /// has it open, the store is in memory. A file that does not start as ours do is never written to.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or written, or is none of ours.
    pub fn open(
        path: &Path,
        network: &Key,
        width: usize,
        precision: Precision,
    ) -> Result<Self, Error> {
        let records = RecordFile::open(path, &header(network, width, precision))?;
        let opened = match *records.opened() {
            rekindle_base::Opened::Fresh => Opened::Fresh,
            rekindle_base::Opened::Kept => Opened::Kept,
            rekindle_base::Opened::Rebuilt(unusable) => Opened::Rebuilt(why(unusable)),
            rekindle_base::Opened::Busy => {
                return Ok(Self { opened: Opened::Busy, ..Self::memory(width, precision) });
            }
        };
        Ok(Self { place: Place::File(records), precision, width, opened })
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        match &self.place {
            Place::Memory(items) => items.len(),
            Place::File(records) => records.len(),
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether an item is in it.
    pub fn contains(&self, item: &Key) -> bool {
        match &self.place {
            Place::Memory(items) => items.contains_key(item),
            Place::File(records) => records.contains(item),
        }
    }

    /// Adds the values of an item; what is there already is kept.
    ///
    /// # Errors
    ///
    /// If a value is beyond a half's range, or the file cannot be written. This item is not added then; what was put
    /// before stays good, in the file where it was flushed, else for as long as the store is open.
    ///
    /// # Panics
    ///
    /// If there are not as many values as the store is for.
    pub fn put(&mut self, item: &Key, values: &[f32]) -> Result<(), Error> {
        assert_eq!(values.len(), self.width, "values of another shape");
        if self.contains(item) {
            return Ok(());
        }
        let values = self.precision.encode(values)?;
        match &mut self.place {
            Place::Memory(items) => {
                items.insert(*item, values);
                Ok(())
            }
            Place::File(records) => Ok(records.put(item, &values)?),
        }
    }

    /// Drops all items, where some of them turned out not to be what the network makes of them.
    ///
    /// # Errors
    ///
    /// If the file cannot be cut; nothing is found in it even then.
    pub fn forget(&mut self) -> Result<(), Error> {
        match &mut self.place {
            Place::Memory(items) => items.clear(),
            Place::File(records) => records.forget()?,
        }
        Ok(())
    }

    /// Hands what was put to the system, so that it outlives this process.
    ///
    /// # Errors
    ///
    /// If the file cannot be written; nothing of what was put is lost, and it may be tried again.
    pub fn flush(&mut self) -> Result<(), Error> {
        match &mut self.place {
            Place::Memory(_) => Ok(()),
            Place::File(records) => Ok(records.flush()?),
        }
    }

    /// The values of an item.
    ///
    /// # Errors
    ///
    /// [`Error::Absent`] if the item is not in the store, or its record was damaged since; or the file cannot be read.
    ///
    /// # Panics
    ///
    /// If `values` is not as long as an item's.
    pub fn get_into(&self, item: &Key, values: &mut [f32]) -> Result<(), Error> {
        assert_eq!(values.len(), self.width, "values of another shape");
        match &self.place {
            Place::Memory(items) => {
                self.precision.decode(items.get(item).ok_or(Error::Absent)?, values);
            }
            Place::File(records) => {
                self.precision.decode(&records.get(item)?.ok_or(Error::Absent)?, values);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
