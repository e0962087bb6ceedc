//! The rows of a list as items with their labels or numbers.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::{GROUP, LABEL, LABELS, PATH, SHOWN, SPLIT, Table, WEIGHT};
use crate::error::{Problems, problem, quoted};
use crate::label::{is_unfit, listed};
use crate::parts::part_named;
use crate::set::{Gathered, Row, identity};
use crate::{Error, Part, TargetKind};

/// What stands between labels.
const SEPARATORS: [char; 3] = ['|', ';', ','];

/// How what a list's lines are about is made of their cells: of a path, or of a text.
pub trait Items {
    /// What it makes.
    type Item: Ord;

    /// The columns that it reads.
    ///
    /// # Errors
    ///
    /// What the list lacks, in words that follow its name.
    fn columns(&self, table: &Table) -> Result<Vec<usize>, String>;

    /// The item of a row, counted from zero, and its line, from the cells of these columns.
    ///
    /// # Errors
    ///
    /// What is wrong with them, in words that follow the line's number.
    fn item(&self, list: &Path, at: (usize, u64), cells: &[&str]) -> Result<Self::Item, String>;

    /// Looks at all lines together.
    ///
    /// # Errors
    ///
    /// [`Error::Folder`] where some cannot be together.
    fn check(&self, list: &Path, rows: &[(u64, Row<Self::Item>)]) -> Result<(), Error>;
}

/// What is learned of the lines of a list.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Of which kind.
    pub kind: TargetKind,
    /// The columns of numbers.
    pub targets: &'a [String],
    /// The column of the label or labels, where it is not called as usual.
    pub label: Option<&'a str>,
}

impl Wanted<'_> {
    /// Whether a list has no column of what is learned; which numbers there are decides who names them.
    pub fn is_lacking(&self, table: &Table) -> bool {
        let names: &[&[&str]] = match (self.kind, self.label) {
            (TargetKind::Numbers, _) => return false,
            (_, Some(name)) => return table.column(&[name]).is_none(),
            (TargetKind::Label, None) => &[LABEL],
            (TargetKind::Labels, None) => &[LABELS, LABEL],
        };
        names.iter().all(|names| table.column(names).is_none())
    }
}

/// Items that are files, whose paths are in a column.
#[derive(Debug, Clone, Copy)]
pub struct Files;

impl Items for Files {
    type Item = PathBuf;

    fn columns(&self, table: &Table) -> Result<Vec<usize>, String> {
        // No table is without paths: `Table::read` sees to it.
        Ok(vec![table.column(PATH).unwrap_or_default()])
    }

    fn item(&self, list: &Path, _: (usize, u64), cells: &[&str]) -> Result<PathBuf, String> {
        let file = cells.first().copied().unwrap_or_default();
        if file.is_empty() {
            return Err("no path; give one, or remove the line".to_owned());
        }
        Ok(file_of_cell(list, file))
    }

    fn check(&self, list: &Path, rows: &[(u64, Row<PathBuf>)]) -> Result<(), Error> {
        files(list, rows)
    }
}

/// The columns of a list, by their places.
struct Columns {
    items: Vec<usize>,
    /// Of the label, the labels, or each number.
    targets: Vec<usize>,
    split: Option<usize>,
    group: Option<usize>,
    weight: Option<usize>,
}

/// Reads a list of items, of which each has one label, several, or a number in each of the columns `targets`.
///
/// Files are only looked for, not opened. Items are in the order of labels and paths, as folders are read. A number that is
/// not there is NaN, and told in [`Gathered::lacking`].
///
/// # Errors
///
/// [`Error::Read`] where the list cannot be opened, [`Error::Folder`] with its lines that are wrong, or the files that are
/// not there or named twice.
pub fn read(list: &Path, kind: TargetKind, targets: &[String]) -> Result<Gathered<PathBuf>, Error> {
    read_table(list, &Table::read(list)?, Wanted { kind, targets, label: None }, &Files)
}

/// The same of a list whose items are not files.
///
/// # Errors
///
/// Those of [`read`], and what `items` finds wrong.
pub fn read_items<I: Items>(
    list: &Path,
    wanted: Wanted<'_>,
    items: &I,
) -> Result<Gathered<I::Item>, Error> {
    read_table(list, &Table::open(list)?, wanted, items)
}

