//! Series of one frequency: what is asked of them, and how models do.

use std::{borrow::Cow, path::PathBuf, time::Instant};

use anyhow::bail;
use rayon::prelude::*;
use rekindle::forecast::Ensemble;
use rekindle_series::{
    Baseline, Case, Compared, Evaluation, Forecast, ForecastConfig, FoundSeason, Frequency, Origin,
    Panel, rolling_cases, test_cases,
};

use super::{
    Arguments,
    asked::{Asked, COMBINED, counts},
    learn::{Learned, Learner},
};

/// What makes forecasts.
#[derive(Clone)]
pub(super) enum Model {
    Baseline(Baseline),
    Network(Ensemble),
    /// The median of these.
    Combined(Vec<Model>),
}

impl Model {
    /// What follows each series.
    pub(super) fn forecasts(
        &self,
        panel: &Panel,
        ask: &ForecastConfig,
    ) -> anyhow::Result<Vec<Forecast>> {
        let ends = panel.ends();
        Ok(match self {
            Self::Combined(models) => {
                let said: anyhow::Result<Vec<Vec<Forecast>>> =
                    models.iter().map(|model| model.forecasts(panel, ask)).collect();
                let said = said?;
                combined(&said.iter().map(Vec::as_slice).collect::<Vec<_>>())
            }
            Self::Baseline(baseline) => {
                ends.par_iter().map(|end| baseline.forecast(end.history(), ask)).collect()
            }
            Self::Network(network) => network.forecast(&ends, ask)?,
        })
    }
}

/// Series of one frequency, and what followed them where that is known.
pub(super) struct Group {
    pub(super) frequency: Frequency,
    pub(super) panel: Panel,
    pub(super) test: Option<Panel>,
    pub(super) horizon: usize,
    pub(super) season: FoundSeason,
}

