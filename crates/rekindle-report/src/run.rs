//! The record of a fine-tuning run: plain data, every part of it optional.

use serde::{Deserialize, Serialize};

mod checkup;
mod columns;
mod evaluation;
mod file;
mod items;
pub(crate) mod metric;
mod private;
mod problems;
pub(crate) mod text;

pub use checkup::{Checkup, CheckupFinding, CheckupGroup, Thumbnail};
pub use columns::{ColumnRecord, ColumnsRecord, GroupRecord};
pub use evaluation::{
    Baseline, Calibration, ClassScores, EvaluationRecord, ExampleRecord, Gallery, GuessRecord,
    MainMetric, MultiLabelResults, PredictedNumber, RegressionResults, Results, SingleLabelResults,
    TargetResults, Verdict, WordRecord,
};
pub use file::Version;
pub use items::{ItemKind, TextFacts};

/// What a run was given, did and reached.
///
/// What is empty or `None` is left out of the page. Shares and probabilities are in `[0, 1]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// The format of the file that the record is kept in.
    pub version: Version,
    /// What the run is called.
    pub title: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "ItemKind::is_pictures")]
    pub items: ItemKind,
    /// The command that does it again, as one line.
    #[serde(default)]
    pub command: String,
    /// With what and when it ran.
    #[serde(default)]
    pub environment: Environment,
    /// What was learned from.
    #[serde(default)]
    pub data: Option<Data>,
    /// What the doctor found in that, if it was asked.
    #[serde(default)]
    pub checkup: Option<Checkup>,
    /// What training started from.
    #[serde(default)]
    pub weights: Option<Weights>,
    /// What was trained when, and how fast.
    #[serde(default)]
    pub plan: Option<PlanRecord>,
    /// What was measured after every epoch.
    #[serde(default)]
    pub history: Option<History>,
    /// Measurements of the best model: of the validation data first, then of others.
    #[serde(default)]
    pub evaluations: Vec<EvaluationRecord>,
    /// What the columns of a table were worth, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<ColumnsRecord>,
    /// Examples worth a look.
    #[serde(default)]
    pub galleries: Vec<Gallery>,
    /// Anything else worth a line.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// With what and when a run ran.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Environment {
    /// Rekindle's version.
    pub rekindle: String,
    /// Burn's version.
    pub burn: String,
    /// The name of the device.
    pub device: String,
    /// Threads that computed.
    pub threads: Option<usize>,
    /// What everything random was drawn from.
    pub seed: Option<u64>,
    /// When it started, in seconds since 1970-01-01 UTC.
    pub started: Option<u64>,
    /// How long it took, in seconds.
    pub seconds: Option<f64>,
}

/// What was learned from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// The folder or file it came from.
    pub folder: String,
    /// How examples became inputs.
    #[serde(default)]
    pub preprocessing: String,
    /// How many examples there are, where the classes do not say so: one may have several of them, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pictures: Option<ExampleCount>,
    /// The classes, in the order of the model's outputs; none where numbers are learned.
    #[serde(default)]
    pub classes: Vec<ClassCount>,
    /// Where numbers lie that are learned, a column each; none where classes are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<NumberRange>,
    /// How long the texts are, where it is texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub texts: Option<TextFacts>,
}

/// Where the numbers of a column lie, in each part that has any.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberRange {
    /// The column.
    pub name: String,
    /// Of examples to train on.
    pub train: Option<PartRange>,
    /// Of examples to validate on.
    pub validation: Option<PartRange>,
    /// Of examples that were kept for a last test.
    pub test: Option<PartRange>,
}

/// Where the numbers of a part lie.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartRange {
    /// Examples that have one.
    pub pictures: usize,
    /// The least.
    pub low: f64,
    /// What half of them are below.
    pub median: f64,
    /// The greatest.
    pub high: f64,
}

