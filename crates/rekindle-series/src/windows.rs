//! Windows: what a network sees of a series, and what it is to say, as slices of the panel's buffer.
//!
//! ```text
//! |<--- input --->|<- gap ->|<- horizon ->|      the next window begins `stride` later; the last one ends with the series
//! ```

use std::ops::Range;

use crate::error::config;
use crate::{Error, Panel};

/// Which windows of a panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowsConfig {
    /// Values that are seen.
    pub input: usize,
    /// Values that are forecast.
    pub horizon: usize,
    /// Steps from the end of what is seen to the first value that is forecast.
    pub gap: usize,
    /// Steps from a window to the next.
    pub stride: usize,
    /// The fewest values that are seen, where a series begins later than a window would.
    pub least: usize,
}

impl WindowsConfig {
    /// All windows that see a whole input.
    pub fn new(input: usize, horizon: usize) -> Self {
        Self { input, horizon, gap: 0, stride: 1, least: input }
    }
}

/// A window of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window<'a> {
    /// Which series.
    pub series: usize,
    /// Where in it what is to be said begins.
    pub at: usize,
    /// What is seen: shorter than the input where the series begins later.
    pub input: &'a [f64],
    /// What is to be said.
    pub target: &'a [f64],
}

/// All windows of a panel: a place in it is found, never kept.
#[derive(Debug, Clone)]
pub struct Windows<'a> {
    panel: &'a Panel,
    config: WindowsConfig,
    /// Where what is to be said begins in each series' first window.
    firsts: Vec<usize>,
    /// How many windows the series before each have, and all of them.
    before: Vec<usize>,
}

impl<'a> Windows<'a> {
    /// The windows of whole series.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] where an extent but the gap is 0, or no series is long enough for a window.
    pub fn new(panel: &'a Panel, config: &WindowsConfig) -> Result<Self, Error> {
        Self::within(panel, config, |length| 0..length)
    }

