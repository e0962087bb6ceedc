//! A model's `config.json`: architecture, input, outputs and labels, whichever tool wrote it.
//!
//! | dialect | known by | read |
//! |---|---|---|
//! | timm | `architecture`; the input's keys in `pretrained_cfg`, or, in older files, beside it | all of it |
//! | transformers | `model_type`, or a list of `architectures` | named in the error; [`is_transformers`] tells it |
//!
//! What timm has no words for lies under `rekindle`, which timm leaves alone: an input that is no image, a task
//! that is not one label, a temperature. Other keys that say nothing of this are left alone here too.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::card::checkpoint_name;
use crate::{Card, Error, InputSpec, Preprocessing, TaskSpec, imagenet, lookup};

mod dialect;
mod model_args;
mod timm;

pub use dialect::is_transformers;

/// Longest text of a config, in bytes; that of ImageNet-21k with all labels has 2 MB.
pub const MAX_CONFIG_BYTES: usize = 8 << 20;
/// Most outputs of a network; ImageNet-21k has 21,843 classes.
pub const MAX_CLASSES: usize = 1 << 20;

/// What travels with the weights of a model, on the Hub and in a saved checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct HubConfig {
    /// timm's name of the architecture, `resnet18`, or the card's of another: `all-MiniLM-L6-v2`.
    pub architecture: String,
    /// Which training run: `a1_in1k`. May be empty.
    pub tag: String,
    /// Outputs of the network: classes, labels or numbers; zero where the checkpoint has no head.
    pub classes: usize,
    /// Length of the vector that the classifier is given.
    pub features: Option<usize>,
    /// What the weights expect, an image's missing keys filled in as timm does.
    pub input: InputSpec,
    /// What the outputs are.
    pub task: TaskSpec,
    /// Divides logits before they become probabilities, where the model was calibrated. Guo et al. 2017.
    pub temperature: Option<f64>,
    /// Channels, height and width at which the weights do better than at the input size.
    pub test_input_size: Option<[usize; 3]>,
    /// The crop fraction that goes with [`HubConfig::test_input_size`].
    pub test_crop_pct: Option<f64>,
    /// Whether the network takes no other input size.
    pub fixed_input_size: bool,
    /// Path of the first convolution within the checkpoint.
    pub first_conv: Option<String>,
    /// Path of the classifier layer within the checkpoint.
    pub classifier: Option<String>,
    /// The license's SPDX identifier in lower case; `None` where none is stated.
    pub license: Option<String>,
    /// A name a class, in the order of the classifier's outputs; empty where none are given.
    pub labels: Vec<String>,
    /// What the names mean, where they are codes: `n01440764` is a tench.
    pub descriptions: BTreeMap<String, String>,
}

