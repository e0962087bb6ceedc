//! The folder of a run: its best model, its state, its logs.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use burn::module::Module;
use rekindle_cards::HubConfig;
use rekindle_checkpoint::{CheckpointFile, HeadPolicy, load};
use rekindle_data::{Picture, Preprocess, Views};
use rekindle_metrics::Predictions;
use rekindle_train::{
    Callback, Checkpoints, Failure, Histograms, Keep, Log, LogFormat, SavedState, State,
    TensorBoard,
};

use super::{Data, Finetune};
use crate::{
    Error, Model, Network,
    digest::{digest, digest_samples},
    model::naming,
};

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

/// Whether a run begins or goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At its beginning; a state of another run in the folder is overwritten.
    Fresh,
    /// Where a state was left; at the beginning where there is none.
    Resume,
}

type Save = Box<dyn FnMut(&Network, &Path) -> Result<(), Failure>>;

/// The files of a run.
pub(super) struct OpenRun {
    path: PathBuf,
    start: Start,
    checkpoints: Checkpoints<Network, Save>,
    logs: Vec<Log>,
    board: Option<TensorBoard>,
    /// The accuracy that training must beat, of an earlier part of the run.
    baseline: Arc<OnceLock<f64>>,
}

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
    pub fn forget_state(&self) -> Result<(), Error> {
        let state = self.path.join(Keep::STATE);
        match std::fs::remove_file(&state) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::Write { path: state, source })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn open(
        &self,
        config: &Finetune,
        data: &Data,
        network: &Network,
        about: &HubConfig,
    ) -> Result<OpenRun, Error> {
        std::fs::create_dir_all(self.path)
            .map_err(|source| Error::Write { path: self.path.to_owned(), source })?;
        let keep = Keep {
            folder: self.path.to_owned(),
            extension: "safetensors",
            monitor: config.settings.monitor.clone(),
            every: config.every.map(|every| every.0),
            last: config.every.map_or(0, |every| every.1),
            interval: self.interval,
            note: note(config, data, network, about),
        };
        let (shell, plan) = (about.clone(), config.plan.clone());
        let baseline = Arc::new(OnceLock::new());
        let known = Arc::clone(&baseline);
        let save: Save = Box::new(move |network, path| {
            let (network, config) = (network.clone().merge(), shell.clone());
            let model = Model { network, config, probe: known.get().copied() };
            Ok(model.save(path, Some(&plan))?)
        });
        Ok(OpenRun {
            path: self.path.to_owned(),
            start: self.start,
            checkpoints: Checkpoints::new(keep, save),
            logs: Vec::new(),
            board: None,
            baseline,
        })
    }
}

