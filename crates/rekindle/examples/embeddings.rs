//! Words as vectors: trained on the spot, or given, as GloVe's are; which words are near each other, and what given ones are worth
//! where few texts have labels.
//!
//! ```sh
//! cargo run --release --example embeddings
//! cargo run --release --example embeddings -- --data DIR --weights glove.6B.50d.txt --seeds 3
//! ```
//!
//! Without arguments sentences of six subjects teach vectors, which two labels of few texts then begin with. Expected, at once:
//!
//! ```text
//!   soup: plum 0.98, cream 0.98, cheese 0.98, apple 0.98, salad 0.98
//! ...
//! 16 labelled texts
//! from nothing                78.33%   72.9 to  82.9%      0.0
//! given, as they are         100.00%  100.0 to 100.0%      0.0
//! given, then trained         83.33%   78.3 to  87.9%      0.1
//! ```
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

#[allow(dead_code, reason = "other examples use more of it")]
#[path = "support/texts.rs"]
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Parser;
use rekindle::{
    Device, Embeddings, TextModel,
    data::{SampleOf, draw_shots},
    text::{Text, WantedWords, WordVectors},
    train::Classify,
};
use support::{
    Accuracy, Texts, folder, head, hits, made, one, scratch, seeded, tweets, untrained, way::Way,
};

/// Learns vectors of words, and reads others.
#[derive(Parser)]
struct Arguments {
    /// Disaster tweets: train.csv and the numbers of those that are tested on; sentences that are made without.
    #[arg(long, requires = "weights")]
    data: Option<PathBuf>,
    /// Vectors of words, as GloVe's or word2vec's; what was learned on other labels without.
    #[arg(long, requires = "data")]
    weights: Option<PathBuf>,
    /// Texts of each label that is learned, where there are few.
    #[arg(long, default_value_t = 100)]
    shots: usize,
    /// Networks of each way, whose mean is shown.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Folder for the vectors.
    #[arg(long, default_value = "runs/embeddings")]
    out: PathBuf,
}

fn main() -> Result<()> {
    let Arguments { data, weights, shots, seeds, out } = Arguments::parse();
    match (data, weights) {
        (Some(data), Some(weights)) => {
            let data = tweets(&data)?;
            println!("trained on the spot");
            near(&learned(&data)?, &["fire", "flood", "love"])?;
            println!("given");
            near(&given(&weights)?, &["fire", "flood", "love"])?;
            compare(&data, &weights, shots, seeds)?;
            compare(&data, &weights, data.train.len(), seeds).map(drop)
        }
        _ => run(seeds, &folder(out)?).map(drop),
    }
}

/// Vectors that six subjects taught, and two labels of few texts that they then serve.
pub(crate) fn run(seeds: u64, out: &Path) -> Result<(Embeddings, Vec<Accuracy>)> {
    let taught = learned(&subjects(|subject| SUBJECTS[subject].0)?)?;
    near(&taught, &["soup", "piano", "storm"])?;
    // ANCHOR: save
    // As GloVe has them: a word and its numbers a line.
    let line = |place: usize| {
        let numbers: Vec<String> = taught.row(place).iter().map(f32::to_string).collect();
        format!("{} {}", taught.items()[place], numbers.join(" "))
    };
    let file = out.join("vectors.txt");
    fs::write(&file, (0..taught.len()).map(line).collect::<Vec<_>>().join("\n"))?;
    // For whoever looks at them elsewhere, with the words beside them.
    taught.save(&out.join("vectors.npy"))?;
    // ANCHOR_END: save
    let places = subjects(|subject| if subject < 3 { "indoors" } else { "outdoors" })?;
    Ok((taught, compare(&places, &file, 8, seeds)?))
}

// ANCHOR: learn
/// Vectors of all words of texts, by a network that takes the mean of a text's.
fn learned(data: &Texts) -> Result<Embeddings> {
    let texts: Vec<&Text> = data.train.iter().map(|sample| &sample.item).collect();
    let task = Classify::new(data.names.len());
    let model = scratch(8, 1e-2, 0).fit(untrained("mean", data, &texts, 0)?, data, task)?.model;
    let tokenizer = model.modality().tokenizer();
    let words: Vec<String> =
        (2..tokenizer.len() as u32).filter_map(|id| tokenizer.token(id)).collect();
    let mut vectors = Embeddings::new(model.embed_dim(None)?, None);
    for part in words.chunks(64) {
        // Of a single word the mean is its vector.
        for (word, vector) in part.iter().zip(model.embed(part.iter().cloned())?) {
            vectors.push(word, "", &vector);
        }
    }
    Ok(vectors)
}
// ANCHOR_END: learn

