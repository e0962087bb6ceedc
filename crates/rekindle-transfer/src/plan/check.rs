//! Everything that can be known to be wrong with a plan before its first step.

use std::collections::BTreeSet;

use rekindle_train::OptimizerConfig;

use super::{Extent, Frozen, Phase, PhaseLoss, Plan, extent::unknown_stage};
use crate::{Error, Layout};

impl Plan {
    /// Checks the plan against the network it is meant for.
    ///
    /// # Errors
    ///
    /// One error that lists everything that is wrong, and for each what is right: no phases or
    /// epochs, a name used twice, a stage or pattern that is not in the network, nothing left to
    /// train, a number out of range, a rate for what is frozen, a parameter in two stages or none.
    pub fn check(&self, layout: &Layout) -> Result<(), Error> {
        let mut problems = layout.problems();
        let adapted = self.adapted(layout).unwrap_or_else(|error| {
            problems.extend(listed(error));
            Vec::new()
        });
        if self.phases.is_empty() {
            problems.push("it has no phases, so no epochs; give it one".to_owned());
        }
        if self.epochs() > Self::MOST_EPOCHS {
            problems.push(format!(
                "it has {} epochs in all, and may have {}; give it fewer",
                self.epochs(),
                Self::MOST_EPOCHS
            ));
        }
        let mut names = BTreeSet::new();
        for phase in &self.phases {
            let name = phase.name.as_str();
            if !names.insert(name) {
                problems.push(format!("two phases are called `{name}`; rename one"));
            }
            let found = phase.problems(layout, &adapted).into_iter();
            problems.extend(found.map(|problem| format!("phase `{name}`: {problem}")));
        }
        if problems.is_empty() { Ok(()) } else { Err(Error::Plan(problems)) }
    }

    /// Names of the weights that have low-rank factors, or are to get them.
    fn adapted(&self, layout: &Layout) -> Result<Vec<String>, Error> {
        let names = match &self.lora {
            // A network that is adapted already was checked before it was.
            Some(lora) if !layout.is_adapted() => lora.choose(layout)?.into_values().collect(),
            _ => layout.adapted(),
        };
        Ok(names.into_iter().map(|weight| weight.name).collect())
    }
}

impl Phase {
    /// What is wrong with this phase alone.
    fn problems(&self, layout: &Layout, adapted: &[String]) -> Vec<String> {
        let mut problems = Vec::new();
        if self.epochs == 0 {
            problems.push("it has no epochs; give it one or leave it out".to_owned());
        }
        problems.extend(rate_problem("the learning rate", self.lr));
        if !(self.decay > 0.0 && self.decay <= 1.0) {
            problems.push(format!("the decay {} is not in (0, 1]", self.decay));
        }
        let extent =
            self.frozen.extent(layout).map_err(|error| problems.extend(listed(error))).ok();
        if let Some(extent) = &extent {
            let mut learned = layout.parameters.iter().zip(&extent.parameters);
            if !learned.any(|(parameter, frozen)| parameter.learned && !frozen) {
                problems.push("all is frozen, so nothing would be trained; freeze less".to_owned());
            } else if self.loss == PhaseLoss::Contrastive {
                let wrong = self.contrastive_problems(layout, extent, adapted).into_iter();
                problems.extend(wrong.map(|wrong| format!("its loss is of embeddings, {wrong}")));
            }
        }
        let passes = self.passes.get();
        if passes > Self::MOST_PASSES {
            problems.push(format!(
                "an epoch has {passes} passes, and may have {}; take more epochs",
                Self::MOST_PASSES
            ));
        }
        for (name, lr) in &self.stage_lr {
            problems.extend(rate_problem(&format!("the learning rate of `{name}`"), *lr));
            match layout.stage(name) {
                None => problems.push(format!(
                    "stage_lr: {}, and the head learns at lr",
                    unknown_stage(name, layout)
                )),
                Some(index) if extent.as_ref().is_some_and(|extent| extent.is_whole(index)) => {
                    problems.push(format!(
                        "stage_lr: the stage `{name}` is frozen, so it has no rate; freeze less or \
                         leave the rate out"
                    ));
                }
                Some(_) => {}
            }
        }
        problems.extend(optimizer_problems(&self.optimizer));
        problems.extend(self.schedule.check().err());
        problems
    }

    /// What of a network keeps its embeddings from being learned, or its head from being solved for.
    fn contrastive_problems(
        &self,
        layout: &Layout,
        extent: &Extent,
        adapted: &[String],
    ) -> Vec<&'static str> {
        let mut problems = Vec::new();
        // Factors train that a network is yet to get.
        let [in_classifier, in_backbone] =
            [true, false].map(|is| adapted.iter().any(|name| layout.is_classifiers(name) == is));
        let trains = in_backbone && self.frozen == Frozen::Pretrained;
        if extent.leading == layout.stages.len() && !trains {
            problems.push("but all of the backbone is frozen; freeze less");
        }
        let mut frozen = layout.parameters.iter().zip(&extent.parameters);
        if frozen.any(|(parameter, frozen)| *frozen && layout.is_classifiers(&parameter.name)) {
            problems.push("and the classifier is solved for, so it cannot be frozen; freeze less");
        }
        if in_classifier {
            problems.push(
                "and the classifier is solved for, so it can have no factors; leave it out of what lora matches",
            );
        }
        problems
    }
}

/// What an error says is wrong, one by one.
fn listed(error: Error) -> Vec<String> {
    match error {
        Error::Plan(problems) => problems,
        error => vec![error.to_string()],
    }
}

fn rate_problem(what: &str, lr: f64) -> Option<String> {
    // Above one no optimizer of ours converges on a pretrained network: a slip, not a wish.
    (!(lr > 0.0 && lr <= 1.0)).then(|| format!("{what} {lr} is not in (0, 1]"))
}

fn optimizer_problems(optimizer: &OptimizerConfig) -> Vec<String> {
    let mut problems = Vec::new();
    let (OptimizerConfig::AdamW { weight_decay }
    | OptimizerConfig::Lion { weight_decay }
    | OptimizerConfig::Sgd { weight_decay, .. }) = optimizer;
    if !(0.0..=1.0).contains(weight_decay) {
        problems.push(format!("the weight decay {weight_decay} is not in [0, 1]"));
    }
    if let OptimizerConfig::Sgd { momentum, .. } = optimizer
        && !(0.0..1.0).contains(momentum)
    {
        problems.push(format!("the momentum {momentum} is not in [0, 1)"));
    }
    problems
}
