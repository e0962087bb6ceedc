//! A pin: which bytes a card stands for, so that a changed or damaged file is noticed.
//!
//! ```toml
//! [[pin]]
//! card = "resnet18.a1_in1k"
//! repository = "timm/resnet18.a1_in1k"
//! commit = "491b427b45c94c7fb0e78b5474cc919aff584bbf"
//! file = "model.safetensors"
//! bytes = 46807446
//! # ...
//! [[pin.files]]                       # it decides on labels and preprocessing
//! name = "config.json"
//! # ...
//! [[pin.files]]                       # where the card names further files
//! name = "tokenizer.json"
//! # ...
//! ```

use std::{fmt::Debug, sync::OnceLock};

use serde::{Deserialize, Serialize};

use crate::family::parse_toml;
use crate::repository_path::is_within;
use crate::{Card, Error, InputSpec, files::FILES};

mod write;

/// One file of one revision of a repository, and what was found in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The card's name: `resnet18.a1_in1k`.
    pub card: String,
    /// The Hub repository: `timm/resnet18.a1_in1k`.
    pub repository: String,
    /// The revision, 40 hexadecimal digits in lower case.
    pub commit: String,
    /// The file within the repository: `model.safetensors`.
    pub file: String,
    /// The file's size in bytes.
    pub bytes: u64,
    /// The file's SHA-256, 64 hexadecimal digits in lower case.
    pub sha256: String,
    /// The license that the repository states; `None` where it states none.
    pub license: Option<String>,
    /// Path of the classifier layer within the checkpoint.
    pub classifier: String,
    /// Outputs of the classifier.
    pub classes: usize,
    /// Trainable parameters, the classifier included.
    pub parameters: usize,
    /// What the repository's config says of the input.
    pub input: InputSpec,
    /// What the weights need besides them: `config.json`, then the files that the card names, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PinnedFile>,
}

/// A file that a checkpoint needs besides its weights, such as a tokenizer, and which bytes it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinnedFile {
    /// The file within the repository: `tokenizer.json`.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256, 64 hexadecimal digits in lower case.
    pub sha256: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    pin: Vec<Pin>,
}

impl Pin {
    /// The file that says what weights are: as much depends on its bytes as on theirs.
    pub const CONFIG: &str = "config.json";

    /// Reads the text of `weights/<family>.toml`; `file` names it in errors.
    ///
    /// # Errors
    ///
    /// [`Error::Toml`] where the text is not a list of pins, [`Error::Rows`] with every pin that holds a
    /// malformed hash, a path out of the repository or a value out of range, that says nothing of `config.json`, or that
    /// is listed twice.
    pub fn parse(file: &str, text: &str) -> Result<Vec<Self>, Error> {
        let File { pin: pins } = parse_toml(file, text)?;
        let mut problems = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for pin in &pins {
            let mut found = pin.problems();
            if !seen.insert((&pin.card, &pin.file)) {
                found.push(format!("{} is pinned twice", pin.file));
            }
            problems.extend(found.into_iter().map(|problem| format!("{}: {problem}", pin.card)));
        }
        if problems.is_empty() {
            Ok(pins)
        } else {
            Err(Error::Rows { file: file.to_owned(), problems })
        }
    }

    /// Name, size in bytes and SHA-256 of each file that is pinned, the weights first.
    pub fn digests(&self) -> impl Iterator<Item = (&str, u64, &str)> {
        let weights = (self.file.as_str(), self.bytes, self.sha256.as_str());
        let others = self.files.iter();
        let others = others.map(|file| (file.name.as_str(), file.bytes, file.sha256.as_str()));
        std::iter::once(weights).chain(others)
    }

