//! Decoded pictures on disk, for data sets whose pixels outgrow memory: one file of records, appended to, from run to run.
//!
//! | bytes of a record's values | what |
//! |---|---|
//! | 12 | width, height, channels |
//! | | the pixels |
//!
//! A picture is found by its path as long as its file is as it was: its size, inode and times of change. One process at
//! a time writes, others read what was there when they began. Since anybody who may write into the folder can put other
//! pixels there, a run decodes a few of the pictures that it finds ([`DiskCache::check`]) before it believes the rest.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rekindle_base::{self as base, FileState, Header, Key, PathError, RecordFile, Sizes, spots};

use crate::decode::gate::Gate;
use crate::{Error, MAX_PIXELS, Picture, decode};

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

    /// Decodes a few of these pictures that it holds, and forgets all that it holds where one is another; whether none was.
    ///
    /// See [`spots`] for what a few can tell.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] where what is wrong cannot be dropped from the file; nothing of it is found even then.
    pub fn check<'a>(&self, paths: impl IntoIterator<Item = &'a Path>) -> Result<bool, Error> {
        self.0.check(paths.into_iter())
    }

    /// What it did so far.
    pub fn used(&self) -> DiskCacheUse {
        self.0.used()
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
    /// Whether it held pictures that were none of their files', so that all were dropped.
    pub forgotten: bool,
}

const NAME: &str = "pixels.bin";
const HEADER: Header =
    Header { name: b"rekindle pixels", version: b"2", key: [0; 32], sizes: Sizes::Own };
/// Bytes of width, height and channels.
const SIZE: usize = 12;
/// Most bytes of a record that is read: no picture that is decoded has more.
const MAX_RECORD: usize = SIZE + 3 * MAX_PIXELS;

#[derive(Debug)]
pub(crate) struct PixelFile {
    path: PathBuf,
    records: RecordFile,
    budget: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    found: usize,
    closed: Option<String>,
    forgotten: bool,
}

