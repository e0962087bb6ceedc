//! Networks on the series of competitions and papers, for measuring what defaults are to be.
//!
//! ```sh
//! REKINDLE_TEST_DATA=DIR cargo run --release -p rekindle-forecast --example competitions m3 nbeats steps=1500 input=3 seeds=2
//! ```

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program for measurements")]

use std::time::Instant;

use burn::prelude::*;
use rekindle_forecast::{Family, ForecastLoss, TrainConfig, train};
use rekindle_series::{
    Baseline, Evaluation, Forecast, ForecastConfig, Frequency, Panel, Quantiles, ReadConfig,
    ScalingKind, Series, read_series, test_cases,
};

fn main() {
    let mut words = std::env::args().skip(1);
    let what = words.next().unwrap();
    let family: Family = words.next().unwrap().parse().unwrap();
    let options: Vec<(String, String)> = words
        .map(|word| word.split_once('=').map(|(k, v)| (k.into(), v.into())).unwrap())
        .collect();
    let option = |name: &str| options.iter().find(|(key, _)| key == name).map(|(_, v)| v.as_str());
    let number = |name: &str, usual: f64| option(name).map_or(usual, |text| text.parse().unwrap());
    let data = std::path::PathBuf::from(std::env::var_os("REKINDLE_TEST_DATA").unwrap());
    let device = Device::flex();
    let read = |path: &str| read_series(&data.join(path), &ReadConfig::default()).unwrap();
    let sets: Vec<(String, Panel, Panel, usize, usize)> = match what.as_str() {
        "m4" => {
            let [panel, test] = ["train", "test"]
                .map(|part| read(&format!("series/m4_hourly/Hourly-{part}.csv")).panel);
            vec![("hourly".into(), panel, test, 48, 24)]
        }
        "m3" => {
            let found = read("series/m3/m3.csv");
            let test = found.test.clone().unwrap();
            [
                (Frequency::YEARLY, 6, 1),
                (Frequency::QUARTERLY, 8, 4),
                (Frequency::MONTHLY, 18, 12),
                (Frequency::Steps(1), 8, 1),
            ]
            .into_iter()
            .filter(|(frequency, ..)| {
                option("only").is_none_or(|only| only == frequency.to_string())
            })
            .map(|(frequency, horizon, season)| {
                let places: Vec<usize> = (0..found.panel.len())
                    .filter(|&place| found.panel.series(place).frequency == frequency)
                    .collect();
                (
                    frequency.to_string(),
                    found.panel.select(&places),
                    test.select(&places),
                    horizon,
                    season,
                )
            })
            .collect()
        }
        _ => {
            ett(&read(&format!("series/ett/{what}.csv")).panel, family, &device, &options);
            return;
        }
    };
    for (name, panel, test, horizon, season) in sets {
        let quantiles = Quantiles::of_levels(&[0.8, 0.95]).unwrap();
        let ask = ForecastConfig::new(horizon, season, quantiles.clone()).unwrap();
        let cases = test_cases(&panel, &test, horizon).unwrap();
        let naive2 = Evaluation::of(Baseline::Naive2, &cases, &ask, 0.95).mean;
        let mut config = TrainConfig::usual(family, &panel, &ask);
        config.model.network.input = (number("input", 3.0) * horizon as f64) as usize;
        config.steps = number("steps", config.steps as f64) as usize;
        config.lr = number("lr", config.lr);
        config.batch = number("batch", config.batch as f64) as usize;
        config.recent = option("recent").map(|it| it.parse().unwrap());
        config.model.network.width = number("width", config.model.network.width as f64) as usize;
        config.model.network.blocks = number("blocks", config.model.network.blocks as f64) as usize;
        if let Some(decay) = option("ema") {
            let decay = decay.parse().unwrap();
            config.average = Some(rekindle_train::EmaConfig { decay, warm_up: Default::default() });
        }
        if let Some(points) = option("val") {
            config.validation = points.parse().unwrap();
        }
        match option("loss") {
            Some("mae") => {
                config.model.task.loss = ForecastLoss::Numbers(rekindle_train::RegressionLoss::Mae);
            }
            _ => {}
        }
        if option("loss").is_some() {
            config.model.task.quantiles.clear();
            config.model.network.outputs = 1;
        }
        match option("scale") {
            Some("last") => config.model.scaling = ScalingKind::LastDeviation,
            Some("abs") => config.model.scaling = ScalingKind::MeanAbsolute,
            Some("std") => config.model.scaling = ScalingKind::Standard,
            _ => {}
        }
        let histories: Vec<&[f64]> = cases.iter().map(|case| case.history).collect();
        let mut members: Vec<Vec<Forecast>> = Vec::new();
        for seed in 0..number("seeds", 1.0) as u64 {
            config.seed = seed;
            let begun = Instant::now();
            let trained = train(&panel, &config, None, &device, None, &mut []).unwrap();
            let seconds = begun.elapsed().as_secs_f64();
            let forecasts = trained.forecaster.forecast(&histories, &ask).unwrap();
            let of = Evaluation::of_forecasts(&forecasts, &cases, &ask, 0.95).mean;
            println!(
                "{name} {} seed {seed}: sMAPE {:.3} MASE {:.3} OWA {:.3} MSIS {:.2} coverage {:.3}; epoch {} of {}, {:?} windows, {seconds:.0} s",
                family.name(),
                of.smape,
                of.mase,
                of.owa(&naive2),
                of.msis,
                of.coverage,
                trained.best.number,
                trained.history.len(),
                trained.windows
            );
            if option("curve").is_some() {
                for epoch in &trained.history {
                    println!(
                        "  {} train {:?} val {:?}",
                        epoch.number,
                        epoch.train.get("loss"),
                        epoch.val.get("loss")
                    );
                }
            }
            members.push(forecasts);
        }
        if members.len() > 1 {
            let forecasts: Vec<Forecast> = (0..cases.len())
                .map(|case| {
                    let median = |of: &dyn Fn(&Forecast) -> &Vec<f64>| {
                        (0..of(&members[0][case]).len())
                            .map(|at| {
                                let mut all: Vec<f64> =
                                    members.iter().map(|it| of(&it[case])[at]).collect();
                                all.sort_by(f64::total_cmp);
                                (all[(all.len() - 1) / 2] + all[all.len() / 2]) / 2.0
                            })
                            .collect::<Vec<f64>>()
                    };
                    Forecast {
                        points: median(&|it| &it.points),
                        quantiles: median(&|it| &it.quantiles),
                        ..members[0][case].clone()
                    }
                })
                .collect();
            let of = Evaluation::of_forecasts(&forecasts, &cases, &ask, 0.95).mean;
            println!(
                "{name} ensemble: sMAPE {:.3} MASE {:.3} OWA {:.3} MSIS {:.2} coverage {:.3}",
                of.smape,
                of.mase,
                of.owa(&naive2),
                of.msis,
                of.coverage
            );
        }
    }
}

