//! Built-in ways to use a pretrained network, by name.

use std::num::NonZeroUsize;

use rekindle_train::Schedule;

use crate::{BatchNormPolicy, Error, Frozen, Lora, Phase, PhaseLoss, Plan};

/// What to do with a pretrained network.
#[derive(Debug, Clone, PartialEq)]
pub enum Recipe {
    /// Trains by a plan.
    Train(Plan),
    /// Trains nothing: the pretrained classes are evaluated.
    AsIs,
    /// Fits a logistic regression to embeddings; the network does not move.
    Probe,
}

/// A recipe before it is known for how long and how fast.
struct Entry {
    name: &'static str,
    about: &'static str,
    /// The head's usual rate, where it is not that of a kind of input.
    lr: Option<f64>,
    way: Way,
}

enum Way {
    Phases(&'static [Step]),
    AsIs,
    Probe,
}

/// A phase before it is known for how long and how fast.
///
/// All but `scratch` and `setfit` are for a head that begins where a probe ends, so that the features are not distorted by learning what a
/// random head asks for (Kumar et al. 2022, <https://arxiv.org/abs/2202.10054>). Rates and decays were chosen for that, on
/// the data sets of `docs/results.md`.
struct Step {
    name: &'static str,
    epochs: Share,
    frozen: Frozen,
    /// Factor on the rate that is asked for.
    lr: f64,
    decay: f64,
    /// Share of the steps in which the rates rise.
    warmup: f64,
    batch_norm: BatchNormPolicy,
    loss: PhaseLoss,
    /// Through the training data, an epoch.
    passes: usize,
}

/// Which of the epochs that are left; a phase that gets none is left out.
enum Share {
    /// Numerator and denominator, rounded up.
    Part(usize, usize),
    /// All.
    Rest,
}

use BatchNormPolicy::{Kept, Updated};
use Frozen::{AllBut, Backbone, Nothing, Pretrained};
use PhaseLoss::{Contrastive, Task};
use Share::{Part, Rest};

#[rustfmt::skip]
const RECIPES: &[Entry] = &[
    Entry { name: "head", about: "train the head alone", lr: None, way: Way::Phases(&[
        Step { name: "head",   epochs: Rest,       frozen: Backbone,  lr: 1.0,  decay: 1.0, warmup: 0.1, batch_norm: Kept, loss: Task, passes: 1 },
    ]) },
    Entry { name: "gradual", about: "the last two stages with the head, then the last four, slower towards the image", lr: None, way: Way::Phases(&[
        Step { name: "upper",  epochs: Part(1, 2), frozen: AllBut(2), lr: 0.1,  decay: 0.7, warmup: 0.2, batch_norm: Kept, loss: Task, passes: 1 },
        Step { name: "middle", epochs: Rest,       frozen: AllBut(4), lr: 0.1,  decay: 0.7, warmup: 0.2, batch_norm: Kept, loss: Task, passes: 1 },
    ]) },
    Entry { name: "full", about: "everything, slower towards the image", lr: None, way: Way::Phases(&[
        Step { name: "full",   epochs: Rest,       frozen: Nothing,   lr: 0.1,  decay: 0.7, warmup: 0.2, batch_norm: Kept, loss: Task, passes: 1 },
    ]) },
    Entry { name: "fine-tune", about: "the head alone, then everything, slower towards the image; what is best in validation is kept", lr: None, way: Way::Phases(&[
        Step { name: "head",   epochs: Part(3, 8), frozen: Backbone,  lr: 1.0,  decay: 1.0, warmup: 0.1, batch_norm: Kept, loss: Task, passes: 1 },
        Step { name: "full",   epochs: Rest,       frozen: Nothing,   lr: 0.1,  decay: 0.7, warmup: 0.2, batch_norm: Kept, loss: Task, passes: 1 },
    ]) },
    Entry { name: "lora", about: "low-rank factors on the backbone's weights and the head, merged when saved", lr: None, way: Way::Phases(&[
        Step { name: "factors", epochs: Rest,      frozen: Pretrained, lr: 0.1,  decay: 1.0, warmup: 0.2, batch_norm: Kept, loss: Task, passes: 1 },
    ]) },
    Entry { name: "scratch", about: "everything at one rate, with batch statistics: for training from nothing", lr: None, way: Way::Phases(&[
        Step { name: "all",    epochs: Rest,       frozen: Nothing,   lr: 0.3,  decay: 1.0, warmup: 0.1, batch_norm: Updated, loss: Task, passes: 1 },
    ]) },
    Entry { name: "setfit", about: "everything, by pairs of embeddings, and then the head, solved: for a few examples a label", lr: Some(1e-3), way: Way::Phases(&[
        Step { name: "contrastive", epochs: Rest,  frozen: Nothing,   lr: 0.1,  decay: 0.7, warmup: 0.1, batch_norm: Kept, loss: Contrastive, passes: 4 },
    ]) },
    Entry { name: "as-is", about: "no training: evaluate the pretrained classes", lr: None, way: Way::AsIs },
    Entry { name: "probe", about: "logistic regression on embeddings", lr: None, way: Way::Probe },
];

impl Recipe {
    /// Each recipe's name, and what it does in a few words.
    pub fn all() -> Vec<(&'static str, &'static str)> {
        RECIPES.iter().map(|entry| (entry.name, entry.about)).collect()
    }

