//! Automation: `cargo xtask`. It builds in seconds, for it knows no Burn; what needs Burn it starts in turn.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its terminal")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

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
mod outside;
mod pin;
mod readmes;
mod results;
mod tidy;
mod train_starter;

/// Automation of the workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure networks on this machine: infer, train, cold; see `bench help`, and `bench data --help` for pictures.
    Bench(Rest),
    /// Build book/ by mdBook; see `book help`.
    Book(Rest),
    /// Archive a release: program, completions, manual, licenses, checksum; `--target TRIPLE` for another machine.
    Dist(Rest),
    /// Fetch weights into the cache, or check them; see `fetch-weights --help`.
    FetchWeights(Rest),
    /// Hand hostile files to every reader, for so many seconds each, or to one of them; see `fuzz help`.
    Fuzz(Rest),
    /// Write the networks of golden files as ONNX, with what they must compute.
    Graphs(Rest),
    /// Climb the ladders of docs/ladders, and write docs/ladder.md.
    Ladders(Rest),
    /// Build a program outside of the workspace on the packages as they would be published, and fine-tune: FOLDER of pictures.
    Outside(Rest),
    /// Compare every architecture with golden results of the reference library.
    Parity(Rest),
    /// Ask the Hub what repositories hold, and write weights/*.toml; see `pin --help`.
    Pin(Rest),
    /// Write README.md of each package from what its lib.rs says of it.
    Readmes,
    /// Train three ways on three data sets, and write docs/results.md.
    Results(Rest),
    /// Report everything in the tree that breaks a rule a compiler does not check.
    Tidy,
    /// Train the starter checkpoint again.
    TrainStarter(Rest),
}

/// What a command's own program takes, its help included.
#[derive(Args)]
#[command(disable_help_flag = true)]
struct Rest {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    args: Vec<String>,
}

fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Command::Bench(Rest { args }) => bench::run(&args),
        Command::Book(Rest { args }) => book::run(&args),
        Command::Dist(Rest { args }) => dist::run(&args),
        Command::FetchWeights(Rest { args }) => fetch_weights::run(&args),
        Command::Fuzz(Rest { args }) => fuzz::run(&args),
        Command::Graphs(Rest { args }) => lab::run("graphs", &args),
        Command::Ladders(Rest { args }) => ladders::run(&args),
        Command::Outside(Rest { args }) => outside::run(&args),
        Command::Parity(Rest { args }) => lab::run("parity", &args),
        Command::Pin(Rest { args }) => pin::run(&args),
        Command::Readmes => readmes::run(),
        Command::Results(Rest { args }) => results::run(&args),
        Command::Tidy => tidy::run(),
        Command::TrainStarter(Rest { args }) => train_starter::run(&args),
    }
}

/// The workspace's folder: the parent of this package's, which cargo names to what it runs.
fn root() -> anyhow::Result<PathBuf> {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").context("start this as `cargo xtask`")?;
    let root = Path::new(&package).parent().context("this package has no parent folder")?;
    Ok(root.to_owned())
}
