//! Caches on disk: a header, and checked records that are only ever appended.
//!
//! | bytes | what |
//! |---|---|
//! | | name and version of the format |
//! | 32 | digest of what the whole file depends on |
//! | 8 | bytes of the values of each record; zero where each says its own |
//! | | each record: |
//! | 32 | digest of the item |
//! | 0 or 8 | where records say their own size: bytes of the values, CRC-32 of this and the digest |
//! | | the values |
//! | 4 | CRC-32 of digest and values |
//!
//! A record that was torn by a kill or damaged since is not used. Records of equal size are all checked when the file
//! is opened, and stand where they are whatever happens to another; of those with sizes of their own, the heads are,
//! and what follows a damaged head is lost. Values are checked at every read, since a file may change while it is open.
//! It is read by position, through the system's page cache: as fast as a mapping, without unsafe code, and without
//! the signal that ends a process whose mapped file was cut by somebody else.
//!
//! One process at a time writes. What is put is gathered in memory and written a megabyte at a time, each time from the
//! end of the last whole record: a write that fails halfway leaves nothing behind that the next one follows.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{Key, PathError, plain};
use header::{CHECKSUM, ITEM, SIZE};
pub use header::{Header, Sizes, Unusable};
use lock::Locked;

mod header;
mod lock;
mod position;
#[cfg(test)]
mod tests;

/// Why records cannot be kept.
///
/// Not `non_exhaustive`: a cache of ours may go on without its file, and then has words of its own for each.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened, read or written.
    #[error(transparent)]
    Io(#[from] PathError),
    /// Where the records belong is a link, or a file of somebody else's.
    #[error("{}: is a link or a file of somebody else's, and is left as it is; move it away, or choose another folder", .0.display())]
    Foreign(PathBuf),
}

/// How a file came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// It is empty.
    Fresh,
    /// It holds what an earlier run put.
    Kept,
    /// An older file was of no use, and this is a new one.
    Rebuilt(Unusable),
    /// Another process writes the file: this one reads what was there when it began.
    Busy,
}

/// An open file of records, which many threads may share.
#[derive(Debug)]
pub struct RecordFile {
    path: PathBuf,
    file: Locked,
    header: Header,
    opened: Opened,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    index: HashMap<Key, Place>,
    /// Where the last whole record in the file ends.
    end: u64,
    /// Records that belong at the end of the file.
    pending: Vec<u8>,
}

/// Where the values of a record begin, and how many bytes they are.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: u64,
    bytes: usize,
}

/// Bytes that are gathered before they are written.
const GATHERED: usize = 1 << 20;

