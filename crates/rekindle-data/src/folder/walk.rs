//! The files of folders of labels, and a note on all that is not read.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use super::{FileKind, Listing, MAX_DEPTH, Parts, label_of};
use crate::error::problem;
use crate::label::{is_unfit, listed, spelled};
use crate::manifest::is_manifest;
use crate::{Error, Gathered, Part, Row, part_named};

/// All that the parts of a folder hold.
///
/// # Errors
///
/// [`Error::Read`] for a folder that cannot be read, [`Error::Folder`] for one that does not hold labelled files.
pub fn gather<K: FileKind>(folder: &Path, purpose: Purpose) -> Result<Gathered<PathBuf>, Error> {
    let parts = Parts::<K>::find(folder)?;
    same_folder(folder, &parts)?;
    let mut walk = Walk::<K>::default();
    for (part, path) in parts.each() {
        // What is measured on may lack some labels.
        let purpose = if part == Part::Train { purpose } else { Purpose::Measure };
        // Without parts, all is taken as one.
        let part = if path == folder { Part::All } else { part };
        walk.labels(path, part, purpose)?;
    }
    if parts.train != folder {
        walk.count(&Listing::<K>::of(folder)?);
        walk.beside(&parts);
    } else {
        for path in &parts.unlabelled {
            let name = label_of(path);
            walk.notes.push(format!("`{name}` is taken as a label: it holds no folders of labels"));
        }
    }
    Ok(walk.finish())
}

/// One folder of labels, as a part.
///
/// # Errors
///
/// Those of [`gather`].
pub fn gather_part<K: FileKind>(folder: &Path, part: Part) -> Result<Gathered<PathBuf>, Error> {
    let mut walk = Walk::<K>::default();
    walk.labels(folder, part, Purpose::Measure)?;
    Ok(walk.finish())
}

/// What files are gathered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To learn labels, of which each must have some and of which there must be two.
    Train,
    /// To measure on what is there.
    Measure,
}

struct Walk<K> {
    rows: Vec<Row<PathBuf>>,
    notes: Vec<String>,
    /// Files that lie beside folders of labels.
    loose: Vec<PathBuf>,
    /// Files of another kind, by their extensions.
    others: BTreeMap<String, usize>,
    hidden: usize,
    junk: usize,
    kind: PhantomData<K>,
}

impl<K> Default for Walk<K> {
    fn default() -> Self {
        let (rows, notes, loose, others) = Default::default();
        Self { rows, notes, loose, others, hidden: 0, junk: 0, kind: PhantomData }
    }
}

/// What was found below a label.
#[derive(Default)]
struct Below {
    files: Vec<PathBuf>,
    /// Folders within it that hold some.
    inner: BTreeSet<PathBuf>,
}

impl<K: FileKind> Walk<K> {
    /// The files of a folder, one folder a label.
    fn labels(&mut self, folder: &Path, part: Part, purpose: Purpose) -> Result<(), Error> {
        let many = K::MANY;
        let inside = Listing::<K>::of_labels(folder)?;
        self.count(&inside);
        self.loose.extend(inside.files.iter().cloned());
        unicode(folder, &inside.folders)?;
        let mut empty = Vec::new();
        let mut inner = BTreeSet::new();
        let before = self.rows.len();
        let mut labels = 0;
        for path in &inside.folders {
            let label = label_of(path);
            if label.starts_with('.') {
                self.notes.push(format!("`{label}` is taken as a label, though it is hidden"));
            }
            let mut below = Below::default();
            self.files(path, MAX_DEPTH, &mut below)?;
            match below.files.is_empty() {
                true => empty.push(label.clone()),
                false => labels += 1,
            }
            inner.extend(below.inner);
            let row = |file| Row::new(file, label.clone(), part);
            self.rows.extend(below.files.into_iter().map(row));
        }
        let instead = || {
            suggestion::<K>(folder)
                .map_or(String::new(), |it| format!("; did you mean {}?", it.display()))
        };
        if self.rows.len() == before {
            let loose = inside.files.len();
            let text = format!(
                "holds no labelled {many} ({loose} beside folders of labels); make a folder a label and put {many} in it{}",
                instead()
            );
            return Err(problem(folder, text));
        }
        data_sets::<K>(folder, &inner)?;
        if !empty.is_empty() {
            let names = listed(empty.iter().map(String::as_str));
            match purpose {
                Purpose::Train => {
                    let text = format!(
                        "no {many} in {names}; add some or remove the folders{}",
                        instead()
                    );
                    return Err(problem(folder, text));
                }
                Purpose::Measure => {
                    self.notes.push(format!("{}: no {many} in {names}", folder.display()));
                }
            }
        }
        if labels < 2 && purpose == Purpose::Train {
            let only = listed(self.rows.last().map(|row| row.labels[0].as_str()));
            let text = format!(
                "one label alone, {only}; there is nothing to tell apart, add another{}",
                instead()
            );
            return Err(problem(folder, text));
        }
        self.nested(folder, &inside.folders, &inner);
        Ok(())
    }

