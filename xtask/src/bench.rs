//! `cargo xtask bench`: measurements, which live in a package of their own since they need Burn.

use std::process::ExitCode;

/// Passes the arguments on and the exit code back.
pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    crate::cargo::run(&["--bin", "rekindle-bench"], args)
}
