//! Which weights a command takes: a file that is named, or a card's, from the cache or the Hub.

#[cfg(feature = "net")]
use std::io::stderr;
use std::path::{Path, PathBuf};

use clap::Args;
#[cfg(feature = "net")]
use rekindle::hub::{Files, Hub, HubSettings, Licenses, Located, Trust};
use rekindle::{
    Device, Modality, ModelOf,
    cards::{Card, HubConfig, LicensePolicy, StatedLicenses, find_by_repository, find_checkpoint},
    checkpoint::{CheckpointFile, LoadReport, WeightsSet},
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
    /// For files that were named: which checkpoint they are said to be, and the licenses that are accepted.
    named: Option<(Option<String>, LicensePolicy)>,
}

/// Weights that were found and opened, their values not read yet.
pub(super) struct OpenedWeights {
    pub(super) found: Found,
    pub(super) file: CheckpointFile,
    /// Which checkpoint they are said to be.
    name: Option<String>,
}

impl OpenedWeights {
    /// The model of these weights; what was taken in another way than it stood in the file goes to standard error.
    pub(super) fn model<M: Modality>(&self, device: &Device) -> anyhow::Result<ModelOf<M>> {
        let (model, report) = ModelOf::<M>::open_file(self.name.as_deref(), &self.file, device)?;
        self.found.tell(&report);
        Ok(model)
    }
}

impl Found {
    /// Where they come from, without folders of this machine.
    #[cfg(feature = "serve")]
    pub(super) fn shown(&self) -> String {
        let own = self.named.as_ref().and_then(|_| self.path.file_name());
        own.map_or_else(|| self.origin.clone(), |name| name.display().to_string())
    }

    /// Says on standard error what was taken in another way than it stood in the file.
    fn tell(&self, report: &LoadReport) {
        let path = super::output::one_line(self.path.display());
        report.notes().iter().for_each(|note| complain!("{path}: {note}"));
    }

    /// What is in them, without its values yet.
    fn open(&self) -> anyhow::Result<CheckpointFile> {
        let set = match self.set.as_deref() {
            None => WeightsSet::Preferred,
            Some("averaged") => WeightsSet::Averaged,
            Some("raw") => WeightsSet::Raw,
            Some(key) => WeightsSet::Key(key.to_owned()),
        };
        let file = CheckpointFile::open_set(&self.path, &set)?;
        if let Some((model, policy)) = &self.named {
            check_licenses(&file, model.as_deref(), policy)?;
        }
        Ok(file)
    }
}

/// Refuses weights of this machine under a license that nobody has accepted: the strictest of what they carry, and of what
/// the cards say that they are of. Where nothing is stated they may be the user's own.
pub(super) fn check_licenses(
    file: &CheckpointFile,
    model: Option<&str>,
    policy: &LicensePolicy,
) -> anyhow::Result<()> {
    let own = file.metadata().get("config").map(String::as_str);
    let (mut stated, mut cards) = (Vec::new(), Vec::new());
    for text in own.into_iter().chain(file.config_json()) {
        stated.extend(StatedLicenses::of_config(text).0);
        if let Ok(config) = HubConfig::from_json(text) {
            cards.extend(find_checkpoint(&config.name())?);
        }
    }
    if let Some(model) = model {
        cards.extend(find_checkpoint(model)?);
    }
    if let Some(repository) = repository_of(file.path()) {
        cards.extend(find_by_repository(&repository)?);
    }
    cards.into_iter().try_for_each(|card| policy.check(card))?;
    if !stated.is_empty() {
        let name = file.path().display().to_string();
        policy.check_all(&name, stated.iter().map(String::as_str))?;
    }
    Ok(())
}

/// The repository in whose part of the Hub's cache a file is, links followed and not.
fn repository_of(path: &Path) -> Option<String> {
    let real = path.canonicalize().ok();
    let paths = [Some(path), real.as_deref()];
    let mut parts =
        paths.into_iter().flatten().flat_map(Path::iter).filter_map(|part| part.to_str());
    Some(parts.find_map(|part| part.strip_prefix("models--"))?.replace("--", "/"))
}

/// The licenses that are accepted: those of the file that `REKINDLE_LICENSES` names, and these.
#[cfg(feature = "net")]
pub(super) fn policy(accepted: &[String]) -> anyhow::Result<LicensePolicy> {
    Ok(rekindle::hub::policy(accepted)?)
}

