//! Fine-tuning on pictures: what the engine of [`rekindle_finetune`] is given for them.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rekindle_data::{Dense, Views, canonical};
use rekindle_finetune::{CacheReport, Items, Sets, Trainee};
use rekindle_images::{
    Augment, DataSet, Picture, PictureConfig, PreparePictures, Preprocess, Sample,
};
use rekindle_metrics::Values;
use rekindle_train::{
    Callback, Classify, End, Epoch, Failure, RateRange, Sweep, Train, Validation,
};
use rekindle_transfer::{Plan, Recipe};
use rekindle_vision::VisionBackbone;
use serde_json::json;

use crate::{Error, Learned, Model, ModelTask, Network, model::metadata};

pub use rekindle_finetune::Start;

/// How the engine fine-tunes a network that reads pictures.
pub type Engine<T> = rekindle_finetune::EngineConfig<VisionBackbone, PreparePictures, T>;

/// How to fine-tune on pictures.
#[derive(Debug, Clone)]
pub struct FinetuneConfig<T: ModelTask = Classify> {
    /// Phases, the task, and all else that is the same for any input.
    pub engine: Engine<T>,
    /// What is drawn for training pictures, and where decoded ones are kept.
    pub pictures: PictureConfig,
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
pub struct Outcome<T: ModelTask = Classify> {
    /// The best epoch's model, in validation.
    pub model: Model,
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
pub struct Probed<T: ModelTask = Classify> {
    /// The model, in validation.
    pub model: Model,
    /// What its outputs mean.
    pub task: T,
    /// The strength that did best on parts of the training pictures.
    pub strength: f64,
    /// What it predicts on the validation data.
    pub predictions: T::Scores,
    /// What was kept of the features.
    pub cache: CacheReport,
    /// All of it.
    pub seconds: f64,
}

/// Pictures to train on and to validate on.
pub type PictureParts<T> = (
    Train<Vec<Sample<<T as rekindle_train::Task>::Label>>>,
    Validation<Vec<Sample<<T as rekindle_train::Task>::Label>>>,
);

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

    /// The same for the engine: models get their config and plan, TensorBoard shows pictures.
    fn of<T: ModelTask>(
        &self,
        model: &Model,
        plan: &Plan,
    ) -> Result<rekindle_finetune::EngineFolder<'a, PreparePictures, T>, Error> {
        let (config, names, plan) = (model.config().clone(), model.names(), plan.clone());
        let preprocess = model.preprocess()?;
        Ok(rekindle_finetune::EngineFolder {
            start: self.start,
            interval: self.interval,
            sheet: Some(Arc::new(move |batch, shown| sheet(batch, &preprocess, shown))),
            describe: Arc::new(move |task: &T, probe| {
                let config = task.to_config(&names, config.clone());
                Ok(metadata(&config, Some(&plan), probe)?)
            }),
            ..rekindle_finetune::EngineFolder::new(self.path)
        })
    }
}

/// The first pictures of a batch as the network sees them, side by side, as a PNG.
fn sheet(batch: &Dense, preprocess: &Preprocess, shown: usize) -> Result<Vec<u8>, Failure> {
    let width = batch.shape[1..].iter().product::<usize>().max(1);
    let inputs = batch.values.chunks_exact(width).take(shown);
    let pictures: Vec<Picture> = inputs.map(|input| preprocess.restore(input)).collect();
    Ok(Picture::sheet(&pictures, 4).to_png()?)
}

impl<T: ModelTask> FinetuneConfig<T> {
    /// A plan for a task on pictures as they are, with everything else as it is usual.
    pub fn new(plan: Plan, task: T) -> Self {
        Self { engine: Engine::new(plan, task), pictures: PictureConfig::default() }
    }

    /// The views that suit a plan: one where all of the backbone is frozen, since what it makes of a picture is then computed
    /// once; else other ones in every epoch.
    pub fn usual_views(plan: &Plan) -> Views {
        if plan.is_head_only() { Views::Cycled(NonZeroUsize::MIN) } else { Views::Fresh }
    }

    /// Looks whether decoded pictures that earlier runs kept are those of their files.
    fn check_disk<'a>(
        &self,
        samples: impl Iterator<Item = &'a Sample<T::Label>>,
    ) -> Result<(), Error> {
        if let Some(disk) = &self.pictures.disk {
            disk.check(samples.filter_map(|sample| sample.path()))?;
        }
        Ok(())
    }

    fn items(
        &self,
        model: &Model,
        (Train(train), Validation(val)): PictureParts<T>,
    ) -> Result<Sets<PreparePictures, T>, Error> {
        let preprocess = model.preprocess()?;
        self.check_disk(train.iter().chain(&val))?;
        let plain = PictureConfig { augment: Augment::NONE, ..self.pictures.clone() };
        let items = |samples, pictures: &PictureConfig| -> Result<_, Error> {
            Ok(Items { samples, prepare: PreparePictures::new(&preprocess, pictures)? })
        };
        Ok((Train(items(train, &self.pictures)?), Validation(items(val, &plain)?)))
    }
}

