//! Networks that begin from nothing, on the texts of a list: how well each does, and by which recipe.
//!
//! ```sh
//! cargo run --release --workspace --example scratch -- --data tweets.csv --label target --model lstm bilstm --seeds 3
//! ```
//!
//! The list has a column `split`, or a part of it is drawn to validate on. A line a network and seed: the accuracy of each
//! epoch, the last of which counts, as nothing was chosen by it.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{path::PathBuf, sync::Arc, time::Instant};

use anyhow::Result;
use burn::prelude::*;
use clap::Parser;
use rekindle_data::{DataConfig, canonical};
use rekindle_finetune::{EngineConfig, HeadStart, Items, Trainee, finetune};
use rekindle_language::{EncoderConfig, SCRATCH, TextBackbone};
use rekindle_text::{
    PrepareTexts, Text, TextConfig, Unit, Vocabulary, VocabularyConfig, open_texts,
};
use rekindle_train::{Classify, OptimizerConfig, Schedule, Train, Validation};
use rekindle_transfer::{Classifier, Frozen, Phase, Plan};

/// What is learned, from where, by which recipe.
#[derive(Debug, Parser)]
struct Arguments {
    /// A list of texts.
    #[arg(long)]
    data: PathBuf,
    /// The column of texts; twice for a pair.
    #[arg(long)]
    text: Vec<String>,
    /// The column of labels.
    #[arg(long)]
    label: Option<String>,
    /// Which networks.
    #[arg(long, num_args = 1.., default_values_t = SCRATCH.map(str::to_owned))]
    model: Vec<String>,
    #[arg(long, default_value_t = 5)]
    epochs: usize,
    #[arg(long, default_value_t = 1e-3)]
    lr: f64,
    #[arg(long, default_value_t = 0.01)]
    weight_decay: f32,
    /// Share of the steps in which the rate rises, before half a cosine.
    #[arg(long, default_value_t = 0.1)]
    warmup: f64,
    #[arg(long, default_value_t = 0.0)]
    dropout: f64,
    #[arg(long, default_value_t = 0.0)]
    head_dropout: f64,
    #[arg(long, default_value_t = 32)]
    batch: usize,
    /// Texts are cut at the length that this share of them does not exceed.
    #[arg(long, default_value_t = 0.95)]
    whole: f64,
    #[arg(long, default_value_t = 10_000)]
    words: usize,
    #[arg(long, default_value_t = 1)]
    seeds: u64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let data = DataConfig::new(&arguments.data);
    let (text, label) = (arguments.text.clone(), arguments.label.clone());
    let set = open_texts::<usize>(&TextConfig { data, text, label })?;
    println!("{}", set.describe());
    let texts: Vec<Text> = set.train.iter().map(|sample| sample.item.clone()).collect();
    let config = VocabularyConfig {
        max_tokens: arguments.words,
        whole: arguments.whole,
        ..VocabularyConfig::new(Unit::Word)
    };
    let learned = Vocabulary::learn(&texts, &config)?;
    println!(
        "{} words known, {:.1} of 100 unknown; texts are cut at {} words",
        learned.tokenizer.len(),
        100.0 * learned.unknown as f64 / learned.tokens as f64,
        learned.tokenizer.max_tokens()
    );
    let tokenizer = Arc::new(learned.tokenizer);
    for name in &arguments.model {
        let mut last = Vec::new();
        for seed in 0..arguments.seeds {
            let start = Instant::now();
            let config = EncoderConfig {
                hidden_dropout: arguments.dropout,
                classifier_dropout: arguments.head_dropout,
                pad_token_id: tokenizer.pad() as usize,
                ..EncoderConfig::scratch(name, tokenizer.len())?
            };
            let device = Device::flex().autodiff();
            device.seed(seed);
            let backbone = TextBackbone::new(&config, &device);
            let network = Classifier::new(backbone, set.names.len(), &device);
            let prepare = || PrepareTexts::new(Arc::clone(&tokenizer), config.vocab_size);
            let items = |samples: &[_]| Items { samples: samples.to_vec(), prepare: prepare() };
            let parts = (Train(items(&set.train)), Validation(items(&set.val)));
            let weight_decay = arguments.weight_decay;
            let phase = Phase {
                optimizer: OptimizerConfig::AdamW { weight_decay },
                schedule: Schedule::Cosine { warmup: arguments.warmup },
                ..Phase::new("all", arguments.epochs, Frozen::Nothing, arguments.lr)
            };
            let plan = Plan::new(vec![phase]);
            let task = Classify::new(set.names.len());
            let run = EngineConfig {
                batch: arguments.batch,
                seed,
                head: HeadStart::AsItIs,
                probe: false,
                ..EngineConfig::new(plan, task)
            };
            let identity = canonical(&(config.to_json(), &set.names));
            let found = finetune(Trainee::new(network, identity), parts, run, None, &mut [])?;
            let of =
                |values: &rekindle_train::Epoch| values.val.get("accuracy").unwrap_or(f64::NAN);
            let epochs: Vec<f64> = found.history.iter().map(of).collect();
            let shown: Vec<String> = epochs.iter().map(|value| format!("{value:.4}")).collect();
            println!(
                "{name} seed {seed}: {} {:.1} s",
                shown.join(" "),
                start.elapsed().as_secs_f64()
            );
            last.extend(epochs.last());
        }
        let mean = last.iter().sum::<f64>() / last.len() as f64;
        println!("{name}: {mean:.4} after {} epochs, mean of {}", arguments.epochs, last.len());
    }
    Ok(())
}
