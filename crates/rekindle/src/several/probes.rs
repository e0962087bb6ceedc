//! What each part reaches by itself: a head that is solved for on what it makes of rows, without the others.

use burn::prelude::*;
use rekindle_cards::HubConfig;
use rekindle_finetune::{TransferTask as _, weigh_differently};
use rekindle_layers::{Backbone, JoinConfig, PartConfig, Several as Network};
use rekindle_train::{Task as _, Train, Validation};
use rekindle_transfer::Classifier;

use super::{Several, part::Reads};
use crate::{
    Error, FinetuneConfig, Learned, ModelOf,
    modality::{NetworkOf, SetOf},
    probe,
    task::ModelTask,
};

impl ModelOf<Several> {
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
        if several.parts.len() < 2 || weigh_differently(&data.train) {
            return Ok(found);
        }
        let task = &config.engine.task;
        let networks = self.network().backbone().networks();
        for (place, (name, network)) in networks.enumerate() {
            let part = &several.parts[place];
            if part.reads.begins().is_none() && !matches!(part.reads, Reads::Numbers(_)) {
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
