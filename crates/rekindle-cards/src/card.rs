//! A card: what one checkpoint is, whether it may be used, and what it expects.

use serde::{Deserialize, Serialize};

use crate::{Error, InputSpec, Preprocessing, Terms};

/// One published checkpoint of one architecture.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// The family's name, which is the card file's: `resnet`.
    pub family: String,
    /// timm's name of the architecture, `resnet18`; of encoders of texts the checkpoint's: `all-MiniLM-L6-v2`.
    pub architecture: String,
    /// Which training run: `a1_in1k`. Empty where the architecture's name says it all.
    pub tag: String,
    /// The Hub repository; `None` where the weights exist only as a file.
    pub repository: Option<String>,
    /// The license's SPDX identifier in lower case; `None` where none is stated.
    pub license: Option<String>,
    /// Outputs of the classifier; zero where the checkpoint has none.
    pub classes: usize,
    /// Trainable parameters of the checkpoint, its classifier included.
    pub parameters: usize,
    /// Path of the classifier layer within the checkpoint: `fc`.
    pub classifier: String,
    /// What the weights expect.
    pub input: InputSpec,
    /// Files that belong to the checkpoint besides weights and `config.json`: `tokenizer.json`.
    pub files: Vec<String>,
    /// Top-1 accuracy in percent, measured with [`Card::input`].
    pub top1: Option<f64>,
    /// Top-5 accuracy in percent, measured with [`Card::input`].
    pub top5: Option<f64>,
    /// A larger size at which the weights do better, if their makers give one.
    pub test: Option<TestSize>,
    /// Where the architecture or the training recipe was published.
    pub paper: Paper,
    /// What the checkpoint is good for, in a sentence.
    pub use_for: String,
    /// What to look out for, in a sentence.
    pub caution: Option<String>,
}

/// A test size and the crop that goes with it: neither is to be changed without the other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestSize {
    /// Height and width in pixels.
    pub size: usize,
    /// Fraction of the resized picture that the crop keeps, in `(0, 1]`.
    pub crop_pct: f64,
    /// Top-1 accuracy in percent at this size.
    pub top1: Option<f64>,
    /// Top-5 accuracy in percent at this size.
    pub top5: Option<f64>,
}

/// A publication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paper {
    /// Authors and title.
    pub title: String,
    /// Where it can be read.
    pub url: String,
}

impl Card {
    /// The checkpoint's name: `resnet18.a1_in1k`, or the architecture's where there is no tag.
    #[must_use]
    pub fn name(&self) -> String {
        checkpoint_name(&self.architecture, &self.tag)
    }

    /// What the weights expect of an image.
    ///
    /// # Errors
    ///
    /// [`Error::OtherInput`] where they take something else.
    pub fn image(&self) -> Result<&Preprocessing, Error> {
        self.input.image(&self.name())
    }

    /// What the license allows.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms::of(self.license.as_deref())
    }
}

/// timm's way to join an architecture and a tag.
pub(crate) fn checkpoint_name(architecture: &str, tag: &str) -> String {
    if tag.is_empty() { architecture.to_owned() } else { format!("{architecture}.{tag}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_no_dot_without_a_tag() {
        assert_eq!(checkpoint_name("resnet18", "a1_in1k"), "resnet18.a1_in1k");
        assert_eq!(checkpoint_name("resnet18", ""), "resnet18");
    }
}
