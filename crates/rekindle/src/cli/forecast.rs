//! `rekindle forecast`: what comes next in series, and how sure that is.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::Args;
use rekindle_series::{
    Columns, Duplicates, Fill, Finding, ForecastConfig, FoundSeason, Frequency, Panel, Quantiles,
    ReadConfig, read_known_ahead, read_series,
};

use super::{Common, numbers, output};

mod asked;
mod group;
mod learn;
mod report;
mod shown;
mod written;

use asked::Asked;
use group::Group;
use learn::{LearnArguments, Learner};

/// The names of what is written.
const FORECASTS: &str = "forecasts.csv";
const REPORT: &str = "report.html";

/// Forecast series: a file of them, with dates, without, below each other or beside each other.
///
/// Baselines and networks are measured on what is set aside, by rolling origins or a file of what followed, and the best of them
/// is named: a network only where an interval says that it is better than the best baseline. For a backtest networks learn of
/// what was before it, and for the forecasts once more of all. All forecasts are written, with quantiles, and a page that shows
/// them and how well models did.
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
    /// Models to try. Baselines: naive, seasonal-naive, drift, seasonal-average, naive2, theta, ets. Networks: nlinear, dlinear,
    /// dense, conv1d, lstm, gru, nbeats, nbeats-interpretable, nhits. combined is the median of theta, ets and the networks that are
    /// asked for. [default: all baselines, nlinear, nbeats, combined]
    #[arg(long = "model", value_name = "NAME", num_args = 1..)]
    models: Vec<Asked>,
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
    /// A column beside the values that is known of what is forecast too, such as a price; networks but nlinear and dlinear see
    /// it. What is known ahead are rows without a value behind the last of a series, or those of --future. Repeatable.
    #[arg(long, value_name = "COLUMN")]
    known: Vec<String>,
    /// A column beside the values that is known up to now, such as the weather. Repeatable.
    #[arg(long, value_name = "COLUMN")]
    past: Vec<String>,
    /// A column that says one thing of a whole series: a number or a category. Repeatable.
    #[arg(long = "static", value_name = "COLUMN")]
    fixed: Vec<String>,
    /// Let networks see what the calendar says: hour of the day, day of the week, as the frequency has them.
    #[arg(long)]
    calendar: bool,
    /// What is known ahead: a list of names, dates and the --known columns. [default: rows without a value behind the last of a
    /// series, and those of --test]
    #[arg(long, value_name = "FILE", requires = "known")]
    future: Option<PathBuf>,
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
    learn: LearnArguments,
    #[command(flatten)]
    pub(super) common: Common,
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let levels: Vec<f64> = self.levels.iter().map(|percent| percent / 100.0).collect();
        let level = levels.iter().copied().fold(0.0, f64::max);
        let quantiles = Quantiles::of_levels(&levels)?;
        let counted = self.asked().into_iter().filter(Asked::counts).count();
        if self.models.contains(&Asked::Combined)
            && counted + usize::from(self.learn.weights.is_some()) < 2
        {
            bail!("combined is of at least two of theta, ets and networks; ask for them too");
        }
        let groups = self.groups()?;
        let several = groups.len() > 1;
        let mut learner = Learner::new(self, groups.len())?;
        let mut measured = Vec::new();
        for group in groups {
            if !self.common.json {
                let (low, high) = group.panel.lengths();
                let frequency = &group.frequency;
                say!("{} series of {low} to {high} points, {frequency}", group.panel.len());
                say!("season: {}, {}", group.season.season, group.season.why);
            }
            let ask = ForecastConfig::new(group.horizon, group.season.season, quantiles.clone())?;
            let group = match self.calendar {
                true => Group { panel: group.panel.with_calendar(learner.horizon(&ask))?, ..group },
                false => group,
            };
            learner.check(&group.panel, &ask)?;
            let part = several.then(|| group.frequency.to_string());
            learner.begin(part.as_deref());
            let found = group.measure(self, (&ask, level), &learner)?;
            if several && !self.common.json {
                let one = shown::compare(std::slice::from_ref(&found));
                let one = one.context("no model was asked for")?;
                shown::show(&one, &format!("{}, {}", found.frequency, found.on), level);
            }
            measured.push(found);
        }
        let found = shown::compare(&measured).context("no model was asked for")?;
        std::fs::create_dir_all(&self.out)
            .with_context(|| format!("{}: cannot be made", self.out.display()))?;
        let path = self.out.join(FORECASTS);
        written::write(&path, &measured)?;
        let report = self.out.join(REPORT);
        report::write(&report, &self.data, (&found, level), &measured)?;
        if self.common.json {
            output::json(&shown::summary(&found, &measured))?;
        } else {
            let on = if several { "all series together" } else { &measured[0].on };
            shown::show(&found, on, level);
            shown::verdict(&found);
            say!("{}", output::one_line(path.display()));
            say!("{}", output::one_line(report.display()));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The series, those of a frequency together.
    fn groups(&self) -> anyhow::Result<Vec<Group>> {
        let covariates = Columns {
            past: self.past.clone(),
            known: self.known.clone(),
            fixed: self.fixed.clone(),
            calendar: Vec::new(),
        };
        let config = ReadConfig {
            id: self.id.clone(),
            time: self.time.clone(),
            values: self.values.clone(),
            covariates,
            dates: None,
            fill: self.fill,
            duplicates: self.duplicates,
        };
        let mut read = read_series(&self.data, &config)?;
        note(&self.data, &read.findings);
        let config = ReadConfig { dates: read.dates, ..config };
        // Read before anything is computed.
        let test = match &self.test {
            Some(path) => {
                // What is right stands alone.
                let config = ReadConfig { covariates: Columns::default(), ..config.clone() };
                let test = read_series(path, &config)?;
                note(path, &test.findings);
                Some(test.panel)
            }
            None => read.test.clone(),
        };
        if let Some(path) = self.future.as_ref().or(self.test.as_ref())
            && !self.known.is_empty()
        {
            let (panel, findings) = read_known_ahead(path, &config, &read.panel)?;
            note(path, &findings);
            read.panel = panel;
        }
        let group = |(frequency, panel): (Frequency, Panel)| {
            let horizon = match self.horizon.or(read.horizon) {
                Some(horizon) => horizon,
                None => ahead(&panel, test.as_ref()).with_context(|| {
                    let data = self.data.display();
                    format!("{data}: does not say how far to forecast; give --horizon")
                })?,
            };
            let season = match self.season {
                Some(season) => FoundSeason { season, why: "as asked".to_owned() },
                None => FoundSeason::of(&panel),
            };
            Ok(Group { frequency, panel, test: test.clone(), horizon, season })
        };
        read.panel.by_frequency().into_iter().map(group).collect()
    }
}

/// What was found in a file: on standard error, so that it is said beside JSON too.
fn note(path: &Path, findings: &[Finding]) {
    for finding in findings {
        complain!("{}: {}", output::one_line(path.display()), output::one_line(finding));
    }
}

/// The values that follow each of some series in a test part, where they have as many.
fn ahead(panel: &Panel, test: Option<&Panel>) -> Option<usize> {
    let test = test?;
    let lengths: Option<Vec<usize>> = panel
        .iter()
        .map(|(series, _)| test.position(&series.id).map(|place| test.values(place).len()))
        .collect();
    let lengths = lengths?;
    let first = *lengths.first()?;
    lengths.iter().all(|length| *length == first).then_some(first)
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
