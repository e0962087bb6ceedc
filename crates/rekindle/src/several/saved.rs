//! How a model of several inputs is kept beside its weights, and read again.

use std::collections::BTreeMap;

use rekindle_cards::{Base, HubConfig, InputSpec};
use rekindle_checkpoint::CheckpointFile;
use rekindle_images::Preprocess;
use rekindle_layers::JoinConfig;
use rekindle_tables::NumberCode;
use serde::{Deserialize, Serialize};

use super::{
    Several,
    inputs::{InputCode, InputPart, Inputs, PartSource},
    part::{Part, Reads},
};
use crate::{Error, Texts, modality::Modality, texts::untitled};

/// The key of what is kept; what belongs to a part is under its name and a dot.
const INPUTS: &str = "inputs";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    parts: Vec<KeptPart>,
    join: KeptJoin,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptJoin {
    hidden: Option<usize>,
    /// Units of the hidden layers behind that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    layers: Vec<usize>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    residual: bool,
    dropout: f64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptPart {
    name: String,
    columns: Vec<String>,
    hidden: Option<usize>,
    reads: KeptReads,
    /// The weights that it began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base: Option<Base>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum KeptReads {
    Text {
        max_tokens: usize,
        context: usize,
    },
    /// How it is prepared is in the config.
    Picture {
        architecture: String,
    },
    Numbers(NumberCode),
}

impl Several {
    /// What is written beside the weights.
    pub(super) fn to_saved(&self) -> BTreeMap<String, String> {
        let mut metadata = BTreeMap::new();
        let part = |part: &Part| {
            let reads = match &part.reads {
                Reads::Texts { texts, context, .. } => {
                    let under = |(key, text)| (format!("{}.{key}", part.name), text);
                    metadata.extend(texts.metadata().into_iter().map(under));
                    let max_tokens = texts.tokenizer().max_tokens();
                    KeptReads::Text { max_tokens, context: *context }
                }
                Reads::Pictures { about, .. } => {
                    KeptReads::Picture { architecture: about.architecture.clone() }
                }
                Reads::Numbers(code) => KeptReads::Numbers(code.clone()),
            };
            let Part { name, columns, hidden, base, .. } = part.clone();
            KeptPart { name, columns, hidden, reads, base }
        };
        let parts = self.parts.iter().map(part).collect();
        let JoinConfig { hidden, residual, dropout } = self.join.clone();
        let mut layers = hidden.into_iter();
        let (hidden, layers) = (layers.next(), layers.collect());
        let kept = Kept { parts, join: KeptJoin { hidden, layers, residual, dropout } };
        metadata.insert(INPUTS.to_owned(), rekindle_data::canonical(&kept));
        metadata
    }

    /// The same back; every number that a file says is within limits.
    pub(super) fn of_saved(file: &CheckpointFile, config: &HubConfig) -> Result<Self, Error> {
        let path = file.path();
        let wrong = |problem: String| Error::Inputs { path: path.to_owned(), problem };
        let kept = file.metadata().get(INPUTS);
        let kept = kept.ok_or_else(|| Error::LacksPart { path: path.to_owned(), part: INPUTS })?;
        let Kept { parts, join } = serde_json::from_str(kept)
            .map_err(|error| wrong(format!("what it says of its inputs is wrong: {error}")))?;
        let checked = Inputs {
            parts: parts.iter().map(KeptPart::checked).collect(),
            hidden: join.hidden.into_iter().chain(join.layers).collect(),
            residual: join.residual,
            dropout: join.dropout,
        };
        checked.check().map_err(wrong)?;
        let names: Vec<String> = parts.iter().map(|part| part.name.clone()).collect();
        let part = |(number, part): (usize, KeptPart)| {
            let KeptPart { name, columns, hidden, reads, base } = part;
            let place = names.iter().filter(|other| **other < name).count();
            let reads = match reads {
                KeptReads::Numbers(code) => {
                    code.check().map_err(|problem| wrong(format!("inputs.{name}: {problem}")))?;
                    Reads::Numbers(code)
                }
                KeptReads::Text { max_tokens, context } => {
                    let key = |key: &'static str| {
                        let found = file.metadata().get(&format!("{name}.{key}"));
                        found.map(String::as_str)
                    };
                    let shape = |tensor: &str| {
                        let name = format!("parts.{number}.network.{tensor}");
                        Some(file.get(&name)?.shape.clone())
                    };
                    let texts = Texts::of_kept(key, shape, max_tokens, path)?;
                    Reads::Texts { texts, context, begins: None }
                }
                KeptReads::Picture { architecture } => {
                    let InputSpec::Named(inputs) = &config.input else {
                        return Err(wrong("its config names no inputs".to_owned()));
                    };
                    let input = inputs.get(&name).cloned().ok_or_else(|| {
                        wrong(format!("inputs.{name}: its config does not say how it is prepared"))
                    })?;
                    let about = HubConfig { input, ..untitled(&architecture) };
                    Preprocess::new(about.image()?)?;
                    Reads::Pictures { about: Box::new(about), begins: None }
                }
            };
            Ok(Part { name, columns, hidden, reads, base, place })
        };
        let parts: Result<Vec<Part>, Error> = parts.into_iter().enumerate().map(part).collect();
        Ok(Self { parts: parts?.into(), join: checked.join_config(), saved: true })
    }
}

impl KeptPart {
    /// The same as a file of inputs would say it, to be checked like that.
    fn checked(&self) -> InputPart {
        let code = match &self.reads {
            KeptReads::Text { context, .. } => {
                InputCode::Text { source: PartSource::Untrained(String::new()), context: *context }
            }
            KeptReads::Picture { architecture } => {
                InputCode::Picture(PartSource::Untrained(architecture.clone()))
            }
            KeptReads::Numbers(NumberCode::OneHot { depth }) => InputCode::OneHot(*depth),
            KeptReads::Numbers(NumberCode::Ordinal { depth }) => InputCode::Ordinal(*depth),
            KeptReads::Numbers(NumberCode::Standardized { .. }) => InputCode::Standardized,
            KeptReads::Numbers(NumberCode::Binned(_)) => InputCode::Binned,
            KeptReads::Numbers(NumberCode::YesNo { .. }) => InputCode::YesNo,
            KeptReads::Numbers(NumberCode::Date(_)) => InputCode::Date,
            KeptReads::Numbers(NumberCode::Category(_)) => InputCode::Category,
        };
        let (name, columns) = (self.name.clone(), self.columns.clone());
        InputPart { name, columns, code, hidden: self.hidden }
    }
}
