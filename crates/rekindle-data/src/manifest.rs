//! Lists of labelled pictures: comma-separated values below a line of names, or Parquet.
//!
//! ```csv
//! path,label,split,group
//! pictures/1.jpg,ant,train,nest 1
//! pictures/2.jpg,bee,test,nest 2
//! ```
//!
//! | column | also called | what it says |
//! |---|---|---|
//! | `path` | `file`, `filename`, `image` | the picture; relative paths start at the list's folder |
//! | `label` | `class` | what it shows |
//! | `labels` | `tags` | in its place, all that it shows, separated by `\|`, `;` or `,`; perhaps nothing. See [`TaggedList`](crate::TaggedList) |
//! | `split` | | `train`, `val` (or `valid`, `validation`) or `test`; may be missing or empty, which is `train` |
//! | `group` | | pictures of one group are not torn apart where some are set aside to validate on; may be missing |
//! | `weight` | | how much it counts in training, 0 or more; may be missing or empty, which is 1 |
//!
//! Other columns are ignored. Labels are numbered by their byte order, as folders are. Parquet takes the feature
//! `parquet`; its columns may be of any type that is text, a number or a boolean.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::split::{divide, divide_groups};
use crate::{Error, Sample, Sides};

mod comma;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(not(feature = "parquet"))]
mod parquet {
    use super::{Path, Table};

    /// Reads none.
    pub(super) fn read(_: &Path) -> Result<Table, String> {
        let problem = "this program reads no Parquet; build it with the feature `parquet`, or save the list as .csv";
        Err(problem.to_owned())
    }
}

/// The labels and pictures of a list.
#[derive(Debug)]
pub struct Manifest<L = usize> {
    /// The labels, in the order of their numbers.
    pub classes: Vec<String>,
    /// The pictures to train on, ordered by label and path.
    pub train: Vec<Sample<L>>,
    /// The group of each training picture, where the list has groups.
    pub groups: Option<Vec<String>>,
    /// The pictures to validate on; perhaps none.
    pub val: Vec<Sample<L>>,
    /// The pictures to measure on once, at the end; perhaps none.
    pub test: Vec<Sample<L>>,
}

/// How many names a message shows.
const SHOWN: usize = 5;

/// What the column of pictures may be called, in any case.
pub const PATH: &[&str] = &["path", "file", "filename", "image"];
const LABEL: &[&str] = &["label", "class"];
const LABELS: &[&str] = &["labels", "tags"];
const SPLIT: &[&str] = &["split"];
/// What the column of what belongs together may be called.
pub const GROUP: &[&str] = &["group"];
const WEIGHT: &[&str] = &["weight"];

/// What stands between labels.
const SEPARATORS: [char; 3] = ['|', ';', ','];

/// A format of lists, by the extension of its files.
struct Format {
    extension: &'static str,
    read: fn(&Path) -> Result<Table, String>,
}

const FORMATS: [Format; 2] = [
    Format { extension: "csv", read: comma::read },
    Format { extension: "parquet", read: parquet::read },
];

fn format(path: &Path) -> Option<&'static Format> {
    let extension = path.extension()?;
    FORMATS.iter().find(|format| extension.eq_ignore_ascii_case(format.extension))
}

/// Whether a path is that of a list.
pub fn is_manifest(path: &Path) -> bool {
    format(path).is_some() && path.is_file()
}

/// Reads a list of pictures with one label each, as it divides them; pictures are only looked for, not opened.
///
/// # Errors
///
/// [`Error::Read`] where the list cannot be opened, [`Error::Folder`] with its first line that is wrong.
pub fn open(path: &Path) -> Result<Manifest, Error> {
    let table = Table::read(path)?;
    let wrong = |problem: String| problem_of(path, problem);
    let Some(column) = table.column(LABEL) else {
        return Err(wrong(match table.column(LABELS) {
            Some(_) => "its pictures have several labels each, which only a `TaggedList` takes; give one in a column `label`".to_owned(),
            None => table.lacks(LABEL),
        }));
    };
    let rows = rows(path, &table, &|cells| match cells[column].as_str() {
        "" => Err("no label; give one, or remove the line".to_owned()),
        label => Ok(label.to_owned()),
    })?;
    let classes = numbered(path, rows.iter().map(|row| row.label.as_str()))?;
    Ok(Manifest::of(rows, classes, table.column(GROUP).is_some(), |classes, label| {
        place(classes, &label)
    }))
}

