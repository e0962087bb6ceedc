//! What a column holds, found by its cells.

use std::collections::BTreeSet;

use rekindle_series::DateForm;

use crate::category::MAX_WORDS;
use crate::cell::{is_missing, number, short, yes_no};
use crate::date::form_of;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Numbers.
    Number,
    /// Two words, or 1 and 0.
    YesNo,
    /// Words, each on many rows.
    Category,
    /// Dates, all of a form.
    Date(DateForm),
    /// Sentences.
    Text,
    /// Another value on each row, by which nothing is learned.
    Identifier,
    /// Names of pictures' files.
    Pictures,
    /// The same value everywhere.
    Constant,
    /// Nothing.
    Empty,
}

/// A column, and what was found of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundColumn {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// Cells that hold nothing.
    pub missing: usize,
    /// What is in it, in a few words.
    pub shown: String,
    /// Where nearly all cells are numbers and it is none of numbers: the first that is not, how many are, and of how many.
    stray: Option<(String, usize, usize)>,
}

/// Words of a text, on the average of its cells.
const TEXT: usize = 3;
/// Of so many different cells all but one in ten are different: those of identifiers, and of texts.
const DIFFERENT: [usize; 2] = [9, 10];
/// Rows that numbers which count them have at least.
const COUNTED: usize = 20;
/// Words that are shown.
const SHOWN: usize = 4;
/// How names of pictures' files end.
const PICTURES: [&str; 8] = [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"];

impl FoundColumn {
    /// By the cells of a column.
    pub fn of(name: &str, cells: &[&str]) -> Self {
        let present: Vec<&str> =
            cells.iter().map(|cell| cell.trim()).filter(|cell| !is_missing(cell)).collect();
        let different: BTreeSet<&str> = present.iter().copied().collect();
        let missing = cells.len() - present.len();
        let kind = kind(name, &present, &different, missing);
        let shown = shown(kind, &present, &different);
        let stray = stray(kind, &present);
        Self { name: name.to_owned(), kind, missing, shown, stray }
    }

    /// What keeps a column of numbers from being one, in a line: the first of few cells that are none.
    pub fn stray(&self) -> Option<String> {
        let (cell, numbers, of) = self.stray.as_ref()?;
        let (name, kind) = (short(&self.name), self.kind.name());
        Some(format!(
            "{name}: {numbers} of {of} cells are numbers, but `{cell}` is none, so that it is taken for {kind}; write numbers as 1234.5"
        ))
    }

    /// Whether it is something to learn from.
    pub fn is_input(&self) -> bool {
        use ColumnKind::{Category, Date, Number, Text, YesNo};
        matches!(self.kind, Number | YesNo | Category | Date(_) | Text)
    }

    /// A line about it.
    pub fn described(&self) -> String {
        let Self { name, kind, missing, shown, .. } = self;
        let missing = match missing {
            _ if *kind == ColumnKind::Empty => String::new(),
            0 => String::new(),
            missing => format!(", {missing} missing"),
        };
        let name = short(name);
        format!("{name}: {}{shown}{missing}{}", kind.name(), kind.left_out())
    }
}

impl ColumnKind {
    fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::YesNo => "yes/no",
            Self::Category => "category",
            Self::Date(_) => "date",
            Self::Text => "free text",
            Self::Identifier => "identifier",
            Self::Pictures => "files of pictures",
            Self::Constant => "one value alone",
            Self::Empty => "nothing but missing values",
        }
    }

    /// What becomes of it, where it is no input.
    fn left_out(self) -> &'static str {
        match self {
            Self::Identifier | Self::Constant | Self::Empty => "; left out",
            Self::Pictures => "; left out: name a network that looks at them in a file of --inputs",
            _ => "",
        }
    }
}

