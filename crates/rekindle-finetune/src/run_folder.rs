//! The folder of a run: its best model, its state, its logs.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use burn::module::Module;
use rekindle_base::{PathError, own_folder};
use rekindle_checkpoint::CheckpointFile;
use rekindle_data::{Prepare, Views, canonical};
use rekindle_layers::Backbone;
use rekindle_train::{
    Callback, Checkpoints, Failure, Histograms, Keep, Log, LogFormat, SavedState, State,
    TensorBoard,
};
use rekindle_transfer::Classifier;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    EngineConfig, Error, FromPrepared, TransferTask,
    data::Data,
    fingerprint::digest,
    weights::{read, write},
};

/// What is written beside weights, from the task as it was fitted and the value of a probe.
pub type Describe<T> =
    dyn Fn(&T, Option<f64>) -> Result<BTreeMap<String, String>, Failure> + Send + Sync;

/// A picture (PNG) of the first items of a batch, at most so many.
pub type Sheet<H> = dyn Fn(&H, usize) -> Result<Vec<u8>, Failure> + Send + Sync;

/// Where a run leaves what comes of it.
#[derive(Clone)]
pub struct EngineFolder<'a, P: Prepare, T> {
    /// It gets `best.safetensors`, `last.state`, `log.jsonl`, `log.csv`, TensorBoard's events, features of frozen stages, and
    /// in `digests.bin` what files held, by size, inode and times of change.
    pub path: &'a Path,
    /// Whether what an interrupted run left there is gone on from.
    pub start: Start,
    /// The least time between two states on disk.
    pub interval: Duration,
    /// What is written beside the weights.
    pub describe: Arc<Describe<T>>,
    /// How a batch is shown in TensorBoard, where it can be.
    pub sheet: Option<Arc<Sheet<P::Batch>>>,
}

impl<P: Prepare, T> fmt::Debug for EngineFolder<'_, P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, start, interval, .. } = self;
        let mut shown = f.debug_struct("RunFolder");
        shown
            .field("path", path)
            .field("start", start)
            .field("interval", interval)
            .finish_non_exhaustive()
    }
}

/// Whether a run begins or goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At its beginning; a state of another run in the folder is overwritten.
    Fresh,
    /// Where a state was left; at the beginning where there is none.
    Resume,
}

type Save<B> = Box<dyn FnMut(&Classifier<B>, &Path) -> Result<(), Failure>>;

/// What a model file of a run says of the run so far.
struct About<T> {
    task: T,
    probe: Option<f64>,
    /// Of everything that the run's result depends on: tells its models from those of other runs.
    run: String,
}

impl<T> About<T> {
    fn metadata(
        &self,
        task: &T,
        describe: &Describe<T>,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let mut metadata = describe(task, self.probe)?;
        metadata.insert(RUN.to_owned(), self.run.clone());
        Ok(metadata)
    }
}

/// The files of a run.
pub(crate) struct OpenRun<B: Backbone, P: Prepare, T: TransferTask> {
    path: PathBuf,
    start: Start,
    checkpoints: Checkpoints<Classifier<B>, Save<B>>,
    logs: Vec<Log>,
    board: Option<TensorBoard>,
    about: Arc<Mutex<About<T>>>,
    describe: Arc<Describe<T>>,
    sheet: Option<Arc<Sheet<P::Batch>>>,
}

impl<'a, P: Prepare, T: TransferTask> EngineFolder<'a, P, T> {
    /// A run from its beginning, with a state every ten seconds, and nothing beside the weights.
    pub fn new(path: &'a Path) -> Self {
        let interval = Duration::from_secs(10);
        let describe = Arc::new(|_: &T, _| Ok(BTreeMap::new()));
        Self { path, start: Start::Fresh, interval, describe, sheet: None }
    }

    pub(crate) fn open<B>(
        &self,
        config: &EngineConfig<B, P, T>,
        data: &Data<P, T>,
        network: &Classifier<B>,
    ) -> Result<OpenRun<B, P, T>, Error>
    where
        B: Backbone<Input: FromPrepared<P::Batch>>,
    {
        std::fs::create_dir_all(self.path).map_err(PathError::of(self.path, "made"))?;
        let keep = Keep {
            folder: self.path.to_owned(),
            extension: "safetensors",
            monitor: config.settings.monitor.clone(),
            every: config.every.map(|every| every.0),
            last: config.every.map_or(0, |every| every.1),
            interval: self.interval,
            note: note(config, data, network)?,
        };
        let run = format!("{:x}", Sha256::digest(&keep.note));
        let about = Arc::new(Mutex::new(About { task: config.task.clone(), probe: None, run }));
        let (known, describe) = (Arc::clone(&about), Arc::clone(&self.describe));
        let save: Save<B> = Box::new(move |network, path| {
            let metadata = {
                let about = known.lock().unwrap_or_else(PoisonError::into_inner);
                about.metadata(&about.task, &*describe)?
            };
            Ok(write(&network.clone().merge(), path, &metadata)?)
        });
        Ok(OpenRun {
            path: self.path.to_owned(),
            start: self.start,
            checkpoints: Checkpoints::new(keep, save),
            logs: Vec::new(),
            board: None,
            about,
            describe: Arc::clone(&self.describe),
            sheet: self.sheet.clone(),
        })
    }
}

