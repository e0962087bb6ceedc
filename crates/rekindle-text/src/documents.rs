//! Documents sentence by sentence, each with a label: PubMed-RCT's file form, and JSON lines of sentences and labels.
//!
//! ```text
//! ###24293578
//! OBJECTIVE<tab>To investigate the efficacy of ...
//! METHODS<tab>A total of ...
//! ```
//!
//! An empty line ends a document (Dernoncourt and Lee 2017, arXiv 1710.06071). In JSON lines (Cohan et al. 2019) a document is an
//! object with `sentences` and `labels`, as many of both.
//!
//! As a [`Table`] with a row a sentence, documents have these columns:
//!
//! | column | holds |
//! |---|---|
//! | `text`, `label` | the sentence and its label |
//! | `line_number` | how many sentences of its document are before it |
//! | `total_lines` | how many sentences its document has |
//! | `previous`, `next` | the sentences beside it; empty at the ends |
//! | `group` | its document |

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use rekindle_base::{open_regular, read_at_most};
use rekindle_data::{
    Gathered, Part, Row,
    folder::label_of,
    label::listed,
    manifest::{MAX_LINE_BYTES, MAX_LIST_BYTES, Table},
    not_utf8,
};
use serde_json::{Map, Value};

use crate::{Error, Place, Text, error::problem};

/// What a document begins with.
const MARK: &str = "###";
/// Keys of a document in JSON.
const SENTENCES: &str = "sentences";
const LABELS: &str = "labels";
const ID: &str = "abstract_id";

/// The columns of documents as a table.
const COLUMNS: [&str; 7] =
    ["text", "label", "line_number", "total_lines", "previous", "next", "group"];

/// A sentence, its label and where it stands: a line, or a place in one.
struct Sentence {
    line: u64,
    stands: String,
    text: Arc<str>,
    label: String,
}

/// Sentences that belong together.
struct Document {
    /// What tells it from others.
    name: String,
    sentences: Vec<Sentence>,
}

impl Document {
    /// Its sentences, and the place of each.
    fn placed(self) -> impl Iterator<Item = (Sentence, Place)> {
        let texts: Vec<Arc<str>> = self.sentences.iter().map(|it| it.text.clone()).collect();
        let places: Vec<Place> = Place::each(&texts).collect();
        self.sentences.into_iter().zip(places)
    }
}

/// Whether a file begins as documents do: with `###`, or with an object of `sentences` and `labels`.
pub fn is_documents(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    let first = || first_line(open_regular(path).ok()?);
    match extension.as_deref() {
        Some("txt" | "tsv") => first().is_some_and(|line| line.starts_with(MARK)),
        Some("jsonl" | "ndjson") => first().is_some_and(|line| {
            let object: Result<Map<String, Value>, _> = serde_json::from_str(&line);
            let is =
                |object: &Map<String, Value>, key| object.get(key).is_some_and(Value::is_array);
            object.is_ok_and(|object| is(&object, SENTENCES) && is(&object, LABELS))
        }),
        _ => false,
    }
}

/// The first line that is not empty.
fn first_line(file: File) -> Option<String> {
    let mut lines = BufReader::new(file.take(MAX_LINE_BYTES as u64)).lines();
    let line = lines.find(|line| !line.as_ref().is_ok_and(|line| line.trim().is_empty()))?.ok()?;
    Some(line.trim_start_matches('\u{feff}').to_owned())
}

/// The sentences of a file, not divided.
///
/// # Errors
///
/// Where it cannot be read, with all lines that are wrong.
pub(crate) fn read(path: &Path) -> Result<Gathered<Text>, Error> {
    read_as(path, Part::All)
}

/// The sentences of a file, as a part.
///
/// # Errors
///
/// Those of [`read`].
pub(crate) fn read_part(path: &Path) -> Result<Gathered<Text>, Error> {
    read_as(path, Part::Train)
}

fn read_as(path: &Path, part: Part) -> Result<Gathered<Text>, Error> {
    let (documents, notes) = documents(path)?;
    let name = label_of(path);
    let mut rows = Vec::new();
    for document in documents {
        let group = document.name.clone();
        for (Sentence { stands, text, label, .. }, place) in document.placed() {
            let name = format!("{name}:{stands}").into();
            let item = Text { name, place: Some(place), ..Text::new(text) };
            rows.push(Row { group: group.clone(), ..Row::new(item, label, part) });
        }
    }
    rows.sort_by(|a, b| (&a.labels, &a.item).cmp(&(&b.labels, &b.item)));
    Ok(Gathered { rows, names: None, notes, lacking: Vec::new() })
}

/// The sentences of a file as a table, what each is called, and notes.
///
/// # Errors
///
/// Those of [`read`].
pub(crate) fn table(path: &Path) -> Result<(Table, Vec<String>, Vec<String>), Error> {
    let (documents, notes) = documents(path)?;
    let file = label_of(path);
    let (mut rows, mut names) = (Vec::new(), Vec::new());
    let mut seen: HashMap<String, usize> = HashMap::new();
    for document in documents {
        // Two of one name are two documents: their sentences are no neighbors.
        let name = document.name.clone();
        let times = seen.entry(name.clone()).or_default();
        *times += 1;
        let group = if *times == 1 { name } else { format!("{name} ({times})") };
        for (Sentence { line, stands, text, label }, place) in document.placed() {
            let Place { position, total, before, after } = place;
            let beside = |text: Option<Arc<str>>| text.as_deref().unwrap_or_default().to_owned();
            let cells = [
                text.to_string(),
                label,
                position.to_string(),
                total.to_string(),
                beside(before),
                beside(after),
                group.clone(),
            ];
            rows.push((line, cells.into()));
            names.push(format!("{file}:{stands}"));
        }
    }
    Ok((Table { names: COLUMNS.map(str::to_owned).into(), rows }, names, notes))
}

