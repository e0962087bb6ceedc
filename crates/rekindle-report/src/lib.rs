//! What a run leaves behind: one page of HTML that opens from disk.
//!
//! A [`RunRecord`] is plain data, kept as `run.json` in the run's folder. [`html`] makes a page of it and
//! [`compare`] one of several; [`checkup`] makes one of what is wrong with its data, which a run may
//! have as a section too. [`forecasts`] makes one of a [`ForecastRecord`], of a run that forecasts
//! series. All are single files: styles, charts and pictures lie in them, nothing is fetched, and
//! they read the same with scripts turned off. [`chart`] draws the charts and serves other plots too.
//!
//! ```no_run
//! use std::{fs, path::Path};
//!
//! use rekindle_report::{RunRecord, html};
//!
//! let run = RunRecord::read(Path::new("runs/cats/run.json"))?;
//! fs::write("runs/cats/report.html", html(&run))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod chart;
mod checkup;
mod compare;
mod error;
mod explained;
mod forecast;
mod markup;
mod mlflow;
mod page;
mod run;

pub use checkup::checkup;
pub use compare::compare;
pub use error::Error;
pub use explained::explained;
pub use forecast::{
    ForecastGroup, ForecastParts, ForecastRecord, LossCurve, ModelScores, SeriesErrors,
    SeriesForecast, StepsAhead,
};
pub use mlflow::mlflow;
pub use page::{forecasts, html};
pub use run::{
    Baseline, Better, Calibration, Checkup, CheckupFinding, CheckupGroup, ClassCount, ClassScores,
    ColumnRecord, ColumnsRecord, Data, Environment, EpochRecord, EvaluationRecord, ExampleCount,
    ExampleRecord, Gallery, GroupRate, GroupRecord, GuessRecord, History, ItemKind, MainMetric,
    Metric, MetricUnit, Monitored, MultiLabelResults, NumberRange, PartRange, PhaseRecord,
    PlanRecord, PredictedNumber, RegressionResults, Results, RunRecord, SingleLabelResults,
    StageRecord, StageState, TargetResults, TextFacts, Thumbnail, Verdict, Version, Weights,
    WordRecord,
};
