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

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rekindle_cards::MAX_CONTEXT;
use rekindle_layers::JoinConfig;
use serde::Deserialize;

use crate::{Error, is_scratch};

/// Most units of a layer, and places of a one-hot number, so that a file cannot take all memory.
pub const MAX_UNITS: usize = 1 << 16;
/// Most hidden layers.
const MAX_LAYERS: usize = 256;
/// Most bytes of a file of inputs.
const LARGEST: u64 = 1 << 20;
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    inputs: BTreeMap<String, Raw>,
    #[serde(default)]
    join: RawJoin,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawJoin {
    hidden: Option<Layers>,
    #[serde(default)]
    residual: bool,
    #[serde(default)]
    dropout: f64,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Layers {
    One(usize),
    Several(Vec<usize>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    column: Columns,
    #[serde(default)]
    kind: Kind,
    weights: Option<String>,
    model: Option<String>,
    #[serde(default)]
    untrained: bool,
    one_hot: Option<usize>,
    ordinal: Option<usize>,
    number: Option<NumberBy>,
    yes_no: Option<YesNoBy>,
    date: Option<DateBy>,
    category: Option<OneHot>,
    #[serde(default)]
    context: usize,
    hidden: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Columns {
    One(String),
    Pair(Vec<String>),
}

/// What a network reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Text,
    Picture,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NumberBy {
    Standardized,
    Binned,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum YesNoBy {
    Number,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DateBy {
    Parts,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OneHot {
    OneHot,
}

impl Inputs {
    /// Reads a file; weights that it names lie from its folder on.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or asks for what cannot be.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let wrong = |problem: String| Error::Inputs { path: path.to_owned(), problem };
        let text = rekindle_base::read_text(path, LARGEST)
            .map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let mut inputs = Self::from_toml(&text).map_err(wrong)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for part in &mut inputs.parts {
            let source = match &mut part.code {
                InputCode::Text { source, .. } | InputCode::Picture(source) => source,
                _ => continue,
            };
            match source {
                PartSource::Weights(weights) if folder.join(&*weights).exists() => {
                    *weights = folder.join(&*weights);
                }
                _ => {}
            }
        }
        Ok(inputs)
    }

    /// Reads the text of such a file; parts are in the order of their names.
    fn from_toml(text: &str) -> Result<Self, String> {
        let File { inputs, join } = toml::from_str(text).map_err(|error| error.to_string())?;
        let part = |(name, raw): (String, Raw)| {
            let Raw { column, hidden, .. } = &raw;
            let columns = match column {
                Columns::One(column) => vec![column.clone()],
                Columns::Pair(columns) => columns.clone(),
            };
            let code = raw.code().map_err(|problem| format!("inputs.{name}: {problem}"))?;
            Ok(InputPart { name, columns, code, hidden: *hidden })
        };
        let parts: Result<Vec<_>, String> = inputs.into_iter().map(part).collect();
        let hidden = match join.hidden {
            None => Vec::new(),
            Some(Layers::One(units)) => vec![units],
            Some(Layers::Several(units)) => units,
        };
        let RawJoin { residual, dropout, .. } = join;
        let inputs = Self { parts: parts?, hidden, residual, dropout };
        inputs.check()?;
        Ok(inputs)
    }

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

    /// A picture that a network from nothing looks at, of an architecture or a card: `resnet18`.
    #[must_use]
    pub fn untrained_picture(self, name: &str, column: &str, model: &str) -> Self {
        self.with(name, column, InputCode::Picture(PartSource::Untrained(model.to_owned())))
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

impl Raw {
    fn code(&self) -> Result<InputCode, String> {
        let Self { kind, weights, model, untrained, .. } = self;
        let Self { one_hot, ordinal, number, yes_no, date, category, context, .. } = self;
        let network = |source| match kind {
            Kind::Text => InputCode::Text { source, context: *context },
            Kind::Picture => InputCode::Picture(source),
        };
        // As on the command line: a name is that of weights, unless there are none.
        let named = |model: &String| {
            let card = || rekindle_cards::find(model).is_ok();
            let weights = *kind == Kind::Picture || !is_scratch(model) && card();
            network(match weights && !untrained {
                true => PartSource::Weights(model.into()),
                false => PartSource::Untrained(model.clone()),
            })
        };
        let named = [
            weights.as_ref().map(|weights| network(PartSource::Weights(weights.into()))),
            model.as_ref().map(named),
            one_hot.map(InputCode::OneHot),
            ordinal.map(InputCode::Ordinal),
            number.as_ref().map(|by| match by {
                NumberBy::Standardized => InputCode::Standardized,
                NumberBy::Binned => InputCode::Binned,
            }),
            yes_no.as_ref().map(|YesNoBy::Number| InputCode::YesNo),
            date.as_ref().map(|DateBy::Parts| InputCode::Date),
            category.as_ref().map(|OneHot::OneHot| InputCode::Category),
        ];
        let mut named = named.into_iter().flatten();
        match (named.next(), named.next()) {
            (Some(InputCode::Text { .. } | InputCode::Picture(_)), None)
                if *untrained && model.is_none() =>
            {
                Err("untrained is of a model".to_owned())
            }
            (Some(code @ InputCode::Text { .. }), None) => Ok(code),
            (Some(_), None) if *context > 0 => Err("context is of texts".to_owned()),
            (Some(code @ InputCode::Picture(_)), None) => Ok(code),
            (Some(_), None) if *untrained || *kind == Kind::Picture => {
                Err("kind and untrained are of networks; name weights or a model".to_owned())
            }
            (Some(code), None) => Ok(code),
            _ => {
                Err("name one of weights, model, one_hot, ordinal, number, yes_no, date, category"
                    .to_owned())
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        [inputs.sentence]
        column = "text"
        model = "lstm"
        context = 1
        [inputs.line]
        column = "line_number"
        one_hot = 15
        [join]
        hidden = 8
        dropout = 0.5
    "#;

    #[test]
    fn a_file_says_the_same_as_code() {
        let code = Inputs::default()
            .one_hot("line", "line_number", 15)
            .untrained_text("sentence", "text", "lstm")
            .context(1)
            .join(8, 0.5);
        assert_eq!(Inputs::from_toml(GOOD).unwrap(), code);
    }

    #[test]
    fn a_model_is_its_weights_where_there_are_some() {
        let weights = |name: &str| PartSource::Weights(name.into());
        let untrained = |name: &str| PartSource::Untrained(name.to_owned());
        let text = |source| InputCode::Text { source, context: 0 };
        for (lines, code) in [
            ("model = \"bilstm.chars\"", text(untrained("bilstm.chars"))),
            ("model = \"all-MiniLM-L6-v2\"", text(weights("all-MiniLM-L6-v2"))),
            ("weights = \"run/best.safetensors\"", text(weights("run/best.safetensors"))),
            (
                "kind = \"picture\"\nmodel = \"resnet18.a1_in1k\"",
                InputCode::Picture(weights("resnet18.a1_in1k")),
            ),
            (
                "kind = \"picture\"\nmodel = \"resnet18\"\nuntrained = true",
                InputCode::Picture(untrained("resnet18")),
            ),
        ] {
            let inputs = Inputs::from_toml(&format!("[inputs.a]\ncolumn = \"a\"\n{lines}"));
            assert_eq!(inputs.unwrap().parts[0].code, code, "{lines}");
        }
    }

    #[test]
    fn what_cannot_be_is_one_clear_error() {
        for (from, to, named) in [
            ("[inputs.line]", "[inputs.join]", "not `join`"),
            ("one_hot = 15", "one_hot = 0", "inputs.line: one_hot is 0, outside 1..=65536"),
            ("one_hot = 15", "one_hot = 15\nordinal = 3", "inputs.line: name one of weights"),
            ("one_hot = 15", "", "inputs.line: name one of weights"),
            ("one_hot = 15", "one_hot = 15\ncontext = 1", "inputs.line: context is of texts"),
            ("context = 1", "context = 9", "inputs.sentence: context is 9, more than 8"),
            ("context = 1", "contexts = 1", "unknown field `contexts`"),
            ("column = \"text\"", "", "missing field `column`"),
            ("column = \"text\"", "column = [\"a\", \"b\"]", "2 columns are named; name one"),
            ("one_hot = 15", "number = \"scaled\"", "unknown variant `scaled`"),
            ("one_hot = 15", "one_hot = 15\nkind = \"picture\"", "inputs.line: kind and untrained"),
            ("one_hot = 15", "kind = \"sound\"", "unknown variant `sound`"),
            ("model = \"lstm\"", "weights = \"lstm\"\nuntrained = true", "untrained is of a model"),
            ("model = \"lstm\"", "kind = \"picture\"\nmodel = \"resnet18\"", "context is of texts"),
            ("hidden = 8", "hidden = 70000", "join.hidden is 70000"),
            ("hidden = 8", "hidden = [8, 4]\nresidual = true", "join.residual asks for layers"),
            ("dropout = 0.5", "dropout = 1.0", "join.dropout is 1, not in 0 to 1"),
        ] {
            let text = GOOD.replace(from, to);
            assert_ne!(text, GOOD, "{from}");
            let problem = Inputs::from_toml(&text).unwrap_err();
            assert!(problem.contains(named), "no `{named}` in: {problem}");
        }
        assert!(Inputs::from_toml("[inputs]").unwrap_err().contains("names no input"));
    }
}