    /// The rate of the recipe of this name that is usual for inputs of any kind; none where it is that of a kind.
    pub fn rate(name: &str) -> Option<f64> {
        RECIPES.iter().find(|entry| entry.name == name)?.lr
    }

    /// The recipe of this name, with `epochs` in all and `lr` for the head in the first phase.
    ///
    /// Recipes without phases use neither.
    ///
    /// # Errors
    ///
    /// If there is none of this name: the error lists all.
    pub fn named(name: &str, epochs: usize, lr: f64) -> Result<Self, Error> {
        let Some(entry) = RECIPES.iter().find(|entry| entry.name == name) else {
            let known = RECIPES.iter().map(|entry| entry.name).collect();
            return Err(Error::UnknownRecipe { name: name.to_owned(), known });
        };
        Ok(match entry.way {
            Way::Phases(steps) => Self::Train(plan(steps, epochs, lr)),
            Way::AsIs => Self::AsIs,
            Way::Probe => Self::Probe,
        })
    }

    /// The same with this decay in the phases that learn the task at other rates from stage to stage.
    #[must_use]
    pub fn with_decay(mut self, decay: f64) -> Self {
        if let Self::Train(plan) = &mut self {
            let decays = |phase: &&mut Phase| phase.decay < 1.0 && phase.loss == Task;
            plan.phases.iter_mut().filter(decays).for_each(|phase| phase.decay = decay);
        }
        self
    }

