//! What a plan is checked against: the stages of a network, its classifier, and their parameters.

use rekindle_layers::{ParameterInfo, Stage};

/// The parts of a network and the tensors in them, under the checkpoint's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Stages of the backbone, from the image to the embeddings.
    pub stages: Vec<Stage>,
    /// The checkpoint's name of the classifier, such as `fc`.
    pub classifier: String,
    /// Those of further classifiers, which are frozen and trained with it.
    pub further: Vec<String>,
    /// Parameters and running statistics. Names are the checkpoint's, paths are Burn's.
    pub parameters: Vec<ParameterInfo>,
}

impl Layout {
    /// The parts that hold a parameter: places of stages, or their number for the classifier.
    ///
    /// One, unless the cut into stages is wrong.
    pub fn owners(&self, parameter: &str) -> Vec<usize> {
        let stages = self.stages.iter().enumerate();
        let stages = stages.filter(|(_, stage)| stage.owns(parameter)).map(|(index, _)| index);
        stages.chain(self.is_classifiers(parameter).then_some(self.stages.len())).collect()
    }

    /// Whether a tensor of this name is the classifier's.
    pub(crate) fn is_classifiers(&self, parameter: &str) -> bool {
        let mut classifiers = self.further.iter().chain([&self.classifier]);
        classifiers.any(|classifier| {
            let rest = parameter.strip_prefix(classifier.as_str());
            rest.is_some_and(|rest| rest.starts_with('.'))
        })
    }

    /// The place of a stage.
    pub fn stage(&self, name: &str) -> Option<usize> {
        self.stages.iter().position(|stage| stage.name == name)
    }

    /// Whether anything was added to its weights.
    pub fn is_adapted(&self) -> bool {
        self.parameters.iter().any(|parameter| Self::is_factor(&parameter.name))
    }

    /// The part of names behind which the factors lie that were added to a weight.
    pub(crate) const FACTORS: &'static str = "lora";

    /// Whether a tensor of this name was added to a weight.
    pub(crate) fn is_factor(name: &str) -> bool {
        name.rsplit_once('.')
            .is_some_and(|(weight, _)| weight.ends_with(&format!(".{}", Self::FACTORS)))
    }

    /// Whether the weight has factors.
    pub(crate) fn has_factors(&self, weight: &ParameterInfo) -> bool {
        let factor = format!("{}.{}.a", weight.path, Self::FACTORS);
        self.parameters.iter().any(|parameter| parameter.path == factor)
    }

    /// The weights that have factors.
    pub(crate) fn adapted(&self) -> Vec<ParameterInfo> {
        self.parameters.iter().filter(|weight| self.has_factors(weight)).cloned().collect()
    }

    /// Names of the stages as a list for messages.
    pub(crate) fn stage_names(&self) -> String {
        let names: Vec<_> = self.stages.iter().map(|stage| stage.name.as_str()).collect();
        names.join(", ")
    }

    /// A parameter of each of the first parts, to show what names look like.
    pub(crate) fn example_names(&self) -> String {
        let mut shown = Vec::new();
        let mut names = Vec::new();
        for parameter in self.parameters.iter().filter(|parameter| parameter.learned) {
            let owners = self.owners(&parameter.name);
            if !shown.contains(&owners) && names.len() < EXAMPLES {
                names.push(parameter.name.as_str());
                shown.push(owners);
            }
        }
        names.join(", ")
    }

    /// What is wrong with the cut itself.
    pub(crate) fn problems(&self) -> Vec<String> {
        let with = |owned: fn(usize) -> bool| -> Vec<&str> {
            let names = self.parameters.iter().map(|parameter| parameter.name.as_str());
            names.filter(|name| owned(self.owners(name).len())).collect()
        };
        let rows = [("no stage", with(|owners| owners == 0)), ("two stages", with(|o| o > 1))];
        let rows = rows.into_iter().filter(|(_, names)| !names.is_empty());
        rows.map(|(owner, names)| {
            let examples: Vec<_> =
                names.iter().take(EXAMPLES).map(|name| format!("`{name}`")).collect();
            format!(
                "the network's cut into stages is wrong: {} in {owner} ({} of {}); each parameter \
                 belongs to one of {} or to the classifier `{}`",
                examples.join(", "),
                names.len(),
                self.parameters.len(),
                self.stage_names(),
                self.classifier,
            )
        })
        .collect()
    }
}

/// How many names a message shows.
const EXAMPLES: usize = 6;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Five stages of a convolution and a batch norm each, the last two norms, and `fc`.
    pub(crate) fn layout() -> Layout {
        let stages: Vec<_> = (0..5)
            .map(|i| Stage::map(&format!("layer{i}"), &[&format!("layer{i}")], 8, 1))
            .collect();
        let tensor = |name: String, shape: &[usize]| ParameterInfo {
            learned: !name.contains("running"),
            path: format!("backbone.{name}"),
            name,
            shape: shape.to_vec(),
            transposed: false,
            pointwise: false,
            linear: false,
        };
        let mut parameters = Vec::new();
        for i in 0..5 {
            parameters.push(tensor(format!("layer{i}.conv.weight"), &[8, 8, 3, 3]));
            for field in ["weight", "bias", "running_mean", "running_var"] {
                parameters.push(tensor(format!("layer{i}.bn1.{field}"), &[8]));
            }
        }
        parameters.push(tensor("fc.weight".to_owned(), &[8, 3]));
        parameters.push(tensor("fc.bias".to_owned(), &[3]));
        Layout { stages, classifier: "fc".to_owned(), further: Vec::new(), parameters }
    }

    #[test]
    fn every_parameter_has_one_owner() {
        let mut layout = layout();
        assert_eq!(layout.problems(), Vec::<String>::new());
        assert_eq!(layout.owners("fc.weight"), [5]);
        assert_eq!(layout.owners("layer3.bn1.running_var"), [3]);
        layout.stages[1].modules.push("layer2".to_owned());
        layout.stages.pop();
        let problems = layout.problems().join("; ");
        for part in [
            "`layer4.conv.weight`, `layer4.bn1.weight`",
            "in no stage (5 of 27)",
            "`layer2.conv.weight`",
            "in two stages (5 of 27)",
            "layer0, layer1, layer2, layer3 or to the classifier `fc`",
        ] {
            assert!(problems.contains(part), "{part}: {problems}");
        }
    }
}
