//! What a run is about, and the facts that only texts have.

use serde::{Deserialize, Serialize};

/// What the examples of a run are, which decides the words that its page uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// Pictures.
    #[default]
    Pictures,
    /// Texts.
    Texts,
    /// Series of numbers in time.
    Series,
    /// Rows of a table.
    Rows,
}

impl ItemKind {
    /// What one of them is called: `picture`.
    #[must_use]
    pub const fn one(self) -> &'static str {
        self.nouns()[0]
    }

    /// What several of them are called: `pictures`.
    #[must_use]
    pub const fn many(self) -> &'static str {
        self.nouns()[1]
    }

    const fn nouns(self) -> [&'static str; 2] {
        match self {
            Self::Pictures => ["picture", "pictures"],
            Self::Texts => ["text", "texts"],
            Self::Series => ["series", "series"],
            Self::Rows => ["row", "rows"],
        }
    }

    /// Whether they are pictures, which records leave unsaid.
    pub(crate) fn is_pictures(&self) -> bool {
        *self == Self::Pictures
    }
}

/// How long texts are, and what of them a model does not see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextFacts {
    /// Tokens of a text: the median, the 95th percentile, the most.
    pub tokens: [usize; 3],
    /// How many tokens the model reads of a text.
    pub max_tokens: usize,
    /// The share of texts that are longer and therefore cut.
    pub cut: f64,
    /// The share of tokens that the vocabulary does not know.
    pub unknown: f64,
}
