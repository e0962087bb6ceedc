//! A text, or a pair of texts, as token ids.

use serde::{Deserialize, Serialize};

use super::repeated;

/// Most tokens of a text, so that a hostile file cannot ask for all memory.
const MAX_TOKENS: usize = 1 << 20;

/// What a checkpoint expects of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextInput {
    /// The file beside the weights that turns text into token ids: `tokenizer.json`.
    pub tokenizer: String,
    /// Tokens at which a text is cut, those that the tokenizer adds included.
    pub max_tokens: usize,
    /// Columns of a list that are read, two for a pair; empty where a text is given by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Texts before it and behind it in its group that are read along, of one among several inputs.
    #[serde(default, skip_serializing_if = "is_none")]
    pub context: usize,
}

/// Most texts on each side that are read along.
pub const MAX_CONTEXT: usize = 8;

fn is_none(context: &usize) -> bool {
    *context == 0
}

impl TextInput {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = repeated("columns", &self.columns);
        if !crate::repository_path::is_within(&self.tokenizer) {
            problems
                .push(format!("tokenizer `{}` is not a file beside the weights", self.tokenizer));
        }
        if !(1..=MAX_TOKENS).contains(&self.max_tokens) {
            problems.push(format!("max_tokens is {}, outside 1..={MAX_TOKENS}", self.max_tokens));
        }
        if self.context > MAX_CONTEXT {
            problems.push(format!("context is {}, more than {MAX_CONTEXT}", self.context));
        }
        if self.columns.len() > 2 {
            problems.push(format!("columns holds {}, not one text or a pair", self.columns.len()));
        }
        problems
    }
}
