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
        let items: Vec<ItemOf<M>> = items.collect();
        let prepare = &self.prepare;
        let prepared = |item: &ItemOf<M>| prepare.prepare(item, View::PLAIN, None);
        let inputs: Vec<_> = items.par_iter().map(prepared).collect();
        // Of several that cannot be read it is the first that is told, on any number of threads.
        let inputs: Result<Vec<_>, _> = inputs.into_iter().collect();
        let mut inputs = inputs.map_err(Into::into)?;
        if inputs.is_empty() {
            return Ok(None);
        }
        let batch = prepare.collate(&mut inputs).map_err(Into::into)?;
        Ok(Some(InputOf::<M>::from_prepared(batch, &self.device)))
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
        let outputs = self.outputs(items)?;
        let rows = |outputs: Tensor<2>| -> Vec<Vec<f32>> {
            let values: Vec<f32> = outputs.into_data().iter::<f32>().collect();
            values.chunks_exact(self.names.len().max(1)).map(<[f32]>::to_vec).collect()
        };
        Ok(match &self.task {
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
        })
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
