//! Your own network, fine-tuned by the engine, which asks for one trait: doodles of 24 classes are learned from nothing, then
//! ten others of 20 pictures each.
//!
//! ```sh
//! cargo run --release --example own_backbone
//! ```
//!
//! The accuracies that a probe, fine-tuning, and what was saved reach are printed, and what keeping features saved.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use anyhow::Result;
use burn::nn::{PaddingConfig2d, conv::Conv2d, conv::Conv2dConfig};
use burn::{prelude::*, tensor::activation::relu};
use rekindle::cards::{HubConfig, find};
use rekindle::data::{Picture, PictureConfig, PreparePictures, Preprocess, Sample};
use rekindle::engine::{self, EngineConfig, EngineFolder, Items, MeasureConfig, Start, Trainee};
use rekindle::layers::{Backbone, Stage};
use rekindle::train::{Classify, Test, Train, Validation};
use rekindle::transfer::{Classifier, Frozen, Phase, Plan};
use rekindle_doodles::{SIZE, Task, set};

#[derive(Module, Debug)]
struct Small {
    convs: Vec<Conv2d>,
}

impl Small {
    fn new(device: &Device) -> Self {
        let conv = |channels| {
            let config = Conv2dConfig::new(channels, [3, 3]).with_stride([2, 2]);
            config.with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1)).init(device)
        };
        Self { convs: [[3, 32], [32, 64], [64, 128]].map(conv).into() }
    }
}

impl Backbone for Small {
    type Input = Tensor<4>;
    type Flow = Tensor<4>;
    fn stages(&self) -> Vec<Stage> {
        let stage = |(name, channels, smaller)| Stage::map(name, &[name], channels, smaller);
        [("convs.0", 32, 2), ("convs.1", 64, 4), ("convs.2", 128, 8)].map(stage).into()
    }
    fn enter(&self, pictures: Tensor<4>) -> Tensor<4> {
        pictures
    }
    fn stage(&self, index: usize, x: Tensor<4>) -> Tensor<4> {
        relu(self.convs[index].forward(x))
    }
    fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        x.flatten::<3>(2, 3).max_dim(2).flatten(1, 2)
    }
    fn embed_dim(&self) -> usize {
        128
    }
}

fn pictures(task: Task, per_class: usize, seed: u64) -> Result<Items<PreparePictures, Classify>> {
    let input = Preprocess::new(HubConfig::from_card(find("resnet20_cifar")?).image()?)?;
    let samples = set(task, per_class, seed).into_iter().map(|doodle| {
        Ok(Sample::new(Picture::from_rgb(SIZE, SIZE, doodle.pixels)?.into(), doodle.label))
    });
    let prepare = PreparePictures::new(&input, &PictureConfig::default())?;
    Ok(Items { samples: samples.collect::<Result<_>>()?, prepare })
}

fn main() -> Result<()> {
    run([100, 20], std::path::Path::new("runs/own_backbone")).map(drop)
}

pub(crate) fn run([many, few]: [usize; 2], out: &std::path::Path) -> Result<[f64; 3]> {
    let device = Device::flex().autodiff();
    device.seed(0);
    let data = |task, count| -> Result<_> {
        Ok((Train(pictures(task, count, 0)?), Validation(pictures(task, 10, 1)?)))
    };
    let plan = Plan::new(vec![Phase::new("all", 12, Frozen::Nothing, 2e-3)]);
    let config = EngineConfig::new(plan, Classify::new(24)).from_nothing();
    let small = Trainee::new(Classifier::new(Small::new(&device), 24, &device), "small");
    let learned = engine::finetune(small, data(Task::Source, many)?, config, None, &mut [])?;
    let network = Classifier::new(learned.network.backbone().clone(), 10, &device);
    let small = || Trainee::new(network.clone(), "small");
    let head = Phase::new("head", 4, Frozen::Backbone, 0.01);
    let upper = Phase::new("upper", 8, Frozen::Before("convs.2".to_owned()), 1e-3);
    let config = EngineConfig::new(Plan::new(vec![head, upper]), Classify::new(10));
    let probe = engine::probe(small(), data(Task::Target, few)?, config.clone(), Some(out))?;
    // Run again, it goes on from what it left in the folder, which holds features too.
    let folder = EngineFolder { start: Start::Resume, ..EngineFolder::new(out) };
    let data = data(Task::Target, few)?;
    let tuned = engine::finetune(small(), data, config, Some(&folder), &mut [])?;
    tuned.cache.iter().filter_map(|phase| phase.line(8)).for_each(|line| println!("{line}"));
    let empty = Classifier::new(Small::new(&device), 10, &device);
    let again = engine::load(empty, &out.join("best.safetensors"))?;
    let test = Test(pictures(Task::Target, 20, 2)?);
    let again = engine::measure(&again, &tuned.task, test, &MeasureConfig::plain(32))?;
    let reached = [probe.scores.top(1), tuned.scores.top(1), again.top(1)];
    println!("probe, fine-tuned, loaded again and tested: {reached:.2?}");
    Ok(reached)
}
