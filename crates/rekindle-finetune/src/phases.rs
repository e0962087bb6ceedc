//! Phase after phase: what each is fed, and what changes between them.

use std::path::Path;

use burn::module::Module;
use rekindle_data::{Prepare, Views};
use rekindle_layers::Backbone;
use rekindle_train::{Callback, Ema, End, Epoch, State};
use rekindle_transfer::{BatchNormPolicy, Classifier, Phase};

use crate::{
    CacheReport, DataLoader, EngineConfig, Error, FromPrepared, TransferTask,
    data::Data,
    objective::PhaseObjective,
    store::{Feeds, Networks, Of},
};

/// What the phases left behind.
pub(crate) struct Trained<B: Backbone, P: Prepare, T: TransferTask> {
    pub(crate) state: State<Classifier<B>>,
    /// Of the last phase.
    pub(crate) feeds: Feeds<B, P, T>,
    /// How it ended.
    pub(crate) end: End,
    pub(crate) cache: Vec<CacheReport>,
}

type Listeners<'a, 'b, B> = &'a mut [&'b mut dyn Callback<Classifier<B>>];

/// A network that is ready for a phase, and what it will be fed.
type Ready<B, P, T> = (Classifier<B>, Feeds<B, P, T>);

impl<B, P, T> EngineConfig<B, P, T>
where
    B: Backbone<Input: FromPrepared<P::Batch>>,
    P: Prepare,
    T: TransferTask,
{
    /// The network made ready for a phase, and what it will be fed, after `done` epochs of earlier phases.
    pub(crate) fn begin(
        &self,
        network: Classifier<B>,
        average: &Option<Ema<Classifier<B>>>,
        (phase, done): (usize, usize),
        data: &Data<P, T>,
        path: Option<&Path>,
    ) -> Result<Ready<B, P, T>, Error> {
        let Some(phase) = self.plan.phases.get(phase) else { return Err(Error::NoEpoch) };
        let network = network.prepare(phase)?;
        let average = average.as_ref().map(Ema::model);
        let networks = Networks { trained: &network, average: average.as_ref() };
        let of = Of { phase, epochs: done..done + phase.epochs };
        let feeds = Feeds::new(networks, of, self, data, path)?;
        Ok((network, feeds))
    }

    /// Trains by all phases that are left; `ready` is what the first of them is fed, if that is known.
    pub(crate) fn train(
        &self,
        mut state: State<Classifier<B>>,
        mut ready: Option<Feeds<B, P, T>>,
        data: &Data<P, T>,
        path: Option<&Path>,
        listeners: Listeners<'_, '_, B>,
    ) -> Result<Trained<B, P, T>, Error> {
        let mut cache = Vec::new();
        let mut last: Option<(Feeds<B, P, T>, End)> = None;
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
                    let before = state.epochs() - done;
                    let (model, feeds) =
                        self.begin(state.model, &state.ema, (index, before), data, path)?;
                    state.model = model;
                    feeds
                }
            };
            if done == 0 && index > 0 {
                state.optimizer = state.optimizer.turn_into(&self.optimizer(index));
                state.optimizer.discard_frozen(&state.model);
            }
            if done == 0 && phase.batch_norm == BatchNormPolicy::Reestimated {
                state.model = reestimate(state.model, data)?;
                // The new statistics are of the weights as they are, not of their average: it begins anew.
                state.ema = self.ema.map(|average| Ema::new(&state.model, average));
            }
            let fit = self.fit(phase, &state.model)?;
            let fed = (&feeds.train, &feeds.val);
            let (next, end) =
                fit.run(state, &self.objective(phase, &feeds.train.0), fed, listeners)?;
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

    /// What a phase makes less on what it is fed.
    pub(crate) fn objective<'a>(
        &self,
        phase: &Phase,
        feed: &'a DataLoader<B, P, T>,
    ) -> PhaseObjective<'a, B, P, T> {
        PhaseObjective { learn: self.learn(), loss: phase.loss, feed }
    }

    /// The phase that a state is in.
    fn phase_of(&self, state: &State<Classifier<B>>) -> usize {
        let last = state.history.last().map(|epoch| &epoch.phase);
        let place = |name: &String| self.plan.phases.iter().position(|phase| phase.name == *name);
        last.and_then(place).unwrap_or(0)
    }
}

/// Statistics of batch norms from the training items as evaluation sees them.
fn reestimate<B, P, T>(network: Classifier<B>, data: &Data<P, T>) -> Result<Classifier<B>, Error>
where
    B: Backbone<Input: FromPrepared<P::Batch>>,
    P: Prepare,
    T: TransferTask,
{
    let device = network.devices().into_iter().next().unwrap_or_default();
    let places = (0..data.train.len()).collect();
    network.reestimate(
        data.train
            .loader
            .view(places, Views::PLAIN)
            .map(|batch| Ok(B::Input::from_prepared(batch.map_err(Error::data)?.input, &device))),
    )
}
