//! What a phase freezes of one network: parameter by parameter, and stage by stage.

use std::collections::BTreeSet;

use super::Frozen;
use crate::{Error, Layout, pattern::Pattern};

/// What does not move, of one network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// Whether each tensor of the layout stays as it is, running statistics included.
    pub parameters: Vec<bool>,
    /// Whether all of each stage is frozen, and of the classifier, which comes last.
    pub whole: Vec<bool>,
    /// How many stages from the image on are frozen as a whole: they need no graph, and what they
    /// compute of a picture is the same in every epoch.
    pub leading: usize,
}

impl Extent {
    /// Whether all of a stage is frozen, or of the classifier behind the last.
    pub fn is_whole(&self, part: usize) -> bool {
        self.whole.get(part).copied().unwrap_or(false)
    }
}

impl Frozen {
    /// What this means for a network.
    ///
    /// # Errors
    ///
    /// One error that lists everything that is not in the network: a stage, a number of stages, or
    /// patterns that match none of its parameters.
    pub fn extent(&self, layout: &Layout) -> Result<Extent, Error> {
        let stages = layout.stages.len();
        let count = match self {
            Self::Nothing => 0,
            Self::Backbone => stages,
            Self::Stages(count) if *count > stages => {
                let problem = format!(
                    "cannot freeze {count} stages: there are {stages} ({})",
                    layout.stage_names()
                );
                return Err(Error::Plan(vec![problem]));
            }
            Self::Stages(count) => *count,
            Self::AllBut(count) => stages.saturating_sub(*count),
            Self::Before(name) => match layout.stage(name) {
                Some(index) => index,
                None => return Err(Error::Plan(vec![unknown_stage(name, layout)])),
            },
            Self::Matching(patterns) => return matching(patterns, layout),
            Self::Pretrained => {
                let inside = |name: &str| layout.owners(name).iter().any(|part| *part < stages);
                let frozen = layout.parameters.iter();
                let frozen = frozen.map(|it| inside(&it.name) && !Layout::is_factor(&it.name));
                return Ok(tensor_by_tensor(frozen.collect(), layout));
            }
        };
        let frozen = |name: &str| layout.owners(name).iter().any(|part| *part < count);
        let parameters = layout.parameters.iter().map(|parameter| frozen(&parameter.name));
        Ok(Extent {
            parameters: parameters.collect(),
            whole: (0..=stages).map(|part| part < count).collect(),
            leading: count,
        })
    }
}

/// What is said of a name that no stage has.
pub(super) fn unknown_stage(name: &str, layout: &Layout) -> String {
    format!("there is no stage `{name}`; stages are {}", layout.stage_names())
}

fn matching(patterns: &[String], layout: &Layout) -> Result<Extent, Error> {
    let learned = || layout.parameters.iter().filter(|parameter| parameter.learned);
    let mut problems = Vec::new();
    let mut frozen = BTreeSet::new();
    if patterns.is_empty() {
        problems.push("the list of patterns is empty; say frozen = \"nothing\"".to_owned());
    }
    for text in patterns {
        match Pattern::new(text) {
            Ok(pattern) => {
                let names = learned().map(|parameter| parameter.name.as_str());
                let found: Vec<_> = names.filter(|name| pattern.matches(name)).collect();
                if found.is_empty() {
                    problems.push(format!(
                        "the pattern `{text}` matches no parameter; they have names such as {}",
                        layout.example_names()
                    ));
                }
                frozen.extend(found);
            }
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(Error::Plan(problems));
    }
    let is_frozen = |name: &str| match name.rsplit_once('.') {
        // Statistics follow scale and shift: who wants one of them as it is wants the norm as it is.
        Some((norm, "running_mean" | "running_var")) => ["weight", "bias"]
            .iter()
            .any(|field| frozen.contains(format!("{norm}.{field}").as_str())),
        _ => frozen.contains(name),
    };
    let parameters: Vec<bool> =
        layout.parameters.iter().map(|parameter| is_frozen(&parameter.name)).collect();
    Ok(tensor_by_tensor(parameters, layout))
}

/// The stages that are frozen as a whole, since all of their tensors are.
fn tensor_by_tensor(parameters: Vec<bool>, layout: &Layout) -> Extent {
    let mut whole = vec![true; layout.stages.len() + 1];
    for (parameter, frozen) in layout.parameters.iter().zip(&parameters) {
        for part in layout.owners(&parameter.name) {
            whole[part] &= frozen;
        }
    }
    let stages = &whole[..layout.stages.len()];
    let leading = stages.iter().take_while(|whole| **whole).count();
    Extent { parameters, whole, leading }
}
