//! Why a decoder gave nothing, and how much it may be asked for.

use image::ImageError;

use crate::Error;

/// The most pixels of a picture that is decoded; above it Pillow too raises `DecompressionBombError`.
pub const MAX_PIXELS: usize = 178_956_970;

/// Most bytes of what a PNG holds beside its pixels, inflated: profiles of colors have four million at most.
pub(super) const MAX_BESIDE: usize = 16 << 20;

/// Most bytes that a decoder may allocate for one picture: [`MAX_PIXELS`] of 16-bit RGBA and a few rows.
pub(super) const MAX_ALLOCATION: usize = 8 * MAX_PIXELS + (1 << 20);

/// Most bytes of a file that is read: no picture of [`MAX_PIXELS`] needs more.
pub(super) const MAX_FILE: u64 = 2 << 30;

/// Why a decoder gave nothing.
#[derive(Debug)]
pub(super) enum Failure {
    Ours(Error),
    /// A kind of the format that is not read, as it follows "JPEG with".
    Unsupported(String),
    Decoder(String),
}

impl Failure {
    /// A kind of the format that is not read, as it follows "JPEG with".
    pub(super) fn unsupported(kind: &str) -> Self {
        Self::Unsupported(kind.to_owned())
    }

    /// The error of a file that is called `name` and begins as one of `format` does.
    pub(super) fn into_error(self, name: &str, format: &'static str) -> Error {
        let name = || name.to_owned();
        match self {
            Self::Ours(error) => error,
            Self::Unsupported(kind) => Error::Unsupported { name: name(), format, kind },
            Self::Decoder(cause) => Error::Decode { name: name(), format, cause },
        }
    }
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        Self::Decoder(error.to_string())
    }
}

/// Refuses a picture of more than [`MAX_PIXELS`] before anything is allocated for it.
pub(super) fn check_size(name: &str, [width, height]: [usize; 2]) -> Result<(), Failure> {
    if width.checked_mul(height).is_some_and(|pixels| pixels <= MAX_PIXELS) {
        return Ok(());
    }
    Err(Failure::Ours(Error::TooLarge { name: name.to_owned(), width, height, limit: MAX_PIXELS }))
}
