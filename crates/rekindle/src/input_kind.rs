//! Which kind of input a model takes, by what is known of it.

use rekindle_cards::{Base, HubConfig, InputSpec};
use rekindle_checkpoint::CheckpointFile;

use crate::{
    Error,
    modality::Modality as _,
    model::CONFIG,
    pictures::Pictures,
    several::Several,
    texts::{Texts, is_scratch},
};

/// Which kind of input a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// Pictures.
    Pictures,
    /// Texts.
    Texts,
    /// Several inputs.
    Several,
}

impl InputKind {
    /// The [files](crate::Modality::files) of the repository of weights that were saved here.
    ///
    /// # Errors
    ///
    /// If the weights do not say what they are.
    pub fn files(
        self,
        file: &CheckpointFile,
        config: &HubConfig,
    ) -> Result<Vec<(String, String)>, Error> {
        match self {
            Self::Pictures => Pictures.files(config),
            Self::Texts => Texts::of_weights(None, file)?.0.files(config),
            Self::Several => Several::of_weights(None, file)?.0.files(config),
        }
    }

    /// The weights that the inputs of a model of several began with, as they are kept in what was saved here; none of others.
    ///
    /// # Errors
    ///
    /// If the weights do not say what they are.
    pub fn bases(self, file: &CheckpointFile) -> Result<Vec<Base>, Error> {
        match self {
            Self::Several => Ok(Several::of_weights(None, file)?.0.bases()),
            Self::Pictures | Self::Texts => Ok(Vec::new()),
        }
    }

    /// The kind of a model that is named by a card or an architecture, or that weights are of: what they say themselves,
    /// else what is known of the name, else pictures.
    ///
    /// # Errors
    ///
    /// If the name is in no table.
    pub fn of(name: Option<&str>, weights: Option<&CheckpointFile>) -> Result<Self, Error> {
        if let Some(file) = weights {
            let own = file.metadata().get(CONFIG).map(String::as_str);
            let own = own.filter(|text| HubConfig::is_one(text));
            if own.is_none() && file.config_json().is_some_and(rekindle_cards::is_transformers) {
                return Ok(Self::Texts);
            }
            if let Some(config) = own.or(file.config_json())
                && let Ok(config) = HubConfig::from_json(config)
            {
                return Ok(Self::of_input(&config.input));
            }
        }
        match name {
            Some(name) if is_scratch(name) => Ok(Self::Texts),
            Some(name) => Ok(Self::of_input(&rekindle_cards::find(name)?.input)),
            None => Ok(Self::Pictures),
        }
    }

    fn of_input(input: &InputSpec) -> Self {
        match input {
            InputSpec::Text(_) => Self::Texts,
            InputSpec::Named(_) => Self::Several,
            _ => Self::Pictures,
        }
    }
}
