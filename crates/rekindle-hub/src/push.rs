//! Uploads a repository's files by the Hub's commit protocol, each at most once.
//!
//! 1. `GET api/models/<repository>`, and `POST api/repos/create` where there is none;
//! 2. `POST .../preupload/main` says which files go to large file storage, and which are there already;
//! 3. large ones by git-lfs: `POST <repository>.git/info/lfs/objects/batch`, then the bytes, in one piece or in parts;
//! 4. `POST .../commit/main`: all changed files, in one commit.
//!
//! Cut off anywhere, the same push goes on: what was stored is not sent again, and the commit is all or nothing.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use rekindle_base::AtomicFile;
use rekindle_cards::ModelCard;
use serde::Deserialize;
use serde_json::json;

use crate::{
    Client, Error,
    answer::Answer,
    layout::{create_parent, write_whole},
    names::{MAIN, check_path, check_repository},
    send::{Content, Outgoing, Verb},
    watch::Watch,
};

mod store;
mod told;

use store::store;
use told::{Told, tell};

/// What a repository is to hold.
#[derive(Debug, Clone)]
pub struct Push {
    /// Where: `owner/name`.
    pub repository: String,
    /// Who may see it.
    pub visibility: Visibility,
    /// The first line of the commit.
    pub message: String,
    /// The files; others that the repository holds stay as they are.
    pub files: Vec<Upload>,
}

/// Who may see a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// As the account has it: everybody, unless an organization decided otherwise.
    Usual,
    /// Its owner alone.
    Private,
}

/// A file of a repository.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Its path within the repository.
    pub path: String,
    /// Its bytes.
    pub source: Source,
}

/// Where bytes come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// This text.
    Text(String),
    /// This file.
    File(PathBuf),
}

/// What came of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The commit that holds the files.
    pub commit: String,
    /// What happened to each file, in their order.
    pub files: Vec<(String, Fate)>,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The repository has it already, byte for byte.
    Unchanged,
    /// It was committed; its bytes were in the Hub's storage already.
    Known,
    /// It was sent and committed.
    Sent,
}

/// What the Hub says of a repository.
#[derive(Debug, Deserialize)]
struct Described {
    sha: Option<String>,
    #[serde(default)]
    private: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Committed {
    commit_oid: String,
}

impl Upload {
    /// The files of a model's repository: a page about it, what stands beside its weights (names and texts, such as
    /// `config.json`), and these.
    #[must_use]
    pub fn model(card: &ModelCard, beside: Vec<(String, String)>, weights: &Path) -> Vec<Self> {
        let upload = |path: &str, source| Self { path: path.to_owned(), source };
        let beside =
            beside.into_iter().map(|(path, text)| Self { path, source: Source::Text(text) });
        std::iter::once(upload("README.md", Source::Text(card.to_markdown())))
            .chain(beside)
            .chain([upload("model.safetensors", Source::File(weights.to_owned()))])
            .collect()
    }

    /// Writes the file into a folder, as the repository would have it.
    ///
    /// # Errors
    ///
    /// [`Error::Name`] where the path leaves the folder, [`Error::Io`] where it cannot be read or written.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        check_path("file", &self.path)?;
        let target = folder.join(&self.path);
        match &self.source {
            Source::Text(text) => write_whole(&target, text.as_bytes()),
            Source::File(path) => {
                create_parent(&target)?;
                let mut file = AtomicFile::create(&target).map_err(Error::io("write", &target))?;
                File::open(path)
                    .and_then(|mut from| io::copy(&mut from, &mut file))
                    .map_err(Error::io("copy", path))?;
                file.commit().map_err(Error::io("write", &target))
            }
        }
    }
}

