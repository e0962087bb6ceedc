//! Whether a series has a season, and what it looks like.
//!
//! | rule | autocorrelation of | each place of the season is |
//! |---|---|---|
//! | [`M4`](SeasonRule::M4), as the competition's benchmarks have it | the series | the mean of what the trend leaves there |
//! | [`M3`](SeasonRule::M3), which comes close to that competition's | its differences, so that no trend is taken for a season | the same without the least and the greatest |
//!
//! Of the M3 competition's forecasts, the second rule's seasons are the very ones, and its test decides as theirs 93 times in
//! 100.

use crate::metrics::mean;

/// The quantile of the normal distribution that is passed by chance once in ten times, on either side.
const CRITICAL: f64 = 1.645;

/// How a season is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SeasonRule {
    /// As the benchmarks of the M4 competition.
    #[default]
    M4,
    /// As the M3 competition, or nearly.
    M3,
}

impl SeasonRule {
    /// The season of a series, where the rule finds one.
    pub fn season(self, values: &[f64], season: usize) -> Option<Season> {
        let found = match self {
            Self::M4 => has_season(values, season),
            Self::M3 => {
                let steps: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
                values.len() >= season.saturating_mul(3) && is_seasonal(&steps, season)
            }
        };
        let kind = Season::kind_of(values);
        found.then(|| Season::by(self, values, season, kind)).flatten()
    }
}

/// Whether the autocorrelation of a series at its season is more than chance, at 90%.
///
/// The bound is Bartlett's, which grows with the autocorrelations at the lags before it. Series of fewer than three seasons have
/// none.
pub fn has_season(values: &[f64], season: usize) -> bool {
    values.len() >= season.saturating_mul(3) && is_seasonal(values, season)
}

fn is_seasonal(values: &[f64], season: usize) -> bool {
    if season < 2 || values.len() <= season {
        return false;
    }
    let middle = mean(values.iter().copied());
    let centered: Vec<f64> = values.iter().map(|value| value - middle).collect();
    let product = |lag: usize| -> f64 {
        // Four sums at once, which none waits for another.
        let mut sums = [0.0; 4];
        let (one, other) = (&centered[lag..], &centered[..centered.len() - lag]);
        let (ones, others) = (one.chunks_exact(4), other.chunks_exact(4));
        let rest = ones.remainder().iter().zip(others.remainder()).map(|(a, b)| a * b).sum::<f64>();
        for (a, b) in ones.zip(others) {
            for lane in 0..4 {
                sums[lane] += a[lane] * b[lane];
            }
        }
        sums.iter().sum::<f64>() + rest
    };
    let variance = product(0);
    if variance <= 0.0 {
        return false;
    }
    let before: f64 = (1..season).map(|lag| (product(lag) / variance).powi(2)).sum();
    let bound = CRITICAL * ((1.0 + 2.0 * before) / values.len() as f64).sqrt();
    (product(season) / variance).abs() > bound
}

/// The season of a series by classical decomposition: a value for each of its places, the first value's first.
#[derive(Debug, Clone, PartialEq)]
pub struct Season {
    figure: Vec<f64>,
    kind: SeasonKind,
}

/// How a season changes a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SeasonKind {
    /// It is added.
    Additive,
    /// It multiplies.
    Multiplicative,
}

impl Season {
    /// The season that multiplies a series of values above 0, and is added to any other; none of fewer than two seasons.
    pub fn of(values: &[f64], season: usize) -> Option<Self> {
        Self::of_kind(values, season, Self::kind_of(values))
    }

    /// A season of this kind.
    pub(crate) fn of_kind(values: &[f64], season: usize, kind: SeasonKind) -> Option<Self> {
        Self::by(SeasonRule::M4, values, season, kind)
    }

    fn kind_of(values: &[f64]) -> SeasonKind {
        match values.iter().all(|value| *value > 0.0) {
            true => SeasonKind::Multiplicative,
            false => SeasonKind::Additive,
        }
    }

    /// The trend is the centered moving average, and each place of the season the mean of what is left.
    fn by(rule: SeasonRule, values: &[f64], season: usize, kind: SeasonKind) -> Option<Self> {
        if season < 2 || values.len() < season * 2 {
            return None;
        }
        let half = season / 2;
        let even = season.is_multiple_of(2);
        let mut places = vec![Place::default(); season];
        // The sum of a window of a season, without its last value where that counts half.
        let width = if even { season } else { season - 1 };
        let mut window: f64 = values[..width].iter().sum();
        for place in half..values.len() - half {
            let (first, last) = (values[place - half], values[place + half]);
            let trend = match even {
                true => (window + (last - first) / 2.0) / season as f64,
                false => (window + last) / season as f64,
            };
            window += last - first;
            let left = match kind {
                SeasonKind::Additive => values[place] - trend,
                SeasonKind::Multiplicative => values[place] / trend,
            };
            places[place % season].add(left);
        }
        let mut figure: Vec<f64> = places.iter().map(|place| place.middle(rule)).collect();
        let middle = mean(figure.iter().copied());
        figure.iter_mut().for_each(|value| match kind {
            SeasonKind::Additive => *value -= middle,
            SeasonKind::Multiplicative => *value /= middle,
        });
        figure.iter().all(|value| value.is_finite()).then_some(Self { figure, kind })
    }