impl HubConfig {
    /// Reads the text of a `config.json`.
    ///
    /// # Errors
    ///
    /// [`Error::ConfigTooLong`] beyond [`MAX_CONFIG_BYTES`], [`Error::Json`] where the text is not JSON, [`Error::Dialect`] where another tool wrote it,
    /// [`Error::HubConfig`] with every key that is missing, of the wrong type, of the wrong length or out of range.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_CONFIG_BYTES {
            let (bytes, limit) = (text.len(), MAX_CONFIG_BYTES);
            return Err(Error::ConfigTooLong { bytes, limit });
        }
        let root: Value = serde_json::from_str(text)
            .map_err(|source| Error::Json { source: Arc::new(source) })?;
        let Value::Object(root) = root else {
            let problems = vec!["the text is not an object with an `architecture`".to_owned()];
            return Err(Error::HubConfig { problems });
        };
        if let Some(error) = dialect::foreign(&root) {
            return Err(error);
        }
        let config = timm::config(&root).map_err(|problems| Error::HubConfig { problems })?;
        config.checked()
    }

    /// Whether a text claims to be a config that is read here: an object that names an `architecture`.
    ///
    /// One that is too long to be looked into counts as one, for [`HubConfig::from_json`] to say so.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        if text.len() > MAX_CONFIG_BYTES {
            return true;
        }
        serde_json::from_str::<Value>(text).is_ok_and(|root| root.get("architecture").is_some())
    }

    /// The config of a card's checkpoint, without labels.
    #[must_use]
    pub fn from_card(card: &Card) -> Self {
        let channels = match &card.input {
            InputSpec::Image(Preprocessing { input_size: [channels, ..], .. }) => *channels,
            _ => 0,
        };
        Self {
            architecture: card.architecture.clone(),
            tag: card.tag.clone(),
            classes: card.classes,
            features: None,
            input: card.input.clone(),
            task: TaskSpec::SingleLabel,
            temperature: None,
            test_input_size: card.test.map(|test| [channels, test.size, test.size]),
            test_crop_pct: card.test.map(|test| test.crop_pct),
            fixed_input_size: false,
            first_conv: None,
            classifier: Some(card.classifier.clone()),
            license: card.license.clone(),
            labels: Vec::new(),
            descriptions: BTreeMap::new(),
        }
    }

    /// Writes a `config.json` that timm and [`HubConfig::from_json`] read.
    ///
    /// # Errors
    ///
    /// [`Error::HubConfig`] with everything for which `from_json` would refuse the text.
    pub fn to_json(&self) -> Result<String, Error> {
        let config = self.clone().checked()?;
        serde_json::to_string_pretty(&Written::from(&config))
            .map_err(|source| Error::Json { source: Arc::new(source) })
    }

    /// The checkpoint's name: `resnet18.a1_in1k`, or the architecture's where there is no tag.
    #[must_use]
    pub fn name(&self) -> String {
        checkpoint_name(&self.architecture, &self.tag)
    }

    /// What an output is called: its description where there is one, its label otherwise, and ImageNet's name of
    /// the class where a classifier of a thousand names none.
    #[must_use]
    pub fn label(&self, class: usize) -> Option<&str> {
        if let TaskSpec::Regression { targets, .. } = &self.task {
            return targets.get(class).map(|target| target.name.as_str());
        }
        let unnamed = self.labels.is_empty() && self.classes == imagenet::CLASSES;
        if unnamed && matches!(self.input, InputSpec::Image(_)) {
            return imagenet::name(class);
        }
        let label = self.labels.get(class)?;
        Some(self.descriptions.get(label).unwrap_or(label))
    }

    /// What the weights expect of an image.
    ///
    /// # Errors
    ///
    /// [`Error::OtherInput`] where they take something else.
    pub fn image(&self) -> Result<&Preprocessing, Error> {
        self.input.image(&self.name())
    }

    /// The image at the test size, with the crop that belongs to it; the usual input where there is none.
    ///
    /// # Errors
    ///
    /// As [`HubConfig::image`].
    pub fn test_image(&self) -> Result<Preprocessing, Error> {
        self.image().map(|usual| self.at_test_size(usual))
    }

    fn at_test_size(&self, usual: &Preprocessing) -> Preprocessing {
        Preprocessing {
            input_size: self.test_input_size.unwrap_or(usual.input_size),
            crop_pct: self.test_crop_pct.unwrap_or(usual.crop_pct),
            ..usual.clone()
        }
    }

    /// Itself, unless values contradict one another.
    fn checked(self) -> Result<Self, Error> {
        let mut problems = self.input.problems();
        if let InputSpec::Image(usual) = &self.input
            && problems.is_empty()
        {
            let test = self.at_test_size(usual).problems();
            problems.extend(test.into_iter().map(|problem| format!("at the test size: {problem}")));
        }
        // Of an input that is not stated timm's images are assumed.
        if matches!(self.input, InputSpec::Image(_))
            && let Some(card) = lookup::of_architecture(&self.architecture)?
            && !matches!(card.input, InputSpec::Image(_))
        {
            let (name, input) = (&self.architecture, card.input.described());
            problems.push(format!("{name} takes {input}, but `rekindle.input` says of none"));
        }
        problems.extend(timm::too_many(self.classes));
        problems.extend(self.task.problems(self.classes));
        if let Some(temperature) =
            self.temperature.filter(|value| !(value.is_finite() && *value > 0.0))
        {
            problems.push(format!("temperature is {temperature}, not a positive number"));
        }
        if self.architecture.is_empty() {
            problems.push("architecture is empty".to_owned());
        }
        if !self.labels.is_empty() && self.labels.len() != self.classes {
            let (labels, classes) = (self.labels.len(), self.classes);
            problems.push(format!("label_names has {labels} names, num_classes is {classes}"));
        }
        if problems.is_empty() { Ok(self) } else { Err(Error::HubConfig { problems }) }
    }
}

/// The file's layout, in timm's order.
#[derive(Serialize)]
struct Written<'a> {
    architecture: &'a str,
    num_classes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_features: Option<usize>,
    pretrained_cfg: WrittenInput<'a>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    label_names: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    label_descriptions: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Own::is_empty")]
    rekindle: Own,
}

/// What timm has no words for. It reads no key of the file's root but its own.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    /// Where it is no image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<InputSpec>,
    /// Where it is not one label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    task: Option<TaskSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
}

impl Own {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Serialize)]
struct WrittenInput<'a> {
    tag: &'a str,
    custom_load: bool,
    /// `input_size`, `interpolation`, `crop_pct`, `crop_mode`, `mean` and `std`.
    #[serde(flatten)]
    image: Option<&'a Preprocessing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test_input_size: Option<[usize; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test_crop_pct: Option<f64>,
    fixed_input_size: bool,
    num_classes: usize,
    pool_size: Option<[usize; 2]>,
    first_conv: Option<&'a str>,
    classifier: Option<&'a str>,
    license: Option<&'a str>,
}

impl<'a> From<&'a HubConfig> for Written<'a> {
    fn from(config: &'a HubConfig) -> Self {
        let (image, input) = match &config.input {
            InputSpec::Image(image) => (Some(image), None),
            other => (None, Some(other.clone())),
        };
        let task = Some(config.task.clone()).filter(|task| *task != TaskSpec::SingleLabel);
        Self {
            architecture: &config.architecture,
            num_classes: config.classes,
            num_features: config.features,
            pretrained_cfg: WrittenInput {
                tag: &config.tag,
                custom_load: false,
                image,
                test_input_size: config.test_input_size,
                test_crop_pct: config.test_crop_pct,
                fixed_input_size: config.fixed_input_size,
                num_classes: config.classes,
                pool_size: None,
                first_conv: config.first_conv.as_deref(),
                classifier: config.classifier.as_deref(),
                license: config.license.as_deref(),
            },
            label_names: &config.labels,
            label_descriptions: &config.descriptions,
            rekindle: Own { input, task, temperature: config.temperature },
        }
    }
}

#[cfg(test)]
mod tests;
