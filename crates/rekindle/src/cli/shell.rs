//! `rekindle completions` and `rekindle manual`: what the command line says of itself, for shells and for `man`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, output};

/// Print completions for a shell: `rekindle completions bash > ~/.local/share/bash-completion/completions/rekindle`.
#[derive(Args)]
pub(super) struct Completions {
    /// Which shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "rekindle", &mut text);
        // A script is for a shell, not for a terminal: nothing in it comes from elsewhere.
        output::line(String::from_utf8(text)?.trim_end());
        Ok(ExitCode::SUCCESS)
    }
}

/// Write manual pages for `man`, one of the program and one of each command.
#[derive(Args)]
pub(super) struct Manual {
    /// The folder that they are written into.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Manual {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        std::fs::create_dir_all(&self.out)
            .with_context(|| format!("{}: cannot be made", self.out.display()))?;
        clap_mangen::generate_to(Cli::command(), &self.out)
            .with_context(|| format!("{}: cannot be written", self.out.display()))?;
        say!("{}", output::one_line(self.out.join("rekindle.1").display()));
        Ok(ExitCode::SUCCESS)
    }
}
