//! One label an example: who is taken for whom, each class by itself, and how far to trust the probabilities.

use rekindle_metrics::Temperature;

use super::{confusion, figure, table, tiles::Tile};
use crate::{
    Calibration, ClassScores, ItemKind, MetricUnit, SingleLabelResults,
    chart::{ReliabilityChart, reliability_chart},
    markup::{capital, count, escape, number, percent, total, value},
};

/// Up to how many classes keep their order in the table; of more, the worst come first.
const FEW: usize = 12;

pub(super) fn content(found: &SingleLabelResults, items: ItemKind) -> String {
    let SingleLabelResults { classes, confusion, calibration, .. } = found;
    let names: Vec<&str> = classes.iter().map(|class| class.name.as_str()).collect();
    let matrix = confusion::matrix(&names, confusion, items);
    let pairs = confusion::pairs(&names, confusion, items);
    let calibration =
        calibration.as_ref().map(|found| reliability(found, items)).unwrap_or_default();
    let scores = scores(classes, items);
    if confusion.len() > FEW {
        matrix + &split(&scores, &(calibration + &pairs))
    } else {
        split(&(matrix + &scores), &(calibration + &pairs))
    }
}

/// The figures besides the accuracy.
pub(super) fn tiles(found: &SingleLabelResults) -> Vec<Tile> {
    let mut tiles = Vec::new();
    if let Some(loss) = found.log_loss {
        let even = found.classes.len().max(found.confusion.len());
        let even = if even > 1 {
            format!("{} when guessing evenly", number((even as f64).ln()))
        } else {
            String::new()
        };
        tiles.push(("Log loss".to_owned(), number(loss), even));
    }
    if let Some(area) = found.auroc {
        tiles.push(("AUROC".to_owned(), number(area), "0.5 by chance".to_owned()));
    }
    if let Some(calibration) = &found.calibration {
        let about = "mean gap of sure and right".to_owned();
        tiles.push(("Calibration error".to_owned(), percent(calibration.error, 1), about));
    }
    tiles
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

fn reliability(calibration: &Calibration, items: ItemKind) -> String {
    if total(calibration.bins.iter().map(|bin| bin.examples)) == 0 {
        return String::new();
    }
    let title = "How often it is right, by how sure it is".to_owned();
    let chart = ReliabilityChart { title, items, bins: calibration.bins.clone() };
    let words = format!(
        "On the dashed line the model is as right as it is sure; below it is too sure. The mean gap \
         is {} (expected calibration error). The bars count {}.{}",
        percent(calibration.error, 1),
        items.many(),
        calibration.temperature.as_ref().map(|it| cooled(it, items)).unwrap_or_default()
    );
    figure("chart-box", &reliability_chart(&chart), &words)
}

/// What a temperature did, in a sentence.
fn cooled(temperature: &Temperature, items: ItemKind) -> String {
    let Temperature { value, error_before, error_after, loss_before, loss_after } = *temperature;
    format!(
        " Logits are divided by a temperature of {}, which these {} chose: calibration error {} before, {} after; \
         log loss {} before, {} after.",
        number(value),
        items.many(),
        percent(error_before, 1),
        percent(error_after, 1),
        number(loss_before),
        number(loss_after)
    )
}

fn scores(classes: &[ClassScores], items: ItemKind) -> String {
    let mut order: Vec<&ClassScores> = classes.iter().collect();
    let mut words = String::new();
    if order.len() > FEW {
        let key =
            |class: &ClassScores| if class.scores.f1.is_nan() { -1.0 } else { class.scores.f1 };
        order.sort_by(|one, other| key(one).total_cmp(&key(other)));
        words = "The class with the lowest F1 comes first.".to_owned();
    }
    let examples = capital(items.many());
    let heads = ["Class", &examples, "Precision", "Recall", "F1"].map(str::to_owned);
    let row = |class: &&ClassScores| {
        let scores = &class.scores;
        let [precision, recall, f1] = [scores.precision, scores.recall, scores.f1].map(bar);
        vec![escape(&class.name), count(scores.support), precision, recall, f1]
    };
    let rows: Vec<Vec<String>> = order.iter().map(row).collect();
    let table = table("numbers scores", "Scores of each class", &heads, &rows);
    if table.is_empty() {
        return table;
    }
    figure("scores-box", &format!("<h3>By class</h3>{table}"), &words)
}

/// A bar as long as a share; its style is a class, for pages forbid styles in attributes.
pub(super) fn meter(share: f64) -> String {
    format!("<i class=\"s{}\"></i>", (share.clamp(0.0, 1.0) * 100.0).round())
}

/// A share with a bar as long as it below.
pub(super) fn bar(share: f64) -> String {
    let text = value(share, MetricUnit::Share);
    if !share.is_finite() {
        return text;
    }
    text + &meter(share)
}