/// The same of a list that was opened already.
///
/// # Errors
///
/// Those of [`read_items`] but for opening it.
pub fn read_table<I: Items>(
    list: &Path,
    table: &Table,
    wanted: Wanted<'_>,
    items: &I,
) -> Result<Gathered<I::Item>, Error> {
    let wrong = |text: String| problem(list, text);
    let Wanted { kind, .. } = wanted;
    let columns = columns(table, wanted, items).map_err(wrong)?;
    let mut rows: Vec<(u64, Row<I::Item>)> = Vec::with_capacity(table.rows.len());
    let (mut problems, mut lacking) = (Problems::default(), Vec::new());
    for (place, (line, cells)) in table.rows.iter().enumerate() {
        let [mut wrong, mut lacks] = [const { Vec::new() }; 2];
        let own: Vec<&str> = columns.items.iter().map(|&column| cells[column].as_str()).collect();
        let item = items.item(list, (place, *line), &own).map_err(|text| wrong.push(text));
        let row = row(&columns, &table.names, cells, kind, [&mut wrong, &mut lacks]);
        let told = |text: String| format!("line {line}: {text}");
        wrong.into_iter().map(told).for_each(|text| problems.push(text));
        lacking.extend(lacks.into_iter().map(told));
        if let Ok(item) = item {
            rows.push((*line, row.with(item)));
        }
    }
    if !problems.is_empty() {
        return Err(wrong(problems.told("; ")));
    }
    items.check(list, &rows)?;
    let mut rows: Vec<Row<I::Item>> = rows.into_iter().map(|(_, row)| row).collect();
    rows.sort_by(|a, b| (&a.labels, &a.item).cmp(&(&b.labels, &b.item)));
    let names = (kind == TargetKind::Numbers)
        .then(|| columns.targets.iter().map(|&column| table.names[column].clone()).collect());
    Ok(Gathered { rows, names, notes: unread(list, table, &columns), lacking })
}

fn columns<I: Items>(table: &Table, wanted: Wanted<'_>, items: &I) -> Result<Columns, String> {
    let Wanted { kind, targets, label } = wanted;
    let own = match label {
        Some(name) => Some(table.column(&[name]).ok_or_else(|| table.lacks(&[name]))?),
        None => None,
    };
    let targets = match kind {
        TargetKind::Numbers => numbers(table, targets)?,
        _ if !targets.is_empty() => {
            return Err(format!(
                "columns of numbers are named, {}, but labels are learned; leave one out",
                listed(targets.iter().map(String::as_str))
            ));
        }
        TargetKind::Label | TargetKind::Labels if own.is_some() => own.into_iter().collect(),
        TargetKind::Label => vec![table.column(LABEL).ok_or_else(|| {
            let several = match table.column(LABELS) {
                Some(_) => " (its items have several labels each, which is another task)",
                None => "",
            };
            table.lacks(LABEL) + several
        })?],
        TargetKind::Labels => {
            let column = table.column(LABELS).or(table.column(LABEL));
            vec![column.ok_or_else(|| table.lacks(LABELS))?]
        }
    };
    let [split, group, weight] = [SPLIT, GROUP, WEIGHT].map(|names| table.column(names));
    Ok(Columns { items: items.columns(table)?, targets, split, group, weight })
}

/// The columns of numbers that are named, each once and all there; none of a list that nothing is learned of.
fn numbers(table: &Table, targets: &[String]) -> Result<Vec<usize>, String> {
    let mut columns = Vec::new();
    let mut unknown = Vec::new();
    for target in targets {
        match table.named(target) {
            Some(column) if columns.contains(&column) => {
                return Err(format!("the column `{target}` is named twice; name it once"));
            }
            Some(column) => columns.push(column),
            None => unknown.push(target.as_str()),
        }
    }
    match unknown.is_empty() {
        true => Ok(columns),
        false => Err(format!(
            "has no column {}; it names {}",
            listed(unknown),
            listed(table.names.iter().map(String::as_str))
        )),
    }
}

