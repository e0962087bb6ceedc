//! Which weights a command takes: a file that is named, or a card's, from the cache or the Hub.

#[cfg(feature = "net")]
use std::io::stderr;
use std::path::{Path, PathBuf};

#[cfg(feature = "net")]
use anyhow::Context;
use clap::Args;
use rekindle::checkpoint::{CheckpointFile, LoadReport, WeightsSet};
#[cfg(feature = "net")]
use rekindle::{
    cards::HubConfig,
    hub::{Files, Hub, Located, Trust, policy},
};

#[cfg(feature = "net")]
use super::fetching::metered;

/// Which weights.
#[derive(Args)]
pub(super) struct WeightsArguments {
    /// A checkpoint (resnet50.a1_in1k) or an architecture (resnet50: its default checkpoint), taken from the Hub's cache
    /// or downloaded into it. Not needed where --weights say what they are.
    #[arg(long)]
    pub(super) model: Option<String>,
    /// A weights file, or a folder with config.json and model.safetensors, in place of a card's; `hf-hub:OWNER/NAME` is a
    /// repository laid out so, `@REVISION` behind it a branch, tag or commit of that.
    #[arg(long)]
    pub(super) weights: Option<PathBuf>,
    /// Take weights under a license that is not permissive. As often as needed; REKINDLE_LICENSES may name a file of such
    /// licenses instead.
    #[arg(long = "accept-license", value_name = "NAME")]
    pub(super) accepted: Vec<String>,
    /// Which weights of a training checkpoint that holds several sets: averaged, raw, or the key that they are under, such as
    /// `state_dict_ema`. [default: averaged ones where there are some]
    #[arg(long, value_name = "NAME")]
    pub(super) weights_set: Option<String>,
}

/// Weights that were found.
pub(super) struct Found {
    /// A file, or a folder as the Hub has it.
    pub(super) path: PathBuf,
    /// Where they come from, for people.
    pub(super) origin: String,
    /// The SHA-256 of what was fetched; empty for files that were named.
    pub(super) sha256: String,
    /// Which set of them, where there are several.
    pub(super) set: Option<String>,
}

impl Found {
    /// Says on standard error what was taken in another way than it stood in the file.
    pub(super) fn tell(&self, report: &LoadReport) {
        let path = super::output::one_line(self.path.display());
        report.notes().iter().for_each(|note| complain!("{path}: {note}"));
    }

    /// What is in them, without its values yet.
    pub(super) fn open(&self) -> anyhow::Result<CheckpointFile> {
        let set = match self.set.as_deref() {
            None => WeightsSet::Preferred,
            Some("averaged") => WeightsSet::Averaged,
            Some("raw") => WeightsSet::Raw,
            Some(key) => WeightsSet::Key(key.to_owned()),
        };
        Ok(CheckpointFile::open_set(&self.path, &set)?)
    }
}

impl WeightsArguments {
    /// The weights that are named, fetched if need be; what is worth knowing of that goes to standard error.
    pub(super) fn find(&self) -> anyhow::Result<Found> {
        Ok(Found { set: self.weights_set.clone(), ..self.locate()? })
    }

    fn locate(&self) -> anyhow::Result<Found> {
        let repository = self.weights.as_deref().and_then(Path::to_str);
        let repository = repository.and_then(|weights| weights.strip_prefix(ON_THE_HUB));
        match (&self.weights, &self.model) {
            (Some(_), _) if let Some(repository) = repository => {
                of_repository(repository, &self.accepted)
            }
            (Some(path), _) => Ok(Found {
                path: path.clone(),
                origin: path.display().to_string(),
                sha256: String::new(),
                set: None,
            }),
            (None, Some(name)) => fetched(name, &self.accepted),
            (None, None) => anyhow::bail!(
                "which weights? Name a checkpoint with --model, or a file or folder with --weights"
            ),
        }
    }
}

/// What stands in front of a repository's name, as in timm.
const ON_THE_HUB: &str = "hf-hub:";

#[cfg(not(feature = "net"))]
fn of_repository(name: &str, accepted: &[String]) -> anyhow::Result<Found> {
    fetched(name, accepted)
}

#[cfg(not(feature = "net"))]
fn fetched(name: &str, _: &[String]) -> anyhow::Result<Found> {
    anyhow::bail!(
        "{name}: this program was built without the feature `net`, and fetches nothing; name a file or folder with --weights"
    )
}

/// A card's weights, if their license allows to use them.
#[cfg(feature = "net")]
fn fetched(name: &str, accepted: &[String]) -> anyhow::Result<Found> {
    let card = rekindle::cards::find(name)?;
    let (hub, policy) = (Hub::from_env()?, policy(accepted)?);
    policy.check(card)?;
    Ok(told(metered(&stderr(), &card.name(), |watch| hub.fetch(card, watch))?))
}

/// The weights of a repository that no card is of, if the license that its config states allows to use them.
#[cfg(feature = "net")]
fn of_repository(name: &str, accepted: &[String]) -> anyhow::Result<Found> {
    let (repository, revision) = name.split_once('@').unwrap_or((name, "main"));
    let (hub, policy) = (Hub::from_env()?, policy(accepted)?);
    let files = Files { repository, revision, names: &[] };
    let located = metered(&stderr(), repository, |watch| hub.fetch_files(&files, watch))?;
    let config = located.folder.join("config.json");
    let text = rekindle_base::read_text(&config, rekindle_cards::MAX_CONFIG_BYTES as u64)
        .with_context(|| config.display().to_string())?;
    let config = HubConfig::from_json(&text).with_context(|| config.display().to_string())?;
    policy.check_license(repository, config.license.as_deref())?;
    Ok(told(located))
}

/// Says so where bytes are believed for the first time.
#[cfg(feature = "net")]
fn told(Located { folder, repository, commit, files, trust, .. }: Located) -> Found {
    let short = &commit[..commit.len().min(12)];
    match trust {
        Trust::FirstUse => complain!(
            "first use of {repository} at {short}: its bytes are recorded, and others are refused from now on"
        ),
        Trust::Unrecorded => complain!(
            "{repository} at {short} is used, but not recorded, for the cache cannot be written: nothing would notice if its bytes were others next time"
        ),
        Trust::Pinned | Trust::Recorded => {}
    }
    // config.json beside them is smaller than any weights.
    let sha256 = files.into_iter().max_by_key(|file| file.bytes);
    let sha256 = sha256.map_or_else(String::new, |file| file.sha256);
    Found { path: folder, origin: format!("{repository} at {commit}"), sha256, set: None }
}
