//! Where a module's names, shapes and number of tensors differ from a checkpoint's: rules, as rows.
//!
//! | rule | for example |
//! |---|---|
//! | [`Rule::Split`] | `attn.qkv.weight` is three linear layers' |
//! | [`Rule::Join`] | BERT's `query`, `key` and `value` are one linear layer |
//! | [`Rule::Untransposed`] | GPT-2's linear layers are `[in, out]` in the file too |
//! | [`Rule::Tied`] | `cls.predictions.decoder.weight` is `embeddings.word_embeddings.weight` once more |
//! | [`Rule::Optional`] | a pooler that not every checkpoint has |
//! | [`Rule::Unused`] | `position_ids`, which count from zero |
//! | [`Rule::Resampled`] | `pos_embed` for pictures of another size |

use rekindle_files::CheckpointFile;
use rekindle_layers::{Landmarks, ParameterInfo, parameters};

use burn::prelude::*;

/// Where a module's names differ from a checkpoint's.
#[derive(Debug, Clone, Copy)]
pub struct Naming {
    /// The module's name of the part that carries the checkpoint's names; empty if all of it does.
    pub trunk: &'static str,
    /// The module's name of the classifier; empty if it has none.
    pub head: &'static str,
    /// The checkpoint's names of first convolution and classifier.
    pub landmarks: Landmarks,
    /// What names alone do not say, by family; the first rule that fits a parameter counts.
    pub rules: &'static [Rule],
}

/// One way in which a family's checkpoints differ from its modules.
///
/// Parameters and tensors are named by the checkpoint's names, in full or by their last parts: `attn.qkv.weight`
/// is that of every block. Saving does the opposite of loading.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// One tensor of the file holds these parameters, one after the other along its first axis.
    Split {
        /// The end of the tensor's name.
        file: &'static str,
        /// The ends of the parameters' names; what stands before is the same for all.
        parameters: &'static [&'static str],
    },
    /// Tensors of the file, of one size, are one parameter, one after the other along its first axis.
    Join {
        /// The ends of the tensors' names.
        file: &'static [&'static str],
        /// The end of the parameter's name.
        parameter: &'static str,
    },
    /// The weight of a linear layer is `[in, out]` in the file too.
    Untransposed {
        /// The end of the parameter's name.
        parameter: &'static str,
    },
    /// A parameter has a second name in the file, where the same values stand.
    Tied {
        /// The parameter's name, in full.
        parameter: &'static str,
        /// The second name, in full; a file may have one of the two, or both.
        twin: &'static str,
        /// Whether it is saved under both.
        saved: Saved,
    },
    /// A file may lack these parameters, which then stay as they were drawn.
    Optional {
        /// Part of the names: a module, or the end of a name.
        parameters: &'static str,
        /// Why that is right, for the report.
        reason: &'static str,
    },
    /// Tensors of the file that a network has no use for.
    Unused {
        /// Part of the names: a module, or the end of a name.
        file: &'static str,
        /// Why that is right, for the report.
        reason: &'static str,
    },
    /// A table for another size is computed from the file's.
    Resampled {
        /// The end of the parameter's name.
        parameter: &'static str,
        /// How; [`resample_positions`](crate::resample_positions) is what timm does.
        by: Resample,
    },
}

/// From values of a file and their shape to values of the wanted shape, else why not.
pub type Resample = fn(values: &[f32], from: &[usize], to: &[usize]) -> Result<Vec<f32>, String>;

/// How often a tied parameter is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// Under its own name.
    Once,
    /// Under both names.
    Twice,
}

/// What every checkpoint of PyTorch's may have beside its weights.
const COUNTERS: [(&str, &str); 2] = [
    ("num_batches_tracked", "a counter nothing depends on"),
    ("n_averaged", "a counter of averaged steps"),
];

impl Naming {
    /// The checkpoint's name of a tensor of the module, before rules.
    pub fn in_checkpoint(&self, name: &str) -> String {
        if let Some(rest) = strip_module(name, self.head) {
            return format!("{}.{rest}", self.landmarks.classifier);
        }
        strip_module(name, self.trunk).unwrap_or(name).to_owned()
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

    /// The float tensors of a module, by the checkpoint's names before rules of splitting and joining.
    pub(crate) fn wanted<M: Module>(&self, module: &M) -> Vec<ParameterInfo> {
        let as_in_file = |name: &str| {
            self.rules.iter().any(|rule| {
                matches!(rule, Rule::Untransposed { parameter } if before(name, parameter).is_some())
            })
        };
        let mut wanted = parameters(module);
        for parameter in &mut wanted {
            parameter.name = self.in_checkpoint(&parameter.name);
            parameter.transposed &= !as_in_file(&parameter.name);
        }
        wanted
    }

    pub(crate) fn is_head(&self, name: &str) -> bool {
        strip_module(name, self.landmarks.classifier).is_some()
    }

    pub(crate) fn is_first_convolution(&self, name: &str) -> bool {
        strip_module(name, self.landmarks.first_convolution) == Some("weight")
    }

    /// The second name of a parameter, and how often it is saved.
    pub(crate) fn twin(&self, name: &str) -> Option<(&'static str, Saved)> {
        self.rules.iter().find_map(|rule| match rule {
            Rule::Tied { parameter, twin, saved } if *parameter == name => Some((*twin, *saved)),
            _ => None,
        })
    }

    /// Why a parameter may be missing in a file.
    pub(crate) fn optional(&self, name: &str) -> Option<&'static str> {
        self.rules.iter().find_map(|rule| match rule {
            Rule::Optional { parameters, reason } if holds(name, parameters) => Some(*reason),
            _ => None,
        })
    }

    /// Why a tensor of a file may be left over.
    pub(crate) fn unused(&self, name: &str) -> Option<&'static str> {
        let counter = COUNTERS.iter().find(|(end, _)| name.ends_with(end));
        let ours = self.rules.iter().find_map(|rule| match rule {
            Rule::Unused { file, reason } if holds(name, file) => Some(*reason),
            _ => None,
        });
        counter.map(|(_, reason)| *reason).or(ours)
    }

    /// How a parameter is computed from one of another shape.
    pub(crate) fn resample(&self, name: &str) -> Option<Resample> {
        self.rules.iter().find_map(|rule| match rule {
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
