//! Fine-tuning: what the engine of [`rekindle_finetune`] is given for a kind of input.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rekindle_data::{Sample, Views, canonical};
use rekindle_finetune::{CacheReport, Items, Sets, Trainee};
use rekindle_metrics::Values;
use rekindle_train::{Callback, Classify, End, Epoch, RateRange, Sweep, Train, Validation};
use rekindle_transfer::{Plan, Recipe};
use serde_json::json;

use crate::{
    Error, Learned, ModelOf, ModelTask,
    modality::{ItemOf, Modality, NetworkOf, SetOf},
    model::metadata,
    pictures::Pictures,
};

pub use rekindle_finetune::Start;

/// How the engine fine-tunes a network of a kind of input.
pub type Engine<T, M = Pictures> =
    rekindle_finetune::EngineConfig<<M as Modality>::Backbone, <M as Modality>::Prepare, T>;

/// How to fine-tune.
#[derive(Debug, Clone)]
pub struct FinetuneConfig<T: ModelTask = Classify, M: Modality = Pictures> {
    /// Phases, the task, and all else that is the same for any input.
    pub engine: Engine<T, M>,
    /// How training items become inputs: of pictures what is drawn for them, and where decoded ones are kept.
    pub inputs: M::Options,
}

/// Where a run leaves what comes of it.
#[derive(Debug, Clone, Copy)]
pub struct RunFolder<'a> {
    /// It gets `best.safetensors`, `last.state`, `log.jsonl`, `log.csv` and TensorBoard's events.
    pub path: &'a Path,
    /// Whether what an interrupted run left there is gone on from.
    pub start: Start,
    /// The least time between two states on disk.
    pub interval: Duration,
}

/// What came out of fine-tuning.
#[derive(Debug)]
pub struct Outcome<T: ModelTask = Classify, M: Modality = Pictures> {
    /// The best epoch's model, in validation.
    pub model: ModelOf<M>,
    /// What its outputs mean, as it was fitted and calibrated.
    pub task: T,
    /// The best epoch; number 0 is the head that was solved for, before any step.
    pub best: Epoch,
    /// All epochs.
    pub history: Vec<Epoch>,
    /// What the best model predicts on the validation data, in its order.
    pub predictions: T::Scores,
    /// The same measured before the task was calibrated.
    pub uncalibrated: Values,
    /// Where the best model was saved, if it was.
    pub weights: Option<PathBuf>,
    /// How the last phase ended.
    pub end: End,
    /// What was kept of frozen stages, a row a phase.
    pub cache: Vec<CacheReport>,
    /// From the first step to the last, of this part of the run.
    pub duration: Duration,
}

/// A model whose head was solved for, not trained.
#[derive(Debug)]
pub struct Probed<T: ModelTask = Classify, M: Modality = Pictures> {
    /// The model, in validation.
    pub model: ModelOf<M>,
    /// What its outputs mean.
    pub task: T,
    /// The strength that did best on parts of the training items.
    pub strength: f64,
    /// What it predicts on the validation data.
    pub predictions: T::Scores,
    /// What was kept of the features.
    pub cache: CacheReport,
    /// All of it.
    pub seconds: f64,
}

/// Items to train on and to validate on.
pub type PartsOf<M, T> = (
    Train<Vec<Sample<<T as rekindle_train::Task>::Label, ItemOf<M>>>>,
    Validation<Vec<Sample<<T as rekindle_train::Task>::Label, ItemOf<M>>>>,
);

/// Pictures to train on and to validate on.
pub type PictureParts<T> = PartsOf<Pictures, T>;

impl<'a> RunFolder<'a> {
    /// A run from its beginning, with a state every ten seconds.
    pub fn new(path: &'a Path) -> Self {
        Self { path, start: Start::Fresh, interval: Duration::from_secs(10) }
    }

    /// Removes the state of an older run, where there is one: nothing goes on from it then.
    ///
    /// # Errors
    ///
    /// If it is there and cannot be removed.
    pub fn remove_state(&self) -> Result<(), Error> {
        Ok(rekindle_finetune::remove_state(self.path)?)
    }

