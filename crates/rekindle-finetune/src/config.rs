//! How a run goes, as data: the plan, the task, and everything that is the same in all phases.

use std::{num::NonZeroUsize, path::Path, sync::Arc, time::Duration};

use burn::prelude::*;
use rekindle_data::{Digests, DrawBatch, LoaderConfig, Order, Prepare, Views};
use rekindle_layers::Backbone;
use rekindle_train::{EmaConfig, Fit, FitConfig, Learn, OptimizerConfig, Rates, Train, Validation};
use rekindle_transfer::{
    Classifier, Phase, PhaseLoss, Plan,
    features::{self, Precision},
};
use serde::Serialize;

use crate::{
    Error, FromPrepared, Items, Labelled, Partial, Sets, TransferTask,
    data::{Data, Part, even_out, on_this_pool, weigh_differently},
};

/// How to fine-tune.
#[derive(Debug)]
pub struct EngineConfig<B: Backbone, P: Prepare, T> {
    /// Phases, checked before the first step.
    pub plan: Plan,
    /// What outputs mean, and what is minimized.
    pub task: T,
    /// Items a step.
    pub batch: usize,
    /// Whether every epoch draws anew, or a few draws take turns so that what frozen stages make of them is kept.
    pub views: Views,
    /// Which items come how often; in contrastive phases labels take turns instead.
    pub order: Order,
    /// What is drawn for whole batches, such as mixup.
    pub draws: Option<Arc<dyn DrawBatch<P::Batch>>>,
    /// A network for the same task whose answers are learned along with the right ones.
    pub teacher: Option<Arc<Classifier<B>>>,
    /// Where the features of frozen stages are kept.
    pub cache: CacheConfig,
    /// How the average of all weights, which is evaluated and kept, follows them; no average without.
    pub ema: Option<EmaConfig>,
    /// Accumulation, clipping, when to stop, what to compare models by. Its seed is [`EngineConfig::seed`].
    pub settings: FitConfig,
    /// Ends the run after the epoch in which the time is up.
    pub time: Option<Duration>,
    /// Every how many epochs a model is kept besides the best, and how many of those.
    pub every: Option<(NonZeroUsize, usize)>,
    /// What the head is before the first step.
    pub head: HeadStart,
    /// Whether a probe of the embeddings that it begins with is measured, as what training must beat; of no use where
    /// training begins from nothing.
    pub probe: bool,
    /// Draws the head, the order, the augmentation and dropout.
    pub seed: u64,
}

/// Whatever prepares items need not be copied for that.
impl<B: Backbone, P: Prepare, T: Clone> Clone for EngineConfig<B, P, T> {
    fn clone(&self) -> Self {
        Self {
            plan: self.plan.clone(),
            task: self.task.clone(),
            draws: self.draws.clone(),
            teacher: self.teacher.clone(),
            settings: self.settings.clone(),
            ..*self
        }
    }
}

/// The network that is fine-tuned.
#[derive(Debug)]
pub struct Trainee<B: Backbone> {
    /// On whichever device. Clones of it stay as they are.
    pub network: Classifier<B>,
    /// All that its outputs depend on besides its weights: the architecture, what outputs are called. Runs and kept features
    /// of another identity are not gone on from.
    pub identity: String,
}

impl<B: Backbone> Trainee<B> {
    /// A network of this identity, on whichever device.
    pub fn new(network: Classifier<B>, identity: impl Into<String>) -> Self {
        Self { network, identity: identity.into() }
    }

    /// The same on a device with autodiff, and with running statistics of its own: a network shares its with its clones, which
    /// would move along.
    pub(crate) fn ready(self) -> Self {
        Self { network: self.network.valid().train(), ..self }
    }
}

/// What the head is before the first step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadStart {
    /// Solved for where the task can and it takes seconds; the epoch that is kept may then be that before the first.
    Solved,
    /// As it is: drawn at random, or that of the weights.
    AsItIs,
}

/// Where the features of frozen stages are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CacheConfig {
    /// Where.
    pub place: CachePlace,
    /// How precisely.
    pub precision: Precision,
    /// Above this many bytes, nothing is kept.
    pub budget: u64,
}

/// Where the features of frozen stages are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CachePlace {
    /// Nowhere: every epoch computes them again.
    Off,
    /// In memory.
    Memory,
    /// In a file in the run's folder, for later runs too; in memory where the run has no folder.
    File,
}

impl Default for CacheConfig {
    /// In the run's folder, exactly, up to four gibibytes.
    fn default() -> Self {
        Self { place: CachePlace::File, precision: Precision::F32, budget: 4 << 30 }
    }
}

