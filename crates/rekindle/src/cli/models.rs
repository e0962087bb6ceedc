//! `rekindle models`: the cards as a table.

use std::process::ExitCode;

use clap::Args;
use rekindle::cards::{self, Card, Terms};
use serde_json::json;

use super::millions;

/// List checkpoints: size, parameters, accuracy on ImageNet, license.
#[derive(Args)]
pub(super) struct Arguments {
    /// Only those whose name holds this; `*` and `?` match as in a shell.
    #[arg(default_value = "")]
    pattern: String,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let found = cards::search(&self.pattern)?;
        if found.is_empty() {
            anyhow::bail!("no checkpoint matches `{}`; `rekindle models` lists all", self.pattern);
        }
        if self.json {
            for card in found {
                say!("{}", row(card));
            }
            return Ok(ExitCode::SUCCESS);
        }
        say!("{:<42} {:>5} {:>8} {:>6}  license", "checkpoint", "size", "params", "top-1");
        for card in &found {
            let [_, height, _] = card.preprocessing.input_size;
            say!(
                "{:<42} {height:>5} {:>8} {:>6}  {}",
                card.name(),
                millions(card.parameters),
                card.top1.map_or("-".to_owned(), |top1| format!("{top1:.1}")),
                license(card),
            );
        }
        say!("{} checkpoints; the license in brackets restricts use", found.len());
        Ok(ExitCode::SUCCESS)
    }
}

/// The license; in brackets if it does not allow any use.
fn license(card: &Card) -> String {
    match (card.terms(), &card.license) {
        (Terms::Permissive, Some(license)) => license.clone(),
        (_, Some(license)) => format!("[{license}]"),
        (_, None) => "[not stated]".to_owned(),
    }
}

fn row(card: &Card) -> serde_json::Value {
    json!({
        "checkpoint": card.name(),
        "repository": card.repository,
        "input_size": card.preprocessing.input_size,
        "parameters": card.parameters,
        "classes": card.classes,
        "top1": card.top1,
        "top5": card.top5,
        "license": card.license,
        "permissive": card.terms() == Terms::Permissive,
    })
}
