//! From a text to token numbers, as a checkpoint's own files say.

use std::{ops::Range, path::Path};

use rekindle_base::read_regular;
use serde_json::{Value, json};
use tokenizers::{
    EncodeInput, TruncationParams, TruncationStrategy,
    models::{bpe::BPE, wordpiece::WordPiece},
    normalizers::BertNormalizer,
    pre_tokenizers::{bert::BertPreTokenizer, byte_level::ByteLevel},
    processors::{bert::BertProcessing, roberta::RobertaProcessing},
};

use crate::{Coverage, Encoded, Error, Text, encoded::shortened};

mod file;

/// More bytes than the tokenizer of any language has, so that a hostile file cannot take all memory.
const LARGEST: u64 = 256 << 20;

/// Turns texts into token numbers.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    /// The whole of it, as `tokenizer.json` would have it.
    json: String,
    max_tokens: usize,
    pad: u32,
    unknown: Option<u32>,
    /// The crate stops reading a text where it is full, and cannot say then whether there was more: it knows only where it adds
    /// tokens, for which it leaves room. Where it adds none, texts are read whole and cut here.
    adds_nothing: bool,
}

/// Where a token stands: in which text of a pair, and from which byte to which; none of one that the tokenizer adds.
pub type TokenPlace = Option<(usize, Range<usize>)>;

impl Tokenizer {
    /// The tokenizer of a folder as the Hub has it: `tokenizer.json`, else `vocab.txt` (BERT's), else `vocab.json` with
    /// `merges.txt` (RoBERTa's). Texts are cut at the least of `most` tokens and what the folder's files say.
    ///
    /// `sentence_bert_config.json` decides the length where there is one, else `model_max_length` of `tokenizer_config.json`.
    /// What `tokenizer.json` itself says of padding and truncation is how somebody once used it, and does not count.
    ///
    /// # Errors
    ///
    /// If there is no such file, or it is damaged.
    pub fn open(folder: &Path, most: usize) -> Result<Self, Error> {
        let config = optional(&folder.join("tokenizer_config.json"))?;
        let sentence = optional(&folder.join("sentence_bert_config.json"))?;
        let length = |value: &Value, key: &str| value.get(key).and_then(Value::as_u64);
        let said =
            length(&sentence, "max_seq_length").or_else(|| length(&config, "model_max_length"));
        // transformers writes 10^30 where it knows of no limit.
        let max_tokens =
            said.and_then(|said| usize::try_from(said).ok()).map_or(most, |said| said.min(most));
        let file = folder.join("tokenizer.json");
        let (path, inner) = if file.is_file() {
            let inner = file::read(&read(&file)?).map_err(|error| broken(&file, &error))?;
            (file, inner)
        } else if folder.join("vocab.txt").is_file() {
            let file = folder.join("vocab.txt");
            let inner = word_pieces(&file, &config)?;
            (file, inner)
        } else if folder.join("vocab.json").is_file() && folder.join("merges.txt").is_file() {
            let file = folder.join("vocab.json");
            let inner = byte_pairs(&file, &folder.join("merges.txt"), &config)?;
            (file, inner)
        } else {
            return Err(Error::NoTokenizer { folder: folder.to_owned() });
        };
        Self::of(inner, max_tokens, &path)
    }

    /// The tokenizer of a `tokenizer.json`, which is called `path` in errors; texts are cut at `max_tokens`.
    ///
    /// # Errors
    ///
    /// If it is damaged, or `max_tokens` has no room for a token of the text.
    pub fn from_json(json: &str, max_tokens: usize, path: &Path) -> Result<Self, Error> {
        let inner = file::read(json.as_bytes()).map_err(|error| broken(path, &error))?;
        Self::of(inner, max_tokens, path)
    }

