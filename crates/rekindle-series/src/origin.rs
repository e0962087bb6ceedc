//! Where a forecast is made.

use crate::Panel;

/// A place in a series of a panel: what is before it is known, what follows is to be said.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    panel: &'a Panel,
    /// Which series.
    pub series: usize,
    /// The place in it of the first value that is to be said.
    pub at: usize,
}

impl<'a> Origin<'a> {
    /// The panel that the series is of.
    pub fn panel(&self) -> &'a Panel {
        self.panel
    }

    /// All values before it.
    pub fn history(&self) -> &'a [f64] {
        &self.panel.values(self.series)[..self.at]
    }

    /// So many values of them at most, the last ones.
    pub fn seen(&self, most: usize) -> &'a [f64] {
        &self.panel.values(self.series)[self.at.saturating_sub(most)..self.at]
    }
}

impl Panel {
    /// A place in a series.
    ///
    /// # Panics
    ///
    /// If there is no such series, or it ends before the place.
    pub fn origin(&self, series: usize, at: usize) -> Origin<'_> {
        assert!(at <= self.values(series).len(), "place {at} behind series {series}");
        Origin { panel: self, series, at }
    }

    /// The end of each series.
    pub fn ends(&self) -> Vec<Origin<'_>> {
        (0..self.len()).map(|series| self.origin(series, self.values(series).len())).collect()
    }
}
