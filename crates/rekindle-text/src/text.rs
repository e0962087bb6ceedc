//! A text, or a pair of texts.

use std::{path::Path, sync::Arc};

use rekindle_data::Item;
use sha2::{Digest, Sha256};

/// A text, or a pair of texts, and where it stood.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text {
    /// The text.
    pub text: Arc<str>,
    /// The second of a pair.
    pub pair: Option<Arc<str>>,
    /// What it is called in messages, such as a list and a line; empty where it is called by itself.
    pub name: Arc<str>,
    /// Where it stands in its document, where it is a sentence of one.
    pub place: Option<Place>,
}

/// Where a sentence stands in its document, and what is next to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// How many sentences are before it.
    pub position: usize,
    /// How many sentences the document has.
    pub total: usize,
    /// The sentence before it.
    pub before: Option<Arc<str>>,
    /// The sentence after it.
    pub after: Option<Arc<str>>,
}

impl Place {
    /// The places of a document's sentences.
    pub(crate) fn each(sentences: &[Arc<str>]) -> impl Iterator<Item = Self> + '_ {
        (0..sentences.len()).map(|position| Self {
            position,
            total: sentences.len(),
            before: position.checked_sub(1).map(|before| sentences[before].clone()),
            after: sentences.get(position + 1).cloned(),
        })
    }
}

/// Characters of a text that stand for it where it has no name.
const SHOWN: usize = 40;

impl Text {
    /// A text by itself.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self { text: text.into(), pair: None, name: "".into(), place: None }
    }

    /// The text, or both of a pair, on a line.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.pair {
            Some(pair) => format!("{} | {pair}", self.text),
            None => self.text.to_string(),
        }
    }

    /// What it is called: its name, else how it begins.
    #[must_use]
    pub fn called(&self) -> String {
        if !self.name.is_empty() {
            return self.name.to_string();
        }
        let begin: String = self.text.chars().take(SHOWN).collect();
        let more = if begin.len() < self.text.len() { "..." } else { "" };
        format!("{:?}{more}", begin)
    }

    /// The SHA-256 of what it says.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update((self.text.len() as u64).to_le_bytes());
        digest.update(self.text.as_bytes());
        if let Some(pair) = &self.pair {
            digest.update(pair.as_bytes());
        }
        digest.finalize().into()
    }
}

/// A text and its label: the number of one, or whatever else there is to be learned of it.
pub type Sample<L = usize> = rekindle_data::Sample<L, Text>;

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl Item for Text {
    fn path(&self) -> Option<&Path> {
        None
    }
}