    /// The windows whose targets lie within the last points of each series: what is seen may reach back before them.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn of_last(panel: &'a Panel, config: &WindowsConfig, points: usize) -> Result<Self, Error> {
        Self::within(panel, config, |length| length.saturating_sub(points)..length)
    }

    /// The windows whose targets lie within a part of each series, by its length.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn within(
        panel: &'a Panel,
        config: &WindowsConfig,
        targets: impl Fn(usize) -> Range<usize>,
    ) -> Result<Self, Error> {
        let WindowsConfig { input, horizon, gap, stride, least } = *config;
        if input == 0 || horizon == 0 || stride == 0 || least == 0 {
            return Err(self::config(
                "windows",
                "an extent of 0; give input, horizon, stride and least at least 1",
            ));
        }
        let ahead = least.min(input).saturating_add(gap);
        let (mut firsts, mut before) = (Vec::with_capacity(panel.len()), vec![0]);
        let mut count = 0;
        for (_, values) in panel.iter() {
            let targets = targets(values.len());
            let last = targets.end.checked_sub(horizon);
            let least = targets.start.max(ahead);
            let found = last.and_then(|last| last.checked_sub(least)).map(|room| room / stride);
            firsts.push(found.zip(last).map_or(0, |(steps, last)| last - steps * stride));
            count += found.map_or(0, |steps| steps + 1);
            before.push(count);
        }
        if count == 0 {
            let problem = format!(
                "none of {} series has {} points; ask for a shorter input or horizon",
                panel.len(),
                ahead.saturating_add(horizon)
            );
            return Err(self::config("windows", problem));
        }
        Ok(Self { panel, config: *config, firsts, before })
    }

    /// How many there are, at least one.
    #[allow(clippy::len_without_is_empty, reason = "there is at least one")]
    pub fn len(&self) -> usize {
        self.before[self.before.len() - 1]
    }

    /// How many series are too short for one.
    pub fn too_short(&self) -> usize {
        self.before.windows(2).filter(|pair| pair[0] == pair[1]).count()
    }

    /// A window.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn get(&self, place: usize) -> Window<'a> {
        assert!(place < self.len(), "window {place} of {}", self.len());
        let series = self.before.partition_point(|before| *before <= place) - 1;
        self.of(series, place - self.before[series])
    }

    /// All windows, series by series.
    pub fn iter(&self) -> impl Iterator<Item = Window<'a>> + '_ {
        (0..self.panel.len()).flat_map(move |series| {
            let count = self.before[series + 1] - self.before[series];
            (0..count).map(move |place| self.of(series, place))
        })
    }

    fn of(&self, series: usize, place: usize) -> Window<'a> {
        let WindowsConfig { input, horizon, gap, stride, .. } = self.config;
        let at = self.firsts[series] + place * stride;
        let values = self.panel.values(series);
        let seen = at - gap;
        Window {
            series,
            at,
            input: &values[seen.saturating_sub(input)..seen],
            target: &values[at..at + horizon],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Frequency, Series};

    fn panel() -> Panel {
        let series =
            |id: &str| Series { id: id.into(), start: None, frequency: Frequency::Steps(1) };
        let values =
            |count: u32, by: u32| (0..count).map(|it| f64::from(it + by)).collect::<Vec<_>>();
        Panel::new([
            (series("a"), values(10, 0)),
            (series("short"), values(3, 50)),
            (series("b"), values(6, 100)),
        ])
        .unwrap()
    }

    #[test]
    fn windows_are_slices_up_to_the_end_of_each_series() {
        let panel = panel();
        let config = WindowsConfig::new(3, 2);
        for (config, last, expected) in [
            (config, None, &[(0, 3), (0, 4), (0, 5), (0, 6), (0, 7), (0, 8), (2, 3), (2, 4)][..]),
            (WindowsConfig { stride: 2, ..config }, None, &[(0, 4), (0, 6), (0, 8), (2, 4)]),
            (
                WindowsConfig { gap: 1, ..config },
                None,
                &[(0, 4), (0, 5), (0, 6), (0, 7), (0, 8), (2, 4)],
            ),
            (
                WindowsConfig { stride: 3, least: 2, ..config },
                None,
                &[(0, 2), (0, 5), (0, 8), (2, 4)],
            ),
            (config, Some(3), &[(0, 7), (0, 8), (2, 3), (2, 4)]),
            (config, Some(2), &[(0, 8), (2, 4)]),
        ] {
            let windows = match last {
                Some(points) => Windows::of_last(&panel, &config, points),
                None => Windows::new(&panel, &config),
            }
            .unwrap();
            let found: Vec<(usize, usize)> = windows.iter().map(|it| (it.series, it.at)).collect();
            assert_eq!(found, expected, "{config:?}, {last:?}");
            assert_eq!((windows.len(), windows.too_short()), (expected.len(), 1));
            for (place, window) in windows.iter().enumerate() {
                assert_eq!(windows.get(place), window);
                let values = panel.values(window.series);
                let target = window.at;
                let seen = target - config.gap;
                assert!(std::ptr::eq(
                    window.input,
                    &values[seen.saturating_sub(config.input)..seen]
                ));
                assert!(std::ptr::eq(window.target, &values[target..target + config.horizon]));
                let early = last.map_or(0, |points| values.len() - points);
                assert!(target >= early, "a target that was not set aside");
            }
        }
    }

    #[test]
    fn windows_that_cannot_be_are_refused() {
        let panel = panel();
        for (config, expected) in [
            (WindowsConfig::new(0, 1), "an extent of 0"),
            (WindowsConfig::new(9, 2), "none of 3 series has 11 points"),
            (
                WindowsConfig { gap: 9, ..WindowsConfig::new(usize::MAX, 2) },
                "none of 3 series has 18446744073709551615",
            ),
        ] {
            let error = Windows::new(&panel, &config).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
