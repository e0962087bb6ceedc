//! What smoothing finds in series that were made by its own models, and in real ones.

use rekindle_base::Random;

use super::*;
use crate::{Baseline, Quantiles};

fn ask(horizon: usize, season: usize) -> ForecastConfig {
    ForecastConfig::new(horizon, season, Quantiles::of_levels(&[0.8]).unwrap()).unwrap()
}

#[test]
fn what_a_series_is_made_of_is_found() {
    let mut random = Random::from_state(3);
    let mut noise = |at: f64| at * random.normal();
    let season = [0.8, 1.1, 1.4, 0.7];
    let level: Vec<f64> = (0..200)
        .scan(50.0, |level, _| {
            let error = noise(1.0);
            let value = *level + error;
            *level += 0.4 * error;
            Some(value)
        })
        .collect();
    let trend: Vec<f64> = (0..100).map(|at| 20.0 + f64::from(at) * 2.0 + noise(1.0)).collect();
    let waves: Vec<f64> = (0..120_usize)
        .map(|at| (100.0 + at as f64 * 3.0) * season[at % 4] * (1.0 + noise(0.01)))
        .collect();
    for (values, period, trended, seasonal) in
        [(&level, 1, "N", "N"), (&trend, 1, "A", "N"), (&waves, 4, "A", "M")]
    {
        let found = ets(values, &ask(8, period));
        let parts: Vec<&str> = found.model[4..found.model.len() - 1].split(',').collect();
        assert!(parts[1].starts_with(trended) && parts[2] == seasonal, "{}", found.model);
        for (step, row) in found.quantiles.chunks(3).enumerate() {
            assert!(row[0] < row[1] && row[1] < row[2], "{step}: {row:?}");
        }
    }
    // Weights and expected values are those that were put in.
    let found = Fitted::fit(KINDS[0], &level, 1).unwrap();
    assert!((found.weights.alpha - 0.4).abs() < 0.15, "{found:?}");
    assert!((found.variance - 1.0).abs() < 0.2, "{found:?}");
    let found = ets(&waves, &ask(8, 4));
    for (step, point) in found.points.iter().enumerate() {
        let expected = (100.0 + (120 + step) as f64 * 3.0) * season[step % 4];
        assert!((point / expected - 1.0).abs() < 0.03, "{step}: {point}, not {expected}");
    }
}

/// Of ANN, both the formula and simulated paths are known: level, and sigma times the root of 1 + (h - 1) alpha^2.
#[test]
fn paths_spread_as_the_formula_says() {
    let mut random = Random::from_state(5);
    let values: Vec<f64> = (0..300).map(|_| 10.0 + random.normal()).collect();
    for kind in KINDS.into_iter().filter(|kind| kind.error == ErrorKind::Additive) {
        let fitted = Fitted::fit(kind, &values, 4).unwrap();
        let ask = ask(12, 4);
        let (formula, paths) = (forecast(&fitted, &ask), simulated(&fitted, &ask));
        for (step, (one, other)) in formula.quantiles.chunks(3).zip(paths.chunks(3)).enumerate() {
            let [width, simulated] = [one, other].map(|row| row[2] - row[0]);
            assert!(
                (width / simulated - 1.0).abs() < 0.12,
                "{} {step}: {width}, {simulated}",
                kind.name
            );
        }
    }
}

#[test]
fn odd_series_have_a_forecast() {
    for (values, season, model) in [
        (vec![5.0], 12, "naive"),
        (vec![5.0, 6.0, 7.0], 12, "naive"),
        (vec![0.0; 40], 12, "naive"),
        (vec![3.0; 40], 12, "ETS"),
        (vec![1e-300; 40], 1, "ETS"),
        (vec![1e300, 1e299, 1e300, 1e298, 1e300, 1e300, 1e297, 1e300], 2, ""),
        ((0..60).map(|at| f64::from(at % 3) - 1.0).collect(), 3, "ETS"),
        ((0..60).map(f64::from).collect(), 1 << 16, "ETS"),
    ] {
        let found = ets(&values, &ask(5, season));
        assert!(found.model.starts_with(model), "{}", found.model);
        assert_eq!((found.points.len(), found.quantiles.len()), (5, 15));
        assert!(found.points.iter().all(|point| point.is_finite()), "{values:?}: {found:?}");
        for baseline in Baseline::ALL {
            let found = baseline.forecast(&values, &ask(5, season));
            assert!(found.points.iter().all(|point| !point.is_nan()), "{baseline}: {found:?}");
        }
    }
}
