//! The licenses that a page's head or a `config.json` states: one name, or a list of them.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// What stands for a license that is no name: it has terms of its own.
const OTHER: &str = "other";

/// How many licenses of one list are looked at; what has more is taken to have terms of its own.
const MOST: usize = 32;

/// The longest name of a license, in bytes; a longer one is taken to be terms of its own.
const LONGEST: usize = 200;

/// Licenses, in lower case and as they are stated; none where nothing is.
///
/// Whatever is neither a name nor a list of names is `other`: it says something, and nobody here knows what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatedLicenses(pub Vec<String>);

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    license: StatedLicenses,
    #[serde(default)]
    pretrained_cfg: Option<Nested>,
}

#[derive(Deserialize)]
struct Nested {
    #[serde(default)]
    license: StatedLicenses,
}

impl StatedLicenses {
    /// What the text of a `config.json` states, in either of timm's styles; nothing where it is not JSON.
    #[must_use]
    pub fn of_config(text: &str) -> Self {
        match serde_json::from_str::<Config>(text) {
            Ok(Config { license: Self(mut all), pretrained_cfg }) => {
                all.extend(pretrained_cfg.into_iter().flat_map(|nested| nested.license.0));
                Self(all)
            }
            // One that says it twice, or where nobody looks.
            Err(error) if error.is_data() => Self(vec![OTHER.to_owned()]),
            Err(_) => Self::default(),
        }
    }

    /// The names, one after the other.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<'de> Deserialize<'de> for StatedLicenses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Names)
    }
}

/// Terms that nobody here knows.
fn other() -> StatedLicenses {
    StatedLicenses(vec![OTHER.to_owned()])
}

/// Reads one name or a list, and keeps nothing of what is neither.
struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = StatedLicenses;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a license or a list of them")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(StatedLicenses::default())
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(StatedLicenses::default())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        let name = name.trim();
        Ok(StatedLicenses(match name.len() {
            0 => Vec::new(),
            1..=LONGEST => vec![name.to_ascii_lowercase()],
            _ => vec![OTHER.to_owned()],
        }))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(other())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(other())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(other())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(other())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(other())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while all.len() <= MOST {
            match list.next_element::<StatedLicenses>()? {
                Some(StatedLicenses(names)) => all.extend(names),
                None => return Ok(StatedLicenses(all)),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(other())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_stated_is_read_in_either_style() {
        let long = format!(r#"{{"license": "{}"}}"#, "a".repeat(201));
        let many = format!(r#"{{"license": [{}"mit"]}}"#, r#""mit","#.repeat(50));
        for (text, expected) in [
            ("{}", &[][..]),
            (r#"{"license": null}"#, &[]),
            (r#"{"license": " "}"#, &[]),
            (r#"{"license": "MIT"}"#, &["mit"]),
            (r#"{"license": ["MIT", "cc-by-nc-4.0"]}"#, &["mit", "cc-by-nc-4.0"]),
            (r#"{"license": 3}"#, &["other"]),
            (r#"{"license": -0.5}"#, &["other"]),
            (r#"{"license": {"name": "mit"}}"#, &["other"]),
            (r#"{"license": ["mit", {"a": [1, 2]}]}"#, &["mit", "other"]),
            (
                r#"{"license": "mit", "pretrained_cfg": {"license": "cc-by-nc-4.0"}}"#,
                &["mit", "cc-by-nc-4.0"],
            ),
            (r#"{"pretrained_cfg": {"license": "gpl-3.0", "tag": "a"}}"#, &["gpl-3.0"]),
            (r#"{"pretrained_cfg": null, "license": "mit"}"#, &["mit"]),
            // Said twice, or where nobody looks: something is stated, and it is not known what.
            (r#"{"license": "cc-by-nc-4.0", "license": "mit"}"#, &["other"]),
            (r#"{"pretrained_cfg": "a", "license": "mit"}"#, &["other"]),
            ("[1]", &["other"]),
            (&long, &["other"]),
            (&many, &["other"]),
            ("[", &[]),
            ("", &[]),
        ] {
            assert_eq!(StatedLicenses::of_config(text).0, expected, "{text}");
        }
    }
}