fn kind(name: &str, present: &[&str], different: &BTreeSet<&str>, missing: usize) -> ColumnKind {
    let mostly = |part: usize| {
        let [share, of] = DIFFERENT;
        part * of >= present.len() * share
    };
    if present.is_empty() {
        return ColumnKind::Empty;
    }
    if different.len() == 1 {
        // Whether there is one may still tell something.
        return if missing == 0 { ColumnKind::Constant } else { ColumnKind::Category };
    }
    if different.len() == 2 && present.iter().all(|cell| yes_no(cell).is_some()) {
        return ColumnKind::YesNo;
    }
    if let Some(form) = form_of(present) {
        return ColumnKind::Date(form);
    }
    let numbers: Vec<f64> = present.iter().map_while(|cell| number(cell).ok()).collect();
    if numbers.len() == present.len() && !present.iter().any(|cell| is_code(cell)) {
        return match is_identifier(name, &numbers, different.len(), missing) {
            true => ColumnKind::Identifier,
            false => ColumnKind::Number,
        };
    }
    if present.iter().all(|cell| is_picture(cell)) {
        return ColumnKind::Pictures;
    }
    let words: usize = present.iter().map(|cell| cell.split_whitespace().count()).sum();
    let is_text = words >= TEXT * present.len();
    match mostly(different.len()) && present.len() >= COUNTED || different.len() > MAX_WORDS {
        true if is_text => ColumnKind::Text,
        true => ColumnKind::Identifier,
        // Sentences that come again and again are as good as words, unless they are many.
        false if is_text && different.len() * 2 > present.len() => ColumnKind::Text,
        false => ColumnKind::Category,
    }
}

/// See [`FoundColumn::stray`].
fn stray(kind: ColumnKind, present: &[&str]) -> Option<(String, usize, usize)> {
    use ColumnKind::{Category, Identifier, Text};
    if !matches!(kind, Category | Identifier | Text) || present.iter().any(|cell| is_code(cell)) {
        return None;
    }
    let numbers = present.iter().filter(|cell| number(cell).is_ok()).count();
    let [share, of] = DIFFERENT;
    let other = present.iter().find(|cell| number(cell).is_err())?;
    (numbers * of >= present.len() * share).then(|| (short(other), numbers, present.len()))
}

/// Whether what looks like a number is a code, such as `00501`.
fn is_code(cell: &str) -> bool {
    let mut letters = cell.bytes();
    letters.next() == Some(b'0') && letters.next().is_some_and(|next| next.is_ascii_digit())
}

/// Whether whole numbers tell rows apart and nothing else: each another one, and called so, or counting the rows.
fn is_identifier(name: &str, numbers: &[f64], different: usize, missing: usize) -> bool {
    let whole = numbers.iter().all(|number| number.fract() == 0.0);
    let counted = || {
        numbers.first().is_some_and(|first| (0.0..=1.0).contains(first))
            && numbers.windows(2).all(|pair| pair[1] - pair[0] == 1.0)
    };
    whole
        && missing == 0
        && different == numbers.len()
        && numbers.len() >= COUNTED
        && (is_called_identifier(name) || counted())
}

/// Whether a column is called as identifiers are: `id`, `customer_id`, `PassengerId`, `index`, or nothing.
fn is_called_identifier(name: &str) -> bool {
    let name = name.trim();
    let lower = name.to_lowercase();
    let known = ["", "id", "index", "key", "row", "uuid", "guid", "no", "nr", "number"];
    known.contains(&lower.as_str())
        || lower.starts_with("unnamed:")
        || ["_id", "-id", " id", ".id", "_key", "_no", "_nr"].iter().any(|end| lower.ends_with(end))
        || name.ends_with("Id")
        || name.ends_with("ID")
}

fn is_picture(cell: &str) -> bool {
    let lower = cell.to_lowercase();
    PICTURES.iter().any(|end| lower.ends_with(end))
}

