//! One file, by the `hf-hub` crate, which speaks Xet: the Hub's chunks that many files share.
//!
//! It neither resumes nor compares: what it brings lies aside until it has been hashed here, as by [the plain
//! transport](crate::download), and a try begins at the start.

use std::{fs, path::Path};

use hf_hub::{HFClientBuilder, HFClientSync};
use rekindle_base::sync_folder;

use crate::{
    Error, HubSettings,
    digest::{Sums, sums},
    download::{Count, Target},
    layout::Folder,
    url::shown,
};

/// The extension of folders that files are downloaded into.
const ASIDE: &str = "xet";

/// Downloads a file whose lock is held, and puts it in place as a blob.
pub(crate) fn download(
    settings: &HubSettings,
    (folder, commit): (&Folder, &str),
    target: &Target<'_>,
    count: &Count<'_>,
) -> Result<Sums, Error> {
    let etag = &target.description.etag;
    let aside = folder.incomplete(etag).with_extension(ASIDE);
    let remove = || match fs::remove_dir_all(&aside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io("remove", &aside)(error))
        }
        _ => Ok(()),
    };
    // What a try that was interrupted has left is of no use.
    remove()?;
    let found = brought(settings, commit, target, &aside).and_then(|path| {
        let sums = sums(&path)?;
        if let Some(problem) = target.problem(&sums) {
            return Err(Error::Mismatch {
                repository: target.repository.to_owned(),
                file: target.file.to_owned(),
                problem: format!("what the server sends is not the file: {problem}"),
                remedy: "nothing was kept; try again later, or another HF_ENDPOINT".to_owned(),
            });
        }
        let blob = folder.blob(etag);
        fs::rename(&path, &blob).map_err(Error::io("put the file in place at", &blob))?;
        sync_folder(&folder.blobs());
        count.add(sums.bytes);
        Ok(sums)
    });
    remove()?;
    found
}

/// Where a file lies that was brought into a folder.
fn brought(
    settings: &HubSettings,
    commit: &str,
    target: &Target<'_>,
    aside: &Path,
) -> Result<std::path::PathBuf, Error> {
    let answer = |problem: String| Error::Answer { url: shown(&target.url), problem };
    let (owner, name) = target.repository.split_once('/').unwrap_or(("", target.repository));
    let client = client(settings).map_err(|error| answer(error.to_string()))?;
    let path = client
        .model(owner, name)
        .download_file()
        .filename(target.file)
        .revision(commit)
        .local_dir(aside)
        .send()
        .map_err(|error| answer(error.to_string()))?;
    // A link would lead to bytes that somebody else can change.
    let is_file = fs::symlink_metadata(&path).is_ok_and(|found| found.is_file());
    match is_file && path.starts_with(aside) {
        true => Ok(path),
        false => Err(answer("no file was brought".to_owned())),
    }
}

fn client(settings: &HubSettings) -> hf_hub::HFResult<HFClientSync> {
    let builder = HFClientBuilder::new()
        .endpoint(&settings.endpoint)
        .user_agent(concat!("rekindle/", env!("CARGO_PKG_VERSION")))
        .cache_enabled(false)
        .retry_max_attempts(settings.attempts as usize)
        .retry_base_delay(settings.wait);
    match &settings.token {
        Some(token) => builder.token(token.secret()).build_sync(),
        None => builder.build_sync(),
    }
}
