//! A run in TensorBoard: metrics, learning rates and the weights that train, by epoch.

use std::{ops::ControlFlow, path::Path};

use burn::{
    module::{Module, ModuleVisitor, Param},
    prelude::*,
};

use crate::{Callback, Epoch, EventFile, EventFileError, Failure, TrainEvent};

/// Writes event files that TensorBoard reads; the steps on its axis are epochs.
#[derive(Debug)]
pub struct TensorBoard {
    file: EventFile,
    histograms: Histograms,
    /// Names of the groups of learning rates, the base rate's first.
    groups: Vec<String>,
}

/// Which weights are drawn as histograms after each epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Histograms {
    /// Those that train.
    Trained,
    /// None.
    None,
}

impl TensorBoard {
    /// A new file in `folder`. What an older one there says of epochs after `history` does not count any more.
    ///
    /// # Errors
    ///
    /// If the folder cannot be written.
    pub fn create(
        folder: &Path,
        history: &[Epoch],
        histograms: Histograms,
    ) -> Result<Self, EventFileError> {
        let file = EventFile::create(folder, history.len() as i64 + 1)?;
        Ok(Self { file, histograms, groups: Vec::new() })
    }

    /// Names the groups of learning rates, the base rate's first; without, they are numbered.
    pub fn with_groups(self, groups: Vec<String>) -> Self {
        Self { groups, ..self }
    }

    /// Shows a picture, the bytes of a PNG, at an epoch.
    ///
    /// # Errors
    ///
    /// If it is no PNG, or cannot be written.
    pub fn image(&mut self, tag: &str, epoch: usize, png: &[u8]) -> Result<(), EventFileError> {
        self.file.image(tag, epoch as i64, png)?;
        self.file.flush()
    }

    /// Shows a text, such as the plan.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn text(&mut self, tag: &str, markdown: &str) -> Result<(), EventFileError> {
        self.file.text(tag, 0, markdown)?;
        self.file.flush()
    }

    fn epoch<M: Module>(&mut self, epoch: &Epoch, model: &M) -> Result<(), EventFileError> {
        let step = epoch.number as i64;
        for (part, values) in [("train", &epoch.train), ("val", &epoch.val)] {
            for (name, value) in values.iter() {
                // So that both parts of a metric share a chart.
                self.file.scalar(&format!("{name}/{part}"), step, value)?;
            }
        }
        for (place, rate) in epoch.rates.iter().enumerate() {
            let group = match (self.groups.get(place), place) {
                (Some(group), _) => group.clone(),
                (None, 0) => "base".to_owned(),
                (None, _) => format!("group {place}"),
            };
            self.file.scalar(&format!("learning rate/{group}"), step, *rate)?;
        }
        self.file.scalar("seconds", step, epoch.seconds)?;
        if self.histograms == Histograms::Trained {
            let mut collector = Collector { path: Vec::new(), found: Vec::new() };
            model.visit(&mut collector);
            for (name, values) in collector.found {
                self.file.histogram(&name, step, &values)?;
            }
        }
        self.file.flush()
    }
}

impl<M: Module> Callback<M> for TensorBoard {
    fn on(&mut self, event: &TrainEvent<'_, M>) -> Result<ControlFlow<()>, Failure> {
        match event {
            TrainEvent::Epoch { state, .. } => {
                if let Some(epoch) = state.history.last() {
                    self.epoch(epoch, &state.model)?;
                }
            }
            TrainEvent::Phase { phase, epochs, .. } => {
                self.file.text("phase", epochs[0] as i64, phase)?;
            }
            TrainEvent::Step { .. } => {}
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// The values of parameters that train.
struct Collector {
    path: Vec<String>,
    found: Vec<(String, Vec<f32>)>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            let values = param.val().into_data().iter::<f32>().collect();
            self.found.push((self.path.join("/"), values));
        }
    }
}
