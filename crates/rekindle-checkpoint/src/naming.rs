//! What a module's parts are called in a checkpoint, and what the rules of its family say of a name.

use burn::prelude::*;
use rekindle_files::CheckpointFile;
use rekindle_layers::{
    Backbone, Landmarks, ParameterInfo, Resample, Rule, Rules, Saved, parameters,
};

/// Where a module's names differ from a checkpoint's.
#[derive(Debug, Clone)]
pub struct Naming {
    /// The module's name of the part that carries the checkpoint's names; empty if all of it does.
    pub trunk: &'static str,
    /// The module's name of the classifier; empty if it has none.
    pub head: &'static str,
    /// The checkpoint's names of first convolution and classifier.
    pub landmarks: Landmarks,
    /// The checkpoint's names of further classifiers; the module's begin with that of its classifier and [`FURTHER`](Self::FURTHER).
    pub further: &'static [&'static str],
    /// What names alone do not say, by family; the first rule that fits a parameter counts.
    pub rules: Rules,
}

/// What every checkpoint of PyTorch's may have beside its weights.
const COUNTERS: [(&str, &str); 2] = [
    ("num_batches_tracked", "a counter nothing depends on"),
    ("n_averaged", "a counter of averaged steps"),
];

impl Naming {
    /// What a backbone says of itself, where it is the part `trunk` of a module whose classifier is `head`.
    pub fn of<B: Backbone>(backbone: &B, trunk: &'static str, head: &'static str) -> Self {
        let further = backbone.further_classifiers();
        Self { trunk, head, landmarks: backbone.landmarks(), further, rules: backbone.rules() }
    }

    /// What is behind the name of a module's classifier in that of its list of further ones.
    pub const FURTHER: &'static str = "_further";

    /// The checkpoint's name of a tensor of the module, before rules.
    pub fn in_checkpoint(&self, name: &str) -> String {
        if let Some(rest) = strip_module(name, self.head) {
            return format!("{}.{rest}", self.landmarks.classifier);
        }
        if let Some((classifier, rest)) = self.further(name) {
            return format!("{classifier}.{rest}");
        }
        strip_module(name, self.trunk).unwrap_or(name).to_owned()
    }

    /// A further classifier's name in the checkpoint, and what a tensor of the module is called in it.
    fn further<'a>(&self, name: &'a str) -> Option<(&'static str, &'a str)> {
        let list = name.strip_prefix(self.head).filter(|_| !self.head.is_empty())?;
        let (index, rest) = strip_module(list, Self::FURTHER)?.split_once('.')?;
        Some((self.further.get(index.parse::<usize>().ok()?)?, rest))
    }

    /// Outputs of a checkpoint's classifier, whatever stands before every name; none where it has none.
    pub fn classes_in(&self, file: &CheckpointFile) -> Option<usize> {
        let name = format!("{}.weight", self.landmarks.classifier);
        let prefixed = || {
            let mut named = file.tensors().filter(|(found, _)| before(found, &name).is_some());
            let (found, info) = named.next()?;
            let prefix = before(found, &name)?;
            file.tensors().all(|(other, _)| other.starts_with(prefix)).then_some(info)
        };
        file.get(&name).or_else(prefixed)?.shape.first().copied()
    }

    /// Whether the weight of a linear layer is that of a 1x1 convolution in a checkpoint.
    pub fn is_pointwise(&self, name: &str) -> bool {
        self.rules.of(name).any(|(_, name, rule)| {
            matches!(rule, Rule::Pointwise { parameter } if before(name, parameter).is_some())
        })
    }

    /// The float tensors of a module, by the checkpoint's names before rules of splitting and joining.
    pub fn wanted<M: Module>(&self, module: &M) -> Vec<ParameterInfo> {
        let as_in_file = |name: &str| {
            self.rules.of(name).any(|(_, name, rule)| {
                matches!(rule, Rule::Untransposed { parameter } if before(name, parameter).is_some())
            })
        };
        let mut wanted = parameters(module);
        for parameter in &mut wanted {
            parameter.name = self.in_checkpoint(&parameter.name);
            parameter.transposed &= !as_in_file(&parameter.name);
            parameter.pointwise = self.is_pointwise(&parameter.name);
        }
        wanted
    }

    pub(crate) fn is_head(&self, name: &str) -> bool {
        let mut classifiers = self.further.iter().chain([&self.landmarks.classifier]);
        classifiers.any(|classifier| strip_module(name, classifier).is_some())
    }

    pub(crate) fn is_first_convolution(&self, name: &str) -> bool {
        let another = |(_, name, rule): (&str, &str, &Rule)| matches!(rule, Rule::FirstConvolution { parameter } if *parameter == name);
        strip_module(name, self.landmarks.first_convolution) == Some("weight")
            || self.rules.of(name).any(another)
    }

    /// The second name of a parameter, and how often it is saved.
    pub(crate) fn twin(&self, name: &str) -> Option<(String, Saved)> {
        self.rules.of(name).find_map(|(within, name, rule)| match rule {
            Rule::Tied { parameter, twin, saved } if *parameter == name => {
                Some((format!("{within}{twin}"), *saved))
            }
            _ => None,
        })
    }

    /// Why a parameter may be missing in a file.
    pub(crate) fn optional(&self, name: &str) -> Option<&'static str> {
        self.rules.of(name).find_map(|(_, name, rule)| match rule {
            Rule::Optional { parameters, reason } if holds(name, parameters) => Some(*reason),
            _ => None,
        })
    }

    /// Why a tensor of a file may be left over.
    pub(crate) fn unused(&self, name: &str) -> Option<&'static str> {
        let counter = COUNTERS.iter().find(|(end, _)| name.ends_with(end));
        let ours = self.rules.of(name).find_map(|(_, name, rule)| match rule {
            Rule::Unused { file, reason } if holds(name, file) => Some(*reason),
            _ => None,
        });
        counter.map(|(_, reason)| *reason).or(ours)
    }

    /// How a parameter is computed from one of another shape.
    pub(crate) fn resample(&self, name: &str) -> Option<Resample> {
        self.rules.of(name).find_map(|(_, name, rule)| match rule {
            Rule::Resampled { parameter, by } if before(name, parameter).is_some() => Some(*by),
            _ => None,
        })
    }
}

/// What stands before an end of a name that is made of whole parts, its last dot included.
pub(crate) fn before<'a>(name: &'a str, end: &str) -> Option<&'a str> {
    let before = name.strip_suffix(end)?;
    (before.is_empty() || before.ends_with('.')).then_some(before)
}

/// Whether whole parts of a name are these.
fn holds(name: &str, parts: &str) -> bool {
    format!(".{name}.").contains(&format!(".{parts}."))
}

/// What is left of `name` inside `module`.
fn strip_module<'a>(name: &'a str, module: &str) -> Option<&'a str> {
    if module.is_empty() { None } else { name.strip_prefix(module)?.strip_prefix('.') }
}
