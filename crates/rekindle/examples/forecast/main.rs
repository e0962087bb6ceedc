//! N-BEATS written here and trained by the engine that trains everything else; several of them together; how sure they are; and what
//! none of them can know.
//!
//! ```sh
//! cargo run --release --example forecast
//! cargo run --release --example forecast -- --data BTC_USD_2013-10-01_2021-05-18-CoinDesk.csv --members 15
//! ```
//!
//! Without arguments the series is a wave. Expected, in seven seconds, with a fan of what comes next as SVG:
//!
//! ```text
//! way                          MAE    MASE  of naive    less naive's, 95%  seconds
//! naive                       5.59   1.012    1.0000       +0.00 to +0.00      0.0
//! N-BEATS, by MAE             1.02   0.185    0.1832       -4.87 to -4.26      4.0
//! ...
//! of what was right, intervals of 95% hold
//! naive, normal errors          100.0%
//! the members' spread            16.0%
//! quantiles that were learned    93.0%
//! ```
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

mod fan;
mod nbeats;
#[allow(dead_code, reason = "another example uses more of it")]
#[path = "../support/series.rs"]
mod support;

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result};
use clap::Parser;
use fan::fan;
use nbeats::learned;
use rekindle::{
    forecast::{Ensemble, Family, TrainConfig},
    series::{Baseline, Evaluation, Forecast, ForecastConfig, Panel, Quantiles},
    train::RegressionLoss::{self, Huber, Mae, Mse},
};
use support::{Data, Row};

/// Trains N-BEATS, alone and as an ensemble.
#[derive(Parser)]
struct Arguments {
    /// Bitcoin's price by day; a wave without.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Networks of the ensemble.
    #[arg(long, default_value_t = 3)]
    members: usize,
    /// Folder for the plots.
    #[arg(long, default_value = "runs/forecast")]
    out: PathBuf,
}

/// What the ensemble's members learn by in turns, and what the course's N-BEATS reaches, which learns by the first.
const LOSSES: [(&str, RegressionLoss, &str); 3] = [
    ("N-BEATS, by MAE", Mae, "585.50"),
    ("N-BEATS, by MSE", Mse, ""),
    ("N-BEATS, by Huber's", Huber { delta: 1.0 }, ""),
];

fn main() -> Result<()> {
    let Arguments { data, members, out } = Arguments::parse();
    run(data.as_deref(), members, &out).map(drop)
}

#[allow(dead_code, reason = "what tests look at")]
/// What came out: the rows, the share of what was right that each way's intervals hold, and the errors with and without a turkey.
pub(crate) struct Found {
    pub(crate) rows: Vec<Row>,
    pub(crate) coverage: [f64; 3],
    pub(crate) turkey: [f64; 2],
}

pub(crate) fn run(file: Option<&Path>, members: usize, out: &Path) -> Result<Found> {
    let data = file.map_or_else(|| Data::made("wave"), Data::bitcoin)?;
    let (seen, cases) = (data.seen(), data.cases(1)?);
    let origins: Vec<_> = cases.iter().map(|case| case.origin).collect();
    let ask =
        |horizon, levels: &[f64]| ForecastConfig::new(horizon, 1, Quantiles::of_levels(levels)?);
    let day = ask(1, &[0.95])?;
    let usual = |ask: &ForecastConfig, seed: usize| {
        let mut config = TrainConfig::usual(Family::NBeats, &seen, ask);
        config.see(7 * ask.horizon());
        config.seed = seed as u64;
        config
    };
    let measured = |forecasts: &[Forecast], begun: Instant| Evaluation {
        seconds: begun.elapsed().as_secs_f64(),
        ..Evaluation::of_forecasts(forecasts, &cases, &day, 0.95)
    };
    data.head();
    let naive = Evaluation::of(Baseline::Naive, &cases, &day, 0.95);
    let mut rows = vec![data.row("naive", std::slice::from_ref(&naive), &naive, "567.98")];

    // ANCHOR: ensemble
    let begun = Instant::now();
    let mut all = Vec::new();
    for member in 0..members {
        let mut config = usual(&day, member);
        config.expect(LOSSES[member % 3].1);
        all.push(learned(&seen, &config)?);
    }
    let of_members: Vec<Vec<Forecast>> =
        all.iter().map(|member| member.forecast(&origins, &day)).collect::<Result<_, _>>()?;
    let ensemble = Ensemble::new(all).context("an ensemble of none")?.forecast(&origins, &day)?;
    // ANCHOR_END: ensemble
    for (place, (name, _, course)) in LOSSES.iter().enumerate() {
        let of = of_members.iter().skip(place).step_by(3);
        let each: Vec<_> = of.map(|it| measured(it, begun)).collect();
        rows.push(data.row(name, &each, &naive, course));
    }
    let median = data.row("the median of all", &[measured(&ensemble, begun)], &naive, "567.44");

    // ANCHOR: intervals
    let begun = Instant::now();
    let sure = learned(&seen, &usual(&day, 0))?.forecast(&origins, &day)?;
    let sure = measured(&sure, begun);
    // ANCHOR_END: intervals
    rows.push(data.row("N-BEATS, quantiles", std::slice::from_ref(&sure), &naive, ""));
    let spread: Vec<Forecast> = (0..cases.len()).map(|case| spread(&of_members, case)).collect();
    let spread = measured(&spread, begun).mean;
    println!("\nof what was right, intervals of 95% hold");
    for (name, score) in [
        ("naive, normal errors", &naive.mean),
        ("the members' spread", &spread),
        ("quantiles that were learned", &sure.mean),
    ] {
        println!("{name:<28} {:>6.1}%", 100.0 * score.coverage);
    }
    fan(&data, &usual(&ask(14, &[0.5, 0.8, 0.95])?, 0), out)?;

    // ANCHOR: turkey
    let mut values = data.panel.values(0).to_vec();
    values.iter_mut().rev().take(1).for_each(|last| *last /= 100.0);
    let panel = Panel::new([(data.panel.series(0).clone(), values)])?;
    let turkey = Data { panel, ..data };
    let turkey = Evaluation::of_forecasts(&ensemble, &turkey.cases(1)?, &day, 0.95);
    // ANCHOR_END: turkey
    let turkey = [median.mae, turkey.mean.mae];
    rows.push(median);
    println!(
        "\nthe same forecasts, the last day a hundredth of what it was: MAE {:.2}, not {:.2}",
        turkey[1], turkey[0]
    );
    Ok(Found { rows, coverage: [naive.mean.coverage, spread.coverage, sure.mean.coverage], turkey })
}

/// As the course has it: 1.96 deviations of what the members say around their mean.
fn spread(members: &[Vec<Forecast>], case: usize) -> Forecast {
    let said = members.iter().map(|member| member[case].points[0]);
    let count = members.len() as f64;
    let mean = said.clone().sum::<f64>() / count;
    let deviation = (said.map(|it| (it - mean).powi(2)).sum::<f64>() / count).sqrt();
    let quantiles = [-1.96, 0.0, 1.96].map(|by| mean + by * deviation).to_vec();
    Forecast { model: "spread".into(), points: vec![mean], quantiles }
}
