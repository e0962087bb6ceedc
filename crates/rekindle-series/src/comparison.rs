//! Models side by side, the best of them, and whether it is better than repeating values.

use std::borrow::Cow;

use crate::scores::OfScore;
use crate::{Difference, Evaluation, Panel, Score, Verdict, block_of, has_season};

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

/// Models that were measured on the same cases.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Each, in the order in which they were given.
    pub models: Vec<Compared>,
    /// What OWA is relative to.
    pub naive2: Score,
    /// Which is to be taken: the one with the least error; where that is learned and an interval does not hold it better than the
    /// best baseline, this baseline.
    pub best: usize,
    /// By which metric: `mase`, or `mae` where that is not defined.
    pub metric: &'static str,
    /// What repeats values, and how the best differs from it.
    pub naive: (Cow<'static, str>, Difference),
    /// What was learned with the least error of that, and how it differs from the best baseline; none where only one of both was
    /// measured.
    pub learned: Option<(usize, Difference)>,
}

/// A model, and how it does.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// What it is called.
    pub name: Cow<'static, str>,
    /// Whether it learned of other series than the one it forecasts: whether it is no [`Baseline`](crate::Baseline).
    pub is_learned: bool,
    /// How it does.
    pub evaluation: Evaluation,
}

impl Comparison {
    /// Compares models; none where there is none.
    ///
    /// The best is compared with what repeats values, by that name: series by series, or case by case where there is one series.
    pub fn of(
        models: Vec<Compared>,
        naive: (Cow<'static, str>, &Evaluation),
        naive2: Score,
    ) -> Option<Self> {
        let (metric, value) = metric(&models);
        let error = |place: &usize| value(&models[*place].evaluation.mean);
        let least = |learned: Option<bool>| {
            let places = 0..models.len();
            places
                .filter(|place| learned.is_none_or(|it| models[*place].is_learned == it))
                .min_by(|one, other| error(one).total_cmp(&error(other)))
        };
        let difference = |one: &Evaluation, other: &Evaluation| {
            let errors = |it: &Evaluation| -> Vec<f64> {
                let scores = if it.of_series.len() > 1 { &it.of_series } else { &it.of_cases };
                scores.iter().map(value).collect()
            };
            let block = if one.of_series.len() > 1 { 1 } else { block_of(one.of_cases.len()) };
            Difference::of(&errors(one), &errors(other), block)
        };
        let mut best = least(None)?;
        let mut learned = None;
        if let (Some(network), Some(baseline)) = (least(Some(true)), least(Some(false))) {
            let found = difference(&models[network].evaluation, &models[baseline].evaluation);
            if best == network && found.verdict != Verdict::Better {
                best = baseline;
            }
            learned = Some((network, found));
        }
        let naive = (naive.0, difference(&models[best].evaluation, naive.1));
        Some(Self { models, naive2, best, metric, naive, learned })
    }

    /// The best.
    pub fn best(&self) -> &Compared {
        &self.models[self.best]
    }
}

/// What models are ordered by: MASE, if it is defined for all of them.
fn metric(models: &[Compared]) -> (&'static str, OfScore) {
    match models.iter().all(|it| it.evaluation.mean.mase.is_finite()) {
        true => ("mase", |score| score.mase),
        false => ("mae", |score| score.mae),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Baseline, ForecastConfig, Frequency, Quantiles, Series, Timestamp, rolling_cases};

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
        let of = |baseline| Evaluation::of(baseline, &cases, &ask, 0.8);
        let compared = |baseline: Baseline| Compared {
            name: baseline.name().into(),
            is_learned: false,
            evaluation: of(baseline),
        };
        let (seasonal, naive2) = (of(Baseline::SeasonalNaive), of(Baseline::Naive2).mean);
        let compare = |models| Comparison::of(models, ("seasonal-naive".into(), &seasonal), naive2);
        let models = [Baseline::Naive, Baseline::SeasonalNaive, Baseline::Drift].map(compared);
        let found = compare(models.to_vec()).unwrap();
        // The scale of MASE is zero where every season is as the one before it.
        assert_eq!((&*found.best().name, found.metric), ("seasonal-naive", "mae"));
        assert_eq!(found.naive.1.verdict, Verdict::Same);
        assert!(found.naive2.mae < 1e-9 && found.learned.is_none());
        let worse = compare(models[..1].to_vec()).unwrap();
        assert_eq!((&*worse.best().name, worse.naive.1.verdict), ("naive", Verdict::Worse));
        assert!(compare(Vec::new()).is_none());
    }

    #[test]
    fn what_is_learned_is_best_only_where_an_interval_says_so() {
        let series = |off: &dyn Fn(usize) -> f64| -> Evaluation {
            let of: Vec<Score> = (0..40)
                .map(|at| {
                    let mase = off(at);
                    Score { mae: mase, mase, ..Score::mean_of(&[]) }
                })
                .collect();
            let mean = Score::mean_of(&of);
            let (of_cases, of_steps) = (of.clone(), Vec::new());
            Evaluation { of_cases, of_series: of, mean, of_steps, simpler: 0, seconds: 0.0 }
        };
        let baseline = series(&|at| 1.0 + (at % 5) as f64);
        for (network, best, verdict) in [
            (series(&|at| 0.9 + (at % 5) as f64), "network", Verdict::Better),
            // Better on the average, and as often worse.
            (series(&|at| 0.98 + ((at + 2) % 5) as f64), "theta", Verdict::Same),
            (series(&|at| 1.5 + (at % 5) as f64), "theta", Verdict::Worse),
        ] {
            let models = [("theta", false, &baseline), ("network", true, &network)];
            let models = models.map(|(name, is_learned, evaluation)| Compared {
                name: name.into(),
                is_learned,
                evaluation: evaluation.clone(),
            });
            let naive = ("naive".into(), &baseline);
            let found = Comparison::of(models.to_vec(), naive, baseline.mean).unwrap();
            let (place, difference) = found.learned.unwrap();
            assert_eq!((&*found.models[found.best].name, place), (best, 1));
            assert_eq!(difference.verdict, verdict);
        }
    }
}
