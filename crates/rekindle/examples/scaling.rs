//! Scaling up: what more pictures are worth, from a hundredth of them to all, always measured on the same test part.
//!
//! ```sh
//! cargo run --release --example scaling
//! cargo run --release --example scaling -- --data food --weights mobilenetv2_100.ra_in1k --recipe full
//! rekindle ladder ladder.toml --out ladder    # more classes too, several candidates, the worst dropped on the way
//! ```
//!
//! Expected, on doodles of ten classes:
//!
//! ```text
//! way                        accuracy                 95%  seconds  the course
//! 1%, 10 pictures               63.7%      58.3% to 68.7%      0.2
//! 10%, 50 pictures              81.3%      77.0% to 85.7%      0.1
//! 30%, 150 pictures             86.0%      82.0% to 90.0%      0.6
//! 100%, 500 pictures            87.3%      83.3% to 91.0%      0.8
//! ```
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

mod support;

use std::{fs, path::PathBuf};

use anyhow::Result;
use clap::Parser;
use rekindle::{
    data::Augment,
    report::chart::{Area, Axis, AxisScale, LineChart, Series, line_chart},
    transfer::Recipe,
};
use rekindle_doodles::Task;
use support::{Pretrained, doodle_set, lesson, pictures};

/// Learns more and more of a set of pictures.
#[derive(Parser)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) from: Pretrained,
    /// How: probe, head, gradual, full.
    #[arg(long, default_value = "probe")]
    pub(crate) recipe: String,
    /// Epochs of a recipe that has some.
    #[arg(long, default_value_t = 5)]
    pub(crate) epochs: usize,
    /// Folder for the curve.
    #[arg(long, default_value = "runs/scaling")]
    pub(crate) out: PathBuf,
}

const SHARES: [(f64, &str); 4] =
    [(0.01, "41.9%"), (0.1, "82.2 to 85.0%"), (0.3, ""), (1.0, "91.6%")];

fn main() -> Result<()> {
    run(&Arguments::parse()).map(drop)
}

/// The accuracy of each share.
pub(crate) fn run(Arguments { from, recipe, epochs, out }: &Arguments) -> Result<[f64; 4]> {
    let data = pictures(from.data.as_deref(), || doodle_set(Task::Target, [50, 5, 30]))?;
    let each = data.train.len() as f64 / data.names.len() as f64;
    lesson::heading("accuracy");
    let (mut reached, mut points, mut area) = ([0.0; 4], Vec::new(), Vec::new());
    for ((share, course), reached) in SHARES.into_iter().zip(&mut reached) {
        // ANCHOR: shots
        // Drawn of each label by itself; what is measured on stays.
        let shots = (share * each).round().max(1.0) as usize;
        let part = data.clone().with_shots(shots, from.seed)?;
        let recipe = Recipe::named(recipe, *epochs, 0.01)?;
        let tuned = from.tune(from.begin(&data.names)?, &part, recipe, Augment::NONE)?;
        // ANCHOR_END: shots
        let way = format!("{:.0}%, {} pictures", 100.0 * share, part.train.len());
        *reached = lesson::accuracy(
            &way,
            &tuned.predictions,
            tuned.seconds,
            lesson::course(from.data.as_ref(), course),
        );
        let interval = rekindle::metrics::accuracy_interval(&tuned.predictions);
        points.push((part.train.len() as f64, *reached));
        area.push((part.train.len() as f64, interval.low, interval.high));
    }
    let chart = LineChart {
        title: "Accuracy on the test part by pictures".to_owned(),
        width: 640.0,
        height: 400.0,
        x: Axis {
            label: "pictures to train on".to_owned(),
            scale: AxisScale::Log,
            ..Axis::default()
        },
        series: vec![Series { name: recipe.clone(), points, style: 0 }],
        areas: vec![Area { name: "95%".to_owned(), points: area, style: 0 }],
        ..LineChart::default()
    };
    fs::create_dir_all(out)?;
    fs::write(out.join("scaling.svg"), line_chart(&chart))?;
    Ok(reached)
}
