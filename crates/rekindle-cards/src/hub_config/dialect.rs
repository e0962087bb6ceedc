//! Which tool wrote a `config.json`, where it is not timm.

use serde_json::{Map, Value};

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
