//! A server, a cache, a card, and what must hold after every call.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rekindle_cards::{Card, Pin};
use rekindle_hub::{Error, Hub, HubSettings, Located, Token, unwatched};
use rekindle_loopback::{Request, Server, git_sha1, sha256};
use tempfile::TempDir;

pub(crate) const REPOSITORY: &str = "timm/resnet18.a1_in1k";
pub(crate) const CONFIG: &[u8] = b"{\"architecture\": \"resnet18\"}";
pub(crate) const TOKEN: &str = "hf_secret";

/// A server with one repository, and an empty cache.
pub(crate) struct Stage {
    pub(crate) server: Arc<Server>,
    pub(crate) folder: TempDir,
    pub(crate) weights: Vec<u8>,
    pub(crate) commit: String,
    pub(crate) pins: Vec<Pin>,
}

/// Bytes that differ from place to place.
pub(crate) fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..length).map(|_| next()).collect()
}

pub(crate) fn card() -> &'static Card {
    rekindle_cards::find("resnet18.a1_in1k").unwrap()
}

impl Stage {
    pub(crate) fn new() -> Self {
        let weights = bytes(300_007, 1);
        let server = Server::start().unwrap();
        let files: &[(&str, &[u8])] = &[("config.json", CONFIG), ("model.safetensors", &weights)];
        let commit = server.publish(REPOSITORY, files);
        let folder = tempfile::tempdir().unwrap();
        Self { server: Arc::new(server), folder, weights, commit, pins: Vec::new() }
    }

    /// With a pin for the card.
    pub(crate) fn pinned() -> Self {
        let mut stage = Self::new();
        stage.pins = vec![pin(&stage.commit, &stage.weights)];
        stage
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.folder.path().join("hub")
    }

    pub(crate) fn settings(&self) -> HubSettings {
        HubSettings {
            endpoint: self.server.endpoint(),
            token: Token::new(TOKEN),
            // Long enough for a machine that is busy.
            stall: Duration::from_secs(10),
            attempts: 3,
            wait: Duration::from_millis(1),
            longest_wait: Duration::from_millis(20),
            pins: self.pins.clone(),
            ..HubSettings::new(&self.cache()).unwrap()
        }
    }

    pub(crate) fn hub(&self) -> Hub {
        Hub::new(self.settings())
    }

    pub(crate) fn fetch(&self) -> Result<Located, Error> {
        self.hub().fetch(card(), &unwatched)
    }

    /// Fails unless what was located is right, and the cache holds nothing bad.
    #[track_caller]
    pub(crate) fn check(&self, located: &Located) {
        self.check_snapshot(located);
        self.check_cache();
    }

    /// Fails unless what was located is right, whatever else the cache holds.
    #[track_caller]
    pub(crate) fn check_snapshot(&self, located: &Located) {
        assert_eq!(located.commit, self.commit);
        assert_eq!(fs::read(located.folder.join("config.json")).unwrap(), CONFIG);
        assert!(fs::read(located.folder.join("model.safetensors")).unwrap() == self.weights);
    }

    /// Fails unless every blob is what its name says and every partial file a beginning.
    #[track_caller]
    pub(crate) fn check_cache(&self) {
        for entry in fs::read_dir(self.cache()).into_iter().flatten() {
            let repository = entry.unwrap().path();
            for path in list(&repository.join("blobs")) {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                let content = fs::read(&path).unwrap();
                if name.ends_with(".incomplete") {
                    let known = [CONFIG, &self.weights];
                    assert!(known.iter().any(|whole| whole.starts_with(&content)), "{name}");
                } else {
                    assert!(name == sha256(&content) || name == git_sha1(&content), "{name}");
                }
            }
            for snapshot in list(&repository.join("snapshots")) {
                for file in list(&snapshot) {
                    assert!(file.exists(), "{}: leads nowhere", file.display());
                    assert!(!file.to_string_lossy().ends_with(".tmp"), "{}", file.display());
                }
            }
        }
    }

    /// The requests for weights in storage since the last call.
    pub(crate) fn downloads(&self) -> Vec<Request> {
        let storage = |request: &Request| request.host == rekindle_loopback::Host::Storage;
        self.server.requests().into_iter().filter(storage).collect()
    }
}

pub(crate) fn pin(commit: &str, weights: &[u8]) -> Pin {
    let card = card();
    Pin {
        card: card.name(),
        repository: REPOSITORY.to_owned(),
        commit: commit.to_owned(),
        file: "model.safetensors".to_owned(),
        bytes: weights.len() as u64,
        sha256: sha256(weights),
        license: card.license.clone(),
        classifier: card.classifier.clone(),
        classes: card.classes,
        parameters: card.parameters,
        input: card.input.clone(),
        files: Vec::new(),
    }
}

/// A folder's entries; none where there is no folder.
pub(crate) fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}
