//! An epoch a line, as JSON or as comma-separated values.

use std::{
    fs::OpenOptions,
    io::Write,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use rekindle_base::{PathError, csv_line, open_plain, text_cell, write_file};
use serde_json::Value;

use crate::{Callback, Epoch, Failure, TrainEvent};

/// A file that gets a line for each epoch.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    format: LogFormat,
}

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// A JSON object a line.
    Json,
    /// Comma-separated values below a line of names.
    Csv,
}

impl Log {
    /// Starts the file anew with what came out so far, so that a run that goes on has no line twice.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn create(path: &Path, format: LogFormat, history: &[Epoch]) -> Result<Self, PathError> {
        let log = Self { path: path.to_owned(), format };
        let mut text = String::new();
        for (index, epoch) in history.iter().filter(|epoch| is_logged(epoch)).enumerate() {
            text.push_str(&log.lines(epoch, index == 0));
        }
        write_file(path, text).map_err(PathError::of(path, "written"))?;
        Ok(log)
    }

    /// Adds lines to the file as it is; a link that somebody put in its place since is not followed.
    fn append(&self, lines: &str) -> Result<(), PathError> {
        open_plain(&self.path, OpenOptions::new().append(true))
            .and_then(|mut file| file.write_all(lines.as_bytes()))
            .map_err(PathError::of(&self.path, "written"))
    }

    /// The line of an epoch, below the line of names if it is the first.
    fn lines(&self, epoch: &Epoch, first: bool) -> String {
        let fields = fields(epoch);
        if self.format == LogFormat::Json {
            return format!("{}\n", json_line(epoch));
        }
        let row = |cells: Vec<String>| {
            let cells: Vec<_> = cells.iter().map(|cell| text_cell(cell)).collect();
            csv_line(cells.iter().map(|cell| &**cell)) + "\n"
        };
        let names = match first {
            true => row(fields.iter().map(|(name, _)| name.clone()).collect()),
            false => String::new(),
        };
        names + &row(fields.iter().map(|(_, value)| plain(value)).collect())
    }
}

/// What was measured before the first step is no epoch that was trained, and no line.
fn is_logged(epoch: &Epoch) -> bool {
    epoch.number > 0
}

/// An epoch as a line of JSON.
pub fn json_line(epoch: &Epoch) -> Value {
    Value::Object(fields(epoch).into_iter().collect())
}

/// Names and values of an epoch, in the order of columns; a number that is not finite is null, as JSON has no other.
fn fields(epoch: &Epoch) -> Vec<(String, Value)> {
    let named = |name: &str, value: Value| (name.to_owned(), value);
    let mut fields =
        vec![named("epoch", epoch.number.into()), named("phase", epoch.phase.clone().into())];
    for (part, values) in [("train", &epoch.train), ("val", &epoch.val)] {
        fields.extend(values.iter().map(|(name, value)| (format!("{part}_{name}"), value.into())));
    }
    fields.push(named("lr", epoch.rates.first().copied().into()));
    fields.push(named("seconds", epoch.seconds.into()));
    fields.push(named("waiting", epoch.waiting.into()));
    fields
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl<M> Callback<M> for Log {
    fn on(&mut self, event: &TrainEvent<'_, M>) -> Result<ControlFlow<()>, Failure> {
        if let TrainEvent::Epoch { state, .. } = event
            && let Some(epoch) = state.history.last()
            && is_logged(epoch)
        {
            self.append(&self.lines(epoch, state.epochs() == 1))?;
        }
        Ok(ControlFlow::Continue(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rekindle_metrics::Values;

    #[test]
    fn lines_hold_every_metric_and_quote_what_must_be() {
        let mut val = Values::default();
        val.set("loss", f64::NAN);
        val.set("accuracy", 0.5);
        let epoch = Epoch {
            number: 1,
            phase: "head, first".to_owned(),
            train: Values::default(),
            val,
            rates: vec![0.25],
            seconds: 1.5,
            waiting: 0.5,
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv");
        Log::create(&path, LogFormat::Csv, &[epoch.clone(), epoch.clone()]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "epoch,phase,val_loss,val_accuracy,lr,seconds,waiting");
        assert_eq!(lines[1], "1,\"head, first\",,0.5,0.25,1.5,0.5");
        assert_eq!((lines.len(), lines[1]), (3, lines[2]));
        assert_eq!(json_line(&epoch)["val_loss"], Value::Null);
        let error =
            Log::create(&folder.path().join("no/log.csv"), LogFormat::Csv, &[]).unwrap_err();
        assert!(error.to_string().contains("log.csv"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn no_line_is_written_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let [path, theirs] = ["log.csv", "theirs"].map(|name| folder.path().join(name));
        std::fs::write(&theirs, "theirs").unwrap();
        for place in [0, 1] {
            let _ = std::fs::remove_file(&path);
            let link = || match place {
                0 => std::os::unix::fs::symlink(&theirs, &path).unwrap(),
                _ => std::fs::hard_link(&theirs, &path).unwrap(),
            };
            // Before it is begun it is replaced.
            link();
            let log = Log::create(&path, LogFormat::Csv, &[]).unwrap();
            log.append("ours\n").unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"ours\n");
        }
        // And while it grows, refused.
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(&theirs, &path).unwrap();
        let log = Log { path, format: LogFormat::Csv };
        let error = log.append("ours\n").unwrap_err().to_string();
        assert!(error.contains("log.csv"), "{error}");
        assert_eq!(std::fs::read(&theirs).unwrap(), b"theirs");
    }
}
