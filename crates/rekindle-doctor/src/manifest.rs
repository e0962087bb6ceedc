//! The list of what is left when the bad is left out.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use csv::StringRecord;
use rekindle_base::{AtomicFile, open_regular};
use rekindle_data::{DataConfig, Part, Row, TargetKind, manifest::Table};
use rekindle_text::{Text, TextConfig, is_documents, read_texts};

use crate::{DataLayout, Diagnosis, Error, Examined, TextColumns, contents::start, list::List};

/// The most bytes of a file that are read to see whether it is a manifest.
const MOST_NAMES: u64 = 1 << 16;

/// What a manifest holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manifest {
    /// How many pictures or texts are in it.
    pub kept: usize,
    /// How many were left out.
    pub left_out: usize,
}

/// Writes all examined pictures but those that findings leave out, as `rekindle-data` reads lists: `path,label,split` of what
/// was in folders (of lists in a folder, their columns of what is learned), and of a list the lines that remain, with all their columns.
///
/// Texts are written with what is learned of them and their parts, `text,label,split`, and of a list its lines; where sentences
/// stand in their documents is not.
///
/// Paths start at the new list's own folder, and are absolute where the pictures do not lie below that. It is written beside
/// `path` and renamed: a reader finds the old file or the new one. Fields are quoted as RFC 4180 has it.
///
/// # Errors
///
/// [`Error::Text`] where texts cannot be read again; [`Error::Packed`] where pictures have no files of their own; [`Error::Same`] or [`Error::Exists`] if there is the list that
/// was examined, or another file than a manifest, which is then left as it is; [`Error::Data`] if the list cannot be read
/// again; [`Error::Write`] if the folder of `path` does not exist or cannot be written to.
pub fn write_manifest(diagnosis: &Diagnosis, path: &Path) -> Result<Manifest, Error> {
    let Diagnosis { folder, layout, .. } = diagnosis;
    let same = |list: &Path| path.canonicalize().ok() == list.canonicalize().ok();
    if *layout == DataLayout::List && same(folder) {
        return Err(Error::Same { path: path.to_owned() });
    }
    let left_out: BTreeSet<&Path> =
        diagnosis.findings.iter().flat_map(|it| &it.left_out).map(PathBuf::as_path).collect();
    let start = prefix(start(folder, *layout), path);
    // Names that are not Unicode are all left out.
    let kept = |file: &Path| (!left_out.contains(file)).then(|| start.join(file));
    let rows = match layout {
        _ if diagnosis.texts.is_some() => of_texts(diagnosis, |name| !left_out.contains(name))?,
        DataLayout::Packed => return Err(Error::Packed { path: folder.clone() }),
        DataLayout::Folders => of_folders(diagnosis, kept),
        DataLayout::List => of_list(folder, kept)?,
    };
    if is_other(path, &rows[0]) {
        return Err(Error::Exists { path: path.to_owned() });
    }
    replace(path, &rows).map_err(|source| Error::Write { path: path.to_owned(), source })?;
    let kept = rows.len() - 1;
    Ok(Manifest { kept, left_out: diagnosis.examined.len().saturating_sub(kept) })
}

/// A line of names, then a row a picture.
fn of_folders(diagnosis: &Diagnosis, kept: impl Fn(&Path) -> Option<PathBuf>) -> Vec<StringRecord> {
    let row = |examined: &Examined| {
        let file = kept(&examined.file)?.to_string_lossy().into_owned();
        // A number that is missing leaves its picture out.
        let number = |number: &Option<f32>| number.map_or_else(String::new, |it| it.to_string());
        let learned = match examined.numbers.is_empty() {
            true => vec![examined.label.clone()],
            false => examined.numbers.iter().map(number).collect(),
        };
        Some(StringRecord::from([vec![file], learned, vec![examined.split.clone()]].concat()))
    };
    let columns = diagnosis.columns.iter().map(String::as_str);
    let names = ["path"].into_iter().chain(columns).chain(["split"]).collect();
    std::iter::once(names).chain(diagnosis.examined.iter().filter_map(row)).collect()
}

