//! `rekindle models`: the cards as a table.

use std::process::ExitCode;

use clap::Args;
use rekindle::cards::{self, Card, Count, InputSpec, LicenseFilter, Query, SortBy, Terms, license};
use serde_json::json;

use super::{millions, numbers, output};

mod overview;

/// Parameters that checkpoints of a size do not exceed, in millions.
pub(super) const SIZES: [usize; 6] = [5, 12, 30, 60, 100, 400];

/// The place of a checkpoint's size among [`SIZES`]; none where it is larger than all.
pub(super) fn size(card: &Card) -> Option<usize> {
    SIZES.iter().position(|size| card.parameters <= size * 1_000_000)
}

/// List families and the best checkpoints of each size; or checkpoints: input, parameters, accuracy on ImageNet, license.
#[derive(Args)]
pub(super) struct Arguments {
    /// Only those whose name holds this; `*` and `?` match as in a shell.
    #[arg(default_value = "")]
    pattern: String,
    /// Only this family, such as resnet.
    #[arg(long, value_name = "NAME")]
    family: Option<String>,
    /// Only this license: an SPDX identifier, `permissive` for all that allow any use, or `unstated`.
    #[arg(long, value_name = "NAME")]
    license: Option<LicenseFilter>,
    /// Only those with at most so many parameters: 10M, 500k.
    #[arg(long, value_name = "COUNT")]
    max_params: Option<Count>,
    /// Only those with at least this top-1 accuracy on ImageNet, in percent.
    #[arg(long, value_name = "PERCENT", value_parser = numbers::amount)]
    min_top1: Option<f64>,
    /// Only those whose input is at most so many pixels high and wide.
    #[arg(long, value_name = "PIXELS", value_parser = numbers::count_or_none)]
    max_size: Option<usize>,
    /// The order: top1 (best first), params, size or name. [default: as the families list them]
    #[arg(long, value_name = "BY")]
    sort: Option<SortBy>,
    /// Every checkpoint, one a line.
    #[arg(long)]
    all: bool,
    /// Print one JSON object a line, of every checkpoint that is asked for.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let query = Query {
            pattern: self.pattern,
            family: self.family,
            license: self.license,
            max_parameters: self.max_params,
            min_top1: self.min_top1,
            max_size: self.max_size,
            sort: self.sort,
        };
        if query == Query::default() && !self.all && !self.json {
            overview::print(cards::families()?)?;
            return Ok(ExitCode::SUCCESS);
        }
        let found = query.run()?;
        if found.is_empty() {
            let pattern = match query.pattern.as_str() {
                "" => String::new(),
                pattern => format!(", and matches `{pattern}`"),
            };
            anyhow::bail!(
                "no checkpoint is all of that{pattern}; ask for less: `rekindle models --all` lists all"
            );
        }
        if self.json {
            for card in found {
                output::json(&row(card))?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        say!("{:<42} {:>10} {:>8} {:>6}  license", "checkpoint", "input", "params", "top-1");
        for card in &found {
            say!(
                "{:<42} {:>10} {:>8} {:>6}  {}",
                card.name(),
                input(card),
                millions(card.parameters),
                card.top1.map_or("-".to_owned(), |top1| format!("{top1:.1}")),
                in_brackets(card),
            );
        }
        say!("{} checkpoints; the license in brackets restricts use", found.len());
        Ok(ExitCode::SUCCESS)
    }
}

/// What goes in, in short.
fn input(card: &Card) -> String {
    match &card.input {
        InputSpec::Image(image) => format!("{} px", image.input_size[1]),
        InputSpec::Text(text) => format!("{} tokens", text.max_tokens),
        _ => "-".to_owned(),
    }
}

/// The license; in brackets if it does not allow any use.
fn in_brackets(card: &Card) -> String {
    match (card.terms(), &card.license) {
        (Terms::Permissive, Some(license)) => license.clone(),
        (_, Some(license)) => format!("[{license}]"),
        (_, None) => "[not stated]".to_owned(),
    }
}

fn row(card: &Card) -> serde_json::Value {
    json!({
        "checkpoint": card.name(),
        "family": card.family,
        "repository": card.repository,
        "input_size": card.image().ok().map(|image| image.input_size),
        "max_tokens": match &card.input {
            InputSpec::Text(text) => Some(text.max_tokens),
            _ => None,
        },
        "parameters": card.parameters,
        "classes": card.classes,
        "top1": card.top1,
        "top5": card.top5,
        "license": card.license,
        "permissive": card.terms() == Terms::Permissive,
        "restriction": license::restriction(card.license.as_deref()),
    })
}
