//! The record of what is wrong with a folder of pictures: plain data.

use serde::{Deserialize, Serialize};

use super::{Data, text};

/// What was found in a folder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkup {
    /// What its own page is called.
    #[serde(default)]
    pub title: String,
    /// What came out, in one sentence.
    pub lead: String,
    /// What there is of each label; a run has that by itself.
    #[serde(default)]
    pub data: Option<Data>,
    /// What was found, in the order to be shown.
    pub groups: Vec<CheckupGroup>,
}

/// Findings of one kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckupGroup {
    /// What they are.
    pub title: String,
    /// How bad they are, in a word.
    pub severity: String,
    /// The findings to show.
    pub findings: Vec<CheckupFinding>,
    /// How many there are beside them.
    pub more: usize,
}

/// One finding.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckupFinding {
    /// What it is and what to do.
    pub text: String,
    /// The pictures that it is about.
    pub pictures: Vec<Thumbnail>,
    /// How many there are beside them.
    pub more: usize,
}

/// A small picture of a file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thumbnail {
    /// The file.
    pub file: String,
    /// Its label, if it has one.
    pub label: String,
    /// A JPEG, PNG, GIF or WebP file; empty where the picture cannot be shown.
    #[serde(default, with = "text::bytes")]
    pub image: Vec<u8>,
}
