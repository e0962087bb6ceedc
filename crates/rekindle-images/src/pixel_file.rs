//! Decoded pictures on disk, for data sets whose pixels outgrow memory: one file, appended to, from run to run.
//!
//! | bytes | what |
//! |---|---|
//! | 16 | the format, once |
//! | 40 | of each picture: lengths of path and pixels, width, height, channels, CRC-32; length and time of its file |
//! | | the path, then the pixels |
//!
//! A picture is found by its path as long as its file has the length and the time of change it had. What was cut off by a
//! crash is dropped when the file is opened; a picture whose checksum is another is decoded anew. One process at a time
//! writes, others read what was there when they began.

use std::collections::HashMap;
use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use crate::{Error, Picture};

/// Decoded pictures on disk. Loaders that get clones of one share it.
#[derive(Debug, Clone)]
pub struct DiskCache(Arc<PixelFile>);

impl DiskCache {
    /// Opens the cache of a folder, which is made where it is missing, or begins one.
    ///
    /// It grows to at most so many bytes; what does not fit is decoded again in every epoch.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] where the folder or its file cannot be opened to be written.
    pub fn open(folder: &Path, bytes: u64) -> Result<Self, Error> {
        PixelFile::open(folder, bytes).map(Arc::new).map(Self)
    }

    /// What it did so far.
    pub fn used(&self) -> DiskCacheUse {
        self.0.lock().used.clone()
    }

    pub(crate) fn file(&self) -> &PixelFile {
        &self.0
    }
}

/// Whether both are clones of one.
impl PartialEq for DiskCache {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// What a [`DiskCache`] did so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiskCacheUse {
    /// Pictures that it holds.
    pub pictures: usize,
    /// How often one of them was read instead of decoded.
    pub found: usize,
    /// Why nothing more is written, where nothing is.
    pub closed: Option<String>,
}

const NAME: &str = "pixels.bin";
const FORMAT: &[u8; 16] = b"rekindle pixels1";
const HEAD: usize = 40;
/// No path is longer on any system that we know.
const MAX_PATH: usize = 1 << 16;

#[derive(Debug)]
pub(crate) struct PixelFile {
    path: PathBuf,
    /// To read, by position.
    file: File,
    budget: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// To append; none for a reader, or once that failed.
    writer: Option<File>,
    end: u64,
    entries: HashMap<PathBuf, Entry>,
    used: DiskCacheUse,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    stamp: Stamp,
    /// Where its pixels begin.
    offset: u64,
    size: [usize; 3],
    checksum: u32,
}

/// A file as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    /// Nanoseconds since 1970, as far as 64 bits go.
    changed: u64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self { bytes: metadata.len(), changed: since.map_or(0, |since| since.as_nanos() as u64) }
    }
}

