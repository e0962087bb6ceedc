//! What requests are made of: items, and how each is called in messages.

use std::collections::BTreeMap;

use axum::body::Bytes;

use crate::{Code, Problem};

/// Most items of a request.
pub const MAX_ITEMS: usize = 1024;

/// What an item is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The file of a picture.
    Picture(Bytes),
    /// A text, and what is read beside it by models of pairs.
    Text {
        /// The text.
        text: String,
        /// The other one.
        pair: Option<String>,
    },
    /// Cells by the names of their columns.
    Row(BTreeMap<String, String>),
}

/// What a body asks for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Asked {
    /// Which model.
    pub model: Option<String>,
    /// Most labels of an answer.
    pub top: Option<usize>,
    /// One or more.
    pub items: Vec<Item>,
}

/// An item of a request, with what the request calls it.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Where it stands, for messages: `items[2].image`.
    pub field: String,
    /// What it is.
    pub content: Content,
}

/// An item that a request calls so.
pub(crate) fn item(field: &str, content: Content) -> Item {
    Item { field: field.to_owned(), content }
}

/// A text of bytes.
pub(crate) fn utf8(field: &str, bytes: &[u8]) -> Result<String, Problem> {
    let wrong = |error| Problem::of(Code::UnreadableText, field, format!("{error}; send UTF-8"));
    std::str::from_utf8(bytes).map(str::to_owned).map_err(wrong)
}

/// A word of a request in a message: not all of a long one, and nothing that a terminal obeys.
pub(crate) fn shown(word: &str) -> String {
    let short: String = word.chars().take(80).collect();
    short.escape_debug().to_string()
}
