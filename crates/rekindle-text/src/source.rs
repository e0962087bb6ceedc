//! Texts to learn from, wherever they are.
//!
//! | layout | training | validation | test |
//! |---|---|---|---|
//! | a [list](rekindle_data::manifest), such as `*.csv` or `*.jsonl` | its `train` | its `val`, else a [`Split`](rekindle_data::Split)'s share | its `test` |
//! | lists in a folder, such as `train.csv`, `dev.tsv`, `test.jsonl` | the first | the second, else a share | the third |
//! | `train/LABEL/*.txt`, perhaps `val/LABEL/*.txt`, `test/LABEL/*.txt` | `train` | `val`, else a share of each label | `test` |
//! | `LABEL/*.txt` | what the split leaves | a share of each label | none |
//! | a file of [documents](crate::Place), sentence by sentence | what the split leaves | a share of the documents | none |
//! | such files in a folder, `train.txt`, `dev.txt`, `test.txt` | the first | the second, else a share | the third |
//!
//! Documents are files of PubMed-RCT's form (a line `###` and a name, then lines of a label, a tab and a sentence, then an empty
//! line), or JSON lines with as many `sentences` as `labels`; a split never divides one.
//!
//! Texts are UTF-8; where one is not, the error names line and column. Empty texts are read, and counted in a note.

use std::path::{Path, PathBuf};

use rekindle_data::folder::{
    FileKind, Listing, Parts, Purpose, files_of_parts, gather as gather_files, gather_part, lists,
};
use rekindle_data::{
    DataConfig, DataSet, Gathered, Measurable, Part, Target, TargetKind,
    manifest::{Offer, Table, is_manifest, no_list},
};

use crate::{Error, Text, TextConfig, documents, error::problem, files, list};

/// Files that hold one text each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextFiles;

impl FileKind for TextFiles {
    const ONE: &'static str = "text";
    const MANY: &'static str = "texts";

    fn is(path: &Path) -> bool {
        path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("txt"))
    }
}

/// Names that a note shows.
const SHOWN: usize = 3;

/// Opens texts to train from; the target's type says what is learned of each.
///
/// # Errors
///
/// For what cannot be read, is no text, or says not what is learned, and those of [`DataSet::of`].
pub fn open_texts<L: Target>(config: &TextConfig) -> Result<DataSet<L, Text>, Error> {
    let found = gather(config, L::KIND, Purpose::Train)?;
    Ok(DataSet::of(&config.data.path, found, &config.data.split)?)
}

/// Opens a part of texts to measure on; without a name, those to test on where there are some, else to validate on, else all.
///
/// # Errors
///
/// Those of [`open_texts`], and where there is no such part.
pub fn measure_texts<L: Target>(
    config: &TextConfig,
    wanted: Option<Part>,
) -> Result<Measurable<L, Text>, Error> {
    let found = gather(config, L::KIND, Purpose::Measure)?;
    Ok(Measurable::of(&config.data.path, found, wanted)?)
}

/// All texts of a data set with their labels or numbers, before those are numbered and divided.
///
/// # Errors
///
/// Those of [`open_texts`] for what cannot be read.
pub fn read_texts(config: &TextConfig, kind: TargetKind) -> Result<Gathered<Text>, Error> {
    gather(config, kind, Purpose::Measure)
}

/// What there is to learn of texts; columns of texts are no numbers, and neither is a label that is named.
///
/// # Errors
///
/// Where there is nothing, or a list that cannot be read or lacks a column that is named.
pub fn offer(config: &TextConfig) -> Result<Offer, Error> {
    match Layout::of(&config.data.path)? {
        Layout::List(list) => list::offer(&list, config),
        Layout::Lists(lists) => match lists.first() {
            Some((_, list)) => list::offer(list, config),
            None => Ok(Offer::LABEL),
        },
        Layout::Documents(_) | Layout::DocumentsOfParts(_) | Layout::Folders => Ok(Offer::LABEL),
    }
}

/// Whether a path is that of texts: documents, a list with a column called as texts are and none of files, lists of such, or
/// folders of `.txt` files.
pub fn is_texts(path: &Path) -> bool {
    match Layout::of(path) {
        Ok(Layout::Documents(_) | Layout::DocumentsOfParts(_)) => true,
        Ok(Layout::List(list)) => list::is_of_texts(&list),
        Ok(Layout::Lists(lists)) => lists.first().is_some_and(|(_, list)| list::is_of_texts(list)),
        Ok(Layout::Folders) => holds_texts(path),
        Err(_) => false,
    }
}

/// A list, or documents as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextTable {
    /// Its columns and rows.
    pub table: Table,
    /// Of documents, what each row is called; of lists none, whose rows are lines.
    pub names: Vec<String>,
    /// What of documents was not read, a line each.
    pub notes: Vec<String>,
    /// Whether it is documents.
    pub is_documents: bool,
}

impl TextTable {
    /// Reads a list, or [documents](TextTable::is_documents): their columns are `text`, `label`, `line_number` (from 0), `total_lines`,
    /// `previous` and `next` (the sentences beside it) and `group` (its document).
    ///
    /// # Errors
    ///
    /// Where it cannot be read, with all lines that are wrong.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let is_documents = documents::is_documents(path);
        let (table, names, notes) = match is_documents {
            true => documents::table(path)?,
            false => (Table::open(path)?, Vec::new(), Vec::new()),
        };
        Ok(Self { table, names, notes, is_documents })
    }
}