    /// The same for the engine: models get their config and plan, TensorBoard shows items.
    fn of<M: Modality, T: ModelTask>(
        &self,
        model: &ModelOf<M>,
        plan: &Plan,
    ) -> Result<rekindle_finetune::EngineFolder<'a, M::Prepare, T>, Error> {
        let (config, names, plan) = (model.config().clone(), model.names(), plan.clone());
        let modality = model.modality().clone();
        Ok(rekindle_finetune::EngineFolder {
            start: self.start,
            interval: self.interval,
            sheet: modality.sheet(&config)?,
            describe: Arc::new(move |task: &T, probe| {
                let config = task.to_config(&names, config.clone());
                Ok(metadata(&modality, &config, Some(&plan), probe)?)
            }),
            ..rekindle_finetune::EngineFolder::new(self.path)
        })
    }
}

impl<T: ModelTask> FinetuneConfig<T> {
    /// A plan for a task on pictures as they are, with everything else as it is usual.
    pub fn new(plan: Plan, task: T) -> Self {
        Self::of(plan, task)
    }
}

impl<T: ModelTask, M: Modality> FinetuneConfig<T, M> {
    /// A plan for a task on items as they are, with everything else as it is usual.
    pub fn of(plan: Plan, task: T) -> Self {
        Self { engine: Engine::<T, M>::new(plan, task), inputs: M::Options::default() }
    }

    /// The same for a model that begins from nothing: its head is drawn, not solved for, and there are no weights to measure a
    /// probe of.
    #[must_use]
    pub fn from_nothing(self) -> Self {
        Self { engine: self.engine.from_nothing(), ..self }
    }

    /// The views that suit a plan: one where all of the backbone is frozen, since what it makes of an item is then computed
    /// once; else other ones in every epoch.
    pub fn usual_views(plan: &Plan) -> Views {
        if plan.is_head_only() { Views::Cycled(NonZeroUsize::MIN) } else { Views::Fresh }
    }

    fn items(
        &self,
        model: &ModelOf<M>,
        (Train(train), Validation(val)): PartsOf<M, T>,
    ) -> Result<Sets<M::Prepare, T>, Error> {
        let all: Vec<&ItemOf<M>> = train.iter().chain(&val).map(|sample| &sample.item).collect();
        M::check(&self.inputs, &all)?;
        let items = |samples, options: &M::Options| -> Result<_, Error> {
            Ok(Items { samples, prepare: model.modality().prepare(model.config(), options)? })
        };
        let plain = M::plain(&self.inputs);
        Ok((Train(items(train, &self.inputs)?), Validation(items(val, &plain)?)))
    }
}

/// The network, and what its outputs depend on besides its weights.
fn trainee<M: Modality>(model: ModelOf<M>) -> Trainee<M::Backbone> {
    let identity = canonical(&json!([model.config().architecture, model.names()]));
    Trainee::new(model.into_network(), identity)
}

/// Fine-tunes a model, and restores the best epoch whether or not the run stopped early.
///
/// The model must have been built for the task.
///
/// # Errors
///
/// If the plan cannot be carried out, an item cannot be read, the loss is NaN, the run's folder cannot be
/// written, or holds the state of another run.
pub fn finetune<M: Modality, T: ModelTask>(
    model: ModelOf<M>,
    data: PartsOf<M, T>,
    config: &FinetuneConfig<T, M>,
    folder: Option<&RunFolder<'_>>,
    callbacks: &mut [&mut dyn Callback<NetworkOf<M>>],
) -> Result<Outcome<T, M>, Error> {
    let items = config.items(&model, data)?;
    let engine = config.engine.clone();
    let folder = folder.map(|folder| folder.of::<M, T>(&model, &engine.plan)).transpose()?;
    let (about, names, modality) =
        (model.config().clone(), model.names(), model.modality().clone());
    let found =
        rekindle_finetune::finetune(trainee(model), items, engine, folder.as_ref(), callbacks)?;
    let about = found.task.to_config(&names, about);
    Ok(Outcome {
        model: ModelOf::of(found.network, about, modality).with_probe(found.probe),
        task: found.task,
        best: found.best,
        history: found.history,
        predictions: found.scores,
        uncalibrated: found.uncalibrated,
        weights: found.weights,
        end: found.end,
        cache: found.cache,
        duration: found.duration,
    })
}

