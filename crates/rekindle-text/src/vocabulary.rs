//! Vocabularies of words or characters, learned from a user's own texts.

use std::path::Path;

use ahash::AHashMap;
use serde_json::{Value, json};

use crate::{Error, Text, Tokenizer, tokenizer::whole_tokens};

/// What a text is cut into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// What is between spaces and punctuation; punctuation is taken out.
    Word,
    /// Characters, spaces among them.
    Character,
}

/// What a vocabulary is learned by.
#[derive(Debug, Clone, PartialEq)]
pub struct VocabularyConfig {
    /// What texts are cut into.
    pub unit: Unit,
    /// Most tokens, the two for nothing and for the unknown included.
    pub max_tokens: usize,
    /// How often a token must occur.
    pub min_count: usize,
    /// Whether upper case is lower case.
    pub lower: bool,
    /// The share of texts that is not cut, 0 to 1: texts are cut at the length that this share does not exceed.
    pub whole: f64,
}

impl VocabularyConfig {
    /// What Keras' `TextVectorization` does of itself: lower case, no punctuation, 10,000 tokens.
    pub fn new(unit: Unit) -> Self {
        Self { unit, max_tokens: 10_000, min_count: 1, lower: true, whole: 0.95 }
    }
}

/// A vocabulary that was learned, as a tokenizer, and what it makes of the texts that it was learned from.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    /// The tokenizer: `[PAD]` is 0, `[UNK]` is 1, then tokens by how often they occur.
    pub tokenizer: Tokenizer,
    /// Tokens of the texts.
    pub tokens: usize,
    /// Tokens of the texts that are unknown.
    pub unknown: usize,
    /// Texts that are cut.
    pub cut: usize,
}

impl Vocabulary {
    /// Learns the tokens of texts.
    ///
    /// # Errors
    ///
    /// [`Error::Vocabulary`] where there is no token to learn, or a setting is out of its range.
    pub fn learn(texts: &[Text], config: &VocabularyConfig) -> Result<Self, Error> {
        let wrong = |text: String| Err(Error::Vocabulary(text));
        if config.max_tokens < 3 {
            return wrong(format!(
                "max_tokens is {}, which leaves no room for a token",
                config.max_tokens
            ));
        }
        if !(config.whole > 0.0 && config.whole <= 1.0) {
            return wrong(format!("whole is {}, not in 0 to 1", config.whole));
        }
        // Both texts of a pair are read.
        let both = |text: &Text| {
            let pair = text.pair.iter().flat_map(|pair| cut(pair, config));
            cut(&text.text, config).into_iter().chain(pair).collect()
        };
        let parts: Vec<Vec<String>> = texts.iter().map(both).collect();
        let mut counts: AHashMap<&str, usize> = AHashMap::new();
        for token in parts.iter().flatten() {
            *counts.entry(token).or_default() += 1;
        }
        let mut found: Vec<(&str, usize)> =
            counts.into_iter().filter(|(_, count)| *count >= config.min_count.max(1)).collect();
        // Equally frequent ones in their own order, so that the numbers are the same every time.
        found.sort_unstable_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
        found.truncate(config.max_tokens - 2);
        if found.is_empty() {
            return wrong("the texts have no token that occurs often enough".to_owned());
        }
        let special = ["[PAD]", "[UNK]"];
        let tokens: Vec<String> = special
            .into_iter()
            .chain(found.iter().map(|(token, _)| *token))
            .map(str::to_owned)
            .collect();
        let mut lengths: Vec<usize> = parts.iter().map(Vec::len).collect();
        lengths.sort_unstable();
        let place = (config.whole * lengths.len() as f64).ceil() as usize;
        let max_tokens = lengths[place.clamp(1, lengths.len()) - 1].max(1);
        let json = whole_tokens(&tokens, config.lower, &pre_tokenizer(config.unit)).to_string();
        let tokenizer = Tokenizer::from_json(&json, max_tokens, Path::new("tokenizer.json"))?;
        let known: ahash::AHashSet<&str> = tokens.iter().map(String::as_str).collect();
        let all = parts.iter().flatten();
        Ok(Self {
            tokenizer,
            tokens: parts.iter().map(Vec::len).sum(),
            unknown: all.filter(|token| !known.contains(token.as_str())).count(),
            cut: parts.iter().filter(|part| part.len() > max_tokens).count(),
        })
    }

    /// What it is, and what it makes of the texts that it was learned from, in a line.
    #[must_use]
    pub fn describe(&self) -> String {
        let Self { tokenizer, tokens, unknown, cut } = self;
        let share = 100.0 * *unknown as f64 / (*tokens).max(1) as f64;
        format!(
            "{} tokens, texts read to {} of them: {share:.1}% of what is learned from is unknown, {cut} texts are cut",
            tokenizer.len(),
            tokenizer.max_tokens()
        )
    }
}

/// What `tokenizer.json` says of how a text is cut.
fn pre_tokenizer(unit: Unit) -> Value {
    match unit {
        Unit::Word => json!({"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": "[^\\p{Alphabetic}\\p{N}_']+"}, "behavior": "Removed", "invert": false},
        ]}),
        Unit::Character => {
            json!({"type": "Split", "pattern": {"Regex": "[\\s\\S]"}, "behavior": "Isolated", "invert": false})
        }
    }
}

/// The same by hand, to count.
fn cut(text: &str, config: &VocabularyConfig) -> Vec<String> {
    let text = if config.lower { text.to_lowercase() } else { text.to_owned() };
    match config.unit {
        Unit::Word => {
            let apart = |c: char| !(c.is_alphanumeric() || c == '_' || c == '\'');
            text.split(apart).filter(|word| !word.is_empty()).map(str::to_owned).collect()
        }
        Unit::Character => text.chars().map(String::from).collect(),
    }
}
