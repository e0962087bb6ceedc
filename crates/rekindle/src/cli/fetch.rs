//! `rekindle fetch`: weights of checkpoints, into the cache that is shared with Python's huggingface_hub.

use std::{io::stderr, process::ExitCode};

use clap::Args;
use rekindle::{
    cards::{Which, select_on_hub},
    hub::{Act, FetchRow, Hashing, Hub, HubSettings, policy},
};
use serde_json::json;

use super::{
    fetching::{metered, status, table},
    output,
};

/// Download weights into the cache, or check those that are there.
///
/// Exits with 1 where any are missing, damaged, refused or not to be had.
#[derive(Args)]
pub(super) struct Arguments {
    /// Checkpoints, architectures (their default ones), families (the defaults of all), or patterns with `*`.
    #[arg(required = true)]
    names: Vec<String>,
    /// Download nothing: look whether they are in the cache, and are what they are to be.
    #[arg(long)]
    check: bool,
    /// Download nothing: say what would be.
    #[arg(long, conflicts_with = "check")]
    dry_run: bool,
    /// Hash files of the cache again, whether they changed or not.
    #[arg(long)]
    verify: bool,
    /// Use weights under a license that is not permissive; may be repeated. A file that REKINDLE_LICENSES names, with
    /// `accept = ["NAME"]`, does the same.
    #[arg(long, value_name = "NAME")]
    accept_license: Vec<String>,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let act = match (self.check, self.dry_run) {
            (true, _) => Act::Check,
            (false, true) => Act::Plan,
            (false, false) => Act::Fetch,
        };
        let hashing = if self.verify { Hashing::Always } else { Hashing::OnceAChange };
        let cards = select_on_hub(&self.names, Which::Default)?;
        let policy = policy(&self.accept_license)?;
        let hub = Hub::new(HubSettings { hashing, ..HubSettings::from_env()? });
        let mut rows = Vec::new();
        for card in cards {
            let row = metered(&stderr(), &card.name(), |watch| hub.act(act, card, &policy, watch));
            if self.json {
                output::json(&object(&row))?;
            }
            rows.push(row);
        }
        if !self.json {
            say!("{}", table(&rows).trim_end());
        }
        let failed = rows.iter().any(|row| row.outcome.is_err());
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn object(row: &FetchRow) -> serde_json::Value {
    json!({
        "checkpoint": row.card,
        "status": status(row),
        "bytes": row.bytes,
        "commit": row.commit,
        "trust": row.trust.map(|trust| format!("{trust:?}")),
        "seconds": row.seconds,
        "error": row.outcome.as_ref().err().map(|error| rekindle_base::causes(error)),
    })
}
