//! What is trained when, and how fast: a table of phases, checked before the first step.

use rekindle_layers::Stage;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Phases, one after the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What is done first comes first.
    pub phases: Vec<Phase>,
}

/// One row of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// Name in logs.
    pub name: String,
    /// Epochs to train for.
    pub epochs: usize,
    /// What does not move.
    pub frozen: Frozen,
    /// Learning rate of the head at the start of the phase.
    pub lr: f64,
    /// Factor on the rate for each stage from the head towards the image, in `(0, 1]`.
    pub decay: f64,
    /// What the batch norms of trained stages normalize by.
    pub statistics: Statistics,
}

/// What the batch norms of trained stages normalize by; those of frozen stages keep theirs anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistics {
    /// The running statistics, which stay the checkpoint's; scale and shift are trained. Right for
    /// few pictures: a checkpoint may be far off on the statistics of a batch, and what is trained
    /// on a batch's would be evaluated on others.
    Kept,
    /// The batch's, which move the running statistics. Right for training from nothing.
    Updated,
}

/// What does not move in a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frozen {
    /// Everything but the head.
    Backbone,
    /// This many stages, counted from the image.
    Stages(usize),
    /// Everything but the head and this many stages before it.
    AllBut(usize),
    /// Nothing.
    Nothing,
}

impl Frozen {
    /// The number of frozen stages in a network of `stages`.
    pub fn count(self, stages: usize) -> usize {
        match self {
            Self::Backbone => stages,
            Self::Stages(count) => count,
            Self::AllBut(count) => stages.saturating_sub(count),
            Self::Nothing => 0,
        }
    }
}

impl Plan {
    /// Names of the built-in plans.
    pub const RECIPES: [&str; 3] = ["head", "gradual", "full"];

    /// The built-in plan of this name, with `epochs` in all and `lr` for the head.
    ///
    /// `head` trains the head alone. `gradual` spends two fifths of the epochs on the head, then
    /// unfreezes two stages at a tenth of the rate, then two more at a twentieth. `full` trains
    /// everything after one epoch of the head, rates falling by stage towards the image. All keep
    /// the statistics of batch norms.
    pub fn recipe(name: &str, epochs: usize, lr: f64) -> Option<Self> {
        let phase = |name: &str, epochs, frozen, lr, decay| Phase {
            name: name.to_owned(),
            epochs,
            frozen,
            lr,
            decay,
            statistics: Statistics::Kept,
        };
        let phases = match name {
            "head" => vec![phase("head", epochs, Frozen::Backbone, lr, 1.0)],
            "gradual" => {
                let head = (epochs * 2).div_ceil(5);
                let upper = (epochs - head).div_ceil(2);
                vec![
                    phase("head", head, Frozen::Backbone, lr, 1.0),
                    phase("upper", upper, Frozen::AllBut(2), lr / 10.0, 0.5),
                    phase("middle", epochs - head - upper, Frozen::AllBut(4), lr / 20.0, 0.5),
                ]
            }
            "full" => vec![
                phase("head", epochs.min(1), Frozen::Backbone, lr, 1.0),
                phase("full", epochs.saturating_sub(1), Frozen::Nothing, lr / 10.0, 0.7),
            ],
            _ => return None,
        };
        Some(Self { phases: phases.into_iter().filter(|phase| phase.epochs > 0).collect() })
    }

    /// Epochs of all phases.
    pub fn epochs(&self) -> usize {
        self.phases.iter().map(|phase| phase.epochs).sum()
    }

    /// Checks the plan against the stages it is meant for.
    ///
    /// # Errors
    ///
    /// One error that lists everything that is wrong: no epochs, more frozen stages than there are,
    /// a rate or a decay out of range.
    pub fn check(&self, stages: &[Stage]) -> Result<(), Error> {
        let mut problems = Vec::new();
        if self.epochs() == 0 {
            problems.push("it has no epochs".to_owned());
        }
        for Phase { name, frozen, lr, decay, .. } in &self.phases {
            if !(lr.is_finite() && *lr > 0.0) {
                problems.push(format!("phase `{name}`: the learning rate {lr} is not positive"));
            }
            if !(*decay > 0.0 && *decay <= 1.0) {
                problems.push(format!("phase `{name}`: the decay {decay} is not in (0, 1]"));
            }
            if frozen.count(stages.len()) > stages.len() {
                let names: Vec<_> = stages.iter().map(|stage| stage.name.as_str()).collect();
                problems.push(format!(
                    "phase `{name}`: {frozen:?} of {} stages ({})",
                    stages.len(),
                    names.join(", ")
                ));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(Error::Plan(problems)) }
    }
}

impl Phase {
    /// The rate of each stage, image first; zero where it is frozen.
    pub fn rates(&self, stages: usize) -> Vec<f64> {
        let frozen = self.frozen.count(stages);
        let rate = |stage: usize| self.lr * self.decay.powi((stages - stage) as i32);
        (0..stages).map(|stage| if stage < frozen { 0.0 } else { rate(stage) }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages() -> Vec<Stage> {
        (0..5).map(|i| Stage::map(&format!("layer{i}"), &[], 8, 1)).collect()
    }

    #[test]
    fn recipes_spend_their_epochs_and_pass_their_own_check() {
        for name in Plan::RECIPES {
            for epochs in 1..12 {
                let plan = Plan::recipe(name, epochs, 1e-3).unwrap();
                assert_eq!(plan.epochs(), epochs, "{name}");
                plan.check(&stages()).unwrap();
            }
        }
        assert_eq!(Plan::recipe("half", 3, 1e-3), None);
    }

    #[test]
    fn everything_wrong_is_listed_at_once() {
        let mut plan = Plan::recipe("gradual", 5, 1e-3).unwrap();
        plan.phases[0].lr = 0.0;
        plan.phases[1].decay = 1.5;
        plan.phases[2].frozen = Frozen::Stages(9);
        let error = plan.check(&stages()).unwrap_err().to_string();
        for part in ["`head`: the learning rate 0", "the decay 1.5", "Stages(9) of 5", "layer4"] {
            assert!(error.contains(part), "{error}");
        }
        let nothing = Plan { phases: vec![] }.check(&stages()).unwrap_err().to_string();
        assert!(nothing.contains("no epochs"), "{nothing}");
    }

    #[test]
    fn rates_fall_towards_the_image() {
        let phase = Phase {
            name: "upper".to_owned(),
            epochs: 1,
            frozen: Frozen::Stages(2),
            lr: 1.0,
            decay: 0.5,
            statistics: Statistics::Kept,
        };
        assert_eq!(phase.rates(5), [0.0, 0.0, 0.125, 0.25, 0.5]);
    }
}
