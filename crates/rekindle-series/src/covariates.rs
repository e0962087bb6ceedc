//! What stands beside the values of series: columns that are known ahead, up to now, or of a series as a whole.

use std::sync::Arc;

use crate::error::{config, series};
use crate::{CalendarFeature, Error, MAX_POINTS, Panel, Series};

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
    /// Whether there is a number a value, and all are finite.
    pub(crate) fn check(&self, columns: &Columns, of: &Series, points: usize) -> Result<(), Error> {
        let wrong = |problem: String| Err(series(&of.id, problem));
        let (tracks, fixed) = (columns.tracks(), columns.fixed.len());
        if (self.tracks.len(), self.fixed.len()) != (tracks, fixed) {
            return wrong(format!(
                "has {} covariates with a number a step and {} without, not {tracks} and {fixed}; give all series the same",
                self.tracks.len(),
                self.fixed.len()
            ));
        }
        for (place, track) in self.tracks.iter().enumerate() {
            let name = columns.name(place);
            if track.len() < points {
                let found = track.len();
                return wrong(format!("has {points} values, but {found} of `{name}`; give all"));
            }
            if let Some(at) = track.iter().position(|value| !value.is_finite()) {
                return wrong(format!("`{name}` is not finite at {}; correct it", of.show(at)));
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

impl Panel {
    /// The columns that stand beside the values.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// What stands beside a series as a whole, and how many of its steps are before the first of this view.
    pub(crate) fn beside(&self, place: usize) -> (&Covariates, usize) {
        let Beside { first, of } = &self.beside[place];
        (of, self.spans[place].start - first)
    }

    /// The same series with what the calendar says of their values, and of so many steps ahead.
    ///
    /// # Errors
    ///
    /// [`Error::Series`] where one has no dates, [`Error::Config`] where their frequency has none of its features, or it would
    /// be more than [`MAX_POINTS`] numbers.
    pub fn with_calendar(&self, ahead: usize) -> Result<Self, Error> {
        if let Some((undated, _)) = self.iter().find(|(series, _)| series.start.is_none()) {
            let problem = "has no dates that a calendar could say something of; leave it out";
            return Err(series(&undated.id, problem));
        }
        let frequency = self.series(0).frequency;
        let features = CalendarFeature::of(frequency);
        let other = |(it, _): &(&Series, _)| CalendarFeature::of(it.frequency) != features;
        if let Some((other, _)) = self.iter().find(other) {
            let found = other.frequency;
            let problem = format!("is {found}, not {frequency}; give each frequency a panel");
            return Err(series(&other.id, problem));
        }
        if features.is_empty() {
            let problem = format!("says nothing of series that are {frequency}; leave it out");
            return Err(config("calendar", problem));
        }
        let numbers = self.points().saturating_add(self.len().saturating_mul(ahead));
        if numbers.saturating_mul(features.len()) > MAX_POINTS {
            let problem = format!("more than the limit of {MAX_POINTS} numbers; leave series out");
            return Err(config("calendar", problem));
        }
        let mut columns = Columns::clone(&self.columns);
        columns.calendar.extend(features);
        self.with(columns, |panel, place, covariates| {
            let (before, points) = (panel.beside(place).1, panel.values(place).len());
            let series = panel.series(place);
            let times: Vec<_> = (0..points + ahead).map(|at| series.time(at)).collect();
            for feature in features {
                // What is before a view is not seen.
                let unseen = std::iter::repeat_n(0.0, before);
                let seen = times.iter().map(|time| feature.value(*time));
                covariates.tracks.push(unseen.chain(seen).collect());
            }
        })
    }

    /// The same series with more of what is known ahead: of each series the numbers of each known column that follow those that
    /// it has.
    ///
    /// # Errors
    ///
    /// [`Error::Series`] where a number is not finite.
    ///
    /// # Panics
    ///
    /// If there is not a list a series and known column.
    pub fn with_known_ahead(&self, more: &[Vec<Vec<f64>>]) -> Result<Self, Error> {
        assert_eq!(more.len(), self.len(), "what is known ahead is not of each series");
        let columns = Columns::clone(&self.columns);
        let (first, count) = (columns.past.len(), columns.known.len());
        self.with(columns, |_, place, covariates| {
            assert_eq!(more[place].len(), count, "what is known ahead is not of each column");
            let known = covariates.tracks[first..first + count].iter_mut();
            known.zip(&more[place]).for_each(|(track, more)| track.extend(more));
        })
    }

    /// The first step of a series of which a known column says nothing.
    pub(crate) fn known_until(&self, place: usize, known: usize) -> usize {
        let (covariates, before) = self.beside(place);
        covariates.tracks[self.columns.past.len() + known].len() - before
    }

    /// The same values beside changed covariates.
    fn with(
        &self,
        columns: Columns,
        mut change: impl FnMut(&Self, usize, &mut Covariates),
    ) -> Result<Self, Error> {
        let mut view = self.clone();
        for place in 0..self.len() {
            let mut covariates = Covariates::clone(&self.beside[place].of);
            change(self, place, &mut covariates);
            let points = self.beside(place).1 + self.values(place).len();
            covariates.check(&columns, self.series(place), points)?;
            view.beside[place].of = Arc::new(covariates);
        }
        view.columns = Arc::new(columns);
        Ok(view)
    }
}
