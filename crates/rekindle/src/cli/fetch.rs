//! `rekindle fetch`: weights into the cache that is shared with Python's huggingface_hub.

use std::{
    io::{IsTerminal, stderr},
    process::ExitCode,
};

use clap::Args;
use rekindle::{
    cards::{Card, Which, all_defaults, select},
    hub::{Act, Event, Hashing, Hub, Meter, Row, Settings, Watch, policy, table},
};
use serde_json::json;

/// Download weights into the Hub's cache, and verify them.
#[derive(Args)]
pub(super) struct Arguments {
    /// Checkpoints, architectures (their default checkpoint), families (all of those) or patterns.
    #[arg(required_unless_present = "all_default")]
    names: Vec<String>,
    /// The default checkpoint of every architecture.
    #[arg(long, conflicts_with = "names")]
    all_default: bool,
    /// Download nothing: look whether they are in the cache, and are what they are to be.
    #[arg(long)]
    check: bool,
    /// Download nothing: say what would be.
    #[arg(long, conflicts_with = "check")]
    dry_run: bool,
    /// Hash files of the cache again, whether they changed or not.
    #[arg(long)]
    verify: bool,
    /// Take weights under a license that is not permissive. As often as needed; REKINDLE_LICENSES may name a file of such
    /// licenses instead.
    #[arg(long = "accept-license", value_name = "NAME")]
    accepted: Vec<String>,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// Exits with 1 where any weights are missing, damaged, refused or not to be had.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let act = match (self.check, self.dry_run) {
            (true, _) => Act::Check,
            (_, true) => Act::Plan,
            _ => Act::Fetch,
        };
        let hashing = if self.verify { Hashing::Always } else { Hashing::OnceAChange };
        let (cards, policy) = (self.cards()?, policy(&self.accepted)?);
        let hub = Hub::new(Settings { hashing, ..Settings::from_env()? });
        let mut rows: Vec<Row> = Vec::new();
        for card in cards {
            let row = watched(card, |watch| hub.act(act, card, &policy, watch));
            if self.json {
                say!("{}", of(&row));
            }
            rows.push(row);
        }
        if !self.json {
            say!("{}", table(&rows).trim_end());
        }
        let failed = rows.iter().any(|row| row.outcome.is_err());
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    /// The cards that are meant, each once; of a family those that are on the Hub.
    fn cards(&self) -> anyhow::Result<Vec<&'static Card>> {
        if self.all_default {
            return Ok(all_defaults()?);
        }
        let mut cards: Vec<&Card> = Vec::new();
        for name in &self.names {
            for card in select(name, Which::Default)? {
                let named = *name == card.name() || *name == card.architecture;
                if (card.repository.is_some() || named) && !cards.contains(&card) {
                    cards.push(card);
                }
            }
        }
        Ok(cards)
    }
}

/// Runs a task that tells how far a card's weights are, and shows that on a terminal.
pub(super) fn watched<T>(card: &Card, task: impl FnOnce(Watch<'_>) -> T) -> T {
    let (name, meter, shown) = (card.name(), Meter::new(), stderr().is_terminal());
    let done = task(&|event| {
        let lasting = !matches!(event, Event::Bytes { .. });
        match meter.line(event) {
            // Over the line before, to the end of the line.
            Some(line) if shown => {
                eprint!("\r\x1b[K{name}  {line}{}", if lasting { "\n" } else { "" });
            }
            Some(line) if lasting => eprintln!("{name}  {line}"),
            _ => {}
        }
    });
    if shown {
        eprint!("\r\x1b[K");
    }
    done
}

fn of(row: &Row) -> serde_json::Value {
    json!({
        "checkpoint": row.card,
        "bytes": row.bytes,
        "commit": row.commit,
        "status": row.status(),
        "problem": row.outcome.as_ref().err().map(ToString::to_string),
        "seconds": row.seconds,
    })
}
