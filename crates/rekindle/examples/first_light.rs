//! Why transfer learning: the same few pictures, learned from nothing, by a new head on a
//! pretrained trunk, and by fine-tuning all of it.
//!
//! ```sh
//! cargo run --release --example first_light
//! cargo run --release --example first_light -- --data DIR --model resnet18 --weights DIR_OR_FILE
//! ```
//!
//! Without arguments it needs no file but this repository: 200 doodles of ten classes are rendered in
//! code, and the trunk was pretrained on 24 other classes (`cargo xtask train-starter`). Expected:
//!
//! ```text
//! way                epochs  val accuracy
//! from nothing           36           26%
//! head only              12           85%
//! fine-tuned             12           86%
//! ```
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

mod support;

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use anyhow::Result;
use clap::Parser;
use plotters::prelude::*;
use rekindle::{
    Device, FinetuneConfig, HeadStart, Model, Network, RunFolder,
    data::{Augment, DataConfig, Sample, open_pictures},
    finetune,
    train::{Classify, Train, TrainEvent, Validation},
    transfer::{BatchNormPolicy, Frozen, Phase, Plan},
};
use rekindle_doodles::Task;

/// Compares training from nothing, a new head, and fine-tuning.
#[derive(Parser)]
struct Arguments {
    /// One folder per label, or train/ and val/ of those; doodles without.
    #[arg(long, requires = "weights")]
    data: Option<PathBuf>,
    /// Architecture; the weights' own without.
    #[arg(long)]
    model: Option<String>,
    /// Pretrained weights; the starter without.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Epochs for a pretrained network; training from nothing gets three times as many.
    #[arg(long, default_value_t = 12)]
    epochs: usize,
    /// Draws the head, the order and the augmentation.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder for the curves and the best weights.
    #[arg(long, default_value = "runs/first_light")]
    out: PathBuf,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let weights = arguments.weights.as_deref().unwrap_or(Path::new(support::STARTER));
    let (labels, samples) = pictures(arguments.data.as_deref())?;
    let epochs = arguments.epochs;
    let head = |epochs| Phase::new("head", epochs, Frozen::Backbone, 1e-2);
    let all = |name, epochs, lr| Phase {
        batch_norm: BatchNormPolicy::Updated,
        ..Phase::new(name, epochs, Frozen::Nothing, lr)
    };
    let ways = [
        ("from nothing", None, vec![all("nothing", 3 * epochs, 3e-3)]),
        ("head only", Some(weights), vec![head(epochs)]),
        (
            "fine-tuned",
            Some(weights),
            vec![head(epochs / 3), all("all", epochs - epochs / 3, 1e-3)],
        ),
    ];

    let mut curves = Vec::new();
    println!("{:<14} {:>7} {:>14} {:>9}", "way", "epochs", "val accuracy", "seconds");
    for (name, start, phases) in ways {
        let device = Device::flex().autodiff();
        device.seed(arguments.seed);
        // The trunk's config says how to build it and what it expects, loaded or not.
        let (mut model, _) =
            Model::for_labels(arguments.model.as_deref(), Some(weights), &labels, &device)?;
        if start.is_none() {
            model = model.untrained(&device)?;
        }
        let mut config = FinetuneConfig::new(Plan::new(phases), Classify::new(labels.len()));
        config.inputs.augment = Augment::FLIP;
        config.engine.batch = 10;
        config.engine.seed = arguments.seed;
        // The comparison is of these three, with heads that were drawn.
        config.engine.probe = false;
        config.engine.head = HeadStart::AsItIs;
        let mut curve = Vec::new();
        let mut listen = |event: &TrainEvent<'_, Network>| {
            if let TrainEvent::Epoch { state, .. } = event {
                curve.extend(state.history.last().map(|epoch| {
                    (epoch.number as f64, epoch.val.get("accuracy").unwrap_or(f64::NAN))
                }));
            }
            Ok(ControlFlow::Continue(()))
        };
        let out = arguments.out.join(name.replace(' ', "_"));
        let run = RunFolder::new(&out);
        let outcome = finetune(model, samples.clone(), &config, Some(&run), &mut [&mut listen])?;
        let (last, seconds) = (curve.last().map_or(0.0, |p| p.1), outcome.duration.as_secs_f64());
        println!("{name:<14} {:>7} {:>13.1}% {seconds:>9.1}", curve.len(), 100.0 * last);
        curves.push((name, curve));
    }
    let picture = arguments.out.join("learning_curves.svg");
    draw(&picture, &curves)?;
    println!("curves: {}", picture.display());
    Ok(())
}

type Data = (Train<Vec<Sample>>, Validation<Vec<Sample>>);

/// Labels, and pictures to train and to validate on.
fn pictures(folder: Option<&Path>) -> Result<(Vec<String>, Data)> {
    Ok(match folder {
        Some(folder) => {
            let folder = open_pictures::<usize>(&DataConfig::new(folder))?;
            (folder.names, (Train(folder.train), Validation(folder.val)))
        }
        None => {
            let train = support::doodles(Task::Target, 20, 0)?;
            let val = support::doodles(Task::Target, 20, 1000)?;
            (support::labels(Task::Target), (Train(train), Validation(val)))
        }
    })
}

/// Validation accuracy by epoch, a line a way.
fn draw(path: &Path, curves: &[(&str, Vec<(f64, f64)>)]) -> Result<()> {
    let root = SVGBackend::new(path, (800, 480)).into_drawing_area();
    root.fill(&WHITE)?;
    let epochs = curves.iter().map(|(_, curve)| curve.len()).max().unwrap_or(1) as f64;
    let mut chart = ChartBuilder::on(&root)
        .caption("Validation accuracy", ("sans-serif", 22))
        .margin(16)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(1.0..epochs, 0.0..1.0)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("epoch")
        .x_label_formatter(&|epoch| format!("{epoch:.0}"))
        .y_label_formatter(&|share| format!("{:.0}%", 100.0 * share))
        .draw()?;
    let colors = [RGBColor(140, 140, 140), RGBColor(31, 119, 180), RGBColor(214, 39, 40)];
    for ((name, curve), color) in curves.iter().zip(colors) {
        chart
            .draw_series(LineSeries::new(curve.iter().copied(), color.stroke_width(3)))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], color.stroke_width(3)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()?;
    root.present()?;
    Ok(())
}