impl PixelFile {
    fn open(folder: &Path, budget: u64) -> Result<Self, Error> {
        let path = folder.join(NAME);
        let failed = |source| Error::Write { path: path.clone(), source };
        let records = RecordFile::open(&path, &HEADER).map_err(|error| match error {
            base::Error::Io(PathError { source, .. }) => failed(source),
            base::Error::Foreign(_) => failed(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "it is a link or no file of decoded pictures, and is left as it is; move it away, or choose another folder",
            )),
        })?;
        let closed = (!records.is_writable()).then(|| "another run writes to it".to_owned());
        let state = Mutex::new(State { found: 0, closed, forgotten: false });
        Ok(Self { path, records, budget, state })
    }

    fn used(&self) -> DiskCacheUse {
        let State { found, closed, forgotten } = &*self.lock();
        let (closed, forgotten) = (closed.clone(), *forgotten);
        DiskCacheUse { pictures: self.records.len(), found: *found, closed, forgotten }
    }

    /// The picture of a file, if it is here and its file has not changed; a large one passes the gate first.
    pub(crate) fn get(&self, path: &Path, gate: &mut Gate) -> Option<Picture> {
        let picture = self.read(path, gate)?;
        self.lock().found += 1;
        Some(picture)
    }

    fn check<'a>(&self, paths: impl Iterator<Item = &'a Path>) -> Result<bool, Error> {
        if self.records.is_empty() {
            return Ok(true);
        }
        let held = |path: &&Path| item(path).is_some_and(|item| self.records.contains(&item));
        let held: Vec<&Path> = paths.filter(held).collect();
        let wrong = |path: &Path| {
            // One that was damaged is missing, and decoded when it is needed.
            // The gate is open again before the file is decoded, which passes it too.
            let kept = self.read(path, &mut Gate::default());
            kept.is_some_and(|kept| decode(path).ok().is_none_or(|anew| anew != kept))
        };
        if !spots(held.len()).into_iter().any(|place| wrong(held[place])) {
            return Ok(true);
        }
        self.lock().forgotten = true;
        let failed = |error| match error {
            base::Error::Io(PathError { path, source, .. }) => Error::Write { path, source },
            base::Error::Foreign(path) => {
                Error::Write { path, source: io::ErrorKind::AlreadyExists.into() }
            }
        };
        self.records.forget().map_err(failed)?;
        Ok(false)
    }

    fn read(&self, path: &Path, gate: &mut Gate) -> Option<Picture> {
        let item = item(path)?;
        // Anyone may have written the file, and in it how long a record is.
        let bytes = self.records.size(&item).filter(|bytes| *bytes <= MAX_RECORD)?;
        gate.pass(bytes);
        let values = self.records.get(&item).ok()??;
        let (size, pixels) = values.split_first_chunk::<SIZE>()?;
        let [width, height, channels] = [0, 4, 8].map(|place| {
            let bytes = [0, 1, 2, 3].map(|byte| size[place + byte]);
            u32::from_le_bytes(bytes) as usize
        });
        let area = width.checked_mul(height)?.checked_mul(channels)?;
        if area == 0 || area != pixels.len() || !matches!(channels, 1 | 3) {
            return None;
        }
        Some(Picture::of(width, height, channels, pixels.to_vec()))
    }

    /// Whether a picture of so many bytes would be kept.
    pub(crate) fn has_room(&self, pixels: usize) -> bool {
        self.lock().closed.is_none() && self.fits(pixels)
    }

    fn fits(&self, pixels: usize) -> bool {
        self.records.bytes() + HEADER.record_bytes(SIZE + pixels) <= self.budget
    }

    /// Keeps the picture of a file. What goes wrong ends the writing, not the run; [`DiskCache::used`] says so.
    pub(crate) fn put(&self, path: &Path, picture: &Picture) {
        let Some(item) = item(path) else { return };
        let pixels = picture.pixels();
        let mut values = Vec::with_capacity(SIZE + pixels.len());
        for number in [picture.width(), picture.height(), picture.channels()] {
            let Ok(number) = u32::try_from(number) else { return };
            values.extend(number.to_le_bytes());
        }
        values.extend(pixels);
        // One picture at a time, so that they do not grow beyond the budget together.
        let mut state = self.lock();
        if state.closed.is_some() || !self.fits(pixels.len()) {
            return;
        }
        // Written at once, for those who read it while it grows.
        let written = self.records.put(&item, &values).and_then(|()| self.records.flush());
        if let Err(error) = written {
            let why = match error {
                base::Error::Io(PathError { source, .. }) => format!("cannot be written: {source}"),
                base::Error::Foreign(_) => "belongs to somebody else".to_owned(),
            };
            state.closed = Some(format!("{}: {why}", self.path.display()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a picture is found by: its path, and the state that its file is in.
fn item(path: &Path) -> Option<Key> {
    Some(FileState::of(path).ok()?.key(path))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::LARGE_BYTES;

    fn get(cache: &PixelFile, path: &Path) -> Option<Picture> {
        cache.get(path, &mut Gate::default())
    }

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
            assert!(get(&cache, file).is_none());
            cache.put(file, &picture(shade as u8));
        }
        // While it writes, another reads.
        let other = open(&cached);
        assert_eq!(get(&other, &files[2]), Some(picture(2)));
        assert_eq!(other.used().closed.as_deref(), Some("another run writes to it"));
        drop((cache, other));
        let cache = open(&cached);
        assert_eq!(cache.used().pictures, 4);
        for (shade, file) in files.iter().enumerate() {
            assert_eq!(get(&cache, file), Some(picture(shade as u8)));
        }
        fs::write(&files[1], "longer than it was").unwrap();
        fs::remove_file(&files[3]).unwrap();
        assert!(get(&cache, &files[1]).is_none() && get(&cache, &files[3]).is_none());
        cache.put(&files[1], &picture(9));
        assert_eq!(get(&cache, &files[1]), Some(picture(9)));
        drop(cache);
        assert_eq!(get(&open(&cached), &files[1]), Some(picture(9)));
    }

    /// To the byte: room for three pictures keeps three, and a byte less keeps two.
    #[test]
    fn what_does_not_fit_is_not_kept() {
        let (start, each) = (HEADER.bytes(), HEADER.record_bytes(SIZE + 60));
        let three = start + 3 * each;
        for (budget, kept) in [(0, 0), (three - 1, 2), (three, 3), (three + each - 1, 3)] {
            let (_folder, files, cached) = folder();
            let cache = PixelFile::open(&cached, budget).unwrap();
            assert_eq!(cache.has_room(60), kept > 0, "{budget}");
            files.iter().for_each(|file| cache.put(file, &picture(1)));
            assert!(!cache.has_room(60), "{budget}");
            let found = files.iter().filter(|file| get(&cache, file).is_some());
            assert_eq!((found.count(), cache.used().pictures), (kept, kept), "{budget}");
            let written = fs::metadata(cached.join(NAME)).unwrap().len();
            assert_eq!(written, start + kept as u64 * each, "{budget}");
        }
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
        // From behind the format's name: a file that starts otherwise may be anybody's.
        let flipped = (HEADER.name.len()..whole.len()).map(|place| {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x55;
            bytes
        });
        for bytes in cut.chain(flipped) {
            fs::write(&path, bytes).unwrap();
            let cache = open(&cached);
            for (shade, file) in files.iter().enumerate() {
                assert!(get(&cache, file).is_none_or(|found| found == picture(shade as u8)));
            }
            cache.put(&files[3], &picture(3));
            drop(cache);
            assert_eq!(get(&open(&cached), &files[3]), Some(picture(3)));
        }
    }

    /// Its checksums are right, its size is none that a picture can have.
    #[test]
    fn records_of_no_picture_are_passed_over() {
        let (_folder, files, cached) = folder();
        let key = item(&files[0]).unwrap();
        for (sides, pixels, is_one) in [
            ([2_u32, 3, 1], 6, true),
            ([2, 3, 3], 18, true),
            ([213, 0, 3], 0, false),
            ([0, 4, 1], 0, false),
            ([2, 3, 0], 0, false),
            ([2, 3, 2], 12, false),
            ([2, 3, 1], 7, false),
            ([u32::MAX, u32::MAX, 3], 3, false),
        ] {
            let _ = fs::remove_file(cached.join(NAME));
            let cache = open(&cached);
            let sides: Vec<u8> = sides.into_iter().flat_map(u32::to_le_bytes).collect();
            cache.records.put(&key, &[sides, vec![7; pixels]].concat()).unwrap();
            assert_eq!(get(&cache, &files[0]).is_some(), is_one, "{pixels}");
        }
    }

    /// A file of somebody else's making, of which the disk holds nothing.
    #[test]
    fn records_that_say_they_are_large_wait_and_those_beyond_any_picture_are_not_read() {
        let (_folder, files, cached) = folder();
        drop(open(&cached));
        let path = cached.join(NAME);
        let header = fs::read(&path).unwrap();
        let gibibytes = 3_u64 << 30;
        for (bytes, waits) in [
            (SIZE + 60, false),
            (LARGE_BYTES, false),
            (LARGE_BYTES + 1, true),
            (MAX_RECORD + 1, false),
            (gibibytes as usize, false),
        ] {
            let key = item(&files[0]).unwrap();
            let size = (bytes as u32).to_le_bytes();
            let checksum = crc32fast::hash(&[&key[..], &size].concat()).to_le_bytes();
            fs::write(&path, [&header[..], &key, &size, &checksum].concat()).unwrap();
            let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
            file.set_len(header.len() as u64 + HEADER.record_bytes(bytes)).unwrap();
            let cache = open(&cached);
            assert_eq!(cache.used().pictures, 1, "{bytes}");
            let mut gate = Gate::default();
            assert!(cache.get(&files[0], &mut gate).is_none(), "{bytes}");
            assert_eq!(gate.is_held(), waits, "{bytes}");
            // Of the others, a record that was read and is damaged is no longer there.
            assert_eq!(cache.used().pictures, usize::from(bytes > MAX_RECORD), "{bytes}");
        }
    }

    /// Through a link, too.
    #[test]
    fn a_file_of_somebody_else_is_left_as_it_is() {
        let (_folder, files, cached) = folder();
        fs::create_dir(&cached).unwrap();
        let path = cached.join(NAME);
        for linked in [false, cfg!(unix)] {
            let _ = fs::remove_file(&path);
            let theirs = if linked { files[0].as_path() } else { &path };
            fs::write(theirs, "a letter to somebody").unwrap();
            #[cfg(unix)]
            if linked {
                std::os::unix::fs::symlink(theirs, &path).unwrap();
            }
            let error = PixelFile::open(&cached, 1 << 20).unwrap_err();
            assert!(error.to_string().contains("pixels.bin"), "{error}");
            let source = std::error::Error::source(&error).unwrap().to_string();
            assert!(source.contains("left as it is"), "{source}");
            assert_eq!(fs::read(theirs).unwrap(), b"a letter to somebody");
        }
    }

    /// Neither a link to another cache of ours, which would be made anew or added to, nor one to nothing.
    #[cfg(unix)]
    #[test]
    fn no_link_is_followed() {
        let (folder, files, cached) = folder();
        fs::create_dir(&cached).unwrap();
        let theirs = folder.path().join("theirs");
        let kept = open(&theirs);
        kept.put(&files[0], &picture(1));
        drop(kept);
        let older = folder.path().join("older");
        fs::write(&older, [b"rekindle pixels1".as_slice(), &[3; 500]].concat()).unwrap();
        for to in [theirs.join(NAME), older, folder.path().join("nowhere")] {
            let before = fs::read(&to).ok();
            let link = cached.join(NAME);
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(&to, &link).unwrap();
            let error = PixelFile::open(&cached, 1 << 20).unwrap_err();
            assert!(error.to_string().contains("pixels.bin"), "{error}");
            assert_eq!(fs::read(&to).ok(), before, "{}", to.display());
        }
    }

    #[test]
    fn pixels_that_were_planted_are_dropped() {
        let (_folder, files, cached) = folder();
        for (shade, file) in files.iter().enumerate() {
            let shades = (0..20).map(|place| 40 * shade as u8 + place).collect();
            fs::write(file, Picture::from_gray(5, 4, shades).unwrap().to_png().unwrap()).unwrap();
        }
        let paths = || files.iter().map(PathBuf::as_path);
        let fill = |of: fn(usize) -> usize| {
            let _ = fs::remove_file(cached.join(NAME));
            let cache = open(&cached);
            for (place, file) in files.iter().enumerate() {
                cache.put(file, &decode(&files[of(place)]).unwrap());
            }
        };
        let planted: [fn(usize) -> usize; 3] =
            [|place| (place + 1) % 4, |_| 0, |place| if place == 2 { 3 } else { place }];
        for of in planted {
            fill(of);
            let cache = DiskCache::open(&cached, 1 << 20).unwrap();
            assert!(!cache.check(paths()).unwrap());
            let used = cache.used();
            assert_eq!((used.pictures, used.found, used.forgotten), (0, 0, true));
            assert!(cache.file().get(&files[1], &mut Gate::default()).is_none());
            cache.file().put(&files[1], &decode(&files[1]).unwrap());
            drop(cache);
            let cache = DiskCache::open(&cached, 1 << 20).unwrap();
            assert!(cache.check(paths()).unwrap(), "what is right is believed");
            assert_eq!((cache.used().pictures, cache.used().forgotten), (1, false));
        }
        fill(|place| place);
        let cache = DiskCache::open(&cached, 1 << 20).unwrap();
        assert!(cache.check(paths()).unwrap());
        assert_eq!((cache.used().pictures, cache.used().found), (4, 0));
        assert_eq!(cache.file().get(&files[3], &mut Gate::default()), decode(&files[3]).ok());
    }

    /// An older format's file is ours: the cache is made anew.
    #[test]
    fn an_older_format_is_made_anew() {
        let (_folder, files, cached) = folder();
        fs::create_dir(&cached).unwrap();
        fs::write(cached.join(NAME), [b"rekindle pixels1".as_slice(), &[3; 500]].concat()).unwrap();
        let cache = open(&cached);
        assert!(get(&cache, &files[0]).is_none());
        cache.put(&files[0], &picture(1));
        drop(cache);
        assert_eq!(get(&open(&cached), &files[0]), Some(picture(1)));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let (_folder, files, _) = folder();
        let error = DiskCache::open(&files[0].join("cache"), 1).unwrap_err().to_string();
        assert!(error.contains("pixels.bin"), "{error}");
    }
}
