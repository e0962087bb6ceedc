//! Which class is taken for which: a shaded table, and the pairs most often mixed up.

use super::{figure, table};
use crate::{
    ItemKind,
    markup::{capital, count, escape, percent, total},
};

/// Up to how many classes the columns carry names rather than numbers.
const NAMED: usize = 24;
/// From how many classes on the pairs most often mixed up are listed.
const LISTED: usize = 5;
/// How many pairs are listed at most.
const PAIRS: usize = 10;
/// Up to how many classes there is a table at all: one of a thousand would take megabytes.
const MOST: usize = 200;

/// The table: a row for each true class, a column for each guess.
pub(super) fn matrix(names: &[&str], confusion: &[Vec<usize>], items: ItemKind) -> String {
    let classes = confusion.len();
    if classes == 0 {
        return String::new();
    }
    if classes > MOST {
        let classes = count(classes);
        return format!(
            "<p>A table of {classes} classes would be too large for a page; the record has it.</p>\n"
        );
    }
    let numbered = classes > NAMED;
    let head = |place: usize| {
        let name = escape(&name(names, place));
        if numbered {
            format!("<th scope=\"col\" title=\"{name}\">{}</th>", place + 1)
        } else {
            format!("<th scope=\"col\"><span title=\"{name}\">{name}</span></th>")
        }
    };
    let heads: String = (0..classes).map(head).collect();
    let row = |(place, counts): (usize, &Vec<usize>)| {
        let label = escape(&name(names, place));
        let number = if numbered { format!("<b>{}</b> ", place + 1) } else { String::new() };
        let sum = total(counts.iter().copied());
        let cells: String = counts
            .iter()
            .enumerate()
            .map(|(guess, count)| cell(*count, sum, guess == place))
            .collect();
        format!("<tr><th scope=\"row\" title=\"{label}\">{number}{label}</th>{cells}</tr>\n")
    };
    let rows: String = confusion.iter().enumerate().map(row).collect();
    let size = if numbered { " dense" } else { "" };
    let words = format!(
        "A row holds the {} of a class, a column those taken for it{}. Right ones are outlined; \
         the darker, the greater the share of the row.",
        items.many(),
        if numbered { ", by number" } else { "" }
    );
    let content = format!(
        "<h3>What is taken for what</h3><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Confusion matrix\">\
         <table class=\"confusion{size}\"><thead><tr><td>is ↓ taken for →</td>{heads}</tr></thead>\n<tbody>{rows}</tbody></table></div>"
    );
    figure("confusion-box", &content, &words)
}

/// The pairs most often mixed up, where the table does not show them at a glance.
pub(super) fn pairs(names: &[&str], confusion: &[Vec<usize>], items: ItemKind) -> String {
    if confusion.len() < LISTED {
        return String::new();
    }
    let mut pairs: Vec<(usize, usize, usize)> = Vec::new();
    for (place, counts) in confusion.iter().enumerate() {
        let wrong =
            counts.iter().enumerate().filter(|(guess, count)| *guess != place && **count > 0);
        pairs.extend(wrong.map(|(guess, count)| (*count, place, guess)));
    }
    pairs.sort_by_key(|(count, place, guess)| (usize::MAX - count, *place, *guess));
    pairs.truncate(PAIRS);
    let row = |(wrong, place, guess): &(usize, usize, usize)| {
        let sum = total(confusion[*place].iter().copied());
        let share = percent(*wrong as f64 / sum as f64, 0);
        let [is, taken] = [*place, *guess].map(|class| escape(&name(names, class)));
        vec![format!("{is}<small>taken for {taken}</small>"), count(*wrong), share]
    };
    let rows: Vec<Vec<String>> = pairs.iter().map(row).collect();
    let examples = capital(items.many());
    let heads = ["What it is", &examples, "Of its class"].map(str::to_owned);
    let table = table("numbers", "Most often mixed up", &heads, &rows);
    if table.is_empty() {
        return table;
    }
    figure("pairs-box", &format!("<h3>Most often mixed up</h3>{table}"), "")
}

/// A count, shaded in ten steps by its share of the row; what is zero stays empty in large tables.
fn cell(count: usize, sum: usize, right: bool) -> String {
    let step =
        if count == 0 { 0 } else { (count as f64 / sum as f64 * 10.0).ceil().min(10.0) as u8 };
    match (step, right) {
        (0, false) => "<td>0</td>".to_owned(),
        (_, false) => format!("<td class=\"w{step}\">{count}</td>"),
        (_, true) => format!("<td class=\"r r{step}\">{count}</td>"),
    }
}

fn name(names: &[&str], place: usize) -> String {
    names.get(place).map_or_else(|| format!("class {}", place + 1), |name| (*name).to_owned())
}
