//! The record of what is wrong with the data: plain data.

use serde::{Deserialize, Serialize};

use super::{Data, ItemKind, text};

/// What was found in the data.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkup {
    /// What its own page is called.
    #[serde(default)]
    pub title: String,
    /// What was looked at.
    #[serde(default, skip_serializing_if = "ItemKind::is_pictures")]
    pub items: ItemKind,
    /// What came out, in one sentence.
    pub lead: String,
    /// What there is of each label; a run has that by itself.
    #[serde(default)]
    pub data: Option<Box<Data>>,
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
    /// The examples that it is about.
    pub pictures: Vec<Thumbnail>,
    /// How many there are beside them.
    pub more: usize,
}

/// An example to look at: a small picture of a file, or a text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thumbnail {
    /// The file, or where in a file it lies.
    pub file: String,
    /// Its label, if it has one.
    pub label: String,
    /// What it says, if it is a text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// A JPEG, PNG, GIF or WebP file; empty where a picture cannot be shown, and of texts.
    #[serde(default, with = "text::bytes")]
    pub image: Vec<u8>,
}
