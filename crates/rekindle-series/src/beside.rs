//! Panels with columns beside their values, and with more of them.

use std::sync::Arc;

use crate::covariates::{Beside, Columns, Covariates};
use crate::error::{config, series};
use crate::{CalendarFeature, Error, MAX_POINTS, Panel, Series};

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
            let checked = covariates.check(&columns, points);
            checked.map_err(|problem| series(&self.series(place).id, problem))?;
            view.beside[place].of = Arc::new(covariates);
        }
        view.columns = Arc::new(columns);
        Ok(view)
    }
}
