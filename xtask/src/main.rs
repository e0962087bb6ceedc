//! Automation: `cargo xtask`. It builds in seconds, for it knows no Burn; what needs Burn it starts in turn.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its terminal")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

mod bench;
mod book;
mod cargo;
mod dist;
mod fetch_weights;
#[path = "../../crates/rekindle/src/cli/fetching.rs"]
mod fetching;
mod fuzz;
mod lab;
mod ladders;
mod pin;
mod readmes;
mod results;
mod tidy;
mod train_starter;

const USAGE: &str = "usage: cargo xtask COMMAND

  bench ARGS...          measure networks on this machine: infer, train, cold; see `bench help`
  bench data FOLDER      measure how fast pictures become inputs; see `bench data --help`
  book [ARGS...]         build book/ by mdBook; see `book help`
  dist [--target TRIPLE] archive a release: program, completions, manual, licenses, checksum
  fetch-weights NAME...  fetch weights into the cache, or check them; see `fetch-weights --help`
  fuzz [SECONDS] [NAME]  hand hostile files to every reader, as long; see `fuzz help`
  ladders                climb the ladders of docs/ladders, and write docs/ladder.md
  parity ARGS...         compare every architecture with golden results of the reference library
  pin [NAME...]          ask the Hub what repositories hold, and write weights/*.toml; see `pin --help`
  readmes                write README.md of each package from what its lib.rs says of it
  results ARGS...        train three ways on three data sets, and write docs/results.md
  tidy                   report everything in the tree that breaks a rule a compiler does not check
  train-starter ARGS...  train the starter checkpoint again";

fn main() -> anyhow::Result<ExitCode> {
    let mut args = std::env::args().skip(1);
    let command = args.next();
    let rest: Vec<String> = args.collect();
    match command.as_deref() {
        Some("bench") => bench::run(&rest),
        Some("book") => book::run(&rest),
        Some("dist") => dist::run(&rest),
        Some("fetch-weights") => fetch_weights::run(&rest),
        Some("fuzz") => fuzz::run(&rest),
        Some("ladders") => ladders::run(&rest),
        Some("parity") => lab::run("parity", &rest),
        Some("pin") => pin::run(&rest),
        Some("readmes") if rest.is_empty() => readmes::run(),
        Some("results") => results::run(&rest),
        Some("tidy") if rest.is_empty() => tidy::run(),
        Some("train-starter") => train_starter::run(&rest),
        Some("help" | "--help" | "-h") => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            eprintln!("{USAGE}");
            Ok(ExitCode::from(2))
        }
    }
}

/// The workspace's folder: the parent of this package's, which cargo names to what it runs.
fn root() -> anyhow::Result<PathBuf> {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").context("start this as `cargo xtask`")?;
    let root = Path::new(&package).parent().context("this package has no parent folder")?;
    Ok(root.to_owned())
}
