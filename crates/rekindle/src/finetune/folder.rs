//! The folder of a run: its best model, its state, its logs.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use burn::module::Module;
use rekindle_cards::HubConfig;
use rekindle_checkpoint::{CheckpointFile, HeadPolicy, load};
use rekindle_data::Sample;
use rekindle_train::{
    Callback, Checkpoints, Failure, Histograms, Keep, Log, LogFormat, SavedState, State,
    TensorBoard,
};
use sha2::{Digest, Sha256};

use super::{Data, Finetune};
use crate::{Error, Model, Network, digest::digest, model::naming};

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
    listeners: Vec<Box<dyn Callback<Network>>>,
}

impl<'a> RunFolder<'a> {
    /// A run from its beginning, with a state every ten seconds.
    pub fn new(path: &'a Path) -> Self {
        Self { path, start: Start::Fresh, interval: Duration::from_secs(10) }
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
        let save: Save = Box::new(move |network, path| {
            let model = Model { network: network.clone(), config: shell.clone() };
            Ok(model.save(path, Some(&plan))?)
        });
        Ok(OpenRun {
            path: self.path.to_owned(),
            start: self.start,
            checkpoints: Checkpoints::new(keep, save),
            listeners: Vec::new(),
        })
    }
}

impl OpenRun {
    /// The state to go on from, which is the one given where none was left; and logs that end with it.
    pub(super) fn resume(
        &mut self,
        config: &Finetune,
        state: State<Network>,
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
                saved.restore(state.model, &optimizer, config.ema)?
            }
        };
        if self.start == Start::Fresh {
            // An older run's state must not be gone on from by a later command.
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::Write { path, source: error });
                }
                _ => {}
            }
        }
        // What is restored trains on the device of the model it was put in.
        state.model = state.model.train();
        let log = |name: &str, format| {
            Log::create(&self.path.join(name), format, &state.history)
                .map(|log| Box::new(log) as Box<dyn Callback<Network>>)
        };
        let board =
            TensorBoard::create(&self.path.join("tensorboard"), &state.history, Histograms::None)?;
        self.listeners = vec![
            log("log.jsonl", LogFormat::Json)?,
            log("log.csv", LogFormat::Csv)?,
            Box::new(board),
        ];
        Ok(state)
    }

    pub(super) fn callbacks(&mut self) -> impl Iterator<Item = &mut dyn Callback<Network>> {
        let listeners = self.listeners.iter_mut().map(|listener| &mut **listener as _);
        std::iter::once(&mut self.checkpoints as _).chain(listeners)
    }

    pub(super) fn finish(&mut self, state: &State<Network>) -> Result<(), Error> {
        self.checkpoints
            .flush(state)
            .map_err(|source| rekindle_train::Error::Listener(source).into())
    }

    /// The best model as it was written before this part of the run.
    pub(super) fn best(&self, like: &Network) -> Result<Network, Error> {
        let file = CheckpointFile::open(&self.weights())?;
        let (network, _) =
            load(like.valid(), &file, &naming(like.backbone()), HeadPolicy::Required)?;
        Ok(network)
    }

    pub(super) fn weights(&self) -> PathBuf {
        self.checkpoints.keep().best()
    }
}

/// Everything that a run's result depends on, a line each.
fn note(config: &Finetune, data: &Data, network: &Network, about: &HubConfig) -> String {
    let Finetune {
        plan,
        batch,
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
        ("preprocessing", text(&about.preprocessing)),
        ("training pictures", samples(data.train.samples())),
        ("validation pictures", samples(data.val.samples())),
        ("starting weights", digest(&network.valid(), |_| true)),
    ]);
    serde_json::to_string(&entries).unwrap_or_default()
}

/// Names and labels of samples, as a digest.
fn samples(samples: &[Sample]) -> String {
    let mut hash = Sha256::new();
    for sample in samples {
        let name = sample.path().and_then(Path::file_name).unwrap_or_default();
        hash.update(name.as_encoded_bytes());
        hash.update(sample.label.to_le_bytes());
    }
    format!("{} of digest {:x}", samples.len(), hash.finalize())
}

/// Refuses to go on with anything that differs, and lists all of it.
fn same_run(path: &Path, saved: &str, asked: &str) -> Result<(), Error> {
    type Entries = BTreeMap<String, String>;
    let [saved, asked] =
        [saved, asked].map(|note| serde_json::from_str::<Entries>(note).unwrap_or_default());
    let differs = asked.iter().filter(|(name, value)| saved.get(*name) != Some(value));
    let names: Vec<String> = differs.map(|(name, _)| name.clone()).collect();
    if names.is_empty() {
        Ok(())
    } else {
        Err(Error::OtherRun { path: path.to_owned(), differs: names })
    }
}
