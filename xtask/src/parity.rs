//! `cargo xtask parity`: the golden comparison, which lives in a package of its own since it needs Burn.

use std::process::ExitCode;

/// Passes the arguments on and the exit code back.
pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    crate::cargo::run(&["--bin", "rekindle-parity"], args)
}
