//! Baselines side by side, the best of them, and whether it is better than repeating values.

use crate::scores::OfScore;
use crate::{
    Baseline, Case, Difference, Evaluation, ForecastConfig, Panel, Score, block_of, has_season,
};

/// How many values a season has, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSeason {
    /// Values of a season; 1 where there is none.
    pub season: usize,
    /// Why, as a clause: `of hourly series`.
    pub why: String,
}

impl FoundSeason {
    /// The season of series of one frequency: that of the day of hours and the year of months, whatever the values say; of days
    /// and weeks one that a test finds in at least half of the series.
    pub fn of(panel: &Panel) -> Self {
        let Some(frequency) = panel.frequency() else {
            return Self { season: 1, why: "since frequencies differ".to_owned() };
        };
        let usual = frequency.seasons();
        if usual == [1] {
            return Self { season: 1, why: format!("since series are {frequency}") };
        }
        if frequency.is_seasonal() {
            return Self { season: usual[0], why: format!("as usual of what is {frequency}") };
        }
        for &season in usual {
            let found = panel.iter().filter(|(_, values)| has_season(values, season)).count();
            if found * 2 >= panel.len() {
                let why = format!("which a test finds in {found} of {} series", panel.len());
                return Self { season, why };
            }
        }
        let tried: Vec<String> = usual.iter().map(usize::to_string).collect();
        Self { season: 1, why: format!("since a test finds none of {}", tried.join(", ")) }
    }
}

/// Baselines that were measured on the same cases.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Each, in the order in which they were asked for.
    pub models: Vec<(Baseline, Evaluation)>,
    /// What OWA is relative to.
    pub naive2: Score,
    /// Which has the least error.
    pub best: usize,
    /// By which metric: `mase`, or `mae` where that is not defined.
    pub metric: &'static str,
    /// What repeats values, and how the best differs from it.
    pub naive: (Baseline, Difference),
}

impl Comparison {
    /// Measures baselines; none where none is asked for.
    ///
    /// The best is compared with seasonal naive where there is a season, else with naive: series by series, or case by case where
    /// there is one series.
    pub fn of(
        baselines: &[Baseline],
        cases: &[Case<'_>],
        ask: &ForecastConfig,
        level: f64,
    ) -> Option<Self> {
        let models: Vec<(Baseline, Evaluation)> =
            baselines.iter().map(|it| (*it, Evaluation::of(*it, cases, ask, level))).collect();
        let of = |baseline| match models.iter().find(|(it, _)| *it == baseline) {
            Some((_, found)) => found.clone(),
            None => Evaluation::of(baseline, cases, ask, level),
        };
        let (metric, value) = metric(&models);
        let best = (0..models.len()).min_by(|one, other| {
            value(&models[*one].1.mean).total_cmp(&value(&models[*other].1.mean))
        })?;
        let naive = if ask.season() > 1 { Baseline::SeasonalNaive } else { Baseline::Naive };
        let difference = {
            let (one, other) = (&models[best].1, of(naive));
            let errors = |it: &Evaluation| -> Vec<f64> {
                let scores = if it.of_series.len() > 1 { &it.of_series } else { &it.of_cases };
                scores.iter().map(value).collect()
            };
            let block = if one.of_series.len() > 1 { 1 } else { block_of(cases.len()) };
            Difference::of(&errors(one), &errors(&other), block)
        };
        let naive2 = of(Baseline::Naive2).mean;
        Some(Self { models, naive2, best, metric, naive: (naive, difference) })
    }

    /// The best.
    pub fn best(&self) -> Baseline {
        self.models[self.best].0
    }
}

/// What models are ordered by: MASE, if it is defined for all of them.
fn metric(models: &[(Baseline, Evaluation)]) -> (&'static str, OfScore) {
    match models.iter().all(|(_, found)| found.mean.mase.is_finite()) {
        true => ("mase", |score| score.mase),
        false => ("mae", |score| score.mae),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Frequency, Quantiles, Series, Timestamp, rolling_cases};

    fn panel(frequency: Frequency, values: impl Fn(usize) -> f64) -> Panel {
        let series = |id: &str| Series { id: id.into(), start: Some(Timestamp(0)), frequency };
        let of = |by: usize| (0..140).map(|at| values(at + by)).collect::<Vec<_>>();
        Panel::new([(series("a"), of(0)), (series("b"), of(1))]).unwrap()
    }

    #[test]
    fn seasons_are_found_of_frequencies_and_values() {
        let wave = |at: usize| 10.0 + [0.0, 1.0, 4.0, 2.0, 1.0, 7.0, 0.0][at % 7];
        let flat = |at: usize| rekindle_base::Random::new(0, 0, at as u64).unit();
        let of =
            |frequency, values: &dyn Fn(usize) -> f64| FoundSeason::of(&panel(frequency, values));
        for (found, season, why) in [
            (of(Frequency::DAILY, &wave), 7, "in 2 of 2 series"),
            (of(Frequency::DAILY, &flat), 1, "a test finds none of 7"),
            (of(Frequency::HOURLY, &flat), 24, "as usual of what is hourly"),
            (of(Frequency::YEARLY, &wave), 1, "since series are yearly"),
            (of(Frequency::Steps(1), &wave), 1, "since series are numbered"),
        ] {
            assert_eq!(found.season, season, "{found:?}");
            assert!(found.why.contains(why), "{found:?}");
        }
    }

    #[test]
    fn the_best_is_named_and_compared() {
        let wave = |at: usize| 10.0 + [0.0, 1.0, 4.0, 2.0, 1.0, 7.0, 0.0][at % 7];
        let panel = panel(Frequency::DAILY, wave);
        let cases = rolling_cases(&panel, 5, 6, 5).unwrap();
        let ask = ForecastConfig::new(5, 7, Quantiles::of_levels(&[0.8]).unwrap()).unwrap();
        let models = [Baseline::Naive, Baseline::SeasonalNaive, Baseline::Drift];
        let found = Comparison::of(&models, &cases, &ask, 0.8).unwrap();
        // The scale of MASE is zero where every season is as the one before it.
        assert_eq!((found.best(), found.metric), (Baseline::SeasonalNaive, "mae"));
        assert_eq!(found.naive.0, Baseline::SeasonalNaive);
        assert_eq!(found.naive.1.verdict, crate::Verdict::Same);
        assert!(found.naive2.mae < 1e-9);
        let worse = Comparison::of(&models[..1], &cases, &ask, 0.8).unwrap();
        assert_eq!((worse.best(), worse.naive.1.verdict), (Baseline::Naive, crate::Verdict::Worse));
        assert!(Comparison::of(&[], &cases, &ask, 0.8).is_none());
    }
}
