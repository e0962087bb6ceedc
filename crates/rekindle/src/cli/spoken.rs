//! What spoke for an answer, as a kind of input says it.

use serde_json::Value;

/// What spoke for an answer, as the kinds of input have it.
pub(super) struct Spoken {
    /// What is said on a terminal.
    pub(super) line: String,
    /// `map` or `tokens`.
    pub(super) json: (&'static str, Value),
    /// The item with what spoke laid over it, as PNG, where it is a picture.
    pub(super) overlay: Option<Vec<u8>>,
}