/// The papers' split, standardized by the part to train on.
fn ett(panel: &Panel, family: Family, device: &Device, options: &[(String, String)]) {
    let option = |name: &str| options.iter().find(|(key, _)| key == name).map(|(_, v)| v.as_str());
    let number = |name: &str, usual: f64| option(name).map_or(usual, |text| text.parse().unwrap());
    let month = 30 * 24;
    let [train_end, val_end, end] = [12, 16, 20].map(|months| months * month);
    let standard: Vec<(Series, Vec<f64>)> = panel
        .iter()
        .map(|(series, values)| {
            let train = &values[..train_end];
            let mean = train.iter().sum::<f64>() / train.len() as f64;
            let var = train.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / train.len() as f64;
            (series.clone(), values[..end].iter().map(|v| (v - mean) / var.sqrt()).collect())
        })
        .collect();
    let whole = Panel::new(standard.clone()).unwrap();
    let seen =
        Panel::new(standard.iter().map(|(s, v)| (s.clone(), v[..val_end].to_vec()))).unwrap();
    for horizon in [96, 192, 336, 720] {
        let quantiles = Quantiles::of_levels(&[]).unwrap();
        let ask = ForecastConfig::new(horizon, 24, quantiles).unwrap();
        let mut config = TrainConfig::usual(family, &seen, &ask);
        config.model.network.input = number("input", 336.0) as usize;
        config.model.network.outputs = 1;
        config.model.task.quantiles.clear();
        config.model.task.loss = ForecastLoss::Numbers(rekindle_train::RegressionLoss::Mse);
        config.model.scaling = match family {
            Family::NLinear => ScalingKind::Last,
            _ => ScalingKind::Plain,
        };
        match option("scale") {
            Some("last") => config.model.scaling = ScalingKind::Last,
            Some("std") => config.model.scaling = ScalingKind::Standard,
            _ => {}
        }
        config.validation = val_end - train_end;
        config.steps = number("steps", config.steps as f64) as usize;
        config.lr = number("lr", config.lr);
        config.batch = number("batch", config.batch as f64) as usize;
        config.model.network.width = number("width", config.model.network.width as f64) as usize;
        let begun = Instant::now();
        let trained = train(&seen, &config, None, device, None, &mut []).unwrap();
        let seconds = begun.elapsed().as_secs_f64();
        let (mut mse, mut mae, mut count) = (0.0, 0.0, 0.0);
        for (_, values) in whole.iter() {
            let origins: Vec<usize> = (val_end..=end - horizon).collect();
            let histories: Vec<&[f64]> = origins.iter().map(|at| &values[..*at]).collect();
            let forecasts = trained.forecaster.forecast(&histories, &ask).unwrap();
            for (at, forecast) in origins.iter().zip(forecasts) {
                for (right, point) in values[*at..at + horizon].iter().zip(&forecast.points) {
                    mse += (right - point).powi(2);
                    mae += (right - point).abs();
                    count += 1.0;
                }
            }
        }
        println!(
            "{} {horizon}: MSE {:.4} MAE {:.4}; epoch {} of {}, {:?} windows, {seconds:.0} s",
            family.name(),
            mse / count,
            mae / count,
            trained.best.number,
            trained.history.len(),
            trained.windows
        );
    }
}
