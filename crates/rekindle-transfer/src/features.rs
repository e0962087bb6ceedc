//! A store for what the frozen stages of a network make of pictures, which is computed once and read in every epoch.
//!
//! | part of the file | bytes |
//! |---|---|
//! | `rekindle features 1\n` | 20 |
//! | digest of the network: weights, cut, preprocessing, shape and precision | 32 |
//! | bytes of the values of one record, little-endian | 8 |
//! | each record: digest of the item, values, CRC-32 of both | 32 + values + 4 |
//!
//! Records are only ever appended. A record that was torn by a kill or damaged since is not used, and computed again.
//! It is read by position, through the system's page cache: as fast as a mapping, without unsafe code, and without
//! the signal that ends a process whose mapped file was cut by somebody else.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use half::f16;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A SHA-256.
pub type Key = [u8; 32];

/// Why features cannot be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read or written.
    #[error("{}: cannot be {done}; check the folder's permissions and the disk's space, or keep features in memory", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        done: &'static str,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Where features belong is a file of somebody else's.
    #[error("{}: is no file of features, and is left as it is; move it away, or choose another folder", .0.display())]
    Foreign(PathBuf),
    /// Features that were never put are asked for.
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
    File { path: PathBuf, file: BufWriter<File>, index: HashMap<Key, u64>, end: u64 },
}

const MAGIC: &[u8; 20] = b"rekindle features 1\n";
const HEADER: u64 = 20 + 32 + 8;
const CHECKSUM: usize = 4;

