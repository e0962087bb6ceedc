//! For tests: this program once more, for one test alone, as a shell starts it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

const PLACE: &str = "REKINDLE_TEST_AGAIN";

/// Where the test was told to work, if it is the one that was started.
pub(crate) fn place() -> Option<PathBuf> {
    std::env::var_os(PLACE).map(PathBuf::from)
}

/// Starts a test again after `before`, a line of the shell; whether it passed, and what it said.
pub(crate) fn run(test: &str, before: &str, place: &Path) -> (bool, String) {
    let output = Command::new("sh")
        .args(["-c", &format!("{before}; exec \"$0\" --exact \"$1\" --nocapture")])
        .arg(std::env::current_exe().unwrap())
        .arg(test)
        .env(PLACE, place)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(said.contains("running 1 test"), "{test} is no test: {said}");
    (output.status.success(), said)
}
