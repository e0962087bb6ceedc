//! Many series in memory: their values one after the other in a single buffer, which views share.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use crate::covariates::{Beside, Columns, Covariates};
use crate::error::{config, series};
use crate::{Error, Frequency, Timestamp};

/// Most points of all series together: 8 bytes each.
pub const MAX_POINTS: usize = 1 << 29;

/// What is known of a series besides its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name, which no other of its panel has.
    pub id: Arc<str>,
    /// When its first value was, or nothing where only the order is known: its steps count from 1.
    pub start: Option<Timestamp>,
    /// How far apart its values are.
    pub frequency: Frequency,
}

impl Series {
    /// When the value at a place was or will be; a number where only the order is known.
    pub fn time(&self, place: usize) -> Timestamp {
        let steps = i64::try_from(place).unwrap_or(i64::MAX);
        match self.start {
            Some(start) => self.frequency.after(start, steps),
            None => Timestamp(steps.saturating_add(1)),
        }
    }

    /// The same series from a later place on, which keeps its day of the month.
    #[must_use]
    pub(crate) fn from(self, place: usize) -> Self {
        let Some(start) = self.start else { return self };
        let of = Self { frequency: self.frequency.anchored(start), ..self };
        Self { start: Some(of.time(place)), ..of }
    }

    /// The same as text, as forecasts are written.
    pub fn show(&self, place: usize) -> String {
        match self.start {
            Some(_) => self.frequency.show(self.time(place)),
            None => self.time(place).0.to_string(),
        }
    }
}

/// Series side by side, each with at least one value, all of them finite.
///
/// A panel is cheap to cut: its views share the buffer, and so do their windows.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    values: Arc<Vec<f64>>,
    series: Vec<Series>,
    pub(crate) spans: Vec<Range<usize>>,
    pub(crate) columns: Arc<Columns>,
    pub(crate) beside: Vec<Beside>,
}

impl Panel {
    /// Series and their values, in this order.
    ///
    /// # Errors
    ///
    /// [`Error::Series`] where one has no value, one that is not finite, or the name of another; [`Error::Config`] where there
    /// are none, or more than [`MAX_POINTS`] points.
    pub fn new(
        series: impl IntoIterator<Item = (Series, impl IntoIterator<Item = f64>)>,
    ) -> Result<Self, Error> {
        let mut builder = PanelBuilder::default();
        for (series, values) in series {
            builder.push(series, values)?;
        }
        builder.build()
    }

    /// How many series there are, at least one.
    #[allow(clippy::len_without_is_empty, reason = "no panel is empty")]
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Points of all series.
    pub fn points(&self) -> usize {
        self.spans.iter().map(|span| span.len()).sum()
    }