/// The lists or documents at a path: itself, or those of a folder's parts.
///
/// # Errors
///
/// Where there is no list and there are no documents.
pub fn lists_of_texts(path: &Path) -> Result<Vec<(Part, PathBuf)>, Error> {
    match Layout::of(path)? {
        Layout::List(list) | Layout::Documents(list) => Ok(vec![(Part::Train, list)]),
        Layout::Lists(lists) | Layout::DocumentsOfParts(lists) => Ok(lists),
        Layout::Folders => Err(problem(
            path,
            "holds no list and no documents that are called as parts, such as train.csv or train.txt; name a file"
                .to_owned(),
        )),
    }
}

/// How texts are kept.
enum Layout {
    List(PathBuf),
    Lists(Vec<(Part, PathBuf)>),
    Documents(PathBuf),
    DocumentsOfParts(Vec<(Part, PathBuf)>),
    Folders,
}

impl Layout {
    fn of(path: &Path) -> Result<Self, Error> {
        if path.is_dir() {
            let found = files_of_parts(path, documents::is_documents)?;
            if !found.is_empty() {
                return Ok(Self::DocumentsOfParts(found));
            }
            let found = lists(path)?;
            return Ok(if found.is_empty() { Self::Folders } else { Self::Lists(found) });
        }
        // What is missing is told as everywhere.
        rekindle_base::open_regular(path)
            .map_err(|source| Error::Read { path: path.to_owned(), source })?;
        match () {
            () if documents::is_documents(path) => Ok(Self::Documents(path.to_owned())),
            () if is_manifest(path) => Ok(Self::List(path.to_owned())),
            () => Err(no_list(path).into()),
        }
    }
}

/// Whether the folders of labels hold texts, more than other files.
fn holds_texts(folder: &Path) -> bool {
    let Ok(parts) = Parts::<TextFiles>::find(folder) else { return false };
    let Ok(inside) = Listing::<TextFiles>::of_labels(&parts.train) else { return false };
    let [mut texts, mut others] = [0, 0];
    for found in inside.folders.iter().filter_map(|label| Listing::<TextFiles>::of(label).ok()) {
        texts += found.files.len();
        others += found.others.len();
    }
    texts > others
}

fn gather(
    config: &TextConfig,
    kind: TargetKind,
    purpose: Purpose,
) -> Result<Gathered<Text>, Error> {
    config.data.check_apart(TextFiles::MANY)?;
    let DataConfig { path, val, test, .. } = &config.data;
    let mut found = gather_at(path, Layout::of(path)?, (config, kind), purpose)?;
    for (part, other) in [(Part::Val, val), (Part::Test, test)] {
        let Some(other) = other else { continue };
        let of_part = match Layout::of(other)? {
            Layout::Folders => files::read(other, gather_part::<TextFiles>(other, part)?)?,
            layout => gather_at(other, layout, (config, kind), Purpose::Measure)?,
        };
        found = found.with_part(part, of_part);
    }
    remark(&mut found);
    Ok(found)
}

fn gather_at(
    path: &Path,
    layout: Layout,
    (config, kind): (&TextConfig, TargetKind),
    purpose: Purpose,
) -> Result<Gathered<Text>, Error> {
    let has_columns = matches!(layout, Layout::List(_) | Layout::Lists(_));
    if !has_columns {
        let named = config.text.iter().chain(&config.label).chain(&config.data.targets).next();
        if let Some(named) = named {
            let text = format!("is no list, and has no column `{named}`; leave it out");
            return Err(problem(path, text));
        }
        if kind == TargetKind::Numbers {
            let text = "is no list, and has no numbers; give a list with a column of them";
            return Err(problem(path, text.to_owned()));
        }
    }
    let never = |_: &PathBuf| Ok(false);
    match layout {
        Layout::List(list) => list::read(&list, config, kind),
        Layout::Lists(lists) => Gathered::of_parts(
            &lists,
            |list| list::lacks(list, config, kind),
            |list| list::read(list, config, kind),
        ),
        Layout::Documents(file) => documents::read(&file),
        Layout::DocumentsOfParts(files) => {
            Gathered::of_parts(&files, never, |file| documents::read_part(file))
        }
        Layout::Folders => files::read(path, gather_files::<TextFiles>(path, purpose)?),
    }
}

/// Notes on texts that hold nothing, or what no text should.
fn remark(found: &mut Gathered<Text>) {
    /// What is said of texts, and of which.
    type Remark = (&'static str, fn(&str) -> bool);
    let kinds: [Remark; 2] = [
        ("have no text", |text| text.trim().is_empty()),
        ("have NUL characters in them", |text| text.contains('\0')),
    ];
    for (what, is) in kinds {
        let has = |text: &&Text| is(&text.text) || text.pair.as_deref().is_some_and(is);
        let all: Vec<&Text> = found.rows.iter().map(|row| &row.item).filter(has).collect();
        if !all.is_empty() {
            let names: Vec<String> = all.iter().take(SHOWN).map(|text| text.called()).collect();
            found.notes.push(format!("{} {what}, such as {}", all.len(), names.join(", ")));
        }
    }
}

#[cfg(test)]
mod tests;
