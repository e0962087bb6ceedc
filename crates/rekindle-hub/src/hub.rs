//! The hub: its settings, its cache, and what was trusted.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use crate::{
    Client, Error, HubSettings, RepositoryInfo,
    hashed::Hashed,
    layout::Layout,
    ledger::{Ledger, Record},
    lock::Patience,
    trusted::Trusted,
    watch::unwatched,
};

/// The command that fetches a card's weights; an error gives it with the card's name.
pub const FETCH: &str = "rekindle fetch";

/// The command that puts a file obtained elsewhere into the cache; an error gives it with the card's name.
pub const IMPORT: &str = "rekindle cache import";

/// Weights of cards, in the cache that is shared with Python's huggingface_hub.
#[derive(Debug)]
pub struct Hub {
    pub(crate) settings: HubSettings,
    pub(crate) layout: Layout,
    pub(crate) trusted: Trusted,
    pub(crate) hashed: Hashed,
    client: OnceLock<Client>,
}

/// Files that are in the cache, each of the right bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The snapshot: the folder that holds `config.json` and the weights.
    pub folder: PathBuf,
    /// The repository on the Hub.
    pub repository: String,
    /// The commit that the snapshot is of.
    pub commit: String,
    /// The files that were asked for.
    pub files: Vec<LocatedFile>,
    /// Why the weights are believed: that of the least trusted one. Of all files, where none are weights.
    pub trust: Trust,
    /// Bytes that were downloaded for it; zero where all was in the cache.
    pub downloaded: u64,
}

/// One file in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatedFile {
    /// The file within the repository.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256, in lower case.
    pub sha256: String,
    /// Why it is believed.
    pub trust: Trust,
}

/// Why bytes are believed to be the right ones, from the best reason to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// They are what the card's pin says.
    Pinned,
    /// They are what they were when they were first used on this machine.
    Recorded,
    /// They were used for the first time, and are recorded from now on.
    FirstUse,
    /// They were used, but nothing can be recorded, for neither the cache nor a folder of the user's own can be written by
    /// its user and by nobody else: nothing would notice if they were others next time.
    Unrecorded,
}

/// Files of any repository, for [`Hub::fetch_files`].
#[derive(Debug, Clone, Copy)]
pub struct Files<'a> {
    /// The repository on the Hub: `timm/resnet18.a1_in1k`.
    pub repository: &'a str,
    /// A branch, a tag or a commit. A branch stays at the commit that was first used.
    pub revision: &'a str,
    /// The files within the repository; none are config and weights, whichever kind it has: `model.safetensors`, in
    /// one file or with an index, else `pytorch_model.bin`.
    pub names: &'a [&'a str],
}

impl Hub {
    /// A hub as the environment says; see [`HubSettings::from_env`]. Opens no socket and no file of the cache.
    ///
    /// # Errors
    ///
    /// As [`HubSettings::from_env`].
    pub fn from_env() -> Result<Self, Error> {
        Ok(Self::new(HubSettings::from_env()?))
    }

    /// A hub as the settings say.
    #[must_use]
    pub fn new(settings: HubSettings) -> Self {
        let layout = Layout { cache: settings.cache.clone() };
        let trusted = Trusted::new(&layout, settings.state.as_deref());
        let hashed = Hashed::new(trusted.hashed(), settings.hashing);
        Self { settings, layout, trusted, hashed, client: OnceLock::new() }
    }

    /// The folder of repositories.
    #[must_use]
    pub fn cache(&self) -> &Path {
        &self.settings.cache
    }

    /// Where what was trusted on first use is recorded: in the cache, or, where others may write there, in a folder of
    /// the user's own. The cache's own place where there is neither, and nothing is recorded.
    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        self.trusted.ledger().unwrap_or_else(|| self.trusted.in_cache())
    }

    /// How long one waits for others that are at work on the cache.
    pub(crate) fn patience(&self) -> Patience {
        Patience::of(self.settings.stall)
    }

    /// What the Hub has at a revision right now; nothing is recorded.
    ///
    /// # Errors
    ///
    /// As [`Client::repository`].
    pub fn repository(&self, repository: &str, revision: &str) -> Result<RepositoryInfo, Error> {
        self.client()?.repository(repository, revision, &unwatched)
    }

    /// What was trusted on first use, in the order of first uses.
    ///
    /// # Errors
    ///
    /// [`Error::Layout`] or [`Error::Io`] where the record cannot be read.
    pub fn records(&self) -> Result<Vec<Record>, Error> {
        Ok(Ledger::read(self.trusted.ledger().as_deref())?.records)
    }

    /// Forgets what was trusted of a repository, so that its next use is a first one; says how many files.
    ///
    /// # Errors
    ///
    /// [`Error::Layout`] or [`Error::Io`] where the record cannot be read or written.
    pub fn remove_trust(&self, repository: &str) -> Result<usize, Error> {
        match self.trusted.ledger() {
            Some(ledger) => Ledger::remove(&ledger, repository, self.patience()),
            None => Ok(0),
        }
    }

    /// Requests of other kinds, on behalf of the same token.
    ///
    /// # Errors
    ///
    /// As [`Client::new`].
    pub fn client(&self) -> Result<&Client, Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::new(&self.settings)?;
        Ok(self.client.get_or_init(|| client))
    }
}
