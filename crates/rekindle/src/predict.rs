//! From items to answers: labels with their probabilities, or numbers.

use burn::{
    module::Module,
    prelude::*,
    tensor::activation::{sigmoid, softmax},
};
use rayon::prelude::*;
use rekindle_cards::{HubConfig, TaskSpec};
use rekindle_data::{Prepare, View};
use rekindle_finetune::FromPrepared;
use serde_json::{Map, Value, json};

use crate::{
    Error,
    modality::{InputOf, ItemOf, Modality, NetworkOf},
    task::names,
};

/// What a model answers to an item.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Prediction {
    /// One of these labels, most likely first; probabilities sum to one.
    Label(Vec<Guess>),
    /// Each of these labels by itself, most likely first.
    Labels(Vec<Guess>),
    /// Numbers, in the order of their columns.
    Numbers(Vec<Number>),
}

/// One of the labels an item may have.
#[derive(Debug, Clone, PartialEq)]
pub struct Guess {
    /// Its place among the network's outputs.
    pub index: usize,
    /// What the config calls it; its number where it has no name.
    pub label: String,
    /// In `[0, 1]`.
    pub probability: f32,
    /// Whether the answer is that the item has this label: the most likely one, or of several each above its threshold.
    pub given: bool,
}

/// A number that was predicted.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    /// Its column.
    pub name: String,
    /// In the units of the training data.
    pub value: f32,
}

impl Prediction {
    /// The answer as JSON: `top`, the most likely labels, at most so many; `labels`, of several those that are given; or
    /// `numbers` by their columns.
    pub fn to_json(&self, top: usize) -> Map<String, Value> {
        let mut object = Map::new();
        if let Self::Numbers(numbers) = self {
            let number = |number: &Number| (number.name.clone(), json!(number.value));
            object.insert("numbers".to_owned(), numbers.iter().map(number).collect());
            return object;
        }
        let guess = |guess: &Guess| json!({ "label": guess.label, "index": guess.index, "probability": guess.probability });
        object.insert("top".to_owned(), self.guesses().iter().take(top).map(guess).collect());
        if let Self::Labels(guesses) = self {
            let given = guesses.iter().filter(|guess| guess.given);
            let given = given.map(|guess| guess.label.as_str()).collect();
            object.insert("labels".to_owned(), given);
        }
        object
    }

    /// The labels, most likely first; none where numbers are predicted.
    pub fn guesses(&self) -> &[Guess] {
        match self {
            Self::Label(guesses) | Self::Labels(guesses) => guesses,
            Self::Numbers(_) => &[],
        }
    }

    /// The numbers; none where labels are predicted.
    pub fn numbers(&self) -> &[Number] {
        match self {
            Self::Label(_) | Self::Labels(_) => &[],
            Self::Numbers(numbers) => numbers,
        }
    }
}

/// A model that is ready to predict.
#[derive(Debug)]
pub(crate) struct Predictor<M: Modality> {
    network: NetworkOf<M>,
    prepare: M::Prepare,
    device: Device,
    task: TaskSpec,
    temperature: f64,
    names: Vec<String>,
}

impl<M: Modality> Predictor<M> {
    pub(crate) fn new(
        network: &NetworkOf<M>,
        config: &HubConfig,
        modality: &M,
    ) -> Result<Self, Error> {
        let network = network.valid();
        let device = network.devices().into_iter().next().unwrap_or_default();
        let known = names(config);
        let name = |index: usize| match known.get(index).map(String::as_str) {
            Some(name) => name.to_owned(),
            None => config.label(index).map_or_else(|| index.to_string(), str::to_owned),
        };
        Ok(Self {
            // What is predicted once is not kept.
            prepare: modality.prepare(config, &M::once())?,
            device,
            task: config.task.clone(),
            temperature: config.temperature.unwrap_or(1.0),
            names: (0..network.classes()).map(name).collect(),
            network,
        })
    }

    /// The items as the network reads them; none of none.
    pub(crate) fn inputs(
        &self,
        items: impl Iterator<Item = ItemOf<M>>,
    ) -> Result<Option<InputOf<M>>, Error> {
        // Of several that cannot be read it is the first that is told, on any number of threads.
        let inputs: Result<Vec<_>, _> = self.prepared(items).into_iter().collect();
        self.collated(inputs?)
    }