    /// Where the repository says something else than a card, one line a difference; none where both agree.
    ///
    /// That a repository states no license is a statement as well.
    #[must_use]
    pub fn differences(&self, card: &Card) -> Vec<String> {
        let mut differences = Vec::new();
        let mut compare = |what: &str, card: String, repository: String| {
            if card != repository {
                differences.push(format!("{what} is {repository}, the card says {card}"));
            }
        };
        let license = |license: &Option<String>| license.clone().unwrap_or("unstated".to_owned());
        let repository = card.repository.clone().unwrap_or_else(|| self.repository.clone());
        compare("repository", repository, self.repository.clone());
        compare("license", license(&card.license), license(&self.license));
        compare("classifier", card.classifier.clone(), self.classifier.clone());
        compare("classes", card.classes.to_string(), self.classes.to_string());
        compare("parameters", card.parameters.to_string(), self.parameters.to_string());
        let names = |files: &[&str]| match files {
            [] => "none".to_owned(),
            files => files.join(", "),
        };
        let ours: Vec<&str> = card.files.iter().map(String::as_str).collect();
        // Every checkpoint has a config; no card names it.
        let further = self.files.iter().filter(|file| file.name != Self::CONFIG);
        let theirs: Vec<&str> = further.map(|file| file.name.as_str()).collect();
        compare("files", names(&ours), names(&theirs));
        let (InputSpec::Image(ours), InputSpec::Image(theirs)) = (&card.input, &self.input) else {
            if card.input != self.input {
                compare("input", format!("{:?}", card.input), format!("{:?}", self.input));
            }
            return differences;
        };
        let mut compare = |what: &str, card: &dyn Debug, repository: &dyn Debug| {
            compare(what, format!("{card:?}"), format!("{repository:?}"));
        };
        compare("input_size", &ours.input_size, &theirs.input_size);
        compare("interpolation", &ours.interpolation, &theirs.interpolation);
        compare("crop_pct", &ours.crop_pct, &theirs.crop_pct);
        compare("crop_mode", &ours.crop_mode, &theirs.crop_mode);
        compare("mean", &ours.mean, &theirs.mean);
        compare("std", &ours.std, &theirs.std);
        differences
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |key: &str, value: &str, digits: usize| {
            let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            if value.len() != digits || !value.bytes().all(hexadecimal) {
                problems.push(format!("{key} is not {digits} hexadecimal digits in lower case"));
            }
        };
        check("commit", &self.commit, 40);
        for (name, _, sha256) in self.digests() {
            check(&format!("sha256 of {name}"), sha256, 64);
        }
        if self.repository.split('/').filter(|part| !part.is_empty()).count() != 2 {
            problems.push(format!("repository `{}` is not `owner/name`", self.repository));
        }
        let mut seen = std::collections::BTreeSet::new();
        for (name, bytes, _) in self.digests() {
            if !is_within(name) {
                problems.push(format!("file `{name}` is not a path within the repository"));
            }
            if bytes == 0 {
                problems.push(format!("bytes of {name} is 0"));
            }
            if !seen.insert(name) {
                problems.push(format!("{name} is named twice"));
            }
        }
        if !self.files.iter().any(|file| file.name == Self::CONFIG) {
            problems.push(format!("{} is not pinned; run `cargo xtask pin`", Self::CONFIG));
        }
        if self.parameters == 0 {
            problems.push("parameters is 0".to_owned());
        }
        problems.extend(self.input.problems());
        problems
    }
}