impl RecordFile {
    /// Opens or begins the file at `path`, and makes its folder where that is missing.
    ///
    /// # Errors
    ///
    /// If it cannot be opened, read or written; [`Error::Foreign`] if it is a symbolic link, wherever that leads, or no
    /// regular file, or does not start with the format's name: it is then left as it is. A file of ours that has another
    /// name too (a hard link) is left to that, and a new one takes its place here.
    pub fn open(path: &Path, header: &Header) -> Result<Self, Error> {
        let failed = |done| PathError::of(path, done);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(PathError::of(folder, "made"))?;
        }
        let open = || plain::open(path, &mut writing()).map_err(failed("opened"));
        let Some(file) = open()? else { return Err(Error::Foreign(path.to_owned())) };
        let mut file = Locked(file);
        let busy = file.is_busy();
        let expected = header.encode();
        let mut found = Vec::new();
        (&file.0).take(header.bytes()).read_to_end(&mut found).map_err(failed("read"))?;
        // A header that was torn by a kill is the start of ours.
        let known = found.len().min(header.name.len());
        if found[..known] != header.name[..known] {
            return Err(Error::Foreign(path.to_owned()));
        }
        let linked = !busy && plain::has_other_names(&file.0).map_err(failed("read"))?;
        if linked {
            // What is written here is not to change there.
            fs::remove_file(path).map_err(failed("removed"))?;
            let new = plain::open(path, writing().create_new(true)).map_err(failed("made"))?;
            let Some(new) = new else { return Err(Error::Foreign(path.to_owned())) };
            file = Locked(new);
            // Nobody else knows of it yet.
            file.is_busy();
            found.clear();
        }
        let (mut index, mut end) = (HashMap::new(), header.bytes());
        if found == expected {
            end = scan(&file.0, header, &mut index).map_err(failed("read"))?;
        } else if !busy {
            let write = || {
                file.0.set_len(0)?;
                position::write(&file.0, &expected, 0)
            };
            write().map_err(failed("written"))?;
        }
        if !busy {
            // What follows the last whole record was torn.
            file.0.set_len(end).map_err(failed("written"))?;
        }
        let opened = match header.why_not(&found).filter(|_| found != expected) {
            _ if busy => Opened::Busy,
            _ if linked => Opened::Rebuilt(Unusable::Linked),
            Some(why) => Opened::Rebuilt(why),
            None if index.is_empty() => Opened::Fresh,
            None => Opened::Kept,
        };
        let state = Mutex::new(State { index, end, pending: Vec::new() });
        Ok(Self { path: path.to_owned(), file, header: *header, opened, state })
    }

    /// How it came to be.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// Whether this process writes it.
    pub fn is_writable(&self) -> bool {
        self.opened != Opened::Busy
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.lock().index.len()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of header and records.
    pub fn bytes(&self) -> u64 {
        let state = self.lock();
        state.end + state.pending.len() as u64
    }

    /// Whether an item is in it.
    pub fn contains(&self, item: &Key) -> bool {
        self.lock().index.contains_key(item)
    }

    /// Bytes of the values of an item, as its record says.
    pub fn size(&self, item: &Key) -> Option<usize> {
        self.lock().index.get(item).map(|place| place.bytes)
    }

    /// Adds the values of an item; what is there already is kept.
    ///
    /// # Errors
    ///
    /// If they cannot be written, or another process writes the file: this item is then not added.
    ///
    /// # Panics
    ///
    /// If values are to be alike in size, and these are not.
    pub fn put(&self, item: &Key, values: &[u8]) -> Result<(), Error> {
        if !self.is_writable() {
            return Err(self.failed("written")(io::ErrorKind::ResourceBusy.into()));
        }
        let mut state = self.lock();
        if state.index.contains_key(item) {
            return Ok(());
        }
        let start = state.pending.len();
        state.pending.extend(item);
        match self.header.sizes {
            Sizes::Equal(bytes) => assert_eq!(values.len(), bytes, "values of another size"),
            Sizes::Own => {
                let Ok(bytes) = u32::try_from(values.len()) else {
                    state.pending.truncate(start);
                    return Err(self.failed("written")(io::ErrorKind::FileTooLarge.into()));
                };
                let bytes = bytes.to_le_bytes();
                state.pending.extend(bytes);
                state.pending.extend(checksum(item, &bytes).to_le_bytes());
            }
        }
        let place = state.end + state.pending.len() as u64;
        state.pending.extend(values);
        state.pending.extend(checksum(item, values).to_le_bytes());
        if state.pending.len() >= GATHERED
            && let Err(error) = self.write(&mut state)
        {
            state.pending.truncate(start);
            return Err(error);
        }
        state.index.insert(*item, Place { start: place, bytes: values.len() });
        Ok(())
    }

    /// Hands what was put to the system, so that it outlives this process.
    ///
    /// # Errors
    ///
    /// If it cannot be written; nothing of what was put is lost, and it may be tried again.
    pub fn flush(&self) -> Result<(), Error> {
        self.write(&mut self.lock())
    }

    /// Drops all records, as where some of them turned out to be none that were put.
    ///
    /// # Errors
    ///
    /// If the file cannot be cut; nothing is found in it even then.
    pub fn forget(&self) -> Result<(), Error> {
        let mut state = self.lock();
        state.index.clear();
        state.pending.clear();
        if !self.is_writable() {
            return Ok(());
        }
        state.end = self.header.bytes();
        self.file.0.set_len(state.end).map_err(self.failed("written"))
    }

    /// The values of an item, unless it is missing or was damaged; the damaged may be put again.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn get(&self, item: &Key) -> Result<Option<Vec<u8>>, Error> {
        let Some(mut bytes) = self.read(item)? else { return Ok(None) };
        if values_if_whole(item, &bytes).is_none() {
            self.lock().index.remove(item);
            return Ok(None);
        }
        bytes.truncate(bytes.len() - CHECKSUM);
        Ok(Some(bytes))
    }

    /// The values of an item and their checksum, as they are now.
    fn read(&self, item: &Key) -> Result<Option<Vec<u8>>, Error> {
        let state = self.lock();
        let Some(&Place { start, bytes }) = state.index.get(item) else { return Ok(None) };
        let length = bytes + CHECKSUM;
        if start >= state.end {
            let start = (start - state.end) as usize;
            return Ok(Some(state.pending[start..start + length].to_vec()));
        }
        // Others need not wait for the disk.
        drop(state);
        let mut bytes = vec![0; length];
        match position::read(&self.file.0, &mut bytes, start) {
            Ok(()) => Ok(Some(bytes)),
            // Somebody cut the file.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Some(Vec::new())),
            Err(source) => Err(self.failed("read")(source)),
        }
    }

    /// Writes what is pending; what cannot be written stays pending.
    fn write(&self, state: &mut State) -> Result<(), Error> {
        if state.pending.is_empty() {
            return Ok(());
        }
        if let Err(source) = position::write(&self.file.0, &state.pending, state.end) {
            // If even that fails, the next opening drops what is torn.
            self.file.0.set_len(state.end).ok();
            return Err(self.failed("written")(source));
        }
        state.end += state.pending.len() as u64;
        state.pending.clear();
        Ok(())
    }

    fn failed(&self, done: &'static str) -> impl Fn(io::Error) -> Error {
        let failed = PathError::of(&self.path, done);
        move |source| failed(source).into()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RecordFile {
    /// Whoever must know whether it was written has called `flush`.
    fn drop(&mut self) {
        self.flush().ok();
    }
}

/// To read and to write, made where there is none.
fn writing() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options
}

