//! What a model's card says of its answers: what it reaches, and how they are read.

use std::fmt::Write;

use super::{LISTED, ModelCard, plain};
use crate::TaskSpec;

/// What a model reaches on a set of examples.
#[derive(Debug, Clone, PartialEq)]
pub struct CardEvaluation {
    /// The set: `validation`, `test`.
    pub set: String,
    /// How many examples it has.
    pub pictures: usize,
    /// The metrics, first the one that models of the kind are compared by.
    pub metrics: Vec<CardMetric>,
    /// What is reached without training the network, by name, in the first metric.
    pub baselines: Vec<(String, f64)>,
}

/// A metric as a model's card has it.
#[derive(Debug, Clone, PartialEq)]
pub struct CardMetric {
    /// Its name: `accuracy`, `f1`, `mae`.
    pub name: String,
    /// What came out.
    pub value: f64,
    /// The ends of its interval, and the interval's level: `[0.9, 0.97, 0.95]`.
    pub interval: [f64; 3],
    /// How it is written.
    pub unit: CardUnit,
}

/// How a metric is written for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardUnit {
    /// A share, in percent.
    Share,
    /// A number as it is.
    Number,
}

impl CardUnit {
    /// 0.934 as 93.4%, or as 0.934.
    fn shown(self, value: f64) -> String {
        match self {
            Self::Share => format!("{:.1}%", 100.0 * value),
            Self::Number => {
                // Four digits, however large.
                let size = value.abs().max(1e-6).log10().floor() as i32;
                format!("{value:.*}", (3 - size).clamp(0, 9) as usize)
            }
        }
    }
}

impl ModelCard {
    pub(super) fn results(&self, text: &mut String) -> std::fmt::Result {
        if self.measured.is_empty() {
            return Ok(());
        }
        writeln!(text, "## What it reaches\n")?;
        // All sets are measured alike.
        let Some([main, others @ ..]) = self.measured.first().map(|first| first.metrics.as_slice())
        else {
            return Ok(());
        };
        let names: String = others.iter().map(|metric| format!(" {} |", metric.name)).collect();
        let [_, many] = self.config.input.nouns();
        writeln!(text, "| {many} | {} | interval |{names} to beat |", main.name)?;
        writeln!(text, "|---|---|---|{}---|", "---|".repeat(others.len()))?;
        for CardEvaluation { set, pictures, metrics, baselines } in &self.measured {
            let Some((main, others)) = metrics.split_first() else { continue };
            let [low, high, level] = main.interval;
            let shown = |value: f64| main.unit.shown(value);
            let to_beat: Vec<_> = baselines
                .iter()
                .map(|(name, value)| format!("{} {}", plain(name), shown(*value)))
                .collect();
            let others: String =
                others.iter().map(|it| format!(" {} |", it.unit.shown(it.value))).collect();
            writeln!(
                text,
                "| {pictures} of {} | {} | {} to {} at {:.0}% |{others} {} |",
                plain(set),
                shown(main.value),
                shown(low),
                shown(high),
                100.0 * level,
                to_beat.join("; "),
            )?;
        }
        writeln!(text)?;
        if !self.measured.iter().any(|measured| measured.set == "test") {
            writeln!(
                text,
                "The validation {many} chose the best epoch, so what it reaches on new ones is likely worse.\n"
            )?;
        }
        Ok(())
    }

    /// What must be known to read the outputs of answers that are no single label.
    pub(super) fn answers(&self, text: &mut String) -> std::fmt::Result {
        match &self.config.task {
            TaskSpec::SingleLabel => Ok(()),
            TaskSpec::MultiLabel { thresholds } => {
                writeln!(text, "## What it answers\n")?;
                writeln!(text, "The sigmoid of an output is the label's probability.\n")?;
                writeln!(text, "| label | given above |\n|---|---|")?;
                for (name, threshold) in self.config.labels.iter().zip(thresholds).take(LISTED) {
                    writeln!(text, "| {} | {threshold:.4} |", plain(name))?;
                }
                writeln!(text)
            }
            TaskSpec::Regression { targets, .. } => {
                writeln!(text, "## What it answers\n")?;
                writeln!(text, "An output times the deviation, plus the mean, is the number.\n")?;
                writeln!(text, "| number | mean | deviation |\n|---|---|---|")?;
                for target in targets.iter().take(LISTED) {
                    writeln!(
                        text,
                        "| {} | {} | {} |",
                        plain(&target.name),
                        target.mean,
                        target.std
                    )?;
                }
                writeln!(text)
            }
        }
    }
}
