//! Where a family's checkpoints differ from its modules in names, shapes and number of tensors: rules, as rows.
//!
//! | rule | for example |
//! |---|---|
//! | [`Rule::Split`] | `attn.qkv.weight` is three linear layers' |
//! | [`Rule::Join`] | BERT's `query`, `key` and `value` are one linear layer |
//! | [`Rule::Untransposed`] | GPT-2's linear layers are `[in, out]` in the file too |
//! | [`Rule::Pointwise`] | a classifier that is a 1x1 convolution in the file |
//! | [`Rule::Tied`] | `cls.predictions.decoder.weight` is `embeddings.word_embeddings.weight` once more |
//! | [`Rule::Optional`] | a pooler that not every checkpoint has |
//! | [`Rule::Unused`] | `position_ids`, which count from zero |
//! | [`Rule::FirstConvolution`] | a second convolution reads the picture |
//! | [`Rule::Resampled`] | `pos_embed` for pictures of another size |

/// The rules of a network: those of its family, and of each part those of its own.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// What stands before the names that rules mean, and the rules.
    parts: Vec<(String, &'static [Rule])>,
}

impl From<&'static [Rule]> for Rules {
    fn from(rules: &'static [Rule]) -> Self {
        Self { parts: vec![(String::new(), rules)] }
    }
}

impl Rules {
    /// The same rules of a network that is the part `module` of another.
    pub fn within(self, module: &str) -> Self {
        let within = |(prefix, rules)| (format!("{module}.{prefix}"), rules);
        Self { parts: self.parts.into_iter().map(within).collect() }
    }

    /// These rules, then others.
    pub fn and(mut self, others: Self) -> Self {
        self.parts.extend(others.parts);
        self
    }

    /// The rules that may say something of a name: for each what stands before the names it means, and the name without it.
    ///
    /// The first that fits counts.
    pub fn of<'a>(
        &'a self,
        name: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str, &'static Rule)> {
        self.parts.iter().flat_map(move |(within, rules)| {
            let rest = name.strip_prefix(within.as_str());
            let rules =
                rest.map(|rest| rules.iter().map(move |rule| (within.as_str(), rest, rule)));
            rules.into_iter().flatten()
        })
    }
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
    /// The weight of a linear layer is that of a 1x1 convolution in the file, `[out, in, 1, 1]`.
    Pointwise {
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
    /// A weight reads the picture beside that of [`Landmarks`](crate::Landmarks), and its input channels may differ as well.
    FirstConvolution {
        /// The weight's name.
        parameter: &'static str,
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
