//! One picture: read, decoded, measured and dropped. What is kept takes about a kilobyte.

use std::path::Path;

use rekindle_images::{Error as ImageError, Picture, Source, decode_then, read_file};
use sha2::{Digest, Sha256};

use crate::{
    contents::Content,
    header::{Format, Header},
    signature::Signature,
};

/// What is known of a file.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Of its bytes, or its size and pixels; none where they cannot be read.
    pub(crate) digest: Option<[u8; 32]>,
    pub(crate) format: Option<Format>,
    pub(crate) header: Header,
    /// What it looks like, or why it cannot be decoded.
    pub(crate) look: Result<Look, Unreadable>,
}

/// Why a picture cannot be decoded, and what to do.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) cause: String,
    pub(crate) remedy: &'static str,
}

/// What a picture looks like.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) gray: bool,
    pub(crate) signature: Box<Signature>,
}

/// Reads a picture and measures it.
pub(crate) fn measure(content: &Content) -> Option<Measured> {
    match content {
        Content::Picture(Source::File(path)) => Some(of_file(path)),
        Content::Picture(Source::Bytes { bytes, .. }) => Some(of_bytes(bytes)),
        Content::Picture(Source::Memory(picture)) => Some(Measured {
            digest: Some(digest(picture)),
            format: None,
            header: Header::default(),
            look: Ok(Look::of(picture)),
        }),
        Content::Text(_) => None,
    }
}

fn digest(picture: &Picture) -> [u8; 32] {
    let mut digest = Sha256::new();
    for length in [picture.width(), picture.height(), picture.channels()] {
        digest.update((length as u64).to_le_bytes());
    }
    digest.update(picture.pixels());
    digest.finalize().into()
}

fn of_file(path: &Path) -> Measured {
    match read_file(path) {
        Ok(bytes) => of_bytes(&bytes),
        Err(error) => Measured {
            digest: None,
            format: None,
            header: Header::default(),
            look: Err(unreadable(error)),
        },
    }
}

fn of_bytes(bytes: &[u8]) -> Measured {
    let digest = Some(Sha256::digest(bytes).into());
    let format = Format::of(bytes);
    let header = format.map_or_else(Header::default, |format| Header::read(bytes, format));
    Measured { digest, format, header, look: look(bytes) }
}

fn look(bytes: &[u8]) -> Result<Look, Unreadable> {
    decode_then(bytes, "", |picture| Look::of(&picture)).map_err(unreadable)
}

impl Look {
    fn of(picture: &Picture) -> Self {
        let even = |[r, g, b]: &[u8; 3]| r == g && g == b;
        let gray = picture.channels() == 1 || picture.pixels().as_chunks::<3>().0.iter().all(even);
        let signature = Box::new(Signature::of(picture));
        Self { width: picture.width(), height: picture.height(), gray, signature }
    }
}

/// Why, without the name that the error has too.
fn unreadable(error: ImageError) -> Unreadable {
    const AGAIN: &str = "save it again from its source, or remove it";
    let (cause, remedy) = match error {
        ImageError::NotAPicture { found, .. } => (found.to_owned(), AGAIN),
        ImageError::Read { source, .. } => (source.to_string(), AGAIN),
        ImageError::Decode { format, cause, .. } => {
            (format!("cannot be decoded as {format}: {cause}"), AGAIN)
        }
        ImageError::Unsupported { format, kind, .. } => {
            (format!("{format} with {kind} is not read"), "save it as PNG, or remove it")
        }
        ImageError::TooLarge { width, height, limit, .. } => {
            let cause = format!("claims {width} x {height} pixels, more than the limit of {limit}");
            (cause, "shrink it, or remove it")
        }
        ImageError::Panicked { message, .. } => (format!("its decoder panicked: {message}"), AGAIN),
        other => (other.to_string(), AGAIN),
    };
    Unreadable { cause, remedy }
}
