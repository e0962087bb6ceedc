//! What the three kinds of tasks have to say: their options, what they measured, and what must be beaten.

use std::collections::BTreeMap;

use rekindle::{
    Learned, ModelTask, ShownTask,
    engine::{Constant, TransferTask},
    metrics::{Classification, MultiLabel, Regression, Values},
    train::{
        Classify, ClassifyMultiLabel, CrossEntropy, Distill, Regress, RegressionLoss, Task as _,
    },
};
use serde_json::{Value, json};

use super::{output::one_line, percent};

/// What a user may ask of a loss.
pub(super) struct LossOptions {
    pub(super) smoothing: f64,
    pub(super) focal: f64,
    /// Weights of labels, where they are to count by how rare they are.
    pub(super) weights: Option<Vec<f32>>,
    /// Whether there is a teacher.
    pub(super) taught: bool,
    pub(super) loss: Option<NumberLoss>,
}

/// A loss of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum NumberLoss {
    /// The mean squared error.
    Mse,
    /// The mean absolute error, which single outliers pull at less.
    Mae,
    /// Squared up to one standard deviation, absolute beyond.
    Huber,
}

/// What was measured on a part of the data.
pub(super) struct Found {
    /// Examples.
    pub(super) examples: usize,
    /// The metrics of the task that results are told by, in order, the first of which models are usually compared by.
    pub(super) metrics: Vec<Metric>,
    /// Everything that was measured.
    pub(super) values: Values,
    /// More for whoever reads JSON.
    pub(super) more: BTreeMap<&'static str, Value>,
}

/// A metric with its interval, where it has one.
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) value: f64,
    /// At 95%.
    pub(super) interval: Option<[f64; 2]>,
    /// What it leaves out, where it does.
    pub(super) without: Option<String>,
}

impl Metric {
    /// As `accuracy 93.4% (90.0% to 95.2% at 95%)`.
    pub(super) fn line(&self) -> String {
        let value = match self.value.is_nan() {
            true => "none".to_owned(),
            false => shown(self.name, self.value),
        };
        let interval = self.interval.filter(|_| !self.value.is_nan()).map(|ends| {
            let [low, high] = ends.map(|end| shown(self.name, end));
            format!("{low} to {high} at 95%")
        });
        let about: Vec<String> = interval.into_iter().chain(self.without.clone()).collect();
        match about.is_empty() {
            true => format!("{} {value}", self.name),
            false => format!("{} {value} ({})", self.name, about.join(", ")),
        }
    }
}

impl Found {
    /// The metrics in a line.
    pub(super) fn line(&self) -> String {
        self.metrics.iter().map(Metric::line).collect::<Vec<_>>().join(", ")
    }
}

/// Metrics that are numbers in the units of what is predicted.
const NUMBERS: [&str; 4] = ["mae", "rmse", "r2", "loss"];

/// A metric's value as people read it: shares in percent.
pub(super) fn shown(metric: &str, value: f64) -> String {
    match metric {
        _ if !NUMBERS.contains(&metric) => percent(value),
        "r2" => format!("{value:.3}"),
        _ => {
            let digits = 3 - (value.abs().max(1e-9).log10().floor() as i32).clamp(-3, 3);
            format!("{value:.*}", digits.max(0) as usize)
        }
    }
}

/// A kind of labels that the program can learn.
pub(super) trait Answers: Learned<Task: ShownTask> {
    /// The task of labels or columns that are called so, with what was asked of its loss.
    ///
    /// # Errors
    ///
    /// Where that makes no sense for this kind of task.
    fn task(names: &[String], options: LossOptions) -> anyhow::Result<Self::Task>;

    /// What was measured.
    fn found(task: &Self::Task, scores: &<Self::Task as rekindle::train::Task>::Scores) -> Found;

    /// What is counted in messages.
    fn counted(names: &[String]) -> String;
}

impl Answers for usize {
    fn task(names: &[String], options: LossOptions) -> anyhow::Result<Classify> {
        let LossOptions { smoothing, focal, weights, taught, loss } = options;
        refuse(loss.is_some(), "--loss is for numbers (--target)")?;
        let distill = taught.then_some(Distill { temperature: 2.0, share: 0.5 });
        let loss = CrossEntropy { smoothing, focal, class_weights: weights, distill };
        Ok(Classify { loss, ..Classify::of(names) })
    }

    fn found(_: &Classify, scores: &rekindle::metrics::Predictions) -> Found {
        let found = Classification::of(scores);
        Found {
            examples: found.examples,
            metrics: vec![Metric {
                name: "accuracy",
                value: found.accuracy,
                interval: Some([found.interval.low, found.interval.high]),
                without: None,
            }],
            values: found.values(),
            more: BTreeMap::from([("confusion", json!(found.confusion))]),
        }
    }

