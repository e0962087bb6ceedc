//! What can be wrong with a picture, a folder of pictures or a preprocessing.

use std::path::PathBuf;

/// What this crate's functions report, naming the file, the cause and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A list or a loader reports it.
    #[error(transparent)]
    Data(#[from] rekindle_data::Error),
    /// A file or folder cannot be read.
    #[error("{}: cannot be read; check that it exists and that its permissions allow it", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("{}: cannot be written; check the folder's permissions and the disk's space", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The bytes are of no format that is read here.
    #[error(
        "{name}: not a picture ({found}); give a JPEG, PNG, WebP, GIF, BMP, TIFF or PNM file, or remove this one"
    )]
    NotAPicture {
        /// The file, as it was named to the decoder.
        name: String,
        /// What the bytes are instead, as far as is known.
        found: &'static str,
    },
    /// The bytes begin as a picture does, but are damaged or truncated.
    #[error(
        "{name}: cannot be decoded as {format}: {cause}; remove the file or save it again from its source"
    )]
    Decode {
        /// The file, as it was named to the decoder.
        name: String,
        /// The format that the first bytes announce.
        format: &'static str,
        /// What the decoder found.
        cause: String,
    },
    /// The bytes are of a kind that their format allows and that is not read here.
    #[error("{name}: {format} with {kind} is not read; save it as PNG")]
    Unsupported {
        /// The file, as it was named to the decoder.
        name: String,
        /// The format that the first bytes announce.
        format: &'static str,
        /// The kind, as `arithmetic coding`.
        kind: String,
    },
    /// The picture claims more pixels than are decoded, as a decompression bomb does.
    #[error(
        "{name}: {width} x {height} pixels, more than the limit of {limit} pixels; shrink the picture or remove it"
    )]
    TooLarge {
        /// The file, as it was named to the decoder.
        name: String,
        /// Its width in pixels.
        width: usize,
        /// Its height in pixels.
        height: usize,
        /// The most pixels that are decoded.
        limit: usize,
    },
    /// Pixels that do not fit the size they come with.
    #[error(
        "a picture of {width} x {height} pixels and {channels} channels cannot have {length} bytes; give width * height * channels of them, and no side of 0"
    )]
    Pixels {
        /// The width in pixels.
        width: usize,
        /// The height in pixels.
        height: usize,
        /// Bytes a pixel.
        channels: usize,
        /// The bytes that were given.
        length: usize,
    },
    /// A preprocessing that no picture can be put through here.
    #[error("preprocessing: {}; mend the card or the config that it comes from", problems.join("; "))]
    Preprocessing {
        /// One line a problem, naming the field.
        problems: Vec<String>,
    },
    /// The resize refused its sizes, which only pictures beyond 2^32 pixels a side bring about.
    #[error(
        "a picture of {width} x {height} pixels cannot be resized: {cause}; give a smaller one"
    )]
    Resize {
        /// The width of the picture in pixels.
        width: usize,
        /// The height of the picture in pixels.
        height: usize,
        /// What the resize said.
        cause: String,
    },
    /// A picture that no JPEG file can hold.
    #[error(
        "a picture of {width} x {height} pixels cannot be written as JPEG: {cause}; make it smaller"
    )]
    Encode {
        /// The width of the picture in pixels.
        width: usize,
        /// The height of the picture in pixels.
        height: usize,
        /// What the encoder said.
        cause: String,
    },
    /// An augmentation outside of what can be drawn.
    #[error("augmentation: {}", problems.join("; "))]
    Augment {
        /// One line a problem, naming the field.
        problems: Vec<String>,
    },
    /// A folder that does not hold a data set of labelled pictures.
    #[error("{}: {problem}", path.display())]
    Folder {
        /// The folder at fault.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// A decoder or a transform panicked, which is a bug in this crate or below it.
    #[error(
        "{name}: the worker that prepared it panicked: {message}; remove the file, and report it as a bug"
    )]
    Panicked {
        /// The file, or where the picture stands in its data set.
        name: String,
        /// What the panic said.
        message: String,
    },
}
