//! What a text is to a network: numbers of tokens. Words, characters and pieces of words; how long texts become, and what is unknown.
//!
//! ```sh
//! cargo run --release --example tokens
//! cargo run --release --example tokens -- --data DIR --weights all-MiniLM-L6-v2
//! ```
//!
//! Without arguments sentences are made whose names nobody has seen before. Expected, at once, with a `tokenizer.json` of each:
//!
//! ```text
//! cut into    known   unknown  tokens that are read: half, 95%, all
//! words         248     25.0%  [4, 4, 4]
//! characters     22      0.0%  [29, 31, 31]
//! pieces         66      0.0%  [18, 18, 18]
//! ```
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

#[allow(dead_code, reason = "other examples use more of it")]
#[path = "support/texts.rs"]
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;
use clap::Parser;
use rekindle::text::{Text, Tokenizer, Unit, Vocabulary, VocabularyConfig};
use support::{Texts, folder, made, one, tweets};

/// Cuts texts into tokens.
#[derive(Parser)]
struct Arguments {
    /// Disaster tweets: train.csv and the numbers of those that are tested on; sentences that are made without.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The folder of an encoder, whose pieces of words are shown; pieces that are made without.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Folder for the tokenizers.
    #[arg(long, default_value = "runs/tokens")]
    out: PathBuf,
}

/// What a way to cut makes of texts that it has not seen.
#[derive(Debug)]
#[allow(dead_code, reason = "what tests look at")]
pub(crate) struct Row {
    pub(crate) known: usize,
    /// Of a hundred tokens.
    pub(crate) unknown: f64,
    /// Tokens of the usual text, of one that 95 of 100 are not longer than, and of the longest.
    pub(crate) lengths: [usize; 3],
}

fn main() -> Result<()> {
    let Arguments { data, weights, out } = Arguments::parse();
    run(data.as_deref(), weights.as_deref(), &out).map(drop)
}

/// The rows of words, characters and pieces.
pub(crate) fn run(data: Option<&Path>, weights: Option<&Path>, out: &Path) -> Result<Vec<Row>> {
    let data = data.map_or_else(sentences, tweets)?;
    let train: Vec<Text> = data.train.iter().map(|sample| sample.item.clone()).collect();
    let test: Vec<Text> = data.test.iter().map(|sample| sample.item.clone()).collect();
    println!(
        "{:<10} {:>6} {:>9}  tokens that are read: half, 95%, all",
        "cut into", "known", "unknown"
    );
    // ANCHOR: learn
    let learned = |unit| -> Result<Tokenizer> {
        let config =
            VocabularyConfig { max_tokens: 10_000, whole: 0.95, ..VocabularyConfig::new(unit) };
        Ok(Vocabulary::learn(&train, &config)?.tokenizer)
    };
    let tokenizers = [
        ("words", learned(Unit::Word)?),
        ("characters", learned(Unit::Character)?),
        ("pieces", pieces(weights, &train, out)?),
    ];
    // ANCHOR_END: learn
    let mut rows = Vec::new();
    for (name, tokenizer) in &tokenizers {
        rows.push(measured(name, tokenizer, &test)?);
        // ANCHOR: save
        let file = folder(out.join(name))?.join("tokenizer.json");
        fs::write(&file, tokenizer.json())?;
        // ANCHOR_END: save
    }
    for (name, tokenizer) in &tokenizers {
        // ANCHOR: encode
        let ids = tokenizer.encode(&test[0])?.ids;
        let tokens: Vec<String> = ids.iter().filter_map(|id| tokenizer.token(*id)).collect();
        // ANCHOR_END: encode
        let shown = tokens.len().min(16);
        println!("\n{name}: {}\n{:?}", tokens[..shown].join("|"), &ids[..shown]);
    }
    println!("\n{}", out.join("*/tokenizer.json").display());
    Ok(rows)
}

fn measured(name: &str, tokenizer: &Tokenizer, texts: &[Text]) -> Result<Row> {
    let mut lengths: Vec<usize> =
        texts.iter().map(|text| Ok(tokenizer.placed(text)?.len())).collect::<Result<_>>()?;
    lengths.sort_unstable();
    let at = |share: f64| lengths[((lengths.len() - 1) as f64 * share).round() as usize];
    let unknown = 100.0 * tokenizer.coverage(texts)?.unknown_share();
    let row = Row { known: tokenizer.len(), unknown, lengths: [at(0.5), at(0.95), at(1.0)] };
    println!("{name:<10} {:>6} {unknown:>8.1}%  {:?}", row.known, row.lengths);
    Ok(row)
}

/// Those of an encoder; or all letters, and words that are frequent, so that no word is unknown and few are spelled.
fn pieces(weights: Option<&Path>, texts: &[Text], out: &Path) -> Result<Tokenizer> {
    if let Some(folder) = weights {
        return Ok(Tokenizer::open(folder, 512)?);
    }
    let config = VocabularyConfig { min_count: 20, ..VocabularyConfig::new(Unit::Word) };
    let frequent = Vocabulary::learn(texts, &config)?.tokenizer;
    let words = (2..frequent.len() as u32).filter_map(|id| frequent.token(id));
    let letters = ('a'..='z').chain(['.', ',']);
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].map(String::from);
    let pieces = letters.flat_map(|letter| [letter.to_string(), format!("##{letter}")]);
    let lines: Vec<String> = special.into_iter().chain(pieces).chain(words).collect();
    let folder = folder(out.join("pieces"))?;
    fs::write(folder.join("vocab.txt"), lines.join("\n"))?;
    Ok(Tokenizer::open(&folder, 64)?)
}

/// Sentences with a name each, most of which are said once: what is tested on has names that nothing before it had.
fn sentences() -> Result<Texts> {
    made("sentences", 400, |number, random| {
        let name: String =
            (0..6).map(|_| one(&["ba", "ko", "li", "mu", "se", "ta"], random)).collect();
        let (verb, label) = if number % 2 == 0 { ("likes", "good") } else { ("leaves", "bad") };
        (format!("{name} {verb} the {}.", one(&["house", "garden", "soup"], random)), label)
    })
}
