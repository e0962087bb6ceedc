//! Which tool wrote a `config.json`, where it is not timm.

use serde_json::{Map, Value};

use super::MAX_CONFIG_BYTES;
use crate::Error;

/// Keys that another tool's config has, and whose they are. The first one that is there names the tool.
const MARKS: [(&str, &str); 4] = [
    ("model_type", "transformers"),
    ("architectures", "transformers"),
    ("model_cfg", "OpenCLIP"),
    ("_class_name", "diffusers"),
];

/// The error that names another tool's config; none for timm's, which names its `architecture`.
pub(super) fn foreign(root: &Map<String, Value>) -> Option<Error> {
    if root.contains_key("architecture") {
        return None;
    }
    let (key, tool) = MARKS.into_iter().find(|(key, _)| root.contains_key(*key))?;
    // A hostile value is quoted in part only.
    let quoted: String = root.get(key)?.to_string().chars().take(60).collect();
    Some(Error::Dialect { tool, found: format!("{key} is {quoted}") })
}

/// Whether a `config.json` is transformers': an object with a `model_type`, and without the `architecture` that timm's and
/// ours have. One longer than [`MAX_CONFIG_BYTES`] is none.
///
/// # Examples
///
/// ```
/// use rekindle_cards::is_transformers;
///
/// assert!(is_transformers(r#"{"model_type": "bert", "hidden_size": 384}"#));
/// assert!(!is_transformers(r#"{"architecture": "resnet18", "num_classes": 2}"#));
/// ```
#[must_use]
pub fn is_transformers(text: &str) -> bool {
    let has = |root: &Value, key: &str| root.get(key).is_some();
    text.len() <= MAX_CONFIG_BYTES
        && serde_json::from_str::<Value>(text)
            .is_ok_and(|root| has(&root, "model_type") && !has(&root, "architecture"))
}
