//! Windows of series as items of a loader: places in a panel, prepared when they are needed.

use std::{path::Path, sync::Arc};

use rekindle_data::{Dense, Digests, Item, Prepare, View};
use rekindle_series::{Affine, Panel};
use sha2::{Digest, Sha256};

use crate::Error;

/// A window of a series: where its forecast begins, and how both are scaled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Which series.
    pub series: u32,
    /// The place in it of the first value that is forecast.
    pub at: u32,
    /// What values are scaled by.
    pub scale: Affine,
}

impl Item for Place {
    fn path(&self) -> Option<&Path> {
        None
    }
}

/// What follows a window.
#[derive(Debug, Clone)]
pub struct Future {
    pub(crate) panel: Arc<Panel>,
    pub(crate) place: Place,
    /// Steps of it.
    pub(crate) steps: u32,
    /// What errors are divided by in MASE; NaN where there is none.
    pub(crate) unit: f64,
}

impl Future {
    /// The values as they are.
    pub fn values(&self) -> &[f64] {
        let Place { series, at, .. } = self.place;
        &self.panel.values(series as usize)[at as usize..][..self.steps as usize]
    }

    /// What they are scaled by.
    pub fn scale(&self) -> Affine {
        self.place.scale
    }

    /// The values as networks learn them.
    pub fn scaled(&self) -> impl Iterator<Item = f32> + '_ {
        self.values().iter().map(|value| self.place.scale.apply(*value) as f32)
    }
}

impl PartialEq for Future {
    fn eq(&self, other: &Self) -> bool {
        (self.scale(), self.values()) == (other.scale(), other.values())
    }
}

/// By its place: what the values are is in the digests of items.
impl serde::Serialize for Future {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.place.series, self.place.at, self.steps).serialize(serializer)
    }
}

/// Windows of a panel as inputs `[batch, time, 1]`, scaled; zero before a series begins.
#[derive(Debug, Clone)]
pub struct PrepareWindows {
    pub(crate) panel: Arc<Panel>,
    pub(crate) input: usize,
    pub(crate) horizon: usize,
}

impl PrepareWindows {
    /// What a window sees of its series.
    fn seen(&self, place: &Place) -> &[f64] {
        let at = place.at as usize;
        &self.panel.values(place.series as usize)[at.saturating_sub(self.input)..at]
    }
}

impl Prepare for PrepareWindows {
    type Item = Place;
    type Input = Vec<f32>;
    type Batch = Dense;
    type Error = Error;

    fn prepare(
        &self,
        place: &Place,
        _view: View,
        spare: Option<Vec<f32>>,
    ) -> Result<Vec<f32>, Error> {
        let mut window = spare.unwrap_or_default();
        window.resize(self.input, 0.0);
        place.scale.write(self.seen(place), &mut window);
        Ok(window)
    }

    fn collate(&self, windows: &mut Vec<Vec<f32>>) -> Result<Dense, Error> {
        Ok(Dense::stack(windows.iter().map(Vec::as_slice), &[self.input, 1]))
    }

    fn input_bytes(&self) -> usize {
        self.input * size_of::<f32>()
    }

    fn is_quick(&self) -> bool {
        true
    }

    fn draws(&self) -> bool {
        false
    }

    fn describe_plain(&self) -> String {
        rekindle_data::canonical(&("window", self.input, self.horizon))
    }

    fn describe_drawn(&self) -> String {
        rekindle_data::canonical(&())
    }

    fn name(&self, place: &Place) -> Option<String> {
        let series = self.panel.series(place.series as usize);
        Some(format!("{} up to {}", series.id, series.show(place.at as usize)))
    }

    /// Of what is seen, what follows and how both are scaled.
    fn digest(&self, place: &Place, _files: &Digests) -> Result<[u8; 32], Error> {
        let mut hash = Sha256::new();
        let at = place.at as usize;
        let values = self.panel.values(place.series as usize);
        let numbers = [place.scale.shift, place.scale.scale];
        for value in numbers.iter().chain(self.seen(place)).chain(&values[at..at + self.horizon]) {
            hash.update(value.to_le_bytes());
        }
        Ok(hash.finalize().into())
    }
}