// ANCHOR: given
/// Vectors that others trained.
fn given(file: &Path) -> Result<Embeddings> {
    let read = WordVectors::read(file, WantedWords::All)?;
    println!("{}", read.describe());
    let mut vectors = Embeddings::new(read.dim, None);
    let rows = read.words.iter().zip(read.vectors.chunks_exact(read.dim));
    rows.for_each(|(word, row)| vectors.push(word, "", row));
    Ok(vectors)
}
// ANCHOR_END: given

// ANCHOR: near
/// The words that are nearest to some, by the cosine.
fn near(vectors: &Embeddings, words: &[&str]) -> Result<()> {
    for word in words {
        let place = vectors.find(word).with_context(|| format!("no vector of {word}"))?;
        let near = vectors.neighbors(vectors.row(place), 5, Some(place));
        let shown =
            near.iter().map(|it| format!("{} {:.2}", vectors.items()[it.place], it.similarity));
        println!("  {word}: {}", shown.collect::<Vec<_>>().join(", "));
    }
    Ok(())
}
// ANCHOR_END: near

/// The mean of embeddings with so many texts a label: of nothing, of given vectors that stay, of given vectors that learn.
fn compare(data: &Texts, file: &Path, shots: usize, seeds: u64) -> Result<Vec<Accuracy>> {
    // Words are learned of all texts: that takes no labels.
    let texts: Vec<&Text> = data.train.iter().map(|sample| &sample.item).collect();
    // Whoever has few labels has few to choose by, too.
    let few = |samples: &[SampleOf<usize, Text>]| {
        let places = draw_shots(samples, data.names.len(), shots, 0);
        places.into_iter().map(|place| samples[place].clone()).collect()
    };
    let labelled = Texts { train: few(&data.train), val: few(&data.val), ..data.clone() };
    head(&format!("{} labelled texts", labelled.train.len()), "");
    let mut rows = Vec::new();
    for (name, recipe) in [
        ("from nothing", "scratch"),
        ("given, as they are", "head"),
        ("given, then trained", "scratch"),
    ] {
        rows.push(seeded(name, seeds, "", |seed| {
            // ANCHOR: vectors
            let mut model: TextModel = untrained("mean", data, &texts, seed)?;
            if name != "from nothing" {
                let (begun, said) = model.with_vectors(file, &Device::flex().autodiff())?;
                model = begun;
                if seed == 0 && recipe == "head" {
                    println!("{said}");
                }
            }
            let way = Way { name: recipe, ..scratch(12, 1e-2, seed) };
            let model = way.fit(model, &labelled, Classify::new(data.names.len()))?.model;
            // ANCHOR_END: vectors
            hits(&model, data)
        })?);
    }
    Ok(rows)
}

pub(crate) const SUBJECTS: [(&str, &str); 6] = [
    (
        "food",
        "soup bread cheese apple fish rice salad pepper tea honey butter onion lemon plum pasta garlic cream carrot pie",
    ),
    (
        "music",
        "song piano drum choir violin tune opera guitar rhythm concert flute melody chord organ ballad anthem harp cello",
    ),
    (
        "books",
        "novel poem page author chapter story library verse letter print essay fable prose diary myth editor saga plot",
    ),
    (
        "weather",
        "storm cloud snow wind frost thunder fog hail sun breeze rain mist ice drought gale heat sleet thaw lightning",
    ),
    (
        "sport",
        "goal race match team ball coach runner referee score league sprint medal rally javelin relay tackle swim hurdle",
    ),
    (
        "land",
        "valley river path forest peak lake bridge meadow cliff camp ridge canyon dune marsh island trail glacier cave",
    ),
];

/// Sentences of three words of a subject, with a label by it.
fn subjects(label: impl Fn(usize) -> &'static str) -> Result<Texts> {
    made("subjects", 1200, |number, random| {
        let words: Vec<&str> = SUBJECTS[number % 6].1.split(' ').collect();
        let [a, b, c] = [(); 3].map(|()| one(&words, random));
        (format!("the {a} and the {b} with a {c}"), label(number % 6))
    })
}
