//! Rows for people and for programs.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use rekindle_kernels::profile::Operation;
use serde::{Deserialize, Serialize};

use super::machine::Machine;

/// One measurement.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) what: String,
    pub(super) model: String,
    pub(super) batch: usize,
    pub(super) threads: usize,
    pub(super) ms_per_image: f64,
    pub(super) peak_rss_mib: f64,
    pub(super) machine: Machine,
    /// The run whose operations were recorded.
    pub(super) recorded_seconds: f64,
    pub(super) parts: Vec<Part>,
}

/// One operation of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Part {
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
pub(super) fn heading(out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<7}{:<24}{:>6}{:>9}{:>14}{:>10}{:>10}{:>16}",
        "what", "model", "batch", "threads", "ms an image", "limit", "GFLOP/s", "peak memory MiB"
    )
}

impl Row {
    /// One line.
    pub(super) fn print(&self, json: bool, out: &mut impl Write) -> io::Result<()> {
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
    pub(super) fn print_profile(&self, out: &mut impl Write) -> io::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn part(what: &str, shape: &str, flops: f64, bytes: f64) -> Part {
        let (what, shape) = (what.to_owned(), shape.to_owned());
        Part { what, shape, flops, bytes, seconds: 0.5, count: 1 }
    }

    /// A machine of 4 operations and 2 bytes a second.
    fn row(parts: Vec<Part>) -> Row {
        Row {
            what: "infer".to_owned(),
            model: "net".to_owned(),
            batch: 2,
            threads: 1,
            ms_per_image: 1234.567,
            peak_rss_mib: 10.4,
            machine: Machine { flops: 4.0, bandwidth: 2.0 },
            recorded_seconds: 2.0,
            parts,
        }
    }

    fn text(print: impl Fn(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        print(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_limit_is_the_slower_of_arithmetic_and_memory_of_each_operation() {
        for (parts, limit) in [
            (vec![], 0.0),
            (vec![part("a", "", 8.0, 2.0)], 1000.0),
            (vec![part("a", "", 4.0, 8.0)], 2000.0),
            (vec![part("a", "", 8.0, 2.0), part("b", "", 4.0, 8.0)], 3000.0),
        ] {
            let found = row(parts).limit();
            assert!((found - limit).abs() < 1e-9, "{found} for {limit}");
        }
    }

    #[test]
    fn a_row_is_a_line_for_people_and_an_object_for_programs() {
        let row = row(vec![part("a", "", 8.0, 2.0)]);
        let line: serde_json::Value =
            serde_json::from_str(&text(|out| row.print(true, out))).unwrap();
        for (key, value) in [
            ("ms_per_image", serde_json::json!(1234.57)),
            ("peak_rss_mib", serde_json::json!(10.0)),
            ("limit_ms_per_image", serde_json::json!(1000.0)),
            ("model", serde_json::json!("net")),
        ] {
            assert_eq!(line[key], value, "{key}");
        }
        let columns = text(heading).trim_end().chars().count();
        let line = text(|out| row.print(false, out));
        assert_eq!(line.trim_end().chars().count(), columns, "{line}");
        assert!(line.contains("1234.57") && line.contains("1000.00"), "{line}");
    }

    #[test]
    fn a_profile_adds_up_what_is_of_one_kind_and_then_of_one_shape() {
        let row = row(vec![
            part("conv", "1x1", 1.0, 1.0),
            part("conv", "3x3", 1.0, 1.0),
            part("conv", "3x3", 1.0, 1.0),
        ]);
        let text = text(|out| row.print_profile(out));
        let counts: Vec<_> = text
            .lines()
            .filter(|line| line.trim_start().starts_with("conv"))
            .map(|line| line.split(" x").next().unwrap().split_whitespace().last().unwrap())
            .collect();
        assert_eq!(counts, ["3", "2", "1"], "{text}");
    }

    #[test]
    fn a_row_comes_back_from_the_process_that_measured_it() {
        let row = row(vec![part("conv", "1x1", 1.0, 1.0)]);
        let back: Row = serde_json::from_str(&serde_json::to_string(&row).unwrap()).unwrap();
        assert_eq!(text(|out| back.print(true, out)), text(|out| row.print(true, out)));
    }
}
