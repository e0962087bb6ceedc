//! The page of a run that forecasts: which model to take, how it does, and what comes next.

use super::{document, figure, section, table, tiles};
use crate::{
    ForecastGroup, ForecastRecord, LossCurve, MetricUnit, ModelScores, SeriesErrors,
    chart::{Axis, AxisScale, LineChart, Mark, Series, line_chart},
    markup::{count, counted, duration, escape, number, percent},
};

mod fan;

/// The forecasts of a run as one page of HTML. It fetches nothing and reads the same with scripts turned off.
///
/// Parts that the record does not have are left out.
pub fn forecasts(record: &ForecastRecord) -> String {
    let sections = [
        section("models", "Models", &models(record)),
        section("forecasts", "Forecasts", &fan::forecasts(record)),
        section("steps", "Error by step ahead", &steps(record)),
        section("worst", "Series with the greatest errors", &worst(record)),
        section("parts", "What forecasts are made of", &fan::parts(record)),
        section("learning", "How networks learned", &learning(record)),
    ];
    document(&record.title, &opening(record), &sections)
}

/// Which model to take, and on what ground.
fn opening(record: &ForecastRecord) -> String {
    let best = match record.best.as_str() {
        "" => String::new(),
        best => {
            let of = counted(record.models.len(), "model", "models");
            format!(
                "<p class=\"lead\">The best of {of} is <strong>{}</strong>.</p>\n",
                escape(best)
            )
        }
    };
    let line = |line: &String| format!("<p>{}</p>\n", escape(line));
    best + &record.verdicts.iter().map(line).collect::<String>() + &facts(record)
}

fn facts(record: &ForecastRecord) -> String {
    let series = record.groups.iter().fold(0, |sum: usize, it| sum.saturating_add(it.series));
    let kinds: Vec<&str> = record.groups.iter().map(|group| group.name.as_str()).collect();
    let mut facts = Vec::new();
    if series > 0 {
        facts.push(("Series".to_owned(), count(series), escape(&kinds.join(", "))));
    }
    let best = record.models.iter().find(|it| it.name == record.best);
    if let Some(best) = best {
        let metric = of_metric(&record.metric)(best);
        facts.push((escape(&record.metric), number(metric), "of the best, mean".to_owned()));
        let level = percent(record.level, 1);
        let held = format!("of what was right, in intervals of {level}");
        facts.push(("Coverage".to_owned(), percent(best.coverage, 1), held));
    }
    if let [group] = record.groups.as_slice() {
        let ForecastGroup { horizon, season, measured, .. } = group;
        facts.push(("Horizon".to_owned(), counted(*horizon, "step", "steps"), escape(measured)));
        let season =
            if *season > 1 { counted(*season, "step", "steps") } else { "none".to_owned() };
        facts.push(("Season".to_owned(), season, String::new()));
    }
    tiles::list(&facts)
}

/// How a record's metric is had of scores.
fn of_metric(metric: &str) -> fn(&ModelScores) -> f64 {
    match metric.to_lowercase().as_str() {
        "mae" => |it| it.mae,
        _ => |it| it.mase,
    }
}

/// The table of all models; where there are several frequencies, one of each below it.
fn models(record: &ForecastRecord) -> String {
    let all = scores("All models", &record.models, &record.best);
    if all.is_empty() {
        return all;
    }
    let level = percent(record.level, 1);
    let words = format!(
        "Smaller is better, but for coverage, which should be {level}. MSIS and coverage are of intervals of {level}; \
         OWA is relative to Naive2."
    );
    let group = |group: &ForecastGroup| {
        let ForecastGroup { name, series, horizon, season, measured, models, .. } = group;
        let table = scores(name, models, &record.best);
        let (name, measured) = (escape(name), escape(measured));
        let series = counted(*series, "series", "series");
        format!(
            "<details><summary>{name}</summary><p>{series}, a horizon of {horizon}, a season of {season}, {measured}</p>\n{table}</details>\n"
        )
    };
    let groups: String = match record.groups.as_slice() {
        [] | [_] => String::new(),
        groups => groups.iter().map(group).collect(),
    };
    figure("scores-box", &all, &words) + &groups
}

