//! The file of a feature store: a header, and records that are only ever appended.
//!
//! It is locked while it is open. What is put is gathered in memory and written a megabyte at a time, each time from
//! the end of the last whole record: a write that fails halfway leaves nothing behind that the next one follows.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::{Error, Key, Opened};

/// What every version of the file starts with.
pub(super) const NAME: &[u8; 18] = b"rekindle features ";
const VERSION: &[u8; 2] = b"1\n";
/// Bytes before the first record.
pub(super) const HEADER: u64 = (NAME.len() + VERSION.len()) as u64 + 32 + 8;
/// Bytes of a record before its values.
pub(super) const KEY: usize = 32;
const CHECKSUM: usize = 4;
/// Bytes that are gathered before they are written.
const GATHERED: usize = 1 << 20;

/// Bytes of a record with so many bytes of values.
pub(super) fn record(length: usize) -> usize {
    KEY + length + CHECKSUM
}

/// An open file, and where its records are.
#[derive(Debug)]
pub(super) struct Records {
    path: PathBuf,
    file: Locked,
    /// Bytes of the values of one record.
    length: usize,
    index: HashMap<Key, u64>,
    /// Where the last whole record in the file ends.
    end: u64,
    /// Records that belong at the end of the file.
    pending: Vec<u8>,
}

impl Records {
    /// Opens or makes the file; `None` if another process has it.
    pub(super) fn open(
        path: &Path,
        network: &Key,
        length: usize,
    ) -> Result<(Opened, Option<Self>), Error> {
        let failed = |done| move |source| Error::Io { path: path.to_owned(), done, source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let locked = Locked(options.open(path).map_err(failed("opened"))?);
        let mut file = &locked.0;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok((Opened::Busy, None)),
            // Some file systems have no locks: two runs in one folder are then the user's to avoid.
            Err(TryLockError::Error(_)) => {}
        }
        let header = [NAME.as_slice(), VERSION, network, &(length as u64).to_le_bytes()].concat();
        let mut found = Vec::new();
        file.take(HEADER).read_to_end(&mut found).map_err(failed("read"))?;
        // A header that was torn by a kill is the start of ours.
        let known = found.len().min(NAME.len());
        if found[..known] != NAME[..known] {
            return Err(Error::Foreign(path.to_owned()));
        }
        let mut index = HashMap::new();
        let mut end = HEADER;
        let opened = if found == header {
            end = scan(file, length, &mut index).map_err(failed("read"))?;
            if index.is_empty() { Opened::Fresh } else { Opened::Kept }
        } else {
            file.set_len(0)
                .and_then(|()| file.seek(SeekFrom::Start(0)))
                .and_then(|_| file.write_all(&header))
                .map_err(failed("written"))?;
            why(&found).map_or(Opened::Fresh, |why| Opened::Rebuilt(why.to_owned()))
        };
        // What follows the last whole record was torn.
        file.set_len(end).map_err(failed("written"))?;
        let records =
            Self { path: path.to_owned(), file: locked, length, index, end, pending: Vec::new() };
        Ok((opened, Some(records)))
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn contains(&self, item: &Key) -> bool {
        self.index.contains_key(item)
    }

    /// Adds a record, whose item is not there yet; if it cannot be written, it is as if it was never put.
    pub(super) fn put(&mut self, item: &Key, values: &[u8]) -> Result<(), Error> {
        let start = self.pending.len();
        self.pending.extend(item);
        self.pending.extend(values);
        let checksum = crc32fast::hash(&self.pending[start..]);
        self.pending.extend(checksum.to_le_bytes());
        let place = self.end + start as u64;
        if self.pending.len() >= GATHERED
            && let Err(error) = self.flush()
        {
            self.pending.truncate(start);
            return Err(error);
        }
        self.index.insert(*item, place);
        Ok(())
    }

    /// Writes what is pending; what cannot be written stays pending.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        let mut file = &self.file.0;
        let written =
            file.seek(SeekFrom::Start(self.end)).and_then(|_| file.write_all(&self.pending));
        if let Err(source) = written {
            // If even that fails, the next opening drops what is torn.
            file.set_len(self.end).ok();
            return Err(Error::Io { path: self.path.clone(), done: "written", source });
        }
        self.end += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    /// The record of an item, unless it is missing or damaged; its values follow the key.
    pub(super) fn get(&self, item: &Key) -> Result<Option<Vec<u8>>, Error> {
        let Some(&place) = self.index.get(item) else { return Ok(None) };
        let mut bytes = vec![0; record(self.length)];
        if place >= self.end {
            let start = (place - self.end) as usize;
            bytes.copy_from_slice(&self.pending[start..start + record(self.length)]);
        } else {
            match read_at(&self.file.0, &mut bytes, place) {
                Ok(()) => {}
                // Somebody cut the file.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                Err(source) => {
                    return Err(Error::Io { path: self.path.clone(), done: "read", source });
                }
            }
        }
        if whole(&bytes) != Some(item) {
            return Ok(None);
        }
        Ok(Some(bytes))
    }
}

#[cfg(test)]
impl Records {
    /// Another descriptor of the open file, as a process that is being started has one.
    pub(super) fn copy(&self) -> File {
        self.file.0.try_clone().unwrap()
    }
}

impl Drop for Records {
    /// Whoever must know whether it was written has called `flush`.
    fn drop(&mut self) {
        self.flush().ok();
    }
}

/// A file whose lock ends with it.
#[derive(Debug)]
struct Locked(File);

impl Drop for Locked {
    fn drop(&mut self) {
        // Closing does not do: a process that another thread is just starting has the file as well, until its program is
        // loaded, and with it the lock.
        let _ = self.0.unlock();
    }
}

/// Why a file with such a header cannot be used; nothing if it is new.
fn why(found: &[u8]) -> Option<&'static str> {
    match found.len() {
        0 => None,
        length if (length as u64) < HEADER => Some("it was cut short"),
        _ if found[NAME.len()..][..VERSION.len()] != *VERSION => {
            Some("it was written in another version of the format")
        }
        _ => Some("it was of another network, cut, preprocessing or precision"),
    }
}

/// The item of a record whose checksum is right.
fn whole(record: &[u8]) -> Option<&Key> {
    let (bytes, checksum) = record.split_last_chunk::<CHECKSUM>()?;
    (crc32fast::hash(bytes).to_le_bytes() == *checksum).then(|| bytes.first_chunk::<KEY>())?
}

/// Finds all whole records; the end of the last of them.
fn scan(file: &File, length: usize, index: &mut HashMap<Key, u64>) -> io::Result<u64> {
    let mut reader = BufReader::with_capacity(GATHERED, file);
    reader.seek(SeekFrom::Start(HEADER))?;
    let mut bytes = vec![0; record(length)];
    let (mut place, mut end) = (HEADER, HEADER);
    loop {
        match reader.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(end),
            Err(error) => return Err(error),
        }
        let next = place + bytes.len() as u64;
        // A record that was damaged in the middle is passed over: those after it are where they were.
        if let Some(item) = whole(&bytes) {
            index.insert(*item, place);
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
