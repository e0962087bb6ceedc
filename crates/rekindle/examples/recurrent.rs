//! Does the order of words matter? Counted words, the mean of embeddings, convolutions and recurrent networks in one direction and both.
//!
//! ```sh
//! cargo run --release --example recurrent
//! cargo run --release --example recurrent -- --data DIR --seeds 3                               # disaster tweets
//! cargo run --release --example recurrent -- --data DIR --seeds 3 --weights all-MiniLM-L6-v2    # and a pretrained encoder
//! ```
//!
//! Without arguments opinions are made whose words are the same, whichever way they go. Expected, in six seconds:
//!
//! ```text
//! way                           test             95%  seconds
//! TF-IDF + naive Bayes        51.00%   43.5 to  57.5%      0.0
//! mean                        47.00%   39.5 to  53.0%      0.2
//! conv1d                     100.00%  100.0 to 100.0%      2.0
//! ...
//! ```
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

#[allow(dead_code, reason = "other examples use more of it")]
#[path = "support/texts.rs"]
mod support;

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result};
use clap::Parser;
use rekindle::{
    Device, TextModel,
    text::{BaselineKind, Baselines, Text, TextBaseline},
    train::Classify,
};
use support::{
    Accuracy, Texts, head, hits, made, one, row, scratch, seeded, tweets, untrained, way::Way,
};

/// Compares networks that know of words in different ways.
#[derive(Parser)]
struct Arguments {
    /// Disaster tweets: train.csv and the numbers of those that are tested on; sentences that are made without.
    #[arg(long)]
    data: Option<PathBuf>,
    /// An encoder that was trained on other texts, taken as it is below a head.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Networks of each way, whose mean is shown.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Passes through the texts.
    #[arg(long, default_value_t = 5)]
    epochs: usize,
}

/// Networks from nothing, and what the course reaches with each.
const WAYS: [(&str, &str); 6] = [
    ("mean", "78.61"),
    ("conv1d", "78.74"),
    ("lstm", "75.59"),
    ("gru", "77.56"),
    ("bilstm", "76.77"),
    ("bigru", ""),
];

/// Ways to use a pretrained encoder, with their recipe, epochs and rate, and what the course reaches with another, and by an ensemble.
type Pretrained = (&'static str, &'static str, usize, f64, &'static str, &'static str);
const ENCODERS: [Pretrained; 2] = [
    ("encoder, frozen", "head", 5, 1e-3, "81.76", "77.95"),
    ("encoder, all of it", "full", 3, 3e-4, "", ""),
];

fn main() -> Result<()> {
    let Arguments { data, weights, seeds, epochs } = Arguments::parse();
    run(data.as_deref(), weights.as_deref(), seeds, epochs).map(drop)
}

pub(crate) fn run(
    data: Option<&Path>,
    weights: Option<&Path>,
    seeds: u64,
    epochs: usize,
) -> Result<Vec<Accuracy>> {
    let is_course = data.is_some();
    let course = |value: &'static str| if is_course { value } else { "" };
    let data = data.map_or_else(opinions, tweets)?;
    head(
        &format!(
            "{} texts to train on, {} to choose by, {} to test on",
            data.train.len(),
            data.val.len(),
            data.test.len()
        ),
        course("course"),
    );
    // ANCHOR: baseline
    // It chooses nothing, so it learns of all that is not tested on.
    let known = [&data.train[..], &data.val].concat();
    let begun = Instant::now();
    let baselines = Baselines::learn(&known, data.names.len());
    let bayes = baselines.all.iter().find(|it| it.kind() == BaselineKind::NaiveBayes);
    let bayes = bayes.context("naive Bayes is a baseline")?;
    let right = data.test.iter().map(|sample| bayes.predict(&sample.item) == sample.label);
    // ANCHOR_END: baseline
    let mut rows = vec![row("TF-IDF + naive Bayes", &[right.collect()], begun, course("79.27"))];

    // ANCHOR: networks
    let texts: Vec<&Text> = data.train.iter().map(|sample| &sample.item).collect();
    for (name, reached) in WAYS {
        rows.push(seeded(name, seeds, course(reached), |seed| {
            let model = untrained(name, &data, &texts, seed)?;
            let way = scratch(epochs, 3e-3, seed);
            let fitted = way.fit(model, &data, Classify::new(data.names.len()))?;
            hits(&fitted.model, &data)
        })?);
    }
    // ANCHOR_END: networks

    let Some(weights) = weights else { return Ok(rows) };
    for (name, way, epochs, rate, reached, ensemble) in ENCODERS {
        let begun = Instant::now();
        let (mut runs, mut together) = (Vec::new(), Vec::new());
        for seed in 0..seeds {
            let device = Device::flex().autodiff();
            device.seed(seed);
            let (model, _) = TextModel::for_labels(None, Some(weights), &data.names, &device)?;
            let way = Way { name: way, epochs, rate, decay: 0.9, metric: "accuracy", seed };
            let model = way.fit(model, &data, Classify::new(data.names.len()))?.model;
            runs.push(hits(&model, &data)?);
            together.push(both(&model, bayes, &data)?);
        }
        rows.push(row(name, &runs, begun, course(reached)));
        rows.push(row(" with naive Bayes", &together, begun, course(ensemble)));
    }
    Ok(rows)
}

// ANCHOR: ensemble
/// What is right by the mean of how likely each label is to both: not of how sure each is of its own.
fn both(model: &TextModel, bayes: &TextBaseline, data: &Texts) -> Result<Vec<bool>> {
    let mut right = Vec::new();
    for part in data.test.chunks(64) {
        let said = model.predict(part.iter().map(|sample| sample.item.clone()))?;
        for (sample, said) in part.iter().zip(said) {
            let mut likely = bayes.probabilities(&sample.item);
            for guess in said.guesses() {
                let label = data.names.iter().position(|name| *name == guess.label);
                likely[label.context("a label of its own")?] += f64::from(guess.probability);
            }
            let best = (0..likely.len()).max_by(|a, b| likely[*a].total_cmp(&likely[*b]));
            right.push(best == Some(sample.label));
        }
    }
    Ok(right)
}
// ANCHOR_END: ensemble

/// Opinions whose words are the same, whichever way they go: "good, not bad" and "bad, not good".
fn opinions() -> Result<Texts> {
    const GOOD: [&str; 4] = ["good", "fine", "fresh", "warm"];
    const BAD: [&str; 4] = ["bad", "poor", "stale", "cold"];
    made("opinions", 1000, |number, random| {
        let (good, bad) = (one(&GOOD, random), one(&BAD, random));
        let thing = one(&["soup", "bread", "fish", "tea", "room"], random);
        match number % 2 {
            0 => (format!("the {thing} was {good}, not {bad}"), "praise"),
            _ => (format!("the {thing} was {bad}, not {good}"), "complaint"),
        }
    })
}
