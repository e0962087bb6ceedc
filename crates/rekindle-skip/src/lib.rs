//! Tests that cannot run here say so, and are counted.
//!
//! A test that needs data, a program or an interpreter that this machine lacks returns early, and the harness calls it
//! passed. So it says on the terminal that it was skipped, and, where `REKINDLE_SKIPPED` names a file, adds a line there:
//! `binary::test`, why, and what would let it run, with tabs between. `.ci/run` shows them as a table at its end.

use std::{
    env,
    ffi::OsString,
    fs::OpenOptions,
    io::{self, Write},
    path::PathBuf,
    thread,
};

/// The environment variable that names the file of what was skipped.
pub const FILE: &str = "REKINDLE_SKIPPED";

/// Says that the running test, or a part of it, is skipped: why, and what would let it run.
///
/// # Panics
///
/// If the file of what was skipped cannot be written: it would not be counted.
pub fn skip(why: &str, remedy: &str) {
    let thread = thread::current();
    let test = format!("{}::{}", binary(), thread.name().unwrap_or("?"));
    // Not `eprintln`, which the harness keeps to itself unless a test fails.
    let _ = writeln!(io::stderr(), "skipped {test}: {why}; {remedy}");
    let Some(path) = env::var_os(FILE).map(PathBuf::from) else { return };
    // At once, so that lines of tests that run side by side do not mix.
    let line = format!("{test}\t{why}\t{remedy}\n");
    let written = OpenOptions::new().create(true).append(true).open(&path);
    let written = written.and_then(|mut file| file.write_all(line.as_bytes()));
    assert!(written.is_ok(), "{}: cannot be written: {written:?}", path.display());
}

/// The value of an environment variable that a test needs; without it, the test is [skipped](skip).
///
/// # Panics
///
/// As [`skip`].
pub fn variable(name: &str, names: &str) -> Option<OsString> {
    let value = env::var_os(name).filter(|value| !value.is_empty());
    if value.is_none() {
        skip(&format!("{name} is not set"), &format!("let it name {names}"));
    }
    value
}

/// The folder of real weights and pictures; without one, the test is [skipped](skip).
///
/// # Panics
///
/// As [`skip`].
pub fn real_data() -> Option<PathBuf> {
    variable("REKINDLE_TEST_DATA", "a folder of real weights and pictures").map(PathBuf::from)
}

/// A Python with timm, huggingface_hub and tensorboard; without one, the test is [skipped](skip).
///
/// # Panics
///
/// As [`skip`].
pub fn python() -> Option<PathBuf> {
    variable("REKINDLE_PYTHON", "a Python with timm, huggingface_hub and tensorboard")
        .map(PathBuf::from)
}

/// The name of the binary of tests, without the hash that Cargo adds.
fn binary() -> String {
    let path = env::current_exe().unwrap_or_default();
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    name.rsplit_once('-').map_or(name.as_ref(), |(name, _)| name).to_owned()
}
