//! Lists of items and what is learned of them: values below a line of names, JSON lines, or Parquet.
//!
//! ```csv
//! path,label,split,group
//! pictures/1.jpg,ant,train,nest 1
//! pictures/2.jpg,bee,test,nest 2
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `.csv`, `.tsv`, `.tab`, `.txt` | values between commas, tabs or semicolons, whichever its first line has; UTF-8, or UTF-16 as spreadsheets write it |
//! | `.jsonl`, `.ndjson` | an object a line |
//! | `.parquet` | columns of text, numbers or booleans; takes the feature `parquet` |
//!
//! | column | also called | what it says |
//! |---|---|---|
//! | `path` | `file`, `filename`, `file_name`, `filepath`, `file_path`, `image`, `image_path` | the item; relative paths start at the list's folder |
//! | `label` | `class` | what it shows |
//! | `labels` | `tags` | in its place, all that it shows, separated by `\|`, `;` or `,`; perhaps nothing |
//! | `split` | | `train`, `val` or `test`, in any spelling that a folder may have; may be missing or empty, which is `train` |
//! | `group` | | what belongs to one group is not torn apart where some is set aside to validate on; empty for what is alone; may be missing |
//! | `weight` | | how much it counts in training, 0 or more; may be missing or empty, which is 1 |
//! | any other | | a number to learn, where it is asked for; else not read, and a note says so |
//!
//! Labels are numbered by their byte order, as folders are.
//!
//! | what a list may ask for | limit |
//! |---|---|
//! | bytes of the file | [`MAX_LIST_BYTES`] |
//! | bytes of a line | [`MAX_LINE_BYTES`] |
//! | columns | [`MAX_COLUMNS`] |
//! | values | [`MAX_VALUES`] |

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use rekindle_base::open_regular;

use crate::error::problem;
use crate::label::SHOWN;
use crate::parts::part_named;
use crate::{Error, Part, TargetKind};

mod delimited;
mod limits;
mod lines;
#[cfg(feature = "parquet")]
mod parquet;
mod rows;
#[cfg(not(feature = "parquet"))]
mod parquet {
    use super::{File, Table};

    /// Reads none.
    pub(super) fn read(_: File) -> Result<Table, String> {
        let problem = "this program reads no Parquet; build it with the feature `parquet`, or save the list as .csv";
        Err(problem.to_owned())
    }
}

pub use delimited::Records;
pub use limits::{MAX_COLUMNS, MAX_LINE_BYTES, MAX_LIST_BYTES, MAX_VALUES};
pub use rows::{Files, Items, Wanted, file_of_cell, read, read_items, read_table};

/// What the column of items may be called, in any case.
pub const PATH: &[&str] =
    &["path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path"];
const LABEL: &[&str] = &["label", "class"];
const LABELS: &[&str] = &["labels", "tags"];
const SPLIT: &[&str] = &["split"];
/// What the column of what belongs together may be called, in any case.
pub const GROUP: &[&str] = &["group"];
const WEIGHT: &[&str] = &["weight"];

/// A format of lists, by the extension of its files.
struct Format {
    extension: &'static str,
    is_delimited: bool,
    read: fn(File) -> Result<Table, String>,
}

const FORMATS: [Format; 7] = [
    Format { extension: "csv", is_delimited: true, read: delimited::read },
    Format { extension: "tsv", is_delimited: true, read: delimited::read },
    Format { extension: "tab", is_delimited: true, read: delimited::read },
    Format { extension: "txt", is_delimited: true, read: delimited::read },
    Format { extension: "jsonl", is_delimited: false, read: lines::read },
    Format { extension: "ndjson", is_delimited: false, read: lines::read },
    Format { extension: "parquet", is_delimited: false, read: parquet::read },
];

fn format(path: &Path) -> Option<&'static Format> {
    let extension = path.extension()?;
    FORMATS.iter().find(|format| extension.eq_ignore_ascii_case(format.extension))
}

