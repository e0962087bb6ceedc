//! What of a row spoke for an answer: how much lower its output is where a part is given nothing.
//! Occlusion: Zeiler and Fergus 2014, <https://arxiv.org/abs/1311.2901>.

use std::{collections::BTreeSet, sync::Arc};

use burn::prelude::*;
use rekindle_cards::HubConfig;
use rekindle_data::{Prepare as _, Sample, View};
use rekindle_finetune::FromPrepared as _;
use rekindle_images::Preprocess;
use rekindle_layers::{Input as _, Tokens};
use rekindle_report::{ColumnsRecord, ExampleRecord, WordRecord};
use rekindle_text::Text;

use super::{
    Example, PartInput, Several, Value, columns,
    part::{Part, Reads},
};
use crate::{Error, ModelOf, ModelTask, gallery::Exhibit, modality::Modality as _};

/// Parts that are shown of a row.
const SHOWN: usize = 24;
/// Columns that are left out at once, each of a row of its own.
const AT_ONCE: usize = 64;

impl Exhibit for Several {
    fn shown(model: &ModelOf<Self>, item: &Example, output: usize) -> Result<ExampleRecord, Error> {
        let input = model.prepared(item)?;
        let weights = model.occluded(item, &input, output)?;
        let strongest = weights.iter().fold(0.0_f64, |most, weight| most.max(weight.abs()));
        let scale = if strongest > 0.0 { 1.0 / strongest } else { 0.0 };
        let (mut words, mut seen) = (Vec::new(), BTreeSet::new());
        // Of many columns those that spoke the most.
        let mut order: Vec<f64> = weights.iter().map(|weight| weight.abs()).collect();
        order.sort_by(|a, b| b.total_cmp(a));
        let least = order.get(SHOWN).copied().unwrap_or(0.0);
        for (part, weight) in model.modality().parts.iter().zip(weights) {
            if weight.abs() < least || least > 0.0 && weight.abs() == least {
                continue;
            }
            if !words.is_empty() {
                words.push(WordRecord { text: " | ".to_owned(), weight: 0.0 });
            }
            // What two parts read is written out once.
            let text = match item.values.get(part.place).and_then(Value::written) {
                Some(cell) if seen.insert(&part.columns) => format!("{}: {cell}", part.name),
                _ => part.name.clone(),
            };
            words.push(WordRecord { text, weight: weight * scale });
        }
        Ok(ExampleRecord { words, image: model.picture(&input)?, ..ExampleRecord::default() })
    }

    fn columns<T: ModelTask>(
        model: &ModelOf<Self>,
        task: &T,
        val: &[Sample<T::Label, Example>],
    ) -> Result<Option<ColumnsRecord>, Error> {
        columns::measured(model, task, val)
    }
}

impl ModelOf<Several> {
    /// By how much the output with this number is lower where a part is given nothing, a part after the other as
    /// [`described`](crate::Modality::described): an empty text, a picture of the mean color, zeros for numbers.
    ///
    /// # Errors
    ///
    /// If the row cannot be prepared.
    ///
    /// # Panics
    ///
    /// If there is no such output.
    pub fn occlusion(&self, item: &Example, output: usize) -> Result<Vec<f64>, Error> {
        self.occluded(item, &self.prepared(item)?, output)
    }

    /// The row as the network reads it.
    fn prepared(&self, item: &Example) -> Result<Vec<PartInput>, Error> {
        let input = self.predictor()?.inputs(std::iter::once(item.clone()))?;
        input.ok_or(Error::NoItem)
    }

    fn occluded(
        &self,
        item: &Example,
        whole: &[PartInput],
        output: usize,
    ) -> Result<Vec<f64>, Error> {
        let predictor = self.predictor()?;
        let logits = |input: Vec<PartInput>| -> Vec<f64> {
            let logits = predictor.network().forward(input).narrow(1, output, 1);
            logits.into_data().iter::<f32>().map(f64::from).collect()
        };
        let all = logits(whole.to_vec())[0];
        let rows: Option<Vec<&Tensor<2>>> = whole
            .iter()
            .map(|input| if let PartInput::Numbers(x) = input { Some(x) } else { None })
            .collect();
        if let Some(rows) = rows {
            // Of a table many at once, each without another column.
            let places: Vec<usize> = (0..rows.len()).collect();
            let without = |places: &[usize]| logits(without(&rows, places));
            let without = places.chunks(AT_ONCE).flat_map(without);
            return Ok(without.map(|without| all - without).collect());
        }
        let without = |(place, part): (usize, &Part)| {
            let mut input = whole.to_vec();
            input[place] = part.nothing(item, &whole[place], self.config())?;
            Ok(all - logits(input)[0])
        };
        self.modality().parts.iter().enumerate().map(without).collect()
    }

    /// The first picture that the network sees, as a JPEG; nothing where there is none.
    fn picture(&self, input: &[PartInput]) -> Result<Vec<u8>, Error> {
        let mut seen = self.modality().parts.iter().zip(input).filter_map(|pair| match pair {
            (Part { reads: Reads::Pictures { about, .. }, .. }, PartInput::Pictures(x)) => {
                Some((about, x))
            }
            _ => None,
        });
        let Some((about, x)) = seen.next() else { return Ok(Vec::new()) };
        let pixels: Vec<f32> = x.to_data().iter::<f32>().collect();
        Ok(Preprocess::new(about.image()?)?.restore(&pixels).to_jpeg()?)
    }
}

/// A row as many times as there are places, each with zeros in the part at one of them.
fn without(row: &[&Tensor<2>], places: &[usize]) -> Vec<PartInput> {
    let copies = places.len();
    let of = |(part, x): (usize, &&Tensor<2>)| {
        let kept: Vec<f32> =
            places.iter().map(|place| f32::from(u8::from(*place != part))).collect();
        let kept = Tensor::<1>::from_data(kept.as_slice(), &x.device()).reshape([copies, 1]);
        PartInput::Numbers((*x).clone().repeat_dim(0, copies) * kept)
    };
    row.iter().enumerate().map(of).collect()
}

impl Value {
    /// What is written in it; of a picture nothing, for that is shown.
    fn written(&self) -> Option<String> {
        match self {
            Self::Texts(texts) => texts.first().map(Text::shown),
            Self::Picture(_) => None,
            Self::Cell(cell) => Some(cell.to_string()),
        }
    }
}

impl Part {
    /// What it is given in the place of what it reads of a row: as many empty texts, else zeros.
    fn nothing(
        &self,
        item: &Example,
        read: &PartInput,
        config: &HubConfig,
    ) -> Result<PartInput, Error> {
        Ok(match (read, &self.reads, item.values.get(self.place)) {
            (PartInput::Tokens(x), Reads::Texts { texts: of, .. }, Some(Value::Texts(texts))) => {
                let prepare = of.prepare(config, &())?;
                let empty = |text: &Text| {
                    let pair = text.pair.as_ref().map(|_| Arc::from(""));
                    prepare.prepare(&Text { pair, ..Text::new("") }, View::PLAIN, None)
                };
                let encoded: Result<Vec<_>, _> = texts.iter().map(empty).collect();
                let batch = prepare.collate(&mut encoded?)?;
                PartInput::Tokens(Tokens::from_prepared(batch, &x.device()))
            }
            (PartInput::Tokens(x), ..) => PartInput::Tokens(x.clone()),
            (PartInput::Pictures(x), ..) => PartInput::Pictures(x.zeros_like()),
            (PartInput::Numbers(x), ..) => PartInput::Numbers(x.zeros_like()),
        })
    }
}
