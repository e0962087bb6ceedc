//! What simpler models reach: each part by itself, a head solved for on what it makes of rows; and a linear model of all columns.

use burn::prelude::*;
use rekindle_cards::HubConfig;
use rekindle_data::{Sample as SampleOf, TargetKind};
use rekindle_finetune::{TransferTask as _, weigh_differently};
use rekindle_layers::{Backbone, JoinConfig, PartConfig, Several as Network};
use rekindle_train::{Task as _, Train, Validation};
use rekindle_transfer::Classifier;

use super::{Example, Several};
use crate::{
    Error, FinetuneConfig, Learned, ModelOf,
    modality::{NetworkOf, SetOf},
    probe,
    task::ModelTask,
};

/// Most numbers of all rows that a linear model is solved for on.
const MOST: usize = 1 << 28;

impl ModelOf<Several> {
    /// What a linear model of all numbers and words reaches on the validation rows, by the task's usual metric: linear or logistic
    /// regression, each number as it is, each word in a place of its own. None where there are none, where they are too many, or
    /// where rows weigh differently.
    ///
    /// # Errors
    ///
    /// If a cell is no number.
    pub fn linear_baseline<L: Learned>(
        &self,
        data: &SetOf<Several, L>,
    ) -> Result<Option<(String, f64)>, Error> {
        let parts = self.modality().parts.iter();
        let codes: Vec<_> = parts.filter_map(|part| Some((part, part.reads.numbers()?))).collect();
        let width: usize = codes.iter().map(|(_, code)| code.linear_width()).sum();
        let rows = data.train.len().saturating_add(data.val.len());
        let uneven = weigh_differently(&data.train);
        if width == 0 || uneven || rows.saturating_mul(width) > MOST {
            return Ok(None);
        }
        let features = |samples: &[SampleOf<L, Example>]| -> Result<Vec<f32>, Error> {
            let mut found = Vec::with_capacity(samples.len() * width);
            for sample in samples {
                for (part, code) in &codes {
                    let cell = sample.item.cell(part.place).unwrap_or_default();
                    let row = code.linear(cell).map_err(|problem| Error::Example {
                        name: sample.item.called(),
                        input: part.name.clone(),
                        problem,
                    })?;
                    found.extend(row);
                }
            }
            Ok(found)
        };
        let labels = |samples: &[SampleOf<L, Example>]| -> Vec<L> {
            samples.iter().map(|sample| sample.label.clone()).collect()
        };
        let (train, val) = (labels(&data.train), labels(&data.val));
        let task = L::Task::of(&data.names).fitted(&train);
        let Some(solved) = task.linear(&features(&data.train)?, &train) else { return Ok(None) };
        let mut scores = task.scores();
        task.score(&mut scores, &solved.outputs(&features(&data.val)?), &val);
        let name = match L::KIND {
            TargetKind::Numbers => "linear regression",
            _ => "logistic regression",
        };
        let value = task.values(&scores).get(&task.monitor().metric);
        Ok(value.map(|value| (name.to_owned(), value)))
    }

    /// What a probe of each part alone reaches on the validation rows, by the task's usual metric, with the batches, inputs and
    /// features of a run: of weights as they came, and of numbers. Networks that begin from nothing have none, and neither has
    /// a model of one part, or rows that weigh differently.
    ///
    /// # Errors
    ///
    /// If a row cannot be read.
    pub fn part_probes<L: Learned>(
        &self,
        data: &SetOf<Several, L>,
        config: &FinetuneConfig<L::Task, Several>,
    ) -> Result<Vec<(String, f64)>, Error> {
        let (mut found, several) = (Vec::new(), self.modality());
        let networks = several.parts.iter().any(|part| part.reads.numbers().is_none());
        if !networks || several.parts.len() < 2 || weigh_differently(&data.train) {
            return Ok(found);
        }
        let task = &config.engine.task;
        let networks = self.network().backbone().networks();
        for (place, (name, network)) in networks.enumerate() {
            let part = &several.parts[place];
            if part.reads.begins().is_none() && part.reads.numbers().is_none() {
                continue;
            }
            let alone = Several { parts: [part.clone()].into(), ..several.clone() };
            let of_part = PartConfig {
                name: name.to_owned(),
                network: network.clone(),
                hidden: None,
                per_item: part.reads.per_item(),
            };
            let device = self.network().devices().into_iter().next().unwrap_or_default();
            let backbone = Network::new(vec![of_part], JoinConfig::default(), &device);
            let about = HubConfig {
                input: alone.input(),
                features: Some(backbone.embed_dim()),
                ..self.config().clone()
            };
            let network: NetworkOf<Several> = Classifier::new(backbone, data.names.len(), &device);
            let model = ModelOf::of(network, task.to_config(&data.names, about), alone);
            let rows = (Train(data.train.clone()), Validation(data.val.clone()));
            let probed = probe(model, rows, config, None)?;
            let values = probed.task.values(&probed.predictions);
            let value = values.get(&task.monitor().metric);
            found.extend(value.map(|value| (name.to_owned(), value)));
        }
        Ok(found)
    }
}
