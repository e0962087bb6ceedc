//! A `tokenizer.json` of somebody else: the crate that reads it believes it in places, and stops the program where it is wrong.

use serde::Deserialize;
use serde_json::Value;
use tokenizers::{Tokenizer, normalizers::Precompiled};

/// More pieces than a template of any checkpoint has; each may be a whole text.
const MOST_PIECES: usize = 32;

/// What the crate takes on trust.
#[derive(Deserialize)]
struct Believed {
    #[serde(default)]
    normalizer: Value,
}

/// What is in a file, if it is JSON, and the table of characters that SentencePiece precompiled is one.
pub(super) fn read(bytes: &[u8]) -> Result<Tokenizer, tokenizers::Error> {
    let believed: Believed = serde_json::from_slice(bytes)?;
    check_tables(&believed.normalizer)?;
    Tokenizer::from_bytes(bytes)
}

fn check_tables(step: &Value) -> Result<(), serde_json::Error> {
    if let Some(steps) = step.get("normalizers").and_then(Value::as_array) {
        return steps.iter().try_for_each(check_tables);
    }
    if step.get("type").and_then(Value::as_str) == Some("Precompiled") {
        Precompiled::deserialize(step)?;
    }
    Ok(())
}

/// Whether templates can be filled: looks through what is done behind the tokens of a text, one step or several.
pub(super) fn check_templates(step: &Value) -> Result<(), String> {
    if let Some(steps) = step.get("processors").and_then(Value::as_array) {
        return steps.iter().try_for_each(check_templates);
    }
    if step.get("type").and_then(Value::as_str) != Some("TemplateProcessing") {
        return Ok(());
    }
    let tokens = &step["special_tokens"];
    for (name, texts) in [("single", &["A"][..]), ("pair", &["A", "B"])] {
        let pieces = step.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if pieces.len() > MOST_PIECES {
            let found = pieces.len();
            return Err(format!(
                "its template `{name}` has {found} pieces, of at most {MOST_PIECES}"
            ));
        }
        let id = |piece: &Value, kind: &str| Some(piece.get(kind)?.get("id")?.as_str()?.to_owned());
        for piece in pieces {
            if let Some(token) = id(piece, "SpecialToken")
                && tokens.get(&token).is_none()
            {
                return Err(format!(
                    "its template `{name}` has `{token}`, which is no special token"
                ));
            }
            if let Some(text) = id(piece, "Sequence")
                && !texts.contains(&text.as_str())
            {
                return Err(format!("its template `{name}` has a text {text}, which there is not"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::Tokenizer;

    #[test]
    fn what_is_damaged_is_refused() {
        for (what, normalizer, decoder) in [
            ("cut", "null", "{"),
            ("no value", "null", "b"),
            ("a table", r#"{"type": "Precompiled", "precompiled_charsmap": "!"}"#, "null"),
            (
                "a table behind another step",
                r#"{"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Precompiled", "precompiled_charsmap": "AAAA"}]}"#,
                "null",
            ),
        ] {
            let json = format!(
                r#"{{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": {normalizer},
                "pre_tokenizer": null, "post_processor": null, "decoder": {decoder}, "model": {{"type": "WordLevel",
                "vocab": {{"[UNK]": 0}}, "unk_token": "[UNK]"}}}}"#
            );
            let found = Tokenizer::from_json(&json, 16, Path::new("tokenizer.json"));
            let error = found.map(|_| ()).unwrap_err().to_string();
            assert!(
                error.starts_with("tokenizer.json: no tokenizer can be made of it"),
                "{what}: {error}"
            );
        }
    }

    #[test]
    fn what_cannot_be_filled_is_refused() {
        let whole = |single: &str, pair: &str| {
            format!(
                r#"{{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
                "pre_tokenizer": {{"type": "Whitespace"}}, "decoder": null,
                "post_processor": {{"type": "Sequence", "processors": [{{"type": "TemplateProcessing",
                    "single": [{single}], "pair": [{pair}],
                    "special_tokens": {{"[CLS]": {{"id": "[CLS]", "ids": [1], "tokens": ["[CLS]"]}}}}}}]}},
                "model": {{"type": "WordLevel", "vocab": {{"[UNK]": 0, "[CLS]": 1, "a": 2}}, "unk_token": "[UNK]"}}}}"#
            )
        };
        let text = |id: &str| format!(r#"{{"Sequence": {{"id": "{id}", "type_id": 0}}}}"#);
        let token = |id: &str| format!(r#"{{"SpecialToken": {{"id": "{id}", "type_id": 0}}}}"#);
        let [a, b, cls, sep] = [text("A"), text("B"), token("[CLS]"), token("[SEP]")];
        let both = format!("{cls}, {a}, {b}");
        let long = vec![a.as_str(); 33].join(", ");
        for (single, pair, expected) in [
            (&format!("{cls}, {a}"), &both, Ok(vec![1, 2])),
            (
                &format!("{a}, {sep}"),
                &both,
                Err("template `single` has `[SEP]`, which is no special token"),
            ),
            (
                &format!("{cls}, {a}"),
                &format!("{a}, {sep}, {b}"),
                Err("template `pair` has `[SEP]`"),
            ),
            (
                &format!("{cls}, {b}"),
                &both,
                Err("template `single` has a text B, which there is not"),
            ),
            (&long, &both, Err("template `single` has 33 pieces, of at most 32")),
        ] {
            let found = Tokenizer::from_json(&whole(single, pair), 16, Path::new("tokenizer.json"));
            match (found, expected) {
                (Ok(tokenizer), Ok(ids)) => {
                    assert_eq!(tokenizer.encode(&"a".into()).unwrap().ids, ids);
                }
                (Err(error), Err(expected)) => {
                    assert!(error.to_string().contains(expected), "{error}");
                }
                (found, expected) => panic!("{expected:?}: {found:?}"),
            }
        }
    }
}
