//! A model's `config.json`, as timm writes it beside the weights: architecture, input and labels.
//!
//! Two styles exist: the input's keys lie in `pretrained_cfg`, or, in older files, beside `architecture`.
//! Keys that say nothing about architecture, input or labels are left alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::card::checkpoint_name;
use crate::{Card, Error, Preprocessing};

mod read;

/// What travels with the weights of a model, on the Hub and in a saved checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct HubConfig {
    /// timm's name of the architecture: `resnet18`.
    pub architecture: String,
    /// Which training run: `a1_in1k`. May be empty.
    pub tag: String,
    /// Outputs of the classifier; zero where the checkpoint has none.
    pub classes: usize,
    /// Length of the vector that the classifier is given.
    pub features: Option<usize>,
    /// What the weights expect of a picture, missing keys filled in as timm does.
    pub preprocessing: Preprocessing,
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
    /// [`Error::Json`] where the text is not JSON, [`Error::HubConfig`] with every key that is missing, of
    /// the wrong type, of the wrong length or out of range.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let root: Value = serde_json::from_str(text)
            .map_err(|source| Error::Json { source: Arc::new(source) })?;
        let Value::Object(root) = root else {
            let problems = vec!["the text is not an object with an `architecture`".to_owned()];
            return Err(Error::HubConfig { problems });
        };
        let config = read::config(&root).map_err(|problems| Error::HubConfig { problems })?;
        config.checked()
    }

    /// The config of a card's checkpoint, without labels.
    #[must_use]
    pub fn from_card(card: &Card) -> Self {
        let [channels, ..] = card.preprocessing.input_size;
        Self {
            architecture: card.architecture.clone(),
            tag: card.tag.clone(),
            classes: card.classes,
            features: None,
            preprocessing: card.preprocessing.clone(),
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

    /// What a class is called: its description where there is one, its label otherwise.
    #[must_use]
    pub fn label(&self, class: usize) -> Option<&str> {
        let label = self.labels.get(class)?;
        Some(self.descriptions.get(label).unwrap_or(label))
    }

    /// The input at the test size, with the crop that belongs to it; the usual input where there is none.
    #[must_use]
    pub fn test_preprocessing(&self) -> Preprocessing {
        let usual = &self.preprocessing;
        Preprocessing {
            input_size: self.test_input_size.unwrap_or(usual.input_size),
            crop_pct: self.test_crop_pct.unwrap_or(usual.crop_pct),
            ..usual.clone()
        }
    }

    /// Itself, unless values contradict one another.
    fn checked(self) -> Result<Self, Error> {
        let mut problems = self.preprocessing.problems();
        if problems.is_empty() {
            let test = self.test_preprocessing().problems();
            problems.extend(test.into_iter().map(|problem| format!("at the test size: {problem}")));
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
}

#[derive(Serialize)]
struct WrittenInput<'a> {
    tag: &'a str,
    custom_load: bool,
    /// `input_size`, `interpolation`, `crop_pct`, `crop_mode`, `mean` and `std`.
    #[serde(flatten)]
    preprocessing: &'a Preprocessing,
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
        Self {
            architecture: &config.architecture,
            num_classes: config.classes,
            num_features: config.features,
            pretrained_cfg: WrittenInput {
                tag: &config.tag,
                custom_load: false,
                preprocessing: &config.preprocessing,
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
        }
    }
}

#[cfg(test)]
mod tests;