    fn of(mut inner: tokenizers::Tokenizer, max_tokens: usize, path: &Path) -> Result<Self, Error> {
        let cause = |cause: String| Error::Tokenizer { path: path.to_owned(), cause };
        let pad = inner.get_padding().map(|padding| padding.pad_id);
        let pad =
            ["[PAD]", "<pad>"].iter().find_map(|name| inner.token_to_id(name)).or(pad).unwrap_or(0);
        let unknown = ["[UNK]", "<unk>"].iter().find_map(|name| inner.token_to_id(name));
        inner.with_padding(None);
        let added = [false, true].map(|pair| {
            inner
                .get_post_processor()
                .map_or(0, |post| tokenizers::PostProcessor::added_tokens(post, pair))
        });
        let most = added[0].max(added[1]);
        if max_tokens <= most {
            return Err(cause(format!(
                "{max_tokens} tokens leave no room beside the {most} that it adds"
            )));
        }
        let strategy = TruncationStrategy::LongestFirst;
        let truncation =
            TruncationParams { max_length: max_tokens, strategy, ..TruncationParams::default() };
        inner.with_truncation(Some(truncation)).map_err(|error| cause(error.to_string()))?;
        let json = inner.to_string(false).map_err(|error| cause(error.to_string()))?;
        let post = serde_json::to_value(inner.get_post_processor());
        file::check_templates(&post.map_err(|error| cause(error.to_string()))?).map_err(cause)?;
        let adds_nothing = added == [0, 0];
        if adds_nothing {
            inner.with_truncation(None).map_err(|error| cause(error.to_string()))?;
        }
        Ok(Self { inner, json, max_tokens, pad, unknown, adds_nothing })
    }

    /// Tokens at which a text is cut, those that are added included.
    #[must_use]
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// The number that stands for nothing.
    #[must_use]
    pub fn pad(&self) -> u32 {
        self.pad
    }

    /// How many tokens there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// Whether it knows no token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The whole of it, as a `tokenizer.json` that Python's tokenizers loads.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The token of a number.
    #[must_use]
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// The number of a token.
    #[must_use]
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// A text as token numbers.
    ///
    /// # Errors
    ///
    /// If the tokenizer cannot read it.
    pub fn encode(&self, text: &Text) -> Result<Encoded, Error> {
        let found = self.whole(text)?;
        let mut encoded = Encoded {
            ids: found.get_ids().to_vec(),
            types: found.get_type_ids().iter().map(|id| u8::from(*id > 0)).collect(),
            cut: !found.get_overflowing().is_empty(),
        };
        if let Some(kept) = self.kept(&found) {
            encoded.keep(&kept);
        }
        Ok(encoded)
    }

    /// Which tokens are kept, where they are cut here.
    fn kept(&self, found: &tokenizers::Encoding) -> Option<Vec<bool>> {
        // Nobody tells the texts of a pair apart by types where nothing is added.
        let seconds = || found.get_sequence_ids().iter().map(|text| *text == Some(1)).collect();
        let is_long = self.adds_nothing && found.get_ids().len() > self.max_tokens;
        is_long.then(|| shortened(self.max_tokens, seconds()))
    }

    /// The same without the tokens that it adds; a text is cut where it is with them.
    ///
    /// # Errors
    ///
    /// Those of [`encode`](Self::encode).
    pub fn encode_alone(&self, text: &Text) -> Result<Encoded, Error> {
        if self.adds_nothing {
            return self.encode(text);
        }
        let found = self.whole(text)?;
        let mask = found.get_special_tokens_mask();
        let kept = |numbers: &[u32]| -> Vec<u32> {
            let own = numbers.iter().zip(mask).filter(|(_, added)| **added == 0);
            own.map(|(number, _)| *number).collect()
        };
        let types = kept(found.get_type_ids()).into_iter().map(|id| u8::from(id > 0)).collect();
        let cut = !found.get_overflowing().is_empty();
        Ok(Encoded { ids: kept(found.get_ids()), types, cut })
    }

    fn whole(&self, text: &Text) -> Result<tokenizers::Encoding, Error> {
        let found = self.inner.encode_fast(input(text), true);
        found.map_err(|error| Error::Text { name: text.called(), cause: error.to_string() })
    }

    /// The number that stands for what is not known, where there is one.
    #[must_use]
    pub fn unknown_id(&self) -> Option<u32> {
        self.unknown
    }

