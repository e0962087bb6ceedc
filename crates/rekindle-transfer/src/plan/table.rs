//! The table shown before a run: what each phase does to each stage.

use std::fmt;

use rekindle_base::{Breaks, visible};

use super::{BatchNormPolicy, Phase, PhaseLoss, Plan};
use crate::{Error, Layout};

/// One line: a stage, or the classifier, in a phase.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanRow {
    /// Name of the phase.
    pub phase: String,
    /// Epochs of the phase.
    pub epochs: usize,
    /// Name of the stage; the checkpoint's name of the classifier in the last row of a phase.
    pub stage: String,
    /// Number of learned values in it.
    pub parameters: usize,
    /// How many of them move.
    pub trained: usize,
    /// Learning rate at the schedule's factor of one; zero where nothing moves, or where it is solved for.
    pub lr: f64,
    /// What its batch norms do.
    pub batch_norm: NormUse,
}

/// What the batch norms of a stage do in a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormUse {
    /// There are none.
    None,
    /// All keep and use their running statistics.
    Kept,
    /// Some or all do as the phase says; those that are frozen keep theirs.
    Policy {
        /// What the phase says.
        policy: BatchNormPolicy,
        /// How many do so.
        norms: usize,
        /// How many there are.
        of: usize,
    },
}

/// Rows of all phases; displayed in aligned columns.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanTable {
    /// Phase by phase, in each the stages from the image to the classifier.
    pub rows: Vec<PlanRow>,
    /// What is special about phases, a line each.
    pub notes: Vec<String>,
}

impl Plan {
    /// What the plan means for a network, to be shown before a step is taken.
    ///
    /// # Errors
    ///
    /// If the plan does not pass its [`check`](Plan::check).
    pub fn table(&self, layout: &Layout) -> Result<PlanTable, Error> {
        self.check(layout)?;
        let mut rows = Vec::new();
        for phase in &self.phases {
            rows.extend(phase.rows(layout)?);
        }
        let notes = self.phases.iter().filter_map(Phase::note).collect();
        Ok(PlanTable { rows, notes })
    }
}

impl Phase {
    /// What is special about it, in a line.
    fn note(&self) -> Option<String> {
        let loss = match self.loss {
            PhaseLoss::Task => None,
            PhaseLoss::Contrastive => Some(
                "embeddings of a label are brought together and those of different labels set apart; the head is solved for after each epoch"
                    .to_owned(),
            ),
        };
        let passes = (self.passes.get() > 1)
            .then(|| format!("an epoch goes {} times through the training data", self.passes));
        let said: Vec<String> = loss.into_iter().chain(passes).collect();
        let name = visible(&self.name, Breaks::Escaped);
        (!said.is_empty()).then(|| format!("{name}: {}", said.join("; ")))
    }

    fn rows(&self, layout: &Layout) -> Result<Vec<PlanRow>, Error> {
        let extent = self.frozen.extent(layout)?;
        let stages = &layout.stages;
        let names = stages.iter().map(|stage| stage.name.clone());
        let names = names.chain([layout.classifier.clone()]);
        let rates = self.rates(layout)?.into_iter().chain([self.lr]);
        let rows = names.zip(rates).enumerate().map(|(part, (stage, lr))| {
            let mut row = PlanRow {
                phase: self.name.clone(),
                epochs: self.epochs,
                stage,
                parameters: 0,
                trained: 0,
                lr,
                batch_norm: NormUse::None,
            };
            let (mut norms, mut of) = (0, 0);
            for (parameter, frozen) in layout.parameters.iter().zip(&extent.parameters) {
                if !layout.owners(&parameter.name).contains(&part) {
                    continue;
                }
                let moves = usize::from(!frozen);
                if parameter.learned {
                    row.parameters += parameter.count();
                    row.trained += moves * parameter.count();
                } else if parameter.name.ends_with(".running_mean") {
                    of += 1;
                    norms += moves;
                }
            }
            row.batch_norm = match (self.batch_norm, norms, of) {
                (_, _, 0) => NormUse::None,
                (BatchNormPolicy::Kept, ..) | (_, 0, _) => NormUse::Kept,
                (policy, norms, of) => NormUse::Policy { policy, norms, of },
            };
            let solved = part == stages.len() && self.loss == PhaseLoss::Contrastive;
            if solved {
                row.trained = row.parameters;
            }
            if row.trained == 0 || solved {
                row.lr = 0.0;
            }
            row
        });
        Ok(rows.collect())
    }
}

impl fmt::Display for NormUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Policy { policy, norms, of } = self else {
            return f.write_str(if *self == Self::None { "-" } else { "kept" });
        };
        f.write_str(match policy {
            BatchNormPolicy::Kept => "kept",
            BatchNormPolicy::Updated => "updated",
            BatchNormPolicy::Reestimated => "reestimated",
        })?;
        if norms < of { write!(f, ", {norms} of {of}") } else { Ok(()) }
    }
}

impl fmt::Display for PlanTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![HEADER.map(str::to_owned)];
        let mut phase = None;
        for row in &self.rows {
            // A phase is named once, in its first row.
            let first = phase.replace(&row.phase) != Some(&row.phase);
            let once = |text: String| if first { text } else { String::new() };
            lines.push([
                once(visible(&row.phase, Breaks::Escaped)),
                once(row.epochs.to_string()),
                row.stage.clone(),
                grouped(row.parameters),
                match row.trained {
                    0 => "frozen".to_owned(),
                    _ if row.lr == 0.0 => "solved".to_owned(),
                    all if all == row.parameters => "trained".to_owned(),
                    some => format!("partly, {} of {}", grouped(some), grouped(row.parameters)),
                },
                if row.lr > 0.0 { format!("{:.2e}", row.lr) } else { "-".to_owned() },
                row.batch_norm.to_string(),
            ]);
        }
        let width = |column: usize| {
            lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default()
        };
        let widths: [usize; COLUMNS] = std::array::from_fn(width);
        for line in &lines {
            let mut text = String::new();
            for ((cell, width), side) in line.iter().zip(widths).zip(SIDES) {
                text += &match side {
                    Side::Left => format!("{cell:<width$}  "),
                    Side::Right => format!("{cell:>width$}  "),
                };
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "{note}"))
    }
}

const COLUMNS: usize = 7;

const HEADER: [&str; COLUMNS] =
    ["phase", "epochs", "stage", "parameters", "trains", "rate", "batch norm"];

/// Where a column's text stands.
#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

const SIDES: [Side; COLUMNS] =
    [Side::Left, Side::Right, Side::Left, Side::Right, Side::Left, Side::Right, Side::Left];

/// A number with a comma after every three digits from the right.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