/// As [`open`]; where the list names nothing to validate on, `split` sets a share of each label aside, or of its groups.
///
/// # Errors
///
/// Those of [`open`], and [`Error::Folder`] where nothing is left to train or to validate on.
pub fn open_divided(path: &Path, split: &crate::Split) -> Result<Manifest, Error> {
    let divide = |all: Vec<Sample>, labels| divide(path, &all, labels, split);
    open(path)?.divided(path, split, divide)
}

/// Reads a list of pictures with any number of labels each.
pub(crate) fn open_tagged(path: &Path) -> Result<Manifest<Vec<usize>>, Error> {
    let table = Table::read(path)?;
    let column = table.column(LABELS).or(table.column(LABEL));
    let column = column.ok_or_else(|| problem_of(path, table.lacks(LABELS)))?;
    let rows = rows(path, &table, &|cells| {
        let labels = cells[column].split(SEPARATORS).map(str::trim);
        // Each once, in the order of their numbers.
        let labels: BTreeSet<String> =
            labels.filter(|label| !label.is_empty()).map(str::to_owned).collect();
        Ok(labels)
    })?;
    let classes = numbered(path, rows.iter().flat_map(|row| &row.label).map(String::as_str))?;
    Ok(Manifest::of(rows, classes, table.column(GROUP).is_some(), |classes, labels| {
        labels.iter().map(|label| place(classes, label)).collect()
    }))
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
    /// [`Error::Read`] where it cannot be opened, [`Error::Folder`] where it is no list or has no column of paths.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let wrong = |problem| problem_of(path, problem);
        // Opened here, so that a file that is missing or forbidden is told as everywhere.
        std::fs::File::open(path)
            .map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let format = format(path).ok_or_else(|| {
            let known = FORMATS.map(|format| format!(".{}", format.extension)).join(" or ");
            wrong(format!("is no list; give one that ends in {known}"))
        })?;
        let table = (format.read)(path).map_err(wrong)?;
        match table.column(PATH) {
            Some(_) => Ok(table),
            None => Err(wrong(table.lacks(PATH))),
        }
    }

    /// The column of one of these names, in any case.
    pub fn column(&self, wanted: &[&str]) -> Option<usize> {
        self.names
            .iter()
            .position(|name| wanted.iter().any(|other| name.trim().eq_ignore_ascii_case(other)))
    }

    fn lacks(&self, wanted: &[&str]) -> String {
        format!("has no column `{}`; it names [{}]", wanted[0], self.names.join(", "))
    }
}

enum Split {
    Train,
    Val,
    Test,
}

struct Row<L> {
    path: PathBuf,
    label: L,
    split: Split,
    group: String,
    weight: f32,
}

/// The rows, in the order of labels and paths, as folders are read.
fn rows<L: Ord>(
    list: &Path,
    table: &Table,
    label: &dyn Fn(&[String]) -> Result<L, String>,
) -> Result<Vec<Row<L>>, Error> {
    let [path_column, split_column, group_column, weight_column] =
        [PATH, SPLIT, GROUP, WEIGHT].map(|wanted| table.column(wanted));
    let folder = list.parent().unwrap_or(Path::new("."));
    let mut rows = Vec::with_capacity(table.rows.len());
    for (line, cells) in &table.rows {
        let wrong = |problem: String| problem_of(list, format!("line {line}: {problem}"));
        let cell = |column: Option<usize>| column.map_or("", |column| cells[column].as_str());
        let file = cell(path_column);
        if file.is_empty() {
            return Err(wrong("no path; give one, or remove the line".to_owned()));
        }
        let split = match cell(split_column).to_ascii_lowercase().as_str() {
            "" | "train" => Split::Train,
            "val" | "valid" | "validation" => Split::Val,
            "test" => Split::Test,
            other => return Err(wrong(format!("`{other}` is no split; write train, val or test"))),
        };
        let weight = match cell(weight_column).trim() {
            "" => 1.0,
            text => text
                .parse()
                .ok()
                .filter(|weight: &f32| weight.is_finite() && *weight >= 0.0)
                .ok_or_else(|| {
                wrong(format!("`{text}` is no weight; write a number of 0 or more"))
            })?,
        };
        let group = cell(group_column).to_owned();
        let label = label(cells).map_err(wrong)?;
        rows.push(Row { path: folder.join(file), label, split, group, weight });
    }
    missing(list, rows.iter().map(|row| row.path.as_path()))?;
    rows.sort_by(|a, b| (&a.label, &a.path).cmp(&(&b.label, &b.path)));
    let mut seen = BTreeSet::new();
    if let Some(row) = rows.iter().find(|row| !seen.insert(&row.path)) {
        let problem = format!("{}: is listed twice; remove one of its lines", row.path.display());
        return Err(problem_of(list, problem));
    }
    let mut trained = rows.iter().filter(|row| matches!(row.split, Split::Train)).peekable();
    if trained.peek().is_some() && trained.all(|row| row.weight == 0.0) {
        let problem = "every weight is 0, so that nothing counts; give some more".to_owned();
        return Err(problem_of(list, problem));
    }
    Ok(rows)
}

