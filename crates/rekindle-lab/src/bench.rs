//! How long networks take on this machine, and where the time goes.
//!
//! Each row is measured in a process of its own, so that its peak memory is its own. Times are medians.

mod cold;
mod machine;
mod network;
mod report;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::Command,
};

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};

use report::Row;

/// How long networks take on this machine, and where the time goes.
#[derive(Parser)]
#[command(name = "cargo xtask bench")]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Forward, without a graph.
    Infer(Networks),
    /// A training step: forward with the batch's statistics, backward, SGD with momentum.
    Train(Networks),
    /// A fresh process: open weights, decode a picture, predict.
    Cold(Cold),
    /// What the machine can do: arithmetic of `gemm`, and bandwidth.
    Machine {
        /// Threads to use.
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
}

#[derive(Args, Clone)]
struct Networks {
    /// timm's names.
    #[arg(required = true)]
    models: Vec<String>,
    /// Pictures at a time; several are measured one after the other.
    #[arg(long, num_args = 1.., default_values_t = [8])]
    batch: Vec<usize>,
    /// Threads to use.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// How often each is measured.
    #[arg(long, default_value_t = 7)]
    runs: usize,
    /// One object a line.
    #[arg(long)]
    json: bool,
    /// List every operation of one run, the slowest first.
    #[arg(long)]
    profile: bool,
    /// Measure here, and print what another process reads.
    #[arg(long, hide = true)]
    here: bool,
}

#[derive(Args)]
struct Cold {
    /// timm's name.
    model: String,
    /// A picture.
    picture: PathBuf,
    /// Weights of the model; without, some are drawn and saved first.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Threads to use.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// How often it is measured.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// One object a line.
    #[arg(long)]
    json: bool,
    /// Be the fresh process.
    #[arg(long, hide = true)]
    here: bool,
}

fn main() -> anyhow::Result<()> {
    match run(&mut io::stdout().lock()) {
        // Nobody reads on, as behind `| head`.
        Err(error) if is_broken_pipe(&error) => Ok(()),
        result => result,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

fn run(out: &mut impl Write) -> anyhow::Result<()> {
    match Cli::parse().what {
        What::Infer(networks) => measure("infer", &networks, out),
        What::Train(networks) => measure("train", &networks, out),
        What::Cold(cold) => cold::run(&cold, out),
        What::Machine { threads } => {
            let machine = in_pool(threads, machine::measure)?;
            writeln!(
                out,
                "{:.0} GFLOP/s, {:.1} GB/s on {threads} threads",
                machine.flops / 1e9,
                machine.bandwidth / 1e9
            )?;
            Ok(())
        }
    }
}

/// Every row in a process of its own.
fn measure(what: &str, networks: &Networks, out: &mut impl Write) -> anyhow::Result<()> {
    if let (true, [model], [batch]) = (networks.here, &networks.models[..], &networks.batch[..]) {
        let row = in_pool(networks.threads, || {
            network::measure(what, model, *batch, networks.threads, networks.runs)
        })??;
        writeln!(out, "{}", serde_json::to_string(&row)?)?;
        return Ok(());
    }
    let program = std::env::current_exe().context("cannot find this program to start it again")?;
    if !networks.json {
        report::heading(out)?;
    }
    for model in &networks.models {
        for batch in &networks.batch {
            let output = Command::new(&program)
                .args([what, model, "--here"])
                .args(["--batch", &batch.to_string()])
                .args(["--threads", &networks.threads.to_string()])
                .args(["--runs", &networks.runs.to_string()])
                .stderr(std::process::Stdio::inherit())
                .output()
                .with_context(|| format!("cannot start {}", program.display()))?;
            if !output.status.success() {
                bail!("{what} {model} at batch {batch} did not finish: {}", output.status);
            }
            let row: Row = serde_json::from_slice(&output.stdout)
                .with_context(|| format!("{what} {model} at batch {batch} printed no row"))?;
            row.print(networks.json, out)?;
            if networks.profile {
                row.print_profile(out)?;
            }
        }
    }
    Ok(())
}

/// Runs `task` on a thread of a pool of so many, which is then the pool of everything in it.
fn in_pool<T: Send>(threads: usize, task: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    Ok(pool.with_context(|| format!("cannot start {threads} threads"))?.install(task))
}
