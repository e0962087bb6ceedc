//! What a run found, as a page: how models do, series with their forecasts, and what networks make these of.

use std::path::Path;

use anyhow::Context;
use rekindle_report::{
    ForecastGroup, ForecastParts, ForecastRecord, LossCurve, ModelScores, SeriesErrors,
    SeriesForecast, StepsAhead, forecasts,
};
use rekindle_series::{
    Compared, Comparison, Evaluation, Forecast, OfScore, Panel, Quantiles, Score, StepError,
};
use rekindle_train::LOSS;

use super::{
    group::{Measured, Model},
    shown,
};

/// Most series that are drawn, and that are told apart by what networks add up.
const MOST_SERIES: usize = 12;
const MOST_TOLD_APART: usize = 4;
/// Most series in the table of those with the greatest errors.
const MOST_ROWS: usize = 20;
/// Most points of a series before its forecast, and the fewest where there are as many.
const POINTS: std::ops::RangeInclusive<usize> = 40..=400;

/// Writes the page.
pub(super) fn write(
    path: &Path,
    data: &Path,
    (found, level): (&Comparison, f64),
    groups: &[Measured],
) -> anyhow::Result<()> {
    let metric = Score::METRICS.iter().find(|(name, _)| *name == found.metric);
    let (_, error) = metric.context("an unknown metric")?;
    let page = forecasts(&Report { found, groups, error: *error }.record(data, level)?);
    let cannot = || format!("{}: cannot be written", path.display());
    rekindle_base::write_file(path, page).with_context(cannot)
}

/// What is told of.
struct Report<'a> {
    found: &'a Comparison,
    groups: &'a [Measured],
    /// What models are compared by.
    error: OfScore,
}

/// A series of a group.
struct Place<'a> {
    group: &'a Measured,
    series: usize,
    /// Which one of those that were measured on.
    measured: Option<usize>,
    /// The error of the best model; NaN where there is none.
    error: f64,
}