/// Removes the state of an older run in a folder, where there is one: nothing goes on from it then.
///
/// # Errors
///
/// If it is there and cannot be removed.
pub fn remove_state(folder: &Path) -> Result<(), Error> {
    let path = folder.join(Keep::STATE);
    match std::fs::remove_file(&path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(PathError::of(&path, "removed")(source).into())
        }
        _ => Ok(()),
    }
}

impl<B, P, T> OpenRun<B, P, T>
where
    B: Backbone<Input: FromPrepared<P::Batch>>,
    P: Prepare,
    T: TransferTask,
{
    /// The state to go on from, which is the one given where none was left; and logs that end with it.
    pub(crate) fn resume(
        &mut self,
        config: &EngineConfig<B, P, T>,
        state: State<Classifier<B>>,
        data: &Data<P, T>,
    ) -> Result<State<Classifier<B>>, Error> {
        let path = self.checkpoints.keep().state();
        let saved = match self.start {
            Start::Resume => SavedState::read(&path)?,
            Start::Fresh => None,
        };
        let mut state = match saved {
            None => state,
            Some(saved) => {
                same_run(&path, &saved.note, &self.checkpoints.keep().note)?;
                let last = saved.history.last().map(|epoch| epoch.phase.clone());
                let phase =
                    config.plan.phases.iter().find(|phase| Some(&phase.name) == last.as_ref());
                let optimizer = phase.map_or_else(|| config.optimizer(0), |phase| phase.optimizer);
                let probe = entries(&saved.note).remove(PROBE);
                if let Some(value) = probe.and_then(|text| text.parse().ok()) {
                    self.note_probe(value);
                }
                let state = saved.restore(state.model, &optimizer, config.ema)?;
                // Found out now rather than after the last epoch.
                self.best(&state.model).map_err(|error| match error {
                    Error::BestLost { .. } => error,
                    error => {
                        let source = Some(Box::new(error));
                        Error::BestLost { path: self.weights(), source }
                    }
                })?;
                state
            }
        };
        if self.start == Start::Fresh {
            // An older run's state must not be gone on from by a later command.
            remove_state(&self.path)?;
        }
        // What is restored trains on the device of the model it was put in.
        state.model = state.model.train();
        let log = |name: &str, format| Log::create(&self.path.join(name), format, &state.history);
        self.logs = vec![log("log.jsonl", LogFormat::Json)?, log("log.csv", LogFormat::Csv)?];
        let folder = self.path.join("tensorboard");
        own_folder(&folder).map_err(PathError::of(&folder, "made"))?;
        let stages = state.model.layout().stages.into_iter().map(|stage| stage.name);
        let groups = std::iter::once("head".to_owned()).chain(stages).collect();
        let mut board =
            TensorBoard::create(&folder, &state.history, Histograms::Trained)?.with_groups(groups);
        if state.history.is_empty() {
            board.text("plan", &format!("```toml\n{}```", config.plan.to_toml()?))?;
            // As many as are shown, and not the batches after them that an epoch would prepare ahead.
            let first = config.plan.phases.first();
            let part = first.map_or_else(|| data.train.clone(), |it| data.train.for_phase(it));
            let loader = &part.loader;
            let mut places = loader.order(0);
            places.truncate(SHOWN.min(config.batch));
            self.board = Some(board);
            self.show("first batch", 1, (places, loader.view_of(0)), loader)?;
        } else {
            self.board = Some(board);
        }
        Ok(state)
    }

    pub(crate) fn callbacks(&mut self) -> impl Iterator<Item = &mut dyn Callback<Classifier<B>>> {
        let logs = self.logs.iter_mut().map(|log| log as _);
        let board = self.board.iter_mut().map(|board| board as _);
        std::iter::once(&mut self.checkpoints as _).chain(logs).chain(board)
    }

    /// What training must beat, where an earlier part of the run measured it.
    pub(crate) fn probe(&self) -> Option<f64> {
        self.about().probe
    }

    fn about(&self) -> MutexGuard<'_, About<T>> {
        self.about.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what training must beat, for the parts of the run to come.
    pub(crate) fn note_probe(&mut self, value: f64) {
        self.about().probe = Some(value);
        let mut entries = entries(&self.checkpoints.keep().note);
        entries.insert(PROBE.to_owned(), value.to_string());
        self.checkpoints.set_note(canonical(&entries));
    }

    /// Writes the best model, where the run ends by an error.
    pub(crate) fn rescue(&mut self) -> Result<Option<(usize, PathBuf)>, Failure> {
        self.checkpoints.rescue()
    }

    /// Shows the items that the best model is most wrong about.
    pub(crate) fn show_wrong(
        &mut self,
        epoch: usize,
        wrong: &[usize],
        data: &Data<P, T>,
    ) -> Result<(), Error> {
        let wrong: Vec<usize> = wrong.iter().copied().take(SHOWN).collect();
        self.show("most wrong", epoch, (wrong, Views::PLAIN), &data.val.loader)
    }

    fn show(
        &mut self,
        name: &str,
        epoch: usize,
        (places, view): (Vec<usize>, u64),
        loader: &rekindle_data::Loader<P>,
    ) -> Result<(), Error> {
        if let (Some(board), Some(sheet)) = (&mut self.board, &self.sheet)
            && let Some(batch) = loader.view(places, view).next()
        {
            let input = batch.map_err(Error::data)?.input;
            board.image(name, epoch, &sheet(&input, SHOWN).map_err(Error::Data)?)?;
        }
        Ok(())
    }

    pub(crate) fn finish(&mut self, state: &State<Classifier<B>>) -> Result<(), Error> {
        self.checkpoints
            .flush(state)
            .map_err(|source| rekindle_train::Error::Listener(source).into())
    }

    /// Writes the best model again, with what was chosen by its answers.
    pub(crate) fn rewrite(&mut self, network: &Classifier<B>, task: &T) -> Result<(), Error> {
        let metadata = self.about().metadata(task, &*self.describe).map_err(Error::Describe)?;
        Ok(write(network, &self.weights(), &metadata)?)
    }

    /// The best model as it was written before this part of the run.
    pub(crate) fn best(&self, like: &Classifier<B>) -> Result<Classifier<B>, Error> {
        let file = CheckpointFile::open(&self.weights())?;
        if file.metadata().get(RUN) != Some(&self.about().run) {
            return Err(Error::BestLost { path: self.weights(), source: None });
        }
        read(like.clone().merge().valid(), &file)
    }

    pub(crate) fn weights(&self) -> PathBuf {
        self.checkpoints.keep().best()
    }
}

