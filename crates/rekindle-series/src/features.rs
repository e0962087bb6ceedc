//! What networks see beside a window: the columns of a panel as numbers, scaled by the part that is trained on.
//!
//! ```text
//! past     [input, columns]             up to the last value that is seen
//! known    [input + horizon, columns]   and the calendar's
//! fixed    [numbers]                    of the series: numbers, and one of each category
//! ```
//!
//! One behind the other they are a row; zero before a series begins.

use serde::{Deserialize, Serialize};

use crate::error::{config, series};
use crate::scaling::{Affine, ScalingKind, scale};
use crate::{CalendarFeature, Error, Origin, Panel};

/// A column of numbers, and what they are scaled by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScaledColumn {
    /// Its name.
    pub name: String,
    /// To mean 0 and deviation 1 in what was trained on.
    pub scale: Affine,
}

/// A column that says one thing of a series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FixedColumn {
    /// A number.
    Number(ScaledColumn),
    /// One of several words: 1 for the one that it is, 0 for the others; of a word that is not known all are 0.
    Category {
        /// Its name.
        name: String,
        /// Those of what was trained on, in order.
        categories: Vec<String>,
    },
}

impl FixedColumn {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Number(ScaledColumn { name, .. }) | Self::Category { name, .. } => name,
        }
    }

    /// Numbers that it is.
    fn width(&self) -> usize {
        match self {
            Self::Number(_) => 1,
            Self::Category { categories, .. } => categories.len(),
        }
    }
}

/// What a model sees beside values, as it is saved with it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Features {
    /// Columns that are known up to now.
    pub past: Vec<ScaledColumn>,
    /// Columns that are known of what is forecast too.
    pub known: Vec<ScaledColumn>,
    /// What the calendar says.
    pub calendar: Vec<CalendarFeature>,
    /// Columns of whole series.
    pub fixed: Vec<FixedColumn>,
}

/// How many numbers there are beside a value, a step of the horizon, and a series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FeatureCounts {
    /// Of each step that is seen.
    pub past: usize,
    /// Of each step that is seen or forecast.
    pub known: usize,
    /// Of a series.
    pub fixed: usize,
}

impl FeatureCounts {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Numbers beside a window.
    pub fn numbers(&self, input: usize, horizon: usize) -> usize {
        let Self { past, known, fixed } = *self;
        let ahead = input.saturating_add(horizon).saturating_mul(known);
        input.saturating_mul(past).saturating_add(ahead).saturating_add(fixed)
    }
}

