//! A data set: what is learned of which items, and which of them are trained, validated and measured on.
//!
//! Folders, lists and files of many pictures all give [`Gathered`] rows; what is checked of them, how labels are
//! numbered and how a share is set aside to validate on is the same for all, here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::error::{problem, shortened};
use crate::label::{self, folded, is_unfit, listed, spelled};
use crate::split::divide;
use crate::{Error, Item, Part, Sample, Split, Target, TargetKind};

mod joined;
mod made;
mod measurable;
mod same;

pub use measurable::Measurable;
pub(crate) use same::identity;

/// What to open, and how it is divided.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DataConfig {
    /// A folder, a list, or a folder of lists.
    pub path: PathBuf,
    /// A folder or a list to validate on, in place of what `path` has for that.
    pub val: Option<PathBuf>,
    /// A folder or a list to measure on once, at the end, in place of what `path` has for that.
    pub test: Option<PathBuf>,
    /// The columns of a list that hold the numbers to learn; none where labels are learned.
    pub targets: Vec<String>,
    /// How some of it is set aside where there is nothing to validate on.
    pub split: Split,
}

impl DataConfig {
    /// All of a folder or list, to learn labels.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), ..Self::default() }
    }

    /// Refuses to validate on what is trained on, and to measure on what is trained or chosen on; `many` says of what, as in
    /// `pictures`.
    ///
    /// # Errors
    ///
    /// [`Error::Folder`] of the one that is named twice.
    pub fn check_apart(&self, many: &str) -> Result<(), Error> {
        let Self { path, val, test, .. } = self;
        if let Some(val) = val.as_deref().filter(|val| is_same_path(val, path)) {
            return Err(problem(
                val,
                format!(
                    "is what is trained on; validate on other {many}, or on a share that is set aside"
                ),
            ));
        }
        let is_used = |test: &&Path| {
            is_same_path(test, path) || val.as_deref().is_some_and(|val| is_same_path(test, val))
        };
        match test.as_deref().filter(is_used) {
            Some(test) => Err(problem(
                test,
                format!("is what is trained or chosen on; measure on other {many}"),
            )),
            None => Ok(()),
        }
    }
}

