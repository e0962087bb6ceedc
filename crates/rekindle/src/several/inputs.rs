//! Which columns a model of several inputs reads, and how: a TOML file, or the same in code.
//!
//! ```toml
//! [inputs.sentence]                # a part of the network, and what its stages are called by
//! column = "text"                  # two for a pair
//! model = "all-MiniLM-L6-v2"       # a card's weights, or a network from nothing ("bilstm.chars"); weights = "FILE_OR_FOLDER"
//!                                  # from this file's folder on
//! context = 1                      # texts before it and behind it in its `group`, read with the same weights
//! hidden = 128                     # a layer with a ReLU over what comes out
//!
//! [inputs.photo]
//! kind = "picture"                 # in a file, whose path is in the column, from the list's folder on
//! column = "path"
//! model = "resnet18.a1_in1k"       # or weights; untrained = true takes the architecture of that name alone
//!
//! [inputs.line]
//! column = "line_number"
//! one_hot = 15                     # 0 to 14; larger ones share the last. Or ordinal = 15: how many of 1 to 15 it reaches
//!
//! [inputs.age]
//! column = "age"
//! number = "standardized"          # by mean and deviation of what is trained on; an empty cell is the mean. Or "binned": an
//!                                  # empty one is the median and flagged, tails are drawn in, 16 bins between quantiles say where
//!
//! [inputs.journal]
//! column = "journal"
//! category = "one_hot"             # of the words that are trained on; rare and unknown ones share a place, many are embedded
//!
//! [inputs.admitted]
//! column = "admitted"
//! date = "parts"                   # year, month, day of the week ..., each by mean and deviation. Or yes_no = "number"
//!
//! [join]
//! hidden = 256                     # a layer with a ReLU over all parts, or several: [256, 256]; left out, they lie side by side
//! residual = true                  # all but the first are residual blocks
//! dropout = 0.5
//! ```

use std::path::{Path, PathBuf};

use rekindle_cards::MAX_CONTEXT;
use rekindle_layers::JoinConfig;

mod file;

/// Most units of a layer, and places of a one-hot number, so that a file cannot take all memory.
pub const MAX_UNITS: usize = 1 << 16;
/// Most hidden layers.
const MAX_LAYERS: usize = 256;
/// What a part may not be called, for a stage is.
pub(super) const JOIN: &str = "join";

/// Parts of a network, each with the columns that it reads, and how they are joined.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inputs {
    /// The parts.
    pub parts: Vec<InputPart>,
    /// Units of hidden layers, the first over all of them; none where they lie side by side.
    pub hidden: Vec<usize>,
    /// Whether all hidden layers but the first are residual blocks.
    pub residual: bool,
    /// The share that is dropped before the head in training.
    pub dropout: f64,
}

/// A part of a network, before anything is learned of the data.
#[derive(Debug, Clone, PartialEq)]
pub struct InputPart {
    /// What it is called in plans.
    pub name: String,
    /// The columns that it reads: one, or a pair of texts.
    pub columns: Vec<String>,
    /// How it reads them.
    pub code: InputCode,
    /// Units of a hidden layer over what comes out of it.
    pub hidden: Option<usize>,
}

/// How cells become numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum InputCode {
    /// A text, by an encoder.
    Text {
        /// Where the encoder comes from.
        source: PartSource,
        /// Texts before it and behind it in its group that are read along.
        context: usize,
    },
    /// A picture in a file, by a network.
    Picture(PartSource),
    /// A whole number as one of so many; larger ones are the last.
    OneHot(usize),
    /// A whole number as how many of 1 to this it reaches.
    Ordinal(usize),
    /// A number, by mean and deviation.
    Standardized,
    /// A number: filled, flagged, scaled, and among quantiles.
    Binned,
    /// Yes or no.
    YesNo,
    /// A date, as numbers of the calendar.
    Date,
    /// A word, as one of those that are trained on.
    Category,
}

/// Where the network of a text or a picture comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartSource {
    /// A file, a folder as the Hub has it, or the name of a card.
    Weights(PathBuf),
    /// A network that begins from nothing: `lstm`, `bilstm.chars`, `resnet18`.
    Untrained(String),
}

impl Inputs {
    /// Files, folders and cards of weights that parts begin with.
    pub fn weights(&self) -> impl Iterator<Item = &Path> {
        self.parts.iter().filter_map(|part| match &part.code {
            InputCode::Text { source: PartSource::Weights(weights), .. }
            | InputCode::Picture(PartSource::Weights(weights)) => Some(weights.as_path()),
            _ => None,
        })
    }

    /// A text that an encoder of these weights reads: a folder, a file, a card's name.
    #[must_use]
    pub fn text(self, name: &str, column: &str, weights: impl Into<PathBuf>) -> Self {
        let source = PartSource::Weights(weights.into());
        self.with(name, column, InputCode::Text { source, context: 0 })
    }

