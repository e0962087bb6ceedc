//! Findings about single texts.

use rayon::prelude::*;
use rekindle_data::Target;
use rekindle_text::{Text, Tokenizer};

use super::letters::{has_markup, is_misread};
use crate::{
    Error, Finding, Kind, Severity,
    case::{About, Case},
};

/// Something that a text has, and many may have.
struct Property {
    about: About,
    has: fn(&str) -> bool,
    what: &'static str,
    remedy: &'static str,
}

const PROPERTIES: [Property; 3] = [
    Property {
        about: About { kind: Kind::EmptyText, severity: Severity::Error },
        has: |text| text.trim().is_empty(),
        what: "has no text",
        remedy: "a label is learned of nothing: write its text, or remove it",
    },
    Property {
        about: About { kind: Kind::Encoding, severity: Severity::Warning },
        has: is_misread,
        what: "was read in another encoding than it was written in, or lost letters",
        remedy: "get it again from its source, and save it as UTF-8",
    },
    Property {
        about: About { kind: Kind::Markup, severity: Severity::Note },
        has: has_markup,
        what: "has tags or entities of HTML",
        remedy: "a model learns them as words: take them out, here and in what is predicted",
    },
];

pub(super) fn findings<L: Target + Sync>(
    case: &Case<'_, L>,
    texts: &[&Text],
    tokenizer: Option<&Tokenizer>,
) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for Property { about, has, what, remedy } in &PROPERTIES {
        let either = |text: &&Text| has(&text.text) || text.pair.as_deref().is_some_and(has);
        let flags: Vec<bool> = texts.par_iter().map(either).collect();
        findings.extend(of(case, *about, &flags, (*what).to_owned(), remedy));
    }
    let (flags, what) = match tokenizer {
        Some(tokenizer) => {
            let cut = |text: &&Text| Ok(tokenizer.encode(text)?.cut);
            let flags: Result<Vec<bool>, Error> = texts.par_iter().map(cut).collect();
            (flags?, format!("is longer than the {} tokens that are read", tokenizer.max_tokens()))
        }
        None => {
            let most = case.options.most_words;
            let words = |text: &str| text.split_whitespace().count();
            let long =
                |text: &&Text| words(&text.text) + text.pair.as_deref().map_or(0, words) > most;
            (texts.par_iter().map(long).collect(), format!("has more than {most} words"))
        }
    };
    let remedy =
        "a model reads its beginning alone: see that it says what is learned, or divide the text";
    let about = About { kind: Kind::LongText, severity: Severity::Note };
    findings.extend(of(case, about, &flags, what, remedy));
    Ok(findings)
}

/// One finding of all texts that have something; empty ones are left out of a list.
fn of<L: Target>(
    case: &Case<'_, L>,
    about: About,
    flags: &[bool],
    what: String,
    remedy: &str,
) -> Option<Finding> {
    let items: Vec<usize> = (0..flags.len()).filter(|item| flags[*item]).collect();
    if items.is_empty() {
        return None;
    }
    let mut finding = case.finding(about, &items, what, remedy);
    // A network learns whatever tells labels apart.
    if let [only] = &finding.labels[..]
        && items.len() > 2
        && case.contents.names.len() > 1
    {
        finding.what += &format!(" (all {} are `{only}`)", items.len());
    }
    if about.severity == Severity::Error {
        finding.left_out = case.files(&items);
    }
    Some(finding)
}
