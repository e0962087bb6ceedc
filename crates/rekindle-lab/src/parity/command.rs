//! `cargo xtask parity`: one line a golden file, and a summary.
#![allow(clippy::print_stdout, reason = "what a command finds out goes to standard output")]

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use clap::Parser;
use rekindle_parity::{Agreement, Error, Golden, check};

/// Compares architectures with golden results of the reference library.
///
/// Exits with 1 if anything disagrees, and with 2 if a file could not be compared.
#[derive(Parser)]
#[command(name = "cargo xtask parity")]
struct Arguments {
    /// Golden files, or folders of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Only models with this in their name.
    #[arg(long, default_value = "")]
    filter: String,
}

fn main() -> ExitCode {
    let Arguments { paths, filter } = Arguments::parse();
    let start = Instant::now();
    let (mut agreed, mut disagreed, mut failed) = (0, 0, 0);
    for path in paths.iter().flat_map(|path| golden_files(path)) {
        let start = Instant::now();
        match compare(&path, &filter) {
            Ok(None) => {}
            Ok(Some((model, agreement))) => {
                let Agreement { logits, gradients, running, failures } = &agreement;
                let verdict = if agreement.holds() { "ok" } else { "DISAGREES" };
                println!(
                    "{model} {verdict} logits {logits:.0e} gradients {gradients:.0e} running {running:.0e} {:.1}s",
                    start.elapsed().as_secs_f64()
                );
                for failure in failures.iter().take(8) {
                    println!("  {failure}");
                }
                if failures.len() > 8 {
                    println!("  and {} more", failures.len() - 8);
                }
                *(if agreement.holds() { &mut agreed } else { &mut disagreed }) += 1;
            }
            Err(error) => {
                println!("{} FAILED {}", path.display(), chain(&error));
                failed += 1;
            }
        }
    }
    if agreed + disagreed + failed == 0 {
        println!("no golden file matches");
        failed = 1;
    }
    println!(
        "{agreed} agree, {disagreed} disagree, {failed} could not be compared, {:.1}s",
        start.elapsed().as_secs_f64()
    );
    match (failed, disagreed) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(1),
        _ => ExitCode::from(2),
    }
}

/// The JSON files of a folder in order, or the path itself.
fn golden_files(path: &Path) -> Vec<PathBuf> {
    let Ok(folder) = std::fs::read_dir(path) else { return vec![path.to_owned()] };
    let files = folder.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<_> = files
        .filter(|file| file.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    files
}

fn compare(path: &Path, filter: &str) -> Result<Option<(String, Agreement)>, Error> {
    let golden = Golden::read(path)?;
    if !golden.model.contains(filter) {
        return Ok(None);
    }
    let agreement = check(&golden)?;
    Ok(Some((golden.model, agreement)))
}

/// An error and what caused it, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
