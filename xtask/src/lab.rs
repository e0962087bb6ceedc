//! `cargo xtask parity` and the measurements of networks: a package of its own, since they need Burn.

use std::process::ExitCode;

/// Passes the arguments on to one of its commands, and the exit code back.
pub(crate) fn run(command: &str, args: &[String]) -> anyhow::Result<ExitCode> {
    let args: Vec<String> = [command.to_owned()].into_iter().chain(args.iter().cloned()).collect();
    crate::cargo::run(&["--bin", "rekindle-lab"], &args)
}