/// The labels, each once, in byte order.
fn numbered<'a>(path: &Path, labels: impl Iterator<Item = &'a str>) -> Result<Vec<String>, Error> {
    let classes: Vec<String> =
        labels.collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect();
    if classes.len() < 2 {
        let problem = format!(
            "labels are [{}]; there is nothing to tell apart, add another",
            classes.join(", ")
        );
        return Err(problem_of(path, problem));
    }
    Ok(classes)
}

fn place(classes: &[String], label: &str) -> usize {
    classes.binary_search_by(|class| class.as_str().cmp(label)).unwrap_or_default()
}

impl<L> Manifest<L> {
    fn of<T>(
        rows: Vec<Row<T>>,
        classes: Vec<String>,
        grouped: bool,
        number: impl Fn(&[String], T) -> L,
    ) -> Self {
        let mut train = Vec::new();
        let mut groups = grouped.then(Vec::new);
        let [mut val, mut test] = [Vec::new(), Vec::new()];
        for Row { path, label, split, group, weight } in rows {
            let sample = Sample { weight, ..Sample::file(path, number(&classes, label)) };
            match split {
                Split::Val => val.push(sample),
                Split::Test => test.push(sample),
                Split::Train => {
                    train.push(sample);
                    if let Some(groups) = &mut groups {
                        groups.push(group);
                    }
                }
            }
        }
        Self { classes, train, groups, val, test }
    }
}

impl<L: Clone> Manifest<L> {
    /// With pictures to validate on: those of the list where it names some, else a share of its groups, else what `divide`
    /// makes of the training pictures and the number of labels.
    pub(crate) fn divided(
        self,
        path: &Path,
        split: &crate::Split,
        divide: impl FnOnce(Vec<Sample<L>>, usize) -> Result<Sides<L>, Error>,
    ) -> Result<Self, Error> {
        let (train, labels) = (self.train, self.classes.len());
        let (train, val) = match (self.val.is_empty(), &self.groups) {
            (false, _) => (train, self.val),
            (true, None) => divide(train, labels)?,
            (true, Some(groups)) => divide_groups(path, (&train, groups), labels, split)?,
        };
        if train.is_empty() {
            let problem = "lists nothing to train on; mark some as train".to_owned();
            return Err(problem_of(path, problem));
        }
        Ok(Self { train, val, groups: None, ..self })
    }
}

fn problem_of(path: &Path, problem: String) -> Error {
    Error::Folder { path: path.to_owned(), problem }
}