/// Puts the head on a model that is solved for on its embeddings; the backbone stays as it is.
///
/// How strongly it fits is chosen on parts of the training items: the validation items choose nothing.
///
/// # Errors
///
/// If an item cannot be read, the features cannot be kept, or items weigh differently.
pub fn probe<M: Modality, T: ModelTask>(
    model: ModelOf<M>,
    data: PartsOf<M, T>,
    config: &FinetuneConfig<T, M>,
    folder: Option<&RunFolder<'_>>,
) -> Result<Probed<T, M>, Error> {
    let config = FinetuneConfig { inputs: M::plain(&config.inputs), engine: config.engine.clone() };
    let items = config.items(&model, data)?;
    let (about, names, modality) =
        (model.config().clone(), model.names(), model.modality().clone());
    let path = folder.map(|folder| folder.path);
    let found = rekindle_finetune::probe(trainee(model), items, config.engine, path)?;
    let about = found.task.to_config(&names, about);
    Ok(Probed {
        model: ModelOf::of(found.network, about, modality),
        task: found.task,
        strength: found.strength,
        predictions: found.scores,
        cache: found.cache,
        seconds: found.seconds,
    })
}

/// Sweeps through learning rates in the first phase of a plan, whose rates count as relative to each other.
///
/// # Errors
///
/// If the plan cannot be carried out, or an item cannot be read.
pub fn find_rate<M: Modality, T: ModelTask>(
    model: ModelOf<M>,
    train: Train<Vec<Sample<T::Label, ItemOf<M>>>>,
    config: &FinetuneConfig<T, M>,
    range: &RateRange,
) -> Result<Sweep, Error> {
    let all: Vec<&ItemOf<M>> = train.0.iter().map(|sample| &sample.item).collect();
    M::check(&config.inputs, &all)?;
    let prepare = model.modality().prepare(model.config(), &config.inputs)?;
    let items = Train(Items { samples: train.0, prepare });
    Ok(rekindle_finetune::find_rate(trainee(model), items, config.engine.clone(), range)?)
}

impl<M: Modality> ModelOf<M> {
    /// Fine-tunes by a recipe on items that were opened, with everything else as it is usual: pictures are drawn
    /// anew for every epoch as [`Augment::usual`](rekindle_images::Augment::usual) says.
    ///
    /// Its head is replaced where the data has other labels.
    ///
    /// ```no_run
    /// use rekindle::{
    ///     Device, Model,
    ///     data::{DataConfig, open_pictures},
    ///     transfer::Recipe,
    /// };
    ///
    /// # fn main() -> Result<(), rekindle::Error> {
    /// let model = Model::pretrained("resnet18.a1_in1k", &Device::flex())?;
    /// let pets = open_pictures::<usize>(&DataConfig::new("pets"))?;
    /// let tuned = model.finetune(&pets, &Recipe::named("full", 5, 0.01)?)?;
    /// println!("{:?}", tuned.predict(["cat.jpg"].map(std::path::PathBuf::from))?[0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`finetune`] and [`probe`]; [`Error::Settings`] for a recipe that trains nothing.
    pub fn finetune<L: Learned>(self, data: &SetOf<M, L>, recipe: &Recipe) -> Result<Self, Error> {
        let task = L::Task::of(&data.names);
        let model = self.with_head_for(&task, &data.names);
        let parts = (Train(data.train.clone()), Validation(data.val.clone()));
        match recipe {
            Recipe::Train(plan) => {
                let plan = model.modality().suited(model.network(), plan.clone());
                let views = FinetuneConfig::<L::Task, M>::usual_views(&plan);
                let mut config = FinetuneConfig::<L::Task, M>::of(plan, task);
                config.engine.views = views;
                config.inputs = M::usual(L::KIND);
                Ok(finetune(model, parts, &config, None, &mut [])?.model)
            }
            Recipe::Probe => {
                let config = FinetuneConfig::<L::Task, M>::of(Plan::new(Vec::new()), task);
                Ok(probe(model, parts, &config, None)?.model)
            }
            Recipe::AsIs => {
                let text = "recipe: `as-is` trains nothing; measure the model instead";
                Err(Error::Settings(vec![text.to_owned()]))
            }
        }
    }
}
