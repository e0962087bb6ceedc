//! Golden files and folders of them: one line a file, and a summary.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Args;
use rekindle_base::causes;
use rekindle_onnx::{check_path, write_check};

use super::{
    check::{Agreement, check},
    error::Error,
    golden::Reference,
    graph::graph,
    sequences,
};

/// Which golden files to compare.
#[derive(Debug, Args)]
pub struct Parity {
    /// Golden files, or folders of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Only models with this in their name.
    #[arg(long, default_value = "")]
    filter: String,
}

/// Where to write the networks of golden files as ONNX.
#[derive(Debug, Args)]
pub struct Graphs {
    /// Golden files, or folders of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Only models with this in their name.
    #[arg(long, default_value = "")]
    filter: String,
    /// The folder, which is made where it is not there.
    #[arg(long)]
    out: PathBuf,
}

impl Graphs {
    /// Writes every network that the filter leaves, and beside it what it must compute: a line each.
    ///
    /// # Errors
    ///
    /// If `out` or the folder cannot be written. A network that is no graph is a line and counted.
    pub fn run(&self, out: &mut impl Write) -> io::Result<Outcome> {
        std::fs::create_dir_all(&self.out)?;
        let mut outcome = Outcome::default();
        for path in self.paths.iter().flat_map(|path| golden_files(path)) {
            let start = Instant::now();
            let written = Reference::read(&path).and_then(|reference| {
                let wanted = reference.model().contains(&self.filter);
                let graph = if wanted { graph(&reference)? } else { None };
                let Some((onnx, recorded)) = graph else { return Ok(None) };
                let name = path.with_extension("onnx");
                let to = self.out.join(name.file_name().unwrap_or_default());
                onnx.write(&to)?;
                write_check(&check_path(&to), &recorded)?;
                Ok(Some((reference.model().to_owned(), onnx)))
            });
            match written {
                Ok(None) => {}
                Ok(Some((model, onnx))) => {
                    let nodes: usize = onnx.operators().values().sum();
                    let seconds = start.elapsed().as_secs_f64();
                    writeln!(out, "{model} {nodes} nodes {seconds:.1}s {:?}", onnx.operators())?;
                    outcome.agreed += 1;
                }
                Err(error) => {
                    writeln!(out, "{} FAILED {}", path.display(), causes(&error))?;
                    outcome.failed += 1;
                }
            }
        }
        writeln!(out, "{} written, {} are no graphs", outcome.agreed, outcome.failed)?;
        Ok(outcome)
    }
}

/// How many files agree, disagree, and could not be compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Everything is within its tolerance.
    pub agreed: usize,
    /// Something is not.
    pub disagreed: usize,
    /// The file or its network is not known, or no file was asked for.
    pub failed: usize,
}

impl Outcome {
    /// What the command exits with.
    pub fn code(&self) -> u8 {
        match (self.failed, self.disagreed) {
            (0, 0) => 0,
            (0, _) => 1,
            _ => 2,
        }
    }
}

impl Parity {
    /// Compares every file that the filter leaves.
    ///
    /// # Errors
    ///
    /// If `out` cannot be written. A file that cannot be compared is a line and counted.
    pub fn run(&self, out: &mut impl Write) -> io::Result<Outcome> {
        let start = Instant::now();
        let mut outcome = Outcome::default();
        for path in self.paths.iter().flat_map(|path| golden_files(path)) {
            let start = Instant::now();
            match compare(&path, &self.filter) {
                Ok(None) => {}
                Ok(Some((model, agreement))) => {
                    let Agreement { logits, gradients, running, failures } = &agreement;
                    let verdict = if agreement.holds() { "ok" } else { "DISAGREES" };
                    writeln!(
                        out,
                        "{model} {verdict} logits {logits:.0e} gradients {gradients:.0e} running {running:.0e} {:.1}s",
                        start.elapsed().as_secs_f64()
                    )?;
                    for failure in failures.iter().take(8) {
                        writeln!(out, "  {failure}")?;
                    }
                    if failures.len() > 8 {
                        writeln!(out, "  and {} more", failures.len() - 8)?;
                    }
                    *(if agreement.holds() {
                        &mut outcome.agreed
                    } else {
                        &mut outcome.disagreed
                    }) += 1;
                }
                Err(error) => {
                    writeln!(out, "{} FAILED {}", path.display(), causes(&error))?;
                    outcome.failed += 1;
                }
            }
        }
        if outcome == Outcome::default() {
            writeln!(out, "no golden file matches")?;
            outcome.failed = 1;
        }
        let Outcome { agreed, disagreed, failed } = outcome;
        writeln!(
            out,
            "{agreed} agree, {disagreed} disagree, {failed} could not be compared, {:.1}s",
            start.elapsed().as_secs_f64()
        )?;
        Ok(outcome)
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

/// Compares a network or a layer with what the reference computed for it.
///
/// # Errors
///
/// If there is none of its name, or the filled weights do not fit it.
pub fn agreement(reference: &Reference) -> Result<Agreement, Error> {
    match reference {
        Reference::Picture(golden) => check(golden),
        Reference::Text(golden) => sequences::text(golden),
        Reference::Layer(golden) => sequences::layer(golden),
    }
}

fn compare(path: &Path, filter: &str) -> Result<Option<(String, Agreement)>, Error> {
    let reference = Reference::read(path)?;
    if !reference.model().contains(filter) {
        return Ok(None);
    }
    Ok(Some((reference.model().to_owned(), agreement(&reference)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(paths: &[&Path], filter: &str) -> (Outcome, String) {
        let paths = paths.iter().map(|path| path.to_path_buf()).collect();
        let mut out = Vec::new();
        let outcome = Parity { paths, filter: filter.to_owned() }.run(&mut out).unwrap();
        (outcome, String::from_utf8(out).unwrap())
    }

    #[test]
    fn every_file_of_a_folder_is_a_line_and_counted() {
        let golden =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/timm__test_resnet.json");
        let text = std::fs::read_to_string(&golden).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("1.json", &text);
        write("2.json", &text.replacen("\"loss\":", "\"loss\":1", 1));
        write("3.json", "garbage");
        write("notes.txt", "no golden file");

        let (outcome, lines) = run(&[folder.path()], "");
        assert_eq!(outcome, Outcome { agreed: 1, disagreed: 1, failed: 1 }, "{lines}");
        let lines: Vec<_> = lines.lines().collect();
        for (line, start) in lines.iter().zip([
            "timm/test_resnet ok logits ",
            "timm/test_resnet DISAGREES logits ",
            "  loss: error ",
        ]) {
            assert!(line.starts_with(start), "{line}");
        }
        assert!(lines[3].contains("3.json FAILED ") && lines[3].contains("golden.py"), "{lines:?}");
        assert!(lines[4].starts_with("1 agree, 1 disagree, 1 could not be compared, "));
        assert_eq!(lines.len(), 5);

        let (outcome, lines) = run(&[&golden], "vgg");
        assert_eq!(outcome, Outcome { failed: 1, ..Outcome::default() }, "{lines}");
        assert!(lines.starts_with("no golden file matches\n"), "{lines}");
    }

    #[test]
    fn the_worst_outcome_is_the_exit_code() {
        for (counts, code) in [([3, 0, 0], 0), ([3, 1, 0], 1), ([3, 0, 1], 2), ([0, 1, 1], 2)] {
            let [agreed, disagreed, failed] = counts;
            assert_eq!(Outcome { agreed, disagreed, failed }.code(), code, "{counts:?}");
        }
    }
}
