//! Reads `models/<family>.toml`: one table an architecture, one line a checkpoint.
//!
//! ```toml
//! [family]
//! name = "resnet"
//! paper = "resnet"
//! use = "the default choice"
//!
//! [papers]
//! resnet = { title = "He et al., Deep Residual Learning", url = "https://arxiv.org/abs/1512.03385" }
//!
//! [defaults]
//! crop_pct = 0.875
//!
//! [[architecture]]
//! name = "resnet18"
//! parameters = 11_689_512
//! cards = [
//!     { tag = "a1_in1k", license = "apache-2.0", top1 = 71.504, crop_pct = 0.95 },
//!     { tag = "tv_in1k", license = "bsd-3-clause", top1 = 69.752 },
//! ]
//! ```
//!
//! A key that a line lacks is looked up in its architecture, then in `[defaults]`, then in `[family]`.
//!
//! Checkpoints of texts are called as people call them, `all-MiniLM-L6-v2`: that is the architecture's name, and `tag` is
//! empty. They say `input` and `files` instead of the keys of images:
//!
//! ```toml
//! [[architecture]]
//! name = "all-MiniLM-L6-v2"
//! repository = "sentence-transformers/all-MiniLM-L6-v2"
//! parameters = 22_713_216
//! input = { text = { tokenizer = "tokenizer.json", max_tokens = 256 } }
//! files = ["tokenizer.json", "modules.json", "1_Pooling/config.json"]
//! cards = [{ tag = "", license = "apache-2.0" }]
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

use crate::card::checkpoint_name;
use crate::repository_path::is_within;
use crate::{
    Card, CropMode, Error, InputSpec, Interpolation, Paper, Preprocessing, Terms, TestSize,
};

/// Architectures that share a paper and a source file, and their checkpoints.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// The card file's name without `.toml`: `resnet`.
    pub name: String,
    /// Where the family was published.
    pub paper: Paper,
    /// What the family is good for, in a sentence.
    pub use_for: String,
    /// What to look out for, in a sentence.
    pub caution: Option<String>,
    /// Every checkpoint; an architecture's first one is its default.
    pub cards: Vec<Card>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    family: Header,
    papers: BTreeMap<String, Paper>,
    defaults: Table,
    architecture: Vec<Architecture>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    name: String,
    paper: String,
    r#use: String,
    caution: Option<String>,
}

#[derive(Deserialize)]
struct Architecture {
    name: String,
    cards: Vec<Table>,
    /// What the architecture's lines have in common.
    #[serde(flatten)]
    defaults: Table,
}

/// A line of `cards`, with what it left out filled in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    tag: String,
    /// Empty: there is none. Absent: `timm/` and the checkpoint's name.
    repository: Option<String>,
    /// Empty: none is stated.
    license: String,
    classes: usize,
    parameters: usize,
    classifier: String,
    /// What the weights expect, where it is no image.
    input: Option<InputSpec>,
    /// Channels, height and width of images; the five keys below it are theirs too.
    input_size: Option<[usize; 3]>,
    interpolation: Option<Interpolation>,
    crop_pct: Option<f64>,
    crop_mode: Option<CropMode>,
    mean: Option<Vec<f32>>,
    std: Option<Vec<f32>>,
    /// Besides weights and `config.json`.
    #[serde(default)]
    files: Vec<String>,
    top1: Option<f64>,
    top5: Option<f64>,
    test: Option<TestSize>,
    paper: String,
    r#use: String,
    caution: Option<String>,
}

impl Family {
    /// Reads the text of `models/<family>.toml`; `file` names it in errors.
    ///
    /// # Errors
    ///
    /// [`Error::Toml`] where the text is not TOML or lacks a table, [`Error::Rows`] with every row that
    /// lacks a key, has one too many, or holds a value out of range.
    pub fn parse(file: &str, text: &str) -> Result<Self, Error> {
        let parsed: File = parse_toml(file, text)?;
        let mut problems = Vec::new();
        let mut cards: Vec<Card> = Vec::new();
        for architecture in &parsed.architecture {
            if architecture.cards.is_empty() {
                problems.push(format!("{}: cards is empty", architecture.name));
            }
            let first = cards.len();
            for line in &architecture.cards {
                match card(&parsed, architecture, line) {
                    Ok(card) => cards.push(card),
                    Err(found) => problems.extend(found),
                }
            }
            problems.extend(default_problem(cards.get(first..).unwrap_or_default()));
        }
        problems.extend(repeated(&cards));
        let Header { name, paper, r#use, caution } = parsed.family;
        let Some(paper) = parsed.papers.get(&paper).cloned() else {
            problems.push(format!("family: paper `{paper}` is not in [papers]"));
            return Err(Error::Rows { file: file.to_owned(), problems });
        };
        if !problems.is_empty() {
            return Err(Error::Rows { file: file.to_owned(), problems });
        }
        Ok(Self { name, paper, use_for: r#use, caution, cards })
    }
}

/// TOML to a type, with the line of what is wrong.
pub(crate) fn parse_toml<T: serde::de::DeserializeOwned>(
    file: &str,
    text: &str,
) -> Result<T, Error> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start).min(text.len());
        let line = 1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count();
        Error::Toml { file: file.to_owned(), line, problem: error.message().to_owned() }
    })
}

