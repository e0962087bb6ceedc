//! Texts over a network.

use rekindle_cards::InputSpec;
use rekindle_report::WordRecord;
use rekindle_text::Text;

use super::{
    Code, Content, InputAbout, Item, Kind, Problem, ServedKind, ServedOptions, Shown, Token,
    other_kind,
};
use crate::{Error, TextModel, Texts};

impl ServedKind for Texts {
    const EXPLAINS: bool = true;
    const UNREADABLE: Code = Code::UnreadableText;
    const SERVED: Kind = Kind::Texts;

    fn input(model: &TextModel) -> InputAbout {
        let max_length = match &model.config().input {
            InputSpec::Text(text) => text.max_tokens,
            _ => 0,
        };
        InputAbout::Text { max_length }
    }

    fn item(_: &TextModel, item: &Item, _: &ServedOptions) -> Result<Text, Problem> {
        let Content::Text { text, pair } = &item.content else {
            return Err(other_kind(item, "texts"));
        };
        let pair = pair.as_deref().map(Into::into);
        Ok(Text { pair, name: item.field.as_str().into(), ..Text::new(text.as_str()) })
    }

    fn ending(item: &Item) -> Result<&'static str, Problem> {
        match item.content {
            Content::Text { .. } => Ok("txt"),
            _ => Err(other_kind(item, "texts")),
        }
    }

    fn spoke(model: &TextModel, item: &Text, output: usize) -> Result<Shown, Error> {
        let words = model.saliency(item, output)?;
        let tokens = WordRecord::spans(&words).map(|(span, word)| Token {
            text: word.text.clone(),
            start: span.start,
            end: span.end,
            weight: word.weight,
        });
        Ok(Shown::Text { tokens: tokens.collect() })
    }
}
