//! A test that is skipped is counted: this one runs itself again, without what it needs.

use std::{env, error::Error, fs, process::Command};

use rekindle_skip::{FILE, variable};

const INNER: &str = "what_is_skipped_is_written_down";
const NEEDED: &str = "REKINDLE_NOTHING_NAMES_THIS";

#[test]
fn what_is_skipped_is_written_down() -> Result<(), Box<dyn Error>> {
    if env::var_os("REKINDLE_INNER").is_some() {
        assert!(variable(NEEDED, "anything").is_none());
        assert!(variable("REKINDLE_INNER", "a number").is_some());
        return Ok(());
    }
    let path = env::temp_dir().join(format!("rekindle-skipped-{}.tsv", std::process::id()));
    for _ in 0..2 {
        let mut again = Command::new(env::current_exe()?);
        again.args(["--exact", INNER]).env("REKINDLE_INNER", "1").env(FILE, &path);
        let output = again.env_remove(NEEDED).output()?;
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("skipped skip::") && said.contains(NEEDED), "{said}");
    }
    let text = fs::read_to_string(&path)?;
    fs::remove_file(&path)?;
    let line = format!("skip::{INNER}\t{NEEDED} is not set\tlet it name anything\n");
    assert_eq!(text, line.repeat(2));
    Ok(())
}
