//! What fine-tuning is worth: every recipe against a probe and against fastai's recipe in PyTorch, on real pictures; and on real
//! texts, against counted words and networks from nothing.
//!
//! ```sh
//! REKINDLE_TEST_DATA=DIR cargo xtask results                                      # ours alone
//! REKINDLE_TEST_DATA=DIR cargo xtask results --peers "python peers.py"            # with PyTorch, in turns
//! ```
//!
//! It takes an hour on two cores, goes on where it was interrupted, and writes `docs/results.md`. Expected: no recipe below
//! the probe, and `full` above it where pictures are others than the weights know, in a fraction of PyTorch's time.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use clap::Parser;
use rekindle::{
    Device, Learned, Model, ModelTask,
    cards::{HubConfig, InputSpec, Preprocessing},
    checkpoint::CheckpointFile,
    data::{DataConfig, DataSet, Parts, open_pictures},
};
use serde::Deserialize;

mod pictures;
mod rows;
mod texts;
#[path = "../support/tweets.rs"]
mod tweets;
mod way;

use pictures::{Pictures, cifar, fashion, lay_out};
use rows::{Row, Rows};
use way::Way;

/// Fine-tunes by every recipe on several data sets, and writes a table.
#[derive(Parser)]
struct Arguments {
    /// The folder of real data, with weights/ and images/.
    #[arg(long, env = "REKINDLE_TEST_DATA")]
    data: PathBuf,
    /// Python and the script whose command `unfreeze FOLDER MODEL --weights FILE --epochs N --seed S` is fastai's recipe.
    #[arg(long)]
    peers: Option<String>,
    /// Only the data sets whose name has this in it; no table is written then.
    #[arg(long)]
    only: Option<String>,
    /// Seeds of each way on each data set; times are told of the first.
    #[arg(long, value_delimiter = ',', default_value = "0,1,2")]
    seeds: Vec<u64>,
    /// Folder for the pictures and for what was measured.
    #[arg(long, default_value = "runs/results")]
    out: PathBuf,
    /// The table.
    #[arg(long, default_value = "docs/results.md")]
    table: PathBuf,
}

/// A data set, the weights to begin with, and for how long.
struct Set {
    name: &'static str,
    weights: &'static str,
    /// Height and width of the network's input, in pixels.
    side: usize,
    epochs: usize,
    pictures: Pictures,
}

#[rustfmt::skip]
const SETS: [Set; 5] = [
    Set { name: "hymenoptera", weights: "mobilenetv2_100.qat_in1k", side: 224, epochs: 6, pictures: Pictures::Folder("hymenoptera") },
    Set { name: "pizza_steak_sushi", weights: "mobilenetv2_100.qat_in1k", side: 224, epochs: 6, pictures: Pictures::Folder("pizza_steak_sushi") },
    Set { name: "Fashion-MNIST", weights: "mobilenetv2_100.qat_in1k", side: 96, epochs: 6, pictures: Pictures::LaidOut(fashion) },
    Set { name: "CIFAR-10", weights: "mobilenetv2_100.qat_in1k", side: 96, epochs: 3, pictures: Pictures::LaidOut(cifar) },
    Set { name: "CIFAR-10, turned", weights: "resnet20.cifar10", side: 32, epochs: 12, pictures: Pictures::Turned(cifar) },
];

/// The way against which the others are measured, and the peer's.
const PROBE: &str = "probe";
const PEER: &str = "fastai's, in PyTorch";
const WAYS: [&str; 5] = [PROBE, "head", "gradual", "full", "lora"];

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    fs::create_dir_all(&arguments.out)?;
    let mut rows = Rows::open(arguments.out.join("rows.jsonl"))?;
    let only = arguments.only.as_deref().unwrap_or_default();
    for set in SETS.iter().filter(|set| set.name.contains(only)) {
        let folder = set.folder(&arguments)?;
        for &seed in &arguments.seeds {
            match set.pictures {
                Pictures::Turned(_) => {
                    let mut config = DataConfig::new(folder.join("turned.csv"));
                    config.targets = vec!["degrees".to_owned()];
                    let data = open_pictures::<Vec<f32>>(&config)?;
                    set.measure(&arguments, &data, "mae", seed, &mut rows)?;
                }
                _ => {
                    let parts = Parts::find(&folder)?;
                    // As the tutorials of these sets have it; nothing else is measured on what chooses the epoch.
                    let val = parts.val.or(parts.test);
                    let data =
                        open_pictures::<usize>(&DataConfig { val, ..DataConfig::new(&folder) })?;
                    set.measure(&arguments, &data, "accuracy", seed, &mut rows)?;
                    set.peer(&arguments, &folder, seed, &mut rows)?;
                }
            }
        }
    }
    for set in texts::SETS.iter().filter(|set| set.name.contains(only)) {
        set.measure(&arguments, &mut rows)?;
    }
    if arguments.only.is_none() {
        fs::write(
            &arguments.table,
            rows.table(arguments.seeds.first().copied().unwrap_or_default())?,
        )
        .context("the table cannot be written")?;
        println!("table: {}", arguments.table.display());
    }
    Ok(())
}

