//! What is to be had: which files of which commit, and which bytes they must be.

use rekindle_cards::{Card, LicensePolicy, Pin};

use crate::{
    Error, Files, Hub, NetworkAccess,
    hub::{FETCH, IMPORT},
    ledger::{Ledger, Record},
    licensing::Licensing,
    names::{MAIN, check_path, check_repository, is_commit},
};

/// What every checkpoint is described by.
pub(crate) const CONFIG: &str = "config.json";

/// Weights in one file.
pub(crate) const WEIGHTS: &str = "model.safetensors";

/// Weights in several files: which tensor is in which.
pub(crate) const INDEX: &str = "model.safetensors.index.json";

/// Weights as PyTorch pickles them, which are read without running them.
pub(crate) const PICKLE: &str = "pytorch_model.bin";

/// What PyTorch's files end in.
pub(crate) const PICKLED: [&str; 6] = ["bin", "ckpt", "pt", "pth", "tar", "th"];

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
    /// Under which licenses weights are taken; none where that is not asked.
    pub(crate) licensing: Option<Licensing>,
    /// Who is asked.
    pub(crate) endpoint: String,
    pins: Vec<Pin>,
    /// All of the repository, whichever revision and endpoint they are of.
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
    pub(crate) by: Witness<'a>,
}

/// Who says what the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Witness<'a> {
    Pin,
    Record(&'a Record),
}

impl Witness<'_> {
    /// In words, for an error.
    pub(crate) fn described(self) -> String {
        match self {
            Self::Pin => "the card's pin".to_owned(),
            Self::Record(Record { day, .. }) if day.is_empty() => {
                "its first use on this machine".to_owned()
            }
            Self::Record(Record { day, endpoint, .. }) if endpoint.is_empty() => {
                format!("its first use on this machine, on {day}")
            }
            Self::Record(Record { day, endpoint, .. }) => {
                format!("its first use on this machine, on {day} from {endpoint}")
            }
        }
    }
}

impl Job {
    /// A card's weights, under the licenses that the hub's settings accept.
    pub(crate) fn of_card(hub: &Hub, card: &Card) -> Result<Self, Error> {
        Self::of_card_under(hub, card, hub.settings.licenses.policy())
    }

    /// A card's weights, under the licenses of a policy.
    pub(crate) fn of_card_under(
        hub: &Hub,
        card: &Card,
        policy: Option<&LicensePolicy>,
    ) -> Result<Self, Error> {
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
        let licensing = |repository: &str| {
            policy.map(|policy| Licensing::of_card(card, repository, policy)).transpose()
        };
        let pins: Vec<&Pin> = hub.settings.pins.iter().filter(|pin| pin.card == name).collect();
        let Some(pin) = pins.first() else {
            let selection = Selection::Checkpoint(card.files.clone());
            let job = Self::new(hub, repository, MAIN, selection, remedy)?;
            return job.under(licensing(repository)?);
        };
        let mut names = vec![CONFIG.to_owned()];
        for name in pins.iter().map(|pin| &pin.file).chain(&card.files) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        let job = Self::new(hub, &pin.repository, &pin.commit, Selection::Named(names), remedy)?;
        job.under(licensing(&pin.repository)?)
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
        let job = Self::new(hub, repository, revision, selection, remedy.to_owned())?;
        let policy = hub.settings.licenses.policy().filter(|_| job.selection.has_weights());
        let licensing = policy.map(|policy| Licensing::of_repository(repository, policy));
        job.under(licensing.transpose()?)
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
        let ledger = Ledger::read(hub.trusted.ledger().as_deref())?;
        let records: Vec<Record> = ledger.of(repository).cloned().collect();
        let pins = hub.settings.pins.iter().filter(|pin| pin.repository == repository);
        let endpoint = hub.settings.origin();
        let ties = |record: &&Record| record.revision == revision && record.is_from(&endpoint);
        let commit = match is_commit(revision) {
            true => Some(revision.to_owned()),
            false => records.iter().find(ties).map(|record| record.commit.clone()),
        };
        Ok(Self {
            repository: repository.to_owned(),
            revision: revision.to_owned(),
            commit,
            selection,
            remedy,
            licensing: None,
            endpoint,
            pins: pins.cloned().collect(),
            records,
        })
    }

    /// Under which licenses weights are taken, besides what was stated when they were first used.
    fn under(mut self, licensing: Option<Licensing>) -> Result<Self, Error> {
        self.licensing = licensing;
        if let Some(licensing) = &mut self.licensing {
            let pinned = self.pins.iter().filter_map(|pin| pin.license.as_ref());
            let recorded = self.records.iter().flat_map(|record| &record.licenses);
            pinned.chain(recorded).for_each(|license| licensing.add(license));
            // A card's license is known before anybody is asked.
            licensing.check_restrictions(&[])?;
        }
        Ok(self)
    }

    /// What a file of a commit must be, if a pin or an earlier use says.
    pub(crate) fn expected(&self, commit: &str, file: &str) -> Option<Expected<'_>> {
        let records = self.records.iter().filter(|record| record.is_from(&self.endpoint));
        Expected::of(self.pins.iter(), records, commit, file)
    }

    /// The earlier use of a file of which all is known that another endpoint sent it.
    pub(crate) fn elsewhere(&self, commit: &str, file: &str) -> Option<&Record> {
        match self.expected(commit, file) {
            Some(_) => None,
            None => {
                self.records.iter().find(|record| record.commit == commit && record.file == file)
            }
        }
    }

    /// Whether an earlier use ties the revision to this commit's file already.
    pub(crate) fn is_recorded(&self, commit: &str, file: &str) -> bool {
        let ties = |record: &Record| {
            record.revision == self.revision
                && record.commit == commit
                && record.file == file
                && record.is_from(&self.endpoint)
        };
        is_commit(&self.revision) || self.records.iter().any(ties)
    }
}

impl Selection {
    /// Whether there are weights among the files.
    fn has_weights(&self) -> bool {
        match self {
            Self::Checkpoint(_) => true,
            Self::Named(names) => names.iter().any(|name| {
                let kind = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
                name == INDEX || kind == "safetensors" || PICKLED.contains(&kind.as_str())
            }),
        }
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
            Some(Self { bytes: found.bytes, sha256: &found.sha256, by: Witness::Record(found) })
        })
    }
}
