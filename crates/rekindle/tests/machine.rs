//! What the program says of itself and of the machine: versions, completions, manual pages, the doctor without data.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

use std::{
    fs,
    process::{Command, Output},
};

use serde_json::Value;

/// Runs the binary with variables of the environment.
fn rekindle(arguments: &[&str], set: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle"));
    command.args(arguments).envs(set.iter().copied()).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_long_version_says_what_a_fault_report_needs() {
    let short = rekindle(&["-V"], &[]);
    assert_eq!(text(&short), concat!("rekindle ", env!("CARGO_PKG_VERSION"), "\n"));
    let long = text(&rekindle(&["--version"], &[("REKINDLE_ISA", "portable")]));
    assert!(long.starts_with(text(&short).trim_end()), "{long}");
    for line in ["features: ", "instructions: ", "threads: ", "cache: "] {
        assert!(long.lines().any(|found| found.starts_with(line)), "{line}: {long}");
    }
    // Where there is no other set, nothing was asked for in vain.
    assert!(long.contains("Portable"), "{long}");
}

#[test]
fn completions_know_every_command_and_the_manual_has_a_page_of_each() {
    let help = text(&rekindle(&["--help"], &[]));
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .map_while(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !["", "help"].contains(name))
        .collect();
    assert!(commands.len() > 10, "{help}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = text(&rekindle(&["completions", shell], &[]));
        commands.iter().for_each(|name| assert!(script.contains(name), "{shell}: {name}"));
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("man");
    let output = rekindle(&["manual", "--out", out.to_str().unwrap()], &[]);
    assert!(output.status.success());
    for name in commands {
        let page = fs::read_to_string(out.join(format!("rekindle-{name}.1"))).unwrap();
        assert!(page.contains(".SH OPTIONS"), "{name}: {page}");
    }
}

#[test]
fn the_doctor_without_data_examines_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("not/yet/there");
    let licenses = folder.path().join("licenses.txt");
    fs::write(&licenses, "accept = [\"cc-by-nc-4.0\"]\n").unwrap();
    let (cache, licenses) = (cache.to_str().unwrap(), licenses.to_str().unwrap());
    let well = [("HF_HUB_CACHE", cache), ("HF_HUB_OFFLINE", "1"), ("REKINDLE_LICENSES", licenses)];
    let examined = |set: &[(&str, &str)]| {
        let output = rekindle(&["doctor", "--json"], set);
        let rows = text(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (output.status.code(), rows)
    };
    let of = |rows: &[Value], what: &str| -> Value {
        rows.iter().find(|row| row["what"] == what).unwrap().clone()
    };
    let (code, rows): (_, Vec<Value>) = examined(&well);
    assert_eq!(code, Some(0), "{rows:?}");
    for what in ["version", "processor", "memory", "cache", "network", "licenses", "temporary"] {
        assert!(of(&rows, what)["text"].as_str().is_some_and(|text| !text.is_empty()), "{what}");
    }
    assert!(of(&rows, "licenses")["text"].as_str().unwrap().contains(licenses));
    assert!(of(&rows, "cache")["text"].as_str().unwrap().contains("not/yet/there"));
    assert!(!folder.path().join("not").exists(), "nothing is made");

    // What would stop a command is an error, and what it is of is named.
    fs::write(licenses, "no license\u{7} at all !\n").unwrap();
    let (code, rows) = examined(&well);
    let settings = of(&rows, "settings");
    assert_eq!((code, &settings["severity"]), (Some(2), &"error".into()), "{rows:?}");
    assert!(settings["text"].as_str().unwrap().contains(licenses), "{settings}");
    // A Hub that is not there is a warning: what is cached goes on working.
    let nowhere = [("HF_HUB_CACHE", cache), ("HF_ENDPOINT", "http://127.0.0.1:9")];
    let (code, rows) = examined(&nowhere);
    assert_eq!((code, &of(&rows, "network")["severity"]), (Some(0), &"warning".into()), "{rows:?}");

    let output = rekindle(&["doctor", "--least", "3"], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("which data?"));
}
