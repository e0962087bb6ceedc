//! Writes sample pages into a folder, from made-up runs, to look at.
//!
//! ```sh
//! cargo run --release --package rekindle-report --example sample -- FOLDER
//! ```
//!
//! It leaves `report.html` (two classes), `many.html` (a hundred), `labels.html` (several labels), `numbers.html`,
//! `texts.html`, `forecasts.html`, `compare.html` (five runs), `compare-many.html` (twenty), `rates.svg` (a chart by itself), and `run.json`.

use std::{env, error::Error, fs, path::PathBuf};

use rekindle_report::{
    RunRecord,
    chart::{Axis, AxisScale, LineChart, Mark, Series, line_chart},
    compare, forecasts, html,
};

#[path = "../tests/sample/mod.rs"]
mod sample;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args_os().nth(1).ok_or("give a folder to write to")?);
    fs::create_dir_all(&folder)?;
    sample::run("Cats and dogs", 2, 1).write(&folder.join("run.json"))?;
    let run = RunRecord::read(&folder.join("run.json"))?;
    fs::write(folder.join("report.html"), html(&run))?;
    fs::write(folder.join("many.html"), html(&sample::run("A hundred kinds of pets", 100, 2)))?;
    fs::write(folder.join("labels.html"), html(&sample::multi_label("Photos", 10, 1)))?;
    fs::write(folder.join("numbers.html"), html(&sample::regression("Photos", 1)))?;
    fs::write(folder.join("texts.html"), html(&sample::texts("Reports", 1)))?;
    fs::write(folder.join("forecasts.html"), forecasts(&sample::forecast("")))?;
    fs::write(folder.join("compare.html"), compare(&runs(5)))?;
    fs::write(folder.join("compare-many.html"), compare(&runs(20)))?;
    fs::write(folder.join("rates.svg"), line_chart(&rates()))?;
    Ok(())
}

fn runs(count: u64) -> Vec<RunRecord> {
    let run = |seed: u64| {
        let plan = ["head", "gradual", "full"][seed as usize % 3];
        let mut run = sample::run(&format!("pets, {plan}, seed {seed}"), 10, seed);
        run.plan.iter_mut().for_each(|it| it.name = plan.to_owned());
        run
    };
    (1..=count).map(run).collect()
}

/// What a search for the learning rate looks like.
fn rates() -> LineChart {
    let loss = |rate: f64| 2.3 - 1.6 / (1.0 + (1e-3 / rate).powi(2)) + (rate / 0.2).powi(2);
    let points = (0..=100).map(|step| 10_f64.powf(-6.0 + f64::from(step) * 0.055));
    LineChart {
        title: "Loss by learning rate".to_owned(),
        width: 560.0,
        height: 300.0,
        x: Axis { label: "learning rate".to_owned(), scale: AxisScale::Log, ..Axis::default() },
        series: vec![Series {
            name: "smoothed loss".to_owned(),
            points: points.map(|rate| (rate, loss(rate))).collect(),
            style: 0,
        }],
        marks: vec![Mark { label: "1.3e-3".to_owned(), at: 1.3e-3 }],
        ..LineChart::default()
    }
}