impl Report<'_> {
    fn record(&self, data: &Path, level: f64) -> anyhow::Result<ForecastRecord> {
        let ranked = self.ranked();
        let known = ranked.iter().take_while(|place| !place.error.is_nan()).count();
        let chosen: Vec<usize> = match ranked.len() {
            few if few <= MOST_SERIES => (0..few).collect(),
            all => spread(known.clamp(MOST_SERIES, all)),
        };
        let series: anyhow::Result<Vec<SeriesForecast>> = chosen
            .iter()
            .map(|&rank| {
                let about = match rank + 1 {
                    _ if chosen.len() == ranked.len() || rank >= known => String::new(),
                    1 => format!("the worst of {known} series"),
                    last if last == known => format!("the best of {known} series"),
                    other => format!("number {other} from the worst of {known} series"),
                };
                Ok(SeriesForecast { about, ..self.series(&ranked[rank])? })
            })
            .collect();
        let data = data.file_name().unwrap_or(data.as_os_str());
        // One alone is no comparison.
        let rows = if ranked.len() > 1 { known.min(MOST_ROWS) } else { 0 };
        let worst = ranked.iter().take(rows);
        Ok(ForecastRecord {
            title: format!("Forecasts of {}", data.display()),
            best: self.found.best().name.to_string(),
            metric: self.found.metric.to_uppercase(),
            verdicts: shown::verdicts(self.found),
            level,
            models: scores(&self.found.models, &self.found.naive2),
            groups: self.groups.iter().map(|group| self.group(group)).collect(),
            series: series?,
            worst: worst.filter_map(|place| self.errors(place)).collect(),
            parts: self.parts(&ranked, &chosen)?,
            curves: self.groups.iter().flat_map(|group| self.curves(group)).collect(),
        })
    }

    /// All series, those first that the best model does worst on; those without an error last.
    fn ranked(&self) -> Vec<Place<'_>> {
        let of_group = |group| {
            let best = evaluation(group, &self.found.best().name);
            let place = move |series| {
                let measured = group.measured.binary_search(&series).ok();
                let score = measured.zip(best).and_then(|(place, best)| best.of_series.get(place));
                let error = score.map_or(f64::NAN, self.error);
                Place { group, series, measured, error }
            };
            (0..group.panel.len()).map(place)
        };
        let mut ranked: Vec<Place<'_>> = self.groups.iter().flat_map(of_group).collect();
        let rank = |place: &Place<'_>| (place.error.is_nan(), -place.error);
        ranked.sort_by(|one, other| {
            let (one, other) = (rank(one), rank(other));
            one.0.cmp(&other.0).then(one.1.total_cmp(&other.1))
        });
        ranked
    }

    fn group(&self, group: &Measured) -> ForecastGroup {
        let of_step: fn(&StepError) -> f64 = match self.found.metric {
            "mae" => |step| step.mae,
            _ => |step| step.mase,
        };
        let by_step = group.compared.iter().map(|it| {
            let errors = it.evaluation.of_steps.iter().map(of_step).collect();
            (it.name.to_string(), errors)
        });
        ForecastGroup {
            name: group.frequency.to_string(),
            series: group.panel.len(),
            horizon: group.ask.horizon(),
            season: group.ask.season(),
            measured: group.on.clone(),
            models: scores(&group.compared, &group.naive2.mean),
            by_step: by_step.collect(),
        }
    }

    /// A series with what the best model had said and says of it.
    fn series(&self, place: &Place<'_>) -> anyhow::Result<SeriesForecast> {
        let (group, best) = (place.group, &self.found.best().name);
        let panel = group.panel.select(&[place.series]);
        let (series, values) = (panel.series(0), panel.values(0));
        let (horizon, shares) = (group.ask.horizon(), group.ask.quantiles());
        let followed = group.test.as_ref().and_then(|test| {
            let place = test.position(&series.id)?;
            test.values(place).get(..horizon)
        });
        let known = match place.measured {
            Some(_) if followed.is_none() => values.len() - horizon,
            _ => values.len(),
        };
        let reach = (5 * horizon).max(3 * group.ask.season()).clamp(*POINTS.start(), *POINTS.end());
        let first = known.saturating_sub(reach);
        let model = group.models.iter().find(|(name, _)| name == best);
        let (_, model) = model.context("the best model makes no forecasts")?;
        let next = only(model.forecasts(&panel, &group.ask)?)?;
        let measured = match known < values.len() {
            true => {
                let before = panel.up_to(|_| known);
                Some(only(self.earlier(group, model, &before)?)?)
            }
            false => None,
        };
        let ahead = |at: usize, forecast: &Forecast| ahead(at - first, forecast, shares);
        let naive = place.measured.and_then(|at| group.naive.of_series.get(at)).map(self.error);
        Ok(SeriesForecast {
            name: series.id.to_string(),
            errors: naive.map(|naive| [place.error, naive]),
            about: String::new(),
            times: (first..values.len() + horizon).map(|at| series.show(at)).collect(),
            history: values[first..known].to_vec(),
            right: followed.unwrap_or(&values[known..]).to_vec(),
            measured: measured.map(|forecast| ahead(known, &forecast)),
            next: ahead(values.len(), &next),
        })
    }

    /// What the best model said when it was measured.
    fn earlier(
        &self,
        group: &Measured,
        model: &Model,
        panel: &Panel,
    ) -> anyhow::Result<Vec<Forecast>> {
        let best = &self.found.best().name;
        let earlier = group.earlier.iter().find(|(name, _)| name == best);
        earlier.map_or(model, |(_, earlier)| earlier).forecasts(panel, &group.ask)
    }

    fn errors(&self, place: &Place<'_>) -> Option<SeriesErrors> {
        let (group, measured) = (place.group, place.measured?);
        let error = |it: &Evaluation| it.of_series.get(measured).map_or(f64::NAN, self.error);
        let models = group.compared.iter().map(|it| (it.name.to_string(), error(&it.evaluation)));
        let defined = models.filter(|(_, error)| !error.is_nan());
        Some(SeriesErrors {
            name: group.panel.series(place.series).id.to_string(),
            group: group.frequency.to_string(),
            best: place.error,
            naive: error(&group.naive),
            least: defined.min_by(|one, other| one.1.total_cmp(&other.1))?,
        })
    }

    /// What networks make the forecasts of some of the chosen series of.
    fn parts(&self, ranked: &[Place<'_>], chosen: &[usize]) -> anyhow::Result<Vec<ForecastParts>> {
        let mut parts = Vec::new();
        for place in few(chosen, MOST_TOLD_APART).into_iter().map(|rank| &ranked[rank]) {
            let group = place.group;
            let (series, values) =
                (group.panel.series(place.series), group.panel.values(place.series));
            let end = group.panel.origin(place.series, values.len());
            for (name, model) in &group.models {
                let Model::Network(network) = model else { continue };
                let first = &network.members()[0];
                let Some(found) = first.parts(&[end], &group.ask)? else { continue };
                let ahead = values.len()..values.len() + group.ask.horizon();
                let model = match network.members().len() {
                    1 => name.to_string(),
                    members => format!("{name} (1 of {members})"),
                };
                parts.extend(found.into_iter().map(|it| ForecastParts {
                    model: model.clone(),
                    series: series.id.to_string(),
                    times: ahead.clone().map(|at| series.show(at)).collect(),
                    shift: it.shift,
                    parts: it.stacks,
                }));
            }
        }
        parts.sort_by(|one, other| one.model.cmp(&other.model));
        Ok(parts)
    }

    /// The losses of networks that took several epochs: what is solved for has one, after which it is as it was.
    fn curves(&self, group: &Measured) -> Vec<LossCurve> {
        let several = self.groups.len() > 1;
        let learned = group.learned.iter().filter(|(_, learned)| learned.epochs.len() > 2);
        let curve = learned.map(|(name, learned)| LossCurve {
            model: if several { format!("{name}, {}", group.frequency) } else { name.to_string() },
            best: learned.best,
            train: losses(learned.epochs.iter().map(|it| (it.number, it.train.get(LOSS)))),
            validation: losses(learned.epochs.iter().map(|it| (it.number, it.val.get(LOSS)))),
        });
        curve.collect()
    }
}

