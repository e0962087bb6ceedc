//! A made-up run that forecasts.

use std::f64::consts::TAU;

use rekindle_report::{
    ForecastGroup, ForecastParts, ForecastRecord, LossCurve, ModelScores, SeriesErrors,
    SeriesForecast, StepsAhead,
};

const MODELS: [&str; 3] = ["naive", "theta", "nhits"];
/// Months that are known, that were measured on and that are forecast.
const KNOWN: usize = 60;
const HORIZON: usize = 12;

/// Two frequencies, three models and a network; the name of all series and models ends with `suffix`.
pub(crate) fn forecast(suffix: &str) -> ForecastRecord {
    let named = |name: &str| format!("{name}{suffix}");
    let scores: Vec<ModelScores> = MODELS
        .iter()
        .zip([1.0, 0.7, 0.8])
        .map(|(name, factor)| ModelScores {
            name: named(name),
            smape: 9.0 * factor,
            mase: factor,
            owa: factor,
            msis: 8.0 * factor,
            coverage: 0.9,
            mae: 14.0 * factor,
            seconds: 0.5,
            note: if factor == 1.0 { named("1 of 6 by a simpler one") } else { String::new() },
        })
        .collect();
    let errors = |factor: f64| (0..HORIZON).map(|step| factor + 0.1 * step as f64).collect();
    let group = |name: &str| ForecastGroup {
        name: named(name),
        series: 7,
        horizon: HORIZON,
        season: 12,
        measured: named("by backtest on 3 windows"),
        models: scores.clone(),
        by_step: MODELS.iter().map(|name| (named(name), errors(0.5))).collect(),
    };
    let worst = SeriesErrors {
        name: named("b"),
        group: named("monthly"),
        best: 1.7,
        naive: 1.9,
        least: (named("nhits"), 1.2),
    };
    let times = (KNOWN + HORIZON..KNOWN + 2 * HORIZON).map(month).collect();
    let part =
        |name: &str, of: &dyn Fn(usize) -> f64| (named(name), (0..HORIZON).map(of).collect());
    ForecastRecord {
        title: named("Forecasts of passengers.csv"),
        best: named("theta"),
        metric: "MASE".to_owned(),
        verdicts: vec![named("best: theta, better (-0.3 in MASE) than naive")],
        level: 0.95,
        models: scores.clone(),
        groups: vec![group("monthly"), group("yearly")],
        series: ["a", "b"].iter().map(|name| series(&named(name), suffix)).collect(),
        worst: vec![worst],
        parts: vec![ForecastParts {
            model: named("nhits"),
            series: named("a"),
            times,
            shift: 412.0,
            parts: vec![
                part("trend", &|step| 2.0 * step as f64),
                part("season", &|step| 30.0 * wave(step)),
            ],
        }],
        curves: vec![LossCurve {
            model: named("nhits"),
            best: 7,
            train: (1..=9).map(|epoch| (epoch, 0.2 + 0.5 / epoch as f64)).collect(),
            validation: (0..=9).map(|epoch| (epoch, 0.3 + 0.5 / (epoch + 1) as f64)).collect(),
        }],
    }
}

fn series(name: &str, suffix: &str) -> SeriesForecast {
    let value = |step: usize| 400.0 + 2.0 * step as f64 + 30.0 * wave(step);
    let ahead = |first: usize| {
        let steps = || first..first + HORIZON;
        let interval = |wide: f64| {
            let half = |step: usize| wide * ((step - first + 1) as f64).sqrt();
            steps().map(|step| [value(step) - half(step), value(step) + half(step)]).collect()
        };
        StepsAhead {
            first,
            points: steps().map(|step| value(step) + 3.0).collect(),
            intervals: vec![(0.8, interval(7.0)), (0.95, interval(11.0))],
        }
    };
    SeriesForecast {
        name: name.to_owned(),
        errors: Some([0.7, 1.25]),
        about: format!("the worst of 7{suffix}"),
        times: (0..KNOWN + 2 * HORIZON).map(|step| month(step) + suffix).collect(),
        history: (0..KNOWN).map(value).collect(),
        right: (KNOWN..KNOWN + HORIZON).map(value).collect(),
        measured: Some(ahead(KNOWN)),
        next: ahead(KNOWN + HORIZON),
    }
}

fn wave(step: usize) -> f64 {
    (TAU * step as f64 / 12.0).sin()
}

fn month(step: usize) -> String {
    format!("{}-{:02}-01", 1955 + step / 12, step % 12 + 1)
}
