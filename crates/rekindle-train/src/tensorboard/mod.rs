//! A file of events, which TensorBoard shows: numbers, histograms, pictures and texts by step.
//!
//! The format is that of TensorFlow: events (`event.rs`), encoded as protocol buffers (`protobuf.rs`),
//! each framed as a record (`record.rs`).

use std::{
    fs::{self, File},
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process,
    time::{SystemTime, UNIX_EPOCH},
};

pub use error::EventFileError;
use event::{Image, Value, What};
use histogram::Histogram;

mod error;
mod event;
mod histogram;
mod protobuf;
mod record;

/// A new file of events in the folder of a run, for TensorBoard to show.
///
/// Tags name what is shown; a `/` in them makes groups: `loss/train`. Events wait in memory for
/// [`Self::flush`], or until there is a mebibyte of them. Steps are epochs, batches or examples, as
/// the caller likes, but the same for all tags of a run, and those of a tag rise: a reader may take
/// a step that does not for a restart, and forget what came after it.
///
/// If an event cannot be written, what the file held before stays readable, and the events that
/// wait are kept: once there is room again, they are written with the next flush.
///
/// Dropping flushes, but says nothing of errors.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    file: File,
    /// Bytes of whole records in the file.
    length: u64,
    end: End,
    /// Whole records that are to follow.
    waiting: Vec<u8>,
}

/// How a file ends.
#[derive(Debug, PartialEq)]
enum End {
    /// With a whole record.
    Whole,
    /// Perhaps with part of one.
    Torn,
}

/// Bytes that wait in memory at most, but for the last event.
const WAITING: usize = 1 << 20;

/// What TensorBoard knows a file of events by; the time it was created in seconds follows.
const PREFIX: &str = "events.out.tfevents.";

impl EventFile {
    /// Creates a file in `folder`, and the folder where there is none, for events from `first_step` on.
    ///
    /// TensorBoard reads all files of a folder as one run, in the order of their names. This one
    /// comes after those that are there, even if the clock was set back. It voids their events of
    /// `first_step` and later ones, which a run that goes on from a checkpoint repeats: they stay
    /// in their files, but TensorBoard does not show them.
    ///
    /// # Errors
    ///
    /// If folder or file cannot be created or written.
    pub fn create(folder: &Path, first_step: i64) -> Result<Self, EventFileError> {
        let (path, file) =
            create_last(folder).map_err(|source| EventFileError::write(folder, source))?;
        let mut events = Self { path, file, length: 0, end: End::Whole, waiting: Vec::new() };
        events.add(0, &What::Version)?;
        // In every file, the first as well: TensorBoard takes only the second start for a restart.
        events.add(first_step, &What::Start)?;
        events.flush()?;
        Ok(events)
    }

    /// Where the events are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a number to the curve `tag`; it is kept as a `f32`, as TensorBoard does.
    ///
    /// # Errors
    ///
    /// [`EventFileError::Write`] if too many events wait and cannot be written.
    pub fn scalar(&mut self, tag: &str, step: i64, value: f64) -> Result<(), EventFileError> {
        self.add(step, &What::Value(tag, Value::Scalar(value as f32)))
    }

    /// Adds how `values` are spread.
    ///
    /// # Errors
    ///
    /// [`EventFileError::NotFinite`] if a value is infinite or NaN, and
    /// [`EventFileError::Write`] if too many events wait and cannot be written.
    pub fn histogram(
        &mut self,
        tag: &str,
        step: i64,
        values: &[f32],
    ) -> Result<(), EventFileError> {
        let count = values.iter().filter(|value| !value.is_finite()).count();
        if count > 0 {
            let (path, tag, total) = (self.path.clone(), tag.to_owned(), values.len());
            return Err(EventFileError::NotFinite { path, tag, step, count, total });
        }
        self.add(step, &What::Value(tag, Value::Histogram(Histogram::of(values))))
    }

    /// Adds a picture: the bytes of a PNG, whose header says its size.
    ///
    /// # Errors
    ///
    /// [`EventFileError::NotPng`] if the header is none, and [`EventFileError::Write`] if too many
    /// events wait and cannot be written.
    pub fn image(&mut self, tag: &str, step: i64, png: &[u8]) -> Result<(), EventFileError> {
        let image = Image::of(png).map_err(|cause| EventFileError::NotPng {
            path: self.path.clone(),
            tag: tag.to_owned(),
            step,
            cause,
        })?;
        self.add(step, &What::Value(tag, Value::Image(image)))
    }

    /// Adds a text, which TensorBoard shows as Markdown.
    ///
    /// # Errors
    ///
    /// [`EventFileError::Write`] if too many events wait and cannot be written.
    pub fn text(&mut self, tag: &str, step: i64, markdown: &str) -> Result<(), EventFileError> {
        self.add(step, &What::Value(tag, Value::Text(markdown)))
    }

    /// Writes the events that wait; call it after each epoch and at the end.
    ///
    /// # Errors
    ///
    /// [`EventFileError::Write`] if they cannot be written: the disk is full, or gone. They go on
    /// waiting.
    pub fn flush(&mut self) -> Result<(), EventFileError> {
        self.write_waiting().map_err(|source| EventFileError::write(&self.path, source))
    }

    /// Lets an event wait, after those that already wait in too great a number are written.
    ///
    /// In this order an event that is refused leaves nothing behind, so that memory stays bounded
    /// even if the caller goes on after errors.
    fn add(&mut self, step: i64, what: &What<'_>) -> Result<(), EventFileError> {
        if self.waiting.len() >= WAITING {
            self.flush()?;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        record::append(&mut self.waiting, &event::encode(now.as_secs_f64(), step, what));
        Ok(())
    }

    fn write_waiting(&mut self) -> io::Result<()> {
        if self.end == End::Torn {
            self.mend()?;
        }
        if let Err(error) = self.file.write_all(&self.waiting) {
            self.end = End::Torn;
            // A reader takes a torn record for the end of the file, so that it can wait for the next flush.
            let _ = self.mend();
            return Err(error);
        }
        self.length += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }

    /// Cuts off what was written of a record that could not be written as a whole.
    fn mend(&mut self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.file.seek(SeekFrom::Start(self.length))?;
        self.end = End::Whole;
        Ok(())
    }
}

impl Drop for EventFile {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

/// Creates the file whose name is the last among the files of events in `folder`.
fn create_last(folder: &Path) -> io::Result<(PathBuf, File)> {
    fs::create_dir_all(folder)?;
    let mut seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    for entry in fs::read_dir(folder)? {
        if let Some(created) = entry?.file_name().to_str().and_then(created) {
            seconds = seconds.max(created + 1);
        }
    }
    let mut number = 0;
    loop {
        // Other writers name the machine, too; what tells files apart is that they must not exist yet.
        let name = format!("{PREFIX}{seconds:010}.rekindle.{}.{number}", process::id());
        let path = folder.join(name);
        match File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            result => return result.map(|file| (path, file)),
        }
    }
}

/// The seconds in the name of a file of events, of which ten digits are expected.
fn created(name: &str) -> Option<u64> {
    let seconds = name.strip_prefix(PREFIX)?.split('.').next()?;
    (seconds.len() == 10).then(|| seconds.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
