//! Pictures to learn from, wherever they are: in folders, on lists, or many in a file.
//!
//! | layout | training | validation | test |
//! |---|---|---|---|
//! | `train/LABEL/*`, `val/LABEL/*`, perhaps `test/LABEL/*` | `train` | `val` | `test` |
//! | `train/LABEL/*`, `test/LABEL/*` | what the split leaves | a [`Split`](rekindle_data::Split)'s share of each label | `test` |
//! | `train/LABEL/*` alone, or `LABEL/*` | what the split leaves | a [`Split`](rekindle_data::Split)'s share of each label | none |
//! | [strips](crate::strips) of pictures, `train_*.png` and perhaps `test_*.png` | what the split leaves | a [`Split`](rekindle_data::Split)'s share of each label | `test_*` |
//! | a [list](rekindle_data::manifest), such as `*.csv` | its `train` | its `val`, else a [`Split`](rekindle_data::Split)'s share | its `test` |
//! | lists in a folder, such as `train.csv`, `val.csv`, `test.csv` | the first | the second, else a [`Split`](rekindle_data::Split)'s share | the third |
//! | [MNIST's, CIFAR's](crate::packed) files | what the split leaves | a [`Split`](rekindle_data::Split)'s share of each label | theirs |
//!
//! Parts are known [in any usual spelling](rekindle_data::part_named). What is called a test chooses nothing: not the best epoch,
//! not when to stop. [`DataConfig::val`] names another folder or list to validate on.
//!
//! Labels are numbered by the byte order of their folders' names, pictures by that of their paths. A part to measure on may
//! lack labels. Whatever is not read is counted in a note.

use std::path::{Path, PathBuf};

use rekindle_data::folder::{FileKind as _, Purpose, gather as gather_files, gather_part};
use rekindle_data::{DataConfig, Gathered, Part, Row, Target, TargetKind, is_same_path, manifest};

use crate::packed::{self, Rows};
use crate::{DataSet, Error, Measurable, Source};

mod files;

pub use files::{EXTENSIONS, PictureFiles};
pub use rekindle_data::folder::{MAX_DEPTH, label_of, lists};

/// What a folder of pictures holds.
pub type Listing = rekindle_data::folder::Listing<PictureFiles>;

/// The folders of the parts of a data set of pictures.
pub type Parts = rekindle_data::folder::Parts<PictureFiles>;

/// Opens pictures to train from; the target's type says what is learned of each.
///
/// ```no_run
/// use rekindle_data::DataConfig;
/// use rekindle_images::open_pictures;
///
/// # fn main() -> Result<(), rekindle_images::Error> {
/// let one_label = open_pictures::<usize>(&DataConfig::new("pets"))?;
/// let several = open_pictures::<Vec<usize>>(&DataConfig::new("scenes.csv"))?;
/// let targets = vec!["age".to_owned()];
/// let numbers = open_pictures::<Vec<f32>>(&DataConfig { targets, ..DataConfig::new("faces.csv") })?;
/// for note in one_label.notes.iter().chain(&several.notes).chain(&numbers.notes) {
///     eprintln!("{note}");
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`Error::Read`] for what is missing or cannot be read; those of [`manifest::read`] for a list, and of [`DataSet::of`].
pub fn open_pictures<L: Target>(config: &DataConfig) -> Result<DataSet<L>, Error> {
    let found = gather_pictures(config, L::KIND, Purpose::Train)?;
    Ok(DataSet::of(&config.path, found, &config.split)?)
}

/// Opens a part of pictures to measure on; without a name, those to test on where there are some, else to validate on,
/// else all.
///
/// # Errors
///
/// Those of [`open_pictures`], and [`Error::Folder`] where there is no such part.
pub fn measure_pictures<L: Target>(
    config: &DataConfig,
    wanted: Option<Part>,
) -> Result<Measurable<L>, Error> {
    let found = gather_pictures(config, L::KIND, Purpose::Measure)?;
    Ok(Measurable::of(&config.path, found, wanted)?)
}

/// All pictures of a data set with their labels or numbers, before those are numbered and divided.
///
/// # Errors
///
/// Those of [`open_pictures`] for what cannot be read.
pub fn read_pictures(config: &DataConfig, kind: TargetKind) -> Result<Gathered<Source>, Error> {
    gather_pictures(config, kind, Purpose::Measure)
}

