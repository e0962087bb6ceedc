//! What the best model gets right: in a sentence, by class, and by how sure it is.

use std::cmp::Ordering;

use super::{confusion, figure, table};
use crate::{
    Better, Calibration, ClassScores, Estimate, Evaluation, Run, Unit,
    chart::{ReliabilityChart, reliability_chart},
    markup::{count, counted, duration, escape, number, percent, total, value},
};

/// Up to how many classes keep their order in the table; of more, the worst come first.
const FEW: usize = 12;

/// The result in one sentence, and the figures that belong to it.
pub(super) fn opening(run: &Run) -> String {
    let sentence = match (run.evaluations.as_slice(), monitored(run)) {
        ([first, rest @ ..], _) => {
            let others: String = rest.iter().map(|other| format!(" {}.", right(other))).collect();
            format!("<p class=\"lead\">{}{}.{others}</p>\n", right(first), baseline(first))
        }
        ([], Some(text)) => format!("<p class=\"lead\">{text}</p>\n"),
        ([], None) => String::new(),
    };
    sentence + &tiles(run)
}

pub(super) fn title(evaluation: &Evaluation) -> String {
    let pictures = if evaluation.pictures == 1 { "picture" } else { "pictures" };
    format!("Results on {} {} {}", count(evaluation.pictures), evaluation.set, pictures)
}

pub(super) fn content(evaluation: &Evaluation) -> String {
    let Evaluation { classes, confusion, calibration, .. } = evaluation;
    let names: Vec<&str> = classes.iter().map(|class| class.name.as_str()).collect();
    let matrix = confusion::matrix(&names, confusion);
    let pairs = confusion::pairs(&names, confusion);
    let calibration = calibration.as_ref().map(reliability).unwrap_or_default();
    let scores = scores(classes);
    if confusion.len() > FEW {
        matrix + &split(&scores, &(calibration + &pairs))
    } else {
        split(&(matrix + &scores), &(calibration + &pairs))
    }
}

/// Two columns, of which the left one is the wider; one if there is nothing for the other.
fn split(left: &str, right: &str) -> String {
    match (left.is_empty(), right.is_empty()) {
        (true, true) => String::new(),
        (false, false) => {
            format!("<div class=\"split\"><div>{left}</div><div>{right}</div></div>\n")
        }
        _ => format!("<div class=\"column\">{left}{right}</div>\n"),
    }
}

/// The accuracy's interval, such as `88–98%`.
pub(crate) fn interval(evaluation: &Evaluation) -> String {
    let Estimate { low, high, .. } = evaluation.accuracy;
    // Ten thousand pictures tell tenths of a percent apart, sixty do not.
    let decimals = if evaluation.pictures < 1000 { 0 } else { 1 };
    format!("{}–{}", percent(low, decimals).trim_end_matches('%'), percent(high, decimals))
}

/// Which of two runs did better: by accuracy, then by log loss, then by the best epoch's metric.
pub(crate) fn rank(one: &Run, other: &Run) -> Ordering {
    let accuracy = |run: &Run| run.evaluations.first().map(|first| first.accuracy.value);
    let loss = |run: &Run| run.evaluations.first().and_then(|first| first.log_loss);
    let metric = |run: &Run| {
        let (value, better) = best_metric(run)?;
        Some(if better == Better::Lower { -value } else { value })
    };
    compared(accuracy(one), accuracy(other))
        .then_with(|| compared(loss(other), loss(one)))
        .then_with(|| compared(metric(one), metric(other)))
}

/// The greater is the better; what is no number is the worst.
fn compared(one: Option<f64>, other: Option<f64>) -> Ordering {
    let number = |value: Option<f64>| value.filter(|value| !value.is_nan());
    number(one).partial_cmp(&number(other)).unwrap_or(Ordering::Equal)
}

/// The monitored metric in the best epoch.
fn best_metric(run: &Run) -> Option<(f64, Better)> {
    let history = run.history.as_ref()?;
    let epoch = history.epochs.iter().find(|epoch| Some(epoch.number) == history.best)?;
    let metric = epoch.validation.iter().find(|metric| metric.name == history.monitored.name)?;
    Some((metric.value, history.monitored.better))
}

/// The best epoch's metric in a sentence, for a run that was not evaluated further.
fn monitored(run: &Run) -> Option<String> {
    let (best, _) = best_metric(run)?;
    let monitored = &run.history.as_ref()?.monitored;
    let (name, best) = (escape(&monitored.name), value(best, monitored.unit));
    Some(format!("The validation {name} reaches <strong>{best}</strong>."))
}

