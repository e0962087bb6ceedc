//! Data sets in folders: which files there are, by the names of folders their labels and parts, and a note on all that is not read.
//!
//! What an item's file looks like is said by a [`FileKind`]; all else is the same for pictures and texts.

use std::fmt::Debug;
use std::path::Path;

mod listing;
mod parts;
mod walk;

pub use listing::{Listing, MAX_DEPTH, label_of};
pub use parts::{Parts, files_of_parts, lists};
pub use walk::{Purpose, gather, gather_part};

/// A kind of files of which each is an item.
pub trait FileKind: Debug {
    /// What messages call one.
    const ONE: &'static str;
    /// What messages call several.
    const MANY: &'static str;

    /// Whether a file is one, by its name or its first bytes.
    fn is(path: &Path) -> bool;
}
