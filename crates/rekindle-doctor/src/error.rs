//! Why a data set could not be examined, or a manifest not be written.

use std::path::PathBuf;

/// What this crate's functions report; what is wrong with the pictures is a [`Finding`](crate::Finding) instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The list cannot be read, or is none.
    #[error(transparent)]
    Data(#[from] rekindle_data::Error),
    /// The folder, or one in it, cannot be read, or is not laid out as a data set.
    #[error(transparent)]
    Images(#[from] rekindle_images::Error),
    /// The texts cannot be read, or say not what is learned.
    #[error(transparent)]
    Text(#[from] rekindle_text::Error),
    /// There is no text.
    #[error("{}: holds no texts; add some", path.display())]
    NoTexts {
        /// The list or folder.
        path: PathBuf,
    },
    /// The list has numbers alone, and none of its columns is named.
    #[error("{}: has no column `label` or `labels`; name the numbers to learn, such as the column `{column}`", path.display())]
    Unnamed {
        /// The list.
        path: PathBuf,
        /// A column of numbers that it has.
        column: String,
    },
    /// A link leads back to a folder that it is in, so that following it would go on for ever.
    #[error("{}: leads back to {}, which it is in; remove the link", link.display(), to.display())]
    Loop {
        /// The link.
        link: PathBuf,
        /// The folder that it leads to.
        to: PathBuf,
    },
    /// There is no picture with a label.
    #[error("{}: holds no labelled pictures ({loose} files beside the folders of labels); make a folder a label and put pictures in it", path.display())]
    Nothing {
        /// The folder.
        path: PathBuf,
        /// How many files lie where no label is.
        loose: usize,
    },
    /// Many pictures are in one file, so that none can be left out by its name.
    #[error("{}: has many pictures in a file, and no list can leave one of them out; write each to a file of its own, in one folder a label, and examine those", path.display())]
    Packed {
        /// The folder.
        path: PathBuf,
    },
    /// The list that was examined is the user's, and not written over.
    #[error("{}: is the list that was examined; name another file", path.display())]
    Same {
        /// The list.
        path: PathBuf,
    },
    /// What is to be written over is something else.
    #[error("{}: exists and is no manifest with these columns; name another file, or remove it", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The manifest cannot be written; what lay there before still does.
    #[error("{}: cannot be written; check that its folder exists, its permissions and the disk's space", path.display())]
    Write {
        /// The manifest.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
}