/// How models did on a group.
pub(super) struct Measured {
    pub(super) frequency: Frequency,
    pub(super) panel: Panel,
    pub(super) ask: ForecastConfig,
    /// On what, in words.
    pub(super) on: String,
    pub(super) windows: usize,
    /// The series that were measured on, in the order of their evaluations.
    pub(super) measured: Vec<usize>,
    pub(super) compared: Vec<Compared>,
    pub(super) naive: Evaluation,
    pub(super) naive2: Evaluation,
    /// What makes the forecasts of each, in the same order.
    pub(super) models: Vec<(Cow<'static, str>, Model)>,
    /// What was measured where that is another: networks that learned of what was before.
    pub(super) earlier: Vec<(Cow<'static, str>, Model)>,
    /// What followed, where that is known.
    pub(super) test: Option<Panel>,
    /// How networks learned.
    pub(super) learned: Vec<(Cow<'static, str>, Learned)>,
    /// Where the weights of each network are.
    pub(super) weights: Vec<(Cow<'static, str>, PathBuf)>,
}

/// What repeats values, of series with seasons those of the season before.
pub(super) fn repeating(ask: &ForecastConfig) -> Baseline {
    if ask.season() > 1 { Baseline::SeasonalNaive } else { Baseline::Naive }
}

impl Group {
    /// Measures all models that are asked for, and makes those ready that forecast.
    pub(super) fn measure(
        self,
        arguments: &Arguments,
        (ask, level): (&ForecastConfig, f64),
        learner: &Learner<'_>,
    ) -> anyhow::Result<Measured> {
        let Self { frequency, panel, test, horizon, .. } = self;
        let selected = long_enough(&panel, horizon);
        let (on, cases) = match (&test, &selected) {
            (Some(test), _) => {
                (format!("on {horizon} steps that followed"), test_cases(&panel, test, horizon)?)
            }
            (None, Some((places, selected))) => {
                let left_out = panel.len() - selected.len();
                if left_out > 0 {
                    complain!(
                        "{left_out} series are no longer than the horizon, and are not measured on"
                    );
                }
                let mut cases = rolling_cases(selected, horizon, arguments.backtest, horizon)?;
                for case in &mut cases {
                    case.origin = panel.origin(places[case.origin.series], case.origin.at);
                }
                (format!("by backtest on {} windows", cases.len()), cases)
            }
            (None, None) => {
                let (_, high) = panel.lengths();
                bail!(
                    "{}: a horizon of {horizon} is not shorter than the longest series, of {high} points; ask for fewer steps",
                    arguments.data.display()
                );
            }
        };
        let of = |baseline| Evaluation::of(baseline, &cases, ask, level);
        let asked = arguments.asked();
        let mut compared = Vec::new();
        let mut models = Vec::new();
        // What each says of the cases, where that is used again.
        let mut said: Vec<Vec<Forecast>> = Vec::new();
        for asked in &asked {
            let Asked::Baseline(baseline) = *asked else { continue };
            let name = Cow::Borrowed(baseline.name());
            let (evaluation, forecasts) = Evaluation::and_forecasts(baseline, &cases, ask, level);
            compared.push(Compared { name: name.clone(), is_learned: false, evaluation });
            models.push((name, Model::Baseline(baseline)));
            said.push(forecasts);
        }
        let find = |baseline: Baseline, compared: &[Compared]| {
            let found = compared.iter().find(|it| it.name == baseline.name());
            found.map_or_else(|| of(baseline), |it| it.evaluation.clone())
        };
        let (naive, naive2) = (find(repeating(ask), &compared), find(Baseline::Naive2, &compared));
        // Nothing that is measured on is learned from.
        let known = match &test {
            Some(_) => None,
            None => Some(before(&panel, &cases)),
        };
        let (mut weights, mut earlier, mut learned) = (Vec::new(), Vec::new(), Vec::new());
        for asked in learner.networks() {
            let name = asked.name();
            let begun = Instant::now();
            let part = known.as_ref().unwrap_or(&panel);
            let Some(measured) = learner.learn(asked, part, ask, known.is_some())? else {
                continue;
            };
            let origins: Vec<Origin<'_>> = cases.iter().map(|case| case.origin).collect();
            let forecasts = measured.network.forecast(&origins, ask)?;
            let evaluation = Evaluation::of_forecasts(&forecasts, &cases, ask, level);
            let evaluation = Evaluation { seconds: begun.elapsed().as_secs_f64(), ..evaluation };
            compared.push(Compared { name: name.clone(), is_learned: true, evaluation });
            let last = match known {
                None => measured,
                // Once more, of all that is known.
                Some(_) => match learner.learn(asked, &panel, ask, false)? {
                    Some(last) => {
                        earlier.push((name.clone(), Model::Network(measured.network)));
                        last
                    }
                    None => measured,
                },
            };
            weights.push((name.clone(), last.path));
            learned.extend(last.learned.map(|learned| (name.clone(), learned)));
            models.push((name, Model::Network(last.network)));
            said.push(forecasts);
        }
        let places: Vec<usize> = (0..models.len())
            .filter(|at| match &models[*at].1 {
                Model::Baseline(baseline) => counts(*baseline),
                Model::Network(_) => true,
                Model::Combined(_) => false,
            })
            .collect();
        if asked.contains(&Asked::Combined) && places.len() > 1 {
            let of: Vec<&[Forecast]> = places.iter().map(|at| said[*at].as_slice()).collect();
            let forecasts = combined(&of);
            let evaluation = Evaluation::of_forecasts(&forecasts, &cases, ask, level);
            let seconds = places.iter().map(|place| compared[*place].evaluation.seconds).sum();
            let evaluation = Evaluation { seconds, ..evaluation };
            let is_learned = places.iter().any(|place| compared[*place].is_learned);
            let name = Cow::Borrowed(COMBINED);
            compared.push(Compared { name: name.clone(), is_learned, evaluation });
            let of = |at: &usize| models[*at].1.clone();
            let before = |at: &usize| {
                let name = &models[*at].0;
                let found = earlier.iter().find(|(other, _)| other == name);
                found.map_or_else(|| of(at), |(_, model)| model.clone())
            };
            let then = Model::Combined(places.iter().map(before).collect());
            let now = Model::Combined(places.iter().map(of).collect());
            earlier.push((name.clone(), then));
            models.push((name, now));
        }
        let windows = cases.len();
        let measured = cases.chunk_by(|one, other| one.origin.series == other.origin.series);
        let measured = measured.map(|cases| cases[0].origin.series).collect();
        drop(cases);
        let ask = ask.clone();
        Ok(Measured {
            frequency,
            on,
            windows,
            measured,
            compared,
            naive,
            naive2,
            models,
            earlier,
            test,
            learned,
            weights,
            ask,
            panel,
        })
    }
}

/// Of every number the median of several models.
fn combined(said: &[&[Forecast]]) -> Vec<Forecast> {
    let of = |case: usize| {
        let of: Vec<&Forecast> = said.iter().map(|forecasts| &forecasts[case]).collect();
        Forecast::median(&of, COMBINED)
    };
    (0..said.first().map_or(0, |forecasts| forecasts.len())).map(of).collect()
}

/// The series that can be measured on, and their places, if there are any.
fn long_enough(panel: &Panel, horizon: usize) -> Option<(Vec<usize>, Panel)> {
    let places: Vec<usize> =
        (0..panel.len()).filter(|place| panel.values(*place).len() > horizon).collect();
    let selected = (!places.is_empty()).then(|| panel.select(&places))?;
    Some((places, selected))
}

/// What was known of each series before the first case that is measured on.
fn before(panel: &Panel, cases: &[Case<'_>]) -> Panel {
    let mut known: Vec<usize> = panel.iter().map(|(_, values)| values.len()).collect();
    for case in cases {
        let known = &mut known[case.origin.series];
        *known = (*known).min(case.origin.at);
    }
    panel.up_to(|place| known[place])
}
