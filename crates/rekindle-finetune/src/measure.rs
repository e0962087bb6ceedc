//! What takes no plan as a whole: a sweep through rates, and what a network answers to items.

use std::{fmt, sync::Arc};

use burn::{module::Module, prelude::*};
use rekindle_data::{LoaderConfig, Prepare};
use rekindle_layers::Backbone;
use rekindle_train::{Learn, RateRange, Sweep, Test, Train, predict, sweep};
use rekindle_transfer::Classifier;

use crate::{
    CacheConfig, CachePlace, DataLoader, EngineConfig, Error, FromPrepared, Items, Partial,
    Trainee, TransferTask,
    config::{ONE_VIEW, labels},
    data::{Data, Part, even_out, on_this_pool},
    data_loader::Prepared,
};

/// Sweeps through learning rates in the first phase of a plan, whose rates count as relative to each other.
///
/// # Errors
///
/// If the plan cannot be carried out, or an item cannot be read.
pub fn find_rate<B, P, T>(
    trainee: Trainee<B>,
    train: Train<Items<P, T>>,
    config: EngineConfig<B, P, T>,
    range: &RateRange,
) -> Result<Sweep, Error>
where
    B: Backbone<Input: FromPrepared<P::Batch>>,
    P: Prepare,
    T: TransferTask,
{
    // A sweep sees some of the items, once: features of all of them would not come to use.
    let cache = CacheConfig { place: CachePlace::Off, ..config.cache };
    let config = EngineConfig { cache, ..config };
    let task = config.task.clone().fitted(&labels(&train.0));
    let config = EngineConfig { task, ..config };
    let Trainee { network, identity } = trainee.ready();
    let Items { mut samples, prepare } = train.0;
    even_out(&mut samples);
    config.check(&network, &samples)?;
    let part = Part::new(samples, prepare, &config.loader())?;
    let data = Data { identity, train: part.clone(), val: part, doubted: false };
    let (network, feeds) = config.begin(network, &None, (0, 0), &data, None)?;
    let Some(phase) = config.plan.phases.first() else { return Err(Error::NoEpoch) };
    let rates = config.fit(phase, &network)?.rates;
    let objective = config.objective(phase, &feeds.train.0);
    Ok(sweep(network, &phase.optimizer, &rates, range, &objective, &feeds.train)?)
}

/// From a network and a batch of inputs to outputs.
pub type Forward<B> = dyn Fn(&Classifier<B>, <B as Backbone>::Input) -> Tensor<2> + Send + Sync;

/// How a network is measured.
#[derive(Clone)]
pub struct MeasureConfig<B: Backbone> {
    /// Items a step.
    pub batch: usize,
    /// [`Classifier::forward`], an average over several views, or what another program makes of the inputs.
    pub forward: Arc<Forward<B>>,
}

impl<B: Backbone + 'static> MeasureConfig<B> {
    /// Each item once, as it is.
    pub fn plain(batch: usize) -> Self {
        Self { batch, forward: Arc::new(Classifier::forward) }
    }
}

impl<B: Backbone> fmt::Debug for MeasureConfig<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeasureConfig").field("batch", &self.batch).finish_non_exhaustive()
    }
}

/// What a network answers to items that chose nothing about it, in their order.
///
/// # Errors
///
/// If there are no items, or one cannot be read.
pub fn measure<B, P, T>(
    network: &Classifier<B>,
    task: &T,
    items: Test<Items<P, T>>,
    how: &MeasureConfig<B>,
) -> Result<T::Scores, Error>
where
    B: Backbone<Input: FromPrepared<P::Batch>>,
    P: Prepare,
    T: TransferTask,
{
    let config = LoaderConfig { batch_size: how.batch, views: ONE_VIEW, ..on_this_pool() };
    let part = Part::new(items.0.samples, items.0.prepare, &config)?;
    let forward = Arc::clone(&how.forward);
    let learn = Learn {
        task: task.clone(),
        forward: move |network: &Classifier<B>, partial: Partial<B>| match partial {
            Partial::Input(input) => forward(network, input),
            other => Partial::outputs(network, other),
        },
    };
    // Nothing is chosen by it.
    let source = Test(DataLoader::Prepared(Prepared::<B, P, T>::plain(part)));
    Ok(predict(&network.valid(), &learn, &source)?)
}
