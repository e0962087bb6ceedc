//! Encoders of texts, and layers over time.

use std::{collections::BTreeMap, io::Write, path::PathBuf, sync::Arc, time::Instant};

use anyhow::{Context, ensure};
use burn::{
    module::Module,
    nn::{Embedding, EmbeddingConfig, Linear, LinearConfig, loss::CrossEntropyLossConfig},
    optim::GradientsParams,
    prelude::*,
    tensor::Distribution,
};
use clap::Args;
use rekindle_checkpoint::{CheckpointFile, HeadPolicy, Naming, load};
use rekindle_data::{Prepare, View};
use rekindle_finetune::FromPrepared;
use rekindle_kernels::{embedding, profile};
use rekindle_language::{EncoderConfig, TextBackbone, text_pool};
use rekindle_layers::{
    Activation, Backbone, Conv1d, Conv1dConfig, Padding1d, Pooling, Recurrence, Recurrent,
    RecurrentConfig, Sequence, Tokens,
};
use rekindle_text::{PrepareTexts, Text, Tokenizer};
use rekindle_train::{OptimizerConfig, Rates};
use serde_json::{Value, json};

use super::pool;

/// An encoder, texts, and how many at once.
#[derive(Debug, Args)]
pub struct Embed {
    /// The encoder's folder, as the Hub has it.
    folder: PathBuf,
    /// Texts: JSON lines with `text` or `sentences`, or a text a line. The first thousand are taken.
    texts: PathBuf,
    /// Texts at once.
    #[arg(long, num_args = 1.., default_values_t = [1, 32])]
    batch: Vec<usize>,
    #[arg(long, default_value_t = 2)]
    threads: usize,
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    /// What the time is spent on.
    #[arg(long)]
    profile: bool,
}

/// Texts of a measurement.
const MOST: usize = 1000;

impl Embed {
    /// Measures, a line a batch.
    ///
    /// # Errors
    ///
    /// If the encoder or the texts cannot be read, or `out` cannot be written.
    pub fn measure(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let texts = self.read()?;
        let file = CheckpointFile::open(&self.folder)?;
        let config = file.config_json().context("the folder has no config.json")?;
        let mut config = EncoderConfig::from_json(config)?;
        config.pool = text_pool(&self.folder)?.unwrap_or(config.pool);
        let device = Device::flex();
        let network = TextBackbone::new(&config, &device);
        let naming = Naming::of(&network, "", "");
        let (network, _) = load(network, &file, &naming, HeadPolicy::Fresh)?;
        let tokenizer = Arc::new(Tokenizer::open(&self.folder, config.max_tokens())?);
        let prepare = PrepareTexts::new(tokenizer, config.vocab_size);
        for &batch in &self.batch {
            ensure!(batch > 0, "a batch of no texts");
            let run = || -> anyhow::Result<()> {
                for texts in texts.chunks(batch) {
                    let encoded = texts.iter().map(|text| prepare.prepare(text, View::PLAIN, None));
                    let mut encoded = encoded.collect::<Result<Vec<_>, _>>()?;
                    let tokens = Tokens::from_prepared(prepare.collate(&mut encoded)?, &device);
                    let _ = network.embed(tokens).into_data();
                }
                Ok(())
            };
            let seconds = pool::in_pool(self.threads, || median(self.runs, run))??;
            let speed = texts.len() as f64 / seconds;
            if self.json {
                let row = json!({"what": "embed", "peer": "rekindle", "batch": batch, "texts": texts.len(),
                    "sentences_per_second": (speed * 10.0).round() / 10.0});
                writeln!(out, "{row}")?;
            } else {
                writeln!(out, "{} texts, {batch} at once: {speed:.1} a second", texts.len())?;
            }
            if self.profile {
                let recorded = pool::in_pool(self.threads, || profile::record(run))?;
                let mut spent: BTreeMap<&str, (usize, f64, f64)> = BTreeMap::new();
                for operation in recorded.1 {
                    let (count, seconds, flops) = spent.entry(operation.what).or_default();
                    *count += 1;
                    *seconds += operation.duration.as_secs_f64();
                    *flops += operation.flops;
                }
                for (what, (count, seconds, flops)) in spent {
                    let rate = flops / seconds / 1e9;
                    writeln!(
                        out,
                        "  {what:<16} {count:>6} times {:>8.1} ms {rate:>6.0} GFLOP/s",
                        seconds * 1e3
                    )?;
                }
            }
        }
        Ok(())
    }

    /// The texts, shortest first.
    fn read(&self) -> anyhow::Result<Vec<Text>> {
        let all = std::fs::read_to_string(&self.texts)
            .with_context(|| self.texts.display().to_string())?;
        let lines = self.texts.extension().is_some_and(|extension| extension == "jsonl");
        let mut texts = Vec::new();
        for line in all.lines().take(MOST) {
            let value =
                if lines { serde_json::from_str(line)? } else { Value::String(line.to_owned()) };
            let found = match &value {
                Value::String(text) => vec![text.as_str()],
                other => match other.get("sentences").and_then(Value::as_array) {
                    Some(sentences) => sentences.iter().filter_map(Value::as_str).collect(),
                    None => other.get("text").and_then(Value::as_str).into_iter().collect(),
                },
            };
            texts.extend(found.into_iter().filter(|text| !text.is_empty()).map(Text::from));
        }
        texts.truncate(MOST);
        texts.sort_by_key(|text| text.text.chars().count());
        Ok(texts)
    }
}

