//! Texts: read as training reads them, looked at one by one, then compared.

use std::path::PathBuf;

use rayon::prelude::*;
use rekindle_data::{Gathered, Part, TargetKind};
use rekindle_text::{Text, TextConfig, Tokenizer, offer, read_texts};

use crate::{
    DataLayout, Diagnosis, Error, Finding, Options, TextColumns,
    case::Case,
    contents::{Content, Contents, Item},
    copies,
    examine::diagnosis,
    judged::{Copies, Judged},
    noun::TEXTS,
    open::{labels_of, of, target},
};

mod letters;
mod near;
mod scripts;
mod single;

/// Looks at all texts of a data set that [`rekindle_text::open_texts`] opens: a list, lists or files in folders, documents.
///
/// Texts that are longer than the tokenizer reads are found, or longer than [`Options::most_words`] where none is given. The
/// columns of numbers are those of the configuration, not of the options.
///
/// # Errors
///
/// [`Error::Text`] where the texts cannot be read, or a list says not what is learned; [`Error::Unnamed`] where it has numbers
/// alone and none is named; [`Error::NoTexts`] where there is nothing to look at.
pub fn examine_texts(
    config: &TextConfig,
    options: &Options,
    tokenizer: Option<&Tokenizer>,
) -> Result<Diagnosis, Error> {
    match kind(config)? {
        TargetKind::Label => examine_as::<usize>(config, options, tokenizer),
        TargetKind::Labels => examine_as::<Vec<usize>>(config, options, tokenizer),
        TargetKind::Numbers => examine_as::<Vec<f32>>(config, options, tokenizer),
    }
}

/// The texts that [`examine_texts`] looks at, with the names that [`Examined::file`](crate::Examined) has, in that order: what to
/// embed for [`Options::embeddings`].
///
/// # Errors
///
/// Those of [`examine_texts`].
pub fn texts(config: &TextConfig) -> Result<Vec<(PathBuf, Text)>, Error> {
    match kind(config)? {
        TargetKind::Label => named::<usize>(config),
        TargetKind::Labels => named::<Vec<usize>>(config),
        TargetKind::Numbers => named::<Vec<f32>>(config),
    }
}

fn named<L: Judged>(config: &TextConfig) -> Result<Vec<(PathBuf, Text)>, Error> {
    let text = |item: Item<L>| match item.content {
        Content::Text(text) => Some((item.file, text)),
        Content::Picture(_) => None,
    };
    Ok(open::<L>(config)?.items.into_iter().filter_map(text).collect())
}

/// What is learned of the texts: numbers of columns that are named, else labels.
fn kind(config: &TextConfig) -> Result<TargetKind, Error> {
    if !config.data.targets.is_empty() {
        return Ok(TargetKind::Numbers);
    }
    let offer = offer(config)?;
    match (offer.kind(), offer.numbers.first()) {
        (TargetKind::Numbers, Some(column)) => {
            Err(Error::Unnamed { path: config.data.path.clone(), column: column.clone() })
        }
        (kind, _) => Ok(kind),
    }
}

fn open<L: Judged>(config: &TextConfig) -> Result<Contents<L>, Error> {
    let Gathered { rows, names, .. } = read_texts(config, L::KIND)?;
    let path = &config.data.path;
    if rows.is_empty() {
        return Err(Error::NoTexts { path: path.clone() });
    }
    let names = names.unwrap_or_else(|| labels_of(&rows));
    let layout = if path.is_dir() { DataLayout::Folders } else { DataLayout::List };
    let items = rows.into_iter().map(|row| {
        let file = PathBuf::from(&*row.item.name);
        let part = if row.part == Part::All { Part::Train } else { row.part };
        let target = target(&names, &row.labels, row.numbers);
        Item { content: Content::Text(row.item), file, part, target, group: row.group }
    });
    let items: Vec<Item<L>> = items.collect();
    let mut contents = Contents { noun: TEXTS, ..of(layout, names, Vec::new()) };
    contents.fill(items);
    Ok(contents)
}

fn examine_as<L: Judged>(
    config: &TextConfig,
    options: &Options,
    tokenizer: Option<&Tokenizer>,
) -> Result<Diagnosis, Error> {
    let contents = open::<L>(config)?;
    let texts: Vec<&Text> = contents.items.iter().filter_map(text_of).collect();
    let digests: Vec<Option<[u8; 32]>> = texts.par_iter().map(|text| Some(text.digest())).collect();
    let counts = L::counts(&contents);
    let case =
        Case { contents: &contents, measured: &[], digests: &digests, options, counts: &counts };
    let mut findings: Vec<Finding> = single::findings(&case, &texts, tokenizer)?;
    findings.extend(scripts::findings(&case, &texts));
    let same = near::same(&digests, &texts);
    let exact = same.iter().filter(|group| group.len() > 1);
    findings.extend(exact.map(|group| copies::finding(&case, group, Copies::Exact)));
    // Of copies, the one that is kept stands for all.
    let shown: Vec<usize> = same.iter().map(|group| copies::kept(&case, group)).collect();
    for group in near::groups(&shown, &texts, options.near_words) {
        findings.push(copies::finding(&case, &group, Copies::Near));
    }
    findings.extend(copies::torn(&case));
    let columns = TextColumns {
        text: config.text.clone(),
        label: config.label.clone(),
        targets: config.data.targets.clone(),
    };
    Ok(diagnosis(&config.data.path, &case, findings, Some(columns)))
}

fn text_of<L>(item: &Item<L>) -> Option<&Text> {
    match &item.content {
        Content::Text(text) => Some(text),
        Content::Picture(_) => None,
    }
}
