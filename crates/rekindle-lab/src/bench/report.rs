//! Rows for people and for programs.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use rekindle_kernels::profile::Operation;
use serde::{Deserialize, Serialize};

use crate::machine::Machine;

/// One measurement.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) model: String,
    pub(crate) batch: usize,
    pub(crate) threads: usize,
    pub(crate) ms_per_image: f64,
    pub(crate) peak_rss_mib: f64,
    pub(crate) machine: Machine,
    /// The run whose operations were recorded.
    pub(crate) recorded_seconds: f64,
    pub(crate) parts: Vec<Part>,
}

/// One operation of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Part {
    what: String,
    shape: String,
    flops: f64,
    bytes: f64,
    seconds: f64,
    count: usize,
}

impl From<Operation> for Part {
    fn from(operation: Operation) -> Self {
        let Operation { what, shape, flops, bytes, duration } = operation;
        let (what, seconds) = (what.to_owned(), duration.as_secs_f64());
        Self { what, shape, flops, bytes, seconds, count: 1 }
    }
}

impl Part {
    /// The least time that arithmetic and memory allow, in seconds.
    fn limit(&self, machine: &Machine) -> f64 {
        (self.flops / machine.flops).max(self.bytes / machine.bandwidth)
    }
}

/// The names of the columns.
pub(crate) fn heading(out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<7}{:<24}{:>6}{:>9}{:>14}{:>10}{:>10}{:>16}",
        "what", "model", "batch", "threads", "ms an image", "limit", "GFLOP/s", "peak memory MiB"
    )
}

impl Row {
    /// One line.
    pub(crate) fn print(&self, json: bool, out: &mut impl Write) -> io::Result<()> {
        let Self { what, model, batch, threads, ms_per_image, peak_rss_mib, .. } = self;
        if json {
            let line = serde_json::json!({
                "what": what,
                "model": model,
                "batch": batch,
                "threads": threads,
                "ms_per_image": round(*ms_per_image),
                "peak_rss_mib": peak_rss_mib.round(),
                "limit_ms_per_image": round(self.limit()),
            });
            return writeln!(out, "{line}");
        }
        let flops: f64 = self.parts.iter().map(|part| part.flops).sum();
        writeln!(
            out,
            "{what:<7}{model:<24}{batch:>6}{threads:>9}{ms_per_image:>14.2}{:>10.2}{:>10.0}{peak_rss_mib:>16.0}",
            self.limit(),
            flops / (ms_per_image * 1e6 * *batch as f64),
        )
    }

    /// The least time an image that arithmetic and memory allow, operation by operation, in ms.
    fn limit(&self) -> f64 {
        let seconds: f64 = self.parts.iter().map(|part| part.limit(&self.machine)).sum();
        seconds * 1e3 / self.batch as f64
    }

    /// Kinds of operation, and then every shape, the slowest first.
    pub(crate) fn print_profile(&self, out: &mut impl Write) -> io::Result<()> {
        let whole: f64 = self.parts.iter().map(|part| part.seconds).sum();
        writeln!(
            out,
            "  limits: {:.0} GFLOP/s, {:.1} GB/s; in operations {:.2} of {:.2} ms an image",
            self.machine.flops / 1e9,
            self.machine.bandwidth / 1e9,
            whole * 1e3 / self.batch as f64,
            self.recorded_seconds * 1e3 / self.batch as f64,
        )?;
        for by_shape in [false, true] {
            let mut sums: BTreeMap<(&str, &str), Part> = BTreeMap::new();
            for part in &self.parts {
                let key = (&*part.what, if by_shape { &*part.shape } else { "" });
                sums.entry(key)
                    .and_modify(|sum| {
                        sum.flops += part.flops;
                        sum.bytes += part.bytes;
                        sum.seconds += part.seconds;
                        sum.count += 1;
                    })
                    .or_insert_with(|| part.clone());
            }
            let mut sums: Vec<_> = sums.into_iter().collect();
            sums.sort_by(|(_, a), (_, b)| b.seconds.total_cmp(&a.seconds));
            for ((what, shape), sum) in sums.iter().take(if by_shape { 40 } else { usize::MAX }) {
                writeln!(
                    out,
                    "  {what:<17}{shape:<40}{:>4} x{:>9.3} ms{:>6.1}%{:>8.0} GFLOP/s{:>7.1} GB/s   limit{:>5.0}%",
                    sum.count,
                    sum.seconds * 1e3 / self.batch as f64,
                    100.0 * sum.seconds / whole,
                    sum.flops / sum.seconds / 1e9,
                    sum.bytes / sum.seconds / 1e9,
                    100.0 * sum.limit(&self.machine) / sum.seconds,
                )?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