fn checksum(item: &Key, values: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(item);
    hasher.update(values);
    hasher.finalize()
}

/// Finds all whole records; the end of the last of them.
fn scan(file: &File, header: &Header, index: &mut HashMap<Key, Place>) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let mut from = BufReader::with_capacity(GATHERED, file);
    from.seek(SeekFrom::Start(header.bytes()))?;
    let (mut at, mut end) = (header.bytes(), header.bytes());
    let (mut item, mut size, mut values) = ([0; ITEM], [0; SIZE], Vec::new());
    while at + header.record_bytes(0) <= length {
        from.read_exact(&mut item)?;
        let bytes = match header.sizes {
            Sizes::Equal(bytes) => bytes,
            Sizes::Own => {
                from.read_exact(&mut size)?;
                let Some(bytes) = own_size(&item, &size) else { break };
                bytes
            }
        };
        let next = at + header.record_bytes(bytes);
        if next > length {
            break;
        }
        let whole = match header.sizes {
            Sizes::Equal(_) => {
                values.resize(bytes + CHECKSUM, 0);
                from.read_exact(&mut values)?;
                values_if_whole(&item, &values).is_some()
            }
            // Far too much to be read.
            Sizes::Own => from.seek_relative((bytes + CHECKSUM) as i64).map(|()| true)?,
        };
        // A record that was damaged in the middle is passed over: those after it are where they were.
        if whole {
            index.insert(item, Place { start: at + header.head() as u64, bytes });
            end = next;
        }
        at = next;
    }
    Ok(end)
}

/// The values before a checksum that is right.
fn values_if_whole<'a>(item: &Key, bytes: &'a [u8]) -> Option<&'a [u8]> {
    let (values, found) = bytes.split_last_chunk::<CHECKSUM>()?;
    (checksum(item, values).to_le_bytes() == *found).then_some(values)
}

/// The bytes of the values of a record that says so itself, if its head is whole.
fn own_size(item: &Key, size: &[u8; SIZE]) -> Option<usize> {
    let bytes = values_if_whole(item, size)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*bytes) as usize)
}
