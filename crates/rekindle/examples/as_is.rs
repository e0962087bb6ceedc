//! A pretrained network as it is: nothing is trained, and the answers are its own labels.
//!
//! ```sh
//! cargo run --release --example as_is
//! cargo run --release --example as_is -- --data photos.csv --weights resnet18.a1_in1k    # path,label
//! ```
//!
//! `--data` is a list or a folder whose labels are some of the network's own. Without it the starter names the 24 kinds of
//! doodles that it was pretrained on. Expected:
//!
//! ```text
//! 97 loaded, 0 adapted, 0 re-initialized, 19 unused
//!   unused         19 counters of batches (num_batches_tracked)
//! ring: ring 1.00, crescent 0.00, spiral 0.00
//! triangle: triangle 0.99, square 0.01, heart 0.00
//! square: square 0.70, heart 0.23, mug 0.03
//! way                        accuracy                 95%  seconds  the course
//! as it is                      92.1%      88.8% to 95.4%      0.3
//! among the first five: 99.6% of 240
//! ```
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

mod support;

use std::time::Instant;

use anyhow::Result;
use clap::Parser;
use rekindle::{
    Device, Model, Pictures, TestViews, as_is,
    data::DataConfig,
    measure,
    metrics::Predictions,
    train::{Classify, Test},
};
use rekindle_doodles::Task;
use support::{Pretrained, doodles, lesson};

/// Measures a pretrained network on its own labels.
#[derive(Parser)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) from: Pretrained,
}

fn main() -> Result<()> {
    run(&Arguments::parse()).map(drop)
}

/// How often the right label comes first, and how often it is among the first five.
pub(crate) fn run(arguments: &Arguments) -> Result<[f64; 2]> {
    let from = &arguments.from;
    // ANCHOR: open
    // Weights say what they are, and how a picture becomes their input.
    let (model, report) = Model::open(from.model.as_deref(), &from.folder()?, &Device::flex())?;
    println!("{report}");
    let started = Instant::now();
    // ANCHOR_END: open
    let predictions: Predictions = match &from.data {
        Some(data) => as_is::<usize, Pictures>(&model, &DataConfig::new(data), 32)?.predictions,
        None => {
            let samples = doodles(Task::Source, 10, 3000)?;
            let task = model.task::<Classify>()?;
            for (sample, answer) in
                samples.iter().zip(model.predict(samples[..3].iter().map(|s| s.item.clone()))?)
            {
                let guesses = answer.guesses().iter().take(3);
                let guesses =
                    guesses.map(|guess| format!("{} {:.2}", guess.label, guess.probability));
                println!(
                    "{}: {}",
                    model.names()[sample.label],
                    guesses.collect::<Vec<_>>().join(", ")
                );
            }
            measure(&model, &task, Test(samples), 32, TestViews::One)?
        }
    };
    lesson::heading("accuracy");
    let top1 = lesson::accuracy("as it is", &predictions, started.elapsed().as_secs_f64(), "");
    let top5 = predictions.top(5);
    println!("among the first five: {:.1}% of {}", 100.0 * top5, predictions.len());
    Ok([top1, top5])
}