/// The network, and what its outputs depend on besides its weights.
fn trainee(model: Model) -> Trainee<VisionBackbone> {
    let identity = canonical(&json!([model.config().architecture, model.names()]));
    Trainee::new(model.into_network(), identity)
}

/// Fine-tunes a model, and restores the best epoch whether or not the run stopped early.
///
/// The model must have been built for the task.
///
/// # Errors
///
/// If the plan cannot be carried out, a picture cannot be read, the loss is NaN, the run's folder cannot be
/// written, or holds the state of another run.
pub fn finetune<T: ModelTask>(
    model: Model,
    data: PictureParts<T>,
    config: &FinetuneConfig<T>,
    folder: Option<&RunFolder<'_>>,
    callbacks: &mut [&mut dyn Callback<Network>],
) -> Result<Outcome<T>, Error> {
    let items = config.items(&model, data)?;
    let engine = config.engine.clone();
    let folder = folder.map(|folder| folder.of::<T>(&model, &engine.plan)).transpose()?;
    let (about, names) = (model.config().clone(), model.names());
    let found =
        rekindle_finetune::finetune(trainee(model), items, engine, folder.as_ref(), callbacks)?;
    let about = found.task.to_config(&names, about);
    Ok(Outcome {
        model: Model::new(found.network, about).with_probe(found.probe),
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
/// How strongly it fits is chosen on parts of the training pictures: the validation pictures choose nothing.
///
/// # Errors
///
/// If a picture cannot be read, the features cannot be kept, or pictures weigh differently.
pub fn probe<T: ModelTask>(
    model: Model,
    data: PictureParts<T>,
    config: &FinetuneConfig<T>,
    folder: Option<&RunFolder<'_>>,
) -> Result<Probed<T>, Error> {
    let config = FinetuneConfig {
        pictures: PictureConfig { augment: Augment::NONE, ..config.pictures.clone() },
        engine: config.engine.clone(),
    };
    let items = config.items(&model, data)?;
    let (about, names) = (model.config().clone(), model.names());
    let path = folder.map(|folder| folder.path);
    let found = rekindle_finetune::probe(trainee(model), items, config.engine, path)?;
    let about = found.task.to_config(&names, about);
    Ok(Probed {
        model: Model::new(found.network, about),
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
/// If the plan cannot be carried out, or a picture cannot be read.
pub fn find_rate<T: ModelTask>(
    model: Model,
    train: Train<Vec<Sample<T::Label>>>,
    config: &FinetuneConfig<T>,
    range: &RateRange,
) -> Result<Sweep, Error> {
    config.check_disk(train.0.iter())?;
    let prepare = PreparePictures::new(&model.preprocess()?, &config.pictures)?;
    let items = Train(Items { samples: train.0, prepare });
    Ok(rekindle_finetune::find_rate(trainee(model), items, config.engine.clone(), range)?)
}

impl Model {
    /// Fine-tunes by a recipe on pictures that were opened, with everything else as it is usual: pictures are drawn
    /// anew for every epoch as [`Augment::usual`] says.
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
    pub fn finetune<L: Learned>(self, data: &DataSet<L>, recipe: &Recipe) -> Result<Self, Error> {
        let task = L::Task::of(&data.names);
        let model = self.with_head_for(&task, &data.names);
        let parts = (Train(data.train.clone()), Validation(data.val.clone()));
        match recipe {
            Recipe::Train(plan) => {
                let mut config = FinetuneConfig::new(plan.clone(), task);
                config.engine.views = FinetuneConfig::<L::Task>::usual_views(plan);
                config.pictures.augment = Augment::usual(L::KIND);
                Ok(finetune(model, parts, &config, None, &mut [])?.model)
            }
            Recipe::Probe => {
                let config = FinetuneConfig::new(Plan::new(Vec::new()), task);
                Ok(probe(model, parts, &config, None)?.model)
            }
            Recipe::AsIs => {
                let text = "recipe: `as-is` trains nothing; measure the model instead";
                Err(Error::Settings(vec![text.to_owned()]))
            }
        }
    }
}
