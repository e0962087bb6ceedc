//! From timm's JSON to a [`HubConfig`]: every key that is missing or of the wrong type is collected.

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{HubConfig, MAX_CLASSES, Own, model_args};
use crate::{CropMode, InputSpec, Interpolation, Preprocessing};

/// timm's `IMAGENET_DEFAULT_MEAN`, in `[0, 1]`.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// timm's `IMAGENET_DEFAULT_STD`, in `[0, 1]`.
const STD: [f32; 3] = [0.229, 0.224, 0.225];
/// timm's default input, where a config gives none.
const INPUT_SIZE: [usize; 3] = [3, 224, 224];
/// timm's `DEFAULT_CROP_PCT`.
const CROP_PCT: f64 = 0.875;

/// The config, or every key that stands in its way.
pub(super) fn config(root: &Map<String, Value>) -> Result<HubConfig, Vec<String>> {
    let mut keys = Keys { root, nested: None, problems: Vec::new() };
    keys.nested = match root.get("pretrained_cfg") {
        Some(Value::Object(nested)) => Some(nested),
        Some(Value::Null) | None => None,
        Some(other) => {
            keys.wrong("pretrained_cfg", "an object", other);
            None
        }
    };

    let architecture: Option<String> = keys.get("architecture", "a name");
    let classes: Option<usize> = keys.get("num_classes", "a count");
    for (key, missing) in
        [("architecture", architecture.is_none()), ("num_classes", classes.is_none())]
    {
        if missing && keys.lookup(key).is_none() {
            keys.problems.push(format!("{key} is missing"));
        }
    }
    // Before anything is made for each of them.
    keys.problems.extend(classes.and_then(too_many));
    let labels = keys.labels(classes.unwrap_or_default().min(MAX_CLASSES));
    let own = keys.own();
    let size = "channels, height and width";
    let image = Preprocessing {
        input_size: keys.get("input_size", size).unwrap_or(INPUT_SIZE),
        interpolation: keys
            .get("interpolation", "nearest, bilinear, bicubic or lanczos")
            .unwrap_or(Interpolation::Bicubic),
        crop_pct: keys.get("crop_pct", "a number").unwrap_or(CROP_PCT),
        crop_mode: keys.get("crop_mode", "center, squash or border").unwrap_or(CropMode::Center),
        mean: keys.get("mean", "a list of numbers").unwrap_or_else(|| MEAN.to_vec()),
        std: keys.get("std", "a list of numbers").unwrap_or_else(|| STD.to_vec()),
    };
    let model_args: Option<Map<String, Value>> = keys.get("model_args", "an object");
    let found = model_args::problems(
        &model_args.unwrap_or_default(),
        image.input_size,
        classes.unwrap_or_default(),
    );
    keys.problems.extend(found);
    let config = HubConfig {
        architecture: architecture.unwrap_or_default(),
        tag: keys.get("tag", "a name").unwrap_or_default(),
        classes: classes.unwrap_or_default(),
        features: keys.get("num_features", "a count"),
        input: own.input.unwrap_or(InputSpec::Image(image)),
        task: own.task.unwrap_or_default(),
        temperature: own.temperature,
        test_input_size: keys.get("test_input_size", size),
        test_crop_pct: keys.get("test_crop_pct", "a number"),
        fixed_input_size: keys.get("fixed_input_size", "true or false").unwrap_or(false),
        first_conv: keys.path("first_conv"),
        classifier: keys.path("classifier"),
        license: keys
            .get("license", "an identifier")
            .filter(|license: &String| !license.is_empty()),
        labels,
        descriptions: keys.get("label_descriptions", "an object of texts").unwrap_or_default(),
    };
    if keys.problems.is_empty() { Ok(config) } else { Err(keys.problems) }
}

/// What is wrong with a number of classes.
pub(super) fn too_many(classes: usize) -> Option<String> {
    (classes > MAX_CLASSES)
        .then(|| format!("num_classes is {classes}, more than the limit of {MAX_CLASSES}"))
}

/// A config's keys, wherever its style keeps them.
struct Keys<'a> {
    root: &'a Map<String, Value>,
    nested: Option<&'a Map<String, Value>>,
    problems: Vec<String>,
}

impl<'a> Keys<'a> {
    /// The value of a key, the outer object before `pretrained_cfg`; `null` counts as absent.
    fn lookup(&self, key: &str) -> Option<&'a Value> {
        let outer = self.root.get(key).filter(|value| !value.is_null());
        outer.or_else(|| self.nested?.get(key).filter(|value| !value.is_null()))
    }

    /// The value of a key, or a problem if it is of another type.
    fn get<T: DeserializeOwned>(&mut self, key: &str, expected: &str) -> Option<T> {
        let value = self.lookup(key)?;
        let read = T::deserialize(value).ok();
        if read.is_none() {
            self.wrong(key, expected, value);
        }
        read
    }

    /// The path of a layer: the first of a list, as RepVGG's two convolutions that read the picture have.
    fn path(&mut self, key: &str) -> Option<String> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Paths {
            One(String),
            Several(Vec<String>),
        }
        match self.get(key, "a path or a list of paths")? {
            Paths::One(path) => Some(path),
            Paths::Several(paths) => paths.into_iter().next(),
        }
    }

    fn wrong(&mut self, key: &str, expected: &str, found: &Value) {
        // A hostile value is quoted in part only.
        let quoted: String = found.to_string().chars().take(40).collect();
        self.problems.push(format!("{key} is {quoted}, not {expected}"));
    }

    /// What is of Rekindle's own; whatever it does not know of it is named.
    fn own(&mut self) -> Own {
        let Some(value) = self.root.get("rekindle").filter(|value| !value.is_null()) else {
            return Own::default();
        };
        Own::deserialize(value).unwrap_or_else(|error| {
            self.problems.push(format!("rekindle: {error}"));
            Own::default()
        })
    }

    /// A list of names, or an object from class to name, which may leave classes out; `labels` is timm's former
    /// name for it.
    fn labels(&mut self, classes: usize) -> Vec<String> {
        let key = if self.lookup("label_names").is_some() { "label_names" } else { "labels" };
        if !matches!(self.lookup(key), Some(Value::Object(_))) {
            return self.get(key, "a list of names").unwrap_or_default();
        }
        let by_class: BTreeMap<usize, String> = self.get(key, "names by class").unwrap_or_default();
        match by_class.last_key_value() {
            Some((last, _)) if *last >= classes => {
                self.problems.push(format!("{key} names class {last}, num_classes is {classes}"));
                Vec::new()
            }
            Some(_) => {
                let name =
                    |class| by_class.get(&class).cloned().unwrap_or(format!("class {class}"));
                (0..classes).map(name).collect()
            }
            None => Vec::new(),
        }
    }
}
