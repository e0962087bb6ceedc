//! What comes next, as a fan.

use std::path::Path;

use anyhow::Result;
use rekindle::{
    forecast::TrainConfig,
    report::chart::Area,
    series::{ForecastConfig, Quantiles},
};

use super::{
    nbeats::learned,
    support::{Data, draw},
};

// ANCHOR: fan
/// What comes after the last day, and how sure that is.
pub(crate) fn fan(data: &Data, config: &TrainConfig, out: &Path) -> Result<()> {
    let levels = [0.95, 0.8, 0.5];
    let quantiles = Quantiles::of_levels(&levels)?;
    let ask = ForecastConfig::new(config.model.network.horizon, 1, quantiles)?;
    let ahead = learned(&data.panel, config)?.forecast(&data.panel.ends(), &ask)?.remove(0);
    let (values, end) = (data.panel.values(0), data.panel.values(0).len());
    let day = |step: usize| (end + step) as f64;
    let area = |level: f64| {
        let ends = Quantiles::ends(level).map(|share| ask.quantiles().position(share).unwrap_or(0));
        let [low, high] = ends.map(|place| ahead.quantile(place));
        let points = low.iter().zip(&high).enumerate();
        let points = points.map(|(step, (low, high))| (day(step), *low, *high)).collect();
        Area { name: format!("{:.0}%", 100.0 * level), points, style: 1 }
    };
    let areas = levels.into_iter().map(area).collect();
    let known = (end.saturating_sub(60)..end).map(|day| (day as f64, values[day])).collect();
    let points = ahead.points.iter().enumerate();
    let points = points.map(|(step, point)| (day(step), *point)).collect();
    let title = "What comes next, with intervals of 50, 80 and 95%";
    draw(
        &out.join("fan.svg"),
        title,
        data.panel.series(0),
        &[("known", known), ("forecast", points)],
        areas,
    )
}
// ANCHOR_END: fan
