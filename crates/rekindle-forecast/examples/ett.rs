//! The papers' tables of ETTh1 and ETTh2: 12, 4 and 4 months to learn from, to choose by and to test on, each column standardized by
//! the first part, mean squared and absolute errors over all windows of the last.
//!
//! ```sh
//! cargo run --release -p rekindle-forecast --example ett ETTh1.csv nlinear      # 0.374 0.408 0.429 0.440 in the paper
//! cargo run --release -p rekindle-forecast --example ett ETTh1.csv nhits        # 0.378 0.427 0.458 0.561
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

use std::{error::Error, path::Path, time::Instant};

use burn::prelude::*;
use rekindle_forecast::{Family, TrainConfig, train};
use rekindle_series::{
    ForecastConfig, Panel, Quantiles, ReadConfig, Scaler, ScalingBy, ScalingKind, Series,
    read_series,
};
use rekindle_train::RegressionLoss;

/// Hours of a month of the papers, and where their parts end.
const MONTH: usize = 30 * 24;
const ENDS: [usize; 3] = [12 * MONTH, 16 * MONTH, 20 * MONTH];

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(file), Some(family)) = (words.next(), words.next()) else {
        return Err("give a file and a family, such as ETTh1.csv nlinear".into());
    };
    let family: Family = family.parse()?;
    let read = read_series(Path::new(&file), &ReadConfig::default())?.panel;
    let [learned, chosen, end] = ENDS;
    let parts = Scaler::fit(ScalingKind::Standard, ScalingBy::Series, &read.up_to(|_| learned));
    let standard = |(place, (series, values)): (usize, (&Series, &[f64]))| {
        let scale = parts.of(place, &[]);
        let values: Vec<f64> = values[..end].iter().map(|value| scale.apply(*value)).collect();
        (series.clone(), values)
    };
    let whole = Panel::new(read.iter().enumerate().map(standard))?;
    let seen = whole.up_to(|_| chosen);
    for horizon in [96, 192, 336, 720] {
        let ask = ForecastConfig::new(horizon, 24, Quantiles::new(&[])?)?;
        let mut config = TrainConfig::usual(family, &seen, &ask);
        config.see(336);
        config.validation = chosen - learned;
        config.expect(RegressionLoss::Mse);
        // What is standardized as a whole is not scaled again, but for its level.
        config.model.scaling = ScalingKind::Last;
        if family.is_of_blocks() {
            config.model.scaling = ScalingKind::Standard;
            (config.steps, config.lr) = (300, 3e-4);
        }
        let begun = Instant::now();
        let trained = train(&seen, &config, None, &Device::flex().autodiff(), None, &mut [])?;
        let seconds = begun.elapsed().as_secs_f64();
        let (mut mse, mut mae, mut count) = (0.0, 0.0, 0.0);
        for (series, (_, values)) in whole.iter().enumerate() {
            let origins: Vec<usize> = (chosen..=end - horizon).collect();
            let places: Vec<_> = origins.iter().map(|at| whole.origin(series, *at)).collect();
            let forecasts = trained.forecaster.forecast(&places, &ask)?;
            for (at, forecast) in origins.iter().zip(forecasts) {
                for (right, point) in values[*at..at + horizon].iter().zip(&forecast.points) {
                    mse += (right - point).powi(2);
                    mae += (right - point).abs();
                    count += 1.0;
                }
            }
        }
        println!(
            "{} {horizon}: MSE {:.3} MAE {:.3}, {seconds:.0} s",
            family.name(),
            mse / count,
            mae / count
        );
    }
    Ok(())
}