    /// What it makes of texts: how many tokens, how many of those unknown, how many texts longer than it reads.
    ///
    /// # Errors
    ///
    /// Those of [`encode`](Self::encode).
    pub fn coverage<'a>(
        &self,
        texts: impl IntoIterator<Item = &'a Text>,
    ) -> Result<Coverage, Error> {
        let mut found = Coverage::default();
        for text in texts {
            let encoded = self.encode_alone(text)?;
            found.texts += 1;
            found.tokens += encoded.ids.len();
            found.unknown += self.unknown(&encoded);
            found.cut += usize::from(encoded.cut);
        }
        Ok(found)
    }

    /// The tokens of a text as [`encode`](Self::encode) has them, and where each stands.
    ///
    /// # Errors
    ///
    /// If the tokenizer cannot read it.
    pub fn placed(&self, text: &Text) -> Result<Vec<(u32, TokenPlace)>, Error> {
        let found = self
            .inner
            .encode(input(text), true)
            .map_err(|error| Error::Text { name: text.called(), cause: error.to_string() })?;
        let kept = self.kept(&found);
        let place = |token: usize| {
            let (start, end) = *found.get_offsets().get(token)?;
            Some((found.token_to_sequence(token)?, start..end))
        };
        let tokens = found.get_ids().iter().enumerate();
        let tokens = tokens.filter(|(token, _)| kept.as_ref().is_none_or(|kept| kept[*token]));
        Ok(tokens.map(|(token, id)| (*id, place(token))).collect())
    }

    /// How many tokens of a text are unknown.
    #[must_use]
    pub fn unknown(&self, encoded: &Encoded) -> usize {
        self.unknown.map_or(0, |unknown| encoded.ids.iter().filter(|id| **id == unknown).count())
    }
}

fn input(text: &Text) -> EncodeInput<'_> {
    match &text.pair {
        Some(pair) => EncodeInput::Dual((*text.text).into(), (**pair).into()),
        None => EncodeInput::Single((*text.text).into()),
    }
}

fn broken(path: &Path, error: &tokenizers::Error) -> Error {
    Error::Tokenizer { path: path.to_owned(), cause: error.to_string() }
}