/// The documents of a file, and notes.
fn documents(path: &Path) -> Result<(Vec<Document>, Vec<String>), Error> {
    let unread = |source| Error::Read { path: path.to_owned(), source };
    let bytes =
        read_at_most(open_regular(path).map_err(unread)?, MAX_LIST_BYTES).map_err(unread)?;
    let text = String::from_utf8(bytes)
        .map_err(|error| problem(path, format!("{}; save it as UTF-8", not_utf8(&error))))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let name = label_of(path);
    let mut notes = Vec::new();
    let documents = match text.trim_start().starts_with(MARK) {
        true => marked(text),
        false => objects(text, &name, &mut notes),
    };
    Ok((documents.map_err(|text| problem(path, text))?, notes))
}

/// Lines that are wrong, the first of them told.
#[derive(Default)]
struct Wrong {
    first: Vec<String>,
    count: usize,
}

impl Wrong {
    const SHOWN: usize = 5;

    fn push(&mut self, line: u64, what: &str) {
        self.count += 1;
        if self.count <= Self::SHOWN {
            self.first.push(format!("line {line}: {what}"));
        }
    }

    fn told<T>(self, found: T) -> Result<T, String> {
        match (self.count, self.count.saturating_sub(Self::SHOWN)) {
            (0, _) => Ok(found),
            (_, 0) => Err(self.first.join("; ")),
            (_, more) => Err(format!("{}; and {more} more", self.first.join("; "))),
        }
    }
}

fn lines<'a>(text: &'a str, wrong: &mut Wrong) -> Vec<(u64, &'a str)> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        match line.len() > MAX_LINE_BYTES {
            true => {
                wrong.push(number, &format!("is longer than the limit of {MAX_LINE_BYTES} bytes"))
            }
            false => found.push((number, line)),
        }
    }
    found
}

/// PubMed-RCT's form.
fn marked(text: &str) -> Result<Vec<Document>, String> {
    let (mut wrong, mut documents) = (Wrong::default(), Vec::new());
    let mut open: Option<Document> = None;
    for (line, text) in lines(text, &mut wrong) {
        if let Some(id) = text.strip_prefix(MARK) {
            documents.extend(open.take());
            let name = match id.trim() {
                "" => format!("line {line}"),
                id => id.to_owned(),
            };
            open = Some(Document { name, sentences: Vec::new() });
        } else if text.trim().is_empty() {
            documents.extend(open.take());
        } else if let Some((label, sentence)) = text.split_once('\t') {
            let (label, sentence) = (label.trim(), sentence.trim());
            match &mut open {
                _ if label.is_empty() => wrong.push(line, "has no label before its tab"),
                Some(document) => document.sentences.push(Sentence {
                    line,
                    stands: line.to_string(),
                    text: sentence.into(),
                    label: label.to_owned(),
                }),
                None => wrong.push(
                    line,
                    "is a sentence of no document: write `###` and a name above its first",
                ),
            }
        } else {
            wrong.push(line, "has no tab between a label and a sentence");
        }
    }
    documents.extend(open.take());
    wrong.told(documents)
}

/// JSON lines.
fn objects(text: &str, name: &str, notes: &mut Vec<String>) -> Result<Vec<Document>, String> {
    let (mut wrong, mut documents) = (Wrong::default(), Vec::new());
    let mut unread = BTreeSet::new();
    for (line, text) in lines(text, &mut wrong) {
        if text.trim().is_empty() {
            continue;
        }
        let object: Map<String, Value> = match serde_json::from_str(text) {
            Ok(object) => object,
            Err(error) => {
                wrong.push(line, &format!("is no JSON object: {error}"));
                continue;
            }
        };
        let texts = |key: &str| -> Option<Vec<&str>> {
            object.get(key)?.as_array()?.iter().map(Value::as_str).collect()
        };
        let (Some(sentences), Some(labels)) = (texts(SENTENCES), texts(LABELS)) else {
            wrong.push(line, "has no `sentences` and `labels` that are lists of texts");
            continue;
        };
        if sentences.len() != labels.len() {
            let what = format!("has {} sentences, but {} labels", sentences.len(), labels.len());
            wrong.push(line, &what);
            continue;
        }
        if labels.iter().any(|label| label.trim().is_empty()) {
            wrong.push(line, "has an empty label");
            continue;
        }
        let sentence = |(place, (text, label)): (usize, (&str, &str))| Sentence {
            line,
            stands: format!("{line}#{place}"),
            text: text.trim().into(),
            label: label.trim().to_owned(),
        };
        let found = (1..).zip(sentences.into_iter().zip(labels)).map(sentence).collect();
        // Whoever wrote the file may have given all documents one number.
        documents.push(Document { name: format!("line {line}"), sentences: found });
        unread.extend(object.into_iter().map(|(key, _)| key));
    }
    unread.retain(|key| ![SENTENCES, LABELS, ID].contains(&key.as_str()));
    if !unread.is_empty() {
        let keys = listed(unread.iter().map(String::as_str));
        notes.push(format!("{name}: keys that are not read: {keys}"));
    }
    wrong.told(documents)
}
