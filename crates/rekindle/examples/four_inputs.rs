//! The role of a sentence in an abstract, by four inputs: its words, its characters, its line, and how many lines there are. What the
//! course calls SkimLit, after Dernoncourt & Lee 2017, <https://arxiv.org/abs/1710.06071>.
//!
//! ```sh
//! cargo run --release --example four_inputs
//! cargo run --release --example four_inputs -- --data nicta_piboso --weights all-MiniLM-L6-v2
//! ```
//!
//! Without arguments abstracts are made whose sentences hardly tell their role. Expected, in five seconds:
//!
//! ```text
//! way                           test             95%  seconds
//! characters                  77.99%   73.5 to  82.5%      1.0
//! sentence                    79.94%   75.4 to  84.1%      0.3
//! sentence, characters        79.94%   75.4 to  84.1%      1.0
//! all four                    90.94%   87.7 to  93.9%      1.1
//! and their neighbors        100.00%  100.0 to 100.0%      1.5
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
use rekindle::{
    Device, Inputs, Modality, ModelOf, Several,
    data::Random,
    train::{Classify, CrossEntropy},
};
use support::{Accuracy, folder, head, hits, one, scratch, seeded, way::Way};

/// Compares parts of a network of four inputs.
#[derive(Parser)]
struct Arguments {
    /// Abstracts sentence by sentence, in train, dev and test files of PubMed RCT's form or of JSON lines; some are made without.
    #[arg(long)]
    data: Option<PathBuf>,
    /// An encoder that reads sentences, taken as it is; convolutions from nothing without.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Networks of each way, whose mean is shown.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Passes through the sentences.
    #[arg(long, default_value_t = 5)]
    epochs: usize,
    /// Folder for the abstracts that are made.
    #[arg(long, default_value = "runs/four_inputs")]
    out: PathBuf,
}

fn main() -> Result<()> {
    let Arguments { data, weights, seeds, epochs, out } = Arguments::parse();
    let made = data.is_none();
    let data = data.map_or_else(|| abstracts(&out.join("abstracts")), Ok)?;
    run(&data, weights.as_deref(), seeds, epochs, if made { ["", ""] } else { ["course", "83.20"] })
        .map(drop)
}

pub(crate) fn run(
    data: &Path,
    weights: Option<&Path>,
    seeds: u64,
    epochs: usize,
    course: [&str; 2],
) -> Result<Vec<Accuracy>> {
    // ANCHOR: inputs
    let sentence = |inputs: Inputs| match weights {
        Some(weights) => inputs.text("sentence", "text", weights),
        None => inputs.untrained_text("sentence", "text", "conv1d"),
    };
    let characters = |inputs: Inputs| inputs.untrained_text("characters", "text", "conv1d.chars");
    let lines = |inputs: Inputs| {
        inputs.one_hot("line", "line_number", 15).one_hot("lines", "total_lines", 20)
    };
    let none = Inputs::default;
    let ways = [
        ("characters", characters(none())),
        ("sentence", sentence(none())),
        ("sentence, characters", characters(sentence(none())).join(256, 0.5)),
        ("all four", lines(characters(sentence(none()))).join(256, 0.5)),
        ("and their neighbors", lines(characters(sentence(none()).context(1))).join(256, 0.5)),
    ];
    // ANCHOR_END: inputs
    head(&data.display().to_string(), course[0]);
    let mut rows = Vec::new();
    for (name, inputs) in ways {
        let reached = if name == "all four" { course[1] } else { "" };
        rows.push(seeded(name, seeds, reached, |seed| {
            // ANCHOR: learn
            let set = Several::open::<usize>(&inputs.data(data))?;
            let device = Device::flex().autodiff();
            device.seed(seed);
            let model = ModelOf::<Several>::from_inputs(&inputs, &set, &device)?;
            let loss = CrossEntropy { smoothing: 0.2, ..CrossEntropy::default() };
            let task = Classify { loss, ..Classify::new(set.names.len()) };
            // What has weights stays as it is; what is new is trained.
            let name = if weights.is_some() { "head" } else { "scratch" };
            let way = Way { name, ..scratch(epochs, 3e-3, seed) };
            let model = way.fit(model, &set, task)?.model;
            // ANCHOR_END: learn
            hits(&model, &set)
        })?);
    }
    Ok(rows)
}

/// Abstracts whose sentences hardly tell their role: every second one says a word of it, results have numbers, and the rest is said by
/// the line and by how many there are.
pub(crate) fn abstracts(path: &Path) -> Result<PathBuf> {
    let path = folder(path.to_owned())?;
    for (part, (name, count)) in [("train", 160), ("dev", 40), ("test", 60)].into_iter().enumerate()
    {
        let line = |number: u64| {
            let mut random = Random::new(0, part as u64, number);
            let lines = 4 + random.below(4);
            let role = |line: usize| match line {
                0 => "objective",
                line if line + 1 == lines => "conclusion",
                line if line + 2 >= lines => "result",
                _ => "method",
            };
            let labels: Vec<&str> = (0..lines).map(role).collect();
            let sentences: Vec<String> =
                labels.iter().map(|role| said(role, &mut random)).collect();
            serde_json::json!({"sentences": sentences, "labels": labels}).to_string()
        };
        let all: Vec<String> = (0..count).map(line).collect();
        fs::write(path.join(format!("{name}.jsonl")), all.join("\n"))?;
    }
    Ok(path)
}

fn said(role: &str, random: &mut Random) -> String {
    let word = match (role, random.below(2)) {
        ("objective", 0) => "we aim at",
        ("method", 0) => "we measured",
        ("result", 0) => "we found",
        ("conclusion", 0) => "we conclude that",
        ("result", _) => {
            return format!("{}.{}% {}", random.below(90), random.below(10), one(&THINGS, random));
        }
        _ => "there is",
    };
    format!("{word} {}", one(&THINGS, random))
}

const THINGS: [&str; 5] = ["the pressure", "a dose", "the group", "an effect", "the time"];
