//! How a text becomes an input: cut into tokens once, padded to the longest of its batch.

use std::sync::Arc;

use rekindle_data::{Digests, Prepare, TokenBatch, View, canonical};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{Encoded, Error, Text, TokenPlace, Tokenizer};

/// Texts to token numbers, padded to the longest text of a batch.
#[derive(Debug, Clone)]
pub struct PrepareTexts {
    tokenizer: Arc<Tokenizer>,
    /// Rows of the network's table.
    rows: usize,
    known_alone: bool,
}

impl PrepareTexts {
    /// By a tokenizer, for a network that knows the tokens below `rows`.
    pub fn new(tokenizer: Arc<Tokenizer>, rows: usize) -> Self {
        Self { tokenizer, rows, known_alone: false }
    }

    /// The same of a text's own known tokens alone, as model2vec reads it: neither those that the tokenizer adds, nor the one
    /// that stands for what is unknown.
    #[must_use]
    pub fn known_alone(self) -> Self {
        Self { known_alone: true, ..self }
    }

    /// Where in a text each of its tokens stands.
    ///
    /// # Errors
    ///
    /// If the tokenizer cannot read it.
    pub fn places(&self, text: &Text) -> Result<Vec<TokenPlace>, Error> {
        let placed = self.tokenizer.placed(text)?.into_iter();
        let is_read = |(id, place): &(u32, TokenPlace)| {
            !self.known_alone || (place.is_some() && self.is_known(*id))
        };
        Ok(placed.filter(is_read).map(|(_, place)| place).collect())
    }

    fn is_known(&self, id: u32) -> bool {
        Some(id) != self.tokenizer.unknown_id()
    }

    fn encode(&self, text: &Text) -> Result<Encoded, Error> {
        if !self.known_alone {
            return self.tokenizer.encode(text);
        }
        let Encoded { ids, types, cut } = self.tokenizer.encode_alone(text)?;
        let (ids, types) = ids.into_iter().zip(types).filter(|(id, _)| self.is_known(*id)).unzip();
        Ok(Encoded { ids, types, cut })
    }

    /// How texts become tokens.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }
}

impl Prepare for PrepareTexts {
    type Item = Text;
    type Input = Encoded;
    type Batch = TokenBatch;
    type Error = Error;

    fn prepare(&self, text: &Text, _: View, _: Option<Encoded>) -> Result<Encoded, Error> {
        let encoded = self.encode(text)?;
        match encoded.ids.iter().find(|id| **id as usize >= self.rows) {
            Some(&id) => Err(Error::Beyond { name: text.called(), id, rows: self.rows }),
            None => Ok(encoded),
        }
    }

    /// `[batch, tokens of the longest]`; a batch of empty texts has one token of padding each.
    fn collate(&self, inputs: &mut Vec<Encoded>) -> Result<TokenBatch, Error> {
        let length = inputs.iter().map(|input| input.ids.len()).max().unwrap_or(0).max(1);
        let mut batch = TokenBatch::new(inputs.len(), length, self.tokenizer.pad());
        for (row, input) in inputs.iter().enumerate() {
            batch.put(row, &input.ids, &input.types);
        }
        Ok(batch)
    }

    fn input_bytes(&self) -> usize {
        self.tokenizer.max_tokens() * (size_of::<u32>() + size_of::<u8>())
    }

    fn draws(&self) -> bool {
        false
    }

    fn describe_plain(&self) -> String {
        let digest = Sha256::digest(self.tokenizer.json());
        let mut found =
            json!({"tokenizer": format!("{digest:x}"), "max_tokens": self.tokenizer.max_tokens()});
        if self.known_alone {
            found["known_alone"] = json!(true);
        }
        canonical(&found)
    }

    fn describe_drawn(&self) -> String {
        canonical(&json!(null))
    }

    fn name(&self, text: &Text) -> Option<String> {
        Some(text.called())
    }

    fn digest(&self, text: &Text, _: &Digests) -> Result<[u8; 32], Error> {
        Ok(text.digest())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Of words and a token that is added before a text and one behind it.
    const TOKENIZER: &str = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "decoder": null,
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "b": 4}, "unk_token": "[UNK]"}}"#;

    #[test]
    fn known_tokens_alone_are_read_and_placed() {
        let tokenizer = Tokenizer::from_json(TOKENIZER, 6, Path::new("tokenizer.json")).unwrap();
        let plain = PrepareTexts::new(Arc::new(tokenizer), 5);
        let known = plain.clone().known_alone();
        // Two of six tokens are added, also where a text is cut.
        for (text, all, alone) in [
            ("a x b", vec![1, 3, 0, 4, 2], vec![3, 4]),
            ("x", vec![1, 0, 2], vec![]),
            ("", vec![1, 2], vec![]),
            ("b x a a b", vec![1, 4, 0, 3, 3, 2], vec![4, 3, 3]),
        ] {
            let item = Text::from(text);
            for (prepare, expected) in [(&plain, all), (&known, alone)] {
                let found = prepare.prepare(&item, View::PLAIN, None).unwrap();
                assert_eq!(found.ids, expected, "{text}");
                assert_eq!(found.cut, text.len() > 7, "{text}");
                let places = prepare.places(&item).unwrap();
                assert_eq!(places.len(), expected.len(), "{text}");
                for (id, place) in expected.into_iter().zip(places) {
                    let word = place.map(|(of, range)| (of, &text[range]));
                    let token = plain.tokenizer().token(id).unwrap();
                    let expected = match id {
                        0 => Some((0, "x")),
                        1 | 2 => None,
                        _ => Some((0, token.as_str())),
                    };
                    assert_eq!(word, expected, "{text}: {token}");
                }
            }
        }
        assert_ne!(plain.describe_plain(), known.describe_plain());
    }
}