/// Whether two paths are of the same file or folder.
pub fn is_same_path(one: &Path, other: &Path) -> bool {
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

impl AsRef<Self> for DataConfig {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl AsMut<Self> for DataConfig {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

/// What is to be learned of items, divided into parts.
#[derive(Debug, Clone)]
pub struct DataSet<L: Target = usize, I = PathBuf> {
    /// Where it is.
    pub path: PathBuf,
    /// What is learned: labels, in the order of their numbers, or columns of numbers.
    pub names: Vec<String>,
    /// To train on, ordered by label and path.
    pub train: Vec<Sample<L, I>>,
    /// To validate on, in the same order.
    pub val: Vec<Sample<L, I>>,
    /// To measure on once, at the end, in the same order; perhaps none.
    pub test: Vec<Sample<L, I>>,
    /// What was ignored, taken for something, or is odd, a line each.
    pub notes: Vec<String>,
}

/// An item as a folder or a list has it, its labels not numbered yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Row<I> {
    /// The item.
    pub item: I,
    /// Its labels, each once and in byte order; none where numbers are learned.
    pub labels: Vec<String>,
    /// Its numbers, one a column, NaN where a list has none; none where labels are learned.
    pub numbers: Vec<f32>,
    /// How much it counts in training.
    pub weight: f32,
    /// What belongs together has one name; empty for what is alone.
    pub group: String,
    /// The part that it is in.
    pub part: Part,
}

/// All that was found in a folder or a list.
#[derive(Debug, Clone)]
pub struct Gathered<I> {
    /// The items, ordered by label and path.
    pub rows: Vec<Row<I>>,
    /// The names in an order of their own; labels are in byte order else.
    pub names: Option<Vec<String>>,
    /// What was ignored, taken for something, or is odd, a line each.
    pub notes: Vec<String>,
    /// Which rows lack a number that is learned, and why: nothing is trained or measured on those.
    pub lacking: Vec<String>,
}

impl<I> Row<I> {
    /// An item with one label, which counts as any other.
    pub fn new(item: I, label: String, part: Part) -> Self {
        let (labels, numbers, group) = (vec![label], Vec::new(), String::new());
        Self { item, labels, numbers, weight: 1.0, group, part }
    }
}

impl<I> Row<I> {
    /// The same with another item.
    pub(crate) fn with<J>(self, item: J) -> Row<J> {
        let Self { item: _, labels, numbers, weight, group, part } = self;
        Row { item, labels, numbers, weight, group, part }
    }
}

impl<I> Gathered<I> {
    /// The same with items of another kind.
    pub fn map<J>(self, item: impl Fn(I) -> J) -> Gathered<J> {
        let row = |Row { item: old, labels, numbers, weight, group, part }| Row {
            item: item(old),
            labels,
            numbers,
            weight,
            group,
            part,
        };
        let rows = self.rows.into_iter().map(row).collect();
        Gathered { rows, names: self.names, notes: self.notes, lacking: self.lacking }
    }

    /// Puts `other` in the place of what this has for a part.
    ///
    /// # Errors
    ///
    /// [`Error::Folder`] where both name columns of numbers or fixed labels, and not the same.
    pub fn replace(&mut self, part: Part, other: Self) {
        let before = self.rows.len();
        self.rows.retain(|row| row.part != part);
        let dropped = before - self.rows.len();
        if dropped > 0 {
            let name = part.name();
            self.notes.push(format!(
                "{dropped} items of its own {name} part are not used: another is given"
            ));
        }
        self.rows.extend(other.rows.into_iter().map(|row| Row { part, ..row }));
        self.notes.extend(other.notes);
        self.lacking.extend(other.lacking);
    }

    /// The names of what is learned, and whether something is wrong with them, or with the numbers.
    fn names(&self, path: &Path, kind: TargetKind) -> Result<Vec<String>, Error> {
        if !self.lacking.is_empty() {
            return Err(problem(path, shortened(&self.lacking, "; ")));
        }
        let names = self.names.clone().unwrap_or_else(|| {
            let labels: BTreeSet<&String> = self.rows.iter().flat_map(|row| &row.labels).collect();
            labels.into_iter().cloned().collect()
        });
        if names.is_empty() && kind == TargetKind::Numbers {
            let text = "numbers are learned, but of no column; name at least one";
            return Err(problem(path, text.to_owned()));
        }
        let unfit: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| is_unfit(name)).collect();
        if !unfit.is_empty() && kind != TargetKind::Numbers {
            let text = format!(
                "labels with line breaks or control characters: {}; rename them",
                listed(unfit)
            );
            return Err(problem(path, text));
        }
        Ok(names)
    }
}

impl<L: Target, I: Item> DataSet<L, I> {
    /// Numbers and checks what was gathered at `path`, and sets some aside where there is nothing to validate on.
    ///
    /// # Errors
    ///
    /// [`Error::Folder`] where there are fewer than two labels, labels that nothing is trained on, one file in two parts,
    /// or nothing left to train or to validate on.
    pub fn of(path: &Path, gathered: Gathered<I>, split: &Split) -> Result<Self, Error> {
        let wrong = |text: String| problem(path, text);
        let names = gathered.names(path, L::KIND)?;
        if L::KIND != TargetKind::Numbers && names.len() < 2 {
            return Err(wrong(format!(
                "labels are {}; there is nothing to tell apart, add another",
                listed(names.iter().map(String::as_str))
            )));
        }
        untrained(path, &gathered.rows)?;
        let mut set = Self {
            path: path.to_owned(),
            names,
            train: Vec::new(),
            val: Vec::new(),
            test: Vec::new(),
            notes: gathered.notes,
        };
        let mut groups = Vec::new();
        for row in gathered.rows {
            let (part, group) = (row.part, row.group.clone());
            let sample = sample(&set.names, row);
            match part {
                Part::Train | Part::All => {
                    set.train.push(sample);
                    groups.push(group);
                }
                Part::Val => set.val.push(sample),
                Part::Test => set.test.push(sample),
            }
        }
        if set.train.is_empty() {
            return Err(wrong("holds nothing to train on; mark some as train".to_owned()));
        }
        if set.train.iter().all(|sample| sample.weight == 0.0) {
            let text = "every weight is 0, so that nothing counts; give some more";
            return Err(wrong(text.to_owned()));
        }
        if set.val.is_empty() {
            let targets: Vec<L> = set.train.iter().map(|sample| sample.label.clone()).collect();
            let aside = divide(&targets, &groups, &set.names, split).map_err(wrong)?;
            let both = std::mem::take(&mut set.train).into_iter().zip(aside);
            for (sample, aside) in both {
                if aside { &mut set.val } else { &mut set.train }.push(sample);
            }
        }
        let parts = [(Part::Train, &set.train), (Part::Val, &set.val), (Part::Test, &set.test)];
        let notes = same::between(path, &parts)?;
        set.notes.extend(notes);
        set.remark();
        Ok(set)
    }

    /// A weight for each label, the inverse of its share of what is trained on; one on average. None for numbers.
    pub fn balance(&self) -> Vec<f32> {
        if L::KIND == TargetKind::Numbers {
            return Vec::new();
        }
        let counts = counts(&self.train, self.names.len());
        let all: usize = counts.iter().sum();
        let fair = all as f32 / self.names.len().max(1) as f32;
        counts.iter().map(|&count| fair / count.max(1) as f32).collect()
    }

    /// How many items there are and what is learned of them, in one line.
    pub fn describe(&self) -> String {
        let count = |samples: &[Sample<L, I>], to: &str| match samples.len() {
            0 => String::new(),
            count => format!(", {count} to {to}"),
        };
        let what = match L::KIND {
            TargetKind::Label => format!("{} labels, one an item", self.names.len()),
            TargetKind::Labels => format!("{} labels, any number an item", self.names.len()),
            TargetKind::Numbers => {
                let range = |(place, name): (usize, &String)| {
                    let numbers = self.train.iter().map(|sample| sample.label.numbers()[place]);
                    let [low, high] = numbers
                        .fold([f32::INFINITY, f32::NEG_INFINITY], |ends, x| {
                            [ends[0].min(x), ends[1].max(x)]
                        });
                    format!("{name} from {low} to {high}")
                };
                self.names.iter().enumerate().map(range).collect::<Vec<_>>().join(", ")
            }
        };
        let counts = [
            count(&self.train, "train on"),
            count(&self.val, "validate on"),
            count(&self.test, "test on"),
        ];
        format!("{what}{}", counts.concat())
    }

    /// Notes on labels: those that a part has not, and those that look the same.
    fn remark(&mut self) {
        if L::KIND == TargetKind::Numbers {
            return;
        }
        for (part, samples) in
            [(Part::Train, &self.train), (Part::Val, &self.val), (Part::Test, &self.test)]
        {
            let counts = counts(samples, self.names.len());
            let lacking = self.names.iter().zip(counts).filter(|(_, count)| *count == 0);
            let lacking: Vec<&str> = lacking.map(|(name, _)| name.as_str()).collect();
            if samples.is_empty() || lacking.is_empty() {
                continue;
            }
            let (name, lacking) = (part.name(), listed(lacking));
            self.notes.push(match part {
                Part::Train => format!("nothing is trained on for {lacking}"),
                _ => format!("{name} has nothing of {lacking}: measured is what is there"),
            });
        }
        for names in label::alike(&self.names) {
            let names: Vec<String> = names.into_iter().map(spelled).collect();
            self.notes.push(format!(
                "labels {} look the same, and are learned as different ones",
                names.join(" and ")
            ));
        }
    }
}

/// A row with its labels numbered.
fn sample<L: Target, I>(names: &[String], row: Row<I>) -> Sample<L, I> {
    let place = |label: &String| names.iter().position(|name| name == label).unwrap_or_default();
    // Most names are in byte order.
    let place = |label: &String| names.binary_search(label).unwrap_or_else(|_| place(label));
    let mut labels: Vec<usize> = row.labels.iter().map(place).collect();
    labels.sort_unstable();
    let label = L::of(labels, row.numbers);
    Sample { item: row.item, label, weight: row.weight }
}

pub(crate) fn counts<L: Target, I>(samples: &[Sample<L, I>], names: usize) -> Vec<usize> {
    let mut counts = vec![0; names];
    samples.iter().flat_map(|sample| sample.label.labels()).for_each(|&label| counts[label] += 1);
    counts
}

/// Refuses labels to measure on that nothing is trained on, and shows those that only look like one that is.
fn untrained<I>(path: &Path, rows: &[Row<I>]) -> Result<(), Error> {
    let labels = |trained: bool| -> BTreeSet<&str> {
        let is = |row: &&Row<I>| matches!(row.part, Part::Train | Part::All) == trained;
        rows.iter().filter(is).flat_map(|row| &row.labels).map(String::as_str).collect()
    };
    let trained = labels(true);
    if trained.is_empty() {
        return Ok(());
    }
    let unknown: Vec<&str> = labels(false).difference(&trained).copied().collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let has = |label: &str, part| {
        rows.iter().any(|row| row.part == part && row.labels.iter().any(|other| other == label))
    };
    let parts: Vec<&str> = [Part::Val, Part::Test]
        .into_iter()
        .filter(|part| unknown.iter().any(|label| has(label, *part)))
        .map(Part::name)
        .collect();
    let mut text = format!(
        "labels that nothing is trained on: {} in {}, but train has {}; give some of them to train on, rename or remove them",
        listed(unknown.iter().copied()),
        parts.join(" and "),
        listed(trained.iter().copied()),
    );
    for label in unknown {
        if let Some(like) = trained.iter().find(|other| folded(other) == folded(label)) {
            let (one, other) = (spelled(label), spelled(like));
            text += &format!(" ({one} looks like {other}, but is written otherwise)");
        }
    }
    Err(problem(path, text))
}