impl PixelFile {
    fn open(folder: &Path, budget: u64) -> Result<Self, Error> {
        let path = folder.join(NAME);
        let failed = |source| Error::Write { path: path.clone(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let open =
            || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let (file, mut writer) = (open().map_err(failed)?, open().map_err(failed)?);
        let mut used = DiskCacheUse::default();
        let writes = match writer.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => {
                used.closed = Some("another run writes to it".to_owned());
                false
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        };
        let scanned = scan(&file).map_err(failed)?;
        let (entries, end) = match scanned {
            Some(found) => found,
            // Of another format, or of nothing yet: a cache may be made anew.
            None if writes => {
                let begin = |writer: &mut File| {
                    writer.set_len(0)?;
                    writer.write_all(FORMAT)
                };
                begin(&mut writer).map_err(failed)?;
                (HashMap::new(), FORMAT.len() as u64)
            }
            None => (HashMap::new(), 0),
        };
        if writes {
            writer.set_len(end).map_err(failed)?;
        }
        used.pictures = entries.len();
        let writer = writes.then_some(writer);
        let state = Mutex::new(State { writer, end, entries, used });
        Ok(Self { path, file, budget, state })
    }

    /// The picture of a file, if it is here and its file has not changed.
    pub(crate) fn get(&self, path: &Path) -> Option<Picture> {
        let stamp = Stamp::of(&std::fs::metadata(path).ok()?);
        let entry = self.lock().entries.get(path).copied().filter(|entry| entry.stamp == stamp)?;
        let [width, height, channels] = entry.size;
        let mut pixels = vec![0; width * height * channels];
        read_at(&self.file, &mut pixels, entry.offset).ok()?;
        if crc32fast::hash(&pixels) != entry.checksum {
            // Not looked for again; it may be written anew.
            self.lock().entries.remove(path);
            return None;
        }
        self.lock().used.found += 1;
        Some(Picture::of(width, height, channels, pixels))
    }

    /// Whether a picture of so many bytes would be kept.
    pub(crate) fn has_room(&self, pixels: usize) -> bool {
        let state = self.lock();
        // A path takes less than this beside them.
        state.writer.is_some() && state.end + (pixels + HEAD + 1024) as u64 <= self.budget
    }

    /// Keeps the picture of a file. What goes wrong ends the writing, not the run; [`DiskCache::used`] says so.
    pub(crate) fn put(&self, path: &Path, picture: &Picture) {
        let Ok(metadata) = std::fs::metadata(path) else { return };
        let (stamp, pixels) = (Stamp::of(&metadata), picture.pixels());
        let name = path.as_os_str().as_encoded_bytes();
        let checksum = crc32fast::hash(pixels);
        let size = [picture.width(), picture.height(), picture.channels()];
        let mut record = Vec::with_capacity(HEAD + name.len() + pixels.len());
        for number in [name.len(), pixels.len(), size[0], size[1], size[2]] {
            let Ok(number) = u32::try_from(number) else { return };
            record.extend(number.to_le_bytes());
        }
        record.extend(checksum.to_le_bytes());
        record.extend(stamp.bytes.to_le_bytes());
        record.extend(stamp.changed.to_le_bytes());
        record.extend(name);
        record.extend(pixels);

        let mut state = self.lock();
        let end = state.end;
        let fits = end + record.len() as u64 <= self.budget && name.len() < MAX_PATH;
        let known = state.entries.get(path).is_some_and(|entry| entry.stamp == stamp);
        let Some(writer) = state.writer.as_mut().filter(|_| fits && !known) else { return };
        let written = writer.seek(SeekFrom::Start(end)).and_then(|_| writer.write_all(&record));
        if let Err(error) = written {
            // What is half there is cut off again, here or when it is opened next.
            drop(writer.set_len(end));
            state.writer = None;
            state.used.closed =
                Some(format!("{}: cannot be written: {error}", self.path.display()));
            return;
        }
        let offset = end + (HEAD + name.len()) as u64;
        state.entries.insert(path.to_owned(), Entry { stamp, offset, size, checksum });
        state.end += record.len() as u64;
        state.used.pictures = state.entries.len();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a file holds and where its last whole picture ends; none if it is of another format.
fn scan(file: &File) -> io::Result<Option<(HashMap<PathBuf, Entry>, u64)>> {
    let length = file.metadata()?.len();
    let mut from = io::BufReader::new(file);
    from.seek(SeekFrom::Start(0))?;
    let mut format = [0; FORMAT.len()];
    if length < FORMAT.len() as u64 {
        return Ok(None);
    }
    from.read_exact(&mut format)?;
    if format != *FORMAT {
        return Ok(None);
    }
    let (mut entries, mut at) = (HashMap::new(), FORMAT.len() as u64);
    while length - at >= HEAD as u64 {
        let mut head = [0; HEAD];
        from.read_exact(&mut head)?;
        let number = |place: usize| {
            let bytes = [0, 1, 2, 3].map(|byte| head[4 * place + byte]);
            u32::from_le_bytes(bytes)
        };
        let long = |place: usize| u64::from(number(place)) | u64::from(number(place + 1)) << 32;
        let [name, pixels, width, height, channels] =
            [0, 1, 2, 3, 4].map(|place| number(place) as usize);
        let area = width.checked_mul(height).and_then(|area| area.checked_mul(channels));
        let whole = at + (HEAD + name + pixels) as u64;
        if name >= MAX_PATH
            || pixels == 0
            || area != Some(pixels)
            || !matches!(channels, 1 | 3)
            || whole > length
        {
            break;
        }
        let mut path = vec![0; name];
        from.read_exact(&mut path)?;
        let Ok(path) = String::from_utf8(path) else { break };
        let entry = Entry {
            stamp: Stamp { bytes: long(6), changed: long(8) },
            offset: at + (HEAD + name) as u64,
            size: [width, height, channels],
            checksum: number(5),
        };
        entries.insert(PathBuf::from(path), entry);
        from.seek_relative(pixels as i64)?;
        at = whole;
    }
    Ok(Some((entries, at)))
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                buffer = &mut buffer[count..];
                offset += count as u64;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn picture(shade: u8) -> Picture {
        Picture::from_rgb(5, 4, vec![shade; 60]).unwrap()
    }

    /// A folder with four files, and a cache beside them.
    fn folder() -> (tempfile::TempDir, Vec<PathBuf>, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> =
            (0..4).map(|number| folder.path().join(format!("{number}.jpg"))).collect();
        for (number, file) in files.iter().enumerate() {
            fs::write(file, vec![0; number + 1]).unwrap();
        }
        let cache = folder.path().join("cache");
        (folder, files, cache)
    }

    fn open(folder: &Path) -> PixelFile {
        PixelFile::open(folder, 1 << 20).unwrap()
    }

    #[test]
    fn pictures_are_found_until_their_files_change() {
        let (_folder, files, cached) = folder();
        let cache = open(&cached);
        for (shade, file) in files.iter().enumerate() {
            assert!(cache.get(file).is_none());
            cache.put(file, &picture(shade as u8));
        }
        // While it writes, another reads.
        let other = open(&cached);
        assert_eq!(other.get(&files[2]), Some(picture(2)));
        assert_eq!(other.lock().used.closed.as_deref(), Some("another run writes to it"));
        drop((cache, other));
        let cache = open(&cached);
        assert_eq!(cache.lock().used.pictures, 4);
        for (shade, file) in files.iter().enumerate() {
            assert_eq!(cache.get(file), Some(picture(shade as u8)));
        }
        fs::write(&files[1], "longer than it was").unwrap();
        fs::remove_file(&files[3]).unwrap();
        assert!(cache.get(&files[1]).is_none() && cache.get(&files[3]).is_none());
        cache.put(&files[1], &picture(9));
        assert_eq!(cache.get(&files[1]), Some(picture(9)));
        drop(cache);
        assert_eq!(open(&cached).get(&files[1]), Some(picture(9)));
    }

    #[test]
    fn what_does_not_fit_is_not_kept() {
        let (_folder, files, cached) = folder();
        let cache = PixelFile::open(&cached, 1400).unwrap();
        assert!(cache.has_room(60));
        files.iter().for_each(|file| cache.put(file, &picture(1)));
        assert!(!cache.has_room(600));
        let tiny = PixelFile::open(&cached.join("tiny"), 50).unwrap();
        tiny.put(&files[0], &picture(1));
        assert!(tiny.get(&files[0]).is_none());
    }

    /// Cut at every byte and with every byte flipped: never a wrong picture, and what is added later is found.
    #[test]
    fn damage_costs_pictures_and_nothing_else() {
        let (_folder, files, cached) = folder();
        let cache = open(&cached);
        files.iter().take(3).enumerate().for_each(|(n, file)| cache.put(file, &picture(n as u8)));
        drop(cache);
        let path = cached.join(NAME);
        let whole = fs::read(&path).unwrap();
        let cut = (0..whole.len()).map(|end| whole[..end].to_vec());
        let flipped = (0..whole.len()).map(|place| {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x55;
            bytes
        });
        for bytes in cut.chain(flipped) {
            fs::write(&path, bytes).unwrap();
            let cache = open(&cached);
            for (shade, file) in files.iter().enumerate() {
                assert!(cache.get(file).is_none_or(|found| found == picture(shade as u8)));
            }
            cache.put(&files[3], &picture(3));
            drop(cache);
            assert_eq!(open(&cached).get(&files[3]), Some(picture(3)));
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let (_folder, files, _) = folder();
        let error = DiskCache::open(&files[0].join("cache"), 1).unwrap_err().to_string();
        assert!(error.contains("pixels.bin"), "{error}");
    }
}