    fn counted(names: &[String]) -> String {
        format!("{} labels", names.len())
    }
}

impl Answers for Vec<usize> {
    fn task(names: &[String], options: LossOptions) -> anyhow::Result<ClassifyMultiLabel> {
        refuse(options.loss.is_some(), "--loss is for numbers (--target)")?;
        refuse(options.focal > 0.0, "--focal is for one label a picture")?;
        refuse(options.taught, "--teacher is for one label a picture")?;
        let mut task = ClassifyMultiLabel::of(names);
        task.loss.smoothing = options.smoothing;
        task.loss.positive_weights = options.weights;
        Ok(task)
    }

    fn found(
        task: &ClassifyMultiLabel,
        scores: &rekindle::metrics::MultiLabelPredictions,
    ) -> Found {
        let thresholds = task.thresholds.clone().unwrap_or_else(|| vec![0.5; task.classes]);
        let found = MultiLabel::of(scores, &thresholds);
        let of = |name: &'static str, estimate: rekindle::metrics::Estimate| Metric {
            name,
            value: estimate.value,
            interval: Some([estimate.low, estimate.high]),
            without: None,
        };
        let metrics = vec![
            of("map", found.map),
            of("f1", found.f1),
            Metric { name: "f1_macro", value: found.f1_macro, interval: None, without: None },
            of("exact", found.exact),
        ];
        Found {
            examples: found.examples,
            metrics,
            values: task.values(scores),
            more: BTreeMap::from([
                ("thresholds", json!(thresholds)),
                ("labels", json!(found.labels)),
            ]),
        }
    }

    fn counted(names: &[String]) -> String {
        format!("{} labels, any number a picture", names.len())
    }
}

impl Answers for Vec<f32> {
    fn task(names: &[String], options: LossOptions) -> anyhow::Result<Regress> {
        refuse(options.smoothing > 0.0, "--smoothing is for labels")?;
        refuse(options.focal > 0.0, "--focal is for labels")?;
        refuse(options.weights.is_some(), "--class-weights is for labels")?;
        refuse(options.taught, "--teacher is for labels")?;
        let loss = match options.loss.unwrap_or(NumberLoss::Mse) {
            NumberLoss::Mse => RegressionLoss::Mse,
            NumberLoss::Mae => RegressionLoss::Mae,
            NumberLoss::Huber => RegressionLoss::Huber { delta: 1.0 },
        };
        Ok(Regress { loss, ..Regress::of(names) })
    }

    fn found(task: &Regress, scores: &rekindle::metrics::NumberPredictions) -> Found {
        let found = Regression::of(scores);
        let average = found.average;
        let zeros = (average.zeros > 0).then(|| match average.zeros {
            1 => "without the true value that is 0".to_owned(),
            zeros => format!("without the {zeros} true values that are 0"),
        });
        let of = |(name, estimate): (&'static str, rekindle::metrics::Estimate)| Metric {
            name,
            value: estimate.value,
            interval: Some([estimate.low, estimate.high]),
            without: zeros.clone().filter(|_| name == "mape"),
        };
        let metrics = [
            ("mae", average.mae),
            ("rmse", average.rmse),
            ("r2", average.r2),
            ("mape", average.mape),
        ];
        Found {
            examples: found.examples,
            metrics: metrics.map(of).into(),
            values: task.values(scores),
            more: BTreeMap::from([("targets", json!(found.targets))]),
        }
    }

    fn counted(names: &[String]) -> String {
        format!("numbers {}", names.iter().map(one_line).collect::<Vec<_>>().join(", "))
    }
}

fn refuse(wrong: bool, why: &str) -> anyhow::Result<()> {
    if wrong {
        anyhow::bail!("{why}; leave it out");
    }
    Ok(())
}

/// What always answering the same would reach on the data, by the metric that models are usually compared by: as a line, and
/// as a number.
pub(super) fn always<L: Answers>(
    task: &L::Task,
    names: &[String],
    train: &[L],
    labels: &[L],
) -> Option<(String, f64)> {
    let (constant, values) = task.constant(train, labels)?;
    let name = |place: usize| {
        let name = names.get(place).map_or_else(|| place.to_string(), one_line);
        format!("`{name}`")
    };
    let answer = match constant {
        Constant::Class(class) => name(class),
        Constant::Labels(labels) if labels.is_empty() => "no label".to_owned(),
        Constant::Labels(labels) => labels.into_iter().map(name).collect::<Vec<_>>().join(" and "),
        Constant::Numbers(means) => {
            let mean = |mean: f32| format!("{mean:.4}");
            format!("the mean, {}", means.into_iter().map(mean).collect::<Vec<_>>().join(", "))
        }
    };
    let value = values.get(&task.monitor().metric)?;
    Some((answer, value))
}
