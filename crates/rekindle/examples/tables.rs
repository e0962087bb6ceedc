//! Numbers of a table: what insurances charge, by least squares, by one neuron, and by a network of two layers.
//!
//! ```sh
//! cargo run --release --example tables
//! cargo run --release --example tables -- --data insurance.csv --target charges
//! ```
//!
//! Without arguments a table of 600 rows is made whose charges are no sum of what its columns say. A column `split` says what is
//! tested on (`train`, `test`); without one it is what was validated on. Expected:
//!
//! ```text
//! 380 rows to train on, 120 to test on
//! way                             MAE                 95%  seconds  the course
//! linear regression              1340                          0.0
//! one neuron                     1370         990 to 1840      0.3
//! two layers of 128               569          496 to 648      0.5
//! ```
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

mod support;

use std::{path::PathBuf, time::Instant};

use anyhow::Result;
use clap::Parser;
use rekindle::{
    Device, FinetuneConfig, Inputs, Modality as _, ModelOf, NotInputs, SetOf, Several, TestViews,
    data::DataConfig,
    finetune, measure,
    metrics::{Estimate, Regression},
    train::{Regress, RegressionLoss, Test, Train, Validation},
    transfer::Recipe,
};
use support::{charges, lesson};

/// Learns a column of numbers from the others.
#[derive(Parser)]
pub(crate) struct Arguments {
    /// A list; a made one without.
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    /// The column to learn.
    #[arg(long, default_value = "charges")]
    pub(crate) target: String,
    /// Draws the networks and the order.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Epochs.
    #[arg(long, default_value_t = 40)]
    pub(crate) epochs: usize,
    /// Folder for the made table and the curves.
    #[arg(long, default_value = "runs/tables")]
    pub(crate) out: PathBuf,
}

fn main() -> Result<()> {
    run(&Arguments::parse()).map(drop)
}

/// The mean absolute errors of least squares, of one neuron and of two layers.
pub(crate) fn run(arguments: &Arguments) -> Result<[f64; 3]> {
    let Arguments { data, target, seed, epochs, out } = arguments;
    let list = match data {
        Some(list) => list.clone(),
        None => charges(&out.join("made.csv"))?,
    };
    // ANCHOR: find
    // Numbers, yes and no, words: each column by what it holds. What is learned of them is learned of the training rows.
    let data = DataConfig { targets: vec![target.clone()], ..DataConfig::new(list) };
    let found = Inputs::find(&data, NotInputs::default())?;
    let mut set = Several::open::<Vec<f32>>(&found.rows_of(data))?;
    // ANCHOR_END: find
    if set.test.is_empty() {
        println!("no row is for testing: measured on what chooses the epoch");
        set.test = set.val.clone();
    }
    println!("{} rows to train on, {} to test on", set.train.len(), set.test.len());
    lesson::heading("MAE");

    let device = Device::flex().autodiff();
    let tested = SetOf::<Several, _> { val: set.test.clone(), ..set.clone() };
    let model = ModelOf::<Several>::from_inputs(&found.inputs, &set, &device)?;
    let least_squares = match model.linear_baseline(&tested)? {
        Some((name, mae)) => {
            let estimate = Estimate { value: mae, low: f64::NAN, high: f64::NAN, level: 0.95 };
            let peer = lesson::course(arguments.data.as_ref(), "4181 (scikit-learn)");
            lesson::error(&name, estimate, 0.0, peer)
        }
        None => f64::NAN,
    };
    let mut reached = [least_squares, 0.0, 0.0];
    let mut curves = Vec::new();
    let ways =
        [("one neuron", &[][..], "6392"), ("two layers of 128", &[128, 128], "3171 to 4629")];
    for ((way, layers, course), reached) in ways.into_iter().zip(&mut reached[1..]) {
        device.seed(*seed);
        // ANCHOR: learn
        let inputs = found.inputs.clone().layers(layers);
        let model = ModelOf::<Several>::from_inputs(&inputs, &set, &device)?;
        let Recipe::Train(plan) = Recipe::named("scratch", *epochs, 0.01)? else { continue };
        // What is measured is what is minimized: charges have a long tail, which squares would learn instead.
        let task = Regress { loss: RegressionLoss::Mae, ..Regress::new(1) };
        let mut config = FinetuneConfig::<_, Several>::of(plan, task).from_nothing();
        config.engine.seed = *seed;
        let started = Instant::now();
        let parts = (Train(set.train.clone()), Validation(set.val.clone()));
        let learned = finetune(model, parts, &config, None, &mut [])?;
        // ANCHOR_END: learn
        let test = Test(set.test.clone());
        let scores = measure(&learned.model, &learned.task, test, 32, TestViews::One)?;
        let mae = Regression::of(&scores).average.mae;
        let course = lesson::course(arguments.data.as_ref(), course);
        *reached = lesson::error(way, mae, started.elapsed().as_secs_f64(), course);
        curves.push((way, learned.history));
    }
    let curves: Vec<_> = curves.iter().map(|(way, history)| (*way, &history[..])).collect();
    lesson::draw_losses(&out.join("losses.svg"), &curves)?;
    Ok(reached)
}
