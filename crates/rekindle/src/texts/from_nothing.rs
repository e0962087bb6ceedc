//! Text networks that begin from nothing: their words are learned of the texts, or given vectors.

use std::path::Path;

use burn::prelude::*;
use rekindle_language::{EncoderConfig, Family, SCRATCH, TextBackbone};
use rekindle_text::{
    Text, Tokenizer, Unit, Vocabulary, VocabularyConfig, WantedWords, WordVectors,
};

use crate::Error;

/// Dropped of vectors of tokens, between layers and before the head: on some thousand tweets recurrent networks gain a point by
/// it, and the others lose less.
const DROPOUT: f64 = 0.3;

/// The network of this name, and what it cuts texts into: `lstm` is of words, `lstm.chars` of characters.
fn named(name: &str) -> Option<(&str, Unit)> {
    let (family, unit) = match name.split_once('.') {
        None => (name, Unit::Word),
        Some((family, "chars")) => (family, Unit::Character),
        Some(_) => return None,
    };
    SCRATCH.contains(&family).then_some((family, unit))
}

/// Whether a text network of this name begins from nothing.
pub fn is_scratch(name: &str) -> bool {
    named(name).is_some()
}

/// A network of this name for these texts, and the tokenizer that was learned of them.
pub(super) fn learned(name: &str, items: &[&Text]) -> Result<(EncoderConfig, Tokenizer), Error> {
    let Some((family, unit)) = named(name) else {
        return Err(rekindle_cards::find(name).map_or_else(Error::from, |card| {
            let text = format!(
                "{}: an encoder whose tokens are its own is not trained from nothing; fine-tune its weights, or name one of {}",
                card.name(),
                SCRATCH.join(", ")
            );
            Error::Settings(vec![text])
        }));
    };
    let texts: Vec<Text> = items.iter().map(|&text| text.clone()).collect();
    let tokenizer = Vocabulary::learn(&texts, &VocabularyConfig::new(unit))?.tokenizer;
    let wrong = |source| Error::Encoder { path: name.into(), source: Box::new(source) };
    let encoder = EncoderConfig::scratch(family, tokenizer.len()).map_err(wrong)?;
    let encoder = EncoderConfig {
        max_position_embeddings: tokenizer.max_tokens(),
        pad_token_id: tokenizer.pad() as usize,
        hidden_dropout: DROPOUT,
        classifier_dropout: DROPOUT,
        ..encoder
    };
    Ok((encoder, tokenizer))
}

/// The network of a config at the width of the vectors of a file, which its tokens begin with; and what there is to say of them.
pub(super) fn with_vectors(
    encoder: &EncoderConfig,
    tokenizer: &Tokenizer,
    file: &Path,
    device: &Device,
) -> Result<(EncoderConfig, TextBackbone, String), Error> {
    let wrong = |source| Error::Encoder { path: file.to_owned(), source: Box::new(source) };
    let ids = 0..u32::try_from(tokenizer.len()).unwrap_or(u32::MAX);
    let words: Vec<String> = ids.filter_map(|id| tokenizer.token(id)).collect();
    let vectors = WordVectors::read(file, WantedWords::Only(&words))?;
    let sized = EncoderConfig { embedding_size: vectors.dim, ..encoder.clone() };
    let sized = match encoder.family {
        // Its vectors are what it gives.
        Family::Mean => EncoderConfig { hidden_size: vectors.dim, ..sized },
        _ => sized,
    };
    sized.check().map_err(wrong)?;
    // What has none is drawn as the others are spread, the same for every seed.
    let table = vectors.table(tokenizer, 0);
    let rows: Vec<(usize, &[f32])> =
        table.vectors.chunks_exact(vectors.dim.max(1)).enumerate().collect();
    let backbone = TextBackbone::new(&sized, device).with_vectors(&rows).map_err(wrong)?;
    let said: Vec<String> = std::iter::once(vectors.describe()).chain(vectors.notes).collect();
    Ok((sized, backbone, said.join("; ")))
}