/// What is in a column, behind what it holds.
fn shown(kind: ColumnKind, present: &[&str], different: &BTreeSet<&str>) -> String {
    match kind {
        ColumnKind::Number => {
            let by = |a: &&&str, b: &&&str| {
                let [a, b] = [a, b].map(|cell| number(cell).unwrap_or_default());
                a.total_cmp(&b)
            };
            let [low, high] = [present.iter().min_by(by), present.iter().max_by(by)]
                .map(|cell| short(cell.copied().unwrap_or_default()));
            format!(", {low} to {high}")
        }
        ColumnKind::Category | ColumnKind::YesNo => {
            let words: Vec<String> = different.iter().take(SHOWN).map(|word| short(word)).collect();
            let more = if different.len() > SHOWN { ", ..." } else { "" };
            format!(", {} words ({}{more})", different.len(), words.join(", "))
        }
        ColumnKind::Date(form) => format!(" ({})", form.name()),
        ColumnKind::Constant => {
            format!(" ({})", short(present.first().copied().unwrap_or_default()))
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, cells: &[String]) -> FoundColumn {
        FoundColumn::of(name, &cells.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn cells(count: usize, cell: impl Fn(usize) -> String) -> Vec<String> {
        (0..count).map(cell).collect()
    }

    #[test]
    fn kinds_of_columns_are_found() {
        use ColumnKind::*;
        let one = |text: &str| text.to_owned();
        for (name, cells, kind) in [
            ("age", cells(60, |row| (row * 7 % 50).to_string()), Number),
            ("charges", cells(60, |row| format!("{row}.25")), Number),
            // Years are no count of rows.
            ("year", cells(60, |row| (1900 + row).to_string()), Number),
            ("count", cells(60, |row| (1 + row).to_string()), Identifier),
            ("customer_id", cells(60, |row| (row * 37 % 101).to_string()), Identifier),
            ("PassengerId", cells(60, |row| (row * 37 % 101).to_string()), Identifier),
            ("height", cells(60, |row| (row * 37 % 101).to_string()), Number),
            ("code", cells(60, |row| format!("x{row:04}")), Identifier),
            ("zip", cells(60, |row| format!("0{}", 501 + row % 7)), Category),
            ("smoker", cells(60, |row| one(["yes", "no"][row % 2])), YesNo),
            ("survived", cells(60, |row| (row % 2).to_string()), YesNo),
            ("sex", cells(60, |row| one(["male", "female"][row % 2])), Category),
            ("class", cells(60, |row| (row % 3).to_string()), Number),
            (
                "day",
                cells(60, |row| format!("2024-01-{:02}", 1 + row % 28)),
                Date(DateForm::YearFirst),
            ),
            ("note", cells(60, |row| format!("number {row} came in late again")), Text),
            ("photo", cells(60, |row| format!("photos/{row}.JPG")), Pictures),
            ("nothing", cells(60, |_| one("NA")), Empty),
            ("same", cells(60, |_| one("x")), Constant),
            // Whether it is there is something.
            ("cabin", cells(60, |row| one(["x", ""][row % 2])), Category),
            // A handful of rows is no proof of an identifier.
            ("word", cells(5, |row| format!("x{row}")), Category),
        ] {
            let found = found(name, &cells);
            assert_eq!(found.kind, kind, "{name} {}", found.described());
        }
    }

    #[test]
    fn what_was_found_is_said_in_a_line() {
        let cells: Vec<String> =
            ["18", "NA", "9.5", "64", ""].into_iter().map(str::to_owned).collect();
        assert_eq!(found("age", &cells).described(), "age: number, 9.5 to 64, 2 missing");
        let words = |row: usize| ["a", "b", "c", "d", "e"][row % 5].to_owned();
        let line = found("word", &self::cells(50, words)).described();
        assert_eq!(line, "word: category, 5 words (a, b, c, d, ...)");
        let ids = self::cells(50, |row| (row + 7).to_string());
        assert_eq!(found("id", &ids).described(), "id: identifier; left out");
        assert!(!found("id", &ids).is_input());
        let same = self::cells(50, |_| "x".to_owned());
        assert_eq!(found("same", &same).described(), "same: one value alone (x); left out");
    }
}