/// What the cache did for a phase.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheReport {
    /// The phase.
    pub phase: String,
    /// Why nothing was kept, where nothing was.
    pub off: Option<&'static str>,
    /// Frozen stages whose output is kept.
    pub cut: usize,
    /// Features that were there already.
    pub found: usize,
    /// Features that were computed.
    pub computed: usize,
    /// Items that an epoch shows, as often as it does, those that are validated on included.
    pub an_epoch: usize,
    /// What computing them took.
    pub filling: Duration,
    /// What was wrong with an older file, so that it was made anew.
    pub rebuilt: Option<String>,
}

const NOT_USED: &str = "an older file was not used";

impl CacheReport {
    /// What it saved, in a line; nothing where nothing was kept and nothing was wrong.
    pub fn line(&self, epochs: usize) -> Option<String> {
        let Self { off, found, computed, an_epoch, filling, rebuilt, cut, .. } = self;
        if let Some(off) = off {
            let why = |why: &String| format!("no features are kept, for {off}; {NOT_USED}: {why}");
            return rebuilt.as_ref().map(why);
        }
        let seconds = filling.as_secs_f64();
        // What was found, and every further epoch, would have taken as long for each item.
        let each = if *computed == 0 { 0.0 } else { seconds / *computed as f64 };
        let saved = each * (an_epoch * epochs).saturating_sub(*computed) as f64;
        let why = rebuilt.as_ref().map_or_else(String::new, |why| format!("; {NOT_USED}: {why}"));
        Some(format!(
            "features of {cut} frozen stages: {computed} computed in {seconds:.1} s, {found} found; saved about {saved:.0} s over {epochs} epochs{why}"
        ))
    }
}

/// The forward pass of whatever a batch has become.
pub(crate) type Forward<B> = fn(&Classifier<B>, Partial<B>) -> Tensor<2>;

/// A run that can begin: how it goes, its network, its data.
pub(crate) type Opened<B, P, T> = (EngineConfig<B, P, T>, Classifier<B>, Data<P, T>);

/// Always the one that evaluation sees.
pub(crate) const ONE_VIEW: Views = Views::Cycled(NonZeroUsize::MIN);

pub(crate) fn labels<P: Prepare, T: TransferTask>(items: &Items<P, T>) -> Vec<T::Label> {
    items.samples.iter().map(|sample| sample.label.clone()).collect()
}

