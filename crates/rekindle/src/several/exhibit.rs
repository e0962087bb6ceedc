//! What of a row spoke for an answer: how much lower its output is where a part is given nothing.
//! Occlusion: Zeiler and Fergus 2014, <https://arxiv.org/abs/1311.2901>.

use std::{collections::BTreeSet, sync::Arc};

use burn::prelude::*;
use rekindle_data::Sample;
use rekindle_images::Preprocess;
use rekindle_report::{ColumnsRecord, ExampleRecord, WordRecord};
use rekindle_text::Text;

use super::{
    Example, PartInput, Several, Value, columns,
    part::{Part, Reads},
};
use crate::{Error, ModelOf, ModelTask, gallery::Exhibit};

/// Parts that are shown of a row.
const SHOWN: usize = 24;
/// Columns that are left out at once, each of a row of its own.
const AT_ONCE: usize = 64;

impl Exhibit for Several {
    fn shown(model: &ModelOf<Self>, item: &Example, output: usize) -> Result<ExampleRecord, Error> {
        let weights = model.occlusion(item, output)?;
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
        Ok(ExampleRecord { words, image: model.picture(item)?, ..ExampleRecord::default() })
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
        let predictor = self.predictor()?;
        let inputs = |item: Example| {
            let found = predictor.inputs(std::iter::once(item))?;
            found.ok_or(Error::NoItem)
        };
        let (whole, empty) = (inputs(item.clone())?, inputs(item.without_texts())?);
        let logits = |input: Vec<PartInput>| -> Vec<f64> {
            let logits = predictor.network().forward(input).narrow(1, output, 1);
            logits.into_data().iter::<f32>().map(f64::from).collect()
        };
        let all = logits(whole.clone())[0];
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
        let without = |(place, empty): (usize, PartInput)| {
            let mut input = whole.clone();
            input[place] = match empty {
                PartInput::Tokens(tokens) => PartInput::Tokens(tokens),
                PartInput::Pictures(x) => PartInput::Pictures(x.zeros_like()),
                PartInput::Numbers(x) => PartInput::Numbers(x.zeros_like()),
            };
            all - logits(input)[0]
        };
        Ok(empty.into_iter().enumerate().map(without).collect())
    }

    /// The first picture of a row as the network sees it, as a JPEG; nothing where there is none.
    fn picture(&self, item: &Example) -> Result<Vec<u8>, Error> {
        let about = |part: &Part| match &part.reads {
            Reads::Pictures { about, .. } => Some(about.clone()),
            _ => None,
        };
        let parts = self.modality().parts.iter().enumerate();
        let Some((place, about)) =
            parts.into_iter().find_map(|(place, part)| Some((place, about(part)?)))
        else {
            return Ok(Vec::new());
        };
        let inputs = self.predictor()?.inputs(std::iter::once(item.clone()))?;
        let Some(PartInput::Pictures(x)) = inputs.and_then(|inputs| inputs.into_iter().nth(place))
        else {
            return Ok(Vec::new());
        };
        let input: Vec<f32> = x.into_data().iter::<f32>().collect();
        Ok(Preprocess::new(about.image()?)?.restore(&input).to_jpeg()?)
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
            Self::Texts(texts) => texts.first().map(|text| match &text.pair {
                Some(pair) => format!("{} | {pair}", text.text),
                None => text.text.to_string(),
            }),
            Self::Picture(_) => None,
            Self::Cell(cell) => Some(cell.to_string()),
        }
    }
}

impl Example {
    /// The same, every text empty.
    fn without_texts(&self) -> Self {
        let empty = |text: &Text| Text {
            text: Arc::from(""),
            pair: text.pair.as_ref().map(|_| Arc::from("")),
            ..text.clone()
        };
        let value = |value: &Value| match value {
            Value::Texts(texts) => Value::Texts(texts.iter().map(empty).collect()),
            other => other.clone(),
        };
        Self { values: self.values.iter().map(value).collect(), name: Arc::clone(&self.name) }
    }
}
