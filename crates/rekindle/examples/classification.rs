//! Two classes that no line divides: circles and moons, by a linear model and by a network with ReLUs.
//!
//! ```sh
//! cargo run --release --example classification
//! ```
//!
//! Expected, and in `runs/classification` what each answers everywhere, drawn under the test points:
//!
//! ```text
//! way                        accuracy                 95%  seconds  the course
//! circles, linear               50.0%      43.5% to 57.0%      0.4  50.0%
//! circles, ReLU                 98.5%     96.5% to 100.0%      0.5  97.0 to 100%
//! moons, linear                 89.0%      84.5% to 93.0%      0.5
//! moons, ReLU                  100.0%     98.1% to 100.0%      0.6
//! ```
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

mod support;

use std::{
    f64::consts::PI,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Result;
use clap::Parser;
use rekindle::{
    Device, Example, FinetuneConfig, InputCode, Inputs, ModelOf, Prediction, Several, TestViews,
    data::{DataSetOf, Random, SampleOf},
    finetune, measure,
    train::{Classify, Test, Train, Validation},
    transfer::{Frozen, Phase, Plan},
};
use support::{draw_plane, lesson};

/// Learns circles and moons.
#[derive(Parser)]
struct Arguments {
    /// Draws the points, the networks and the order.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder for the pictures.
    #[arg(long, default_value = "runs/classification")]
    out: PathBuf,
}

/// A point of a class, for a place along its curve in 0 to 1.
type Curve = fn(usize, f64) -> [f64; 2];

/// scikit-learn's `make_circles`: the inner circle has 0.8 of the outer one's radius.
fn circles(class: usize, along: f64) -> [f64; 2] {
    let radius = [1.0, 0.8][class];
    [radius * (2.0 * PI * along).cos(), radius * (2.0 * PI * along).sin()]
}

/// scikit-learn's `make_moons`: two half circles that reach into each other.
fn moons(class: usize, along: f64) -> [f64; 2] {
    let [x, y] = [(PI * along).cos(), (PI * along).sin()];
    if class == 0 { [x, y] } else { [1.0 - x, 0.5 - y] }
}

fn main() -> Result<()> {
    let Arguments { seed, out } = Arguments::parse();
    run(seed, &out).map(drop)
}

/// The accuracies: of circles and of moons, each by a linear model and by two layers of ReLUs.
pub(crate) fn run(seed: u64, out: &Path) -> Result<[[f64; 2]; 2]> {
    lesson::heading("accuracy");
    let circles = learn("circles", circles, ["50.0%", "97.0 to 100%"], seed, out)?;
    let moons = learn("moons", moons, ["", ""], seed, out)?;
    Ok([circles, moons])
}

fn learn(name: &str, curve: Curve, course: [&str; 2], seed: u64, out: &Path) -> Result<[f64; 2]> {
    let columns = Inputs::default().with("x", "x", InputCode::Standardized).with(
        "y",
        "y",
        InputCode::Standardized,
    );
    let row = |[x, y]: [f64; 2]| columns.example(&[("x", &x.to_string()), ("y", &y.to_string())]);
    let mut random = Random::new(seed, 0, 0);
    let mut places = Vec::new();
    let mut points = |count: usize| -> Result<Vec<SampleOf<usize, Example>>> {
        places.clear();
        for place in 0..count {
            let point = curve(place % 2, random.unit()).map(|at| at + 0.03 * random.normal());
            places.push((point, place % 2));
        }
        places.iter().map(|&(point, class)| Ok(SampleOf::new(row(point)?, class))).collect()
    };
    // The course's thousand, of which a fifth is for testing; a fifth of the rest chooses the epoch.
    let parts = [points(640)?, points(160)?, points(200)?];
    let data = DataSetOf::from_samples(["outer", "inner"], parts);
    let mut reached = [0.0; 2];
    let ways = [("linear", &[][..]), ("ReLU", &[8, 8])];
    for ((way, layers), (reached, course)) in ways.into_iter().zip(reached.iter_mut().zip(course)) {
        let device = Device::flex().autodiff();
        device.seed(seed);
        // ANCHOR: learn
        let inputs = columns.clone().layers(layers);
        let model = ModelOf::<Several>::from_inputs(&inputs, &data, &device)?;
        let plan = Plan::new(vec![Phase::new("all", 50, Frozen::Nothing, 0.02)]);
        let mut config = FinetuneConfig::<_, Several>::of(plan, Classify::new(2)).from_nothing();
        config.engine.seed = seed;
        let started = Instant::now();
        let parts = (Train(data.train.clone()), Validation(data.val.clone()));
        let learned = finetune(model, parts, &config, None, &mut [])?;
        // ANCHOR_END: learn
        let seconds = started.elapsed().as_secs_f64();
        let test = Test(data.test.clone());
        let scores = measure(&learned.model, &learned.task, test, 32, TestViews::One)?;
        *reached = lesson::accuracy(&format!("{name}, {way}"), &scores, seconds, course);
        let picture = out.join(format!("{name}_{way}.svg"));
        draw_plane(&picture, &places, |points| {
            let rows: Result<Vec<_>, _> = points.iter().map(|point| row(*point)).collect();
            let inner = |answer: &Prediction| {
                answer.guesses().iter().find(|it| it.index == 1).map(|it| it.probability)
            };
            Ok(learned.model.predict(rows?)?.iter().filter_map(inner).collect())
        })?;
    }
    Ok(reached)
}