    /// What is known of a series.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn series(&self, place: usize) -> &Series {
        &self.series[place]
    }

    /// The values of a series.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn values(&self, place: usize) -> &[f64] {
        &self.values[self.spans[place].clone()]
    }

    /// All series and their values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Series, &[f64])> + Clone {
        self.series
            .iter()
            .zip(&self.spans)
            .map(|(series, span)| (series, &self.values[span.clone()]))
    }

    /// The length of the shortest and of the longest series.
    pub fn lengths(&self) -> (usize, usize) {
        let lengths = self.spans.iter().map(|span| span.len());
        (lengths.clone().min().unwrap_or_default(), lengths.max().unwrap_or_default())
    }

    /// Where the series of a name stands.
    pub fn position(&self, id: &str) -> Option<usize> {
        self.series.iter().position(|series| &*series.id == id)
    }

    /// The frequency that all series have, if they do: months on different days are the same.
    pub fn frequency(&self) -> Option<Frequency> {
        let first = self.series.first()?.frequency;
        let all = |is: &dyn Fn(Frequency) -> bool| self.series.iter().all(|it| is(it.frequency));
        if all(&|other| other == first) {
            return Some(first);
        }
        all(&|other| other.plain() == first.plain()).then_some(first.plain())
    }

    /// A view of each [frequency](Self::frequency), the most common one first.
    pub fn by_frequency(&self) -> Vec<(Frequency, Self)> {
        let mut found: Vec<(Frequency, Vec<usize>)> = Vec::new();
        for (place, series) in self.series.iter().enumerate() {
            let plain = series.frequency.plain();
            match found.iter_mut().find(|(frequency, _)| *frequency == plain) {
                Some((_, places)) => places.push(place),
                None => found.push((plain, vec![place])),
            }
        }
        found.sort_by_key(|(_, places)| std::cmp::Reverse(places.len()));
        let view = |(plain, places): (_, Vec<usize>)| {
            let view = self.select(&places);
            (view.frequency().unwrap_or(plain), view)
        };
        found.into_iter().map(view).collect()
    }

    /// A view of the series at these places.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn select(&self, places: &[usize]) -> Self {
        Self {
            values: Arc::clone(&self.values),
            series: places.iter().map(|&place| self.series[place].clone()).collect(),
            spans: places.iter().map(|&place| self.spans[place].clone()).collect(),
            columns: Arc::clone(&self.columns),
            beside: places.iter().map(|&place| self.beside[place].clone()).collect(),
        }
    }

    /// A view of the first points of each series, so many as it is given by its place; all where it has fewer.
    ///
    /// # Panics
    ///
    /// If one is given none.
    pub fn up_to(&self, points: impl Fn(usize) -> usize) -> Self {
        let mut view = self.clone();
        for (place, span) in view.spans.iter_mut().enumerate() {
            let points = points(place);
            assert!(points > 0, "no point of series {place}");
            span.end = span.end.min(span.start.saturating_add(points));
        }
        view
    }

    /// A view of every series without its last points.
    ///
    /// # Errors
    ///
    /// [`Error::Series`] where nothing would be left of one.
    pub fn without_last(&self, points: usize) -> Result<Self, Error> {
        self.cut(points, |span| span.start..span.end - points)
    }

    /// A view of the last points of every series.
    ///
    /// # Errors
    ///
    /// [`Error::Series`] where one has no more than these: there would be nothing before them.
    pub fn last(&self, points: usize) -> Result<Self, Error> {
        self.cut(points, |span| span.end - points..span.end)
    }

    fn cut(
        &self,
        points: usize,
        of: impl Fn(&Range<usize>) -> Range<usize>,
    ) -> Result<Self, Error> {
        let mut view = self.clone();
        for (series, span) in view.series.iter_mut().zip(&mut view.spans) {
            if span.len() <= points {
                let problem = format!(
                    "has {} points, of which {points} cannot be set aside; leave it out, or ask for fewer",
                    span.len()
                );
                return Err(self::series(&series.id, problem));
            }
            let cut = of(span);
            *series = series.clone().from(cut.start - span.start);
            *span = cut;
        }
        Ok(view)
    }

    /// The values of another panel that follow each of these series: by their names, the first `horizon` of each.
    ///
    /// # Errors
    ///
    /// [`Error::Series`] where one is missing, has fewer, or begins at another time than the series ends.
    pub fn followed_by<'a>(&self, test: &'a Self, horizon: usize) -> Result<Vec<&'a [f64]>, Error> {
        let places: std::collections::HashMap<&str, usize> =
            test.series.iter().enumerate().map(|(place, series)| (&*series.id, place)).collect();
        let follow = |(series, values): (&Series, &[f64])| {
            let wrong = |problem| self::series(&series.id, problem);
            let Some(&place) = places.get(&*series.id) else {
                return Err(wrong("has no values to test on; name it there as here".to_owned()));
            };
            let (other, found) = (&test.series[place], test.values(place));
            let next = series.time(values.len());
            if let (Some(_), Some(start)) = (series.start, other.start)
                && start != next
            {
                let problem = format!(
                    "ends before {}, but what it is tested on begins at {}; both are to follow each other",
                    series.frequency.show(next),
                    series.frequency.show(start)
                );
                return Err(wrong(problem));
            }
            found.get(..horizon).ok_or_else(|| {
                wrong(format!(
                    "has {} values to test on, not the {horizon} of the horizon; ask for fewer",
                    found.len()
                ))
            })
        };
        self.iter().map(follow).collect()
    }
}

/// A panel that grows a series at a time.
#[derive(Debug, Default)]
pub struct PanelBuilder {
    values: Vec<f64>,
    series: Vec<Series>,
    spans: Vec<Range<usize>>,
    ids: HashSet<Arc<str>>,
    columns: Arc<Columns>,
    beside: Vec<Beside>,
}

impl PanelBuilder {
    /// A panel with these columns beside its values.
    pub fn with_columns(columns: Columns) -> Self {
        Self { columns: Arc::new(columns), ..Self::default() }
    }

    /// Adds a series with what stands beside its values.
    ///
    /// # Errors
    ///
    /// Those of [`push`](Self::push); [`Error::Series`] where covariates are not those of the panel's columns, a number a value
    /// and finite.
    pub fn push_beside(
        &mut self,
        series: Series,
        values: impl IntoIterator<Item = f64>,
        covariates: Covariates,
    ) -> Result<(), Error> {
        let (first, name) = (self.values.len(), Arc::clone(&series.id));
        self.add(series, values)?;
        let checked = covariates.check(&self.columns, self.values.len() - first);
        checked.map_err(|problem| self::series(&name, problem))?;
        self.beside.push(Beside { first, of: Arc::new(covariates) });
        Ok(())
    }

    /// Adds a series beside which nothing stands.
    ///
    /// # Errors
    ///
    /// [`Error::Series`] where it has no value, one that is not finite, or the name of another; [`Error::Config`] where there
    /// are more than [`MAX_POINTS`] points.
    pub fn push(
        &mut self,
        series: Series,
        values: impl IntoIterator<Item = f64>,
    ) -> Result<(), Error> {
        self.push_beside(series, values, Covariates::default())
    }

