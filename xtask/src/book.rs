//! `cargo xtask book`: builds the book by an `mdbook` that is installed.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};

const USAGE: &str = "usage: cargo xtask book [ARGS...]

Builds book/ into target/book by mdBook; ARGS are passed on, as in `cargo xtask book --open`. What its pages include is looked at by
`cargo xtask tidy`, their code is compiled and run by `cargo test`.";

/// The program, and how it is had.
const MDBOOK: &str = "mdbook";

pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    if matches!(args.first().map(String::as_str), Some("help" | "--help" | "-h")) {
        println!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    }
    build(MDBOOK.as_ref(), &crate::root()?, args)
}

fn build(program: &OsStr, root: &Path, args: &[String]) -> anyhow::Result<ExitCode> {
    let built = Command::new(program).arg("build").arg(root.join("book")).args(args).status();
    let status = match built {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!("{MDBOOK} is not installed, which builds the book: cargo install mdbook")
        }
        built => built.with_context(|| format!("could not start {MDBOOK}"))?,
    };
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_missing_says_how_it_is_had() {
        let error = build("no-such-mdbook".as_ref(), Path::new("."), &[]).unwrap_err();
        let text = error.to_string();
        assert!(
            text.ends_with("not installed, which builds the book: cargo install mdbook"),
            "{text}"
        );
    }
}
