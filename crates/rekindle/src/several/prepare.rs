//! How a row becomes an input: each part's cells by themselves.

use rekindle_data::{Dense, Digests, Prepare, TokenBatch, View, canonical};
use rekindle_text::{Encoded, PrepareTexts};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    code::NumberCode,
    network::PartBatch,
    rows::{Example, Value},
};
use crate::Error;

/// Rows to batches, a part after the other.
#[derive(Debug, Clone)]
pub struct PrepareSeveral {
    parts: Vec<PreparePart>,
}

/// How the cells of a part become numbers.
#[derive(Debug, Clone)]
pub(super) struct PreparePart {
    /// What it is called.
    pub(super) name: String,
    /// The place of its value in a row.
    pub(super) place: usize,
    pub(super) how: How,
}

#[derive(Debug, Clone)]
pub(super) enum How {
    /// Texts, so many an item, padded to the longest of a batch or to the most tokens.
    Texts {
        prepare: PrepareTexts,
        per_item: usize,
        padded: bool,
    },
    Numbers(NumberCode),
}

/// What a part makes of its cells.
#[derive(Debug, Clone)]
pub enum PartEncoded {
    /// Texts.
    Texts(Vec<Encoded>),
    /// Numbers.
    Numbers(Vec<f32>),
}

impl PrepareSeveral {
    pub(super) fn new(parts: Vec<PreparePart>) -> Self {
        Self { parts }
    }
}

impl PreparePart {
    fn encode(&self, example: &Example) -> Result<PartEncoded, Error> {
        let problem = |problem: String| Error::Example {
            name: example.name.to_string(),
            input: self.name.clone(),
            problem,
        };
        match (&self.how, example.values.get(self.place)) {
            (How::Texts { prepare, per_item, .. }, Some(Value::Texts(texts)))
                if texts.len() == *per_item =>
            {
                let encoded = texts.iter().map(|text| prepare.prepare(text, View::PLAIN, None));
                Ok(PartEncoded::Texts(encoded.collect::<Result<_, _>>()?))
            }
            (How::Numbers(code), Some(Value::Cell(cell))) => {
                Ok(PartEncoded::Numbers(code.encode(cell).map_err(problem)?))
            }
            _ => Err(problem("is not there, or of another kind than the model reads".to_owned())),
        }
    }

    fn described(&self) -> serde_json::Value {
        let how = match &self.how {
            How::Texts { prepare, per_item, .. } => json!([prepare.describe_plain(), per_item]),
            How::Numbers(code) => json!(code),
        };
        json!([self.name, self.place, how])
    }
}

impl Prepare for PrepareSeveral {
    type Item = Example;
    type Input = Vec<PartEncoded>;
    type Batch = Vec<PartBatch>;
    type Error = Error;

    fn prepare(
        &self,
        example: &Example,
        _: View,
        _: Option<Vec<PartEncoded>>,
    ) -> Result<Vec<PartEncoded>, Error> {
        self.parts.iter().map(|part| part.encode(example)).collect()
    }

    fn collate(&self, inputs: &mut Vec<Vec<PartEncoded>>) -> Result<Vec<PartBatch>, Error> {
        let batch = |(place, part): (usize, &PreparePart)| -> Result<PartBatch, Error> {
            let of = inputs.iter_mut().filter_map(|input| input.get_mut(place));
            Ok(match &part.how {
                How::Texts { prepare, padded, .. } => {
                    let mut texts = Vec::new();
                    for encoded in of {
                        if let PartEncoded::Texts(of_item) = encoded {
                            texts.append(of_item);
                        }
                    }
                    let batch = prepare.collate(&mut texts)?;
                    PartBatch::Tokens(match padded {
                        true => longer(&batch, prepare),
                        false => batch,
                    })
                }
                How::Numbers(code) => {
                    let rows: Vec<&[f32]> = of
                        .filter_map(|encoded| match encoded {
                            PartEncoded::Numbers(row) => Some(&row[..]),
                            PartEncoded::Texts(_) => None,
                        })
                        .collect();
                    PartBatch::Numbers(Dense::stack(rows.into_iter(), &[code.width()]))
                }
            })
        };
        self.parts.iter().enumerate().map(batch).collect()
    }

    fn input_bytes(&self) -> usize {
        let of = |part: &PreparePart| match &part.how {
            How::Texts { prepare, per_item, .. } => prepare.input_bytes() * per_item,
            How::Numbers(code) => code.width() * size_of::<f32>(),
        };
        self.parts.iter().map(of).sum()
    }

    fn draws(&self) -> bool {
        false
    }

    fn describe_plain(&self) -> String {
        canonical(&self.parts.iter().map(PreparePart::described).collect::<Vec<_>>())
    }

    fn describe_drawn(&self) -> String {
        canonical(&json!(null))
    }

    fn name(&self, example: &Example) -> Option<String> {
        Some(example.called())
    }

    fn digest(&self, example: &Example, _: &Digests) -> Result<[u8; 32], Error> {
        Ok(digest(example))
    }
}

/// The same texts, padded to the most tokens of any.
fn longer(batch: &TokenBatch, prepare: &PrepareTexts) -> TokenBatch {
    let (tokenizer, [texts, length]) = (prepare.tokenizer(), batch.shape);
    let mut padded = TokenBatch::new(texts, tokenizer.max_tokens().max(length), tokenizer.pad());
    for row in 0..texts {
        let of = row * length..(row + 1) * length;
        let tokens = batch.mask[of.clone()].iter().filter(|there| **there == 1).count();
        let of = of.start..of.start + tokens;
        padded.put(row, &batch.ids[of.clone()], &batch.types[of]);
    }
    padded
}

/// The SHA-256 of what a row says.
pub(super) fn digest(example: &Example) -> [u8; 32] {
    let mut digest = Sha256::new();
    for value in &example.values {
        match value {
            Value::Texts(texts) => {
                digest.update((texts.len() as u64).to_le_bytes());
                texts.iter().for_each(|text| digest.update(text.digest()));
            }
            Value::Cell(cell) => {
                digest.update((cell.len() as u64).to_le_bytes());
                digest.update(cell.as_bytes());
            }
        }
    }
    digest.finalize().into()
}
