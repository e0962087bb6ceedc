//! A pretrained text encoder, fine-tuned by the engine on the texts of a list.
//!
//! ```sh
//! cargo run --release --example texts -- --data tweets.csv --label target --model all-MiniLM-L6-v2 --recipe full
//! ```
//!
//! `--model` is a folder as the Hub has it. Printed are what naive Bayes on counted words reaches, then a line an epoch.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{path::PathBuf, sync::Arc, time::Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;
use rekindle::{
    Device,
    checkpoint::{CheckpointFile, HeadPolicy, load},
    data::{DataConfig, Views, canonical},
    engine::{self, EngineConfig, EngineFolder, Items, Start, Trainee, naming},
    language::{EncoderConfig, TextBackbone, text_pool},
    text::{
        NaiveBayes, PrepareTexts, Sparse, Text, TextConfig, TfIdf, Tokenizer, WordCounts,
        open_texts,
    },
    train::{Classify, Epoch, Train, Validation},
    transfer::{Classifier, Recipe},
};

/// What is learned, from where.
#[derive(Debug, Parser)]
struct Arguments {
    /// A list of texts.
    #[arg(long)]
    data: PathBuf,
    /// A list to validate on.
    #[arg(long)]
    val: Option<PathBuf>,
    /// The column of texts; twice for a pair.
    #[arg(long)]
    text: Vec<String>,
    /// The column of labels.
    #[arg(long)]
    label: Option<String>,
    /// The encoder's folder.
    #[arg(long)]
    model: PathBuf,
    /// What is trained.
    #[arg(long, default_value = "head")]
    recipe: String,
    #[arg(long, default_value_t = 4)]
    epochs: usize,
    /// The head's rate.
    #[arg(long, default_value_t = 1e-3)]
    lr: f64,
    #[arg(long, default_value_t = 32)]
    batch: usize,
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where the run is kept.
    #[arg(long)]
    out: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let start = Instant::now();
    let data = DataConfig { val: arguments.val.clone(), ..DataConfig::new(&arguments.data) };
    let (text, label) = (arguments.text.clone(), arguments.label.clone());
    let set = open_texts::<usize>(&TextConfig { data, text, label })?;
    println!("{}", set.describe());
    set.notes.iter().for_each(|note| println!("{note}"));

    let words = WordCounts::learn(set.train.iter().map(|sample| &*sample.item.text));
    let counted: Vec<Sparse> =
        set.train.iter().map(|sample| words.count(&sample.item.text)).collect();
    let weights = TfIdf::learn(&counted, words.len());
    let weighed: Vec<Sparse> = counted.iter().map(|counted| weights.weigh(counted)).collect();
    let labels: Vec<usize> = set.train.iter().map(|sample| sample.label).collect();
    let bayes = NaiveBayes::learn(&weighed, &labels, set.names.len(), words.len());
    let answer = |text: &Text| bayes.predict(&weights.weigh(&words.count(&text.text)));
    let right = set.val.iter().filter(|sample| answer(&sample.item) == sample.label).count();
    println!("naive Bayes on counted words: {:.4}", right as f64 / set.val.len() as f64);

    let file = CheckpointFile::open(&arguments.model)?;
    let config = file.config_json().context("the folder has no config.json")?;
    let mut config = EncoderConfig::from_json(config)?;
    config.pool = text_pool(&arguments.model)?.unwrap_or(config.pool);
    let device = Device::flex().autodiff();
    device.seed(arguments.seed);
    let network = Classifier::new(TextBackbone::new(&config, &device), set.names.len(), &device);
    let (network, report) = load(network.clone(), &file, &naming(&network), HeadPolicy::Fresh)?;
    println!("{report}");
    let tokenizer = Arc::new(Tokenizer::open(&arguments.model, config.max_tokens())?);
    let items = |samples| Items {
        samples,
        prepare: PrepareTexts::new(Arc::clone(&tokenizer), config.vocab_size),
    };
    let parts = (Train(items(set.train)), Validation(items(set.val)));
    let identity = canonical(&(&arguments.model, &set.names));
    let trainee = Trainee::new(network, identity);
    let task = Classify::new(set.names.len());
    let mut show = |epoch: &Epoch| {
        let of = |name: &str| epoch.val.get(name).unwrap_or(f64::NAN);
        println!(
            "epoch {:>2} {:<12} loss {:.4}, accuracy {:.4}, {:.1} s",
            epoch.number,
            epoch.phase,
            of("loss"),
            of("accuracy"),
            epoch.seconds
        );
    };
    match Recipe::named(&arguments.recipe, arguments.epochs, arguments.lr)? {
        Recipe::Train(plan) => {
            let config = EngineConfig {
                batch: arguments.batch,
                seed: arguments.seed,
                views: Views::Cycled(std::num::NonZeroUsize::MIN),
                ..EngineConfig::new(plan, task)
            };
            let folder = arguments
                .out
                .as_ref()
                .map(|out| EngineFolder { start: Start::Fresh, ..EngineFolder::new(out) });
            let found = engine::finetune(trainee, parts, config, folder.as_ref(), &mut [])?;
            found.history.iter().for_each(&mut show);
            if let Some(probe) = found.probe {
                println!("probe: {probe:.4}");
            }
            println!("kept: epoch {}, accuracy {:.4}", found.best.number, found.scores.top(1));
        }
        Recipe::Probe => {
            let config = EngineConfig::new(rekindle::transfer::Plan::new(Vec::new()), task);
            let found = engine::probe(trainee, parts, config, None)?;
            println!("probe: {:.4}", found.scores.top(1));
        }
        Recipe::AsIs => bail!("`as-is` trains nothing"),
    }
    println!("{:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}