/// Items on a sheet for TensorBoard.
const SHOWN: usize = 16;

/// The name of what training must beat, among what a state notes.
const PROBE: &str = "value of a probe";
/// The key beside a model's weights that says which run it is of.
const RUN: &str = "run";

fn entries(note: &str) -> BTreeMap<String, String> {
    serde_json::from_str(note).unwrap_or_default()
}

/// Everything that a run's result depends on, a line each.
fn note<B: Backbone, P: Prepare, T: TransferTask>(
    config: &EngineConfig<B, P, T>,
    data: &Data<P, T>,
    network: &Classifier<B>,
) -> Result<String, Error> {
    let EngineConfig {
        plan,
        task,
        batch,
        views,
        order,
        draws,
        teacher,
        cache,
        ema,
        settings,
        head,
        seed,
        every: _,
        time: _,
        probe: _,
    } = config;
    let (train, val) = (data.train.loader.prepare(), data.val.loader.prepare());
    let entries: BTreeMap<&str, String> = BTreeMap::from([
        ("plan", canonical(plan)),
        ("task", canonical(task)),
        ("batch", batch.to_string()),
        ("precision of features", canonical(&cache.precision)),
        ("network", data.identity.clone()),
        ("preparation", canonical(&json!([train.describe_plain(), val.describe_plain()]))),
        ("augmentation", train.describe_drawn()),
        ("views", canonical(views)),
        ("order of the samples", canonical(order)),
        ("mixing", draws.as_ref().map_or_else(String::new, |draws| draws.describe())),
        ("teacher", teacher.as_ref().map_or_else(String::new, |net| digest(&**net, |_| true))),
        ("average", canonical(ema)),
        ("settings", canonical(settings)),
        ("start of the head", canonical(head)),
        ("seed", seed.to_string()),
        ("training samples", data.train.fingerprint()?),
        ("validation samples", data.val.fingerprint()?),
        ("starting weights", digest(&network.valid(), |_| true)),
    ]);
    Ok(canonical(&entries))
}

/// Refuses to go on with anything that differs, and lists all of it.
fn same_run(path: &Path, saved: &str, asked: &str) -> Result<(), Error> {
    let [saved, asked] = [saved, asked].map(entries);
    let differs = asked.iter().filter(|(name, value)| saved.get(*name) != Some(value));
    let names: Vec<String> = differs.map(|(name, _)| name.clone()).collect();
    if names.is_empty() {
        Ok(())
    } else {
        Err(Error::OtherRun { path: path.to_owned(), differs: names })
    }
}