/// The lines of a list that are kept, its first among them.
fn of_list(
    list: &Path,
    kept: impl Fn(&Path) -> Option<PathBuf>,
) -> Result<Vec<StringRecord>, Error> {
    let list = List::open(list)?;
    let row = |line: &Vec<String>| {
        let file = kept(&list.file(line))?;
        let file = file.to_string_lossy();
        let cell = |(place, cell)| if place == list.path { &*file } else { cell };
        Some(line.iter().map(String::as_str).enumerate().map(cell).collect())
    };
    let names = list.table.names.iter().collect();
    Ok(std::iter::once(names).chain(list.lines().filter_map(row)).collect())
}

/// The lines of a list of texts that are kept, with all their columns; of others the texts, what is learned of them, and parts.
fn of_texts(
    diagnosis: &Diagnosis,
    kept: impl Fn(&Path) -> bool,
) -> Result<Vec<StringRecord>, Error> {
    let Diagnosis { folder: path, layout, columns, texts, .. } = diagnosis;
    if *layout == DataLayout::List && !is_documents(path) {
        let table = Table::open(path)?;
        let name = path.file_name().unwrap_or_default().display();
        let is_kept = |line: &u64| kept(Path::new(&format!("{name}:{line}")));
        let lines = table.rows.iter().filter(|(line, _)| is_kept(line));
        let rows = lines.map(|(_, cells)| cells.iter().collect());
        return Ok(std::iter::once(table.names.iter().collect()).chain(rows).collect());
    }
    let TextColumns { text, label, targets } = texts.clone().unwrap_or_default();
    let kind = match () {
        () if !targets.is_empty() => TargetKind::Numbers,
        () if columns.iter().any(|column| column == "labels") => TargetKind::Labels,
        () => TargetKind::Label,
    };
    let data = DataConfig { targets, ..DataConfig::new(path) };
    let found = read_texts(&TextConfig { data, text, label }, kind)?.rows;
    let found: Vec<_> = found.into_iter().filter(|row| kept(Path::new(&*row.item.name))).collect();
    let pairs = found.iter().any(|row| row.item.pair.is_some());
    let groups = found.iter().any(|row| !row.group.is_empty());
    let mut names = vec!["text".to_owned()];
    names.extend(pairs.then(|| "pair".to_owned()));
    names.extend(columns.iter().cloned());
    names.push("split".to_owned());
    names.extend(groups.then(|| "group".to_owned()));
    let row = |row: &Row<Text>| {
        let mut cells = vec![row.item.text.to_string()];
        cells.extend(pairs.then(|| row.item.pair.as_deref().unwrap_or_default().to_owned()));
        match kind {
            TargetKind::Numbers => cells.extend(row.numbers.iter().map(f32::to_string)),
            _ => cells.push(row.labels.join("|")),
        }
        let part = if row.part == Part::All { Part::Train } else { row.part };
        cells.push(part.name().to_owned());
        cells.extend(groups.then(|| row.group.clone()));
        StringRecord::from(cells)
    };
    Ok(std::iter::once(names.into()).chain(found.iter().map(row)).collect())
}

/// Whether there is something that is not for us to write over. An empty file is, and a list with these names of columns.
fn is_other(path: &Path, names: &StringRecord) -> bool {
    match path.metadata() {
        Ok(metadata) if metadata.is_file() && metadata.len() == 0 => return false,
        Ok(metadata) if !metadata.is_file() => return true,
        _ => {}
    }
    match open_regular(path) {
        Ok(file) => csv::Reader::from_reader(file.take(MOST_NAMES))
            .headers()
            .map_or(true, |found| found != names),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// What is put in front of names that are relative to `folder`, for a list at `path`.
fn prefix(folder: &Path, path: &Path) -> PathBuf {
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    let absolute = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let own = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let own = own.unwrap_or(Path::new(".")).canonicalize();
    let below = own.ok().and_then(|own| absolute.strip_prefix(own).ok().map(Path::to_owned));
    below.unwrap_or(absolute)
}

fn replace(path: &Path, rows: &[StringRecord]) -> io::Result<()> {
    let mut file = AtomicFile::create(path)?;
    let mut writer = csv::Writer::from_writer(&mut file);
    rows.iter().try_for_each(|row| writer.write_record(row))?;
    writer.flush()?;
    drop(writer);
    file.commit()
}