fn losses(epochs: impl Iterator<Item = (usize, Option<f64>)>) -> Vec<(usize, f64)> {
    epochs.filter_map(|(number, loss)| Some((number, loss?))).collect()
}

fn scores(models: &[Compared], naive2: &Score) -> Vec<ModelScores> {
    let of = |it: &Compared| {
        let mean = it.evaluation.mean;
        ModelScores {
            name: it.name.to_string(),
            smape: mean.smape,
            mase: mean.mase,
            owa: mean.owa(naive2),
            msis: mean.msis,
            coverage: mean.coverage,
            mae: mean.mae,
            seconds: it.evaluation.seconds,
            note: shown::simpler(&it.evaluation).unwrap_or_default(),
        }
    };
    models.iter().map(of).collect()
}

fn evaluation<'a>(group: &'a Measured, name: &str) -> Option<&'a Evaluation> {
    group.compared.iter().find(|it| it.name == name).map(|it| &it.evaluation)
}

/// The one forecast of one series.
fn only(mut forecasts: Vec<Forecast>) -> anyhow::Result<Forecast> {
    forecasts.pop().context("no forecast of a series")
}

/// A forecast from a step on, its quantiles as intervals around the middle.
fn ahead(first: usize, forecast: &Forecast, shares: &Quantiles) -> StepsAhead {
    let shares = shares.shares();
    let width = shares.len();
    let interval = |low: usize| {
        let high = width - 1 - low;
        let level = ((shares[high] - shares[low]) * 1e9).round() / 1e9;
        let ends = forecast.quantiles.chunks_exact(width).map(|step| [step[low], step[high]]);
        (level, ends.collect())
    };
    let intervals = (0..width / 2).map(interval).collect();
    StepsAhead { first, points: forecast.points.clone(), intervals }
}

/// Of so many the first, the last, and some between them.
fn spread(all: usize) -> Vec<usize> {
    let third = MOST_SERIES / 3;
    let between = all - 2 * third;
    let middle = (0..third).map(|step| third + (2 * step + 1) * between / (2 * third));
    (0..third).chain(middle).chain(all - third..all).collect()
}

/// At most so many of some, the first and the last among them.
fn few(chosen: &[usize], most: usize) -> Vec<usize> {
    if chosen.len() <= most {
        return chosen.to_vec();
    }
    (0..most).map(|step| chosen[step * (chosen.len() - 1) / (most - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_the_best_and_some_between_are_chosen() {
        assert_eq!(spread(12), (0..12).collect::<Vec<_>>());
        assert_eq!(spread(13), [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12]);
        assert_eq!(spread(414), [0, 1, 2, 3, 54, 156, 257, 359, 410, 411, 412, 413]);
        assert_eq!(few(&[0, 1], 4), [0, 1]);
        assert_eq!(few(&spread(414), 4), [0, 3, 359, 413]);
    }
}
