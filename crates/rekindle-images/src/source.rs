//! Where a picture is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rekindle_data::{Digests, Item};
use sha2::{Digest, Sha256};

use crate::{Error, Picture, decode, decode_bytes};

/// Where a picture is.
#[derive(Debug, Clone)]
pub enum Source {
    /// In a file, decoded whenever it is needed.
    File(PathBuf),
    /// In memory.
    Memory(Arc<Picture>),
    /// The bytes of a file, in memory, decoded whenever they are needed: what came over a network.
    Bytes {
        /// What it is called in messages.
        name: Arc<str>,
        /// All that a file would hold.
        bytes: Arc<[u8]>,
    },
}

/// A picture and its label: the number of one, or whatever else there is to be learned of it.
pub type Sample<L = usize> = rekindle_data::Sample<L, Source>;

impl Item for Source {
    fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Memory(_) | Self::Bytes { .. } => None,
        }
    }
}

impl From<PathBuf> for Source {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<Picture> for Source {
    fn from(picture: Picture) -> Self {
        Self::Memory(Arc::new(picture))
    }
}

impl Source {
    /// The picture, decoded where it is a file or the bytes of one.
    ///
    /// # Errors
    ///
    /// Those of [`decode`].
    pub fn picture(&self) -> Result<Arc<Picture>, Error> {
        match self {
            Self::File(path) => decode(path).map(Arc::new),
            Self::Memory(picture) => Ok(Arc::clone(picture)),
            Self::Bytes { name, bytes } => decode_bytes(bytes, name).map(Arc::new),
        }
    }

    /// The SHA-256 of the file's bytes, as `files` knows or computes them, or of the picture's width, height, channels and
    /// pixels.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] where the file cannot be read, [`Error::NotAPicture`] for a pipe or a device.
    pub fn digest(&self, files: &Digests) -> Result<[u8; 32], Error> {
        match self {
            Self::File(path) => {
                let read = |source| Error::Read { path: path.clone(), source };
                if !path.metadata().map_err(read)?.is_file() {
                    let name = path.display().to_string();
                    return Err(Error::NotAPicture { name, found: "no regular file" });
                }
                files.digest(path).map_err(read)
            }
            Self::Memory(picture) => {
                let lengths = [picture.width(), picture.height(), picture.channels()];
                let mut digest = Sha256::new();
                lengths.iter().for_each(|length| digest.update((*length as u64).to_le_bytes()));
                digest.update(picture.pixels());
                Ok(digest.finalize().into())
            }
            Self::Bytes { bytes, .. } => Ok(Sha256::digest(bytes).into()),
        }
    }
}
