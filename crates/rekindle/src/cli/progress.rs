//! A run on the terminal: a bar where there is one, plain lines elsewhere, JSON where it was asked for.

use std::{io::IsTerminal, ops::ControlFlow, time::Instant};

use indicatif::{ProgressBar, ProgressStyle};
use rekindle::{
    Network, Outcome,
    data::Sample,
    metrics::{Classification, Predictions, majority},
    train::{Callback, Epoch, Event, Failure, LOSS, json_line},
};
use serde_json::json;

use super::{
    output::{self, one_line},
    percent, with_interval,
};

pub(super) struct Progress {
    json: bool,
    bar: Option<ProgressBar>,
    /// When the phase began, and the epochs it has.
    began: Instant,
    epochs: [usize; 2],
}

impl Progress {
    pub(super) fn new(json: bool) -> Self {
        let bar = (!json && std::io::stderr().is_terminal()).then(|| {
            let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}");
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { json, bar, began: Instant::now(), epochs: [1, 1] }
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
            "epoch {epoch} {}  loss {loss:.3}  {rate:.0} pictures/s  {:.0}% waiting  {left:.0} s left{}",
            one_line(phase),
            100.0 * waiting,
            memory().map_or_else(String::new, |mebibytes| format!("  {mebibytes} MiB"))
        ));
    }

    fn epoch(&self, epoch: &Epoch) -> anyhow::Result<()> {
        if self.json {
            return output::json(&json_line(epoch));
        }
        let value = |values: &rekindle::metrics::Values, name| values.get(name).unwrap_or(f64::NAN);
        let line = format!(
            "epoch {:>3}  {:<8} train loss {:.4}  val loss {:.4}  val accuracy {:>6}  {:.1} s{}",
            epoch.number,
            one_line(&epoch.phase),
            value(&epoch.train, LOSS),
            value(&epoch.val, LOSS),
            percent(value(&epoch.val, "accuracy")),
            epoch.seconds,
            waited(epoch)
        );
        match &self.bar {
            Some(bar) => bar.suspend(|| say!("{line}")),
            None => say!("{line}"),
        }
        Ok(())
    }

    /// What came out, beside what always answering the most frequent label and a probe give.
    pub(super) fn end(
        &self,
        outcome: &Outcome,
        train: &[Sample],
        test: Option<&Predictions>,
    ) -> anyhow::Result<()> {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let Outcome { best, weights, duration, cache, predictions, .. } = outcome;
        let seconds = duration.as_secs_f64();
        let val = Classification::of(predictions);
        let trained: Vec<usize> = train.iter().map(|sample| sample.label).collect();
        let always = |measured: &Predictions| majority(&trained, measured.labels());
        let (most, always_val) = always(predictions);
        let found = test.map(|test| (Classification::of(test), always(test).1));
        let weights = weights.as_ref().map(|path| path.display().to_string());
        if self.json {
            let mut line = json!({
                "best_epoch": best.number,
                "best_val_accuracy": val.accuracy,
                "val_interval": [val.interval.low, val.interval.high],
                "majority_val_accuracy": always_val,
                "probe_val_accuracy": outcome.model.probe,
                "weights": weights,
                "seconds": seconds,
            });
            if let Some((found, always)) = found {
                line["test_accuracy"] = found.accuracy.into();
                line["test_interval"] = json!([found.interval.low, found.interval.high]);
                line["majority_test_accuracy"] = always.into();
            }
            return output::json(&line);
        }
        for report in cache {
            let epochs = outcome.history.iter().filter(|epoch| epoch.phase == report.phase).count();
            if let Some(line) = report.line(epochs) {
                say!("{line}");
            }
        }
        let label = one_line(outcome.model.config.label(most).unwrap_or_default());
        let probe = outcome.model.probe.map_or_else(String::new, |probe| {
            format!(", a probe of the weights as they came: {}", percent(probe))
        });
        say!("to beat: always `{label}`: {}{probe}", percent(always_val));
        say!(
            "best: epoch {}, val accuracy {}, saved as {}, {seconds:.1} s",
            best.number,
            with_interval(&val),
            one_line(weights.unwrap_or_default())
        );
        if let Some((found, always)) = found {
            say!(
                "test accuracy {}, of {} pictures; always `{label}`: {}",
                with_interval(&found),
                found.examples,
                percent(always)
            );
        }
        Ok(())
    }
}

impl Callback<Network> for Progress {
    fn on(&mut self, event: &Event<'_, Network>) -> Result<ControlFlow<()>, Failure> {
        match event {
            Event::Phase { epochs, .. } => (self.began, self.epochs) = (Instant::now(), *epochs),
            Event::Step { phase, epoch, step, steps, loss, examples, waiting, .. } => {
                self.step(*epoch, [*step, *steps], (phase, *loss, *examples), *waiting);
            }
            Event::Epoch { state, .. } => {
                if let Some(epoch) = state.history.last() {
                    self.epoch(epoch)?;
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Says so where training waited for pictures longer than a twentieth of an epoch.
fn waited(epoch: &Epoch) -> String {
    let share = epoch.waiting / epoch.seconds.max(1e-9);
    if share > 0.05 && epoch.waiting > 0.1 {
        format!(", {} of it waiting for pictures", percent(share))
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