/// Whether a path is that of values below a line of names, by its extension.
pub fn is_delimited(path: &Path) -> bool {
    format(path).is_some_and(|format| format.is_delimited)
}

/// Whether a path is that of a list.
pub fn is_manifest(path: &Path) -> bool {
    format(path).is_some() && path.is_file()
}

/// A file that is no list, as an error that says what is.
pub fn no_list(path: &Path) -> Error {
    let known = FORMATS.map(|format| format!(".{}", format.extension)).join(", ");
    problem(path, format!("is no list; give a folder, or a list that ends in one of {known}"))
}

/// A list's file, which has no more bytes than one may have.
fn open(path: &Path) -> Result<File, Error> {
    let unread = |source| Error::Read { path: path.to_owned(), source };
    let file = open_regular(path).map_err(unread)?;
    let bytes = file.metadata().map_err(unread)?.len();
    if bytes > MAX_LIST_BYTES {
        let text = format!("has {bytes} bytes, more than the limit of {MAX_LIST_BYTES}; split it");
        return Err(problem(path, text));
    }
    Ok(file)
}

/// All of a file of lines, in UTF-8, or UTF-16 as spreadsheets write it.
///
/// # Errors
///
/// [`Error::Read`] where it cannot be opened or is no regular file, [`Error::Folder`] where it is no text, or longer than
/// [`MAX_LIST_BYTES`].
pub fn read_text(path: &Path) -> Result<String, Error> {
    delimited::read_text(open(path)?).map_err(|text| problem(path, text))
}

/// What there is to learn from a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Whether each item has one label.
    pub label: bool,
    /// Whether each item has any number of labels.
    pub labels: bool,
    /// The columns that hold numbers alone, in their order.
    pub numbers: Vec<String>,
}

impl Offer {
    /// One label an item, which is what folders offer.
    pub const LABEL: Self = Self { label: true, labels: false, numbers: Vec::new() };

    /// Nothing, which is what a list of paths alone offers.
    pub const NOTHING: Self = Self { label: false, labels: false, numbers: Vec::new() };

    /// What a list offers.
    ///
    /// # Errors
    ///
    /// Those of [`Table::read`].
    pub fn of(path: &Path) -> Result<Self, Error> {
        Self::of_table(&Table::read(path)?, PATH, None).map_err(|text| problem(path, text))
    }

    /// What a list offers whose items are in columns of these names, in any case, and whose labels are in that of `label`, where
    /// one is named.
    ///
    /// # Errors
    ///
    /// That it has no such column, in words that follow its name.
    pub fn of_table<S: AsRef<str>>(
        table: &Table,
        items: &[S],
        label: Option<&str>,
    ) -> Result<Self, String> {
        let own = match label {
            Some(name) => Some(table.column(&[name]).ok_or_else(|| table.lacks(&[name]))?),
            None => None,
        };
        let known = [SPLIT, GROUP, WEIGHT, LABELS];
        let is_number = |column: &usize| {
            let mut cells =
                table.rows.iter().map(|(_, cells)| cells[*column].trim()).filter(|x| !x.is_empty());
            let numbers = |cell: &str| cell.parse().is_ok_and(f64::is_finite);
            let name = &table.names[*column];
            !known.iter().any(|names| is_named(name, names))
                && !is_named(name, items)
                && own != Some(*column)
                && cells.next().is_some_and(numbers)
                && cells.all(numbers)
        };
        let numbers = (0..table.names.len()).filter(is_number);
        Ok(Self {
            label: own.is_some() || table.column(LABEL).is_some(),
            labels: table.column(LABELS).is_some(),
            numbers: numbers.map(|column| table.names[column].clone()).collect(),
        })
    }

    /// The kind that is learned unless columns of numbers are named: one label before several.
    pub fn kind(&self) -> TargetKind {
        match (self.label, self.labels) {
            (false, true) => TargetKind::Labels,
            (false, false) if !self.numbers.is_empty() => TargetKind::Numbers,
            _ => TargetKind::Label,
        }
    }
}

