//! Rules for cards and pins: they parse, the crate embeds them, and every architecture has one.

use std::fs;
use std::path::Path;

use rekindle_cards::{Error, Family, Pin};

use super::{File, Problem};

/// Folders of the root that the crate links to.
const LINKED: [&str; 2] = ["models", "weights"];
/// The crate that embeds them.
const CRATE: &str = "crates/rekindle-cards";
/// Where the tables of architectures are, and how a row of one begins.
const TABLES: (&str, &str) = ("crates/rekindle-vision/src/", "Variant(\"");

pub(super) fn problems(root: &Path, files: &[File]) -> Vec<Problem> {
    let mut problems: Vec<Problem> =
        LINKED.iter().filter_map(|folder| broken_link(root, folder)).collect();
    for file in files {
        match file.path.split_once('/') {
            Some(("models", name)) => problems.extend(family(file, name)),
            Some(("weights", name)) if name.ends_with(".toml") => problems.extend(pins(file)),
            _ => {}
        }
        if file.path.starts_with(TABLES.0) {
            problems.extend(rows_without_cards(file));
        }
    }
    problems
}

/// Rows `Variant("resnet18", 11_689_512, ...)` that have no card.
fn rows_without_cards(file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        let row = line.trim_start().strip_prefix(TABLES.1).and_then(|row| row.split_once("\", "));
        if let Some((name, _)) = row
            && rekindle_cards::find(name).is_err()
        {
            let message = format!("`{name}` has no card: add one to models/");
            problems.push(Problem::new(&file.path, number + 1, message));
        }
    }
    problems
}

/// A crate is packaged from its own folder, so the root's folders must be reachable in it.
fn broken_link(root: &Path, folder: &str) -> Option<Problem> {
    let link = format!("{CRATE}/{folder}");
    let target = fs::canonicalize(root.join(folder)).ok();
    if target.is_some() && fs::canonicalize(root.join(&link)).ok() == target {
        return None;
    }
    Some(Problem::new(&link, 1, format!("does not lead to {folder}/: link it to ../../{folder}")))
}

fn family(file: &File, name: &str) -> Vec<Problem> {
    let Some(stem) = name.strip_suffix(".toml") else {
        return vec![Problem::new(
            &file.path,
            1,
            "models/ holds a family's cards in <family>.toml, nothing else",
        )];
    };
    let family = match Family::parse(&file.path, &file.text) {
        Ok(family) => family,
        Err(error) => return reported(file, &error),
    };
    let mut problems = Vec::new();
    if family.name != stem {
        let line = line_of(&file.text, "name");
        problems.push(Problem::new(
            &file.path,
            line,
            format!("the family's name is not the file's, `{stem}`"),
        ));
    }
    let embedded = rekindle_cards::families().unwrap_or_default();
    if !embedded.iter().any(|embedded| embedded.name == family.name) {
        problems.push(Problem::new(
            &file.path,
            1,
            format!("not embedded: list it in {CRATE}/src/files.rs"),
        ));
    }
    problems
}

fn pins(file: &File) -> Vec<Problem> {
    let pins = match Pin::parse(&file.path, &file.text) {
        Ok(pins) => pins,
        Err(error) => return reported(file, &error),
    };
    let unknown = pins.iter().filter(|pin| rekindle_cards::find(&pin.card).is_err());
    let problem = |pin: &Pin| {
        Problem::new(&file.path, line_of(&file.text, &pin.card), "pins a card that does not exist")
    };
    unknown.map(problem).collect()
}

/// One problem a row, as this crate tells them.
fn reported(file: &File, error: &Error) -> Vec<Problem> {
    match error {
        Error::Toml { line, problem, .. } => {
            vec![Problem::new(&file.path, *line, problem.as_str())]
        }
        Error::Rows { problems, .. } => {
            problems.iter().map(|problem| Problem::new(&file.path, 1, problem.as_str())).collect()
        }
        other => vec![Problem::new(&file.path, 1, other.to_string())],
    }
}

fn line_of(text: &str, part: &str) -> usize {
    1 + text.lines().position(|line| line.contains(part)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        problems(&root, &[File::new(path, text)])
            .iter()
            .map(|problem| format!("{problem}\n"))
            .collect()
    }

    #[test]
    fn the_crate_links_to_the_roots_folders() {
        assert_eq!(messages("README.md", ""), "");
        let nowhere = problems(Path::new("nowhere"), &[]);
        assert_eq!(nowhere.len(), LINKED.len(), "{nowhere:?}");
    }

    #[test]
    fn cards_and_pins_parse_and_belong_together() {
        let check = |path: &str, text: &str, part: &str| {
            let found = messages(path, text);
            assert!(found.contains(part), "no `{part}` in: {found}");
        };
        check("models/a.toml", "\nfamily = ", "models/a.toml:2: ");
        check("models/a.toml", "", "missing field");
        check("models/notes.md", "", "nothing else");
        check("weights/a.toml", "[[pin]]\ncard = 3", "weights/a.toml:");
        assert_eq!(messages("weights/a.toml", "# no pin yet\n"), "");
        assert_eq!(messages("weights/NOTICE.md", "anything"), "");
    }

    #[test]
    fn every_row_of_an_architecture_has_a_card_of_its_size() {
        let path = "crates/rekindle-vision/src/a.rs";
        let check = |row: &str, expected: &str| {
            let found = messages(path, &format!("\n    {row}\n"));
            assert!(found.contains(expected) && found.is_empty() == expected.is_empty(), "{found}");
        };
        check("Variant(\"resnet18\", 11_689_512, ResNetConfig { ..BASIC }),", "");
        check(
            "Variant(\"resnet19\", 11_689_512, ResNetConfig { ..BASIC }),",
            "a.rs:2: `resnet19` has no card",
        );
        check("variants.iter().map(|&Variant(name, parameters, row)| name)", "");
        let tables =
            super::super::tree::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
        let rows = tables.iter().filter(|file| file.path.starts_with(TABLES.0));
        let rows = rows
            .flat_map(|file| file.text.lines())
            .filter(|line| line.trim_start().starts_with(TABLES.1));
        assert!(rows.count() > 50, "the tables are no longer where this rule looks for them");
    }

    #[test]
    fn a_family_is_named_after_its_file_and_embedded() {
        let family = |name: &str| {
            format!(
                "[family]\nname = \"{name}\"\npaper = \"p\"\nuse = \"u\"\n[papers]\n\
                 p = {{ title = \"t\", url = \"u\" }}\n[defaults]\n[[architecture]]\nname = \"a\"\n\
                 cards = [{{ tag = \"b\", license = \"mit\", classes = 1, parameters = 1, classifier = \"fc\", \
                 input_size = [3, 8, 8], interpolation = \"bilinear\", crop_pct = 1.0, crop_mode = \"center\", \
                 mean = [0.5], std = [0.5] }}]\n"
            )
        };
        assert_eq!(messages("models/vgg.toml", &family("vgg")), "");
        assert!(
            messages("models/vgg.toml", &family("resnet"))
                .contains("vgg.toml:2: the family's name")
        );
        assert!(messages("models/new.toml", &family("new")).contains("not embedded"));
        assert!(
            messages("models/vgg.toml", &family("vgg").replace("1.0", "2.0"))
                .contains("a.b: crop_pct")
        );
    }
}
