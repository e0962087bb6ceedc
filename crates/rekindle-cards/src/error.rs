//! What can be wrong with a card, a pin or a model's config.

use std::sync::Arc;

/// What this crate's functions report; every problem of a file at once.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is not TOML, or not laid out as its kind of file is.
    #[error("{file}:{line}: not a table that can be read: {problem}; mend that line")]
    Toml {
        /// The file, as it was named to the parser.
        file: String,
        /// The line, counted from one.
        line: usize,
        /// What the TOML parser found, without the drawing of the line.
        problem: String,
    },
    /// Rows of a TOML file contradict the rules for cards or pins.
    #[error("{file}: {} to mend: {}", count(problems), problems.join("; "))]
    Rows {
        /// The file, as it was named to the parser.
        file: String,
        /// One line a problem, naming the row and the key.
        problems: Vec<String>,
    },
    /// The text is not JSON.
    #[error("model config: not JSON; fetch or write the file again")]
    Json {
        /// What the JSON parser found, and where.
        #[source]
        source: Arc<serde_json::Error>,
    },
    /// A text that is too long to be a model's config.
    #[error(
        "model config: {bytes} bytes, more than the limit of {limit}; fetch or write the file again"
    )]
    ConfigTooLong {
        /// Its length.
        bytes: usize,
        /// The longest that is read.
        limit: usize,
    },
    /// The JSON is not the config of a model.
    #[error("model config: {} to mend: {}", count(problems), problems.join("; "))]
    HubConfig {
        /// One line a problem, naming the key.
        problems: Vec<String>,
    },
    /// Preprocessing that no picture could be put through.
    #[error("preprocessing: {} to mend: {}", count(problems), problems.join("; "))]
    Preprocessing {
        /// One line a problem, naming the field.
        problems: Vec<String>,
    },
    /// A model's config that another tool wrote.
    #[error(
        "model config: written by {tool} ({found}), which is not read yet; use a checkpoint with timm's config.json"
    )]
    Dialect {
        /// The tool.
        tool: &'static str,
        /// What of it says so.
        found: String,
    },
    /// A checkpoint that takes something else than what it was asked about.
    #[error("{name} takes {found}, not {asked}; choose a checkpoint that takes {asked}")]
    OtherInput {
        /// The checkpoint's name.
        name: String,
        /// What it takes, in words.
        found: String,
        /// What it was asked about.
        asked: &'static str,
    },
    /// No card has this name.
    #[error("no card is named `{name}`; did you mean {}?", closest.join(", "))]
    UnknownCard {
        /// The name that was asked for.
        name: String,
        /// The nearest names that exist, nearest first.
        closest: Vec<String>,
    },
    /// No family has this name.
    #[error("no family is named `{name}`; there are {}", known.join(", "))]
    UnknownFamily {
        /// The name that was asked for.
        name: String,
        /// Every name there is.
        known: Vec<String>,
    },
    /// Not a number of things.
    #[error("`{text}` is not a count; write 10M, 1.5k or 2000000")]
    Count {
        /// What was given.
        text: String,
    },
    /// Nothing can be sorted by this.
    #[error("cards are not sorted by `{name}`; choose {}", known.join(", "))]
    Order {
        /// What was given.
        name: String,
        /// What there is to sort by.
        known: Vec<&'static str>,
    },
    /// A license that is not permissive, and that nobody has accepted.
    #[error(
        "{name} {reason}; if your use keeps to that, accept it with `--accept-license {license}`, or with \
         `accept = [\"{license}\"]` in a policy file that {} names",
        crate::license::POLICY_FILE
    )]
    License {
        /// The weights, as they are called.
        name: String,
        /// What is to be accepted: an SPDX identifier in lower case, or `unstated`.
        license: String,
        /// What the license is, and what it rules out or asks for.
        reason: String,
    },
    /// What was made from weights would be passed on under a license that allows what theirs does not.
    #[error(
        "{name} is under {own}, so what is made from it may not be passed on under {license}; keep \
         `--license {own}`"
    )]
    FreerLicense {
        /// The weights.
        name: String,
        /// Their license.
        own: String,
        /// The license that was asked for.
        license: String,
    },
    /// What was made from weights without a license would be passed on.
    #[error(
        "{name} states no license, so what is made from it may not be passed on; ask its authors, or \
         start from other weights: `rekindle models --license permissive`"
    )]
    NoLicense {
        /// The weights.
        name: String,
    },
    /// Nothing says under which license a model that began with no weights is passed on.
    #[error(
        "{name}: was trained from nothing, so its license is yours to choose: add `--license mit`, or another"
    )]
    LicenseOpen {
        /// Where the model is to be passed on.
        name: String,
    },
    /// No license could be called this.
    #[error(
        "`{name}` is no license's name; give an SPDX identifier such as cc-by-nc-4.0, or `unstated`"
    )]
    LicenseName {
        /// The name that was given.
        name: String,
    },
}

fn count(problems: &[String]) -> String {
    match problems.len() {
        1 => "1 problem".to_owned(),
        number => format!("{number} problems"),
    }
}
