//! What can be wrong with a text or a tokenizer.

use std::path::{Path, PathBuf};

/// What this crate's functions report, naming the file, the cause and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A list or a loader reports it.
    #[error(transparent)]
    Data(#[from] rekindle_data::Error),
    /// A file cannot be read.
    #[error("{}: cannot be read; check that it exists and that its permissions allow it", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// A folder holds no file that says how texts become tokens.
    #[error(
        "{}: has no tokenizer.json, no vocab.txt, and no vocab.json with merges.txt; give a folder as the Hub has it",
        folder.display()
    )]
    NoTokenizer {
        /// The folder.
        folder: PathBuf,
    },
    /// A tokenizer's file is damaged or says what is not known.
    #[error("{}: no tokenizer can be made of it: {cause}; fetch it again from its source", path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// A tokenizer cannot read a text.
    #[error("{name}: cannot be cut into tokens: {cause}")]
    Text {
        /// What the text is called.
        name: String,
        /// What the tokenizer said.
        cause: String,
    },
    /// A tokenizer gives numbers that a network's table does not have.
    #[error(
        "{name}: token {id} is beyond the table of {rows} tokens; the tokenizer belongs to other weights"
    )]
    Beyond {
        /// What the text is called.
        name: String,
        /// The token's number.
        id: u32,
        /// Rows of the table.
        rows: usize,
    },
    /// A file of weights reports it.
    #[error(transparent)]
    Weights(#[from] rekindle_files::Error),
    /// A table of word vectors is damaged, or is none.
    #[error("{}: no word vectors can be made of it: {cause}", path.display())]
    Vectors {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        cause: String,
    },
    /// A vocabulary cannot be learned as asked.
    #[error("vocabulary: {0}")]
    Vocabulary(String),
}

/// What is wrong with a list or a folder, and what to do.
pub(crate) fn problem(path: &Path, problem: String) -> Error {
    rekindle_data::Error::Folder { path: path.to_owned(), problem }.into()
}
