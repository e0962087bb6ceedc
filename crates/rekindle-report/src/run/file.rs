//! Records on disk: read whole or not at all, and written so that a crash leaves the old one.

use std::{
    io::{self, BufWriter, Read, Write},
    path::Path,
};

use rekindle_base::{AtomicFile, open_regular};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::RunRecord;
use crate::Error;

/// The most that is read, in bytes. A record with 64 pictures takes about 4 MB.
const LIMIT: u64 = 256 << 20;

/// The format of the file that a record is kept in: there is one so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Version;

impl Version {
    /// Its number.
    pub const NUMBER: u64 = 1;
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(Self::NUMBER)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            Self::NUMBER => Ok(Self),
            other => Err(de::Error::custom(format!("format {other} is not known"))),
        }
    }
}

/// As much of a record as every format has.
#[derive(Deserialize)]
struct Head {
    version: u64,
}

impl RunRecord {
    /// Reads the record at `path`, a `run.json`.
    ///
    /// # Errors
    ///
    /// If there is none, it cannot be read, is damaged, or of a format that is not known.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = bytes(path, LIMIT)?;
        let damaged = |source| Error::Damaged { path: path.to_owned(), source };
        let Head { version } = serde_json::from_slice(&bytes).map_err(damaged)?;
        if version != Version::NUMBER {
            let (path, known) = (path.to_owned(), Version::NUMBER);
            return Err(Error::UnknownVersion { path, found: version, known });
        }
        serde_json::from_slice(&bytes).map_err(damaged)
    }

    /// Writes the record to `path` in one go: a reader finds the old one or the new one.
    ///
    /// # Errors
    ///
    /// If the folder does not exist or cannot be written to.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        self.replace(path).map_err(|source| Error::Write { path: path.to_owned(), source })
    }

    fn replace(&self, path: &Path) -> io::Result<()> {
        let mut file = AtomicFile::create(path)?;
        let mut writer = BufWriter::new(&mut file);
        serde_json::to_writer(&mut writer, self)?;
        writer.flush()?;
        drop(writer);
        file.commit()
    }
}

/// The whole of a file of at most `limit` bytes.
fn bytes(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let read = |source| Error::Read { path: path.to_owned(), source };
    let file = open_regular(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => Error::NotFound { path: path.to_owned() },
        _ => read(source),
    })?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(read)?;
    if bytes.len() as u64 > limit {
        return Err(Error::TooLarge { path: path.to_owned(), limit });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