/// All of a regular file that is not larger than any tokenizer.
fn read(path: &Path) -> Result<Vec<u8>, Error> {
    read_regular(path, LARGEST).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// A file of JSON that may be missing.
fn optional(path: &Path) -> Result<Value, Error> {
    if !path.is_file() {
        return Ok(Value::Null);
    }
    let parsed = serde_json::from_slice(&read(path)?);
    parsed.map_err(|error| Error::Tokenizer { path: path.to_owned(), cause: error.to_string() })
}

/// BERT's: words cut at spaces and punctuation, then into the longest pieces that are known.
fn word_pieces(path: &Path, config: &Value) -> Result<tokenizers::Tokenizer, Error> {
    let text = String::from_utf8(read(path)?)
        .map_err(|error| Error::Tokenizer { path: path.to_owned(), cause: error.to_string() })?;
    let vocab: Vec<(String, u32)> =
        (0..).zip(text.lines()).map(|(id, line)| (line.to_owned(), id)).collect();
    let cause = |cause: &str| Error::Tokenizer { path: path.to_owned(), cause: cause.to_owned() };
    let id = |name: &str| vocab.iter().find(|(token, _)| token == name).map(|(_, id)| *id);
    let (Some(cls), Some(sep)) = (id("[CLS]"), id("[SEP]")) else {
        return Err(cause("it has no line `[CLS]` or no line `[SEP]`"));
    };
    let flag = |key: &str, usual: bool| config.get(key).and_then(Value::as_bool).unwrap_or(usual);
    let strip = config.get("strip_accents").and_then(Value::as_bool);
    let lower = flag("do_lower_case", true);
    let model = WordPiece::builder()
        .vocab(vocab.into_iter().collect::<ahash::AHashMap<_, _>>())
        .unk_token("[UNK]".to_owned())
        .build()
        .map_err(|error| broken(path, &error))?;
    let mut inner = tokenizers::Tokenizer::new(model);
    let normalizer = BertNormalizer::new(true, flag("tokenize_chinese_chars", true), strip, lower);
    inner.with_normalizer(Some(normalizer)).map_err(|error| broken(path, &error))?;
    inner.with_pre_tokenizer(Some(BertPreTokenizer));
    inner.with_post_processor(Some(BertProcessing::new(
        ("[SEP]".to_owned(), sep),
        ("[CLS]".to_owned(), cls),
    )));
    Ok(inner)
}

/// RoBERTa's: bytes, joined pair by pair.
fn byte_pairs(vocab: &Path, merges: &Path, config: &Value) -> Result<tokenizers::Tokenizer, Error> {
    let [names, pairs] = [vocab, merges].map(|path| read(path).map(|_| path.display().to_string()));
    let model = BPE::from_file(&names?, &pairs?).build().map_err(|error| broken(vocab, &error))?;
    let id = |name: &str| tokenizers::Model::token_to_id(&model, name);
    let (Some(cls), Some(sep)) = (id("<s>"), id("</s>")) else {
        let cause = "it has no token `<s>` or no token `</s>`".to_owned();
        return Err(Error::Tokenizer { path: vocab.to_owned(), cause });
    };
    let spaced = config.get("add_prefix_space").and_then(Value::as_bool).unwrap_or(false);
    let post = RobertaProcessing::new(("</s>".to_owned(), sep), ("<s>".to_owned(), cls));
    let mut inner = tokenizers::Tokenizer::new(model);
    inner.with_pre_tokenizer(Some(ByteLevel::default().add_prefix_space(spaced)));
    inner.with_post_processor(Some(post.add_prefix_space(spaced)));
    Ok(inner)
}

/// A `tokenizer.json` of whole words or characters.
pub(crate) fn whole_tokens(vocab: &[String], lower: bool, pre: &Value) -> Value {
    let numbered = vocab.iter().enumerate().map(|(id, token)| (token.clone(), Value::from(id)));
    let special = |id: usize, content: &str| {
        json!({"id": id, "content": content, "special": true, "single_word": false,
            "lstrip": false, "rstrip": false, "normalized": false})
    };
    let normalizer = if lower { json!({"type": "Lowercase"}) } else { Value::Null };
    json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [special(0, "[PAD]"), special(1, "[UNK]")],
        "normalizer": normalizer, "pre_tokenizer": pre, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": numbered.collect::<serde_json::Map<_, _>>(), "unk_token": "[UNK]"},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &str = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 1, "b": 2, "c": 3, "d": 4}, "unk_token": "[UNK]"}}"#;

    /// As the crate cuts them, which is told of texts that are a token longer than is read.
    #[test]
    fn what_is_cut_is_told_and_cut_as_usual() {
        let mut usual = tokenizers::Tokenizer::from_bytes(WORDS).unwrap();
        let word = ["a", "b", "c", "d"];
        let text = |count: usize| (0..count).map(|at| word[at % 4]).collect::<Vec<_>>().join(" ");
        for most in 1..9 {
            let own = Tokenizer::from_json(WORDS, most, Path::new("tokenizer.json")).unwrap();
            let strategy = TruncationStrategy::LongestFirst;
            let params =
                TruncationParams { max_length: most, strategy, ..TruncationParams::default() };
            usual.with_truncation(Some(params)).unwrap();
            for (first, second) in (0..12).flat_map(|first| (0..12).map(move |it| (first, it))) {
                let (first, second) = (text(first), text(second));
                let alone = usual.encode_fast(first.as_str(), true).unwrap();
                let found = own.encode(&Text::from(first.as_str())).unwrap();
                assert_eq!(found.ids, alone.get_ids(), "{most} {first}");
                assert_eq!(found.cut, first.split_whitespace().count() > most, "{most} {first}");
                let both = usual.encode_fast((first.as_str(), second.as_str()), true).unwrap();
                let pair = Text { pair: Some(second.as_str().into()), ..Text::new(first.as_str()) };
                let found = own.encode(&pair).unwrap();
                assert_eq!(found.ids, both.get_ids(), "{most} {first} | {second}");
                let all = first.split_whitespace().count() + second.split_whitespace().count();
                assert_eq!(found.cut, all > most, "{most} {first} | {second}");
                // Each token stands where its word does, and what is cut nowhere.
                let placed = own.placed(&pair).unwrap();
                let ids: Vec<u32> = placed.iter().map(|(id, _)| *id).collect();
                assert_eq!(ids, found.ids, "{most} {first} | {second}");
                for (id, place) in placed {
                    let (of, range) = place.unwrap();
                    assert_eq!([&*first, &*second][of].get(range), own.token(id).as_deref());
                }
            }
        }
    }
}
