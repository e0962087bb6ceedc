//! Checkpoints: the best model, one every few epochs, and the state that a run goes on from.

use std::{
    fs,
    num::NonZeroUsize,
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use burn::module::Module;

use crate::{Callback, Failure, Monitor, State, TrainEvent};

/// What is kept of a run, in one folder.
#[derive(Debug, Clone)]
pub struct Keep {
    /// The folder.
    pub folder: PathBuf,
    /// What the files of models end in, such as `safetensors`.
    pub extension: &'static str,
    /// The best epoch by this is kept as `best`.
    pub monitor: Monitor,
    /// Every how many epochs one is kept as `epoch-0012`; none without.
    pub every: Option<NonZeroUsize>,
    /// How many of those are kept; the oldest go first.
    pub last: usize,
    /// The time between two states on disk. What is lost when a run is killed is trained again to the same
    /// bits, so this is seconds of work, not a choice of results.
    pub interval: Duration,
    /// Noted in the state, for whoever goes on from it to check.
    pub note: String,
}

/// Keeps the best model in memory.
pub struct Best<M> {
    monitor: Monitor,
    found: Option<Found<M>>,
}

/// A model of a run.
struct Found<M> {
    /// How many epochs there were, that before the first step included.
    epochs: usize,
    /// The number of its epoch.
    number: usize,
    model: M,
}

impl<M> std::fmt::Debug for Best<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Best").field("monitor", &self.monitor).finish_non_exhaustive()
    }
}

impl<M: Module> Best<M> {
    /// Keeps nothing until the first epoch.
    pub fn new(monitor: Monitor) -> Self {
        Self { monitor, found: None }
    }

    /// The best model since this began to listen; none if the best epoch was before.
    pub fn model(&self) -> Option<&M> {
        self.found.as_ref().map(|found| &found.model)
    }
}

impl<M: Module> Callback<M> for Best<M> {
    fn on(&mut self, event: &TrainEvent<'_, M>) -> Result<ControlFlow<()>, Failure> {
        if let TrainEvent::Epoch { model, state } = event
            && self.monitor.best(&state.history).is_some_and(|best| best + 1 == state.history.len())
        {
            let (epochs, number) = (state.history.len(), state.epochs());
            self.found = Some(Found { epochs, number, model: (*model).clone() });
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Writes what is to be kept; `S` writes a model.
pub struct Checkpoints<M, S> {
    keep: Keep,
    save: S,
    best: Best<M>,
    /// How many epochs there were when the best on disk was written.
    written: usize,
    saved: Instant,
}

impl<M, S> std::fmt::Debug for Checkpoints<M, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkpoints").field("keep", &self.keep).finish_non_exhaustive()
    }
}

impl Keep {
    /// The name of the file that a run goes on from.
    pub const STATE: &str = "last.state";

    /// The file that a run goes on from.
    pub fn state(&self) -> PathBuf {
        self.folder.join(Self::STATE)
    }

    /// The file of the best model.
    pub fn best(&self) -> PathBuf {
        self.model("best")
    }

    fn model(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.{}", self.extension))
    }

    fn numbered(&self, epoch: usize) -> PathBuf {
        self.model(&format!("epoch-{epoch:04}"))
    }
}

impl<M: Module, S: FnMut(&M, &Path) -> Result<(), Failure>> Checkpoints<M, S> {
    /// Keeps nothing until the first event; `save` writes a model to a path, all or nothing.
    pub fn new(keep: Keep, save: S) -> Self {
        let best = Best::new(keep.monitor.clone());
        Self { keep, save, best, written: 0, saved: Instant::now() }
    }

    /// The best model since this began to listen; none if the best epoch was before, and its model is on disk.
    pub fn best(&self) -> Option<&M> {
        self.best.model()
    }

    /// What is kept, and where.
    pub fn keep(&self) -> &Keep {
        &self.keep
    }

    /// Notes something else in the states to come.
    pub fn set_note(&mut self, note: String) {
        self.keep.note = note;
    }

    /// Writes the best model and the state, however little time has passed.
    ///
    /// The model first: a run that goes on from an older state trains the same best model again.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    pub fn flush(&mut self, state: &State<M>) -> Result<(), Failure> {
        let best = self.keep.monitor.best(&state.history).map_or(0, |place| place + 1);
        if let Some(model) = self.best.model()
            && best > self.written
        {
            (self.save)(model, &self.keep.best())?;
            self.written = best;
        }
        state.save(&self.keep.state(), &self.keep.note)?;
        self.saved = Instant::now();
        Ok(())
    }

    /// Writes the best model that is not on disk yet, where a run ends by an error: as `rescued`, since `best` belongs to
    /// the state on disk, which is of an earlier epoch. Says of which epoch it is, and where.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn rescue(&mut self) -> Result<Option<(usize, PathBuf)>, Failure> {
        let unsaved = self.best.found.as_ref().filter(|found| found.epochs > self.written);
        let Some(Found { number, model, .. }) = unsaved else { return Ok(None) };
        let path = self.keep.model("rescued");
        (self.save)(model, &path)?;
        Ok(Some((*number, path)))
    }

    fn epoch(&mut self, model: &M, state: &State<M>) -> Result<(), Failure> {
        let number = state.epochs();
        if let Some(every) = self.keep.every
            && number > 0
            && number.is_multiple_of(every.get())
        {
            (self.save)(model, &self.keep.numbered(number))?;
            let past = self.keep.last.saturating_mul(every.get());
            if let Some(old) = number.checked_sub(past).filter(|old| *old > 0) {
                // Already gone where somebody tidied up.
                let _ = fs::remove_file(self.keep.numbered(old));
            }
        }
        if self.saved.elapsed() >= self.keep.interval {
            self.flush(state)?;
        }
        Ok(())
    }
}

impl<M: Module, S: FnMut(&M, &Path) -> Result<(), Failure>> Callback<M> for Checkpoints<M, S> {
    fn on(&mut self, event: &TrainEvent<'_, M>) -> Result<ControlFlow<()>, Failure> {
        let answer = self.best.on(event)?;
        if let TrainEvent::Epoch { model, state } = event {
            self.epoch(model, state)?;
        }
        Ok(answer)
    }
}
