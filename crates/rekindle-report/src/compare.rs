//! Several runs on one page: curves over each other, and a table of what was different.

use crate::{
    Better, EpochRecord, EvaluationRecord, MainMetric, Metric, MetricUnit, Monitored, Results,
    RunRecord,
    chart::{
        Axis, AxisScale, IntervalChart, IntervalRow, Legend, LineChart, Series, interval_chart,
        line_chart, swatch,
    },
    markup::{counted, duration, escape, number, percent, value},
    page::{
        LOSS, document, figure, interval, problems, rank, rates, reached, section, series, table,
    },
    run::metric::in_sentence,
};

/// From how many runs on their main metrics stand beside two rows of charts.
const LONG: usize = 10;

/// The runs on one page of HTML, the best one marked; made for two to twenty.
///
/// The best has the best main metric on its first evaluation, such as the highest accuracy; the loss, then the
/// monitored metric, decide among equals. Of runs that were made
/// for different kinds of answers, or of different kinds of examples, none is the best.
pub fn compare(runs: &[RunRecord]) -> String {
    let named: Vec<Named<'_>> = runs
        .iter()
        .enumerate()
        .map(|(style, run)| Named { name: name(runs, style), run, style })
        .collect();
    // The first of equals.
    let best =
        named.iter().rev().max_by(|one, other| rank(one.run, other.run)).map(|best| best.style);
    let best = best.filter(|_| runs.len() > 1 && comparable(&named));
    let sections = [
        section("differences", "Differences", &differences(&named, best)),
        section("results", "Results and curves", &results(&named)),
    ];
    let title = format!("{} compared", counted(runs.len(), "run", "runs"));
    let opening = sentence(&named, best) + &problems(&contradictions(&named));
    document(&title, &opening, &sections)
}

/// A run, what it is called here and how it is drawn.
struct Named<'a> {
    name: String,
    run: &'a RunRecord,
    style: usize,
}

/// The title; with a number if another run has the same.
fn name(runs: &[RunRecord], place: usize) -> String {
    let title = &runs[place].title;
    let same = |runs: &[RunRecord]| runs.iter().filter(|run| &run.title == title).count();
    match same(runs) {
        1 => title.clone(),
        _ => format!("{title} ({})", same(&runs[..=place])),
    }
}

