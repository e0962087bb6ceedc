//! Feature extraction: the trunk of a pretrained network stays as it is, and a new head learns on what it makes of pictures.
//!
//! ```sh
//! cargo run --release --example feature_extraction
//! cargo run --release --example feature_extraction -- --data pizza_steak_sushi --weights mobilenetv2_100.ra_in1k
//! ```
//!
//! Expected, on 200 doodles of ten classes that the trunk has never seen:
//!
//! ```text
//! 150 pictures to train on, 300 to test on
//! way                        accuracy                 95%  seconds  the course
//! untrained trunk, probe        13.3%       9.3% to 17.0%      1.8
//! pretrained trunk, probe       82.7%      78.3% to 87.0%      1.4
//! pretrained trunk, head        82.7%      78.3% to 87.0%      2.4
//! ```
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

mod support;

use anyhow::Result;
use clap::Parser;
use rekindle::{data::Augment, transfer::Recipe};
use rekindle_doodles::Task;
use support::{Pretrained, doodle_set, lesson, pictures};

/// Learns new labels on the features of a pretrained network.
#[derive(Parser)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) from: Pretrained,
    /// Epochs of the head.
    #[arg(long, default_value_t = 5)]
    pub(crate) epochs: usize,
}

fn main() -> Result<()> {
    run(&Arguments::parse()).map(drop)
}

/// The accuracies: of an untrained trunk, of a head that is solved for, and of one that is trained.
pub(crate) fn run(Arguments { from, epochs }: &Arguments) -> Result<[f64; 3]> {
    let data = pictures(from.data.as_deref(), || doodle_set(Task::Target, [15, 5, 30]))?;
    println!("{} pictures to train on, {} to test on", data.train.len(), data.test.len());
    lesson::heading("accuracy");
    // ANCHOR: ways
    // Logistic regression on features: they are computed once, and there is no rate to choose.
    let probe = || Recipe::named("probe", *epochs, 0.01);
    // The same by steps: features are still computed once, not once an epoch. It begins where the probe ends.
    let head = || Recipe::named("head", *epochs, 0.01);
    // ANCHOR_END: ways
    let model = from.begin(&data.names)?;
    let nothing = model.clone().untrained(&rekindle::Device::flex().autodiff())?;
    let mut reached = [0.0; 3];
    for ((way, model, recipe, course), reached) in [
        ("untrained trunk, probe", nothing, probe()?, ""),
        ("pretrained trunk, probe", model.clone(), probe()?, ""),
        ("pretrained trunk, head", model, head()?, "85.6%"),
    ]
    .into_iter()
    .zip(&mut reached)
    {
        let tuned = from.tune(model, &data, recipe, Augment::NONE)?;
        *reached = lesson::accuracy(
            way,
            &tuned.predictions,
            tuned.seconds,
            lesson::course(from.data.as_ref(), course),
        );
    }
    Ok(reached)
}
