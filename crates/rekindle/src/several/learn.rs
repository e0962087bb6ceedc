//! What a model of several inputs learns of rows before there is a network: words, means, vocabularies.

use std::{path::Path, sync::Arc};

use rekindle_cards::{
    Base, Column, ColumnKind, HubConfig, InputSpec, TableInput, Terms, TextInput,
};
use rekindle_checkpoint::CheckpointFile;
use rekindle_tables::{BinnedNumber, NumberCode};
use rekindle_text::Text;

use super::{
    Example, InputCode, InputPart, Inputs, NAME, PartSource, Several, Value,
    part::{Begun, Part, Reads},
};
use crate::{Error, Pictures, Texts, modality::Modality, publish, texts::untitled};

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
        for part in &inputs.parts {
            let InputPart { name, columns: own, code, hidden } = part;
            let place = columns.iter().position(|other| other.name == *name).unwrap_or_default();
            let mut base = None;
            let told = |problem: String| wrong(format!("inputs.{name}: {problem}"));
            let cells = || items.iter().filter_map(|item| item.cell(place));
            let reads = match code {
                InputCode::OneHot(depth) => Reads::Numbers(NumberCode::OneHot { depth: *depth }),
                InputCode::Ordinal(depth) => Reads::Numbers(NumberCode::Ordinal { depth: *depth }),
                InputCode::Standardized => Reads::Numbers(NumberCode::standardized(cells())),
                InputCode::Binned => Reads::Numbers(NumberCode::binned(cells())),
                InputCode::YesNo => Reads::Numbers(NumberCode::yes_no(cells())),
                InputCode::Date => Reads::Numbers(NumberCode::date(cells()).map_err(told)?),
                InputCode::Category => Reads::Numbers(NumberCode::category(cells()).map_err(told)?),
                InputCode::Text { source: PartSource::Untrained(model), context } => {
                    let texts: Vec<&Text> =
                        items.iter().filter_map(|item| item.text(place)).collect();
                    let (texts, _) = Texts::untrained(model, &texts)?;
                    Reads::Texts { texts, context: *context, begins: None }
                }
                InputCode::Text { source: PartSource::Weights(weights), context } => {
                    let (texts, begun) = Begun::of::<Texts>(weights)?;
                    base = Some(publish::base(&begun.config)?);
                    Reads::Texts { texts, context: *context, begins: Some(begun) }
                }
                InputCode::Picture(PartSource::Untrained(model)) => {
                    let (_, about) = Pictures::untrained(model, &[])?;
                    about.image()?;
                    Reads::Pictures { about: Box::new(about), begins: None }
                }
                InputCode::Picture(PartSource::Weights(weights)) => {
                    let (_, begun) = Begun::of::<Pictures>(weights)?;
                    begun.config.image()?;
                    base = Some(publish::base(&begun.config)?);
                    Reads::Pictures { about: begun.config.clone(), begins: Some(begun) }
                }
            };
            let (name, columns) = (name.clone(), own.clone());
            parts.push(Part { name, columns, hidden: *hidden, reads, base, place });
        }
        // Those of weights first, so that a plan can freeze them and train all that follows.
        parts.sort_by_key(|part| part.reads.begins().is_none());
        let several = Self { parts: parts.into(), join: inputs.join_config(), saved: false };
        let bases = several.bases();
        // Where they do not agree, whoever loads it is to know the strictest.
        let bound = |base: &&Base| Terms::of(base.license.as_deref()) == Terms::Restricted;
        let bound = || bases.iter().find(bound).and_then(|base| base.license.clone());
        let license = Base::license_of_all(&bases, None).unwrap_or_else(|_| bound());
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
                Reads::Pictures { about, .. } => about.input.clone(),
                Reads::Numbers(NumberCode::Category(code)) => {
                    // What is missing has no name there.
                    let named = code.values.iter().filter(|value| !value.is_empty());
                    table(ColumnKind::Category { values: named.cloned().collect() })
                }
                Reads::Numbers(NumberCode::Binned(code)) => {
                    let BinnedNumber { mean, std, fill, .. } = *code;
                    table(ColumnKind::Number { mean, std, missing: fill })
                }
                Reads::Numbers(NumberCode::YesNo { .. }) => table(ColumnKind::YesNo),
                Reads::Numbers(NumberCode::Date(_)) => table(ColumnKind::Date),
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
    /// The cell at a place, where it is one.
    pub(super) fn cell(&self, place: usize) -> Option<&str> {
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

impl Begun {
    /// The weights of a file, a folder, or a card, and what belongs to their network besides.
    fn of<M: Modality>(weights: &Path) -> Result<(M, Self), Error> {
        let name = card(weights);
        let file = Arc::new(opened(weights, name.as_deref())?);
        let (modality, config) = M::of_weights(name.as_deref(), &file)?;
        Ok((modality, Self { file, config: Box::new(config) }))
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

#[cfg(feature = "net")]
fn opened(weights: &Path, card: Option<&str>) -> Result<CheckpointFile, Error> {
    use rekindle_hub::{Hub, unwatched};
    let Some(name) = card else { return Ok(CheckpointFile::open(weights)?) };
    // Which looks at licenses, as `REKINDLE_LICENSES` says.
    let found = Hub::from_env()?.fetch(rekindle_cards::find(name)?, &unwatched)?;
    Ok(CheckpointFile::open(&found.folder)?)
}

#[cfg(not(feature = "net"))]
fn opened(weights: &Path, _: Option<&str>) -> Result<CheckpointFile, Error> {
    Ok(CheckpointFile::open(weights)?)
}
