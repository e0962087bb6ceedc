//! `cargo xtask pin`: asks the Hub what each card's repository holds, and writes it to `weights/<family>.toml`.
//!
//! A pin is what users trust, so nothing is pinned that contradicts its card, and no pinned bytes are replaced by
//! others, unless `--force` says that somebody has looked. A pin whose bytes and facts are still right stays as it
//! is, whatever else the repository has committed since: its users need nothing new.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use rekindle_base::{causes, write_file};
use rekindle_cards::{Card, Pin, Which, select_on_hub};
use rekindle_hub::{Hub, Pinned};

pub(crate) const USAGE: &str = "usage: cargo xtask pin [--dry-run] [--force] [NAME...]

Pins what the Hub holds for a family, an architecture, a card or a pattern; all cards without a NAME.

  --dry-run  write nothing
  --force    pin what contradicts its card, and bytes that are others than those pinned before

Exits with 1 where a repository could not be asked, or something was left unpinned.";

/// What is to be done, besides asking.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Options {
    dry_run: bool,
    force: bool,
}

/// What became of a card.
#[derive(Debug, PartialEq)]
enum Status {
    /// There was no pin.
    New,
    /// There is one, and it is right.
    Unchanged,
    /// There was another.
    Changed,
    /// It was not pinned, for these reasons.
    Left(Vec<String>),
}

pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let mut options = Options::default();
    let mut names = Vec::new();
    for arg in args {
        match arg.as_str() {
            "--dry-run" => options.dry_run = true,
            "--force" => options.force = true,
            "--help" | "-h" => {
                println!("{USAGE}");
                return Ok(ExitCode::SUCCESS);
            }
            option if option.starts_with('-') => {
                eprintln!("no option is called {option}\n\n{USAGE}");
                return Ok(ExitCode::from(2));
            }
            name => names.push(name.to_owned()),
        }
    }
    let cards = cards(&names)?;
    let hub = Hub::from_env()?;
    let root = crate::root()?;
    let clean = pin(&root, &hub, &cards, options, &mut |card, status| match status {
        Status::New => println!("{:<42} pinned", card.name()),
        Status::Unchanged => println!("{:<42} as pinned", card.name()),
        Status::Changed => println!("{:<42} pinned anew", card.name()),
        Status::Left(reasons) => {
            println!("{:<42} NOT PINNED", card.name());
            reasons.iter().for_each(|reason| println!("    {reason}"));
        }
    })?;
    match (clean, options.dry_run) {
        (true, true) => println!("nothing was written: --dry-run"),
        (true, false) => {}
        (false, _) => println!("mend the cards, or look closely and add --force"),
    }
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The cards that names mean; all that are on the Hub without a name.
fn cards(names: &[String]) -> anyhow::Result<Vec<&'static Card>> {
    Ok(match names.is_empty() {
        true => select_on_hub(&["*".to_owned()], Which::All)?,
        false => select_on_hub(names, Which::All)?,
    })
}

/// Pins cards, a file a family; says whether none was left unpinned.
fn pin(
    root: &Path,
    hub: &Hub,
    cards: &[&Card],
    options: Options,
    tell: &mut dyn FnMut(&Card, &Status),
) -> anyhow::Result<bool> {
    let mut families: BTreeMap<&str, Vec<&Card>> = BTreeMap::new();
    for card in cards {
        families.entry(&card.family).or_default().push(card);
    }
    let mut clean = true;
    for (family, cards) in families {
        let file = format!("weights/{family}.toml");
        let path = root.join(&file);
        let before = match fs::read_to_string(&path) {
            Ok(text) => Pin::parse(&file, &text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        let mut pins = before.clone();
        for card in cards {
            let status = match hub.pin(card) {
                Ok(found) => place(&mut pins, found, options.force),
                Err(error) => Status::Left(vec![causes(&error)]),
            };
            clean &= !matches!(status, Status::Left(_));
            tell(card, &status);
        }
        if pins != before && !options.dry_run {
            write(&path, &Pin::to_toml(family, &pins)?)?;
        }
    }
    Ok(clean)
}

/// Puts a pin among the others, unless something speaks against it.
fn place(pins: &mut Vec<Pin>, found: Pinned, force: bool) -> Status {
    let Pinned { pin, mut differences } = found;
    let before = pins.iter().position(|old| old.card == pin.card && old.file == pin.file);
    if let Some(old) = before.and_then(|place| pins.get(place)) {
        for (name, _, before) in old.digests() {
            let now = pin.digests().find(|(other, ..)| *other == name);
            let (commits, Some((.., now))) = ([&old.commit, &pin.commit], now) else { continue };
            if now != before {
                differences.push(format!(
                    "the bytes of {name} are others than those pinned: {before} of commit {} became {now} of {}",
                    commits[0], commits[1]
                ));
            }
        }
        if differences.is_empty() && pin == (Pin { commit: pin.commit.clone(), ..old.clone() }) {
            return Status::Unchanged;
        }
    }
    if !differences.is_empty() && !force {
        return Status::Left(differences);
    }
    match before.and_then(|place| pins.get_mut(place)) {
        Some(old) => {
            *old = pin;
            Status::Changed
        }
        None => {
            pins.push(pin);
            Status::New
        }
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    write_file(path, text).with_context(|| format!("{}: cannot be written", path.display()))
}

#[cfg(test)]
mod tests;