    /// Adds the files below a folder, those of its own first.
    fn files(&mut self, folder: &Path, depth: usize, found: &mut Below) -> Result<(), Error> {
        if depth == 0 {
            let text =
                format!("more than {MAX_DEPTH} folders deep; look for a link that leads back");
            return Err(problem(folder, text));
        }
        let inside = Listing::<K>::of(folder)?;
        self.count(&inside);
        if depth < MAX_DEPTH && !inside.files.is_empty() {
            found.inner.insert(folder.to_owned());
        }
        found.files.extend(inside.files);
        for inner in inside.folders {
            self.files(&inner, depth - 1, found)?;
        }
        Ok(())
    }

    fn count(&mut self, inside: &Listing<K>) {
        self.hidden += inside.hidden.len();
        self.junk += inside.junk.len();
        for path in &inside.others {
            let extension = path.extension().map(|it| format!(".{}", it.to_string_lossy()));
            let kind = extension.unwrap_or_else(|| "no extension".to_owned());
            *self.others.entry(kind).or_default() += 1;
        }
    }

    /// Says what was taken as the label where there are folders in folders.
    fn nested(&mut self, folder: &Path, labels: &[PathBuf], inner: &BTreeSet<PathBuf>) {
        if inner.is_empty() {
            return;
        }
        let names = |paths: &mut dyn Iterator<Item = &PathBuf>| {
            let names: BTreeSet<String> = paths.map(|path| label_of(path)).collect();
            listed(names.iter().map(String::as_str))
        };
        self.notes.push(format!(
            "{}: labels are the folders directly in it, {}; folders within those, {}, are not told apart",
            folder.display(),
            names(&mut labels.iter()),
            names(&mut inner.iter()),
        ));
    }

    /// Says what lies beside the parts and is not read.
    fn beside(&mut self, parts: &Parts<K>) {
        let unlabelled = parts.unlabelled.iter().map(|path| (path, "holds no folders of labels"));
        let beside = parts.beside.iter().map(|path| (path, "is no part of the data"));
        for (path, why) in unlabelled.chain(beside) {
            let mut below = Below::default();
            // Only to count: what is wrong in it does not matter.
            let mut uncounted = Self::default();
            let counted = uncounted.files(path, MAX_DEPTH, &mut below).is_ok();
            let count = if counted { below.files.len().to_string() } else { "its".to_owned() };
            let (name, many) = (label_of(path), K::MANY);
            self.notes.push(format!("`{name}` {why}: {count} {many} in it are not read"));
        }
    }

    fn finish(mut self) -> Gathered<PathBuf> {
        let many = K::MANY;
        if let Some(first) = self.loose.first() {
            let (count, first) = (self.loose.len(), first.display());
            self.notes.push(format!(
                "{count} {many} beside folders of labels have none, and are not read, such as {first}"
            ));
        }
        if !self.others.is_empty() {
            let count: usize = self.others.values().sum();
            let kinds = self.others.iter().map(|(kind, count)| format!("{kind} {count}"));
            let kinds: Vec<String> = kinds.collect();
            let kinds = listed(kinds.iter().map(String::as_str));
            self.notes.push(format!("{count} files that are no {many} are not read: {kinds}"));
        }
        if self.hidden > 0 {
            let count = self.hidden;
            self.notes.push(format!("{count} hidden files and folders are not read"));
        }
        if self.junk > 0 {
            let count = self.junk;
            self.notes.push(format!(
                "{count} files and folders that systems and tools leave behind are not read"
            ));
        }
        Gathered { rows: self.rows, names: None, notes: self.notes, lacking: Vec::new() }
    }
}