    /// A text that a network from nothing reads: `lstm`, `bilstm.chars`.
    #[must_use]
    pub fn untrained_text(self, name: &str, column: &str, model: &str) -> Self {
        let source = PartSource::Untrained(model.to_owned());
        self.with(name, column, InputCode::Text { source, context: 0 })
    }

    /// A picture in a file whose path is in the column, which a network of these weights looks at: a folder, a file, a card's
    /// name.
    #[must_use]
    pub fn picture(self, name: &str, column: &str, weights: impl Into<PathBuf>) -> Self {
        self.with(name, column, InputCode::Picture(PartSource::Weights(weights.into())))
    }

    /// A whole number as one of `depth`; larger ones are the last.
    #[must_use]
    pub fn one_hot(self, name: &str, column: &str, depth: usize) -> Self {
        self.with(name, column, InputCode::OneHot(depth))
    }

    /// A part that reads one column.
    #[must_use]
    pub fn with(mut self, name: &str, column: &str, code: InputCode) -> Self {
        let (name, columns) = (name.to_owned(), vec![column.to_owned()]);
        self.parts.push(InputPart { name, columns, code, hidden: None });
        self
    }

    /// The same with so many texts before and behind each read along by the part that was added last, if that reads texts.
    #[must_use]
    pub fn context(mut self, texts: usize) -> Self {
        if let Some(InputPart { code: InputCode::Text { context, .. }, .. }) = self.parts.last_mut()
        {
            *context = texts;
        }
        self
    }

    /// The same with a hidden layer over all parts, of which a share is dropped before the head in training.
    #[must_use]
    pub fn join(self, hidden: usize, dropout: f64) -> Self {
        Self { hidden: vec![hidden], dropout, ..self }
    }

    /// The same with hidden layers of so many units each; of none, the head alone reads all parts.
    #[must_use]
    pub fn layers(self, hidden: &[usize]) -> Self {
        Self { hidden: hidden.to_vec(), ..self }
    }

    /// The same with residual blocks in the place of all hidden layers but the first.
    #[must_use]
    pub fn residual(self) -> Self {
        Self { residual: true, ..self }
    }

    /// How the parts are joined.
    pub(super) fn join_config(&self) -> JoinConfig {
        let (hidden, residual) = (self.hidden.clone(), self.residual);
        JoinConfig { hidden, residual, dropout: self.dropout }
    }

    /// Looks whether all of it can be.
    ///
    /// # Errors
    ///
    /// What cannot, in words that follow its name.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.parts.is_empty() {
            return Err("names no input; give one, as in [inputs.text]".to_owned());
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(format!("join.dropout is {}, not in 0 to 1", self.dropout));
        }
        self.hidden.iter().try_for_each(|layer| units("join.hidden", Some(*layer)))?;
        if self.hidden.len() > MAX_LAYERS {
            return Err(format!(
                "join.hidden has {} layers, more than {MAX_LAYERS}",
                self.hidden.len()
            ));
        }
        if self.residual && self.hidden.windows(2).any(|pair| pair[0] != pair[1]) {
            return Err(format!(
                "join.residual asks for layers of one width, but join.hidden is {:?}",
                self.hidden
            ));
        }
        for (place, part) in self.parts.iter().enumerate() {
            let InputPart { name, columns, code, hidden } = part;
            if self.parts[..place].iter().any(|other| other.name == *name) {
                return Err(format!("inputs.{name} is there twice"));
            }
            let known = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
            if name.is_empty() || name == JOIN || !name.chars().all(known) {
                return Err(format!(
                    "inputs.{name}: a part is called by letters, digits, `_` and `-`, and not `{JOIN}`"
                ));
            }
            let told = |problem: String| format!("inputs.{name}: {problem}");
            units("hidden", *hidden).map_err(told)?;
            let most = match code {
                InputCode::Text { context: 0, .. } => 2,
                InputCode::Text { context, .. } if *context > MAX_CONTEXT => {
                    return Err(told(format!("context is {context}, more than {MAX_CONTEXT}")));
                }
                InputCode::OneHot(depth) => {
                    units("one_hot", Some(*depth)).map_err(told)?;
                    1
                }
                InputCode::Ordinal(depth) => {
                    units("ordinal", Some(*depth)).map_err(told)?;
                    1
                }
                _ => 1,
            };
            if columns.is_empty() || columns.len() > most {
                let pair = if most == 2 { ", or two for a pair" } else { "" };
                return Err(told(format!("{} columns are named; name one{pair}", columns.len())));
            }
        }
        Ok(())
    }
}

/// Looks whether there can be so many units.
pub(super) fn units(key: &str, units: Option<usize>) -> Result<(), String> {
    match units {
        Some(units) if !(1..=MAX_UNITS).contains(&units) => {
            Err(format!("{key} is {units}, outside 1..={MAX_UNITS}"))
        }
        _ => Ok(()),
    }
}
