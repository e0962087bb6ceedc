//! The commands `parity` and `bench` of `cargo xtask`, which itself knows no Burn.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use rekindle_lab::{
    bench::Bench,
    parity::{Graphs, Parity},
};

/// Measures Rekindle, for whoever works on it.
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Command {
    /// Compare networks with golden results of the reference library.
    ///
    /// Exits with 1 if anything disagrees, and with 2 if a file could not be compared.
    Parity(Parity),
    /// Write the networks of golden files as ONNX, with what they must compute.
    Graphs(Graphs),
    /// Measure how long networks take on this machine, and where the time goes.
    #[command(subcommand)]
    Bench(Bench),
}

fn main() -> anyhow::Result<ExitCode> {
    match run(&mut io::stdout().lock()) {
        // Nobody reads on, as behind `| head`.
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        result => result,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

fn run(out: &mut impl Write) -> anyhow::Result<ExitCode> {
    Ok(match Command::parse() {
        Command::Parity(parity) => ExitCode::from(parity.run(out)?.code()),
        Command::Graphs(graphs) => ExitCode::from(graphs.run(out)?.code()),
        Command::Bench(bench) => {
            bench.run(out)?;
            ExitCode::SUCCESS
        }
    })
}
