//! Pictures of files that hold many: what is read of each such data set.

use std::path::Path;
use std::sync::Arc;

use rekindle_base::read_regular;

use crate::{Error, Picture, Sample};

/// Most pictures in a file: each takes two hundred bytes beside its pixels.
pub const MAX_PACKED: usize = 1 << 21;
/// Longest text of labels or of their names, in bytes.
pub(crate) const MAX_TEXT_BYTES: u64 = 16 << 20;

/// The labels and pictures of a folder with such files, and where in its files they are.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The labels, in the order of their numbers.
    pub classes: Vec<String>,
    /// The pictures to train on, ordered by label, file and row.
    pub train: Vec<Row>,
    /// The pictures to measure on once, at the end, in the same order; perhaps none.
    pub test: Vec<Row>,
}

/// A picture of a file that holds many.
#[derive(Debug, Clone)]
pub struct Row {
    /// The file.
    pub file: Arc<Path>,
    /// Its place among the file's pictures; the first has 0.
    pub row: usize,
    /// The picture, in memory, and its label.
    pub sample: Sample,
}

/// The lines of a text that are not empty, without the blanks around them.
pub(crate) fn lines(path: &Path) -> Result<Vec<String>, Error> {
    let text = read_regular(path, MAX_TEXT_BYTES)
        .map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// Pictures and labels of a file as its rows.
pub(crate) fn rows(file: &Path, pictures: impl IntoIterator<Item = (Picture, usize)>) -> Vec<Row> {
    let file: Arc<Path> = file.into();
    let row = |(row, (picture, label)): (usize, (Picture, usize))| {
        let (file, sample) = (file.clone(), Sample::new(picture.into(), label));
        Row { file, row, sample }
    };
    pictures.into_iter().enumerate().map(row).collect()
}

/// In the order of labels, as folders are read.
pub(crate) fn by_label(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by_key(|row| row.sample.label);
    rows
}
