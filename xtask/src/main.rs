//! Automation: `cargo xtask`. It builds in seconds, for it knows no Burn; what needs Burn it starts in turn.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its terminal")]

use std::process::ExitCode;

mod bench;
mod cargo;
mod ladders;
mod parity;
mod results;
mod tidy;
mod train_starter;

const USAGE: &str = "usage: cargo xtask COMMAND

  bench ARGS...          measure networks on this machine: infer, train, cold; see `bench help`
  bench data FOLDER      measure how fast pictures become inputs; see `bench data --help`
  ladders                climb the ladders of docs/ladders, and write docs/ladder.md
  parity ARGS...         compare every architecture with golden results of the reference library
  results ARGS...        train three ways on three data sets, and write docs/results.md
  tidy                   report everything in the tree that breaks a rule a compiler does not check
  train-starter ARGS...  train the starter checkpoint again";

fn main() -> anyhow::Result<ExitCode> {
    let mut args = std::env::args().skip(1);
    let command = args.next();
    let rest: Vec<String> = args.collect();
    match command.as_deref() {
        Some("bench") => bench::run(&rest),
        Some("ladders") => ladders::run(&rest),
        Some("parity") => parity::run(&rest),
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