/// The row of a line without its item, what is wrong with it, and which numbers it lacks.
fn row(
    columns: &Columns,
    names: &[String],
    cells: &[String],
    kind: TargetKind,
    [problems, lacking]: [&mut Vec<String>; 2],
) -> Row<()> {
    let cell = |column: Option<usize>| column.map_or("", |column| cells[column].trim());
    let part = match cell(columns.split) {
        "" => Part::Train,
        text => part_named(text).unwrap_or_else(|| {
            let text = quoted(text);
            problems.push(format!("`{text}` is no split; write train, val or test"));
            Part::Train
        }),
    };
    let weight = match cell(columns.weight) {
        "" => 1.0,
        text => {
            let number = text.parse().ok();
            number.filter(|weight: &f32| weight.is_finite() && *weight >= 0.0).unwrap_or_else(
                || {
                    let text = quoted(text);
                    problems.push(format!("`{text}` is no weight; write a number of 0 or more"));
                    1.0
                },
            )
        }
    };
    let (mut labels, mut numbers) = (BTreeSet::new(), Vec::new());
    for &column in &columns.targets {
        let cell = cells[column].trim();
        match kind {
            TargetKind::Label if cell.is_empty() => {
                problems.push("no label; give one, or remove the line".to_owned());
            }
            TargetKind::Label => {
                labels.insert(cell.to_owned());
            }
            TargetKind::Labels => {
                let found = cell.split(SEPARATORS).map(str::trim).filter(|label| !label.is_empty());
                labels.extend(found.map(str::to_owned));
            }
            TargetKind::Numbers => match number(cell) {
                Ok(number) => numbers.push(number),
                Err(text) => {
                    numbers.push(f32::NAN);
                    lacking.push(format!("column `{}` {text}", names[column]));
                }
            },
        }
    }
    let unfit: Vec<&str> = labels.iter().map(String::as_str).filter(|it| is_unfit(it)).collect();
    if !unfit.is_empty() {
        let unfit = listed(unfit);
        problems.push(format!("a label with line breaks or control characters, {unfit}"));
    }
    let group = cell(columns.group).to_owned();
    let labels = labels.into_iter().collect();
    Row { item: (), labels, numbers, weight, group, part }
}

/// A number to learn.
fn number(cell: &str) -> Result<f32, String> {
    if cell.is_empty() {
        return Err("is empty; give a number, or remove the line".to_owned());
    }
    let told = || quoted(cell);
    let number: f64 =
        cell.parse().map_err(|_| format!("has `{}`, which is not a number", told()))?;
    match number as f32 {
        small if small.is_finite() => Ok(small),
        _ => Err(format!("has `{}`, which is no finite number of 32 bits", told())),
    }
}

/// The file that a cell of a list names, from the list's folder on; paths of Windows are taken where there is none of that name.
pub fn file_of_cell(list: &Path, file: &str) -> PathBuf {
    let folder = list.parent().unwrap_or(Path::new("."));
    let path = folder.join(file);
    if file.contains('\\') && !path.is_file() {
        let other = folder.join(file.replace('\\', "/"));
        if other.is_file() {
            return other;
        }
    }
    path
}

/// Refuses files that are not there, and those that two lines name, in whatever spelling.
fn files(list: &Path, rows: &[(u64, Row<PathBuf>)]) -> Result<(), Error> {
    let mut missing = rows.iter().filter(|(_, row)| !row.item.is_file());
    let shown = missing.by_ref().take(SHOWN);
    let shown: Vec<String> = shown.map(|(_, row)| row.item.display().to_string()).collect();
    if !shown.is_empty() {
        let text = format!(
            "{} of its files are not there, such as {}; relative paths start at its folder",
            shown.len() + missing.count(),
            shown.join(", ")
        );
        return Err(problem(list, text));
    }
    let mut seen = HashMap::new();
    let mut twice = Problems::default();
    for (line, row) in rows {
        let Some(identity) = identity(&row.item) else { continue };
        if let Some((first, other)) = seen.insert(identity, (*line, &row.item)) {
            let (file, other): (_, &PathBuf) = (row.item.display(), other);
            twice.push(match *other == row.item {
                true => format!("{file}: is listed twice, on lines {first} and {line}"),
                false => format!(
                    "{file} on line {line} is the same file as {} on line {first}",
                    other.display()
                ),
            });
        }
    }
    match twice.is_empty() {
        true => Ok(()),
        false => Err(problem(list, twice.told("; ") + "; remove one of the lines")),
    }
}

/// A note on columns that are not read.
fn unread(list: &Path, table: &Table, columns: &Columns) -> Vec<String> {
    let Columns { items, targets, split, group, weight } = columns;
    let read: BTreeSet<usize> = targets
        .iter()
        .chain(items)
        .chain([split, group, weight].into_iter().flatten())
        .copied()
        .collect();
    let place = |place: &usize| !read.contains(place) && !table.names[*place].is_empty();
    let unread = (0..table.names.len()).filter(place).map(|place| table.names[place].as_str());
    let unread: Vec<&str> = unread.collect();
    let name = list.file_name().unwrap_or_default().display();
    let mut notes = Vec::new();
    if !unread.is_empty() {
        notes.push(format!("{name}: columns that are not read: {}", listed(unread)));
    }
    let doubled = table.doubled();
    if !doubled.is_empty() {
        let names = doubled.into_iter().map(|place| table.names[place].as_str());
        let names = listed(names);
        notes.push(format!(
            "{name}: {names} stand beside a column of the same meaning, which is read"
        ));
    }
    notes
}
