//! What an examination is about, in words.

/// What an item is called in what is said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Noun {
    pub(crate) one: &'static str,
    pub(crate) many: &'static str,
}

pub(crate) const PICTURES: Noun = Noun { one: "picture", many: "pictures" };
pub(crate) const TEXTS: Noun = Noun { one: "text", many: "texts" };
