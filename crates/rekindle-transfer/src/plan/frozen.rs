//! What does not move in a phase, and how a plan's text says it.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, SeqAccess, Visitor, value::SeqAccessDeserializer},
};

/// What does not move in a phase.
///
/// | as data | in TOML |
/// |---|---|
/// | `Nothing` | `"nothing"` |
/// | `Backbone` | `"backbone"` |
/// | `Stages(3)` | `3` |
/// | `AllBut(2)` | `{ all_but = 2 }` |
/// | `Pretrained` | `"pretrained"` |
/// | `Before("layer3")` | `"before layer3"` or `{ before = "layer3" }` |
/// | `Matching(["layer1.*"])` | `{ matching = ["layer1.*"] }` |
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frozen {
    /// Nothing.
    Nothing,
    /// Everything but the head.
    Backbone,
    /// Every weight of the backbone that a checkpoint has; what was added to them ([`Lora`](crate::Lora)) trains, and
    /// the head.
    Pretrained,
    /// This many stages, counted from the image.
    Stages(usize),
    /// Everything but the head and this many stages before it; nothing where there are no more.
    AllBut(usize),
    /// The stages before the one of this name.
    Before(String),
    /// Parameters by their names in checkpoints: globs such as `layer1.*` or `*.bn?.weight`, in which
    /// `*` stands for any characters and `?` for one, or regular expressions that begin with `^`. A
    /// pattern matches whole names.
    Matching(Vec<String>),
}

/// What a plan may say, for messages.
const CHOICES: &str = "\"nothing\", \"backbone\", \"pretrained\", a number of stages from the image, \
    \"before STAGE\", { before = \"STAGE\" }, { all_but = STAGES } or { matching = [\"PATTERN\"] }";

/// Keys of the tables among them.
const KEYS: &[&str] = &["before", "all_but", "matching"];

impl Serialize for Frozen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nothing => serializer.serialize_str("nothing"),
            Self::Backbone => serializer.serialize_str("backbone"),
            Self::Pretrained => serializer.serialize_str("pretrained"),
            Self::Stages(count) => count.serialize(serializer),
            Self::AllBut(count) => serializer.collect_map([("all_but", count)]),
            Self::Before(stage) => serializer.collect_map([("before", stage)]),
            Self::Matching(patterns) => serializer.collect_map([("matching", patterns)]),
        }
    }
}

impl<'de> Deserialize<'de> for Frozen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Choices)
    }
}

/// By hand, since a derived choice between kinds of values cannot say what the choices are.
struct Choices;

impl<'de> Visitor<'de> for Choices {
    type Value = Frozen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(CHOICES)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Frozen, E> {
        match text {
            "nothing" => Ok(Frozen::Nothing),
            "backbone" => Ok(Frozen::Backbone),
            "pretrained" => Ok(Frozen::Pretrained),
            _ => match text.strip_prefix("before ").map(str::trim) {
                Some(stage) if !stage.is_empty() => Ok(Frozen::Before(stage.to_owned())),
                _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
            },
        }
    }

    fn visit_u64<E: de::Error>(self, count: u64) -> Result<Frozen, E> {
        let stages = usize::try_from(count).map(Frozen::Stages);
        stages.map_err(|_| E::invalid_value(de::Unexpected::Unsigned(count), &self))
    }

    fn visit_i64<E: de::Error>(self, count: i64) -> Result<Frozen, E> {
        let stages = usize::try_from(count).map(Frozen::Stages);
        stages.map_err(|_| E::invalid_value(de::Unexpected::Signed(count), &self))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Frozen, M::Error> {
        let none = || de::Error::invalid_value(de::Unexpected::Map, &Choices);
        let frozen = match map.next_key::<String>()?.ok_or_else(none)?.as_str() {
            "before" => Frozen::Before(map.next_value()?),
            "all_but" => Frozen::AllBut(map.next_value()?),
            "matching" => Frozen::Matching(map.next_value::<Patterns>()?.0),
            key => return Err(de::Error::unknown_field(key, KEYS)),
        };
        match map.next_key::<String>()? {
            None => Ok(frozen),
            Some(key) => Err(de::Error::custom(format!(
                "`{key}` is one too many: what is frozen has one of {}",
                KEYS.join(", ")
            ))),
        }
    }
}

/// One pattern or several.
struct Patterns(Vec<String>);

impl<'de> Deserialize<'de> for Patterns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Patterns(Vec::new()))
    }
}

impl<'de> Visitor<'de> for Patterns {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pattern or a list of patterns over names of parameters")
    }

    fn visit_str<E: de::Error>(self, pattern: &str) -> Result<Self, E> {
        Ok(Self(vec![pattern.to_owned()]))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, patterns: S) -> Result<Self, S::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(patterns)).map(Self)
    }
}
