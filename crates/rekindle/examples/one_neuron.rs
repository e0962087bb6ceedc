//! One neuron learns a line: the smallest network there is, by gradient descent, and its loss by epoch.
//!
//! ```sh
//! cargo run --release --example one_neuron
//! ```
//!
//! The points lie on `y = x + 10`, the course's first line, give or take noise of deviation 1. Expected, and the curve of the
//! loss in `runs/one_neuron/losses.svg`:
//!
//! ```text
//! learned: y = 1.013 x + 9.998, and at 17 27.23
//! mean absolute error 0.820, where the noise alone has 0.798
//! ```
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

mod support;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Parser;
use rekindle::{
    Device, FinetuneConfig, InputCode, Inputs, ModelOf, Several, TestViews,
    data::{DataSetOf, Random, SampleOf},
    finetune, measure,
    train::{OptimizerConfig, Regress, Test, Train, Validation},
    transfer::{Frozen, Phase, Plan},
};
use support::lesson;

/// Learns a line by one neuron.
#[derive(Parser)]
struct Arguments {
    /// Draws the points, the neuron and the order.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder for the curve.
    #[arg(long, default_value = "runs/one_neuron")]
    out: PathBuf,
}

fn main() -> Result<()> {
    let Arguments { seed, out } = Arguments::parse();
    run(seed, &out).map(drop)
}

/// The slope and the height at zero that were learned, and the mean absolute error on points that were not.
pub(crate) fn run(seed: u64, out: &Path) -> Result<[f64; 3]> {
    let device = Device::flex().autodiff();
    device.seed(seed);
    // ANCHOR: neuron
    // One number goes in, scaled by mean and deviation; without hidden layers the head is all there is: w x + b.
    let inputs = Inputs::default().with("x", "x", InputCode::Standardized);
    let at = |x: f64| inputs.example(&[("x", &x.to_string())]);
    // ANCHOR_END: neuron
    let mut random = Random::new(seed, 0, 0);
    let mut points = |count: usize| -> Result<Vec<_>> {
        let point = |_| {
            let x = random.between(-10.0, 10.0);
            Ok(SampleOf::new(at(x)?, vec![(x + 10.0 + random.normal()) as f32]))
        };
        (0..count).map(point).collect()
    };
    let data = DataSetOf::from_samples(["y"], [points(200)?, points(50)?, points(1000)?]);
    // ANCHOR: learn
    let neuron = ModelOf::<Several>::from_inputs(&inputs, &data, &device)?;

    let descent = OptimizerConfig::Sgd { momentum: 0.0, weight_decay: 0.0 };
    let phase = Phase { optimizer: descent, ..Phase::new("line", 20, Frozen::Nothing, 0.1) };
    let mut config =
        FinetuneConfig::<_, Several>::of(Plan::new(vec![phase]), Regress::new(1)).from_nothing();
    config.engine.seed = seed;
    let parts = (Train(data.train), Validation(data.val));
    let learned = finetune(neuron, parts, &config, None, &mut [])?;
    // ANCHOR_END: learn

    let answers = learned.model.predict([at(0.0)?, at(1.0)?, at(17.0)?])?;
    let y = |place: usize| -> Result<f64> {
        let number = answers.get(place).and_then(|answer| answer.numbers().first());
        Ok(f64::from(number.context("a number for each point")?.value))
    };
    let (slope, height) = (y(1)? - y(0)?, y(0)?);
    let scores =
        measure(&learned.model, &learned.task, Test(data.test), 32, TestViews::One)?.values();
    let error = scores.get("mae").context("the error of numbers")?;
    println!("learned: y = {slope:.3} x + {height:.3}, and at 17 {:.2}", y(2)?);
    println!("mean absolute error {error:.3}, where the noise alone has {:.3}", 0.798);
    lesson::draw_losses(&out.join("losses.svg"), &[("one neuron", &learned.history)])?;
    Ok([slope, height, error])
}