    /// What becomes of each item by itself, or why nothing does.
    fn prepared(
        &self,
        items: impl Iterator<Item = ItemOf<M>>,
    ) -> Vec<Result<<M::Prepare as Prepare>::Input, Error>> {
        let items: Vec<ItemOf<M>> = items.collect();
        let prepare = &self.prepare;
        let prepared =
            |item: &ItemOf<M>| prepare.prepare(item, View::PLAIN, None).map_err(Into::into);
        items.par_iter().map(prepared).collect()
    }

    fn collated(
        &self,
        mut inputs: Vec<<M::Prepare as Prepare>::Input>,
    ) -> Result<Option<InputOf<M>>, Error> {
        if inputs.is_empty() {
            return Ok(None);
        }
        let batch = self.prepare.collate(&mut inputs).map_err(Into::into)?;
        Ok(Some(InputOf::<M>::from_prepared(batch, &self.device)))
    }

    /// What `answer` makes of those items that can be read, in the places of all of them.
    pub(crate) fn each<T>(
        &self,
        items: impl Iterator<Item = ItemOf<M>>,
        answer: impl FnOnce(InputOf<M>) -> Vec<T>,
    ) -> Result<Vec<Result<T, Error>>, Error> {
        let (mut good, mut places) = (Vec::new(), Vec::new());
        for prepared in self.prepared(items) {
            places.push(prepared.map(|input| good.push(input)));
        }
        let mut answers = self.collated(good)?.map_or_else(Vec::new, answer).into_iter();
        let answered = |place: Result<(), Error>| match place {
            Ok(()) => answers.next().ok_or(Error::NoItem),
            Err(error) => Err(error),
        };
        Ok(places.into_iter().map(answered).collect())
    }

    pub(crate) fn network(&self) -> &NetworkOf<M> {
        &self.network
    }

    pub(crate) fn outputs(
        &self,
        items: impl Iterator<Item = ItemOf<M>>,
    ) -> Result<Tensor<2>, Error> {
        Ok(match self.inputs(items)? {
            Some(inputs) => self.network.forward(inputs),
            None => Tensor::zeros([0, self.names.len()], &self.device),
        })
    }

    pub(crate) fn predict(
        &self,
        items: impl Iterator<Item = ItemOf<M>>,
    ) -> Result<Vec<Prediction>, Error> {
        Ok(self.answers(self.outputs(items)?))
    }

    /// What outputs `[items, outputs]` say.
    pub(crate) fn answers(&self, outputs: Tensor<2>) -> Vec<Prediction> {
        let rows = |outputs: Tensor<2>| -> Vec<Vec<f32>> {
            let values: Vec<f32> = outputs.into_data().iter::<f32>().collect();
            values.chunks_exact(self.names.len().max(1)).map(<[f32]>::to_vec).collect()
        };
        match &self.task {
            TaskSpec::MultiLabel { thresholds } => {
                let given = |place: usize, probability: f32| {
                    thresholds.get(place).is_none_or(|limit| f64::from(probability) > *limit)
                };
                let labels = |row: Vec<f32>| Prediction::Labels(self.guesses(&row, given));
                rows(sigmoid(outputs)).into_iter().map(labels).collect()
            }
            TaskSpec::Regression { targets, .. } => {
                let number =
                    |(name, (output, target)): (&String, (f32, &rekindle_cards::TargetColumn))| {
                        let value = target.restored(f64::from(output)) as f32;
                        Number { name: name.clone(), value }
                    };
                let numbers = |row: Vec<f32>| {
                    let row = row.into_iter().zip(targets);
                    Prediction::Numbers(self.names.iter().zip(row).map(number).collect())
                };
                rows(outputs).into_iter().map(numbers).collect()
            }
            _ => {
                let label = |row: Vec<f32>| {
                    let mut guesses = self.guesses(&row, |_, _| false);
                    guesses.iter_mut().take(1).for_each(|guess| guess.given = true);
                    Prediction::Label(guesses)
                };
                rows(softmax(outputs / self.temperature, 1)).into_iter().map(label).collect()
            }
        }
    }

    /// Labels by their probabilities, the most likely first.
    fn guesses(&self, row: &[f32], given: impl Fn(usize, f32) -> bool) -> Vec<Guess> {
        let guess = |(index, (label, &probability)): (usize, (&String, &f32))| Guess {
            index,
            label: label.clone(),
            probability,
            given: given(index, probability),
        };
        let mut guesses: Vec<Guess> = self.names.iter().zip(row).enumerate().map(guess).collect();
        guesses.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        guesses
    }
}