/// What there is to learn of the pictures at a path.
///
/// # Errors
///
/// [`Error::Read`] where there is nothing, and those of [`manifest::Offer::of`].
pub fn offer(path: &Path) -> Result<manifest::Offer, Error> {
    if path.is_dir() {
        let lists = listed(path)?;
        return lists
            .first()
            .map_or(Ok(manifest::Offer::LABEL), |(_, list)| Ok(manifest::Offer::of(list)?));
    }
    Ok(manifest::Offer::of(path)?)
}

fn gather_pictures(
    config: &DataConfig,
    kind: TargetKind,
    purpose: Purpose,
) -> Result<Gathered<Source>, Error> {
    config.check_apart(PictureFiles::MANY)?;
    let DataConfig { path, val, test, targets, .. } = config;
    let mut found = gather(path, listed(path)?, (kind, targets), purpose)?;
    let other = |other: &Path, part| {
        let lists = listed(other)?;
        match other.is_dir() && lists.is_empty() {
            true => Ok(gather_part::<PictureFiles>(other, part)?.map(Source::File)),
            false => gather(other, lists, (kind, targets), Purpose::Measure),
        }
    };
    if let Some(test) = test {
        found = found.with_part(Part::Test, other(test, Part::Test)?);
    }
    let Some(val) = val else { return Ok(found) };
    // What is chosen by is no test any more.
    let is_test = Parts::find(path)
        .is_ok_and(|parts| parts.test.is_some_and(|test| is_same_path(&test, val)));
    if is_test {
        found.rows.retain(|row| row.part != Part::Test);
        found.notes.push("the test part is validated on, and is no test any more".to_owned());
    }
    Ok(found.with_part(Part::Val, other(val, Part::Val)?))
}

/// The lists of a folder's parts, unless it has folders for them, or folders beside a table of something else.
fn listed(folder: &Path) -> Result<Vec<(Part, PathBuf)>, Error> {
    if folder.is_file() {
        return Ok(Vec::new());
    }
    let lists = lists(folder)?;
    let Some((_, first)) = lists.first() else { return Ok(lists) };
    let in_folders = Parts::find(folder).is_ok_and(|parts| parts.train != folder);
    let has_labels = || Listing::of(folder).is_ok_and(|inside| inside.folders.len() > 1);
    let is_other = || {
        let offers = |it: manifest::Offer| it.label || it.labels || !it.numbers.is_empty();
        !manifest::Offer::of(first).is_ok_and(offers)
    };
    Ok(if in_folders || (has_labels() && is_other()) { Vec::new() } else { lists })
}

fn gather(
    path: &Path,
    lists: Vec<(Part, PathBuf)>,
    (kind, targets): (TargetKind, &[String]),
    purpose: Purpose,
) -> Result<Gathered<Source>, Error> {
    if manifest::is_manifest(path) {
        return Ok(manifest::read(path, kind, targets)?.map(Source::File));
    }
    if path.is_file() {
        return Err(manifest::no_list(path).into());
    }
    if !lists.is_empty() {
        let wanted = manifest::Wanted { kind, targets: &[], label: None };
        let lacks = |list: &PathBuf| Ok(wanted.is_lacking(&manifest::Table::read(list)?));
        let read = |list: &PathBuf| Ok(manifest::read(list, kind, targets)?.map(Source::File));
        return Gathered::of_parts(&lists, lacks, read);
    }
    if kind == TargetKind::Numbers || !targets.is_empty() {
        let text = "is a folder, which names no numbers; give a list with a column of them";
        return Err(problem(path, text.to_owned()));
    }
    if let Some(rows) = packed::read(path)? {
        return Ok(of_rows(rows));
    }
    Ok(gather_files::<PictureFiles>(path, purpose)?.map(Source::File))
}

fn of_rows(Rows { classes, train, test }: Rows) -> Gathered<Source> {
    let parts = [(Part::Train, train), (Part::Test, test)];
    let rows =
        parts.into_iter().flat_map(|(part, rows)| rows.into_iter().map(move |row| (part, row)));
    let row = |(part, row): (Part, packed::Row)| {
        Row::new(row.sample.item, classes[row.sample.label].clone(), part)
    };
    let rows = rows.map(row).collect();
    Gathered { rows, names: Some(classes), notes: Vec::new(), lacking: Vec::new() }
}

pub(crate) fn problem(path: &Path, problem: String) -> Error {
    Error::Folder { path: path.to_owned(), problem }
}

#[cfg(test)]
mod tests;
