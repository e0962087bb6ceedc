//! How a row becomes an input: each part's cells by themselves.

use rekindle_data::{Dense, Digests, Prepare, TokenBatch, View, canonical};
use rekindle_images::{PictureInput, PreparePictures, Source};
use rekindle_tables::NumberCode;
use rekindle_text::{Encoded, PrepareTexts};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    network::PartBatch,
    rows::{Example, Value},
};
use crate::Error;

/// Rows to batches, a part after the other.
#[derive(Debug)]
pub struct PrepareSeveral {
    parts: Vec<PreparePart>,
}

/// How the cells of a part become numbers.
#[derive(Debug)]
pub(super) struct PreparePart {
    /// What it is called.
    pub(super) name: String,
    /// The place of its value in a row.
    pub(super) place: usize,
    pub(super) how: How,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a model has a handful of parts")]
pub(super) enum How {
    /// Texts, so many an item, padded to the longest of a batch or to the most tokens.
    Texts {
        prepare: PrepareTexts,
        per_item: usize,
        padded: bool,
    },
    Pictures(PreparePictures),
    Numbers(NumberCode),
}

/// What a part makes of its cells.
#[derive(Debug)]
pub enum PartEncoded {
    /// Texts.
    Texts(Vec<Encoded>),
    /// A picture.
    Picture(PictureInput),
    /// Numbers.
    Numbers(Vec<f32>),
}

impl PrepareSeveral {
    pub(super) fn new(parts: Vec<PreparePart>) -> Self {
        Self { parts }
    }

    fn pictures(&self) -> impl Iterator<Item = &PreparePictures> {
        self.parts.iter().filter_map(|part| match &part.how {
            How::Pictures(prepare) => Some(prepare),
            _ => None,
        })
    }
}

impl PreparePart {
    /// Of pictures in the memory of another, where there is some.
    fn encode(
        &self,
        example: &Example,
        view: View,
        spares: &mut Vec<PartEncoded>,
    ) -> Result<PartEncoded, Error> {
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
            (How::Pictures(prepare), Some(Value::Picture(path))) => {
                let spare = spares.pop().and_then(|spare| match spare {
                    PartEncoded::Picture(spare) => Some(spare),
                    _ => None,
                });
                let source = Source::File(path.to_path_buf());
                Ok(PartEncoded::Picture(prepare.prepare(&source, view, spare)?))
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
            How::Pictures(prepare) => json!(prepare.describe_plain()),
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
        view: View,
        spare: Option<Vec<PartEncoded>>,
    ) -> Result<Vec<PartEncoded>, Error> {
        let mut spares = spare.unwrap_or_default();
        self.parts.iter().map(|part| part.encode(example, view, &mut spares)).collect()
    }

    fn collate(&self, inputs: &mut Vec<Vec<PartEncoded>>) -> Result<Vec<PartBatch>, Error> {
        let mut columns: Vec<Vec<PartEncoded>> = self.parts.iter().map(|_| Vec::new()).collect();
        for input in inputs.drain(..) {
            columns.iter_mut().zip(input).for_each(|(column, encoded)| column.push(encoded));
        }
        let batch = |(part, column): (&PreparePart, Vec<PartEncoded>)| -> Result<PartBatch, Error> {
            let of = column.into_iter();
            Ok(match &part.how {
                How::Texts { prepare, padded, .. } => {
                    let mut texts = Vec::new();
                    for encoded in of {
                        if let PartEncoded::Texts(of_item) = encoded {
                            texts.extend(of_item);
                        }
                    }
                    let batch = prepare.collate(&mut texts)?;
                    PartBatch::Tokens(match padded {
                        true => longer(&batch, prepare),
                        false => batch,
                    })
                }
                How::Pictures(prepare) => {
                    let mut pictures: Vec<PictureInput> = of
                        .filter_map(|encoded| match encoded {
                            PartEncoded::Picture(picture) => Some(picture),
                            _ => None,
                        })
                        .collect();
                    let batch = prepare.collate(&mut pictures)?;
                    // What is left serves the next ones.
                    inputs.resize_with(inputs.len().max(pictures.len()), Vec::new);
                    let left = inputs.iter_mut().zip(pictures);
                    left.for_each(|(spares, picture)| spares.push(PartEncoded::Picture(picture)));
                    PartBatch::Pictures(batch)
                }
                How::Numbers(code) => {
                    let rows: Vec<Vec<f32>> = of
                        .filter_map(|encoded| match encoded {
                            PartEncoded::Numbers(row) => Some(row),
                            _ => None,
                        })
                        .collect();
                    PartBatch::Numbers(Dense::stack(
                        rows.iter().map(Vec::as_slice),
                        &[code.width()],
                    ))
                }
            })
        };
        self.parts.iter().zip(columns).map(batch).collect()
    }

    fn input_bytes(&self) -> usize {
        let of = |part: &PreparePart| match &part.how {
            How::Texts { prepare, per_item, .. } => prepare.input_bytes() * per_item,
            How::Pictures(prepare) => prepare.input_bytes(),
            How::Numbers(code) => code.width() * size_of::<f32>(),
        };
        self.parts.iter().map(of).sum()
    }

    fn draws(&self) -> bool {
        self.pictures().any(PreparePictures::draws)
    }

    fn describe_plain(&self) -> String {
        canonical(&self.parts.iter().map(PreparePart::described).collect::<Vec<_>>())
    }

    fn describe_drawn(&self) -> String {
        let drawn: Vec<String> = self.pictures().map(PreparePictures::describe_drawn).collect();
        match drawn.is_empty() {
            true => canonical(&json!(null)),
            false => canonical(&drawn),
        }
    }

    fn name(&self, example: &Example) -> Option<String> {
        Some(example.called())
    }

    fn digest(&self, example: &Example, files: &Digests) -> Result<[u8; 32], Error> {
        digest(example, files)
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
pub(super) fn digest(example: &Example, files: &Digests) -> Result<[u8; 32], Error> {
    let mut digest = Sha256::new();
    for value in &example.values {
        match value {
            Value::Texts(texts) => {
                digest.update((texts.len() as u64).to_le_bytes());
                texts.iter().for_each(|text| digest.update(text.digest()));
            }
            Value::Picture(path) => digest.update(Source::File(path.to_path_buf()).digest(files)?),
            Value::Cell(cell) => {
                digest.update((cell.len() as u64).to_le_bytes());
                digest.update(cell.as_bytes());
            }
        }
    }
    Ok(digest.finalize().into())
}
