//! `cargo xtask ladders`: the scaling experiments of `docs/ladders`, and what came out of them as a page.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};

const LADDERS: &str = "docs/ladders";
const PAGE: &str = "docs/ladder.md";

const OPENING: &str = "# Ladders

From two classes and 1% of their pictures to all: on each rung every candidate that is left trains anew, and the worst are
dropped. Accuracies are of the best epoch on the validation pictures, with the 95% interval of a bootstrap over them; the
last rung is measured on the test pictures too, where the data has some, which chose nothing. Seconds are of training on two
cores, features included. Made by `REKINDLE_TEST_DATA=DIR cargo xtask ladders`; what is done is not done again.
";

/// Climbs every ladder, and writes the page.
pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    if !args.is_empty() {
        bail!("`ladders` takes no arguments; it climbs all of {LADDERS}");
    }
    let root = std::env::var_os("REKINDLE_TEST_DATA").map(PathBuf::from);
    let root = root.context("REKINDLE_TEST_DATA names no folder of weights/ and images/")?;
    let entries = fs::read_dir(LADDERS).with_context(|| format!("{LADDERS}: cannot be read"))?;
    let mut ladders: Vec<PathBuf> =
        entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
    ladders.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    ladders.sort();
    let mut page = OPENING.to_owned();
    for ladder in &ladders {
        let name = ladder.file_stem().unwrap_or_default().to_string_lossy();
        let out = Path::new("runs/ladder").join(&*name);
        let words = ["ladder", &text(ladder), "--root", &text(&root), "--out", &text(&out)];
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let code = crate::cargo::run(&["--bin", "rekindle"], &words)?;
        if code != ExitCode::SUCCESS {
            return Ok(code);
        }
        let table = out.join("ladder.md");
        let table = fs::read_to_string(&table).with_context(|| text(&table))?;
        write!(page, "\n## [{name}](ladders/{name}.toml)\n\n{table}\n")?;
        for plot in ["accuracy", "cost"] {
            let file = format!("{name}-{plot}.svg");
            let from = out.join(format!("{plot}.svg"));
            fs::copy(&from, Path::new(LADDERS).join(&file)).with_context(|| text(&from))?;
            writeln!(page, "![{plot}](ladders/{file})")?;
        }
    }
    fs::write(PAGE, page).with_context(|| format!("{PAGE}: cannot be written"))?;
    println!("page: {PAGE}");
    Ok(ExitCode::SUCCESS)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
