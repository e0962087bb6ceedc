//! Which weights a command takes: a file that is named, or a card's, from the cache or the Hub.

use std::path::PathBuf;

use clap::Args;

/// Which weights.
#[derive(Args)]
pub(super) struct WeightsArguments {
    /// A checkpoint (resnet50.a1_in1k) or an architecture (resnet50: its default checkpoint), taken from the Hub's cache
    /// or downloaded into it. Not needed where --weights say what they are.
    #[arg(long)]
    pub(super) model: Option<String>,
    /// A weights file, or a folder with config.json and model.safetensors, in place of what the cache and the Hub have.
    #[arg(long)]
    pub(super) weights: Option<PathBuf>,
    /// Take weights under a license that is not permissive. As often as needed; REKINDLE_LICENSES may name a file of such
    /// licenses instead.
    #[arg(long = "accept-license", value_name = "NAME")]
    pub(super) accepted: Vec<String>,
}

/// Weights that were found.
pub(super) struct Found {
    /// A file, or a folder as the Hub has it.
    pub(super) path: PathBuf,
    /// Where they come from, for people.
    pub(super) origin: String,
    /// The SHA-256 of what was fetched; empty for files that were named.
    pub(super) sha256: String,
}

impl WeightsArguments {
    /// The weights that are named, fetched if need be; what is worth knowing of that goes to standard error.
    pub(super) fn find(&self) -> anyhow::Result<Found> {
        match (&self.weights, &self.model) {
            (Some(path), _) => Ok(Found {
                path: path.clone(),
                origin: path.display().to_string(),
                sha256: String::new(),
            }),
            (None, Some(name)) => fetched(name, &self.accepted),
            (None, None) => anyhow::bail!(
                "which weights? Name a checkpoint with --model, or a file or folder with --weights"
            ),
        }
    }
}

#[cfg(not(feature = "net"))]
fn fetched(name: &str, _: &[String]) -> anyhow::Result<Found> {
    anyhow::bail!(
        "{name}: this program was built without the feature `net`, and fetches nothing; name a file or folder with --weights"
    )
}

#[cfg(feature = "net")]
fn fetched(name: &str, accepted: &[String]) -> anyhow::Result<Found> {
    use anyhow::Context;
    use rekindle::hub::{Act, Hub, Trust, policy};

    let card = rekindle::cards::find(name)?;
    let hub = Hub::from_env()?;
    let policy = policy(accepted)?;
    let row = super::fetch::shown(&card.name(), |watch| hub.act(Act::Fetch, card, &policy, watch));
    row.outcome?;
    let located = hub.locate(card).context("what was just fetched is gone")?;
    if row.trust == Some(Trust::FirstUse) {
        eprintln!(
            "{}: first use of {} at {}; its bytes are recorded, and others are refused from now on",
            card.name(),
            located.repository,
            &located.commit[..located.commit.len().min(12)]
        );
    }
    let origin = format!("{} at {}", located.repository, located.commit);
    // config.json beside them is smaller than any weights.
    let largest = located.files.iter().max_by_key(|file| file.bytes);
    let sha256 = largest.map_or_else(String::new, |file| file.sha256.clone());
    Ok(Found { path: located.folder, origin, sha256 })
}