/// The median of some runs, after one that is not counted.
pub(super) fn median(
    runs: usize,
    mut run: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    run()?;
    let mut seconds = Vec::new();
    for _ in 0..runs.max(1) {
        let start = Instant::now();
        run()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[seconds.len() / 2])
}

/// Layers over time, and how large.
#[derive(Debug, Args)]
pub struct RecurrentLayers {
    /// lstm, gru, bilstm, bigru, conv1d.
    #[arg(required = true)]
    models: Vec<String>,
    #[arg(long, num_args = 1.., default_values_t = [32])]
    batch: Vec<usize>,
    #[arg(long, default_value_t = 2)]
    threads: usize,
    #[arg(long, default_value_t = 7)]
    runs: usize,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Words, and numbers of a word.
const WORDS: usize = 10_000;
const CHANNELS: usize = 128;
const CLASSES: usize = 5;
/// Steps and units.
const SIZES: [(usize, usize); 2] = [(15, 64), (128, 256)];
/// Steps that the convolution sees.
const KERNEL: usize = 5;

#[derive(Module, Debug)]
struct Model {
    embedding: Embedding,
    layer: Layer,
    head: Linear,
}

#[derive(Module, Debug)]
enum Layer {
    Recurrent(Recurrent),
    Conv1d(Conv1d),
}

impl Model {
    fn new(name: &str, units: usize, device: &Device) -> anyhow::Result<Self> {
        let (both, kind) = match name.strip_prefix("bi") {
            Some(kind) => (true, kind),
            None => (false, name),
        };
        let recurrent = |kind| {
            let config = RecurrentConfig {
                bidirectional: both,
                ..RecurrentConfig::new(kind, CHANNELS, units)
            };
            Layer::Recurrent(config.init(device))
        };
        let layer = match kind {
            "lstm" => recurrent(Recurrence::Lstm),
            "gru" => recurrent(Recurrence::Gru),
            "conv1d" => {
                let config = Conv1dConfig::new([CHANNELS, units], KERNEL);
                let padding = Padding1d::Explicit(0, 0);
                Layer::Conv1d(Conv1dConfig { padding, ..config }.init(device))
            }
            _ => {
                anyhow::bail!("unknown layer `{name}`; known are lstm, gru, bilstm, bigru, conv1d")
            }
        };
        let width = if both { 2 * units } else { units };
        Ok(Self {
            embedding: EmbeddingConfig::new(WORDS, CHANNELS).init(device),
            layer,
            head: LinearConfig::new(width, CLASSES).init(device),
        })
    }

    fn forward(&self, words: Tensor<2, Int>) -> Tensor<2> {
        let x = embedding(self.embedding.weight.val(), words);
        let [batch, _, _] = x.dims();
        let x = match &self.layer {
            Layer::Recurrent(layer) => {
                let y = layer.forward(x, None, None).0;
                let [_, length, width] = y.dims();
                y.narrow(1, length - 1, 1).reshape([batch, width])
            }
            Layer::Conv1d(layer) => {
                let hidden = layer.forward(x, Activation::Relu);
                let mask = Tensor::ones([batch, hidden.dims()[1]], &hidden.device());
                Pooling::Max.forward(Sequence { hidden, mask })
            }
        };
        self.head.forward(x)
    }
}

impl RecurrentLayers {
    /// Measures, a line a layer, batch and size.
    ///
    /// # Errors
    ///
    /// If a layer is unknown, or `out` cannot be written.
    pub fn measure(&self, out: &mut impl Write) -> anyhow::Result<()> {
        for name in &self.models {
            for (&batch, (length, units)) in
                self.batch.iter().flat_map(|batch| SIZES.map(|size| (batch, size)))
            {
                let [train, infer] =
                    pool::in_pool(self.threads, || self.times(name, batch, length, units))??;
                let rounded = |seconds: f64| (seconds * 1e5).round() / 100.0;
                let (train, infer) = (rounded(train), rounded(infer));
                if self.json {
                    let row = json!({"what": "recurrent", "peer": "rekindle", "model": name, "batch": batch,
                        "length": length, "units": units, "train_ms": train, "infer_ms": infer});
                    writeln!(out, "{row}")?;
                } else {
                    writeln!(
                        out,
                        "{name} {batch} x {length} x {units}: a step {train} ms, forward {infer} ms"
                    )?;
                }
            }
        }
        Ok(())
    }

    fn times(
        &self,
        name: &str,
        batch: usize,
        length: usize,
        units: usize,
    ) -> anyhow::Result<[f64; 2]> {
        let plain = Device::flex();
        let device = plain.clone().autodiff();
        let drawn =
            Tensor::<2>::random([batch, length], Distribution::Uniform(0.0, WORDS as f64), &plain);
        let words = drawn.int();
        let mut model = Some(Model::new(name, units, &device)?);
        let mut optimizer = OptimizerConfig::AdamW { weight_decay: 0.01 }.init();
        let tracked = Tensor::from_inner(words.clone());
        let train = median(self.runs, || {
            let Some(now) = model.take() else { return Ok(()) };
            let targets = Tensor::<1, Int>::zeros([batch], &device);
            let loss = CrossEntropyLossConfig::new()
                .init(&device)
                .forward(now.forward(tracked.clone()), targets);
            let _: f32 = loss.clone().into_scalar();
            let gradients = GradientsParams::from_grads(loss.backward(), &now);
            model = Some(optimizer.step(&Rates::uniform(1e-3), 1.0, now, gradients));
            Ok(())
        })?;
        let model = Model::new(name, units, &plain)?;
        let infer = median(self.runs, || {
            let _ = model.forward(words.clone()).into_data();
            Ok(())
        })?;
        Ok([train, infer])
    }
}