/// How many examples there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleCount {
    /// Examples that were trained on.
    pub train: usize,
    /// Examples that were validated on.
    pub validation: usize,
    /// Examples that were kept for a last test, if any.
    #[serde(default)]
    pub test: Option<usize>,
}

/// The examples of a class.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassCount {
    /// The class.
    pub name: String,
    /// Examples that were trained on.
    pub train: usize,
    /// Examples that were validated on.
    pub validation: usize,
    /// Examples that were kept for a last test, if any.
    #[serde(default)]
    pub test: Option<usize>,
}

/// What training started from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// The checkpoint's name.
    pub name: String,
    /// Where it was had from: an address, or words.
    #[serde(default)]
    pub origin: String,
    /// Its license.
    #[serde(default)]
    pub license: String,
    /// What must be known before using it, if anything.
    #[serde(default)]
    pub caution: String,
    /// The hash of its file, in hexadecimal.
    #[serde(default)]
    pub sha256: String,
}

/// What was trained when, and how fast.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRecord {
    /// The plan's name.
    pub name: String,
    /// The optimizer and its settings, in words.
    #[serde(default)]
    pub optimizer: String,
    /// How the rates change over a phase, in words.
    #[serde(default)]
    pub schedule: String,
    /// What was done first comes first.
    pub phases: Vec<PhaseRecord>,
}

/// A part of a plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseRecord {
    /// What it is called.
    pub name: String,
    /// Its first epoch, counted from one over all phases.
    pub first_epoch: usize,
    /// How many epochs it was to last.
    pub epochs: usize,
    /// The network's stages, input first, head last.
    pub stages: Vec<StageRecord>,
}

/// What a phase does with a stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageRecord {
    /// The stage's name.
    pub name: String,
    /// How many parameters it has.
    pub parameters: usize,
    /// Whether they move.
    pub state: StageState,
    /// The learning rate at the schedule's factor of one; zero where frozen.
    pub rate: f64,
    /// What its batch norms normalize by, in words; empty where it has none.
    #[serde(default)]
    pub batch_norm: String,
}

/// Whether parameters move.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageState {
    /// They are trained.
    Trainable,
    /// They stay as they are.
    #[default]
    Frozen,
}

/// What was measured after every epoch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// What decides which epoch is the best.
    pub monitored: Monitored,
    /// The number of the best epoch.
    #[serde(default)]
    pub best: Option<usize>,
    /// One for each epoch, in order.
    pub epochs: Vec<EpochRecord>,
}

/// A metric that decides which epoch is the best.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Monitored {
    /// Its name among the metrics of the validation data.
    pub name: String,
    /// Which values are better.
    pub better: Better,
    /// How its values are shown.
    pub unit: MetricUnit,
}

impl Default for Monitored {
    /// The accuracy.
    fn default() -> Self {
        Self { name: "accuracy".to_owned(), better: Better::Higher, unit: MetricUnit::Share }
    }
}

/// Which values of a metric are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// The higher ones.
    Higher,
    /// The lower ones.
    Lower,
}

/// How a value is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricUnit {
    /// As it is.
    #[default]
    Number,
    /// As a percentage of one.
    Share,
}

/// What was measured after an epoch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochRecord {
    /// Counted from one over all phases.
    pub number: usize,
    /// The name of its phase.
    #[serde(default)]
    pub phase: String,
    /// On what was trained on; the loss is called `loss`.
    pub train: Vec<Metric>,
    /// On the validation data, by the same names.
    pub validation: Vec<Metric>,
    /// The learning rates at its end.
    #[serde(default)]
    pub rates: Vec<GroupRate>,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// A measured value. One that is NaN is kept as `null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// What was measured.
    pub name: String,
    /// What came out.
    #[serde(with = "text::number")]
    pub value: f64,
}

/// The learning rate of a group of parameters; zero where frozen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupRate {
    /// The group, such as a stage.
    pub group: String,
    /// Its rate.
    #[serde(with = "text::number")]
    pub rate: f64,
}