    /// What the season is at a place of the series.
    pub fn at(&self, place: usize) -> f64 {
        self.figure[place % self.figure.len()]
    }

    /// The series without its season.
    pub fn removed(&self, values: &[f64]) -> Vec<f64> {
        let pairs = values.iter().zip(self.figure.iter().cycle());
        match self.kind {
            SeasonKind::Additive => pairs.map(|(value, at)| value - at).collect(),
            SeasonKind::Multiplicative => pairs.map(|(value, at)| value / at).collect(),
        }
    }

    /// A value at a place of the series, with the season again.
    pub(crate) fn restored(&self, value: f64, place: usize) -> f64 {
        match self.kind {
            SeasonKind::Additive => value + self.at(place),
            SeasonKind::Multiplicative => value * self.at(place),
        }
    }
}

/// What a trend leaves at a place of the season.
#[derive(Debug, Clone, Copy)]
struct Place {
    sum: f64,
    count: usize,
    least: f64,
    greatest: f64,
}

impl Default for Place {
    fn default() -> Self {
        Self { sum: 0.0, count: 0, least: f64::INFINITY, greatest: f64::NEG_INFINITY }
    }
}

impl Place {
    fn add(&mut self, left: f64) {
        self.sum += left;
        self.count += 1;
        self.least = self.least.min(left);
        self.greatest = self.greatest.max(left);
    }

    fn middle(self, rule: SeasonRule) -> f64 {
        if rule == SeasonRule::M3 && self.count > 2 {
            return (self.sum - self.least - self.greatest) / (self.count - 2) as f64;
        }
        self.sum / self.count as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R's `decompose` of 8 quarters, and of 7 values with a season of 3.
    #[test]
    fn seasons_are_those_of_r() {
        let quarters = [10.0, 20.0, 30.0, 40.0, 12.0, 22.0, 32.0, 42.0];
        let found = Season::of_kind(&quarters, 4, SeasonKind::Additive).unwrap();
        // The trend is 25.25, 25.75, 26.25, 26.75 at places 2 to 5.
        let raw = [12.0 - 26.25, 22.0 - 26.75, 30.0 - 25.25, 40.0 - 25.75];
        let middle = raw.iter().sum::<f64>() / 4.0;
        for (place, raw) in raw.iter().enumerate() {
            assert!((found.at(place) - (raw - middle)).abs() < 1e-12, "{found:?}");
        }
        let thirds = [1.0, 2.0, 6.0, 1.0, 2.0, 6.0, 1.0];
        let found = Season::of(&thirds, 3).unwrap();
        for (place, expected) in [1.0 / 3.0, 2.0 / 3.0, 2.0].iter().enumerate() {
            assert!((found.at(place) - expected).abs() < 1e-12, "{found:?}");
        }
        assert!(found.removed(&thirds).iter().all(|value| (value - 3.0).abs() < 1e-12));
        assert!((found.restored(3.0, 5) - 6.0).abs() < 1e-12);
        assert!(Season::of(&quarters, 5).is_none() && Season::of(&quarters, 1).is_none());
    }

    #[test]
    fn a_season_is_told_from_chance() {
        let mut random = rekindle_base::Random::from_state(1);
        let noise: Vec<f64> = (0..120).map(|_| random.normal()).collect();
        let wave: Vec<f64> = noise
            .iter()
            .enumerate()
            .map(|(at, x)| x + 3.0 * (at as f64 * std::f64::consts::FRAC_PI_6).sin())
            .collect();
        assert!(!has_season(&noise, 12) && has_season(&wave, 12));
        assert!(!has_season(&wave[..30], 12) && !has_season(&[1.0; 50], 4));
        // One rule takes a trend for a season, the other does not.
        let risen = |values: &[f64]| -> Vec<f64> {
            values.iter().enumerate().map(|(at, x)| x + at as f64).collect()
        };
        for (values, expected) in [(&noise, [true, false]), (&wave, [true, true])] {
            let risen = risen(values);
            let found = [SeasonRule::M4, SeasonRule::M3].map(|it| it.season(&risen, 12).is_some());
            assert_eq!(found, expected);
        }
        assert!(SeasonRule::M3.season(&noise, 12).is_none());
        assert!(SeasonRule::M3.season(&[5.0], 12).is_none());
    }
}