fn right(evaluation: &Evaluation) -> String {
    let accuracy = percent(evaluation.accuracy.value, 1);
    let Evaluation { set, pictures, .. } = evaluation;
    format!(
        "<strong>{accuracy}</strong> of {} {} pictures right <span class=\"keep\">({})</span>",
        count(*pictures),
        escape(set),
        interval(evaluation)
    )
}

fn baseline(evaluation: &Evaluation) -> String {
    let Some(first) = evaluation.baselines.first() else { return String::new() };
    format!(", where {} is right for {}", escape(&first.name), percent(first.accuracy, 1))
}

/// The few figures that sum up a run.
fn tiles(run: &Run) -> String {
    let mut tiles = Vec::new();
    if let Some(evaluation) = run.evaluations.first() {
        let level = percent(evaluation.accuracy.level, 1);
        let accuracy = percent(evaluation.accuracy.value, 1);
        tiles.push((
            "Accuracy".to_owned(),
            accuracy,
            format!("{} ({level} interval)", interval(evaluation)),
        ));
        for baseline in &evaluation.baselines {
            let name = escape(&baseline.name);
            tiles.push(("For comparison".to_owned(), percent(baseline.accuracy, 1), name));
        }
        if let Some(loss) = evaluation.log_loss {
            let even = evaluation.classes.len().max(evaluation.confusion.len());
            let even = if even > 1 {
                format!("{} when guessing evenly", number((even as f64).ln()))
            } else {
                String::new()
            };
            tiles.push(("Log loss".to_owned(), number(loss), even));
        }
        if let Some(area) = evaluation.auroc {
            tiles.push(("AUROC".to_owned(), number(area), "0.5 by chance".to_owned()));
        }
        if let Some(calibration) = &evaluation.calibration {
            let about = "mean gap of sure and right".to_owned();
            tiles.push(("Calibration error".to_owned(), percent(calibration.error, 1), about));
        }
    }
    if let Some(seconds) = run.environment.seconds {
        let epochs = run.history.as_ref().map_or(0, |history| history.epochs.len());
        let epochs = if epochs > 0 { counted(epochs, "epoch", "epochs") } else { String::new() };
        tiles.push(("Time".to_owned(), duration(seconds), epochs));
    }
    if tiles.is_empty() {
        return String::new();
    }
    let tile = |(name, value, about): &(String, String, String)| {
        format!("<div><dt>{name}</dt><dd><b>{value}</b><span>{about}</span></dd></div>")
    };
    format!("<dl class=\"tiles\">{}</dl>\n", tiles.iter().map(tile).collect::<String>())
}

fn reliability(calibration: &Calibration) -> String {
    if total(calibration.bins.iter().map(|bin| bin.count)) == 0 {
        return String::new();
    }
    let title = "How often it is right, by how sure it is".to_owned();
    let chart = ReliabilityChart { title, bins: calibration.bins.clone() };
    let words = format!(
        "On the dashed line the model is as right as it is sure; below it is too sure. The mean gap \
         is {} (expected calibration error). The bars count pictures.",
        percent(calibration.error, 1)
    );
    figure("chart-box", &reliability_chart(&chart), &words)
}

fn scores(classes: &[ClassScores]) -> String {
    let mut order: Vec<&ClassScores> = classes.iter().collect();
    let mut words = String::new();
    if order.len() > FEW {
        let key = |class: &ClassScores| if class.f1.is_nan() { -1.0 } else { class.f1 };
        order.sort_by(|one, other| key(one).total_cmp(&key(other)));
        words = "The class with the lowest F1 comes first.".to_owned();
    }
    let heads = ["Class", "Pictures", "Precision", "Recall", "F1"].map(str::to_owned);
    let row = |class: &&ClassScores| {
        let bars = [class.precision, class.recall, class.f1].map(bar);
        let [precision, recall, f1] = bars;
        vec![escape(&class.name), count(class.support), precision, recall, f1]
    };
    let rows: Vec<Vec<String>> = order.iter().map(row).collect();
    let table = table("numbers scores", "Scores of each class", &heads, &rows);
    if table.is_empty() {
        return table;
    }
    figure("scores-box", &format!("<h3>By class</h3>{table}"), &words)
}

/// A share with a bar as long as it below.
fn bar(share: f64) -> String {
    let text = value(share, Unit::Share);
    if !share.is_finite() {
        return text;
    }
    let wide = (share.clamp(0.0, 1.0) * 100.0).round();
    format!("{text}<i style=\"--share:{wide}%\"></i>")
}