/// A list as it stands in its file, with columns that the loader does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The names of its columns.
    pub names: Vec<String>,
    /// Its rows of cells, as many as there are columns, each with the line that it is on, counted from one.
    pub rows: Vec<(u64, Vec<String>)>,
}

impl Table {
    /// Reads all of a list, whatever its format.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] where it cannot be opened or is no regular file, [`Error::Folder`] where it is no list, has no column
    /// of paths, or more of something than a list may have.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let table = Self::open(path)?;
        match table.column(PATH) {
            Some(_) => Ok(table),
            None => Err(problem(
                path,
                format!(
                    "{}; its first line is to name its columns, such as `path,label`",
                    table.lacks(PATH)
                ),
            )),
        }
    }

    /// The same of a list that may have no paths.
    ///
    /// # Errors
    ///
    /// Those of [`Table::read`] but for the paths.
    pub fn open(path: &Path) -> Result<Self, Error> {
        // Opened before it is looked at, so that a file that is missing or forbidden is told as everywhere.
        let file = open(path)?;
        let format = format(path).ok_or_else(|| no_list(path))?;
        (format.read)(file).map_err(|text| problem(path, text))
    }

    /// Values below a line of names, as [`read_text`] reads them.
    ///
    /// # Errors
    ///
    /// What is wrong, in words that follow the file's name.
    pub fn of_text(text: &str) -> Result<Self, String> {
        delimited::table(text)
    }

    /// The column of one of these names, in any case.
    pub fn column(&self, wanted: &[&str]) -> Option<usize> {
        self.names.iter().position(|name| is_named(name, wanted))
    }

    /// The column that is meant by a name: the one that is called exactly so, else the first that is so in any case.
    pub fn named(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|other| other == name).or_else(|| self.column(&[name]))
    }

    /// That it has no column of the first of these names, and which it has.
    pub fn lacks(&self, wanted: &[&str]) -> String {
        format!("has no column `{}`; it names [{}]", wanted[0], self.names.join(", "))
    }

    /// What a column says of rows besides what is learned of them, where it is called so: `split`, `group`, `weight`.
    pub fn role(&self, column: usize) -> Option<&'static str> {
        let name = self.names.get(column)?;
        let roles = [SPLIT, GROUP, WEIGHT];
        roles
            .into_iter()
            .find(|names| is_named(name, names))
            .and_then(|names| names.first().copied())
    }

    /// Whether a column is called as labels are.
    pub fn is_called_label(&self, column: usize) -> bool {
        self.names.get(column).is_some_and(|name| is_called_label(name))
    }

    /// The cells of rows that its split, where it has one, leaves to be trained on.
    pub fn training_rows(&self) -> impl Iterator<Item = &[String]> {
        let split = self.column(SPLIT);
        let trains = move |cells: &&[String]| match split.map(|split| cells[split].trim()) {
            None | Some("") => true,
            Some(part) => part_named(part) == Some(Part::Train),
        };
        self.rows.iter().map(|(_, cells)| cells.as_slice()).filter(trains)
    }

    /// Names that stand for the same thing as another: the first of each is taken.
    fn doubled(&self) -> BTreeSet<usize> {
        let known = [PATH, LABEL, LABELS, SPLIT, GROUP, WEIGHT];
        let others = |names: &&[&str]| {
            let named = |place: &usize| is_named(&self.names[*place], names);
            (0..self.names.len()).filter(named).skip(1).collect::<Vec<_>>()
        };
        known.iter().flat_map(others).collect()
    }
}

/// Whether a name is one that columns of labels have.
pub fn is_called_label(name: &str) -> bool {
    is_named(name, LABEL) || is_named(name, LABELS)
}

/// Whether a column's name is one of these, in any case.
fn is_named<S: AsRef<str>>(name: &str, wanted: &[S]) -> bool {
    wanted.iter().any(|other| name.trim().eq_ignore_ascii_case(other.as_ref().trim()))
}
