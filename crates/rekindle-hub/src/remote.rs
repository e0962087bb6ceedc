//! What the Hub says of a repository and of its files.

use rekindle_cards::StatedLicenses;
use serde::Deserialize;
use ureq::http::{HeaderMap, Method, header};

use crate::{
    Client, Error,
    client::{Answered, Follow, plain},
    names::{check_path, check_repository, is_commit, is_etag},
    url::{Slashes, encode, shown},
    watch::Watch,
};

/// A repository at one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryInfo {
    /// The commit that the revision is.
    pub commit: String,
    /// The license's identifier in lower case; `None` where none is stated.
    pub license: Option<String>,
    /// All licenses that the page states, the first of them being [`RepositoryInfo::license`].
    pub licenses: Vec<String>,
    /// The name by which the Hub knows it.
    pub(crate) id: Option<String>,
    /// Every file.
    pub files: Vec<RemoteFile>,
}

/// A file on the Hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteFile {
    /// The file within the repository.
    pub name: String,
    /// Its size in bytes, where the Hub says.
    pub bytes: Option<u64>,
    /// Its SHA-256, where it lies in large file storage.
    pub sha256: Option<String>,
}

/// What a file is, as the Hub describes it before sending it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The commit that was asked for, in full.
    pub commit: String,
    /// What the Hub calls the bytes: their SHA-256, or git's hash of them.
    pub etag: String,
    /// The size in bytes.
    pub bytes: u64,
    /// Whether the bytes come from the address that described them, so that its ETag is theirs.
    pub(crate) here: bool,
}

#[derive(Deserialize)]
struct Info {
    sha: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default, rename = "cardData")]
    card: Option<Page>,
    #[serde(default)]
    siblings: Vec<Sibling>,
}

/// The head of a repository's page, of which nothing else is kept.
#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    license: StatedLicenses,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    lfs: Option<Large>,
}

#[derive(Deserialize)]
struct Large {
    sha256: Option<String>,
}

impl Client {
    /// A revision's commit, license and files.
    ///
    /// # Errors
    ///
    /// As [`Client::get_json`]; [`Error::Name`] for names that no repository or revision has.
    pub fn repository(
        &self,
        repository: &str,
        revision: &str,
        watch: Watch<'_>,
    ) -> Result<RepositoryInfo, Error> {
        check_repository(repository)?;
        check_path("revision", revision)?;
        let path = format!(
            "/api/models/{}/revision/{}?blobs=true",
            encode(repository, Slashes::Separate),
            encode(revision, Slashes::Belong)
        );
        let info: Info = self.get_json(&path, watch)?;
        let bad = |problem: String| {
            let url = shown(&self.address(&path));
            Err(Error::Answer { url, problem })
        };
        if !is_commit(&info.sha) {
            return bad("the Hub names a commit that is no hash; check HF_ENDPOINT".to_owned());
        }
        for Sibling { rfilename, .. } in &info.siblings {
            check_path("file", rfilename)?;
        }
        let stated = info.card.map(|card| card.license.0).unwrap_or_default();
        let tagged = info.tags.iter().filter_map(|tag| tag.strip_prefix("license:"));
        let tagged = tagged.map(|name| name.trim().to_ascii_lowercase());
        let mut licenses: Vec<String> = Vec::new();
        for license in stated.into_iter().chain(tagged).filter(|name| !name.is_empty()) {
            if !licenses.contains(&license) {
                licenses.push(license);
            }
        }
        let files = info.siblings.into_iter().map(|sibling| RemoteFile {
            name: sibling.rfilename,
            bytes: sibling.size,
            sha256: sibling.lfs.and_then(|large| large.sha256),
        });
        Ok(RepositoryInfo {
            commit: info.sha,
            license: licenses.first().cloned(),
            licenses,
            id: info.id,
            files: files.collect(),
        })
    }

    /// What one file of a revision is.
    ///
    /// # Errors
    ///
    /// As [`Client::repository`]; [`Error::Answer`] where the answer is not a Hub's.
    pub fn describe(
        &self,
        repository: &str,
        revision: &str,
        file: &str,
        watch: Watch<'_>,
    ) -> Result<Description, Error> {
        let url = self.file_url(repository, revision, file)?;
        self.retry(watch, || {
            let answered = self.get(&Method::HEAD, &url, &[], Follow::UntilDescribed)?;
            Ok(description(&answered)?)
        })
    }

    /// Where a file is asked for.
    pub(crate) fn file_url(
        &self,
        repository: &str,
        revision: &str,
        file: &str,
    ) -> Result<String, Error> {
        check_repository(repository)?;
        check_path("revision", revision)?;
        check_path("file", file)?;
        Ok(self.address(&format!(
            "/{}/resolve/{}/{}",
            encode(repository, Slashes::Separate),
            encode(revision, Slashes::Belong),
            encode(file, Slashes::Separate)
        )))
    }
}

fn description(answered: &Answered) -> Result<Description, Error> {
    let headers = answered.response.headers();
    let here = !answered.response.status().is_redirection();
    let bad = |problem: &str| Error::Answer {
        url: shown(&answered.url),
        problem: format!(
            "{problem}: this is no answer of a Hub; check HF_ENDPOINT, and whether a proxy or a login page \
             answers in its place"
        ),
    };
    plain(&answered.url, headers)?;
    let Some(commit) = text(headers, "x-repo-commit").filter(|commit| is_commit(commit)) else {
        return Err(bad("no X-Repo-Commit"));
    };
    let etag = text(headers, "x-linked-etag").or_else(|| text(headers, "etag"));
    let etag = etag.map(|etag| etag.trim_start_matches("W/").trim_matches('"'));
    // It becomes the name of a file.
    let Some(etag) = etag.filter(|etag| is_etag(etag)) else {
        return Err(bad("no ETag that can name a file"));
    };
    let own = || if here { text(headers, header::CONTENT_LENGTH.as_str()) } else { None };
    let bytes = text(headers, "x-linked-size").or_else(own).and_then(|bytes| bytes.parse().ok());
    let Some(bytes) = bytes else {
        return Err(bad("no size"));
    };
    Ok(Description { commit: commit.to_owned(), etag: etag.to_owned(), bytes, here })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
