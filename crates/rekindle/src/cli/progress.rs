//! A run on the terminal: a bar where there is one, plain lines elsewhere, JSON where it was asked for.

use std::{io::IsTerminal, ops::ControlFlow, time::Instant};

use indicatif::{ProgressBar, ProgressStyle};
use rekindle::{
    ItemOf, ModelTask, Outcome, SetOf,
    data::SampleOf,
    engine::TransferTask as _,
    train::{Callback, Epoch, Failure, LOSS, Task, TrainEvent, json_line},
};
use serde_json::{Value, json};

use super::{
    answers::{Answers, Found, always, shown},
    kind::Kind,
    output::{self, one_line},
    percent,
};

pub(super) struct Progress {
    json: bool,
    /// Whether nothing is told but by a bar.
    quiet: bool,
    /// What models are compared by.
    metric: String,
    /// What is counted.
    many: &'static str,
    bar: Option<ProgressBar>,
    /// When the phase began, and the epochs it has.
    began: Instant,
    epochs: [usize; 2],
}

impl Progress {
    pub(super) fn new(json: bool, metric: String, many: &'static str) -> Self {
        let bar = (!json && std::io::stderr().is_terminal()).then(|| {
            let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}");
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { json, quiet: false, metric, many, bar, began: Instant::now(), epochs: [1, 1] }
    }

    /// One that tells nothing but by a bar.
    pub(super) fn quiet(json: bool, many: &'static str) -> Self {
        Self { quiet: true, ..Self::new(json, String::new(), many) }
    }

    fn step(
        &self,
        epoch: usize,
        [step, steps]: [usize; 2],
        (phase, loss, examples): (&str, f64, usize),
        waiting: f64,
    ) {
        let Some(bar) = &self.bar else { return };
        let done = (epoch - self.epochs[0]) * steps + step;
        let all = (self.epochs[1] + 1 - self.epochs[0]) * steps;
        let seconds = self.began.elapsed().as_secs_f64();
        let left = seconds / done.max(1) as f64 * (all - done.min(all)) as f64;
        let rate = (examples * done) as f64 / (step.max(1) as f64 * seconds.max(1e-9));
        bar.set_length(steps as u64);
        bar.set_position(step as u64);
        bar.set_message(format!(
            "epoch {epoch} {}  loss {loss:.3}  {rate:.0} {}/s  {:.0}% waiting  {left:.0} s left{}",
            one_line(phase),
            self.many,
            100.0 * waiting,
            memory().map_or_else(String::new, |mebibytes| format!("  {mebibytes} MiB"))
        ));
    }

    fn epoch(&self, epoch: &Epoch) -> anyhow::Result<()> {
        if self.quiet {
            return Ok(());
        }
        if self.json {
            // A line an epoch that was trained; where it began is told at the end.
            return if epoch.number == 0 { Ok(()) } else { output::json(&json_line(epoch)) };
        }
        let value = |values: &rekindle::metrics::Values, name| values.get(name).unwrap_or(f64::NAN);
        let metric = &self.metric;
        let line = format!(
            "epoch {:>3}  {:<8} train loss {:.4}  val loss {:.4}  val {metric} {:>6}  {:.1} s{}",
            epoch.number,
            one_line(&epoch.phase),
            value(&epoch.train, LOSS),
            value(&epoch.val, LOSS),
            shown(metric, value(&epoch.val, metric)),
            epoch.seconds,
            waited(epoch, self.many)
        );
        match &self.bar {
            Some(bar) => bar.suspend(|| say!("{line}")),
            None => say!("{line}"),
        }
        Ok(())
    }

    /// What came out, beside what always answering the same and a probe give.
    pub(super) fn end<M: Kind, L: Answers>(
        &self,
        outcome: &Outcome<L::Task, M>,
        set: &SetOf<M, L>,
        test: Option<&<L::Task as Task>::Scores>,
        baselines: &[(String, f64)],
        next: &[String],
    ) -> anyhow::Result<()> {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let Outcome { best, weights, duration, cache, predictions, task, model, .. } = outcome;
        let seconds = duration.as_secs_f64();
        let labels = |samples: &[SampleOf<L, ItemOf<M>>]| -> Vec<L> {
            samples.iter().map(|sample| sample.label.clone()).collect()
        };
        let trained = labels(&set.train);
        let always = |part: &[SampleOf<L, ItemOf<M>>]| {
            always::<L>(task, &set.names, &trained, &labels(part))
        };
        let (val, always_val) = (L::found(task, predictions), always(&set.val));
        let test = test.map(|scores| (L::found(task, scores), always(&set.test)));
        let weights = weights.as_ref().map(|path| path.display().to_string());
        let usual = task.monitor().metric;
        if self.json {
            let mut line = json!({
                "best_epoch": best.number,
                "weights": weights,
                "seconds": seconds,
            });
            // What always answering the most frequent label gives is called so since there were no other tasks.
            let constant = if usual == "accuracy" { "majority" } else { "constant" };
            line[format!("probe_val_{usual}")] = model.probe().into();
            add(&mut line, "best_val_", "val_interval", &val);
            line[format!("{constant}_val_{usual}")] = always_val.map(|always| always.1).into();
            add_baselines(&mut line, baselines);
            if let Some((test, always)) = &test {
                add(&mut line, "test_", "test_interval", test);
                line[format!("{constant}_test_{usual}")] =
                    always.as_ref().map(|always| always.1).into();
            }
            if let Some(start) = outcome.history.first().filter(|epoch| epoch.number == 0) {
                line[format!("start_val_{usual}")] = start.val.get(&usual).into();
            }
            if let Some((before, after)) = calibration(outcome) {
                line["calibration_error_before"] = before.into();
                line["calibration_error"] = after.into();
            }
            line["next"] = next.into();
            return output::json(&line);
        }
        for report in cache {
            let epochs = outcome.history.iter().filter(|epoch| epoch.phase == report.phase).count();
            if let Some(line) = report.line(epochs) {
                say!("{line}");
            }
        }
        let probe = model.probe().map_or_else(String::new, |probe| {
            format!(", a probe of the weights as they came: {}", shown(&usual, probe))
        });
        if let Some((answer, value)) = always_val {
            let others = baselines
                .iter()
                .map(|(name, value)| format!(", {name}: {}", shown(&usual, *value)));
            let others: String = others.collect();
            say!("to beat: always {answer}: {usual} {}{others}{probe}", shown(&usual, value));
        }
        let epoch = match best.number {
            0 => "epoch 0, the head as it was solved for".to_owned(),
            number => format!("epoch {number}"),
        };
        say!(
            "best: {epoch}, val {}, saved as {}, {seconds:.1} s",
            val.line(),
            one_line(weights.unwrap_or_default())
        );
        if let Some((before, after)) = calibration(outcome) {
            say!(
                "calibrated: probabilities are off by {} on the validation {}, {} before",
                percent(after),
                M::MANY,
                percent(before)
            );
        }
        if let Some((test, always)) = test {
            let always = always.map_or_else(String::new, |(answer, value)| {
                format!("; always {answer}: {}", shown(&usual, value))
            });
            say!("test {}, of {} {}{always}", test.line(), test.examples, M::MANY);
        }
        next.iter().for_each(|line| say!("next: {}", one_line(line)));
        Ok(())
    }
}

/// The expected calibration error before and after, where the task has one.
fn calibration<M: Kind, T: ModelTask>(outcome: &Outcome<T, M>) -> Option<(f64, f64)> {
    const NAME: &str = "calibration_error";
    let after = outcome.task.values(&outcome.predictions).get(NAME)?;
    Some((outcome.uncalibrated.get(NAME)?, after))
}

/// Adds the metrics of a part to a line, their names behind `prefix`, and the interval of the first.
pub(super) fn add(line: &mut Value, prefix: &str, interval: &str, found: &Found) {
    for metric in &found.metrics {
        line[format!("{prefix}{}", metric.name)] = metric.value.into();
    }
    if let Some(bounds) = found.metrics.first().and_then(|metric| metric.interval) {
        line[interval] = json!(bounds);
    }
}

/// Adds what simpler methods reach on the validation items.
pub(super) fn add_baselines(line: &mut Value, baselines: &[(String, f64)]) {
    if !baselines.is_empty() {
        let values = baselines.iter().map(|(name, value)| (name.clone(), json!(value)));
        line["baselines_val"] = Value::Object(values.collect());
    }
}

impl<B: rekindle::layers::Backbone> Callback<rekindle::transfer::Classifier<B>> for Progress {
    fn on(
        &mut self,
        event: &TrainEvent<'_, rekindle::transfer::Classifier<B>>,
    ) -> Result<ControlFlow<()>, Failure> {
        match event {
            TrainEvent::Phase { epochs, .. } => {
                (self.began, self.epochs) = (Instant::now(), *epochs)
            }
            TrainEvent::Step { phase, epoch, step, steps, loss, examples, waiting, .. } => {
                self.step(*epoch, [*step, *steps], (phase, *loss, *examples), *waiting);
            }
            TrainEvent::Epoch { state, .. } => {
                if let Some(epoch) = state.history.last() {
                    self.epoch(epoch)?;
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Says so where training waited for items longer than a twentieth of an epoch.
fn waited(epoch: &Epoch, many: &str) -> String {
    let share = epoch.waiting / epoch.seconds.max(1e-9);
    if share > 0.05 && epoch.waiting > 0.1 {
        format!(", {} of it waiting for {many}", percent(share))
    } else {
        String::new()
    }
}

/// Mebibytes that this process has in memory, where the system says.
fn memory() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    // In pages, of 4 KiB on every system that has this file and runs this program today.
    Some(text.split(' ').nth(1)?.parse::<usize>().ok()? * 4 / 1024)
}
