//! What stands beside the values of series: columns that are known ahead, up to now, or of a series as a whole.

use std::sync::Arc;

use crate::CalendarFeature;

/// The columns that stand beside the values of a panel, by when they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// Known up to now, such as the weather as it was.
    pub past: Vec<String>,
    /// Known of what is forecast too, such as prices and holidays.
    pub known: Vec<String>,
    /// What the calendar says, which is known too.
    pub calendar: Vec<CalendarFeature>,
    /// Of a series as a whole, such as where a shop is.
    pub fixed: Vec<String>,
}

impl Columns {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tracks() + self.fixed.len() == 0
    }

    /// The names of all that a list has columns of.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.past.iter().chain(&self.known).chain(&self.fixed)
    }

    /// Columns with a number a step: those of the past, the known ones, the calendar's.
    pub(crate) fn tracks(&self) -> usize {
        self.past.len() + self.known.len() + self.calendar.len()
    }

    /// What a column with a number a step is called.
    pub(crate) fn name(&self, track: usize) -> &str {
        let mut names = self.past.iter().chain(&self.known).map(String::as_str);
        let named = self.past.len() + self.known.len();
        names.nth(track).unwrap_or_else(|| self.calendar[track - named].name())
    }
}

/// What stands beside the values of one series.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Covariates {
    /// The numbers of each column of the past and then of each known one, from the first value on; known ones go on beyond the
    /// last as far as they are known.
    pub tracks: Vec<Vec<f64>>,
    /// What each column of whole series says.
    pub fixed: Vec<String>,
}

impl Covariates {
    /// What is wrong where there is not a finite number a value.
    pub(crate) fn check(&self, columns: &Columns, points: usize) -> Result<(), String> {
        let (tracks, fixed) = (columns.tracks(), columns.fixed.len());
        if (self.tracks.len(), self.fixed.len()) != (tracks, fixed) {
            return Err(format!(
                "has {} covariates with a number a step and {} without, not {tracks} and {fixed}; give all series the same",
                self.tracks.len(),
                self.fixed.len()
            ));
        }
        for (place, track) in self.tracks.iter().enumerate() {
            let name = columns.name(place);
            if track.len() < points {
                let found = track.len();
                return Err(format!("has {points} values, but {found} of `{name}`; give all"));
            }
            if let Some(at) = track.iter().position(|value| !value.is_finite()) {
                return Err(format!("number {} of `{name}` is not finite; correct it", at + 1));
            }
        }
        Ok(())
    }
}

/// What stands beside a series of a panel, and where the series begins in the panel's buffer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Beside {
    pub(crate) first: usize,
    pub(crate) of: Arc<Covariates>,
}
