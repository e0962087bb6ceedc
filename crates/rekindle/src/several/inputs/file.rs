//! A file of inputs: TOML to [`Inputs`].

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use super::{InputCode, InputPart, Inputs, PartSource};
use crate::{Error, is_scratch};

/// Most bytes of a file of inputs.
const LARGEST: u64 = 1 << 20;
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
