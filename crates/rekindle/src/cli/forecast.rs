//! `rekindle forecast`: what comes next in series, and how sure that is.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::Args;
use rayon::prelude::*;
use rekindle_base::{AtomicFile, csv_line, text_cell};
use rekindle_series::{
    Baseline, Case, Comparison, Duplicates, Fill, Forecast, ForecastConfig, FoundSeason, Panel,
    Quantiles, ReadConfig, Reading, Verdict, read_series, rolling_cases, test_cases,
};
use serde_json::{Value, json};

use super::{Common, numbers, output};

/// The name of what is written.
const FORECASTS: &str = "forecasts.csv";

/// Forecast series: a file of them, with dates, without, below each other or beside each other.
///
/// Baselines are measured on what is set aside, by rolling origins or a file of what followed, and the best of them is named;
/// whether it is better than repeating the last values, an interval says. All their forecasts are written, with quantiles.
#[derive(Args)]
pub(super) struct Arguments {
    /// The series: a list with columns such as unique_id, ds and y, or date and value (.csv, .jsonl, .parquet in builds with that
    /// feature), a series a row as in the M4 competition, or .tsf.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Steps to forecast. [default: what the file says]
    #[arg(long, value_parser = numbers::count)]
    horizon: Option<usize>,
    /// Values of a season, such as 24 of hours; 1 is none. [default: found of dates and values]
    #[arg(long, value_parser = numbers::count)]
    season: Option<usize>,
    /// Models to try: naive, seasonal-naive, drift, seasonal-average, naive2, theta, ets. [default: all]
    #[arg(long = "model", value_name = "NAME", num_args = 1..)]
    models: Vec<Baseline>,
    /// Windows to measure on, from origins a horizon apart, the last of which ends with the series.
    #[arg(long, value_name = "WINDOWS", default_value_t = 3, value_parser = numbers::count)]
    backtest: usize,
    /// What followed the series, to measure on in place of a backtest: a file of the same kind.
    #[arg(long, value_name = "FILE")]
    test: Option<PathBuf>,
    /// Levels of intervals in percent; scores are of the greatest.
    #[arg(long = "level", value_name = "PERCENT", num_args = 1.., default_values_t = [80.0, 95.0])]
    levels: Vec<f64>,
    /// The column that names the series.
    #[arg(long, value_name = "COLUMN")]
    id: Option<String>,
    /// The column of dates.
    #[arg(long, value_name = "COLUMN")]
    time: Option<String>,
    /// The columns of values. [default: y, else all of numbers]
    #[arg(long = "value", value_name = "COLUMN", num_args = 1..)]
    values: Vec<String>,
    /// What becomes of gaps and missing values: refuse, previous, linear or zero.
    #[arg(long, default_value = "refuse", value_parser = fill)]
    fill: Fill,
    /// What becomes of rows of the same series and time: refuse, first, last, mean or sum.
    #[arg(long, default_value = "refuse", value_parser = duplicates)]
    duplicates: Duplicates,
    /// The folder to write to.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    #[command(flatten)]
    pub(super) common: Common,
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let config = ReadConfig {
            id: self.id.clone(),
            time: self.time.clone(),
            values: self.values.clone(),
            dates: None,
            fill: self.fill,
            duplicates: self.duplicates,
        };
        let read = read_series(&self.data, &config)?;
        self.note(&self.data, &read);
        let panel = &read.panel;
        let frequencies = panel.by_frequency();
        if let [_, _, ..] = frequencies[..] {
            let found: Vec<String> =
                frequencies.iter().map(|(it, of)| format!("{} {it}", of.len())).collect();
            let data = self.data.display();
            bail!(
                "{data}: holds series of several frequencies ({}); give each a file",
                found.join(", ")
            );
        }
        let horizon = self.horizon.or(read.horizon).with_context(|| {
            format!("{}: does not say how far to forecast; give --horizon", self.data.display())
        })?;
        let season = match self.season {
            Some(season) => FoundSeason { season, why: "as asked".to_owned() },
            None => FoundSeason::of(panel),
        };
        let levels: Vec<f64> = self.levels.iter().map(|percent| percent / 100.0).collect();
        let level = levels.iter().copied().fold(0.0, f64::max);
        let ask = ForecastConfig::new(horizon, season.season, Quantiles::of_levels(&levels)?)?;
        let models = if self.models.is_empty() { &Baseline::ALL[..] } else { &self.models };
        // Read before anything is computed.
        let test = match &self.test {
            Some(path) => {
                let config = ReadConfig { dates: read.dates, ..config };
                let test = read_series(path, &config)?;
                self.note(path, &test);
                Some(test.panel)
            }
            None => read.test.clone(),
        };
        if !self.common.json {
            let (low, high) = panel.lengths();
            say!("{} series of {low} to {high} points, {}", panel.len(), frequencies[0].0);
            say!("season: {}, {}", season.season, season.why);
        }
        let selected = long_enough(panel, horizon);
        let (measured, cases) = match &test {
            Some(test) => {
                (format!("on {horizon} steps that followed"), test_cases(panel, test, horizon)?)
            }
            None => {
                let Some(selected) = &selected else {
                    let (_, high) = panel.lengths();
                    bail!(
                        "{}: a horizon of {horizon} is not shorter than the longest series, of {high} points; ask for fewer steps",
                        self.data.display()
                    );
                };
                let left_out = panel.len() - selected.len();
                if left_out > 0 {
                    complain!(
                        "{left_out} series are no longer than the horizon, and are not measured on"
                    );
                }
                let cases = rolling_cases(selected, horizon, self.backtest, horizon)?;
                (format!("by backtest on {} windows", cases.len()), cases)
            }
        };
        let found =
            Comparison::of(models, &cases, &ask, level).context("no model was asked for")?;
        std::fs::create_dir_all(&self.out)
            .with_context(|| format!("{}: cannot be made", self.out.display()))?;
        let path = self.out.join(FORECASTS);
        write(&path, panel, models, &ask)?;
        if self.common.json {
            output::json(&summary(&found, panel, &ask, &cases))?;
        } else {
            show(&found, &measured, level);
            say!("{}", output::one_line(path.display()));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What was found in a file: on standard error, so that it is said beside JSON too.
    fn note(&self, path: &Path, reading: &Reading) {
        for finding in &reading.findings {
            complain!("{}: {}", output::one_line(path.display()), output::one_line(finding));
        }
    }
}

/// The series that can be measured on, if there are any.
fn long_enough(panel: &Panel, horizon: usize) -> Option<Panel> {
    let places: Vec<usize> =
        (0..panel.len()).filter(|place| panel.values(*place).len() > horizon).collect();
    (!places.is_empty()).then(|| panel.select(&places))
}

fn show(found: &Comparison, measured: &str, level: f64) {
    say!("{measured}:");
    say!(
        "  {:18}{:>9}{:>9}{:>9}{:>9}{:>10}{:>14}",
        "model",
        "sMAPE",
        "MASE",
        "OWA",
        "MSIS",
        "coverage",
        "MAE"
    );
    for (model, it) in &found.models {
        let mean = it.mean;
        let owa = mean.owa(&found.naive2);
        say!(
            "  {:18}{:>9.3}{:>9.3}{owa:>9.3}{:>9.3}{:>10.3}{:>14.6}",
            model.name(),
            mean.smape,
            mean.mase,
            mean.msis,
            mean.coverage,
            mean.mae
        );
        if it.simpler > 0 {
            say!(
                "    {} of {} by a simpler one, since the series or the season is too short for it",
                it.simpler,
                it.of_cases.len()
            );
        }
    }
    say!("MSIS and coverage are of intervals of {}%", level * 100.0);
    let metric = found.metric.to_uppercase();
    let (naive, difference) = &found.naive;
    let (best, of) = (found.best(), difference.estimate);
    let between =
        format!("{:+.4} in {metric}, between {:+.4} and {:+.4} at 95%", of.value, of.low, of.high);
    match difference.verdict {
        _ if best == *naive => say!("best: {best}"),
        _ if difference.pairs < 2 => {
            say!("best: {best}; one window is no ground to compare it with {naive}")
        }
        Verdict::Better => say!("best: {best}, better than {naive}: {between}"),
        Verdict::Worse => say!("best: {best}, worse than {naive}: {between}"),
        Verdict::Same => say!("best: {best}, no difference to {naive}: {between}"),
    }
}

/// What a run found, as the one object that ends it.
fn summary(found: &Comparison, panel: &Panel, ask: &ForecastConfig, cases: &[Case<'_>]) -> Value {
    let models = found.models.iter().map(|(model, it)| {
        let mean = it.mean;
        let scores = json!({
            "smape": mean.smape,
            "mase": mean.mase,
            "owa": mean.owa(&found.naive2),
            "msis": mean.msis,
            "mae": mean.mae,
            "rmse": mean.rmse,
            "coverage": mean.coverage,
            "simpler": it.simpler,
            "seconds": it.seconds,
        });
        (model.name().to_owned(), scores)
    });
    let (naive, difference) = &found.naive;
    let verdict = match difference.verdict {
        Verdict::Better => "better",
        Verdict::Same => "no difference",
        Verdict::Worse => "worse",
    };
    json!({
        "series": panel.len(),
        "horizon": ask.horizon(),
        "season": ask.season(),
        "windows": cases.len(),
        "models": models.collect::<serde_json::Map<_, _>>(),
        "best": found.best().name(),
        "difference": {
            "to": naive.name(),
            "metric": found.metric,
            "value": difference.estimate.value,
            "low": difference.estimate.low,
            "high": difference.estimate.high,
            "verdict": verdict,
        },
        "weights": null,
    })
}

/// Writes the forecasts of all models: a row a step.
fn write(
    path: &Path,
    panel: &Panel,
    models: &[Baseline],
    ask: &ForecastConfig,
) -> anyhow::Result<()> {
    let cannot = || format!("{}: cannot be written", path.display());
    let mut file = AtomicFile::create(path).with_context(cannot)?;
    let names = ["unique_id", "ds", "model", "mean"].map(str::to_owned);
    let shares = ask.quantiles().shares().iter().map(f64::to_string);
    let names: Vec<String> = names.into_iter().chain(shares).collect();
    writeln!(file, "{}", csv_line(names.iter().map(String::as_str))).with_context(cannot)?;
    for model in models {
        let rows: Vec<String> = (0..panel.len())
            .into_par_iter()
            .map(|place| {
                rows(panel, place, &model.forecast(panel.values(place), ask), model.name())
            })
            .collect();
        for rows in rows {
            file.write_all(rows.as_bytes()).with_context(cannot)?;
        }
    }
    file.commit().with_context(cannot)
}

fn rows(panel: &Panel, place: usize, forecast: &Forecast, model: &str) -> String {
    let (series, length) = (panel.series(place), panel.values(place).len());
    let id = text_cell(&series.id);
    let width = forecast.quantiles.len() / forecast.points.len().max(1);
    let mut text = String::new();
    for (step, point) in forecast.points.iter().enumerate() {
        let quantiles = &forecast.quantiles[step * width..(step + 1) * width];
        let numbers: Vec<String> =
            std::iter::once(point).chain(quantiles).map(f64::to_string).collect();
        let time = series.show(length + step);
        let cells = [&*id, &time, model].into_iter().chain(numbers.iter().map(String::as_str));
        text.push_str(&csv_line(cells));
        text.push('\n');
    }
    text
}

fn fill(text: &str) -> Result<Fill, String> {
    named(
        text,
        &[
            ("refuse", Fill::Refuse),
            ("previous", Fill::Previous),
            ("linear", Fill::Linear),
            ("zero", Fill::Zero),
        ],
    )
}

fn duplicates(text: &str) -> Result<Duplicates, String> {
    named(
        text,
        &[
            ("refuse", Duplicates::Refuse),
            ("first", Duplicates::First),
            ("last", Duplicates::Last),
            ("mean", Duplicates::Mean),
            ("sum", Duplicates::Sum),
        ],
    )
}

/// What a word stands for.
fn named<T: Copy>(text: &str, known: &[(&str, T)]) -> Result<T, String> {
    let found = known.iter().find(|(name, _)| *name == text);
    found.map(|(_, it)| *it).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        format!("it is one of {}", names.join(", "))
    })
}
