//! How series were forecast: plain data, every part of it optional. What is not known is NaN.

/// What a run that forecasts found, and what it says comes next.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ForecastRecord {
    /// What was forecast.
    pub title: String,
    /// Which of the models is to be taken.
    pub best: String,
    /// The metric that models are compared by, such as `MASE`.
    pub metric: String,
    /// What the comparison says, a line each.
    pub verdicts: Vec<String>,
    /// The level of the intervals that MSIS and coverage are of.
    pub level: f64,
    /// All models on all series together.
    pub models: Vec<ModelScores>,
    /// The series of each frequency.
    pub groups: Vec<ForecastGroup>,
    /// Some of the series, to be looked at.
    pub series: Vec<SeriesForecast>,
    /// The series that the best model does worst on, the worst first.
    pub worst: Vec<SeriesErrors>,
    /// What networks add forecasts up from.
    pub parts: Vec<ForecastParts>,
    /// How networks learned.
    pub curves: Vec<LossCurve>,
}

/// How a model does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelScores {
    /// What it is called.
    pub name: String,
    /// The symmetric mean absolute percentage error, from 0 to 200.
    pub smape: f64,
    /// The mean absolute scaled error.
    pub mase: f64,
    /// Both relative to those of Naive2.
    pub owa: f64,
    /// The mean scaled interval score.
    pub msis: f64,
    /// The share of what was right that intervals hold.
    pub coverage: f64,
    /// The mean absolute error.
    pub mae: f64,
    /// What it took.
    pub seconds: f64,
    /// What else is to be known of it; may be empty.
    pub note: String,
}

/// Series of one frequency.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ForecastGroup {
    /// The frequency.
    pub name: String,
    /// How many series there are.
    pub series: usize,
    /// Steps that were forecast.
    pub horizon: usize,
    /// Values of a season; 1 where there is none.
    pub season: usize,
    /// What was measured on, in words.
    pub measured: String,
    /// How models do on these series.
    pub models: Vec<ModelScores>,
    /// The error of each step ahead by the record's metric, a model each.
    pub by_step: Vec<(String, Vec<f64>)>,
}

/// A series and its forecast. Steps are counted from the first of `times`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SeriesForecast {
    /// Its name.
    pub name: String,
    /// The errors of the best model and of repeating values by the record's metric, if it was measured on.
    pub errors: Option<[f64; 2]>,
    /// What else is to be known of it; may be empty.
    pub about: String,
    /// When each step was or will be.
    pub times: Vec<String>,
    /// The end of what was known when the measured forecast was made.
    pub history: Vec<f64>,
    /// What followed, on which models were measured; may be empty.
    pub right: Vec<f64>,
    /// What the best model had said of what followed.
    pub measured: Option<StepsAhead>,
    /// What it says of what comes next.
    pub next: StepsAhead,
}

/// Steps that follow each other, as they are forecast.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StepsAhead {
    /// The first of them.
    pub first: usize,
    /// What is expected.
    pub points: Vec<f64>,
    /// Intervals, each with its level and its lower and upper end at every step.
    pub intervals: Vec<(f64, Vec<[f64; 2]>)>,
}

/// The errors of a series by the record's metric.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SeriesErrors {
    /// Its name.
    pub name: String,
    /// Its frequency.
    pub group: String,
    /// The error of the best model.
    pub best: f64,
    /// The error of repeating values.
    pub naive: f64,
    /// The model with the least error on it, and that.
    pub least: (String, f64),
}

/// What a network adds a forecast up from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ForecastParts {
    /// The network.
    pub model: String,
    /// The series.
    pub series: String,
    /// When each step will be.
    pub times: Vec<String>,
    /// The value that parts are added to.
    pub shift: f64,
    /// What each part adds at every step, by its name.
    pub parts: Vec<(String, Vec<f64>)>,
}

/// The loss of a network by epoch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LossCurve {
    /// The network.
    pub model: String,
    /// The epoch that was kept.
    pub best: usize,
    /// Each epoch and its loss on what was learned from.
    pub train: Vec<(usize, f64)>,
    /// Each epoch and its loss on what the best was chosen by.
    pub validation: Vec<(usize, f64)>,
}