/// The licenses that are accepted: those of the file that `REKINDLE_LICENSES` names, and these.
#[cfg(not(feature = "net"))]
pub(super) fn policy(accepted: &[String]) -> anyhow::Result<LicensePolicy> {
    use anyhow::Context;
    let mut policy = LicensePolicy::default();
    if let Some(path) = std::env::var_os(LicensePolicy::VARIABLE).filter(|path| !path.is_empty()) {
        let name = path.to_string_lossy();
        let text = std::fs::read_to_string(&path).with_context(|| name.to_string())?;
        policy = LicensePolicy::parse(&name, &text)?;
    }
    accepted.iter().try_for_each(|name| policy.accept(name))?;
    Ok(policy)
}

/// Where a card's weights are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// On this machine.
    Cache,
    /// On the Hub, if it can be reached.
    Hub,
}

impl Place {
    /// As people say it.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Cache => "in the cache",
            Self::Hub => "to be fetched",
        }
    }
}

impl WeightsArguments {
    /// Whether anything is named.
    pub(super) fn is_given(&self) -> bool {
        self.model.is_some() || self.weights.is_some()
    }

    /// Where cards' weights are; no socket is opened.
    #[cfg(feature = "net")]
    pub(super) fn places(&self) -> anyhow::Result<impl Fn(&Card) -> Place> {
        let hub = hub(&self.accepted)?;
        Ok(move |card: &Card| if hub.holds(card) { Place::Cache } else { Place::Hub })
    }

    /// Where cards' weights are.
    #[cfg(not(feature = "net"))]
    pub(super) fn places(&self) -> anyhow::Result<impl Fn(&Card) -> Place> {
        Ok(|_: &Card| Place::Hub)
    }

    /// Asks the Hub whether it has a card's weights.
    ///
    /// # Errors
    ///
    /// Where it does not answer, or has not.
    #[cfg(feature = "net")]
    pub(super) fn reach(&self, card: &Card) -> anyhow::Result<()> {
        let Some(repository) = &card.repository else {
            anyhow::bail!("{}: is in no repository", card.name())
        };
        Ok(reach(HubSettings::from_env()?, repository).map(drop)?)
    }

    /// Asks the Hub whether it has a card's weights.
    #[cfg(not(feature = "net"))]
    pub(super) fn reach(&self, card: &Card) -> anyhow::Result<()> {
        fetched(&card.name(), &self.accepted).map(drop)
    }

    /// The weights that are named, fetched if need be; what is worth knowing of that goes to standard error.
    pub(super) fn opened(&self) -> anyhow::Result<OpenedWeights> {
        let found = Found { set: self.weights_set.clone(), ..self.locate()? };
        Ok(OpenedWeights { file: found.open()?, found, name: self.model.clone() })
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
                named: Some((self.model.clone(), policy(&self.accepted)?)),
            }),
            (None, Some(name)) => fetched(name, &self.accepted),
            (None, None) => anyhow::bail!(
                "which weights? Name a checkpoint with --model, or a file or folder with --weights"
            ),
        }
    }
}

/// Asks the Hub once whether it has a repository; it says by which address.
#[cfg(feature = "net")]
pub(super) fn reach(
    settings: HubSettings,
    repository: &str,
) -> Result<String, rekindle::hub::Error> {
    let hub = Hub::new(HubSettings { attempts: 1, ..settings });
    hub.repository(repository, "main")?;
    Ok(hub.client()?.endpoint().to_owned())
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
    let (card, hub) = (rekindle::cards::find(name)?, hub(accepted)?);
    Ok(told(metered(&stderr(), &card.name(), |watch| hub.fetch(card, watch))?))
}

/// The hub that the environment says, which takes weights under permissive licenses and accepted ones.
#[cfg(feature = "net")]
fn hub(accepted: &[String]) -> anyhow::Result<Hub> {
    let licenses = Licenses::Checked(policy(accepted)?);
    Ok(Hub::new(HubSettings { licenses, ..HubSettings::from_env()? }))
}

/// The weights of a repository, if the licenses that the Hub and its config state, and a card of it, allow to use them.
#[cfg(feature = "net")]
fn of_repository(name: &str, accepted: &[String]) -> anyhow::Result<Found> {
    let (repository, revision) = name.split_once('@').unwrap_or((name, "main"));
    let hub = hub(accepted)?;
    let files = Files { repository, revision, names: &[] };
    Ok(told(metered(&stderr(), repository, |watch| hub.fetch_files(&files, watch))?))
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
            "{repository} at {short} is used, but not recorded, for there is no place for that which its user can write and nobody else: nothing would notice if its bytes were others next time"
        ),
        Trust::Pinned | Trust::Recorded => {}
    }
    // config.json beside them is smaller than any weights.
    let sha256 = files.into_iter().max_by_key(|file| file.bytes);
    let sha256 = sha256.map_or_else(String::new, |file| file.sha256);
    let origin = format!("{repository} at {commit}");
    Found { path: folder, origin, sha256, set: None, named: None }
}
