//! Whether what a model meets is what it learned: by its embeddings, and by what it answers.

use burn::prelude::*;
use rekindle_cards::TaskSpec;
use rekindle_metrics::{TwoSample, TwoSampleConfig, stability_index, stability_noise, two_samples};

use crate::{
    Error, ModelOf,
    modality::{ItemOf, Modality},
};

/// What comparing items found.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// Of their embeddings.
    pub embeddings: TwoSample,
    /// Of what is answered: of labels, or of each column of numbers; none of a model that answers nothing.
    pub answers: Vec<AnswerDrift>,
}

/// How answers of two sets of items differ.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerDrift {
    /// What is answered: `labels`, or a column.
    pub name: String,
    /// The population stability index.
    pub index: f64,
    /// What it stays below in 95 of 100 cases where nothing differs, with as many items.
    pub noise: f64,
    /// The bins: labels, or from where to where a tenth of the reference's numbers is.
    pub bins: Vec<String>,
    /// Items of the reference in each.
    pub reference: Vec<usize>,
    /// Those that are compared with it.
    pub data: Vec<usize>,
}

/// A row an item.
type Rows = Vec<Vec<f32>>;

/// Bins of numbers.
const DECILES: usize = 10;
/// Items that go through a network at once.
const BATCH: usize = 32;

impl<M: Modality> ModelOf<M> {
    /// Compares items with those that a model learned, or others that are known to be as it should meet them.
    ///
    /// # Errors
    ///
    /// If there are no items on one side, or one cannot be read.
    pub fn drift(
        &self,
        reference: &[ItemOf<M>],
        data: &[ItemOf<M>],
        config: &TwoSampleConfig,
    ) -> Result<Drift, Error> {
        if reference.is_empty() || data.is_empty() {
            return Err(Error::NoItem);
        }
        let [known, outputs] = self.seen(reference)?;
        let [met, others] = self.seen(data)?;
        let answers = match self.config().task {
            _ if self.config().classes == 0 => Vec::new(),
            TaskSpec::Regression { .. } => self.numbers(&outputs, &others, config.seed),
            _ => vec![self.labels(&outputs, &others, config.seed)],
        };
        Ok(Drift { embeddings: two_samples(&known, &met, config), answers })
    }

    /// Embeddings and outputs, a row an item.
    fn seen(&self, items: &[ItemOf<M>]) -> Result<[Rows; 2], Error> {
        let predictor = self.predictor()?;
        let (mut embeddings, mut outputs) = (Vec::new(), Vec::new());
        for items in items.chunks(BATCH) {
            let Some(inputs) = predictor.inputs(items.iter().cloned())? else { continue };
            let found = predictor.network().embed(inputs);
            if self.config().classes > 0 {
                outputs.extend(rows(predictor.network().classify(found.clone())));
            }
            embeddings.extend(rows(found));
        }
        Ok([embeddings, outputs])
    }

    /// Of labels, the likeliest of each item.
    fn labels(&self, reference: &[Vec<f32>], data: &[Vec<f32>], seed: u64) -> AnswerDrift {
        let classes = self.config().classes;
        let count = |outputs: &[Vec<f32>]| {
            let mut counts = vec![0; classes];
            for row in outputs {
                let best = (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]));
                counts[best.unwrap_or(0)] += 1;
            }
            counts
        };
        let name = |place: usize| {
            let named = self.names().get(place).cloned();
            named.unwrap_or_else(|| {
                self.config().label(place).map_or_else(|| place.to_string(), str::to_owned)
            })
        };
        let (reference, data) = (count(reference), count(data));
        // What nobody answered is no bin: a thousand empty ones are all noise.
        let kept: Vec<usize> =
            (0..classes).filter(|&place| reference[place] + data[place] > 0).collect();
        let of = |counts: &[usize]| kept.iter().map(|&place| counts[place]).collect();
        let bins = kept.iter().map(|&place| name(place)).collect();
        binned("labels".to_owned(), bins, (of(&reference), of(&data)), seed)
    }

    /// Of each column, over the tenths of the reference.
    fn numbers(&self, reference: &[Vec<f32>], data: &[Vec<f32>], seed: u64) -> Vec<AnswerDrift> {
        let TaskSpec::Regression { targets, .. } = &self.config().task else { return Vec::new() };
        let columns = targets.iter().enumerate().map(|(place, target)| {
            let column = |rows: &[Vec<f32>]| -> Vec<f64> {
                rows.iter().map(|row| target.restored(f64::from(row[place]))).collect()
            };
            let (known, met) = (column(reference), column(data));
            let mut sorted = known.clone();
            sorted.sort_by(f64::total_cmp);
            let mut edges: Vec<f64> =
                (1..DECILES).map(|tenth| sorted[sorted.len() * tenth / DECILES]).collect();
            edges.dedup();
            let count = |values: &[f64]| {
                let mut counts = vec![0; edges.len() + 1];
                for value in values {
                    counts[edges.partition_point(|edge| edge <= value)] += 1;
                }
                counts
            };
            let mut bins: Vec<String> =
                edges.iter().map(|edge| format!("below {edge:.4}")).collect();
            bins.push(format!("from {:.4}", edges.last().copied().unwrap_or_default()));
            binned(target.name.clone(), bins, (count(&known), count(&met)), seed)
        });
        columns.collect()
    }
}

fn binned(
    name: String,
    bins: Vec<String>,
    (reference, data): (Vec<usize>, Vec<usize>),
    seed: u64,
) -> AnswerDrift {
    let noise = stability_noise(&reference, data.iter().sum(), seed);
    AnswerDrift { index: stability_index(&reference, &data), noise, name, bins, reference, data }
}

fn rows(tensor: Tensor<2>) -> Vec<Vec<f32>> {
    let [_, width] = tensor.dims();
    let values: Vec<f32> = tensor.into_data().iter::<f32>().collect();
    values.chunks_exact(width.max(1)).map(<[f32]>::to_vec).collect()
}
