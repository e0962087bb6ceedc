//! What there is in a data set, and how files are named.

use std::path::{Path, PathBuf};

use rekindle_data::Part;
use rekindle_images::Source;
use rekindle_text::Text;

use crate::{DataLayout, noun::Noun};

/// What is looked at.
#[derive(Debug)]
pub(crate) enum Content {
    Picture(Source),
    Text(Text),
}

/// What is taken as a picture or a text.
#[derive(Debug)]
pub(crate) struct Item<L> {
    pub(crate) content: Content,
    /// Its name: the file, relative to [`start`], `FILE#ROW` in packed files, or `FILE:LINE` of a text.
    pub(crate) file: PathBuf,
    pub(crate) part: Part,
    /// What is learned of it: places in the list of names, or numbers, NaN where one is missing.
    pub(crate) target: L,
    /// What belongs together has one name here, if the list says so; empty else.
    pub(crate) group: String,
}

/// All that a data set holds.
#[derive(Debug)]
pub(crate) struct Contents<L> {
    pub(crate) layout: DataLayout,
    pub(crate) noun: Noun,
    /// The labels of all parts, in their order, or the columns of numbers.
    pub(crate) names: Vec<String>,
    /// The parts that there are, and whether each of the names is known in it.
    pub(crate) parts: Vec<(Part, Vec<bool>)>,
    /// By part, label and path.
    pub(crate) items: Vec<Item<L>>,
    /// Pictures by their names that lie beside the folders of labels, as (path, relative path).
    pub(crate) loose: Vec<(PathBuf, PathBuf)>,
    /// Files whose names are not a picture's, in the same way.
    pub(crate) others: Vec<(PathBuf, PathBuf)>,
    /// Folders whose pictures are not read, and how many those are.
    pub(crate) unread: Vec<(PathBuf, usize)>,
}

/// The folder that names of files are relative to.
pub(crate) fn start(data: &Path, layout: DataLayout) -> &Path {
    match layout {
        DataLayout::Folders | DataLayout::Packed => data,
        DataLayout::List => data.parent().unwrap_or(Path::new("")),
    }
}

/// The path as one that begins where names do, if it is below that.
pub(crate) fn relative(path: &Path, start: &Path) -> PathBuf {
    path.strip_prefix(start).unwrap_or(path).to_owned()
}