/// The SHA-256 of a list of parts, each with its length, so that no two lists are alike.
pub fn key(parts: &[&[u8]]) -> Key {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// The SHA-256 of a file's content.
///
/// # Errors
///
/// If it cannot be read.
pub fn digest_file(path: &Path) -> Result<Key, Error> {
    let mut hash = Sha256::new();
    File::open(path)
        .and_then(|mut file| io::copy(&mut file, &mut hash))
        .map_err(|source| Error::Io { path: path.to_owned(), done: "read", source })?;
    Ok(hash.finalize().into())
}

/// Bytes that so many items of `width` values take.
pub fn bytes_needed(items: usize, width: usize, precision: Precision) -> u64 {
    HEADER + items as u64 * (32 + (width * precision.bytes()) as u64 + CHECKSUM as u64)
}

impl Precision {
    fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    fn encode(self, values: &[f32]) -> Vec<u8> {
        match self {
            Self::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::F16 => {
                values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect()
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

    /// The store in the file at `path`, which holds only features of the network with this key.
    ///
    /// A file of features of another network is made anew. While another process has it open, the store is in memory.
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
        let failed = |done| move |source| Error::Io { path: path.to_owned(), done, source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed("opened"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Ok(Self { opened: Opened::Busy, ..Self::memory(width, precision) });
            }
            // Some file systems have no locks: two runs in one folder are then the user's to avoid.
            Err(TryLockError::Error(_)) => {}
        }
        let length = (width * precision.bytes()) as u64;
        let header = [MAGIC.as_slice(), network, &length.to_le_bytes()].concat();
        let mut found = Vec::new();
        (&mut file).take(HEADER).read_to_end(&mut found).map_err(failed("read"))?;
        let ours = found.len().min(MAGIC.len());
        if found[..ours] != MAGIC[..ours] {
            return Err(Error::Foreign(path.to_owned()));
        }
        let mut index = HashMap::new();
        let mut end = HEADER;
        let opened = if found == header {
            end = scan(&file, length, &mut index).map_err(failed("read"))?;
            if index.is_empty() { Opened::Fresh } else { Opened::Kept }
        } else {
            file.set_len(0)
                .and_then(|()| file.seek(SeekFrom::Start(0)))
                .and_then(|_| file.write_all(&header))
                .map_err(failed("written"))?;
            match found.len() {
                0 => Opened::Fresh,
                length if (length as u64) < HEADER => {
                    Opened::Rebuilt("it was cut short".to_owned())
                }
                _ => Opened::Rebuilt(
                    "it was of another network, cut, preprocessing or precision".to_owned(),
                ),
            }
        };
        // What follows the last whole record was torn.
        file.set_len(end)
            .and_then(|()| file.seek(SeekFrom::Start(end)))
            .map_err(failed("written"))?;
        let place = Place::File {
            path: path.to_owned(),
            file: BufWriter::with_capacity(1 << 20, file),
            index,
            end,
        };
        Ok(Self { place, precision, width, opened })
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        match &self.place {
            Place::Memory(items) => items.len(),
            Place::File { index, .. } => index.len(),
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
            Place::File { index, .. } => index.contains_key(item),
        }
    }

    /// Adds the values of an item; what is there already is kept.
    ///
    /// # Errors
    ///
    /// If the file cannot be written; what was put before stays good.
    ///
    /// # Panics
    ///
    /// If there are not as many values as the store is for.
    pub fn put(&mut self, item: &Key, values: &[f32]) -> Result<(), Error> {
        assert_eq!(values.len(), self.width, "values of another shape");
        if self.contains(item) {
            return Ok(());
        }
        let values = self.precision.encode(values);
        match &mut self.place {
            Place::Memory(items) => {
                items.insert(*item, values);
            }
            Place::File { path, file, index, end } => {
                let mut record = [item.as_slice(), &values].concat();
                record.extend(crc32fast::hash(&record).to_le_bytes());
                file.write_all(&record).map_err(|source| Error::Io {
                    path: path.clone(),
                    done: "written",
                    source,
                })?;
                index.insert(*item, *end);
                *end += record.len() as u64;
            }
        }
        Ok(())
    }

    /// Hands what was put to the system, so that it can be read.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn flush(&mut self) -> Result<(), Error> {
        match &mut self.place {
            Place::Memory(_) => Ok(()),
            Place::File { path, file, .. } => file.flush().map_err(|source| Error::Io {
                path: path.clone(),
                done: "written",
                source,
            }),
        }
    }

    /// The values of an item that was put and flushed.
    ///
    /// # Errors
    ///
    /// If the item is not in the store, or the file cannot be read.
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
            Place::File { path, file, index, .. } => {
                let place = *index.get(item).ok_or(Error::Absent)?;
                let mut record = vec![0; 32 + values.len() * self.precision.bytes() + CHECKSUM];
                read_at(file.get_ref(), &mut record, place).map_err(|source| Error::Io {
                    path: path.clone(),
                    done: "read",
                    source,
                })?;
                // Checked again: another process may have written since the file was opened.
                let (bytes, checksum) = record.split_at(record.len() - CHECKSUM);
                if crc32fast::hash(bytes).to_le_bytes() != checksum || bytes[..32] != item[..] {
                    return Err(Error::Absent);
                }
                self.precision.decode(&bytes[32..], values);
            }
        }
        Ok(())
    }
}

/// Finds all whole records; the end of the last of them.
fn scan(file: &File, length: u64, index: &mut HashMap<Key, u64>) -> io::Result<u64> {
    let mut reader = BufReader::with_capacity(1 << 20, file);
    reader.seek(SeekFrom::Start(HEADER))?;
    let mut record = vec![0; 32 + length as usize + CHECKSUM];
    let (mut place, mut end) = (HEADER, HEADER);
    loop {
        match reader.read_exact(&mut record) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(end),
            Err(error) => return Err(error),
        }
        let (bytes, checksum) = record.split_at(record.len() - CHECKSUM);
        let next = place + record.len() as u64;
        // A record that was damaged in the middle is passed over: those after it are where they were.
        if crc32fast::hash(bytes).to_le_bytes() == checksum
            && let Ok(item) = Key::try_from(&bytes[..32])
        {
            index.insert(item, place);
            end = next;
        }
        place = next;
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], place: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, place)
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut place: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, bytes, place)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        (bytes, place) = (&mut bytes[read..], place + read as u64);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
