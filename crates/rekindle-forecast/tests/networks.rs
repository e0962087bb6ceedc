//! Every family learns, is saved and read back, goes on after an interruption, and freezes what it is to freeze.

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop")]

use std::{collections::BTreeMap, path::Path};

use burn::prelude::*;
use rekindle_checkpoint::CheckpointFile;
use rekindle_finetune::Start;
use rekindle_forecast::{BEST, Ensemble, Error, Family, Forecaster, TrainConfig, Trained, train};
use rekindle_series::{
    Baseline, Evaluation, ForecastConfig, Frequency, Origin, Panel, Quantiles, Series,
    rolling_cases,
};
use rekindle_transfer::Frozen;

mod support;

use support::{After, alone, learn};

const SEASON: usize = 6;
const HORIZON: usize = 6;

/// Waves of one length, each with a trend and a height of its own, and some noise.
fn panel(series: usize, points: usize) -> Panel {
    let rows = (0..series).map(|number| {
        let name =
            Series { id: format!("s{number}").into(), start: None, frequency: Frequency::Steps(1) };
        let height = 10.0 * (number + 1) as f64;
        let values = (0..points).map(move |step| {
            let wave = (std::f64::consts::TAU * step as f64 / SEASON as f64).sin();
            let noise = ((step * 7919 + number * 104_729) % 101) as f64 / 101.0 - 0.5;
            height * (3.0 + 0.02 * step as f64 + wave + 0.1 * noise)
        });
        (name, values.collect::<Vec<_>>())
    });
    Panel::new(rows).unwrap()
}

fn ask() -> ForecastConfig {
    ForecastConfig::new(HORIZON, SEASON, Quantiles::of_levels(&[0.8]).unwrap()).unwrap()
}

fn small(family: Family, panel: &Panel) -> TrainConfig {
    let mut config = TrainConfig::usual(family, panel, &ask());
    config.model.network.width = config.model.network.width.min(32);
    config.model.network.blocks = config.model.network.blocks.min(3);
    config.batch = 64;
    config.steps = 150;
    config.lr = 3e-3;
    config
}

fn points(forecaster: &Forecaster, panel: &Panel) -> Vec<f64> {
    let forecasts = forecaster.forecast(&panel.ends(), &ask()).unwrap();
    forecasts.into_iter().flat_map(|it| it.points.into_iter().chain(it.quantiles)).collect()
}

#[test]
fn every_family_learns_what_repeating_values_does_not_know() {
    let _alone = alone();
    let whole = panel(8, 96);
    let cases = rolling_cases(&whole, HORIZON, 1, HORIZON).unwrap();
    let origins: Vec<Origin<'_>> = cases.iter().map(|case| case.origin).collect();
    let naive = Evaluation::of(Baseline::SeasonalNaive, &cases, &ask(), 0.8).mean;
    let known = whole.without_last(HORIZON).unwrap();
    for family in Family::ALL {
        let mut config = small(family, &known);
        if matches!(family, Family::Lstm | Family::Gru) {
            (config.steps, config.lr) = (400, 1e-2);
        }
        let trained = learn(&known, &config, None);
        let forecasts = trained.forecaster.forecast(&origins, &ask()).unwrap();
        let found = Evaluation::of_forecasts(&forecasts, &cases, &ask(), 0.8).mean;
        assert!(found.mase < 0.8 * naive.mase, "{}: {found:?} {naive:?}", family.name());
        assert!((0.5..=1.0).contains(&found.coverage), "{}: {found:?}", family.name());
        for forecast in &forecasts {
            assert_eq!((forecast.points.len(), forecast.quantiles.len()), (HORIZON, 3 * HORIZON));
            assert!(forecast.quantiles.chunks(3).all(|it| it[0] <= it[1] && it[1] <= it[2]));
        }
        let parts = trained.forecaster.parts(&origins, &ask()).unwrap();
        assert_eq!(parts.is_some(), family.is_of_blocks());
        for (parts, forecast) in parts.iter().flatten().zip(&forecasts) {
            let names: Vec<&str> = parts.stacks.iter().map(|(name, _)| name.as_str()).collect();
            let interpretable = family == Family::NBeatsInterpretable;
            assert_eq!(names == ["trend", "season"], interpretable, "{names:?}");
            for (step, point) in forecast.points.iter().enumerate() {
                let sum = parts.shift + parts.stacks.iter().map(|(_, it)| it[step]).sum::<f64>();
                assert!((sum - point).abs() < 1e-5 * point.abs(), "{}: {sum}", family.name());
            }
        }
    }
}

#[test]
fn what_is_saved_says_the_same() {
    let _alone = alone();
    let panel = panel(3, 60);
    let folder = tempfile::tempdir().unwrap();
    let mut members = Vec::new();
    for seed in 0..2 {
        let path = folder.path().join(seed.to_string());
        let config = TrainConfig { seed, ..small(Family::NHits, &panel) };
        let trained = learn(&panel, &config, Some((&path, Start::Fresh)));
        let read = Forecaster::open(&path.join(BEST), &Device::flex()).unwrap();
        assert_eq!(read.config(), trained.forecaster.config());
        assert_eq!(points(&read, &panel), points(&trained.forecaster, &panel));
        members.push(points(&read, &panel));
    }
    assert_ne!(members[0], members[1]);
    // Of two the median is the mean.
    let both = Ensemble::open(folder.path(), &Device::flex()).unwrap();
    let forecasts = both.forecast(&panel.ends(), &ask()).unwrap();
    let points = forecasts.into_iter().flat_map(|it| it.points.into_iter().chain(it.quantiles));
    for ((found, one), other) in points.zip(&members[0]).zip(&members[1]) {
        assert!((found - (one + other) / 2.0).abs() < 1e-9 * found.abs());
    }
    let other = folder.path().join("2");
    learn(&panel, &small(Family::Gru, &panel), Some((&other, Start::Fresh)));
    let error = Ensemble::open(folder.path(), &Device::flex()).unwrap_err().to_string();
    assert!(error.contains("several families"), "{error}");
}