    /// The same for a network of so many stages: where the decays would leave the first of them less than a thousandth of the
    /// head's rate, as those of a network of two dozen blocks do, they are made weaker until it has that.
    ///
    /// Vision transformers are fine-tuned with 0.65 for 12 blocks, 0.75 for 24 and 0.8 for 32 (He et al. 2021,
    /// <https://arxiv.org/abs/2111.06377>, Table 9), which is about that for the deeper ones.
    #[must_use]
    pub fn for_stages(mut self, stages: usize) -> Self {
        if let Self::Train(plan) = &mut self {
            let weakest = LEAST_SHARE.powf(1.0 / stages.max(1) as f64);
            let decays = plan.phases.iter_mut().filter(|phase| phase.decay < 1.0);
            decays.for_each(|phase| phase.decay = phase.decay.max(weakest));
        }
        self
    }
}

/// The least share of the head's rate that a recipe leaves the first stage.
const LEAST_SHARE: f64 = 1e-3;

fn plan(steps: &[Step], epochs: usize, lr: f64) -> Plan {
    let mut left = epochs;
    let mut phases = Vec::new();
    for step in steps {
        let epochs = match step.epochs {
            // No more than all of what is left; what is too much for any run is refused by the plan's check.
            Share::Part(part, of) => left.saturating_mul(part).div_ceil(of).min(left),
            Share::Rest => left,
        };
        left -= epochs;
        if epochs > 0 {
            phases.push(Phase {
                decay: step.decay,
                schedule: Schedule::Cosine { warmup: step.warmup },
                batch_norm: step.batch_norm,
                loss: step.loss,
                passes: NonZeroUsize::new(step.passes).unwrap_or(NonZeroUsize::MIN),
                ..Phase::new(step.name, epochs, step.frozen.clone(), lr * step.lr)
            });
        }
    }
    let adapts = phases.iter().any(|phase| phase.frozen == Pretrained);
    Plan { lora: adapts.then(Lora::default), phases }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::tests::layout;

    #[test]
    fn recipes_spend_their_epochs_and_pass_their_own_check() {
        for (name, about) in Recipe::all() {
            assert!(!about.is_empty(), "{name}");
            for epochs in 1..40 {
                let Recipe::Train(plan) = Recipe::named(name, epochs, 1e-3).unwrap() else {
                    assert!(["as-is", "probe"].contains(&name));
                    continue;
                };
                assert_eq!(plan.epochs(), epochs, "{name}");
                // Its layers have no weights that could be adapted.
                let plan = Plan { lora: None, ..plan };
                plan.check(&layout()).unwrap();
                let mut short = layout();
                short.stages.truncate(1);
                short
                    .parameters
                    .retain(|p| p.name.starts_with("layer0") || p.name.starts_with("fc"));
                plan.check(&short).unwrap();
            }
        }
    }

    #[test]
    fn an_unknown_recipe_lists_all() {
        let error = Recipe::named("half", 3, 1e-3).unwrap_err().to_string();
        let expected = "there is no recipe `half`; recipes are head, gradual, full, fine-tune, lora, scratch, setfit, as-is, probe";
        assert_eq!(error, expected);
    }

    #[test]
    fn without_epochs_there_is_nothing_to_check() {
        let Recipe::Train(plan) = Recipe::named("full", 0, 1e-3).unwrap() else { panic!() };
        assert!(plan.check(&layout()).unwrap_err().to_string().contains("no epochs"));
    }

    /// Embeddings of pictures fall into one at the rate of a picture's head.
    #[test]
    fn pairs_are_learned_from_at_a_rate_of_their_own() {
        for (name, rate) in [("setfit", Some(1e-3)), ("head", None), ("full", None), ("half", None)]
        {
            assert_eq!(Recipe::rate(name), rate, "{name}");
        }
    }

    #[test]
    fn a_decay_is_of_what_decays() {
        for (name, expected) in [("full", 0.9), ("lora", 1.0), ("scratch", 1.0), ("setfit", 0.7)] {
            let Recipe::Train(plan) = Recipe::named(name, 3, 1e-3).unwrap().with_decay(0.9) else {
                panic!("{name} has no phases");
            };
            assert_eq!(plan.phases[0].decay, expected, "{name}");
        }
        assert_eq!(Recipe::Probe.with_decay(0.9), Recipe::Probe);
    }

    /// Nets of five stages and of 12 blocks keep their rates; the first of 26 stages would have had a ten-thousandth.
    #[test]
    fn deep_networks_keep_rates_that_move_them() {
        for (name, stages, expected) in [
            ("full", 5, 0.7),
            ("full", 14, 0.7),
            ("full", 26, 0.7667),
            ("setfit", 26, 0.7667),
            ("gradual", 26, 0.7667),
            ("lora", 26, 1.0),
            ("full", 0, 0.7),
        ] {
            let recipe = Recipe::named(name, 4, 1e-3).unwrap().for_stages(stages);
            let Recipe::Train(plan) = recipe else { panic!("{name} has no phases") };
            for phase in plan.phases {
                assert!((phase.decay - expected).abs() < 1e-4, "{name}, {stages}: {}", phase.decay);
                let first = phase.decay.powi(stages as i32);
                assert!(first > 0.999e-3, "{name}, {stages}: {first}");
            }
        }
        assert_eq!(Recipe::Probe.for_stages(26), Recipe::Probe);
    }

    /// Epochs and rates as they were when recipes were measured.
    #[test]
    fn gradual_unfreezes_from_the_head() {
        let Recipe::Train(plan) = Recipe::named("gradual", 7, 1e-2).unwrap() else { panic!() };
        let found: Vec<_> = plan.phases.iter().map(|p| (p.name.as_str(), p.epochs, p.lr)).collect();
        assert_eq!(found, [("upper", 4, 1e-3), ("middle", 3, 1e-3)]);
    }
}
