//! Lists of labelled pictures: comma-separated values below a line of names.
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
//! | `split` | | `train`, `val` (or `valid`, `validation`) or `test`; may be missing or empty, which is `train` |
//! | `group` | | pictures of one group are not torn apart where some are set aside to validate on; may be missing |
//!
//! Other columns are ignored. Labels are numbered by their byte order, as folders are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::{Error, Sample};

/// The labels and pictures of a list.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) classes: Vec<String>,
    pub(crate) train: Vec<Sample>,
    /// The group of each training picture, where the list has groups.
    pub(crate) groups: Option<Vec<String>>,
    pub(crate) val: Vec<Sample>,
    pub(crate) test: Vec<Sample>,
}

/// How many names a message shows.
const SHOWN: usize = 5;

/// What the column of pictures may be called, in any case.
pub const PATH: &[&str] = &["path", "file", "filename", "image"];
const LABEL: &[&str] = &["label", "class"];

/// Whether a path is that of a list.
pub fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
        && path.is_file()
}

/// Reads a list; pictures are only looked for, not opened.
pub(crate) fn open(path: &Path) -> Result<Manifest, Error> {
    let wrong = |problem: String| Error::Folder { path: path.to_owned(), problem };
    let text = std::fs::read_to_string(path)
        .map_err(|source| Error::Read { path: path.to_owned(), source })?;
    // Spreadsheets write it in front.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(text.as_bytes());
    let names =
        reader.headers().map_err(|error| wrong(format!("cannot be read: {error}")))?.clone();
    let column = |wanted: &[&str]| {
        names.iter().position(|name| wanted.iter().any(|other| name.eq_ignore_ascii_case(other)))
    };
    let needed = |wanted: &[&str]| {
        column(wanted).ok_or_else(|| {
            let found = names.iter().collect::<Vec<_>>().join(", ");
            wrong(format!("has no column `{}`; its first line names [{found}]", wanted[0]))
        })
    };
    let (path_column, label_column) = (needed(PATH)?, needed(LABEL)?);
    let (split_column, group_column) = (column(&["split"]), column(&["group"]));

    let folder = path.parent().unwrap_or(Path::new("."));
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |column: Option<usize>| {
            column.and_then(|column| record.get(column)).unwrap_or_default()
        };
        let (file, label) = (cell(Some(path_column)), cell(Some(label_column)));
        if file.is_empty() || label.is_empty() {
            return Err(wrong(format!(
                "line {line}: no path or no label; give both, or remove the line"
            )));
        }
        let split = match cell(split_column).to_ascii_lowercase().as_str() {
            "" | "train" => Split::Train,
            "val" | "valid" | "validation" => Split::Val,
            "test" => Split::Test,
            other => {
                return Err(wrong(format!(
                    "line {line}: `{other}` is no split; write train, val or test"
                )));
            }
        };
        rows.push(Row {
            path: folder.join(file),
            label: label.to_owned(),
            split,
            group: cell(group_column).to_owned(),
        });
    }
    let classes: Vec<String> =
        rows.iter().map(|row| row.label.clone()).collect::<BTreeSet<_>>().into_iter().collect();
    if classes.len() < 2 {
        let only = classes.join(", ");
        return Err(wrong(format!(
            "labels are [{only}]; there is nothing to tell apart, add another"
        )));
    }
    missing(path, rows.iter().map(|row| row.path.as_path()))?;
    // By label and path, as folders are read.
    rows.sort_by(|a, b| (&a.label, &a.path).cmp(&(&b.label, &b.path)));
    if let Some(pair) = rows.windows(2).find(|pair| pair[0].path == pair[1].path) {
        return Err(wrong(format!(
            "{}: is listed twice; remove one of its lines",
            pair[0].path.display()
        )));
    }
    let mut manifest = Manifest {
        classes,
        train: vec![],
        groups: group_column.map(|_| vec![]),
        val: vec![],
        test: vec![],
    };
    for Row { path, label, split, group } in rows {
        let label = manifest.classes.binary_search(&label).unwrap_or_default();
        let sample = Sample::file(path, label);
        match split {
            Split::Val => manifest.val.push(sample),
            Split::Test => manifest.test.push(sample),
            Split::Train => {
                manifest.train.push(sample);
                if let Some(groups) = &mut manifest.groups {
                    groups.push(group);
                }
            }
        }
    }
    Ok(manifest)
}

enum Split {
    Train,
    Val,
    Test,
}

struct Row {
    path: PathBuf,
    label: String,
    split: Split,
    group: String,
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
    Err(Error::Folder { path: list.to_owned(), problem })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::{ImageFolder, Measurable, Part, Sample, Split};

    fn list(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("p")).unwrap();
        for number in 0..40 {
            fs::write(folder.path().join(format!("p/{number}.jpg")), "").unwrap();
        }
        fs::write(folder.path().join("list.csv"), text).unwrap();
        folder
    }

    fn open(text: &str) -> Result<ImageFolder, String> {
        let folder = list(text);
        ImageFolder::open(&folder.path().join("list.csv"), &Split { fraction: 0.25, seed: 0 })
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
        let folder = list(text);
        let path = folder.path().join("list.csv");
        assert_eq!(Measurable::open(&path, None).unwrap().part, Part::Test);
        assert_eq!(Measurable::open(&path, Some(Part::Train)).unwrap().samples.len(), 2);
        assert_eq!(Measurable::open(&path, Some(Part::All)).unwrap().samples.len(), 4);
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
            ("file\np/1.jpg\n", "has no column `label`; its first line names [file]"),
            ("path,label\np/1.jpg,\n", "line 2: no path or no label"),
            ("path,label,split\np/1.jpg,a,both\n", "line 2: `both` is no split"),
            ("path,label\np/1.jpg,a\np/2.jpg,a\n", "labels are [a]"),
            ("path,label\np/1.jpg,a\np/99.jpg,b\n", "1 of its pictures are not there"),
            ("path,label\np/1.jpg,a\np/1.jpg,a\np/2.jpg,b\n", "1.jpg: is listed twice"),
            ("path,label\np/1.jpg,a,x,y\n", "cannot be read"),
            ("", "has no column `path`"),
        ] {
            let error = open(text).unwrap_err();
            assert!(error.contains(expected) && error.contains("list.csv"), "{text}: {error}");
        }
    }
}