#[test]
fn a_series_that_was_never_seen_is_forecast_and_learned_further() {
    let _alone = alone();
    let many = panel(6, 80);
    let config = small(Family::NBeats, &many);
    let trained = learn(&many, &config, None);
    let other = panel(9, 50).select(&[8]);
    let asked = points(&trained.forecaster, &other);
    assert!(asked.iter().all(|value| value.is_finite()));
    let mut further = TrainConfig::further(trained.forecaster.config().clone(), &other);
    further.steps = 20;
    further.frozen = Frozen::Stages(2);
    let folder = tempfile::tempdir().unwrap();
    let run = Some((folder.path(), Start::Fresh));
    let device = Device::flex().autodiff();
    let from = Some(&trained.forecaster);
    let tuned = train(&other, &further, from, &device, run, &mut []).unwrap();
    assert_ne!(points(&tuned.forecaster, &other), asked);
    let first = tempfile::tempdir().unwrap();
    learn(&many, &config, Some((first.path(), Start::Fresh)));
    let [before, after] = [first.path(), folder.path()].map(tensors);
    for (name, bytes) in &before {
        let frozen = name.starts_with("stacks.0.") || name.starts_with("stacks.1.");
        assert_eq!(*bytes == after[name], frozen, "{name}");
    }
    assert_eq!(before.len(), after.len());
}

fn tensors(folder: &Path) -> BTreeMap<String, Vec<f32>> {
    let file = CheckpointFile::open(&folder.join(BEST)).unwrap();
    let names: Vec<String> = file.tensors().map(|(name, _)| name.to_owned()).collect();
    names.into_iter().map(|name| (name.clone(), file.read_f32(&name).unwrap())).collect()
}

#[test]
fn a_run_goes_on_to_the_same_bits_on_any_number_of_threads() {
    let _alone = alone();
    let panel = panel(4, 70);
    let device = Device::flex().autodiff();
    for family in [Family::NBeatsInterpretable, Family::Lstm] {
        let config = small(family, &panel);
        // Of what sees values alone nothing is said that was not said before there was anything else.
        assert!(!serde_json::to_string(&config.model).unwrap().contains("features"));
        let whole = tempfile::tempdir().unwrap();
        let expected = learn(&panel, &config, Some((whole.path(), Start::Fresh)));
        let cut = tempfile::tempdir().unwrap();
        let run = Some((cut.path(), Start::Fresh));
        {
            train(&panel, &config, None, &device, run, &mut [&mut After(2)]).unwrap();
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let resumed = pool.install(|| learn(&panel, &config, Some((cut.path(), Start::Resume))));
        assert!(resumed.history.len() > 3);
        let losses = |it: &Trained| -> Vec<Option<f64>> {
            it.history.iter().map(|epoch| epoch.val.get("loss")).collect()
        };
        assert_eq!(losses(&resumed), losses(&expected), "{family:?}");
        assert_eq!(points(&resumed.forecaster, &panel), points(&expected.forecaster, &panel));
    }
}

#[test]
fn what_cannot_be_is_said_once() {
    let _alone = alone();
    let panel = panel(2, 40);
    let config = small(Family::NHits, &panel);
    let device = Device::flex().autodiff();
    let short = panel.up_to(|_| 9);
    let error = train(&short, &config, None, &device, None, &mut []).unwrap_err().to_string();
    assert!(error.contains("none of 2 series has"), "{error}");
    let trained = learn(&panel, &config, None);
    let far = ForecastConfig::new(HORIZON + 1, SEASON, Quantiles::new(&[0.5]).unwrap()).unwrap();
    let error =
        trained.forecaster.forecast(&panel.up_to(|_| 2).ends(), &far).unwrap_err().to_string();
    assert!(error.contains("forecasts 6 steps, not 7"), "{error}");
    let mut wrong = config.clone();
    wrong.model.task.quantiles = vec![0.5, 0.1, 0.9];
    let error = train(&panel, &wrong, None, &device, None, &mut []).unwrap_err();
    assert!(matches!(&error, Error::Config(text) if text.contains("ascending")), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let error = Ensemble::open(folder.path(), &Device::flex()).unwrap_err().to_string();
    assert!(error.contains("holds no `best.safetensors`"), "{error}");
    // Less than was learned, and less than a window, is forecast all the same.
    let near = ForecastConfig::new(2, SEASON, Quantiles::of_levels(&[0.5]).unwrap()).unwrap();
    let found = trained.forecaster.forecast(&panel.up_to(|_| 2).ends(), &near).unwrap();
    assert_eq!((found[0].points.len(), found[0].quantiles.len()), (2, 6));
}
