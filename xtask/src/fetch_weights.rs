//! `cargo xtask fetch-weights`: has weights in the cache that is shared with Python's huggingface_hub.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};
use rekindle_cards::{Card, Which, all_defaults, select_on_hub};
use rekindle_hub::{Act, FetchRow, Hashing, Hub, HubSettings, Watch, policy};

use crate::fetching::{metered, table};

pub(crate) const USAGE: &str = "usage: cargo xtask fetch-weights [OPTIONS] NAME... | --all-default

Fetches the weights of cards and architectures, of all defaults of a family, or of what a pattern matches.

  --all-default          the default weights of every architecture
  --check                download nothing: look whether they are in the cache, and are what they are to be
  --dry-run              download nothing: say what would be
  --verify               hash files of the cache again, whether they changed or not
  --accept-license NAME  use weights under a license that is not permissive; may be repeated. REKINDLE_LICENSES
                         may name a file with `accept = [\"NAME\"]` instead

Exits with 1 where any weights are missing, damaged, refused or not to be had.";

/// What was asked for.
#[derive(Debug, PartialEq)]
struct Options {
    names: Vec<String>,
    all_default: bool,
    act: Act,
    hashing: Hashing,
    accepted: Vec<String>,
}

pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        println!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    }
    let options = match options(args) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}");
            return Ok(ExitCode::from(2));
        }
    };
    let (cards, policy) = (options.cards()?, policy(&options.accepted)?);
    let hub = Hub::new(HubSettings { hashing: options.hashing, ..HubSettings::from_env()? });
    let mut rows: Vec<FetchRow> = Vec::new();
    for card in cards {
        let act = |watch: Watch<'_>| hub.act(options.act, card, &policy, watch);
        let row = metered(&std::io::stderr(), &card.name(), act);
        rows.push(row);
    }
    std::io::stdout().write_all(table(&rows).as_bytes()).context("cannot write the table")?;
    let failed = rows.iter().any(|row| row.outcome.is_err());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn options(args: &[String]) -> anyhow::Result<Options> {
    let (mut check, mut dry_run) = (false, false);
    let mut options = Options {
        names: Vec::new(),
        all_default: false,
        act: Act::Fetch,
        hashing: Hashing::OnceAChange,
        accepted: Vec::new(),
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--all-default" => options.all_default = true,
            "--check" => check = true,
            "--dry-run" => dry_run = true,
            "--verify" => options.hashing = Hashing::Always,
            "--accept-license" => {
                let name = args.next().with_context(|| format!("{arg} needs a name\n\n{USAGE}"))?;
                options.accepted.push(name.clone());
            }
            option if option.starts_with('-') => bail!("no option is called {option}\n\n{USAGE}"),
            name => options.names.push(name.to_owned()),
        }
    }
    options.act = match (check, dry_run) {
        (true, true) => bail!("--check and --dry-run exclude each other\n\n{USAGE}"),
        (true, false) => Act::Check,
        (false, true) => Act::Plan,
        (false, false) => Act::Fetch,
    };
    if options.names.is_empty() != options.all_default {
        bail!("give names, or --all-default\n\n{USAGE}");
    }
    Ok(options)
}

impl Options {
    /// The cards that are meant, each once.
    fn cards(&self) -> anyhow::Result<Vec<&'static Card>> {
        let mut cards = match self.all_default {
            true => all_defaults()?,
            false => return Ok(select_on_hub(&self.names, Which::Default)?),
        };
        cards.retain(|card| card.repository.is_some());
        Ok(cards)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> anyhow::Result<Options> {
        options(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_the_usage() {
        for words in [
            "",
            "resnet18 --all-default",
            "--fast resnet18",
            "resnet18 --check --dry-run",
            "a --accept-license",
        ] {
            let message = read(words).unwrap_err().to_string();
            assert!(message.contains("usage: cargo xtask fetch-weights"), "{words}: {message}");
        }
        assert!(read("no_such_net").unwrap().cards().is_err());
    }

    #[test]
    fn options_are_what_they_say() {
        let check = |words: &str, act: Act, hashing: Hashing, accepted: &[&str]| {
            let options = read(words).unwrap();
            assert_eq!((options.act, options.hashing), (act, hashing), "{words}");
            assert_eq!(options.accepted, accepted, "{words}");
        };
        check("resnet18", Act::Fetch, Hashing::OnceAChange, &[]);
        check("resnet18 --check --verify", Act::Check, Hashing::Always, &[]);
        check("--all-default --dry-run", Act::Plan, Hashing::OnceAChange, &[]);
        let words = "--accept-license cc-by-nc-4.0 resnet18 --accept-license unstated";
        check(words, Act::Fetch, Hashing::OnceAChange, &["cc-by-nc-4.0", "unstated"]);
    }

    #[test]
    fn names_mean_defaults_and_each_card_once() {
        let cards = |words: &str| read(words).unwrap().cards().unwrap().len();
        assert_eq!(cards("resnet18"), 1);
        assert_eq!(cards("resnet18 resnet18.a1_in1k vgg11"), 2);
        assert_eq!(cards("resnet18.*"), 7);
        assert_eq!(cards("vgg"), 8);
        assert_eq!(cards("resnet_cifar"), 0);
        assert_eq!(cards("resnet20_cifar"), 1);
        // Some weights exist as files alone.
        let published = all_defaults().unwrap();
        let published = published.iter().filter(|card| card.repository.is_some()).count();
        assert_eq!(cards("--all-default"), published);
    }
}
