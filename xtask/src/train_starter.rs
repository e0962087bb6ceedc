//! `cargo xtask train-starter`: the training of the starter checkpoint, an example of the facade.

use std::process::ExitCode;

/// Passes the arguments on and the exit code back.
pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    crate::cargo::run(&["--example", "train_starter"], args)
}