impl Set {
    /// The folder of its pictures, which is made if it has to be.
    fn folder(&self, arguments: &Arguments) -> Result<PathBuf> {
        let images = arguments.data.join("images");
        let (laid, turned) = match self.pictures {
            Pictures::Folder(name) => return Ok(images.join(name)),
            Pictures::LaidOut(read) => (read, false),
            Pictures::Turned(read) => (read, true),
        };
        let folder = arguments.out.join("pictures").join(self.name.replace([' ', ','], "_"));
        if !folder.exists() {
            let half = folder.with_extension("half");
            let _ = fs::remove_dir_all(&half);
            lay_out(&laid(&images)?, turned, &half)?;
            fs::rename(half, &folder)?;
        }
        Ok(folder)
    }

    /// Every way that was not measured yet.
    fn measure<L: Learned>(
        &self,
        arguments: &Arguments,
        data: &DataSet<L>,
        metric: &str,
        seed: u64,
        rows: &mut Rows,
    ) -> Result<()> {
        let weights = arguments.data.join("weights").join(self.weights);
        // ResNet-20 has no layer that low-rank factors would be smaller than.
        let adaptable = !self.weights.starts_with("resnet20");
        for way in WAYS.into_iter().filter(|way| *way != "lora" || adaptable) {
            if rows.find(self.name, way, seed).is_some() {
                continue;
            }
            let start = Instant::now();
            let model = self.model(data, &weights, seed)?;
            let run = Way { name: way, epochs: self.epochs, rate: 0.01, decay: 0.7, metric, seed };
            let [kept, last, _] = run.train(model, data)?;
            let seconds = start.elapsed().as_secs_f64();
            rows.push(Row {
                set: self.name.to_owned(),
                way: way.to_owned(),
                seed,
                train: data.train.len(),
                val: data.val.len(),
                kept,
                last,
                test: None,
                seconds,
            })?;
        }
        Ok(())
    }

    /// The weights at the size of its pictures, with a head for what is learned.
    fn model<L: Learned>(&self, data: &DataSet<L>, weights: &Path, seed: u64) -> Result<Model> {
        let device = Device::flex().autodiff();
        device.seed(seed);
        let task = L::Task::of(&data.names);
        let file = CheckpointFile::open(weights)?;
        let (model, _) = Model::for_task(None, Some(&file), &task, &data.names, &device)?;
        let input = InputSpec::Image(Preprocessing {
            input_size: [3, self.side, self.side],
            ..model.config().image()?.clone()
        });
        let config = HubConfig { input, ..model.config().clone() };
        Ok(model.with_config(config))
    }

    /// fastai's recipe for one epoch of the head and as many of everything as ours.
    fn peer(&self, arguments: &Arguments, folder: &Path, seed: u64, rows: &mut Rows) -> Result<()> {
        let Some(peers) = &arguments.peers else { return Ok(()) };
        if rows.find(self.name, PEER, seed).is_some() {
            return Ok(());
        }
        let (python, script) = peers.split_once(' ').context("--peers: PYTHON SCRIPT")?;
        let script = self.sized(Path::new(script), &arguments.out)?;
        let weights = arguments.data.join("weights").join(self.weights);
        let architecture = self.weights.split('.').next().unwrap_or_default();
        let output = Command::new(python)
            .arg(script)
            .arg("unfreeze")
            .args([folder, Path::new(architecture)])
            .arg("--weights")
            .arg(weights.join("model.safetensors"))
            .args(["--epochs", &self.epochs.to_string(), "--seed", &seed.to_string()])
            .output()
            .with_context(|| format!("{python} cannot be started"))?;
        if !output.status.success() {
            bail!("{peers}: {}", String::from_utf8_lossy(&output.stderr));
        }
        #[derive(Deserialize)]
        struct Said {
            accuracy: f64,
            seconds: f64,
        }
        let text = String::from_utf8(output.stdout)?;
        let said: Said = serde_json::from_str(text.lines().last().context("it said nothing")?)?;
        let ours = rows.find(self.name, PROBE, seed).context("the probe comes first")?.clone();
        rows.push(Row {
            way: PEER.to_owned(),
            kept: said.accuracy,
            last: said.accuracy,
            seconds: said.seconds,
            ..ours
        })
    }

    /// The peer's script for pictures of another size: it says 224 of 256 pixels in its text.
    fn sized(&self, script: &Path, out: &Path) -> Result<PathBuf> {
        let text = fs::read_to_string(script)
            .with_context(|| format!("{} cannot be read", script.display()))?;
        let sized = text
            .replace("RandomResizedCrop(224", &format!("RandomResizedCrop({}", self.side))
            .replace("Resize(256)", &format!("Resize({})", self.side * 8 / 7))
            .replace("CenterCrop(224)", &format!("CenterCrop({})", self.side));
        let path = out.join(format!("peers_{}.py", self.side));
        fs::write(&path, sized)?;
        Ok(path)
    }
}