/// All files that a list names and that are not there, as one error.
fn missing<'a>(list: &Path, files: impl Iterator<Item = &'a Path>) -> Result<(), Error> {
    let missing: Vec<&Path> = files.filter(|path| !path.is_file()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = missing.iter().take(SHOWN).map(|path| path.display().to_string()).collect();
    let problem = format!(
        "{} of its pictures are not there, such as {}; relative paths start at its folder",
        missing.len(),
        names.join(", ")
    );
    Err(problem_of(list, problem))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Manifest, open_divided};
    use crate::{Sample, Split};

    fn list(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("p")).unwrap();
        for number in 0..40 {
            fs::write(folder.path().join(format!("p/{number}.jpg")), "").unwrap();
        }
        fs::write(folder.path().join("list.csv"), text).unwrap();
        folder
    }

    fn open(text: &str) -> Result<Manifest, String> {
        let folder = list(text);
        open_divided(&folder.path().join("list.csv"), &Split { fraction: 0.25, seed: 0 })
            .map_err(|error| error.to_string())
    }

    #[test]
    fn splits_and_labels_are_those_of_the_list() {
        let text = "\u{feff}Label, Image ,split,more\n\"b, or not\",p/3.jpg,test,x\na,p/2.jpg,,\na,p/1.jpg,train,\n\"b, or not\",p/4.jpg,val,\n";
        let found = open(text).unwrap();
        assert_eq!(found.classes, ["a", "b, or not"]);
        let names = |samples: &[Sample]| -> Vec<(String, usize)> {
            let name =
                |sample: &Sample| sample.path().unwrap().file_name().unwrap().display().to_string();
            samples.iter().map(|sample| (name(sample), sample.label)).collect()
        };
        assert_eq!(names(&found.train), [("1.jpg".to_owned(), 0), ("2.jpg".to_owned(), 0)]);
        assert_eq!(names(&found.val), [("4.jpg".to_owned(), 1)]);
        assert_eq!(names(&found.test), [("3.jpg".to_owned(), 1)]);
    }

    #[test]
    fn a_picture_counts_as_the_list_says() {
        let found =
            open("path,label,split,weight\np/1.jpg,a,,0.25\np/2.jpg,b,,\np/3.jpg,a,val,3\n");
        let found = found.unwrap();
        let weights = |samples: &[Sample]| -> Vec<f32> {
            samples.iter().map(|sample| sample.weight).collect()
        };
        assert_eq!(weights(&found.train), [0.25, 1.0]);
        assert_eq!(weights(&found.val), [3.0]);
    }

    #[test]
    fn groups_are_not_torn_apart() {
        let rows: String = (0..40).map(|n| format!("p/{n}.jpg,{},g{}\n", n % 2, n / 4)).collect();
        let found = open(&format!("path,label,group\n{rows}")).unwrap();
        assert_eq!((found.train.len(), found.val.len()), (28, 12));
        let group = |sample: &Sample| {
            sample.path().unwrap().file_stem().unwrap().to_str().unwrap().parse::<usize>().unwrap()
                / 4
        };
        let mut groups: Vec<_> = found.val.iter().map(group).collect();
        groups.dedup();
        groups.sort_unstable();
        groups.dedup();
        assert_eq!(groups.len(), 3);
        assert!(found.train.iter().all(|sample| !groups.contains(&group(sample))));
    }

    #[test]
    fn what_is_wrong_with_a_list_is_said_with_its_line() {
        for (text, expected) in [
            ("file\np/1.jpg\n", "has no column `label`; it names [file]"),
            ("path,label\np/1.jpg,\n", "line 2: no label"),
            ("path,label,split\np/1.jpg,a,both\n", "line 2: `both` is no split"),
            ("path,label\np/1.jpg,a\np/2.jpg,a\n", "labels are [a]"),
            ("path,label\np/1.jpg,a\np/99.jpg,b\n", "1 of its pictures are not there"),
            ("path,label\np/1.jpg,a\np/1.jpg,a\np/2.jpg,b\n", "1.jpg: is listed twice"),
            ("path,label\n,a\n", "line 2: no path"),
            ("path,label,weight\np/1.jpg,a,1\np/2.jpg,b,-1\n", "line 3: `-1` is no weight"),
            ("path,label,weight\np/1.jpg,a,nan\n", "line 2: `nan` is no weight"),
            ("path,label,weight\np/1.jpg,a,0\np/2.jpg,b,0\n", "every weight is 0"),
            ("path,labels\np/1.jpg,a|b\n", "have several labels each"),
            ("path,label\np/1.jpg,a,x,y\n", "cannot be read"),
            ("", "has no column `path`"),
            ("label\na\n", "has no column `path`; it names [label]"),
        ] {
            let error = open(text).unwrap_err();
            assert!(error.contains(expected) && error.contains("list.csv"), "{text}: {error}");
        }
    }
}
