//! `cargo xtask bench`: measurements of networks, which need Burn, and of data, which do not.

use std::process::ExitCode;

/// Passes the arguments on and the exit code back.
pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    match args.split_first() {
        Some((what, rest)) if what == "data" => {
            crate::cargo::run(&["--example", "throughput"], rest)
        }
        _ => crate::lab::run("bench", args),
    }
}
