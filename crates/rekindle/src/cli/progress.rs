//! A run on the terminal: a bar where there is one, plain lines elsewhere, JSON where it was asked for.

use std::{io::IsTerminal, ops::ControlFlow, time::Instant};

use indicatif::{ProgressBar, ProgressStyle};
use rekindle::{
    Network, Outcome,
    train::{Callback, Epoch, Event, Failure, LOSS, json_line},
};
use serde_json::json;

use super::percent;

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
            "epoch {epoch} {phase}  loss {loss:.3}  {rate:.0} pictures/s  {left:.0} s left{}",
            memory().map_or_else(String::new, |mebibytes| format!("  {mebibytes} MiB"))
        ));
    }

    fn epoch(&self, epoch: &Epoch) {
        let line = if self.json {
            json_line(epoch).to_string()
        } else {
            let value =
                |values: &rekindle::metrics::Values, name| values.get(name).unwrap_or(f64::NAN);
            format!(
                "epoch {:>3}  {:<8} train loss {:.4}  val loss {:.4}  val accuracy {:>6}  {:.1} s",
                epoch.number,
                epoch.phase,
                value(&epoch.train, LOSS),
                value(&epoch.val, LOSS),
                percent(value(&epoch.val, "accuracy")),
                epoch.seconds
            )
        };
        self.say(&line);
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say!("{line}")),
            None => say!("{line}"),
        }
    }

    pub(super) fn end(&self, outcome: &Outcome) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let Outcome { best, weights, duration, cache, .. } = outcome;
        let seconds = duration.as_secs_f64();
        let accuracy = best.val.get("accuracy");
        if self.json {
            say!(
                "{}",
                json!({ "best_epoch": best.number, "best_val_accuracy": accuracy, "probe_val_accuracy": outcome.probe, "weights": weights, "seconds": seconds })
            );
            return;
        }
        for report in cache {
            let epochs = outcome.history.iter().filter(|epoch| epoch.phase == report.phase).count();
            if let Some(line) = report.line(epochs) {
                say!("{line}");
            }
        }
        if let Some(probe) = outcome.probe {
            say!("a probe of the same features, without training: {}", percent(probe));
        }
        let weights = weights.as_ref().map(|path| path.display().to_string());
        say!(
            "best: epoch {}, val accuracy {}, saved as {}, {seconds:.1} s",
            best.number,
            percent(accuracy.unwrap_or(f64::NAN)),
            weights.unwrap_or_default()
        );
    }
}

impl Callback<Network> for Progress {
    fn on(&mut self, event: &Event<'_, Network>) -> Result<ControlFlow<()>, Failure> {
        match event {
            Event::Phase { epochs, .. } => (self.began, self.epochs) = (Instant::now(), *epochs),
            Event::Step { phase, epoch, step, steps, loss, examples, .. } => {
                self.step(*epoch, [*step, *steps], (phase, *loss, *examples));
            }
            Event::Epoch { state, .. } => {
                if let Some(epoch) = state.history.last() {
                    self.epoch(epoch);
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Mebibytes that this process has in memory, where the system says.
fn memory() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    // In pages, of 4 KiB on every system that has this file and runs this program today.
    Some(text.split(' ').nth(1)?.parse::<usize>().ok()? * 4 / 1024)
}
