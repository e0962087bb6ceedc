//! A part of a model of several inputs: what it reads, what was learned of it, what it begins with.

use std::sync::Arc;

use burn::prelude::Device;
use rekindle_cards::{Base, HubConfig};
use rekindle_checkpoint::CheckpointFile;

use rekindle_tables::{BinnedNumber, DateCode, NumberCode};

use super::rows::{Cells, InputColumns};
use crate::{Error, ModelOf, Texts, modality::Modality};

/// Words of a category that are shown.
const SHOWN: usize = 4;

/// A part, with what was learned of the data.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    pub(super) hidden: Option<usize>,
    pub(super) reads: Reads,
    /// What is said of the weights that it began with, when this was trained.
    pub(super) base: Option<Base>,
    /// The place of its value in a row.
    pub(super) place: usize,
}

/// Weights that a part begins with.
#[derive(Debug, Clone)]
pub(super) struct Begun {
    pub(super) file: Arc<CheckpointFile>,
    /// What they say of themselves.
    pub(super) config: Box<HubConfig>,
}

#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "a model has a handful of parts")]
pub(super) enum Reads {
    Texts {
        texts: Texts,
        context: usize,
        begins: Option<Begun>,
    },
    Pictures {
        /// The network, and how pictures are prepared for it.
        about: Box<HubConfig>,
        begins: Option<Begun>,
    },
    Numbers(NumberCode),
}

impl Reads {
    /// Texts of an item.
    pub(super) fn per_item(&self) -> usize {
        match self {
            Self::Texts { context, .. } => 1 + 2 * context,
            Self::Pictures { .. } | Self::Numbers(_) => 1,
        }
    }

    /// How cells become numbers, where they do.
    pub(super) fn numbers(&self) -> Option<&NumberCode> {
        match self {
            Self::Numbers(code) => Some(code),
            Self::Texts { .. } | Self::Pictures { .. } => None,
        }
    }

    pub(super) fn begins(&self) -> Option<&Begun> {
        match self {
            Self::Texts { begins, .. } | Self::Pictures { begins, .. } => begins.as_ref(),
            Self::Numbers(_) => None,
        }
    }
}

impl Begun {
    /// The network of these weights without its head.
    pub(super) fn backbone<M: Modality>(
        &self,
        modality: M,
        device: &Device,
    ) -> Result<M::Backbone, Error> {
        let found = (modality, HubConfig::clone(&self.config));
        let (model, _) = ModelOf::opened(found, &self.file, device)?;
        Ok(model.into_network().backbone().clone())
    }

    pub(super) fn described(&self) -> String {
        format!("weights of {}", self.file.path().display())
    }
}

impl Part {
    /// The columns that it reads.
    pub(super) fn reads_of(&self) -> InputColumns {
        let cells = match &self.reads {
            Reads::Texts { context, .. } => Cells::Texts { context: *context },
            Reads::Pictures { .. } => Cells::Pictures,
            Reads::Numbers(
                NumberCode::Category(_) | NumberCode::Date(_) | NumberCode::YesNo { .. },
            ) => Cells::Words,
            Reads::Numbers(_) => Cells::Numbers,
        };
        InputColumns { name: self.name.clone(), columns: self.columns.clone(), cells }
    }

    /// What it is made of, in a line.
    pub(super) fn described(&self) -> String {
        let columns = self.columns.join(" and ");
        let how = match &self.reads {
            Reads::Texts { texts, context, begins } => {
                let from = match begins {
                    Some(begun) => begun.described(),
                    None => format!("{} from nothing", texts.encoder().family.name()),
                };
                let around = match context {
                    0 => String::new(),
                    context => format!(", {context} before and behind read along"),
                };
                format!("texts of up to {} tokens, {from}{around}", texts.tokenizer().max_tokens())
            }
            Reads::Pictures { about, begins } => {
                let from = match begins {
                    Some(begun) => begun.described(),
                    None => format!("{} from nothing", about.architecture),
                };
                format!("{}, {from}", about.input.described())
            }
            Reads::Numbers(code) => learned(code),
        };
        match columns == self.name {
            true => format!("{columns}: {how}"),
            false => format!("{} ({columns}): {how}", self.name),
        }
    }
}

/// What was learned of the training cells, in a few words.
fn learned(code: &NumberCode) -> String {
    let missing = |flagged: bool, what: String| match flagged {
        true => format!(", {what} and flagged where missing"),
        false => String::new(),
    };
    match code {
        NumberCode::OneHot { depth } => format!("one of {depth}"),
        NumberCode::Ordinal { depth } => format!("how many of 1 to {depth}"),
        NumberCode::Standardized { mean, std } => {
            format!("mean {mean:.4}, deviation {std:.4}")
        }
        NumberCode::Binned(BinnedNumber { mean, std, fill, flagged, squash, edges }) => {
            let tails = if squash.is_some() { ", tails drawn in" } else { "" };
            let bins = match edges.len().saturating_sub(1) {
                0 => String::new(),
                bins => format!(", {bins} bins"),
            };
            let missing = missing(*flagged, format!("{fill}"));
            format!("number, mean {mean:.4}, deviation {std:.4}{tails}{bins}{missing}")
        }
        NumberCode::YesNo { mean, flagged, .. } => {
            let missing = missing(*flagged, "the mean".to_owned());
            format!("yes/no, yes of {:.1}%{missing}", 100.0 * mean)
        }
        NumberCode::Date(DateCode { form, parts, flagged }) => {
            let missing = missing(*flagged, "the means".to_owned());
            format!("date as {}, {} numbers{missing}", form.name(), parts.len())
        }
        NumberCode::Category(code) => {
            let others = if code.others { " and a place for others" } else { "" };
            let embedded = match code.embed {
                Some(dim) => format!(", embedded in {dim} numbers"),
                None => String::new(),
            };
            let shown: Vec<&str> = code.values.iter().take(SHOWN).map(String::as_str).collect();
            let more = if code.values.len() > SHOWN { ", ..." } else { "" };
            let words = shown.join(", ");
            format!("category of {} words ({words}{more}){others}{embedded}", code.values.len())
        }
    }
}
