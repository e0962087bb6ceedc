//! Phase after phase: what each is fed, and what changes between them.

use std::path::Path;

use burn::{module::Module, prelude::*, tensor::TensorData};
use rekindle_data::Views;
use rekindle_train::{Callback, Ema, End, Epoch, State};
use rekindle_transfer::BatchNormPolicy;

use super::{
    CacheReport, Data, Finetune,
    cache::{Feeds, Networks},
};
use crate::{Error, Network};

/// What the phases left behind.
pub(super) struct Trained {
    pub(super) state: State<Network>,
    /// Of the last phase.
    pub(super) feeds: Feeds,
    /// How it ended.
    pub(super) end: End,
    pub(super) cache: Vec<CacheReport>,
}

type Listeners<'a, 'b> = &'a mut [&'b mut dyn Callback<Network>];

/// Statistics of batch norms from the training pictures as evaluation sees them.
fn reestimate(network: Network, data: &Data) -> Result<Network, Error> {
    let device = network.devices().into_iter().next().unwrap_or_default();
    let places = (0..data.train.samples().len()).collect();
    network.reestimate(data.train.view(places, Views::PLAIN).map(|batch| {
        let rekindle_data::Batch { input, .. } = batch?;
        Ok(Tensor::from_data(TensorData::new(input.values, input.shape), &device))
    }))
}

impl Finetune {
    /// The network made ready for a phase, and what it will be fed, after `done` epochs of earlier phases.
    pub(super) fn begin(
        &self,
        network: Network,
        average: &Option<Ema<Network>>,
        phase: usize,
        done: usize,
        (data, path): (&Data, Option<&Path>),
    ) -> Result<(Network, Feeds), Error> {
        let Some(phase) = self.plan.phases.get(phase) else { return Err(Error::NoEpoch) };
        let network = network.prepare(phase)?;
        let average = average.as_ref().map(Ema::model);
        let networks = Networks { trained: &network, average: average.as_ref() };
        let feeds =
            Feeds::new(networks, (&phase.name, done..done + phase.epochs), self, (data, path))?;
        Ok((network, feeds))
    }

    /// Trains by all phases that are left; `ready` is what the first of them is fed, if that is known.
    pub(super) fn train(
        &self,
        mut state: State<Network>,
        mut ready: Option<Feeds>,
        (data, path): (&Data, Option<&Path>),
        listeners: Listeners<'_, '_>,
    ) -> Result<Trained, Error> {
        let objective = self.objective(state.model.classes());
        let mut cache = Vec::new();
        let mut last: Option<(Feeds, End)> = None;
        let (first, phases) = (self.phase_of(&state), self.plan.phases.len());
        for (index, phase) in self.plan.phases.iter().enumerate().skip(first) {
            let of_phase = |epoch: &&Epoch| epoch.phase == phase.name;
            let done = state.history.iter().filter(of_phase).count();
            if done == phase.epochs && index + 1 < phases {
                continue;
            }
            // Its file of features is not to be open twice.
            drop(last.take());
            let feeds = match ready.take() {
                Some(feeds) => feeds,
                None => {
                    let before = state.history.len() - done;
                    let (model, feeds) =
                        self.begin(state.model, &state.ema, index, before, (data, path))?;
                    state.model = model;
                    feeds
                }
            };
            if done == 0 && index > 0 {
                state.optimizer = state.optimizer.turn_into(&self.optimizer(index));
                state.optimizer.forget_frozen(&state.model);
            }
            if done == 0 && phase.batch_norm == BatchNormPolicy::Reestimated {
                state.model = reestimate(state.model, data)?;
                // The new statistics are of the weights as they are, not of their average: it begins anew.
                state.ema = self.ema.map(|average| Ema::new(&state.model, average));
            }
            let fit = self.fit(phase, &state.model)?;
            let (next, end) = fit.run(state, &objective, (&feeds.train, &feeds.val), listeners)?;
            state = next;
            cache.push(feeds.report.clone());
            last = Some((feeds, end));
            if end == End::Broken {
                break;
            }
        }
        let Some((feeds, end)) = last else { unreachable!("a checked plan has phases") };
        Ok(Trained { state, feeds, end, cache })
    }

    /// The phase that a state is in.
    fn phase_of(&self, state: &State<Network>) -> usize {
        let last = state.history.last().map(|epoch| &epoch.phase);
        let place = |name: &String| self.plan.phases.iter().position(|phase| phase.name == *name);
        last.and_then(place).unwrap_or(0)
    }
}
