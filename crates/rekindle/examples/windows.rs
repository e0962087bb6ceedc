//! Windows and horizons: what a network sees of a series and what it is to say, and whether it says more than the last value does.
//!
//! ```sh
//! cargo run --release --example windows
//! cargo run --release --example windows -- --data BTC_USD_2013-10-01_2021-05-18-CoinDesk.csv --seeds 3
//! ```
//!
//! Without arguments two series are made: a wave, of which networks learn the week, and a walk, of which there is nothing to learn.
//! Expected, in five seconds:
//!
//! ```text
//! wave, 100 days to test on
//! way                          MAE    MASE  of naive    less naive's, 95%  seconds
//! naive                       5.59   1.012    1.0000       +0.00 to +0.00      0.0
//! dense                       1.07   0.194    0.1918       -4.85 to -4.19      0.0
//! ...
//! walk, 100 days to test on
//! naive                       0.76   0.928    1.0000       +0.00 to +0.00      0.0
//! dense                       0.76   0.937    1.0093       -0.02 to +0.03      0.1
//! ...
//! ```
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

#[allow(dead_code, reason = "another example uses more of it")]
#[path = "support/series.rs"]
mod support;

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Result;
use clap::Parser;
use rekindle::{
    Device,
    forecast::{Family, TrainConfig, train},
    series::{Baseline, Evaluation, ForecastConfig, Quantiles, Windows, WindowsConfig},
    train::RegressionLoss,
};
use support::{Data, Row, draw};

/// Compares networks of windows with repeating the last value.
#[derive(Parser)]
struct Arguments {
    /// Bitcoin's price by day; a wave and a walk without.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Networks of each way, whose mean is shown.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Folder for the plots.
    #[arg(long, default_value = "runs/windows")]
    out: PathBuf,
}

/// A way's name, network, days seen and days said, whether it sees the block reward, and the course's error.
type Way = (&'static str, Family, [usize; 2], bool, &'static str);
const WAYS: [Way; 6] = [
    ("dense", Family::Dense, [7, 1], false, "568.95"),
    ("dense, a month seen", Family::Dense, [30, 1], false, "608.96"),
    ("dense, a week ahead", Family::Dense, [30, 7], false, "1237.51"),
    ("conv1d", Family::Conv1d, [7, 1], false, "570.83"),
    ("lstm", Family::Lstm, [7, 1], false, "596.64"),
    ("dense, block reward", Family::Dense, [7, 1], true, "567.59"),
];

fn main() -> Result<()> {
    let Arguments { data, seeds, out } = Arguments::parse();
    run(data.as_deref(), seeds, &out).map(drop)
}

/// The rows of each series.
pub(crate) fn run(file: Option<&Path>, seeds: u64, out: &Path) -> Result<Vec<Vec<Row>>> {
    match file {
        Some(file) => Ok(vec![compare(&Data::bitcoin(file)?, &WAYS, seeds, out)?]),
        // What was mined for a block says nothing of them.
        None => ["wave", "walk"]
            .map(|name| compare(&Data::made(name)?, &WAYS[..5], seeds, out))
            .into_iter()
            .collect(),
    }
}

fn compare(data: &Data, ways: &[Way], seeds: u64, out: &Path) -> Result<Vec<Row>> {
    let name = data.panel.series(0).id.to_string();
    // ANCHOR: windows
    let window = Windows::new(&data.panel, &WindowsConfig::new(7, 1))?.get(0);
    println!("{:.1?} -> {:.1?}", window.input, window.target);
    // ANCHOR_END: windows
    data.head();
    let ask = |horizon| ForecastConfig::new(horizon, 1, Quantiles::new(&[])?);
    let mut rows = Vec::new();
    let mut lines = Vec::new();
    for horizon in [1, 7] {
        let naive = Evaluation::of(Baseline::Naive, &data.cases(horizon)?, &ask(horizon)?, 0.95);
        let (called, course) =
            if horizon == 1 { ("naive", "567.98") } else { ("naive, a week ahead", "") };
        rows.push(data.row(called, std::slice::from_ref(&naive), &naive, course));
        for (called, family, [input, _], reward, course) in
            ways.iter().filter(|way| way.2[1] == horizon)
        {
            let panel =
                if *reward { support::with_block_reward(&data.panel)? } else { data.panel.clone() };
            let data = Data { panel, ..*data };
            let (seen, cases) = (data.seen(), data.cases(horizon)?);
            let origins: Vec<_> = cases.iter().map(|case| case.origin).collect();
            let mut found = Vec::new();
            for seed in 0..seeds {
                // ANCHOR: train
                let begun = Instant::now();
                let mut config = TrainConfig::usual(*family, &seen, &ask(horizon)?);
                config.see(*input);
                config.expect(RegressionLoss::Mae);
                config.seed = seed;
                let trained =
                    train(&seen, &config, None, &Device::flex().autodiff(), None, &mut [])?;
                let forecasts = trained.forecaster.forecast(&origins, &ask(horizon)?)?;
                let measured = Evaluation::of_forecasts(&forecasts, &cases, &ask(horizon)?, 0.95);
                // ANCHOR_END: train
                found.push(Evaluation { seconds: begun.elapsed().as_secs_f64(), ..measured });
                if (horizon, seed) == (1, 0) {
                    let points = forecasts.iter().zip(&origins);
                    lines.push((
                        *called,
                        points.map(|(it, at)| (at.at as f64, it.points[0])).collect(),
                    ));
                }
            }
            rows.push(data.row(called, &found, &naive, course));
        }
    }
    let last = |points: Vec<(f64, f64)>| points[points.len().saturating_sub(40)..].to_vec();
    let mut shown: Vec<support::Points<'_>> = vec![("right", Vec::new())];
    shown[0].1 = (0..).map(f64::from).zip(data.panel.values(0).iter().copied()).collect();
    shown.extend(lines.into_iter().filter(|line| ["dense", "lstm"].contains(&line.0)));
    let shown: Vec<_> = shown.into_iter().map(|(name, points)| (name, last(points))).collect();
    let title = "The last days, each said the day before";
    draw(&out.join(format!("{name}.svg")), title, data.panel.series(0), &shown, Vec::new())?;
    Ok(rows)
}
