//! `cargo xtask fuzz`: every target of `fuzz/` for some seconds, with what it found kept for the next time.
//!
//! It takes a nightly compiler and one of C++, but no other program: `cargo fuzz` does the same with its own flags.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};

const USAGE: &str = "usage: cargo xtask fuzz [SECONDS] [TARGET...]

Runs each target of fuzz/ for so many seconds, 60 unless said otherwise, in 1500 MB of memory and 20 seconds an input.
What was found lies in target/fuzz: the corpus of each target, and the inputs that made it fail.";

/// A target, the feature that it takes, and a folder of files to begin with beside its seeds.
struct Target {
    name: &'static str,
    feature: Option<&'static str>,
    begin: Option<&'static str>,
}

const fn target(name: &'static str) -> Target {
    Target { name, feature: None, begin: None }
}

const TARGETS: [Target; 13] = [
    target("config"),
    target("decode"),
    target("documents"),
    target("features"),
    target("glove"),
    target("lists"),
    Target { begin: Some("crates/rekindle-files/tests/fixtures"), ..target("pickle") },
    target("pixels"),
    target("requests"),
    target("safetensors"),
    Target { feature: Some("state"), ..target("state") },
    target("tokenizer"),
    target("word2vec"),
];

/// What a fuzzer sees of a program: edges, how often each was taken, and what was compared with what.
const INSTRUMENTED: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Cdebug-assertions -Coverflow-checks";

/// Bounds of an input, for the fuzzer: most of them are decided within milliseconds and megabytes.
const BOUNDS: [&str; 2] = ["-rss_limit_mb=1500", "-timeout=20"];

pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let (seconds, names) = match args.first().map(|first| first.parse::<u64>()) {
        Some(Ok(seconds)) => (seconds, &args[1..]),
        _ => (60, args),
    };
    if let Some(unknown) = names.iter().find(|name| TARGETS.iter().all(|it| it.name != **name)) {
        let known = TARGETS.map(|target| target.name).join(", ");
        bail!("`{unknown}` is no target; there are {known}\n\n{USAGE}");
    }
    let chosen = |target: &&Target| names.is_empty() || names.iter().any(|it| it == target.name);
    let root = crate::root()?;
    let built = build(&root, TARGETS.iter().filter(chosen))?;
    let mut failed = Vec::new();
    for target in TARGETS.iter().filter(chosen) {
        println!("== {} for {seconds} s", target.name);
        if !fuzzed(&root, &built, target, seconds)? {
            failed.push(target.name);
        }
    }
    match failed.is_empty() {
        true => Ok(ExitCode::SUCCESS),
        false => {
            println!("failed: {}; what did it lies in target/fuzz/found", failed.join(", "));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Builds the targets with instruments; the folder that they lie in.
fn build<'a>(root: &Path, targets: impl Iterator<Item = &'a Target>) -> anyhow::Result<PathBuf> {
    let manifest = root.join("fuzz/Cargo.toml");
    // The versions that the workspace is tested with, and the fuzzer's own beside them.
    std::fs::copy(root.join("Cargo.lock"), root.join("fuzz/Cargo.lock"))
        .context("could not copy Cargo.lock")?;
    let version = Command::new("rustc").arg("-vV").output().context("could not start rustc")?;
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not say which machine it is for")?;
    let folder = folder(root);
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo", "build", "--release", "--target", host]);
    command.arg("--manifest-path").arg(manifest);
    for target in targets {
        command.args(["--bin", target.name]);
        command.args(target.feature.map(|feature| format!("--features={feature}")));
    }
    let built = command
        .env("RUSTFLAGS", INSTRUMENTED)
        .env("CARGO_TARGET_DIR", &folder)
        .env_remove("CARGO")
        .status()
        .context("could not start rustup, which chooses the nightly compiler")?;
    if !built.success() {
        bail!("the targets could not be built; `rustup toolchain install nightly` may help");
    }
    Ok(folder.join(host).join("release"))
}

/// Where builds, corpora and failures are kept.
fn folder(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), PathBuf::from)
        .join("fuzz")
}

/// Whether a target went through its time without a failure.
fn fuzzed(root: &Path, built: &Path, target: &Target, seconds: u64) -> anyhow::Result<bool> {
    let folder = folder(root);
    let (corpus, found) = (folder.join("corpus").join(target.name), folder.join("found"));
    for folder in [&corpus, &found] {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("could not make {}", folder.display()))?;
    }
    let mut prefix = OsString::from("-artifact_prefix=");
    prefix.push(found.join(format!("{}-", target.name)));
    let begin = [Some(format!("fuzz/seeds/{}", target.name)), target.begin.map(str::to_owned)];
    let begin = begin.into_iter().flatten().map(|begin| root.join(begin));
    let status = Command::new(built.join(target.name))
        .arg(&corpus)
        .args(begin.filter(|begin| begin.is_dir()))
        .args(BOUNDS)
        .arg(format!("-max_total_time={seconds}"))
        .args(["-print_final_stats=1", "-verbosity=1"])
        .arg(prefix)
        .status()
        .with_context(|| format!("could not start {}", target.name))?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_target_that_there_is() {
        let manifest = include_str!("../../fuzz/Cargo.toml");
        let table: toml::Table = toml::from_str(manifest).unwrap();
        let names = |row: &toml::Value| row["name"].as_str().unwrap().to_owned();
        let binaries: Vec<String> = table["bin"].as_array().unwrap().iter().map(names).collect();
        assert_eq!(binaries, TARGETS.map(|target| target.name));
    }
}