/// Brings a repository to hold these files; sends nothing that it has.
///
/// # Errors
///
/// [`Error::NoToken`], [`Error::Public`] where a repository that is to be private is not, and what [`Client::send`]
/// reports. Nothing is visible in the repository before the last step.
pub fn push(client: &Client, push: &Push, watch: Watch<'_>) -> Result<Pushed, Error> {
    let repository = &push.repository;
    check_repository(repository)?;
    let Some((owner, name)) = repository.split_once('/') else {
        let problem = "it is not `owner/name`";
        return Err(Error::Name { kind: "repository", name: repository.clone(), problem });
    };
    for file in &push.files {
        check_path("file", &file.path)?;
    }
    if !client.has_token() {
        if client.withholds_token() {
            let problem =
                "http:// would carry the token in clear to another machine: name https://";
            return Err(Error::Layout { path: "HF_ENDPOINT".into(), problem: problem.to_owned() });
        }
        let (repository, endpoint) = (repository.clone(), client.endpoint().to_owned());
        return Err(Error::NoToken { repository, endpoint });
    }
    let described = match described(client, repository, watch)? {
        Some(described) => described,
        None => create(client, [owner, name], push.visibility, watch)
            .map_err(|error| unwritable(client, repository, error))?,
    };
    if push.visibility == Visibility::Private && !described.private {
        return Err(Error::Public { repository: repository.clone() });
    }
    let told = tell(client, repository, &push.files)
        .map_err(|error| unwritable(client, repository, error))?;
    let stored = store(client, repository, &told, watch)?;
    let fate = |told: &Told<'_>| match (told.unchanged, stored.contains(&told.sums.sha256)) {
        (true, _) => Fate::Unchanged,
        (false, true) => Fate::Known,
        (false, false) => Fate::Sent,
    };
    let files = told.iter().map(|told| (told.upload.path.clone(), fate(told))).collect();
    let commit = match (told.iter().all(|told| told.unchanged), described.sha) {
        (true, Some(commit)) => commit,
        (_, parent) => commit(client, push, &told, parent)?,
    };
    Ok(Pushed { commit, files })
}

/// What there is, if there is anything that the token may see.
fn described(
    client: &Client,
    repository: &str,
    watch: Watch<'_>,
) -> Result<Option<Described>, Error> {
    match client.get_json(&format!("/api/models/{repository}"), watch) {
        Ok(described) => Ok(Some(described)),
        Err(Error::Status { status: 401 | 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn create(
    client: &Client,
    [owner, name]: [&str; 2],
    visibility: Visibility,
    watch: Watch<'_>,
) -> Result<Described, Error> {
    let mut wanted = json!({ "type": "model", "name": name, "organization": owner });
    if visibility == Visibility::Private {
        wanted["visibility"] = json!("private");
    }
    match post(client, "/api/repos/create", &wanted) {
        // Somebody was faster.
        Ok(_) | Err(Error::Status { status: 409, .. }) => {}
        Err(error) => return Err(error),
    }
    client.get_json(&format!("/api/models/{owner}/{name}"), watch)
}

/// What a refusal means where something is written.
fn unwritable(client: &Client, repository: &str, error: Error) -> Error {
    match error {
        Error::Status { url, status: status @ (401 | 403), message, .. } => {
            let remedy = format!(
                "the token may not write to {repository}: make one that may at {}/settings/tokens, and set HF_TOKEN",
                client.endpoint()
            );
            Error::Status { url, status, message, remedy }
        }
        error => error,
    }
}

/// Everything that changed in one commit, on top of the one that it was compared with.
fn commit(
    client: &Client,
    push: &Push,
    told: &[Told<'_>],
    parent: Option<String>,
) -> Result<String, Error> {
    let mut header = json!({ "summary": push.message, "description": "" });
    if let Some(parent) = parent {
        header["parentCommit"] = json!(parent);
    }
    let mut lines = vec![json!({ "key": "header", "value": header })];
    for told in told.iter().filter(|told| !told.unchanged) {
        lines.push(told.operation()?);
    }
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let answer = client.send(&Outgoing {
        method: Verb::Post,
        url: &format!("/api/models/{}/commit/{MAIN}", push.repository),
        content_type: "application/x-ndjson",
        headers: &[],
        content: Content::Bytes(lines.as_bytes()),
    })?;
    Ok(answer.json::<Committed>()?.commit_oid)
}

/// Sends JSON to a path of the endpoint.
fn post(client: &Client, path: &str, content: &serde_json::Value) -> Result<Answer, Error> {
    client.send(&Outgoing {
        method: Verb::Post,
        url: path,
        content_type: "application/json",
        headers: &[],
        content: Content::Bytes(content.to_string().as_bytes()),
    })
}
