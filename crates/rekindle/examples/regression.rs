//! A line, the course's three ways: one neuron, a hidden layer, and the same for five times as long; by MAE and MSE.
//!
//! ```sh
//! cargo run --release --example regression
//! ```
//!
//! The points are the course's: `y = x + 10` for x from -100 to 100 in steps of 4, of which the last ten, beyond all that is
//! trained on, are for testing. Expected:
//!
//! ```text
//! way                             MAE                 95%  seconds  the course
//! one neuron                    0.045      0.043 to 0.048      0.2  30.64
//!                          MSE 0.0021
//! a hidden layer of ReLU        2.031      1.463 to 2.564      0.2  10.61
//!                          MSE 4.9319
//! the same, longer              1.823      1.033 to 2.619      0.5  67.22
//!                          MSE 4.9855
//! ```
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

mod support;

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result};
use clap::Parser;
use rekindle::{
    Device, Example, FinetuneConfig, InputCode, Inputs, ModelOf, Several, TestViews,
    data::{DataSetOf, SampleOf},
    finetune, measure,
    metrics::Regression,
    train::{Regress, Test, Train, Validation},
    transfer::{Frozen, Phase, Plan},
};
use support::lesson;

/// Learns a line three ways.
#[derive(Parser)]
struct Arguments {
    /// Draws the networks and the order.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder for the curves.
    #[arg(long, default_value = "runs/regression")]
    out: PathBuf,
}

/// What it is called, its hidden layers, its epochs, and the mean absolute error that the course has.
type Way = (&'static str, &'static [usize], usize, &'static str);

#[rustfmt::skip]
// ANCHOR: ways
const WAYS: [Way; 3] = [
    ("one neuron",             &[],   100, "30.64"),
    ("a hidden layer of ReLU", &[50], 100, "10.61"),
    ("the same, longer",       &[50], 500, "67.22"),
];
// ANCHOR_END: ways

fn main() -> Result<()> {
    let Arguments { seed, out } = Arguments::parse();
    run(seed, &out).map(drop)
}

/// The mean absolute error of each way.
pub(crate) fn run(seed: u64, out: &Path) -> Result<[f64; 3]> {
    let columns = Inputs::default().with("x", "x", InputCode::Standardized);
    let point = |place: i32| -> Result<SampleOf<Vec<f32>, Example>> {
        let x = -100 + 4 * place;
        Ok(SampleOf::new(columns.example(&[("x", &x.to_string())])?, vec![(x + 10) as f32]))
    };
    // Every fifth of the first forty chooses the epoch.
    let part = |of: fn(&i32) -> bool| (0..50).filter(of).map(point).collect::<Result<Vec<_>>>();
    let train = part(|place| *place < 40 && place % 5 != 2)?;
    let parts = [train, part(|place| *place < 40 && place % 5 == 2)?, part(|place| *place >= 40)?];
    let data = DataSetOf::from_samples(["y"], parts);
    let (mut reached, mut curves) = ([0.0; 3], Vec::new());
    lesson::heading("MAE");
    for ((way, layers, epochs, course), reached) in WAYS.into_iter().zip(&mut reached) {
        let device = Device::flex().autodiff();
        device.seed(seed);
        let inputs = columns.clone().layers(layers);
        let model = ModelOf::<Several>::from_inputs(&inputs, &data, &device)?;
        let plan = Plan::new(vec![Phase::new("line", epochs, Frozen::Nothing, 0.05)]);
        let mut config = FinetuneConfig::<_, Several>::of(plan, Regress::new(1)).from_nothing();
        config.engine.seed = seed;
        config.engine.batch = 8;
        let started = Instant::now();
        let parts = (Train(data.train.clone()), Validation(data.val.clone()));
        let learned = finetune(model, parts, &config, None, &mut [])?;
        let test = Test(data.test.clone());
        let scores = measure(&learned.model, &learned.task, test, 32, TestViews::One)?;
        let found = Regression::of(&scores).average;
        *reached = lesson::error(way, found.mae, started.elapsed().as_secs_f64(), course);
        println!("{:<24} MSE {:.4}", "", found.rmse.value.powi(2));
        curves.push((way, learned.history));
    }
    let curves: Vec<_> = curves.iter().map(|(way, history)| (*way, &history[..])).collect();
    lesson::draw_losses(&out.join("losses.svg"), &curves[..2]).context("the curves")?;
    Ok(reached)
}
