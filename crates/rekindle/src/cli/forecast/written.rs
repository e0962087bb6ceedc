//! What a run writes: a row a step of each series and model.

use std::{io::Write, path::Path};

use anyhow::Context;
use rekindle_base::{AtomicFile, csv_line, text_cell};
use rekindle_series::{Forecast, Panel};

use super::group::Measured;

/// Writes the forecasts of all models.
pub(super) fn write(path: &Path, groups: &[Measured]) -> anyhow::Result<()> {
    let cannot = || format!("{}: cannot be written", path.display());
    let mut file = AtomicFile::create(path).with_context(cannot)?;
    let names = ["unique_id", "ds", "model", "mean"].map(str::to_owned);
    let shares = groups.iter().take(1).flat_map(|group| group.ask.quantiles().shares());
    let names: Vec<String> = names.into_iter().chain(shares.map(f64::to_string)).collect();
    writeln!(file, "{}", csv_line(names.iter().map(String::as_str))).with_context(cannot)?;
    for Measured { panel, ask, models, .. } in groups {
        for (name, model) in models {
            for (place, forecast) in model.forecasts(panel, ask)?.iter().enumerate() {
                file.write_all(rows(panel, place, forecast, name).as_bytes())
                    .with_context(cannot)?;
            }
        }
    }
    file.commit().with_context(cannot)
}

fn rows(panel: &Panel, place: usize, forecast: &Forecast, model: &str) -> String {
    let (series, length) = (panel.series(place), panel.values(place).len());
    let id = text_cell(&series.id);
    let width = forecast.quantiles.len() / forecast.points.len().max(1);
    let mut text = String::new();
    for (step, point) in forecast.points.iter().enumerate() {
        let quantiles = &forecast.quantiles[step * width..(step + 1) * width];
        let numbers: Vec<String> =
            std::iter::once(point).chain(quantiles).map(f64::to_string).collect();
        let time = series.show(length + step);
        let cells = [&*id, &time, model].into_iter().chain(numbers.iter().map(String::as_str));
        text.push_str(&csv_line(cells));
        text.push('\n');
    }
    text
}
