//! `cargo xtask results`: the table of what fine-tuning is worth, an example of the facade.

use std::process::ExitCode;

/// Passes the arguments on and the exit code back.
pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    crate::cargo::run(&["--example", "results"], args)
}