    fn add(&mut self, series: Series, values: impl IntoIterator<Item = f64>) -> Result<(), Error> {
        if !self.ids.insert(Arc::clone(&series.id)) {
            return Err(self::series(&series.id, "is there twice; give each a name of its own"));
        }
        let start = self.values.len();
        self.values.extend(values);
        if self.values.len() > MAX_POINTS {
            let problem = format!("more than the limit of {MAX_POINTS} points; leave series out");
            return Err(config("series", problem));
        }
        let found = &self.values[start..];
        if let Some(place) = found.iter().position(|value| !value.is_finite()) {
            let problem =
                format!("its value {} is not finite; fill it, or leave it out", place + 1);
            return Err(self::series(&series.id, problem));
        }
        if found.is_empty() {
            return Err(self::series(&series.id, "has no value; leave it out"));
        }
        self.spans.push(start..self.values.len());
        self.series.push(series);
        Ok(())
    }

    /// The panel.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] where there are no series.
    pub fn build(self) -> Result<Panel, Error> {
        if self.series.is_empty() {
            return Err(config("series", "there are none; give at least one"));
        }
        let Self { values, series, spans, columns, beside, .. } = self;
        Ok(Panel { values: Arc::new(values), series, spans, columns, beside })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(id: &str) -> Series {
        Series { id: id.into(), start: None, frequency: Frequency::Steps(1) }
    }

    fn panel() -> Panel {
        let start = Some(Timestamp::of_date(2020, 11, 1));
        let monthly = Series { id: "b".into(), start, frequency: Frequency::MONTHLY };
        Panel::new([(numbered("a"), vec![1.0, 2.0, 3.0]), (monthly, vec![4.0, 5.0])]).unwrap()
    }

    #[test]
    fn views_share_the_buffer_and_know_their_times() {
        let panel = panel();
        let (early, late) = (panel.without_last(1).unwrap(), panel.last(1).unwrap());
        for (place, before, after, time) in
            [(0, &[1.0, 2.0][..], [3.0], "1"), (1, &[4.0], [5.0], "2020-12-01")]
        {
            assert_eq!(early.values(place), before);
            assert_eq!(late.values(place), after);
            assert_eq!(late.series(place).show(0), time);
            assert!(std::ptr::eq(
                &raw const panel.values(place)[0],
                &raw const early.values(place)[0]
            ));
        }
        assert_eq!((panel.lengths(), panel.points(), panel.frequency()), ((2, 3), 5, None));
        let frequencies = panel.by_frequency();
        assert_eq!(frequencies.len(), 2);
        assert_eq!(frequencies[1].1.values(0), [4.0, 5.0]);
        assert_eq!(early.followed_by(&late, 1).unwrap(), [[3.0], [5.0]]);
        assert_eq!(panel.position("b"), Some(1));
    }

    #[test]
    fn a_view_keeps_the_day_of_the_month() {
        for (day, second, third) in
            [(31, "2024-02-29", "2024-03-31"), (29, "2024-02-29", "2024-03-29")]
        {
            let start = Some(Timestamp::of_date(2024, 1, day));
            let series = |id: &str| Series { id: id.into(), start, frequency: Frequency::MONTHLY };
            let numbers = vec![1.0, 2.0, 3.0, 4.0];
            let first = Series { start: Some(Timestamp::of_date(2024, 1, 5)), ..series("b") };
            let panel = Panel::new([(series("a"), numbers.clone()), (first, numbers)]).unwrap();
            let (early, late) = (panel.without_last(3).unwrap(), panel.last(3).unwrap());
            assert_eq!([0, 1].map(|place| late.series(0).show(place)), [second, third]);
            assert_eq!(late.last(2).unwrap().series(0).show(0), third);
            assert_eq!(early.followed_by(&late, 3).unwrap()[0], [2.0, 3.0, 4.0]);
            assert_eq!(late.frequency(), Some(Frequency::MONTHLY));
            assert_eq!(late.by_frequency().len(), 1);
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let of = |series: Vec<(&str, Vec<f64>)>| {
            Panel::new(series.into_iter().map(|(id, values)| (numbered(id), values)))
                .unwrap_err()
                .to_string()
        };
        for (error, expected) in [
            (of(vec![]), "there are none"),
            (of(vec![("a", vec![])]), "series a: has no value"),
            (of(vec![("a", vec![1.0, f64::NAN])]), "series a: its value 2 is not finite"),
            (of(vec![("a", vec![1.0]), ("a", vec![1.0])]), "series a: is there twice"),
            (panel().last(2).unwrap_err().to_string(), "series b: has 2 points"),
            (panel().followed_by(&panel(), 1).unwrap_err().to_string(), "begins at 2020-11-01"),
        ] {
            assert!(error.contains(expected), "{error}");
        }
        let late = panel().last(1).unwrap();
        let early = panel().without_last(1).unwrap();
        let error = early.followed_by(&late, 2).unwrap_err().to_string();
        assert!(error.contains("series a: has 1 values to test on"), "{error}");
    }
}