/// One card, or every problem of its line.
fn card(file: &File, architecture: &Architecture, line: &Table) -> Result<Card, Vec<String>> {
    let merged = merge(file, architecture, line);
    let tag = merged.get("tag").and_then(Value::as_str).unwrap_or("(no tag)");
    let name = checkpoint_name(&architecture.name, tag);
    let row: Row = merged
        .try_into()
        .map_err(|error: toml::de::Error| vec![format!("{name}: {}", one_line(&error))])?;

    let input = row.input().map_err(|problem| vec![format!("{name}: {problem}")])?;
    let mut problems = input.problems();
    for file in row.files.iter().filter(|file| !is_within(file)) {
        problems.push(format!("files holds `{file}`, which is not a path within the repository"));
    }
    problems.extend(accuracy_problems("", row.top1, row.top5));
    if let Some(test) = row.test {
        problems.extend(accuracy_problems("test.", test.top1, test.top5));
        match &input {
            InputSpec::Image(usual) => {
                let [channels, ..] = usual.input_size;
                let at_test = Preprocessing {
                    input_size: [channels, test.size, test.size],
                    crop_pct: test.crop_pct,
                    ..usual.clone()
                };
                let found = at_test.problems().into_iter();
                problems.extend(found.map(|problem| format!("test: {problem}")));
            }
            other => problems.push(format!("test is of images, input of {}", other.described())),
        }
    }
    if row.parameters == 0 {
        problems.push("parameters is 0".to_owned());
    }
    let paper = file.papers.get(&row.paper);
    if paper.is_none() {
        problems.push(format!("paper `{}` is not in [papers]", row.paper));
    }
    match paper {
        Some(paper) if problems.is_empty() => Ok(Card {
            family: file.family.name.clone(),
            architecture: architecture.name.clone(),
            tag: row.tag,
            repository: stated(row.repository.unwrap_or_else(|| format!("timm/{name}"))),
            license: stated(row.license),
            classes: row.classes,
            parameters: row.parameters,
            classifier: row.classifier,
            input,
            files: row.files,
            top1: row.top1,
            top5: row.top5,
            test: row.test,
            paper: paper.clone(),
            use_for: row.r#use,
            caution: row.caution.and_then(stated),
        }),
        _ => Err(problems.into_iter().map(|problem| format!("{name}: {problem}")).collect()),
    }
}

impl Row {
    /// The input as one value, or why it is none.
    fn input(&self) -> Result<InputSpec, String> {
        fn stated<T: Clone>(key: &str, value: &Option<T>) -> Result<T, String> {
            value.clone().ok_or_else(|| format!("missing field `{key}`, and there is no `input`"))
        }
        if let Some(input) = &self.input {
            return Ok(input.clone());
        }
        Ok(InputSpec::Image(Preprocessing {
            input_size: stated("input_size", &self.input_size)?,
            interpolation: stated("interpolation", &self.interpolation)?,
            crop_pct: stated("crop_pct", &self.crop_pct)?,
            crop_mode: stated("crop_mode", &self.crop_mode)?,
            mean: stated("mean", &self.mean)?,
            std: stated("std", &self.std)?,
        }))
    }
}

/// A line over its architecture over the defaults over the family.
fn merge(file: &File, architecture: &Architecture, line: &Table) -> Table {
    let mut row = Table::new();
    row.insert("paper".to_owned(), Value::String(file.family.paper.clone()));
    row.insert("use".to_owned(), Value::String(file.family.r#use.clone()));
    if let Some(caution) = &file.family.caution {
        row.insert("caution".to_owned(), Value::String(caution.clone()));
    }
    row.extend(file.defaults.clone());
    row.extend(architecture.defaults.clone());
    row.extend(line.clone());
    row
}

fn stated(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn accuracy_problems(prefix: &str, top1: Option<f64>, top5: Option<f64>) -> Vec<String> {
    let mut problems = Vec::new();
    for (key, value) in [("top1", top1), ("top5", top5)] {
        if let Some(value) = value.filter(|value| !(*value > 0.0 && *value <= 100.0)) {
            problems.push(format!("{prefix}{key} is {value}, outside (0, 100] percent"));
        }
    }
    if let (Some(top1), Some(top5)) = (top1, top5)
        && top1 > top5
    {
        problems.push(format!("{prefix}top1 {top1} is above top5 {top5}"));
    }
    problems
}

/// A default that may not be used freely, where another one might.
fn default_problem(cards: &[Card]) -> Option<String> {
    let first = cards.first().filter(|card| card.terms() != Terms::Permissive)?;
    let other = cards.iter().find(|card| card.terms() == Terms::Permissive)?;
    Some(format!("{}: not permissive, so list {} before it", first.name(), other.name()))
}

fn repeated(cards: &[Card]) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    let repeated = cards.iter().map(Card::name).filter(|name| !seen.insert(name.clone()));
    repeated.map(|name| format!("{name}: listed twice")).collect()
}

/// A TOML error names its key on a line of its own.
fn one_line(error: &toml::de::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