/// Refuses names that are one label once they are text, and those that no label may have.
fn unicode(folder: &Path, labels: &[PathBuf]) -> Result<(), Error> {
    let mut seen = BTreeMap::new();
    for path in labels {
        let label = label_of(path);
        if is_unfit(&label) {
            let text = format!(
                "a label with line breaks or control characters, {}; rename the folder",
                spelled(&label)
            );
            return Err(problem(folder, text));
        }
        if let Some(other) = seen.insert(label.clone(), path) {
            let [one, other] = [other, path]
                .map(|path: &PathBuf| format!("{:?}", path.file_name().unwrap_or_default()));
            let text = format!(
                "folders whose names are not Unicode, and one label once they are text: {one} and {other}; rename them"
            );
            return Err(problem(folder, text));
        }
    }
    Ok(())
}

/// Refuses parts that are the same folder, or one in another.
fn same_folder<K: FileKind>(folder: &Path, parts: &Parts<K>) -> Result<(), Error> {
    let mut real: Vec<(Part, &Path, PathBuf)> = Vec::new();
    for (part, path) in parts.each() {
        let source = |source| Error::Read { path: path.to_owned(), source };
        let this = path.canonicalize().map_err(source)?;
        for (other, name, that) in &real {
            if path != folder
                && *name != folder
                && (this.starts_with(that) || that.starts_with(&this))
            {
                let ([part, other], many) = ([part, *other].map(Part::name), K::MANY);
                let text = format!(
                    "is `{part}`, but the same folder as {}, which is `{other}`; what is learned must not be measured on, so give each its own {many}",
                    name.display()
                );
                return Err(problem(path, text));
            }
        }
        real.push((part, path, this));
    }
    Ok(())
}

/// Refuses a folder whose folders are data sets: their parts would be learned as one.
fn data_sets<K: FileKind>(folder: &Path, inner: &BTreeSet<PathBuf>) -> Result<(), Error> {
    let is_part = |path: &Path, part| part_named(&label_of(path)) == Some(part);
    for path in inner {
        let above = path.ancestors().take_while(|above| *above != folder);
        let train = above.into_iter().find(|above| is_part(above, Part::Train));
        let Some(set) = train.and_then(Path::parent).filter(|set| *set != folder) else { continue };
        let parts = Parts::<K>::find(set).is_ok_and(|parts| parts.train != set);
        if parts {
            let text = format!("holds a data set in a folder; did you mean {}?", set.display());
            return Err(problem(folder, text));
        }
    }
    Ok(())
}

/// What may have been meant instead of a folder that holds no labels: a data set or a list below it.
fn suggestion<K: FileKind>(folder: &Path) -> Option<PathBuf> {
    let mut folder = folder.to_owned();
    for _ in 0..MAX_DEPTH {
        let inside = Listing::<K>::of(&folder).ok()?;
        let is_set =
            |path: &&PathBuf| Parts::<K>::find(path).is_ok_and(|parts| parts.train != **path);
        if let Some(set) = inside.folders.iter().find(is_set) {
            return Some(set.clone());
        }
        let holds = |path: &&PathBuf| {
            let labels = Listing::<K>::of(path).map(|inside| inside.folders).unwrap_or_default();
            let some = |label: &PathBuf| {
                Listing::<K>::of(label).is_ok_and(|inside| !inside.files.is_empty())
            };
            labels.len() > 1 && labels.iter().take(2).all(some)
        };
        if let Some(set) = inside.folders.iter().find(holds) {
            return Some(set.clone());
        }
        let text =
            |path: &&PathBuf| path.extension().is_none_or(|it| !it.eq_ignore_ascii_case("txt"));
        let mut lists = inside.others.iter().filter(|path| is_manifest(path)).filter(text);
        if let (Some(list), None) = (lists.next(), lists.next()) {
            return Some(list.clone());
        }
        let [only] = &inside.folders[..] else { return None };
        folder = only.clone();
    }
    None
}