impl OpenRun {
    /// The state to go on from, which is the one given where none was left; and logs that end with it.
    pub(super) fn resume(
        &mut self,
        config: &Finetune,
        state: State<Network>,
        (data, about): (&Data, &HubConfig),
    ) -> Result<State<Network>, Error> {
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
                let baseline = entries(&saved.note).remove(BASELINE);
                if let Some(accuracy) = baseline.and_then(|text| text.parse().ok()) {
                    self.note_baseline(accuracy);
                }
                let state = saved.restore(state.model, &optimizer, config.ema)?;
                // Found out now rather than after the last epoch.
                self.best(&state.model).map_err(|error| Error::BestLost {
                    path: self.weights(),
                    source: Some(Box::new(error)),
                })?;
                state
            }
        };
        if self.start == Start::Fresh {
            // An older run's state must not be gone on from by a later command.
            RunFolder::new(&self.path).forget_state()?;
        }
        // What is restored trains on the device of the model it was put in.
        state.model = state.model.train();
        let log = |name: &str, format| Log::create(&self.path.join(name), format, &state.history);
        self.logs = vec![log("log.jsonl", LogFormat::Json)?, log("log.csv", LogFormat::Csv)?];
        let folder = self.path.join("tensorboard");
        let stages = state.model.layout().stages.into_iter().map(|stage| stage.name);
        let groups = std::iter::once("head".to_owned()).chain(stages).collect();
        let mut board =
            TensorBoard::create(&folder, &state.history, Histograms::Trained)?.with_groups(groups);
        if state.history.is_empty() {
            board.text("plan", &format!("```toml\n{}```", config.plan.to_toml()?))?;
            // As many as are shown, and not the batches after them that an epoch would prepare ahead.
            let mut places = data.train.order(0);
            places.truncate(SHOWN.min(config.batch));
            let view = data.train.config().view_of(0);
            if let Some(batch) = data.train.view(places, view).next() {
                board.image("first batch", 1, &sheet_of(&batch?, about)?)?;
            }
        }
        self.board = Some(board);
        Ok(state)
    }

    pub(super) fn callbacks(&mut self) -> impl Iterator<Item = &mut dyn Callback<Network>> {
        let logs = self.logs.iter_mut().map(|log| log as _);
        let board = self.board.iter_mut().map(|board| board as _);
        std::iter::once(&mut self.checkpoints as _).chain(logs).chain(board)
    }

    /// What training must beat, where an earlier part of the run measured it.
    pub(super) fn baseline(&self) -> Option<f64> {
        self.baseline.get().copied()
    }

    /// Keeps what training must beat, for the parts of the run to come.
    pub(super) fn note_baseline(&mut self, accuracy: f64) {
        // It is measured once in a run.
        let _ = self.baseline.set(accuracy);
        let mut entries = entries(&self.checkpoints.keep().note);
        entries.insert(BASELINE.to_owned(), accuracy.to_string());
        self.checkpoints.set_note(serde_json::to_string(&entries).unwrap_or_default());
    }

    /// Writes the best model, where the run ends by an error.
    pub(super) fn rescue(&mut self) -> Result<Option<(usize, PathBuf)>, Failure> {
        self.checkpoints.rescue()
    }

    /// Shows the pictures that the best model is most wrong about.
    pub(super) fn show_wrong(
        &mut self,
        epoch: usize,
        about: &HubConfig,
        (predictions, data): (&Predictions, &Data),
    ) -> Result<(), Error> {
        let wrong: Vec<usize> = predictions.most_wrong().into_iter().take(SHOWN).collect();
        if let Some(board) = &mut self.board
            && let Some(batch) = data.val.view(wrong, Views::PLAIN).next()
        {
            board.image("most wrong", epoch, &sheet_of(&batch?, about)?)?;
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, state: &State<Network>) -> Result<(), Error> {
        self.checkpoints
            .flush(state)
            .map_err(|source| rekindle_train::Error::Listener(source).into())
    }

    /// The best model as it was written before this part of the run.
    pub(super) fn best(&self, like: &Network) -> Result<Network, Error> {
        let file = CheckpointFile::open(&self.weights())?;
        let (network, _) = load(
            like.clone().merge().valid(),
            &file,
            &naming(like.backbone()),
            HeadPolicy::Required,
        )?;
        Ok(network)
    }

    pub(super) fn weights(&self) -> PathBuf {
        self.checkpoints.keep().best()
    }
}

/// Pictures on a sheet for TensorBoard.
const SHOWN: usize = 16;

/// The first pictures of a batch as the network sees them, side by side, as a PNG.
fn sheet_of(batch: &rekindle_data::Batch, about: &HubConfig) -> Result<Vec<u8>, Error> {
    let preprocess = Preprocess::new(about.image()?)?;
    let [_, channels, height, width] = batch.shape;
    let inputs = batch.images.chunks_exact(channels * height * width).take(SHOWN);
    let pictures: Vec<Picture> = inputs.map(|input| preprocess.restore(input)).collect();
    Ok(Picture::sheet(&pictures, 4).to_png()?)
}

/// The name of what training must beat, among what a state notes.
const BASELINE: &str = "accuracy of a probe";

fn entries(note: &str) -> BTreeMap<String, String> {
    serde_json::from_str(note).unwrap_or_default()
}

/// Everything that a run's result depends on, a line each.
fn note(config: &Finetune, data: &Data, network: &Network, about: &HubConfig) -> String {
    let Finetune {
        plan,
        batch,
        cache,
        augment,
        views,
        order,
        mix,
        loss,
        teacher,
        ema,
        settings,
        seed,
        ..
    } = config;
    let text = |value: &dyn std::fmt::Debug| format!("{value:?}");
    let entries: BTreeMap<&str, String> = BTreeMap::from([
        ("plan", text(plan)),
        ("batch", text(batch)),
        ("precision of features", text(&cache.precision)),
        ("architecture", data.architecture.clone()),
        ("augmentation", text(augment)),
        ("views", text(views)),
        ("order of the pictures", text(order)),
        ("mixing of pictures", text(mix)),
        ("loss", text(loss)),
        ("teacher", text(&teacher.as_ref().map(|teacher| digest(&**teacher, |_| true)))),
        ("average", text(ema)),
        ("settings", text(settings)),
        ("seed", text(seed)),
        ("labels", text(&about.labels)),
        ("preprocessing", text(&about.input)),
        ("training pictures", digest_samples(data.train.samples())),
        ("validation pictures", digest_samples(data.val.samples())),
        ("starting weights", digest(&network.valid(), |_| true)),
    ]);
    serde_json::to_string(&entries).unwrap_or_default()
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
