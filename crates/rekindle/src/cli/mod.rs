//! One file a command.

#[macro_use]
pub(crate) mod output;

mod answers;
mod augment;
mod augment_sheet;
#[cfg(feature = "net")]
mod cache;
mod compare;
mod data;
mod doctor;
mod drift;
mod embed;
mod evaluate;
mod explain;
mod export;
#[cfg(feature = "net")]
mod fetch;
#[cfg(feature = "net")]
mod fetching;
mod find_rate;
mod finetune;
mod forecast;
mod info;
mod items;
mod kind;
mod ladder;
mod machine;
mod models;
mod numbers;
mod predict;
mod progress;
#[cfg(feature = "net")]
mod push;
mod run_folder;
#[cfg(feature = "serve")]
mod serve;
mod shell;
mod similar;
mod spoken;
#[cfg(feature = "verify")]
mod verify;
mod weights;

use std::{num::NonZeroUsize, path::Path, process::ExitCode};

use anyhow::Context;
use clap::{Args, Parser, Subcommand, error::ErrorKind};
use rekindle::{DeviceKind, transfer::Plan};

/// Pretrained models and transfer learning.
#[derive(Parser)]
#[command(version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one of them")]
enum Command {
    Models(models::Arguments),
    #[cfg(feature = "net")]
    Fetch(fetch::Arguments),
    #[cfg(feature = "net")]
    Cache(cache::Arguments),
    #[cfg(feature = "net")]
    Push(push::Arguments),
    Info(info::Arguments),
    Doctor(doctor::Arguments),
    Predict(predict::Arguments),
    Embed(embed::Arguments),
    Similar(similar::Arguments),
    #[cfg(feature = "serve")]
    Serve(serve::Arguments),
    Finetune(finetune::Arguments),
    Forecast(forecast::Arguments),
    Evaluate(evaluate::Arguments),
    Explain(explain::Arguments),
    Drift(drift::Arguments),
    Export(export::Arguments),
    #[cfg(feature = "verify")]
    Verify(verify::Arguments),
    FindRate(find_rate::Arguments),
    Compare(compare::Arguments),
    Ladder(ladder::Arguments),
    Augment(augment_sheet::Arguments),
    Completions(shell::Completions),
    #[command(hide = true)]
    Manual(shell::Manual),
}

/// What several commands share.
#[derive(Args, Clone)]
struct Common {
    /// Where to compute: cpu, cuda or vulkan.
    #[arg(long, default_value = "cpu")]
    device: DeviceKind,
    /// Threads to compute on, and to prepare pictures on; results do not depend on it. [default: one for
    /// each core]
    #[arg(long, value_parser = numbers::threads)]
    threads: Option<NonZeroUsize>,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Common {
    /// Runs `task` on a thread of a pool of so many, which is then the pool of everything in it.
    fn in_pool<T: Send>(
        &self,
        task: impl FnOnce() -> anyhow::Result<T> + Send,
    ) -> anyhow::Result<T> {
        self.pool()?.install(task)
    }

    /// The threads to compute on.
    fn pool(&self) -> anyhow::Result<rayon::ThreadPool> {
        // 0 is rayon's word for a thread a core, or what RAYON_NUM_THREADS says.
        let threads = self.threads.map_or(0, NonZeroUsize::get);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.context("cannot start the threads to compute on; try fewer with --threads")
    }
}

impl Cli {
    /// What the command line asks for; or how it ends where it is mistyped, and where help or the version was all.
    pub(crate) fn asked() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| {
            let all = std::env::args_os().any(|argument| argument == "--version");
            if all && error.kind() == ErrorKind::DisplayVersion {
                output::line(&machine::version());
                return output::end(ExitCode::SUCCESS);
            }
            output::usage(&error)
        })
    }

    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Models(arguments) => arguments.run(),
            #[cfg(feature = "net")]
            Command::Fetch(arguments) => arguments.run(),
            #[cfg(feature = "net")]
            Command::Cache(arguments) => arguments.run(),
            #[cfg(feature = "net")]
            Command::Push(arguments) => arguments.run(),
            Command::Info(arguments) => arguments.run(),
            Command::Doctor(arguments) => arguments.run(),
            Command::Predict(arguments) => arguments.common.in_pool(|| arguments.run()),
            Command::Embed(arguments) => arguments.common.in_pool(|| arguments.run()),
            Command::Similar(arguments) => arguments.common.in_pool(|| arguments.run()),
            #[cfg(feature = "serve")]
            Command::Serve(arguments) => arguments.run(),
            Command::Finetune(arguments) => arguments.common.clone().in_pool(|| arguments.run()),
            Command::Forecast(arguments) => arguments.common.in_pool(|| arguments.run()),
            Command::Evaluate(arguments) => arguments.common.in_pool(|| arguments.run()),
            Command::Drift(arguments) => arguments.common.in_pool(|| arguments.run()),
            Command::Explain(arguments) => arguments.common.in_pool(|| arguments.run()),
            Command::Export(arguments) => arguments.common.in_pool(|| arguments.run()),
            #[cfg(feature = "verify")]
            Command::Verify(arguments) => arguments.run(),
            Command::FindRate(arguments) => arguments.common.in_pool(|| arguments.run()),
            Command::Compare(arguments) => arguments.run(),
            Command::Ladder(arguments) => arguments.common.in_pool(|| arguments.run()),
            Command::Augment(arguments) => arguments.run(),
            Command::Completions(arguments) => arguments.run(),
            Command::Manual(arguments) => arguments.run(),
        }
    }
}

/// Most bytes of a plan.
const MAX_PLAN_BYTES: u64 = 1 << 20;

/// The plan of a file.
fn read_plan(path: &Path) -> anyhow::Result<Plan> {
    let text = rekindle_base::read_text(path, MAX_PLAN_BYTES);
    let text = text.with_context(|| format!("{}: cannot be read", path.display()))?;
    Plan::from_toml(&text).with_context(|| path.display().to_string())
}

/// 0.934 as 93.4%.
fn percent(share: f64) -> String {
    format!("{:.1}%", 100.0 * share)
}

/// 25557032 as 25.6M.
fn millions(count: usize) -> String {
    format!("{:.1}M", count as f64 / 1e6)
}
