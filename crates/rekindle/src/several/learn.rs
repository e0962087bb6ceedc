//! What a model of several inputs learns of rows before there is a network: words, means, vocabularies.

use std::{path::Path, sync::Arc};

use rekindle_cards::{Column, ColumnKind, HubConfig, InputSpec, TableInput, TextInput};
use rekindle_checkpoint::CheckpointFile;
use rekindle_layers::JoinConfig;
use rekindle_text::Text;

use super::{
    Example, InputCode, InputPart, Inputs, NAME, NumberCode, Part, Reads, Several, TextSource,
    Value,
};
use crate::{Error, Texts, modality::Modality, texts::untitled};

impl Several {
    /// What is learned of rows before there is a network: words, means, vocabularies. Weights are opened, not read.
    ///
    /// # Errors
    ///
    /// If weights cannot be had, or there is nothing to learn.
    pub fn learn(inputs: &Inputs, items: &[&Example]) -> Result<(Self, HubConfig), Error> {
        let wrong = |problem| Error::Settings(vec![problem]);
        inputs.check().map_err(wrong)?;
        let columns = inputs.columns();
        let mut parts = Vec::new();
        let mut licenses = Vec::new();
        for part in &inputs.parts {
            let InputPart { name, columns: own, code, hidden } = part;
            let place = columns.iter().position(|other| other.name == *name).unwrap_or_default();
            let cells = || items.iter().filter_map(|item| item.cell(place));
            let reads = match code {
                InputCode::OneHot(depth) => Reads::Numbers(NumberCode::OneHot { depth: *depth }),
                InputCode::Ordinal(depth) => Reads::Numbers(NumberCode::Ordinal { depth: *depth }),
                InputCode::Standardized => Reads::Numbers(NumberCode::standardized(cells())),
                InputCode::Category => {
                    let code = NumberCode::category(cells());
                    let told = |problem: String| wrong(format!("inputs.{name}: {problem}"));
                    let code = code.and_then(|code| code.check().map(|()| code)).map_err(told)?;
                    Reads::Numbers(code)
                }
                InputCode::Text { source: TextSource::Untrained(model), context } => {
                    let texts: Vec<&Text> =
                        items.iter().filter_map(|item| item.text(place)).collect();
                    let (texts, _) = Texts::untrained(model, &texts)?;
                    Reads::Texts { texts, context: *context, begins: None }
                }
                InputCode::Text { source: TextSource::Weights(weights), context } => {
                    let file = opened(weights)?;
                    let name = card(weights);
                    let (texts, config) = Texts::of_weights(name.as_deref(), &file)?;
                    licenses.push(config.license);
                    Reads::Texts { texts, context: *context, begins: Some(Arc::new(file)) }
                }
            };
            parts.push(Part { name: name.clone(), columns: own.clone(), hidden: *hidden, reads });
        }
        // Those of weights first, so that a plan can freeze them and train all that follows.
        parts.sort_by_key(|part| part.reads.begins().is_none());
        let several = Self {
            parts: parts.into(),
            join: JoinConfig { hidden: inputs.hidden, dropout: inputs.dropout },
            saved: false,
        };
        // Of several licenses none says what holds for all.
        licenses.dedup();
        let license = match licenses.as_slice() {
            [one] => one.clone(),
            _ => None,
        };
        let config = HubConfig { input: several.input(), license, ..untitled(NAME) };
        Ok((several, config))
    }

    /// What the config says of the inputs.
    pub(super) fn input(&self) -> InputSpec {
        let of = |part: &Part| {
            let table = |kind| {
                let name = part.columns.first().cloned().unwrap_or_default();
                InputSpec::Table(TableInput { columns: vec![Column { name, kind }] })
            };
            let input = match &part.reads {
                Reads::Texts { texts, context, .. } => InputSpec::Text(TextInput {
                    context: *context,
                    ..texts.input(part.columns.clone())
                }),
                Reads::Numbers(NumberCode::Category { values }) => {
                    table(ColumnKind::Category { values: values.clone() })
                }
                Reads::Numbers(NumberCode::Standardized { mean, std }) => {
                    table(ColumnKind::Number { mean: *mean, std: *std, missing: *mean })
                }
                Reads::Numbers(NumberCode::OneHot { .. } | NumberCode::Ordinal { .. }) => {
                    table(ColumnKind::Number { mean: 0.0, std: 1.0, missing: 0.0 })
                }
            };
            (part.name.clone(), input)
        };
        InputSpec::Named(self.parts.iter().map(of).collect())
    }
}

impl Example {
    fn cell(&self, place: usize) -> Option<&str> {
        match self.values.get(place) {
            Some(Value::Cell(cell)) => Some(cell),
            _ => None,
        }
    }

    fn text(&self, place: usize) -> Option<&Text> {
        match self.values.get(place) {
            Some(Value::Texts(texts)) => texts.first(),
            _ => None,
        }
    }
}

/// The card of weights that are named by it.
fn card(weights: &Path) -> Option<String> {
    if weights.exists() {
        return None;
    }
    let name = weights.to_str()?;
    rekindle_cards::find(name).is_ok().then(|| name.to_owned())
}

/// The weights of a file, a folder, or a card.
fn opened(weights: &Path) -> Result<CheckpointFile, Error> {
    #[cfg(feature = "net")]
    if let Some(name) = card(weights) {
        use rekindle_hub::{Hub, unwatched};
        // Which looks at licenses, as `REKINDLE_LICENSES` says.
        let found = Hub::from_env()?.fetch(rekindle_cards::find(&name)?, &unwatched)?;
        return Ok(CheckpointFile::open(&found.folder)?);
    }
    Ok(CheckpointFile::open(weights)?)
}
