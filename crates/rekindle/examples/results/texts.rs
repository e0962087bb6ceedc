//! The sets of texts: as lists with the parts that others measure on.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result};
use rekindle::{
    Device, TextModel,
    checkpoint::CheckpointFile,
    data::{DataSetOf, SampleOf},
    text::{Text, TextBaseline, TextConfig, open_texts},
    train::Classify,
};

use crate::{
    Arguments, Row, Rows, Way,
    tweets::{self, Tweet},
};

/// A set of texts.
pub(crate) struct TextSet {
    pub(crate) name: &'static str,
    /// Its lines: text, label, part.
    lines: fn(&Path) -> Result<Vec<[String; 3]>>,
}

pub(crate) const SETS: [TextSet; 2] = [
    TextSet { name: "disaster tweets", lines: tweets },
    TextSet { name: "SST-2", lines: sentences },
];

/// The encoder whose weights are fine-tuned, and its ways, with their epochs and rates.
const ENCODER: &str = "all-MiniLM-L6-v2";
const WAYS: [(&str, usize, f64); 3] = [("probe", 1, 1e-3), ("head", 5, 1e-3), ("full", 3, 3e-4)];
/// As it is usual for texts.
const DECAY: f64 = 0.9;
/// Networks from nothing, their epochs and rate.
const SCRATCH: [&str; 5] = ["mean", "conv1d", "lstm", "gru", "bilstm"];
const SCRATCH_EPOCHS: usize = 5;
const SCRATCH_RATE: f64 = 3e-3;

impl TextSet {
    /// Every way that was not measured yet.
    pub(crate) fn measure(&self, arguments: &Arguments, rows: &mut Rows) -> Result<()> {
        let folder = arguments.out.join("texts");
        fs::create_dir_all(&folder)?;
        let list = folder.join(format!("{}.jsonl", self.name));
        let lines = (self.lines)(&arguments.data.join("text"))?;
        let line = |[text, label, split]: &[String; 3]| {
            serde_json::json!({"text": text, "label": label, "split": split}).to_string()
        };
        fs::write(&list, lines.iter().map(line).collect::<Vec<_>>().join("\n"))?;
        let data = open_texts::<usize>(&TextConfig::new(&list))?;
        self.baselines(&data, rows)?;
        let weights = arguments.data.join("weights").join(ENCODER);
        for &seed in &arguments.seeds {
            for (way, epochs, rate) in WAYS {
                self.learn(&data, Some(&weights), way, (way, epochs, rate), seed, rows)?;
            }
            for network in SCRATCH {
                let how = ("scratch", SCRATCH_EPOCHS, SCRATCH_RATE);
                self.learn(&data, None, network, how, seed, rows)?;
            }
        }
        Ok(())
    }

    fn learn(
        &self,
        data: &DataSetOf<usize, Text>,
        weights: Option<&PathBuf>,
        called: &str,
        (name, epochs, rate): (&str, usize, f64),
        seed: u64,
        rows: &mut Rows,
    ) -> Result<()> {
        if rows.find(self.name, called, seed).is_some() {
            return Ok(());
        }
        let start = Instant::now();
        let device = Device::flex().autodiff();
        device.seed(seed);
        let file = weights.map(|path| CheckpointFile::open(path)).transpose()?;
        let network = if file.is_none() { Some(called) } else { None };
        let items: Vec<&Text> = data.train.iter().map(|sample| &sample.item).collect();
        let task = Classify::new(data.names.len());
        let (model, _) =
            TextModel::for_items(network, file.as_ref(), &task, &data.names, &items, &device)?;
        let way = Way { name, epochs, rate, decay: DECAY, metric: "accuracy", seed };
        let found = way.train(model, data)?;
        rows.push(self.row(data, called, seed, found, start))
    }

    /// Counted words.
    fn baselines(&self, data: &DataSetOf<usize, Text>, rows: &mut Rows) -> Result<()> {
        let start = Instant::now();
        let classes = data.names.len();
        let of =
            |samples: &[SampleOf<usize, Text>]| TextBaseline::all(&data.train, samples, classes);
        for (val, test) in of(&data.val).into_iter().zip(of(&data.test)) {
            let name = val.kind.name();
            if rows.find(self.name, name, 0).is_none() {
                let test = if data.test.is_empty() { f64::NAN } else { test.accuracy() };
                let found = [val.accuracy(), val.accuracy(), test];
                rows.push(self.row(data, name, 0, found, start))?;
            }
        }
        Ok(())
    }

    fn row(
        &self,
        data: &DataSetOf<usize, Text>,
        way: &str,
        seed: u64,
        [kept, last, test]: [f64; 3],
        start: Instant,
    ) -> Row {
        Row {
            set: self.name.to_owned(),
            way: way.to_owned(),
            seed,
            train: data.train.len(),
            val: data.val.len(),
            kept,
            last,
            test: Some(test).filter(|test| test.is_finite()),
            seconds: start.elapsed().as_secs_f64(),
        }
    }
}

/// The ways in the table's order.
pub(crate) fn ways(rows: &Rows, set: &str) -> Vec<String> {
    let known = WAYS.map(|(way, ..)| way);
    let mut found: Vec<String> = Vec::new();
    for row in rows.all.iter().filter(|row| row.set == set) {
        if !found.contains(&row.way) {
            found.push(row.way.clone());
        }
    }
    let place = |way: &String| match known.iter().position(|name| name == way) {
        Some(place) => 100 + place,
        None => SCRATCH.iter().position(|name| name == way).map_or(0, |place| 10 + place),
    };
    found.sort_by_key(place);
    found
}

/// Disaster tweets; what a well-known course validates on is validated on.
fn tweets(texts: &Path) -> Result<Vec<[String; 3]>> {
    let row = |tweet: Tweet| {
        let part = if tweet.is_validated_on { "val" } else { "train" };
        [tweet.text, tweet.label, part.to_owned()]
    };
    Ok(tweets::tweets(&texts.join("text_disaster_tweets"))?.into_iter().map(row).collect())
}

/// Sentences of the Stanford Sentiment Treebank with two labels, a label and a sentence a line.
fn sentences(texts: &Path) -> Result<Vec<[String; 3]>> {
    let mut all = Vec::new();
    for (file, part) in [("train", "train"), ("dev", "val"), ("test", "test")] {
        let path = texts.join("sst2_sentences").join(format!("stsa.binary.{file}"));
        for line in fs::read_to_string(&path)?.lines() {
            let (label, text) = line.split_once(' ').with_context(|| format!("{line:?}"))?;
            all.push([text.to_owned(), label.to_owned(), part.to_owned()]);
        }
    }
    Ok(all)
}
