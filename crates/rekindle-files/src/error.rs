//! What can go wrong with a file of weights: which file, why, and what to do about it.

use std::path::PathBuf;

use crate::Dtype;

/// Everything that reading or writing a checkpoint can fail with.
///
/// Every message names the file, the cause and a remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing at this path.
    #[error("{path}: no such file or folder; check the path, or fetch the weights first", path = .path.display())]
    NotFound {
        /// The path that was asked for.
        path: PathBuf,
    },

    /// The operating system refused to open or read a file.
    #[error("{path}: cannot read the file; check its permissions and the disk", path = .path.display())]
    Read {
        /// The file that was read.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },

    /// A folder holds none of the files that weights are known by.
    #[error("{path}: the folder holds no weights; it needs one of {expected}", path = .path.display())]
    NoWeights {
        /// The folder.
        path: PathBuf,
        /// The file names that were looked for.
        expected: String,
    },

    /// The content is neither safetensors, nor an index of shards, nor a PyTorch checkpoint.
    #[error("{path}: not a checkpoint: {found}; pass a .safetensors file, its index, a PyTorch checkpoint or a folder of weights", path = .path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// What the file looks like instead.
        found: String,
    },

    /// A `config.json` or a shard index that is too large to be one.
    #[error("{path}: {bytes} bytes, above the limit of {limit} bytes for such a file; fetch it again", path = .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
        /// The largest size that is accepted, in bytes.
        limit: u64,
    },

    /// A text file, or the text header of a safetensors file, that is not UTF-8.
    #[error("{path}: the text is not UTF-8, so the file is damaged; fetch it again", path = .path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Where the text breaks.
        #[source]
        source: std::str::Utf8Error,
    },

    /// A file that ends before its content does.
    #[error("{path}: the file ends {missing} bytes early ({bytes} of at least {expected} bytes); fetch it again", path = .path.display(), missing = .expected.saturating_sub(*.bytes))]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
        /// The size that its own header asks for, in bytes.
        expected: u64,
    },

    /// A safetensors file that continues after its last tensor.
    #[error("{path}: {extra} bytes follow the last tensor, so the file is damaged or hides something; fetch it again", path = .path.display())]
    TrailingBytes {
        /// The file.
        path: PathBuf,
        /// How many bytes belong to no tensor.
        extra: u64,
    },

    /// A safetensors header that claims to be longer than any that is needed.
    #[error("{path}: the header claims {bytes} bytes, above the limit of {limit}, so the file is damaged or not safetensors; fetch it again", path = .path.display())]
    HeaderTooLarge {
        /// The file.
        path: PathBuf,
        /// The size that is claimed, in bytes.
        bytes: u64,
        /// The largest size that is accepted, in bytes.
        limit: u64,
    },

    /// JSON that does not parse, or does not say what it should.
    #[error("{path}: the {what} is malformed; fetch the file again", path = .path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Which text it is: `header` or `index`.
        what: &'static str,
        /// Where and why the JSON is wrong.
        #[source]
        source: serde_json::Error,
    },

    /// Names that occur more than once where each must be unique.
    #[error("{path}: names that occur more than once: {names}; which tensor is meant cannot be told, so save the checkpoint again", path = .path.display(), names = .names.join(", "))]
    DuplicateNames {
        /// The file.
        path: PathBuf,
        /// All of the names.
        names: Vec<String>,
    },

    /// Names with characters in them that a terminal would obey rather than show.
    #[error("{path}: control characters in the names {names}; do not use it, it may be an attack", path = .path.display(), names = .names.join(", "))]
    ControlCharacters {
        /// The file.
        path: PathBuf,
        /// All of the names, escaped.
        names: Vec<String>,
    },

    /// A tensor of an element type that this crate does not know.
    #[error("{path}: tensor {name} has the unknown element type {dtype}; save it as float32 or float16", path = .path.display())]
    UnknownDtype {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The element type's name in the file.
        dtype: String,
    },

    /// A shape whose number of bytes does not fit into 64 bits, or into memory's addresses.
    #[error("{path}: tensor {name} is too large for this machine to address; the file is damaged, so fetch it again", path = .path.display())]
    ShapeOverflow {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },

    /// A tensor whose shape and element type ask for another number of bytes than it has.
    #[error("{path}: tensor {name} ({dtype} {shape:?}) needs {expected} bytes but has {bytes}; the file is damaged, so fetch it again", path = .path.display())]
    SizeMismatch {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its element type.
        dtype: Dtype,
        /// Its shape.
        shape: Vec<usize>,
        /// The bytes that shape and element type ask for.
        expected: u64,
        /// The bytes there are.
        bytes: u64,
    },

    /// Tensors that overlap, or leave a gap between them.
    #[error("{path}: tensor {name} starts at byte {start} of the data instead of {expected}, which is {kind}; the file is damaged, so fetch it again", path = .path.display(), kind = if .start < .expected { "an overlap" } else { "a gap" })]
    Layout {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Where it starts, in bytes from the start of the data.
        start: u64,
        /// Where the tensor before it ends.
        expected: u64,
    },

    /// A shard index that names files outside of its own folder.
    #[error("{path}: the index names files outside of its folder: {names}; do not use it, it may be an attack", path = .path.display(), names = .names.join(", "))]
    UnsafeShardNames {
        /// The index.
        path: PathBuf,
        /// All of the names.
        names: Vec<String>,
    },

    /// Shards that are not there.
    #[error("{path}: missing shards: {names}; fetch them into the same folder", path = .path.display(), names = .names.join(", "))]
    MissingShards {
        /// The index.
        path: PathBuf,
        /// All of the names.
        names: Vec<String>,
    },

    /// An index and its shards that disagree.
    #[error("{path}: the index and its shards disagree: {problems}; fetch all of them again, from the same revision", path = .path.display(), problems = .problems.join("; "))]
    ShardMismatch {
        /// The index.
        path: PathBuf,
        /// All of the disagreements.
        problems: Vec<String>,
    },

    /// A PyTorch checkpoint that cannot be parsed.
    #[error("{path}: not a readable PyTorch checkpoint: {reason}; fetch it again, or convert it to safetensors in Python", path = .path.display())]
    PyTorch {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// A tensor whose bytes are not those that were written.
    #[error("{path}: tensor {name} has not the checksum that the file says it has, so the file is damaged; fetch it again", path = .path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },

    /// A PyTorch checkpoint that is refused, because it asks for what no weights need: foreign objects,
    /// memory, time.
    #[error("{path}: refused, because {reason}; convert it to safetensors in Python if you trust it", path = .path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// A PyTorch file without any tensor.
    #[error("{path}: holds no tensors (top-level keys: {keys}); save the model's state_dict instead", path = .path.display(), keys = .keys.join(", "))]
    NoTensors {
        /// The file.
        path: PathBuf,
        /// The keys at its top level.
        keys: Vec<String>,
    },

    /// A training checkpoint without the set of weights that was asked for.
    #[error("{path}: has no {set} set of weights; {}", remedy(.found), path = .path.display())]
    NoSuchSet {
        /// The file.
        path: PathBuf,
        /// What was asked for: `averaged`, `raw` or a key.
        set: String,
        /// The keys at its top level that hold weights.
        found: Vec<String>,
    },

    /// No tensor of this name.
    #[error("{path}: has no tensor named {name}; list the names with tensors()", path = .path.display())]
    TensorNotFound {
        /// The checkpoint.
        path: PathBuf,
        /// The name that was asked for.
        name: String,
    },

    /// A tensor of integers or booleans where floats are needed.
    #[error("{path}: tensor {name} holds {dtype}, not floats; it is no parameter of a network", path = .path.display())]
    NotFloat {
        /// The checkpoint.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its element type.
        dtype: Dtype,
    },

    /// Tensors that cannot be written as they were described.
    #[error("{path}: not written, because {reason}", path = .path.display())]
    InvalidEntry {
        /// The file that was to be written.
        path: PathBuf,
        /// What is wrong with the description, or with the bytes.
        reason: String,
    },

    /// The bytes of a tensor could not be had, so nothing was written.
    #[error("{path}: not written, because the values of tensor {name} could not be read", path = .path.display())]
    Payload {
        /// The file that was to be written.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// The operating system refused to write a file. What was there before is unchanged.
    #[error("{path}: cannot write the file, what was there is unchanged; {remedy}", path = .path.display())]
    Write {
        /// The file that was to be written.
        path: PathBuf,
        /// What to do about it.
        remedy: &'static str,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
}

/// Names that a message lists, and letters of each: a file may have any number of them.
const MAX_SHOWN: usize = 1000;
const MAX_SHOWN_LETTERS: usize = 200;

/// Names for a message: the first of them, without control characters, each cut where it is long.
pub(crate) fn shown<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Vec<String> {
    let mut names = names.into_iter();
    let mut first: Vec<String> =
        names.by_ref().take(MAX_SHOWN).map(|name| shortened(name.as_ref())).collect();
    let more = names.count();
    if more > 0 {
        first.push(format!("and {more} more"));
    }
    first
}

/// A name for a message, without control characters, and cut where it is long.
pub(crate) fn shortened(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars().take(MAX_SHOWN_LETTERS) {
        match letter.is_control() {
            true => text.extend(letter.escape_debug()),
            false => text.push(letter),
        }
    }
    if name.chars().nth(MAX_SHOWN_LETTERS).is_some() {
        text.push_str(&format!("... of {} bytes", name.len()));
    }
    text
}

/// What to ask for instead of a set that is not there.
fn remedy(found: &[String]) -> String {
    if found.is_empty() {
        "it holds one set alone, so ask for none".to_owned()
    } else {
        format!("it has {}", found.join(", "))
    }
}
