//! Windows of series as items of a loader: places in a panel, prepared when they are needed.

use std::{path::Path, sync::Arc};

use rekindle_data::{Dense, Digests, Item, Prepare, View};
use rekindle_series::{Affine, FeatureRows, Features, Origin, Panel};
use sha2::{Digest, Sha256};

use crate::{Error, NetworkConfig};

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

/// How windows of a panel are written as rows: the scaled values, then what stands beside them.
#[derive(Debug, Clone)]
pub(crate) struct WindowRows {
    pub(crate) features: FeatureRows,
    pub(crate) input: usize,
    pub(crate) horizon: usize,
    /// Numbers of a row.
    pub(crate) width: usize,
}

impl WindowRows {
    /// Those that a network sees of a panel.
    ///
    /// # Errors
    ///
    /// [`Error::Series`] where the panel lacks columns that the model sees.
    pub(crate) fn new(
        network: &NetworkConfig,
        features: &Features,
        panel: &Panel,
    ) -> Result<Self, Error> {
        let NetworkConfig { input, horizon, .. } = *network;
        Ok(Self { features: features.of(panel)?, input, horizon, width: network.row() })
    }

    /// Writes a window; zero before its series begins.
    pub(crate) fn write(&self, origin: &Origin<'_>, scale: Affine, into: &mut [f32]) {
        let (window, beside) = into.split_at_mut(self.input);
        scale.write(origin.history(), window);
        self.features.write(origin, [self.input, self.horizon], beside);
    }
}

/// Windows of a panel as inputs `[batch, numbers, 1]`, scaled; zero before a series begins.
#[derive(Debug, Clone)]
pub struct PrepareWindows {
    pub(crate) panel: Arc<Panel>,
    pub(crate) rows: WindowRows,
}

impl PrepareWindows {
    fn origin(&self, place: &Place) -> Origin<'_> {
        self.panel.origin(place.series as usize, place.at as usize)
    }

    /// A row, in place of what was in a buffer.
    fn row(&self, place: &Place, mut row: Vec<f32>) -> Vec<f32> {
        row.resize(self.rows.width, 0.0);
        self.rows.write(&self.origin(place), place.scale, &mut row);
        row
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
        Ok(self.row(place, spare.unwrap_or_default()))
    }

    fn collate(&self, windows: &mut Vec<Vec<f32>>) -> Result<Dense, Error> {
        Ok(Dense::stack(windows.iter().map(Vec::as_slice), &[self.rows.width, 1]))
    }

    fn input_bytes(&self) -> usize {
        self.rows.width * size_of::<f32>()
    }

    fn is_quick(&self) -> bool {
        true
    }

    fn draws(&self) -> bool {
        false
    }

    fn describe_plain(&self) -> String {
        rekindle_data::canonical(&("window", self.rows.input, self.rows.horizon))
    }

    fn describe_drawn(&self) -> String {
        rekindle_data::canonical(&())
    }

    fn name(&self, place: &Place) -> Option<String> {
        let series = self.panel.series(place.series as usize);
        Some(format!("{} up to {}", series.id, series.show(place.at as usize)))
    }

    /// Of what is seen, what follows and how both are scaled, and of what stands beside them as it is seen.
    fn digest(&self, place: &Place, _files: &Digests) -> Result<[u8; 32], Error> {
        let mut hash = Sha256::new();
        let WindowRows { input, horizon, .. } = self.rows;
        let origin = self.origin(place);
        let values = self.panel.values(origin.series);
        let numbers = [place.scale.shift, place.scale.scale];
        let followed = &values[origin.at..origin.at + horizon];
        for value in numbers.iter().chain(origin.seen(input)).chain(followed) {
            hash.update(value.to_le_bytes());
        }
        for number in &self.row(place, Vec::new())[input..] {
            hash.update(number.to_le_bytes());
        }
        Ok(hash.finalize().into())
    }
}
