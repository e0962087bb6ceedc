//! Counters and histograms, as Prometheus reads them (text format 0.0.4).

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Upper ends of what durations are counted in, in seconds.
const SECONDS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Upper ends of what batches are counted in, in items.
const ITEMS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// Everything that is counted.
#[derive(Debug, Default)]
pub(crate) struct Metrics(Mutex<Counted>);

/// By their labels, as they are written.
#[derive(Debug, Default)]
struct Counted {
    requests: BTreeMap<String, u64>,
    request_seconds: BTreeMap<String, Histogram>,
    queue_seconds: BTreeMap<String, Histogram>,
    batch_seconds: BTreeMap<String, Histogram>,
    batch_items: BTreeMap<String, Histogram>,
    reloads: BTreeMap<String, u64>,
    panics: BTreeMap<String, u64>,
}

#[derive(Debug, Default)]
struct Histogram {
    /// How many lie up to each end, and above all of them.
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    fn add(&mut self, value: f64, ends: &[f64]) {
        self.counts.resize(ends.len() + 1, 0);
        self.counts[ends.iter().take_while(|end| value > **end).count()] += 1;
        self.sum += value;
    }
}

impl Metrics {
    /// A request was answered.
    pub(crate) fn answered(&self, path: &str, status: u16, took: Duration) {
        let mut counted = self.lock();
        let labels = format!("path=\"{path}\",status=\"{status}\"");
        *counted.requests.entry(labels).or_default() += 1;
        let seconds = counted.request_seconds.entry(format!("path=\"{path}\"")).or_default();
        seconds.add(took.as_secs_f64(), &SECONDS);
    }

    /// A request waited for its model.
    pub(crate) fn waited(&self, model: &str, time: Duration) {
        let mut counted = self.lock();
        counted.queue_seconds.entry(of(model)).or_default().add(time.as_secs_f64(), &SECONDS);
    }

    /// So many items went through a model at once.
    pub(crate) fn computed(&self, model: &str, items: usize, took: Duration) {
        let mut counted = self.lock();
        counted.batch_seconds.entry(of(model)).or_default().add(took.as_secs_f64(), &SECONDS);
        counted.batch_items.entry(of(model)).or_default().add(items as f64, &ITEMS);
    }

    /// A model's file was replaced, and is used, or not.
    pub(crate) fn reloaded(&self, model: &str, used: bool) {
        let labels = format!("{},result=\"{}\"", of(model), if used { "used" } else { "refused" });
        *self.lock().reloads.entry(labels).or_default() += 1;
    }

    /// A model panicked.
    pub(crate) fn panicked(&self, model: &str) {
        *self.lock().panics.entry(of(model)).or_default() += 1;
    }

    /// All of it as text, with the items that wait for each model.
    pub(crate) fn text(&self, waiting: &[(&str, usize)]) -> String {
        let counted = self.lock();
        let mut text = String::new();
        counters(&mut text, "requests_total", "Requests answered.", &counted.requests);
        let mut of_seconds = |name: &str, help: &str, found: &BTreeMap<String, Histogram>| {
            histograms(&mut text, name, help, found, &SECONDS);
        };
        of_seconds("request_seconds", "Seconds a request.", &counted.request_seconds);
        of_seconds("queue_seconds", "Seconds a request waited.", &counted.queue_seconds);
        of_seconds("batch_seconds", "Seconds a batch.", &counted.batch_seconds);
        let help = "Items that went through a model at once.";
        histograms(&mut text, "batch_items", help, &counted.batch_items, &ITEMS);
        counters(&mut text, "reloads_total", "Files of models replaced.", &counted.reloads);
        counters(&mut text, "panics_total", "Panics of models.", &counted.panics);
        head(&mut text, "rekindle_queue_items", "gauge", "Items that wait for a model.");
        for (model, items) in waiting {
            put(&mut text, format_args!("rekindle_queue_items{{{}}} {items}", of(model)));
        }
        if let Some(bytes) = resident_bytes() {
            let name = "process_resident_memory_bytes";
            head(&mut text, name, "gauge", "Resident memory size in bytes.");
            put(&mut text, format_args!("{name} {bytes}"));
        }
        text
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The label of a model's name.
fn of(model: &str) -> String {
    let model = model.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("model=\"{model}\"")
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    // A String takes whatever is written.
    let _ = writeln!(text, "{line}");
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    put(text, format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
}

fn counters(text: &mut String, name: &str, help: &str, found: &BTreeMap<String, u64>) {
    head(text, &format!("rekindle_{name}"), "counter", help);
    for (labels, count) in found {
        put(text, format_args!("rekindle_{name}{{{labels}}} {count}"));
    }
}

fn histograms(
    text: &mut String,
    name: &str,
    help: &str,
    found: &BTreeMap<String, Histogram>,
    ends: &[f64],
) {
    let name = format!("rekindle_{name}");
    head(text, &name, "histogram", help);
    for (labels, Histogram { counts, sum }) in found {
        let mut below = 0;
        for (count, end) in counts.iter().zip(ends) {
            below += count;
            put(text, format_args!("{name}_bucket{{{labels},le=\"{end}\"}} {below}"));
        }
        let all: u64 = counts.iter().sum();
        put(text, format_args!("{name}_bucket{{{labels},le=\"+Inf\"}} {all}"));
        put(text, format_args!("{name}_sum{{{labels}}} {sum}\n{name}_count{{{labels}}} {all}"));
    }
}

/// The memory of this process, where the system says it as Linux does.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_was_counted() {
        let metrics = Metrics::default();
        for milliseconds in [1, 20, 20_000] {
            metrics.answered("/v1/predict", 200, Duration::from_millis(milliseconds));
        }
        metrics.computed("an \"ant\"", 3, Duration::from_millis(7));
        metrics.reloaded("ants", false);
        let text = metrics.text(&[("ants", 5)]);
        for line in [
            "rekindle_requests_total{path=\"/v1/predict\",status=\"200\"} 3",
            "rekindle_request_seconds_bucket{path=\"/v1/predict\",le=\"0.001\"} 1",
            "rekindle_request_seconds_bucket{path=\"/v1/predict\",le=\"0.025\"} 2",
            "rekindle_request_seconds_bucket{path=\"/v1/predict\",le=\"10\"} 2",
            "rekindle_request_seconds_bucket{path=\"/v1/predict\",le=\"+Inf\"} 3",
            "rekindle_request_seconds_count{path=\"/v1/predict\"} 3",
            "rekindle_batch_items_bucket{model=\"an \\\"ant\\\"\",le=\"4\"} 1",
            "rekindle_batch_items_sum{model=\"an \\\"ant\\\"\"} 3",
            "rekindle_reloads_total{model=\"ants\",result=\"refused\"} 1",
            "rekindle_queue_items{model=\"ants\"} 5",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
    }
}
