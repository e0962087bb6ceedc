//! Starts another package in release mode, on this terminal.

use std::process::{Command, ExitCode};

use anyhow::Context;

/// Runs `cargo run TARGET -- ARGS` and gives back its exit code as it is.
///
/// No `--package`: with one, Cargo resolves features for it alone and compiles Burn once more.
pub(crate) fn run(target: &[&str], args: &[String]) -> anyhow::Result<ExitCode> {
    // Cargo names itself to what it starts, so that a toolchain override holds for the inner run too.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--quiet", "--release"])
        .args(target)
        .arg("--")
        .args(args)
        .status()
        .with_context(|| format!("could not start cargo for {}", target.join(" ")))?;
    let code =
        status.code().with_context(|| format!("{} was ended: {status}", target.join(" ")))?;
    // Windows has wider codes; any other failure stays one.
    Ok(u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from))
}
