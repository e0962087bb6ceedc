//! Starts another package in release mode, on this terminal.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};
use serde::Deserialize;

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

/// What `cargo metadata` says.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) target_directory: PathBuf,
}

#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    pub(crate) manifest_path: PathBuf,
    /// None for our own.
    pub(crate) source: Option<String>,
    /// An empty list where it is never published.
    publish: Option<Vec<String>>,
}

impl Metadata {
    /// Our own packages that are published.
    pub(crate) fn published(&self) -> impl Iterator<Item = &Package> {
        let ours = self.packages.iter().filter(|package| package.source.is_none());
        ours.filter(|package| package.publish.as_ref().is_none_or(|to| !to.is_empty()))
    }
}

/// What it says of the workspace in a folder.
pub(crate) fn metadata(root: &Path) -> anyhow::Result<Metadata> {
    let arguments = ["metadata", "--locked", "--format-version", "1"];
    let output = Command::new("cargo").args(arguments).current_dir(root).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("what `cargo metadata` says")
}

/// Runs a command to its good end.
pub(crate) fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("{command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}