fn scores(title: &str, models: &[ModelScores], best: &str) -> String {
    let heads = ["Model", "sMAPE", "MASE", "OWA", "MSIS", "Coverage", "MAE", "Time"];
    let row = |it: &ModelScores| {
        let badge = if it.name == best { "<span class=\"badge\">best</span>" } else { "" };
        let note = match it.note.as_str() {
            "" => String::new(),
            note => format!("<small>{}</small>", escape(note)),
        };
        let name = format!("{}{badge}{note}", escape(&it.name));
        let fixed = |value: f64| match value.is_finite() && value.abs() < 1e5 {
            true => format!("{value:.3}"),
            false => number(value),
        };
        let [smape, mase, owa, msis] = [it.smape, it.mase, it.owa, it.msis].map(fixed);
        let (coverage, mae) = (percent(it.coverage, 1), number(it.mae));
        vec![name, smape, mase, owa, msis, coverage, mae, duration(it.seconds)]
    };
    let rows: Vec<Vec<String>> = models.iter().map(row).collect();
    table("numbers", title, &heads.map(str::to_owned), &rows)
}

/// Lines of all models over the steps ahead, a chart a frequency.
fn steps(record: &ForecastRecord) -> String {
    let chart = |group: &ForecastGroup| {
        let longest = group.by_step.iter().map(|(_, errors)| errors.len()).max();
        if longest.is_none_or(|steps| steps < 2) {
            return String::new();
        }
        let series = group.by_step.iter().enumerate().map(|(style, (name, errors))| Series {
            name: name.clone(),
            points: (1..).map(f64::from).zip(errors.iter().copied()).collect(),
            style,
        });
        let title = match record.groups.len() {
            1 => record.metric.clone(),
            _ => format!("{}, {}", record.metric, group.name),
        };
        let chart = LineChart {
            title,
            width: 640.0,
            height: 330.0,
            x: whole("step ahead"),
            series: series.collect(),
            ..LineChart::default()
        };
        figure("", &line_chart(&chart), "")
    };
    let charts: String = record.groups.iter().map(chart).collect();
    if charts.is_empty() { charts } else { format!("<div class=\"column\">{charts}</div>\n") }
}

fn whole(label: &str) -> Axis {
    Axis { label: label.to_owned(), scale: AxisScale::Whole, unit: MetricUnit::Number }
}

fn worst(record: &ForecastRecord) -> String {
    let several = record.groups.len() > 1;
    let metric = escape(&record.metric);
    let mut heads = vec!["Series".to_owned()];
    if several {
        heads.push("Frequency".to_owned());
    }
    heads.push(format!("{metric} of {}", escape(&record.best)));
    heads.push(format!("{metric} of repeating values"));
    heads.push("Least error".to_owned());
    let row = |it: &SeriesErrors| {
        let mut cells = vec![escape(&it.name)];
        if several {
            cells.push(escape(&it.group));
        }
        let (model, least) = &it.least;
        cells.extend([number(it.best), number(it.naive)]);
        cells.push(format!("{} of {}", number(*least), escape(model)));
        cells
    };
    let rows: Vec<Vec<String>> = record.worst.iter().map(row).collect();
    table("numbers", "Series with the greatest errors", &heads, &rows)
}

fn learning(record: &ForecastRecord) -> String {
    let chart = |curve: &LossCurve| {
        let line = |name: &str, points: &[(usize, f64)], style| Series {
            name: name.to_owned(),
            points: points.iter().map(|(epoch, loss)| (*epoch as f64, *loss)).collect(),
            style,
        };
        let series =
            vec![line("training", &curve.train, 0), line("validation", &curve.validation, 1)];
        let chart = LineChart {
            title: format!("Loss of {}", curve.model),
            x: whole("epoch"),
            series,
            marks: vec![Mark { label: "best".to_owned(), at: curve.best as f64 }],
            ..LineChart::default()
        };
        figure("chart-box", &line_chart(&chart), "")
    };
    let charts: String = record.curves.iter().map(chart).collect();
    if charts.is_empty() { charts } else { format!("<div class=\"charts\">{charts}</div>\n") }
}