impl Features {
    /// Learns scales and categories of all columns of the part to train on.
    pub fn fit(training: &Panel) -> Self {
        let columns = training.columns();
        let scaled = |track: usize| {
            let seen = |place: usize| {
                let (covariates, before) = training.beside(place);
                covariates.tracks[track][before..][..training.values(place).len()].iter().copied()
            };
            let values = (0..training.len()).flat_map(seen);
            let name = columns.name(track).to_owned();
            ScaledColumn { name, scale: scale(ScalingKind::Standard, values) }
        };
        let past = columns.past.len();
        Self {
            past: (0..past).map(scaled).collect(),
            known: (past..past + columns.known.len()).map(scaled).collect(),
            calendar: columns.calendar.clone(),
            fixed: (0..columns.fixed.len()).map(|place| fixed(training, place)).collect(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How many numbers they are.
    pub fn counts(&self) -> FeatureCounts {
        FeatureCounts {
            past: self.past.len(),
            known: self.known.len() + self.calendar.len(),
            fixed: self.fixed.iter().map(FixedColumn::width).sum(),
        }
    }

    /// The same columns of a panel, by their names.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] that names those which it lacks; [`Error::Series`] where a column of numbers holds none of a series.
    pub fn of(&self, panel: &Panel) -> Result<FeatureRows, Error> {
        let columns = panel.columns();
        let mut lacking = Vec::new();
        let mut find = |kind: &str, name: &str, found: Option<usize>| {
            if found.is_none() {
                lacking.push(format!("`{name}` ({kind})"));
            }
            found.unwrap_or_default()
        };
        let position = |names: &[String], name: &str| names.iter().position(|it| it == name);
        let first = columns.past.len();
        let past = self
            .past
            .iter()
            .map(|it| (find("past", &it.name, position(&columns.past, &it.name)), it.scale));
        let past = past.collect();
        let known = self.known.iter().map(|it| {
            (first + find("known", &it.name, position(&columns.known, &it.name)), it.scale)
        });
        let mut known: Vec<_> = known.collect();
        let first = first + columns.known.len();
        known.extend(self.calendar.iter().map(|it| {
            let found = columns.calendar.iter().position(|other| other == it);
            (first + find("calendar", it.name(), found), Affine::PLAIN)
        }));
        let fixed: Vec<usize> = self
            .fixed
            .iter()
            .map(|it| find("static", it.name(), position(&columns.fixed, it.name())))
            .collect();
        if !lacking.is_empty() {
            let problem = format!(
                "the model sees {}, which these series lack; name the columns",
                lacking.join(", ")
            );
            return Err(config("covariates", problem));
        }
        let mut rows = FeatureRows {
            past,
            known,
            fixed: Vec::new(),
            width: self.counts().fixed,
            unknown: Vec::new(),
        };
        for place in 0..panel.len() {
            for (column, at) in self.fixed.iter().zip(&fixed) {
                rows.add(panel, place, column, &panel.beside(place).0.fixed[*at])?;
            }
        }
        Ok(rows)
    }

    /// Whether all scales can be divided by, as what is read from a file must say.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] that names the column whose cannot.
    pub fn check(&self) -> Result<(), Error> {
        let fixed = self.fixed.iter().filter_map(|it| match it {
            FixedColumn::Number(column) => Some(column),
            FixedColumn::Category { .. } => None,
        });
        let mut columns = self.past.iter().chain(&self.known).chain(fixed);
        let wrong = columns.find(|it| {
            let Affine { shift, scale } = it.scale;
            !(shift.is_finite() && scale.is_finite() && scale > 0.0)
        });
        match wrong {
            Some(ScaledColumn { name, scale }) => {
                let problem =
                    format!("`{name}` is scaled by {scale:?}; give numbers, and a scale above 0");
                Err(config("covariates", problem))
            }
            None => Ok(()),
        }
    }
}

/// A column of whole series: of numbers where each series has one.
fn fixed(training: &Panel, place: usize) -> FixedColumn {
    let name = training.columns().fixed[place].clone();
    let said = || (0..training.len()).map(|series| &*training.beside(series).0.fixed[place]);
    let numbers: Option<Vec<f64>> = said().map(number).collect();
    match numbers {
        Some(numbers) => {
            let scale = scale(ScalingKind::Standard, numbers.into_iter());
            FixedColumn::Number(ScaledColumn { name, scale })
        }
        None => {
            let mut categories: Vec<String> = said().map(str::to_owned).collect();
            categories.sort_unstable();
            categories.dedup();
            FixedColumn::Category { name, categories }
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// Where the numbers beside a panel's windows stand, and what they are scaled by.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureRows {
    /// The place of each column among those with a number a step.
    past: Vec<(usize, Affine)>,
    known: Vec<(usize, Affine)>,
    /// The numbers of each series, one after the other.
    fixed: Vec<f32>,
    width: usize,
    unknown: Vec<String>,
}

impl FeatureRows {
    fn add(
        &mut self,
        panel: &Panel,
        place: usize,
        column: &FixedColumn,
        said: &str,
    ) -> Result<(), Error> {
        let id = &panel.series(place).id;
        match column {
            FixedColumn::Number(ScaledColumn { name, scale }) => {
                let number = number(said).ok_or_else(|| {
                    series(
                        id,
                        format!("`{name}` is `{said}`, not a number as in what was trained on"),
                    )
                })?;
                self.fixed.push(scale.apply(number) as f32);
            }
            FixedColumn::Category { name, categories } => {
                if !categories.iter().any(|it| it == said) {
                    self.unknown.push(format!("{id} (`{name}` is `{said}`)"));
                }
                self.fixed.extend(categories.iter().map(|it| f32::from(u8::from(it == said))));
            }
        }
        Ok(())
    }

    /// The series of which a column says what nothing was trained on said, so that it counts as nothing.
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// Writes what stands beside a window of a series of the panel, whose forecast begins at a place of it.
    ///
    /// # Panics
    ///
    /// If `into` is of another length, or a known column ends before the horizon does.
    pub fn write(&self, at: &Origin<'_>, [input, horizon]: [usize; 2], into: &mut [f32]) {
        let (past, rest) = into.split_at_mut(input * self.past.len());
        let (known, fixed) = rest.split_at_mut((input + horizon) * self.known.len());
        let (covariates, before) = at.panel().beside(at.series);
        let seen = at.at.min(input);
        let first = before + at.at - seen;
        for (columns, into, steps) in
            [(&self.past, past, seen), (&self.known, known, seen + horizon)]
        {
            let width = columns.len();
            let (unseen, rest) = into.split_at_mut((input - seen) * width);
            unseen.fill(0.0);
            for (place, (track, scale)) in columns.iter().enumerate() {
                let values = &covariates.tracks[*track][first..first + steps];
                for (to, value) in rest.iter_mut().skip(place).step_by(width).zip(values) {
                    *to = scale.apply(*value) as f32;
                }
            }
        }
        fixed.copy_from_slice(&self.fixed[at.series * self.width..][..self.width]);
    }

    /// Whether all that is seen ahead is known.
    ///
    /// # Errors
    ///
    /// [`Error::Series`] that names the column, and the first step of which it is not.
    pub fn check(&self, at: &Origin<'_>, horizon: usize) -> Result<(), Error> {
        let (covariates, before) = at.panel().beside(at.series);
        let end = before + at.at + horizon;
        let short = self.known.iter().find(|(track, _)| covariates.tracks[*track].len() < end);
        let Some((track, _)) = short else { return Ok(()) };
        let series = at.panel().series(at.series);
        let problem = format!(
            "`{}` is not known at {}, but has to be {horizon} steps ahead; add rows of it behind the last value, or a file of them",
            at.panel().columns().name(*track),
            series.show(covariates.tracks[*track].len() - before)
        );
        Err(self::series(&series.id, problem))
    }
}
