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
    process::Command,
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

/// A Python that has these modules; without one, the test is [skipped](skip).
///
/// # Panics
///
/// As [`skip`], and if the interpreter that is named cannot be started.
pub fn python(modules: &[&str]) -> Option<PathBuf> {
    let python = variable("REKINDLE_PYTHON", "a Python with timm, huggingface_hub, tensorboard")?;
    let found = Command::new(&python).args(["-c", MISSING]).args(modules).output();
    let found = match found {
        Ok(found) => String::from_utf8_lossy(&found.stdout).trim().to_owned(),
        Err(error) => panic!("REKINDLE_PYTHON: {}: {error}", python.display()),
    };
    if !found.is_empty() {
        skip(&format!("REKINDLE_PYTHON has no {found}"), &format!("install {found} for it"));
        return None;
    }
    Some(PathBuf::from(python))
}

/// Prints the modules that are not installed; it imports none, which takes seconds for some.
const MISSING: &str = "import importlib.util, sys
print(*(name for name in sys.argv[1:] if importlib.util.find_spec(name) is None))";

/// The name of the binary of tests, without the hash that Cargo adds.
fn binary() -> String {
    let path = env::current_exe().unwrap_or_default();
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    name.rsplit_once('-').map_or(name.as_ref(), |(name, _)| name).to_owned()
}