impl<B, P, T> EngineConfig<B, P, T>
where
    B: Backbone<Input: FromPrepared<P::Batch>>,
    P: Prepare,
    T: TransferTask,
{
    /// A plan for a task, with everything else as it is usual.
    pub fn new(plan: Plan, task: T) -> Self {
        Self {
            settings: FitConfig { monitor: task.monitor(), ..FitConfig::default() },
            plan,
            task,
            batch: 32,
            views: Views::Fresh,
            order: Order::Shuffled,
            draws: None,
            teacher: None,
            cache: CacheConfig::default(),
            ema: None,
            time: None,
            every: None,
            head: HeadStart::Solved,
            probe: true,
            seed: 0,
        }
    }

    /// The same for a network that begins from nothing: its head is drawn, not solved for, and there are no weights to measure
    /// a probe of.
    #[must_use]
    pub fn from_nothing(self) -> Self {
        Self { head: HeadStart::AsItIs, probe: false, ..self }
    }

    /// Checks everything that can be known to be wrong before the first step, and opens the data.
    pub(crate) fn open(
        self,
        trainee: Trainee<B>,
        (Train(train), Validation(val)): Sets<P, T>,
        folder: Option<&Path>,
    ) -> Result<Opened<B, P, T>, Error> {
        let Trainee { network, identity } = trainee.ready();
        let network = match &self.plan.lora {
            Some(lora) if !network.layout().is_adapted() => network.adapt(lora)?,
            _ => network,
        };
        let mut config = self;
        config.task = config.task.fitted(&labels(&train));
        let mut samples = train.samples;
        even_out(&mut samples);
        config.check(&network, &samples)?;
        let plain = LoaderConfig { views: ONE_VIEW, ..on_this_pool() };
        // Beside the features, which are found by these digests.
        let files = folder.map(Digests::open).transpose().map_err(features::Error::from)?;
        let files = Arc::new(files.unwrap_or_default());
        let mut data = Data {
            identity,
            train: Part::new(samples, train.prepare, &config.loader())?.knowing(&files),
            val: Part::new(val.samples, val.prepare, &plain)?.knowing(&files),
            doubted: false,
        };
        if !(data.train.is_remembered_right()? && data.val.is_remembered_right()?) {
            files.forget().map_err(features::Error::from)?;
            data.doubted = true;
        }
        Ok((config, network, data))
    }

    pub(crate) fn loader(&self) -> LoaderConfig {
        LoaderConfig {
            batch_size: self.batch,
            order: self.order,
            views: self.views,
            seed: self.seed,
            ..on_this_pool()
        }
    }

    pub(crate) fn check(
        &self,
        network: &Classifier<B>,
        samples: &Labelled<P, T>,
    ) -> Result<(), Error> {
        self.plan.check(&network.layout())?;
        self.settings.monitor.check(&self.task.values(&self.task.scores()))?;
        let mut problems = Vec::new();
        let mut add = |of: &str, found: Result<(), String>| {
            problems.extend(found.err().map(|problem| format!("{of}: {problem}")));
        };
        add("steps", self.settings.check());
        add("loss", self.task.check());
        let (outputs, classes) = (self.task.outputs(), network.classes());
        if outputs != classes {
            add("task", Err(format!("it has {outputs} outputs, the network {classes}")));
        }
        if let Some(average) = &self.ema {
            add("average", average.check());
        }
        if let Some(draws) = &self.draws {
            add("mixing", draws.check());
        }
        if let Some(teacher) = &self.teacher {
            let count = teacher.classes();
            if count != classes {
                add("teacher", Err(format!("it knows {count} labels, the data has {classes}")));
            }
            if !self.task.is_teachable() {
                add("teacher", Err("this task learns from none; leave it out".to_owned()));
            }
        }
        let contrasts = |phase: &&Phase| phase.loss == PhaseLoss::Contrastive;
        if let Some(phase) = self.plan.phases.iter().find(contrasts) {
            add(&format!("phase `{}`", phase.name), self.can_contrast(samples));
        }
        if problems.is_empty() { Ok(()) } else { Err(Error::Settings(problems)) }
    }

    /// Whether embeddings can be learned from pairs of these samples.
    fn can_contrast(&self, samples: &Labelled<P, T>) -> Result<(), String> {
        let mut labels = samples.iter().map(|sample| &sample.label);
        let wrong = match labels.next() {
            Some(label) if T::are_alike(label, label).is_none() => {
                "what is learned is no label that embeddings could have in common"
            }
            Some(first) if labels.all(|label| label == first) => {
                "all samples have one label, so that none can be set apart"
            }
            _ if self.batch < 2 => "a batch of one has no pairs",
            _ if weigh_differently(samples) => "samples weigh differently, which pairs do not know",
            _ if self.draws.as_ref().is_some_and(|draws| !draws.is_none()) => {
                "samples are mixed, so that none is of one label"
            }
            _ if self.teacher.is_some() => "a teacher has answers, and no pairs",
            _ => return Ok(()),
        };
        Err(format!("its loss is contrastive, but {wrong}; give it the loss of the task"))
    }

    pub(crate) fn learn(&self) -> Learn<T, Forward<B>> {
        Learn { task: self.task.clone(), forward: Partial::outputs }
    }

    pub(crate) fn optimizer(&self, phase: usize) -> OptimizerConfig {
        self.plan.phases.get(phase).map(|phase| phase.optimizer).unwrap_or_default()
    }

    pub(crate) fn fit(&self, phase: &Phase, network: &Classifier<B>) -> Result<Fit, Error> {
        Ok(Fit {
            phase: phase.name.clone(),
            epochs: phase.epochs,
            rates: Rates { base: phase.lr, groups: network.rates(phase)? },
            schedule: phase.schedule,
            settings: FitConfig { seed: self.seed, ..self.settings.clone() },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_saves_every_further_look_at_an_item() {
        let report = |found, computed, an_epoch| CacheReport {
            phase: "upper".to_owned(),
            off: None,
            cut: 3,
            found,
            computed,
            an_epoch,
            filling: Duration::from_secs(10),
            rebuilt: None,
        };
        for (report, epochs, saved) in [
            // Ten items, once an epoch; or eight of them four times, and two that are validated on once.
            (report(0, 10, 10), 5, 40),
            (report(0, 10, 8 * 4 + 2), 5, 160),
            (report(5, 5, 10), 5, 90),
            (report(0, 10, 10), 0, 0),
            (report(10, 0, 10), 5, 0),
        ] {
            let line = report.line(epochs).unwrap();
            assert!(line.contains(&format!("saved about {saved} s over")), "{saved}: {line}");
        }
    }
}
