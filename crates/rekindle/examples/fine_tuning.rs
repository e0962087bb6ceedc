//! Fine-tuning: a head first, then what is beneath it too, at a lower rate; of any network that `rekindle models` lists.
//!
//! ```sh
//! cargo run --release --example fine_tuning
//! cargo run --release --example fine_tuning -- --data pizza_steak_sushi --model vgg16.tv_in1k
//! cargo run --release --example fine_tuning -- --data pizza_steak_sushi --model efficientnet_b0.ra_in1k
//! ```
//!
//! Expected, on 150 doodles of ten classes that the network has never seen:
//!
//! ```text
//! 150 pictures to train on, 300 to test on
//! way                        accuracy                 95%  seconds  the course
//! head alone                    83.0%      78.7% to 87.3%      0.7
//! head, then two stages         80.3%      76.0% to 84.7%      3.7
//! all, slower downwards         81.0%      77.0% to 85.3%      4.6
//! ```
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

mod support;

use anyhow::Result;
use clap::Parser;
use rekindle::{
    data::Augment,
    transfer::{Frozen, Phase, Plan, Recipe},
};
use rekindle_doodles::Task;
use support::{Pretrained, doodle_set, lesson, pictures};

/// Fine-tunes a pretrained network.
#[derive(Parser)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) from: Pretrained,
    /// Epochs in all.
    #[arg(long, default_value_t = 10)]
    pub(crate) epochs: usize,
}

fn main() -> Result<()> {
    run(&Arguments::parse()).map(drop)
}

/// The accuracies: of a head alone, of the course's two phases, and of all stages at rates that fall towards the image.
pub(crate) fn run(Arguments { from, epochs }: &Arguments) -> Result<[f64; 3]> {
    let data = pictures(from.data.as_deref(), || doodle_set(Task::Target, [15, 5, 30]))?;
    println!("{} pictures to train on, {} to test on", data.train.len(), data.test.len());
    let half = epochs.div_ceil(2);
    // ANCHOR: ways
    // The course's: features first; then the last layers are unfrozen, and the rate is a tenth.
    let phases = Plan::new(vec![
        Phase::new("head", half, Frozen::Backbone, 1e-2),
        Phase::new("upper", epochs - half, Frozen::AllBut(2), 1e-3),
    ]);
    let ways = [
        ("head alone", Recipe::named("head", *epochs, 0.01)?, "82.2%"),
        ("head, then two stages", Recipe::Train(phases), "85.0%"),
        ("all, slower downwards", Recipe::named("full", *epochs, 0.01)?, ""),
    ];
    // ANCHOR_END: ways
    lesson::heading("accuracy");
    let mut reached = [0.0; 3];
    for ((way, recipe, course), reached) in ways.into_iter().zip(&mut reached) {
        let model = from.begin(&data.names)?;
        let tuned = from.tune(model, &data, recipe, Augment::FLIP)?;
        *reached = lesson::accuracy(
            way,
            &tuned.predictions,
            tuned.seconds,
            lesson::course(from.data.as_ref(), course),
        );
    }
    Ok(reached)
}
