//! `rekindle cache`: what was downloaded, whether it is whole, and what can go.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use rekindle::{
    cards,
    hub::{Hub, Located, Prune, PruneRun, Trust},
};
use serde_json::json;

use super::{fetching::megabytes, output};

/// List, verify and clear the cache of weights, or put a file into it.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// List repositories, their commits and files.
    List {
        /// Print one JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Hash every file again, and list what is damaged; exits with 1 where anything is.
    Verify,
    /// Remove downloads that were not finished and files that nothing refers to, or a repository.
    Prune {
        /// Remove this repository (timm/resnet18.a1_in1k) instead. What was trusted of it stays recorded.
        repository: Option<String>,
        /// Say what would be removed, and remove nothing.
        #[arg(long)]
        dry_run: bool,
        /// Forget what was trusted of the repository, too: its next use is a first one.
        #[arg(long, requires = "repository")]
        drop_trust: bool,
    },
    /// Put weights that were had elsewhere into the cache, as a checkpoint's.
    Import {
        /// The checkpoint: resnet18.a1_in1k.
        checkpoint: String,
        /// A folder with config.json and the weights, or one of these files where the cache has the others.
        from: PathBuf,
    },
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let hub = Hub::from_env()?;
        match self.task {
            Task::List { json } => list(&hub, json)?,
            Task::Verify => return verify(&hub),
            Task::Prune { repository, dry_run, drop_trust } => {
                let run = if dry_run { PruneRun::Dry } else { PruneRun::Real };
                prune(&hub, repository.as_deref(), run, drop_trust)?;
            }
            Task::Import { checkpoint, from } => {
                let Located { folder, trust, .. } = hub.import(cards::find(&checkpoint)?, &from)?;
                say!("{checkpoint}: in {}, {}", folder.display(), words(Some(trust)));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn list(hub: &Hub, as_json: bool) -> anyhow::Result<()> {
    let repositories = hub.list()?;
    for repository in &repositories {
        if !as_json {
            let unfinished = match repository.incomplete {
                0 => String::new(),
                bytes => format!(", {} of it unfinished", size(bytes)),
            };
            say!("{}  {}{unfinished}", output::one_line(&repository.name), size(repository.bytes));
        }
        for revision in &repository.revisions {
            if !as_json {
                let names = output::one_line(revision.names.join(", "));
                say!("  {}  {names}", output::one_line(&revision.commit));
            }
            for file in &revision.files {
                match as_json {
                    true => output::json(&json!({
                        "repository": repository.name,
                        "commit": revision.commit,
                        "file": file.name,
                        "path": file.path,
                        "bytes": file.bytes,
                        "trust": words(file.trust),
                    }))?,
                    false => say!(
                        "    {:<32} {:>10}  {}",
                        output::one_line(&file.name),
                        file.bytes.map_or("missing".to_owned(), size),
                        words(file.trust)
                    ),
                }
            }
        }
    }
    if !as_json {
        let bytes = repositories.iter().map(|repository| repository.bytes).sum();
        let (count, all) = (repositories.len(), size(bytes));
        say!("{count} repositories, {all}, in {}", hub.cache().display());
    }
    Ok(())
}

fn verify(hub: &Hub) -> anyhow::Result<ExitCode> {
    let found = hub.verify()?;
    for problem in &found.problems {
        complain!("error: {problem}");
    }
    let (files, bytes) = (found.files, size(found.bytes));
    say!("{files} files hashed, {bytes}; {} damaged", found.problems.len());
    Ok(if found.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn prune(
    hub: &Hub,
    repository: Option<&str>,
    run: PruneRun,
    drop_trust: bool,
) -> anyhow::Result<()> {
    let what = repository.map_or(Prune::Leftovers, Prune::Repository);
    let pruned = hub.prune(what, run)?;
    for file in &pruned.files {
        say!("{}", output::one_line(file.display()));
    }
    for file in &pruned.locked {
        say!("{}: left, for another process is at work on it", output::one_line(file.display()));
    }
    for file in &pruned.foreign {
        say!(
            "{}: left, for it is a link or has a name that no cache gives",
            output::one_line(file.display())
        );
    }
    let done = if run == PruneRun::Dry { "would be removed" } else { "removed" };
    say!("{} files, {} {done}", pruned.files.len(), size(pruned.bytes));
    if let (true, PruneRun::Real, Some(repository)) = (drop_trust, run, repository) {
        say!("what was trusted of {} files is dropped", hub.remove_trust(repository)?);
    }
    Ok(())
}

/// Why bytes are believed, in a few words.
fn words(trust: Option<Trust>) -> &'static str {
    match trust {
        Some(Trust::Pinned) => "pinned",
        Some(Trust::Recorded) => "as recorded when first used",
        Some(Trust::FirstUse) => "used for the first time, and recorded",
        Some(Trust::Unrecorded) => "not recorded: nothing can be, or others could write it",
        None => "not known",
    }
}

/// 46807446 as 46.8 MB, 901 as 0.9 kB.
fn size(bytes: u64) -> String {
    match bytes {
        ..100_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => megabytes(bytes),
    }
}
