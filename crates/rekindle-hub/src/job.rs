//! What is to be had: which files of which commit, and which bytes they must be.

use rekindle_cards::{Card, Pin};

use crate::{
    Error, Files, Hub, NetworkAccess,
    hub::{FETCH, IMPORT},
    layout::{MAIN, check_path, check_repository},
    ledger::{Ledger, Record},
};

/// What every checkpoint is described by.
pub(crate) const CONFIG: &str = "config.json";

/// Weights in one file.
pub(crate) const WEIGHTS: &str = "model.safetensors";

/// Weights in several files: which tensor is in which.
pub(crate) const INDEX: &str = "model.safetensors.index.json";

/// Weights as PyTorch pickles them, which are read without running them.
pub(crate) const PICKLE: &str = "pytorch_model.bin";

/// What weights are called in a repository, best first.
pub(crate) const KINDS_OF_WEIGHTS: [&str; 3] = [WEIGHTS, INDEX, PICKLE];

/// Something that is to be located or fetched.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) repository: String,
    /// What was asked for.
    pub(crate) revision: String,
    /// The commit that a pin or an earlier use ties the revision to.
    pub(crate) commit: Option<String>,
    pub(crate) selection: Selection,
    /// What to do where files are missing or damaged.
    pub(crate) remedy: String,
    pins: Vec<Pin>,
    records: Vec<Record>,
}

/// Which files.
#[derive(Debug, Clone)]
pub(crate) enum Selection {
    Named(Vec<String>),
    /// The config, the weights, of whichever kind there is, and these besides.
    Checkpoint(Vec<String>),
}

/// The bytes that a file must be, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expected<'a> {
    pub(crate) bytes: u64,
    pub(crate) sha256: &'a str,
    pub(crate) by: Witness,
}

/// Who says what the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Witness {
    Pin,
    Record,
}

impl Job {
    pub(crate) fn of_card(hub: &Hub, card: &Card) -> Result<Self, Error> {
        let name = card.name();
        let Some(repository) = &card.repository else {
            return Err(Error::NoRepository { card: name });
        };
        let remedy = match hub.settings.network {
            NetworkAccess::Online => format!("run `{FETCH} {name}`"),
            NetworkAccess::Offline => format!(
                "HF_HUB_OFFLINE is set: unset it and run `{FETCH} {name}`, or take the files from another \
                 machine with `{IMPORT} {name} FOLDER`"
            ),
        };
        let pins: Vec<&Pin> = hub.settings.pins.iter().filter(|pin| pin.card == name).collect();
        let Some(pin) = pins.first() else {
            return Self::new(
                hub,
                repository,
                MAIN,
                Selection::Checkpoint(card.files.clone()),
                remedy,
            );
        };
        let mut names = vec![CONFIG.to_owned()];
        for name in pins.iter().map(|pin| &pin.file).chain(&card.files) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        Self::new(hub, &pin.repository, &pin.commit, Selection::Named(names), remedy)
    }

    pub(crate) fn of_files(hub: &Hub, files: &Files<'_>) -> Result<Self, Error> {
        let Files { repository, revision, names } = *files;
        let remedy = match hub.settings.network {
            NetworkAccess::Online => "fetch them with a network",
            NetworkAccess::Offline => "HF_HUB_OFFLINE is set: unset it and fetch them",
        };
        // No names are those of a checkpoint, whichever it has.
        let selection = match names {
            [] => Selection::Checkpoint(Vec::new()),
            names => Selection::Named(names.iter().map(|name| (*name).to_owned()).collect()),
        };
        Self::new(hub, repository, revision, selection, remedy.to_owned())
    }

    fn new(
        hub: &Hub,
        repository: &str,
        revision: &str,
        selection: Selection,
        remedy: String,
    ) -> Result<Self, Error> {
        check_repository(repository)?;
        check_path("revision", revision)?;
        let (Selection::Named(names) | Selection::Checkpoint(names)) = &selection;
        names.iter().try_for_each(|name| check_path("file", name))?;
        let ledger = Ledger::read(&hub.layout.ledger())?;
        let records: Vec<Record> = ledger.of(repository, revision).cloned().collect();
        let pins = hub.settings.pins.iter().filter(|pin| pin.repository == repository);
        let commit = match crate::layout::is_commit(revision) {
            true => Some(revision.to_owned()),
            false => records.first().map(|record| record.commit.clone()),
        };
        Ok(Self {
            repository: repository.to_owned(),
            revision: revision.to_owned(),
            commit,
            selection,
            remedy,
            pins: pins.cloned().collect(),
            records,
        })
    }

    /// What a file of a commit must be, if a pin or an earlier use says.
    pub(crate) fn expected(&self, commit: &str, file: &str) -> Option<Expected<'_>> {
        Expected::of(self.pins.iter(), self.records.iter(), commit, file)
    }
}

impl<'a> Expected<'a> {
    /// What a file of a commit must be: a pin counts more than an earlier use. All are of the file's repository.
    pub(crate) fn of(
        pins: impl Iterator<Item = &'a Pin>,
        mut records: impl Iterator<Item = &'a Record>,
        commit: &str,
        file: &str,
    ) -> Option<Self> {
        let pin = pins.filter(|pin| pin.commit == commit).find_map(|pin| {
            let (_, bytes, sha256) = pin.digests().find(|(name, ..)| *name == file)?;
            Some(Self { bytes, sha256, by: Witness::Pin })
        });
        pin.or_else(|| {
            let found = records.find(|it| it.commit == commit && it.file == file)?;
            Some(Self { bytes: found.bytes, sha256: &found.sha256, by: Witness::Record })
        })
    }
}
