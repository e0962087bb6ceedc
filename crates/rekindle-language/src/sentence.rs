//! What sentence-transformers keeps beside an encoder: how tokens become a text.

use std::path::Path;

use rekindle_base::read_regular;
use rekindle_layers::{Pooling, TextPool};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Error,
    pooling::{pooling_name, pooling_named},
};

/// More bytes than such a file has.
const LARGEST: u64 = 1 << 20;

#[derive(Debug, Deserialize)]
struct Part {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

/// How tokens become a text, by the `modules.json` of a folder; none where there is no such file.
///
/// # Errors
///
/// If a file is damaged, or a text goes through something that is not known here.
pub fn text_pool(folder: &Path) -> Result<Option<TextPool>, Error> {
    let file = folder.join("modules.json");
    if !file.is_file() {
        return Ok(None);
    }
    let parts: Vec<Part> = parsed(&file)?;
    let mut pool = TextPool { pooling: Pooling::Mean, normalize: false };
    for Part { path, kind } in &parts {
        match kind.rsplit('.').next().unwrap_or_default() {
            "Transformer" => {}
            "Pooling" => pool.pooling = pooling(&folder.join(path).join("config.json"))?,
            "Normalize" => pool.normalize = true,
            other => {
                let reason = "known are Transformer, Pooling, Normalize".to_owned();
                return Err(Error::Field {
                    field: "modules.json",
                    value: other.to_owned(),
                    reason,
                });
            }
        }
    }
    Ok(Some(pool))
}

/// How tokens become a text, kept beside weights.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    pooling_mode: String,
    normalize: bool,
}

/// How tokens become a text, as text for a file's metadata.
pub fn pool_to_json(pool: TextPool) -> String {
    json!({"pooling_mode": pooling_name(pool.pooling), "normalize": pool.normalize}).to_string()
}

/// The same back.
///
/// # Errors
///
/// If it is no such text.
pub fn pool_from_json(text: &str) -> Result<TextPool, Error> {
    let Kept { pooling_mode, normalize } = serde_json::from_str(text)?;
    Ok(TextPool { pooling: pooling_named(pooling_mode)?, normalize })
}

/// How tokens become a text of `dim` numbers, as files that sentence-transformers reads beside a config and weights: names
/// and texts.
pub fn pool_files(pool: TextPool, dim: usize) -> Vec<(&'static str, String)> {
    let module = |place: usize, path: &str, kind: &str| {
        let kind = format!("sentence_transformers.models.{kind}");
        json!({"idx": place, "name": place.to_string(), "path": path, "type": kind})
    };
    let mut modules = vec![module(0, "", "Transformer"), module(1, "1_Pooling", "Pooling")];
    if pool.normalize {
        modules.push(module(2, "2_Normalize", "Normalize"));
    }
    let mode = |of: Pooling| pool.pooling == of;
    let pooling = json!({
        "word_embedding_dimension": dim,
        "pooling_mode_cls_token": mode(Pooling::First),
        "pooling_mode_mean_tokens": mode(Pooling::Mean),
        "pooling_mode_max_tokens": mode(Pooling::Max),
        "pooling_mode_lasttoken": mode(Pooling::Last),
    });
    vec![
        ("modules.json", format!("{:#}\n", Value::Array(modules))),
        ("1_Pooling/config.json", format!("{pooling:#}\n")),
    ]
}

/// The one way of pooling that a config turns on.
fn pooling(file: &Path) -> Result<Pooling, Error> {
    let config: serde_json::Map<String, Value> = parsed(file)?;
    let on = |(name, value): (&String, &Value)| {
        (name.starts_with("pooling_mode_") && value.as_bool() == Some(true)).then(|| name.clone())
    };
    let named = config.get("pooling_mode").and_then(Value::as_str).map(str::to_owned);
    let on: Vec<String> = named.into_iter().chain(config.iter().filter_map(on)).collect();
    match on.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["pooling_mode_mean_tokens" | "mean"] => Ok(Pooling::Mean),
        ["pooling_mode_cls_token" | "cls"] => Ok(Pooling::First),
        ["pooling_mode_max_tokens" | "max"] => Ok(Pooling::Max),
        ["pooling_mode_lasttoken" | "lasttoken"] => Ok(Pooling::Last),
        _ => Err(Error::Field {
            field: "pooling_mode",
            value: on.join(", "),
            reason: "known are mean, cls, max and lasttoken, one at a time".to_owned(),
        }),
    }
}

fn parsed<T: for<'a> Deserialize<'a>>(file: &Path) -> Result<T, Error> {
    let read = |source| Error::Read { path: file.to_owned(), source };
    Ok(serde_json::from_slice(&read_regular(file, LARGEST).map_err(read)?)?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn parts_are_told_by_their_names() {
        let folder = std::env::temp_dir().join(format!("rekindle-modules-{}", std::process::id()));
        fs::create_dir_all(folder.join("1_Pooling")).unwrap();
        assert_eq!(text_pool(&folder).unwrap(), None);
        let check = |pooling: &str, modules: &str| {
            fs::write(folder.join("1_Pooling/config.json"), pooling).unwrap();
            fs::write(folder.join("modules.json"), modules).unwrap();
            text_pool(&folder)
        };
        let modules = |last: &str| {
            format!(
                r#"[{{"path": "", "type": "sentence_transformers.models.Transformer"}},
                {{"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}},
                {{"path": "2_Last", "type": "sentence_transformers.models.{last}"}}]"#
            )
        };
        for (config, pooling) in [
            (
                r#"{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false}"#,
                Pooling::Mean,
            ),
            (r#"{"pooling_mode_cls_token": true}"#, Pooling::First),
            (r#"{"pooling_mode": "max"}"#, Pooling::Max),
        ] {
            let found = check(config, &modules("Normalize")).unwrap();
            assert_eq!(found, Some(TextPool { pooling, normalize: true }), "{config}");
        }
        for (config, last, named) in [
            (r#"{"pooling_mode_cls_token": true}"#, "Dense", "Dense"),
            (
                r#"{"pooling_mode_cls_token": true, "pooling_mode_max_tokens": true}"#,
                "Normalize",
                "one at a time",
            ),
            ("{", "Normalize", "config.json"),
        ] {
            let error = check(config, &modules(last)).unwrap_err().to_string();
            assert!(error.contains(named), "{config} {last}: {error}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = std::env::temp_dir().join(format!("rekindle-pooled-{}", std::process::id()));
        for pooling in [Pooling::Mean, Pooling::First, Pooling::Max, Pooling::Last] {
            for normalize in [false, true] {
                let pool = TextPool { pooling, normalize };
                assert_eq!(pool_from_json(&pool_to_json(pool)).unwrap(), pool);
                fs::create_dir_all(folder.join("1_Pooling")).unwrap();
                for (name, text) in pool_files(pool, 8) {
                    fs::write(folder.join(name), text).unwrap();
                }
                assert_eq!(text_pool(&folder).unwrap(), Some(pool));
            }
        }
        fs::remove_dir_all(&folder).unwrap();
        for wrong in ["", "{}", r#"{"pooling_mode": "sum", "normalize": true}"#] {
            assert!(pool_from_json(wrong).is_err(), "{wrong}");
        }
    }
}