/// Every pin, read once.
///
/// # Errors
///
/// What [`Pin::parse`] found wrong with an embedded file; the tests of this crate rule it out.
pub fn pins() -> Result<&'static [Pin], Error> {
    static PINS: OnceLock<Result<Vec<Pin>, Error>> = OnceLock::new();
    let parse = || {
        let files = FILES.iter().map(|(_, _, file, text)| Pin::parse(file, text));
        Ok(files.collect::<Result<Vec<_>, _>>()?.concat())
    };
    PINS.get_or_init(parse).as_deref().map_err(Error::clone)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        [[pin]]
        card = "resnet18.a1_in1k"
        repository = "timm/resnet18.a1_in1k"
        commit = "0123456789abcdef0123456789abcdef01234567"
        file = "model.safetensors"
        bytes = 46807446
        sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        license = "apache-2.0"
        classifier = "fc"
        classes = 1000
        parameters = 11689512
        [pin.input.image]
        input_size = [3, 224, 224]
        interpolation = "bicubic"
        crop_pct = 0.95
        crop_mode = "center"
        mean = [0.485, 0.456, 0.406]
        std = [0.229, 0.224, 0.225]
        [[pin.files]]
        name = "config.json"
        bytes = 612
        sha256 = "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    "#;

    #[test]
    fn embedded_pins_stand_for_cards() {
        for pin in pins().unwrap() {
            let card = crate::find(&pin.card).unwrap();
            assert_eq!((card.name(), card.classes), (pin.card.clone(), pin.classes));
        }
    }

    #[test]
    fn a_pin_survives_writing_and_reading() {
        let mut pins = Pin::parse("weights/a.toml", GOOD).unwrap();
        let file =
            |name: &str| PinnedFile { name: name.to_owned(), bytes: 7, sha256: "0".repeat(64) };
        let another = Pin {
            files: vec![file("config.json"), file("vocab.txt"), file("a/b.json")],
            file: "other.safetensors".to_owned(),
            ..pins[0].clone()
        };
        let card = crate::find(&another.card).unwrap();
        let expected = "files is vocab.txt, a/b.json, the card says none";
        assert_eq!(another.differences(card), [expected]);
        let named: Vec<&str> = another.digests().map(|(name, ..)| name).collect();
        assert_eq!(named, ["other.safetensors", "config.json", "vocab.txt", "a/b.json"]);
        pins.push(another);
        let written = toml::to_string(&std::collections::BTreeMap::from([("pin", &pins)])).unwrap();
        assert_eq!(Pin::parse("weights/a.toml", &written).unwrap(), pins);
    }

    #[test]
    fn a_pin_is_compared_with_its_card_in_everything() {
        let pin = Pin::parse("weights/a.toml", GOOD).unwrap().remove(0);
        let card = crate::find(&pin.card).unwrap();
        assert_eq!(pin.differences(card), Vec::<String>::new());
        let check = |from: &str, to: &str, expected: &str| {
            let text = GOOD.replace(from, to);
            assert_ne!(text, GOOD, "{from}");
            let other = Pin::parse("weights/a.toml", &text).unwrap().remove(0);
            assert_eq!(other.differences(card), [expected]);
        };
        check(
            "\"timm/",
            "\"tinn/",
            "repository is tinn/resnet18.a1_in1k, the card says timm/resnet18.a1_in1k",
        );
        check("apache-2.0", "mit", "license is mit, the card says apache-2.0");
        check("license = \"apache-2.0\"", "", "license is unstated, the card says apache-2.0");
        check("\"fc\"", "\"head\"", "classifier is head, the card says fc");
        check("classes = 1000", "classes = 999", "classes is 999, the card says 1000");
        check("= 11689512", "= 11689513", "parameters is 11689513, the card says 11689512");
        check(
            "[3, 224, 224]",
            "[3, 224, 225]",
            "input_size is [3, 224, 225], the card says [3, 224, 224]",
        );
        check("bicubic", "bilinear", "interpolation is Bilinear, the card says Bicubic");
        check("0.95", "0.875", "crop_pct is 0.875, the card says 0.95");
        check("center", "squash", "crop_mode is Squash, the card says Center");
        check(
            "[0.485,",
            "[0.5,",
            "mean is [0.5, 0.456, 0.406], the card says [0.485, 0.456, 0.406]",
        );
        check(
            "[0.229,",
            "[0.5,",
            "std is [0.5, 0.224, 0.225], the card says [0.229, 0.224, 0.225]",
        );
    }

    #[test]
    fn a_bad_pin_is_an_error_that_names_file_and_key() {
        let check = |from: &str, to: &str, key: &str| {
            let text = GOOD.replace(from, to);
            assert_ne!(text, GOOD, "{from}");
            let message = Pin::parse("weights/a.toml", &text).unwrap_err().to_string();
            assert!(message.contains("weights/a.toml") && message.contains(key), "{message}");
        };
        check("01234567\"", "0123456\"", "commit");
        check("sha256 = \"0", "sha256 = \"G", "sha256");
        check("model.safetensors", "../model.safetensors", "file");
        check("model.safetensors", "C:\\\\model", "file");
        check("bytes = 46807446", "bytes = 0", "bytes");
        check("bytes = 46807446", "bytes = -1", "-1");
        check("bytes = 46807446", "", "bytes");
        let with_file = |name: &str, bytes: u64, digit: &str| {
            format!(
                "[0.229, 0.224, 0.225]\n[[pin.files]]\nname = \"{name}\"\nbytes = {bytes}\nsha256 = \"{}\"\n",
                digit.repeat(64)
            )
        };
        let std = "[0.229, 0.224, 0.225]";
        check(std, &with_file("../vocab.txt", 7, "0"), "`../vocab.txt` is not a path");
        check(std, &with_file("vocab.txt", 0, "0"), "bytes of vocab.txt is 0");
        check(std, &with_file("vocab.txt", 7, "A"), "sha256 of vocab.txt");
        check(std, &with_file("model.safetensors", 7, "0"), "model.safetensors is named twice");
        check("config.json", "config.yaml", "config.json is not pinned");
        check("bytes", "byte", "byte");
        check("crop_pct = 0.95", "crop_pct = 9.5", "crop_pct");
        check("[0.485, 0.456, 0.406]", "[0.485, 0.456]", "mean");
        check("timm/resnet18", "resnet18", "repository");
        let twice = Pin::parse("weights/a.toml", &GOOD.repeat(2)).unwrap_err().to_string();
        assert!(twice.contains("twice"), "{twice}");
    }

    #[test]
    fn a_truncated_file_is_never_half_a_pin() {
        for end in (0..GOOD.len()).filter(|end| GOOD.is_char_boundary(*end)) {
            let pins = Pin::parse("weights/a.toml", &GOOD[..end]).unwrap_or_default();
            let whole = pins.iter().all(|pin| pin.input.image(&pin.card).unwrap().std.len() == 3);
            assert!(whole, "cut at {end}");
        }
    }
}