/// The main metrics of the runs, each once.
fn metrics(runs: &[Named<'_>]) -> Vec<MainMetric> {
    let mut found: Vec<MainMetric> = Vec::new();
    for metric in runs.iter().filter_map(main) {
        if found.iter().all(|other| other.name != metric.name) {
            found.push(metric);
        }
    }
    found
}

/// Whether one of the runs can be the best: all are about examples of a kind, and measured by one metric.
fn comparable(runs: &[Named<'_>]) -> bool {
    let kind = |named: &Named<'_>| named.run.items;
    metrics(runs).len() < 2 && runs.windows(2).all(|pair| kind(&pair[0]) == kind(&pair[1]))
}

fn main(named: &Named<'_>) -> Option<MainMetric> {
    named.run.evaluations.first().map(EvaluationRecord::main)
}

fn contradictions(runs: &[Named<'_>]) -> Vec<String> {
    let of = |named: &Named<'_>| {
        let name = named.name.clone();
        named.run.problems().into_iter().map(move |problem| format!("{name}: {problem}"))
    };
    runs.iter().flat_map(of).collect()
}

/// Which run is the best, and how far that can be believed.
fn sentence(runs: &[Named<'_>], best: Option<usize>) -> String {
    let Some(best) = best.map(|best| &runs[best]) else {
        return match comparable(runs) {
            true => String::new(),
            false => "<p class=\"caution\" role=\"note\"><strong>Caution:</strong> the runs answer different questions, so \
                  none of them is the best.</p>\n"
                .to_owned(),
        };
    };
    let name = escape(&best.name);
    let Some(evaluation) = best.run.evaluations.first() else {
        return format!("<p class=\"lead\">The best is <strong>{name}</strong>.</p>\n");
    };
    let mut words = format!(
        "<p class=\"lead\">The best is <strong>{name}</strong>: {}.",
        uncapital(&reached(evaluation, best.run.items))
    );
    let others = || runs.iter().filter(|run| run.style != best.style);
    let first = |run: &Named<'_>| run.run.evaluations.first().cloned();
    let ours = evaluation.main();
    let near = |other: &EvaluationRecord| {
        let (other, ours) = (other.main().estimate, ours.estimate);
        match evaluation.main().better {
            Better::Higher => other.high >= ours.low,
            Better::Lower => other.low <= ours.high,
        }
    };
    match others().filter_map(first).filter(near).count() {
        0 => {}
        1 => words += " The interval of one other run overlaps with it: they may differ by chance.",
        many => {
            words += &format!(
                " The intervals of {many} other runs overlap with it: they may differ by chance."
            )
        }
    }
    let elsewhere = |other: EvaluationRecord| {
        other.pictures != evaluation.pictures || other.set != evaluation.set
    };
    words += "</p>\n";
    if others().filter_map(first).any(elsewhere) {
        let many = best.run.items.many();
        words += &format!(
            "<p class=\"caution\" role=\"note\"><strong>Caution:</strong> not all runs were measured on the same {many}.</p>\n"
        );
    }
    words
}

/// A sentence's beginning within another sentence.
fn uncapital(text: &str) -> String {
    text.strip_prefix("A ").map_or_else(|| text.to_owned(), |rest| format!("a {rest}"))
}

/// A column of the table: its head and a cell for each run.
struct Column {
    head: &'static str,
    cells: Vec<String>,
}

fn differences(runs: &[Named<'_>], best: Option<usize>) -> String {
    let column = |head, cell: fn(&RunRecord) -> String| {
        // Long ones may wrap, short ones stay on a line.
        let text = |named: &Named<'_>| match escape(&cell(named.run)) {
            cell if cell.chars().count() > 30 => format!("<div class=\"long\">{cell}</div>"),
            cell => cell,
        };
        Column { head, cells: runs.iter().map(text).collect() }
    };
    let main = |metric: MainMetric| Column {
        head: metric.title,
        cells: runs.iter().map(|named| told(named.run, &metric)).collect(),
    };
    let mut results: Vec<Column> = metrics(runs).into_iter().map(main).collect();
    results.extend([
        column("Log loss", |run| {
            let loss = |found: &EvaluationRecord| match &found.results {
                Results::SingleLabel(found) => found.log_loss,
                _ => None,
            };
            shown(run.evaluations.first().and_then(loss), number)
        }),
        column("F1", |run| {
            let f1 = |found: &EvaluationRecord| match &found.results {
                Results::MultiLabel(found) => Some(found.scores.f1.value),
                _ => None,
            };
            shown(run.evaluations.first().and_then(f1), |f1| percent(f1, 1))
        }),
        column("R²", |run| {
            let r2 = |found: &EvaluationRecord| match &found.results {
                Results::Regression(found) => Some(found.average.r2.value),
                _ => None,
            };
            shown(run.evaluations.first().and_then(r2), number)
        }),
        column("Time", |run| shown(run.environment.seconds, duration)),
    ]);
    let settings = [
        column("Weights", |run| {
            run.weights.as_ref().map_or_else(String::new, |it| it.name.clone())
        }),
        column("Plan", |run| run.plan.as_ref().map_or_else(String::new, |plan| plan.name.clone())),
        column("Optimizer", |run| {
            run.plan.as_ref().map_or_else(String::new, |plan| plan.optimizer.clone())
        }),
        column("Schedule", |run| {
            run.plan.as_ref().map_or_else(String::new, |plan| plan.schedule.clone())
        }),
        column("Highest rate", highest_rate),
        column("Epochs", |run| {
            run.history.as_ref().map_or_else(String::new, |it| it.epochs.len().to_string())
        }),
        column("Best epoch", |run| {
            shown(run.history.as_ref().and_then(|it| it.best), |best| best.to_string())
        }),
        column("Seed", |run| shown(run.environment.seed, |seed| seed.to_string())),
        column("Data", |run| {
            run.data.as_ref().map_or_else(String::new, |data| data.folder.clone())
        }),
        column("Preprocessing", |run| {
            run.data.as_ref().map_or_else(String::new, |it| it.preprocessing.clone())
        }),
        column("Device", |run| run.environment.device.clone()),
        column("Threads", |run| shown(run.environment.threads, |threads| threads.to_string())),
        column("Rekindle", |run| run.environment.rekindle.clone()),
        column("Burn", |run| run.environment.burn.clone()),
    ];
    let filled = |column: &&Column| column.cells.iter().any(|cell| !cell.is_empty());
    let varies = |column: &&Column| column.cells.iter().any(|cell| cell != &column.cells[0]);
    let shown: Vec<&Column> =
        results.iter().filter(filled).chain(settings.iter().filter(varies)).collect();
    let mut heads = vec!["Run".to_owned()];
    heads.extend(shown.iter().map(|column| column.head.to_owned()));
    let row = |named: &Named<'_>| {
        let badge =
            if best == Some(named.style) { "<span class=\"badge\">best</span>" } else { "" };
        let mut cells = vec![format!("{}{}{badge}", swatch(named.style), escape(&named.name))];
        cells.extend(shown.iter().map(|column| column.cells[named.style].clone()));
        cells
    };
    let rows: Vec<Vec<String>> = runs.iter().map(row).collect();
    let same: Vec<String> = settings
        .iter()
        .filter(|column| filled(column) && !varies(column))
        .map(|column| format!("<dt>{}</dt><dd>{}</dd>", column.head, column.cells[0]))
        .collect();
    let table = table("runs", "Differences between the runs", &heads, &rows);
    if same.is_empty() {
        return table;
    }
    format!("{table}<h3>The same in all</h3><dl class=\"facts\">{}</dl>\n", same.concat())
}

/// A main metric with its interval; nothing for a run that has another.
fn told(run: &RunRecord, metric: &MainMetric) -> String {
    let first = run.evaluations.first().filter(|first| first.main().name == metric.name);
    first.map_or_else(String::new, |first| {
        let MainMetric { estimate, unit, .. } = first.main();
        format!("{} ({})", value(estimate.value, unit), interval(first))
    })
}

fn highest_rate(run: &RunRecord) -> String {
    let stages = run.plan.iter().flat_map(|plan| &plan.phases).flat_map(|phase| &phase.stages);
    let rates = stages.map(|stage| stage.rate).filter(|rate| *rate > 0.0);
    shown(rates.reduce(f64::max), number)
}

fn shown<T>(value: Option<T>, text: impl Fn(T) -> String) -> String {
    value.map_or_else(String::new, text)
}

/// A key, then the main metrics and the curves of all runs.
fn results(runs: &[Named<'_>]) -> String {
    let intervals: String = metrics(runs).iter().map(|metric| intervals(runs, metric)).collect();
    let charts = intervals + &curves(runs);
    if charts.is_empty() {
        return charts;
    }
    let entry =
        |named: &Named<'_>| format!("<li>{}{}</li>", swatch(named.style), escape(&named.name));
    let key: String = runs.iter().map(entry).collect();
    format!("<ul class=\"key\">{key}</ul><div class=\"charts\">{charts}</div>\n")
}

/// The values of a main metric with their intervals.
fn intervals(runs: &[Named<'_>], metric: &MainMetric) -> String {
    let row = |named: &Named<'_>| {
        let found = main(named).filter(|found| found.name == metric.name)?.estimate;
        let (label, style) = (named.name.clone(), named.style);
        Some(IntervalRow { label, value: found.value, low: found.low, high: found.high, style })
    };
    let rows: Vec<IntervalRow> = runs.iter().filter_map(row).collect();
    let axis = Axis { unit: metric.unit, ..Axis::default() };
    let class = if rows.len() > LONG { "chart-box two-rows" } else { "chart-box" };
    let chart = IntervalChart { title: metric.title.to_owned(), axis, rows };
    let words = format!("Bars are intervals of {} confidence.", percent(metric.estimate.level, 1));
    figure(class, &interval_chart(&chart), &words)
}

/// What was measured in each epoch, the runs over each other.
fn curves(runs: &[Named<'_>]) -> String {
    let histories = || runs.iter().filter_map(|named| Some((named, named.run.history.as_ref()?)));
    let Some((_, first)) = histories().find(|(_, history)| !history.epochs.is_empty()) else {
        return String::new();
    };
    let line =
        |named: &Named<'_>, points| Series { name: named.name.clone(), points, style: named.style };
    let lines = |set: fn(&EpochRecord) -> &[Metric], metric: &str| -> Vec<Series> {
        histories().map(|(named, it)| line(named, series(&it.epochs, set, metric))).collect()
    };
    let fastest =
        histories().map(|(named, history)| line(named, highest(&rates(history)))).collect();
    let Monitored { name, unit, .. } = &first.monitored;
    let [number, rate] =
        [AxisScale::Linear, AxisScale::Log].map(|scale| Axis { scale, ..Axis::default() });
    let mut charts = String::new();
    if name != LOSS {
        let axis = Axis { unit: *unit, ..Axis::default() };
        charts += &chart(
            &format!("Validation {}", in_sentence(name)),
            lines(|it| &it.validation, name),
            axis,
        );
    }
    // Losses of different kinds are not to be held against each other.
    if metrics(runs).len() < 2 {
        charts += &chart("Validation loss", lines(|it| &it.validation, LOSS), number.clone());
        charts += &chart("Training loss", lines(|it| &it.train, LOSS), number);
    }
    charts + &chart("Highest learning rate at the end of each epoch", fastest, rate)
}

/// The highest of all rates in each epoch.
fn highest(rates: &[Series]) -> Vec<(f64, f64)> {
    let mut highest: Vec<(f64, f64)> = Vec::new();
    for (epoch, rate) in rates.iter().flat_map(|series| &series.points) {
        match highest.iter_mut().find(|point| point.0 == *epoch) {
            // `max` passes over what is NaN.
            Some(point) => point.1 = point.1.max(*rate),
            None => highest.push((*epoch, *rate)),
        }
    }
    highest
}

fn chart(title: &str, series: Vec<Series>, y: Axis) -> String {
    if series.iter().all(|series| series.points.is_empty()) {
        return String::new();
    }
    let chart = LineChart {
        title: title.to_owned(),
        x: Axis { label: "epoch".to_owned(), scale: AxisScale::Whole, unit: MetricUnit::Number },
        y,
        series,
        legend: Legend::Hidden,
        ..LineChart::default()
    };
    figure("chart-box", &line_chart(&chart), "")
}
