//! What went in: the plan, the data, the weights, and the command that does it again.

use super::{figure, table};
use crate::{
    ClassCount, Data, Environment, ExampleCount, ItemKind, NumberRange, PartRange, PhaseRecord,
    PlanRecord, RunRecord, StageRecord, StageState, TextFacts, Weights,
    chart::{BarChart, BarRow, bar_chart},
    markup::{capital, count, counted, duration, escape, moment, number, percent, total},
};

/// Up to how many classes the bars are open to see.
const OPEN: usize = 16;

pub(super) fn plan(plan: Option<&PlanRecord>) -> String {
    let Some(PlanRecord { name, optimizer, schedule, phases }) = plan else { return String::new() };
    let words = pairs(&[("Name", name), ("Optimizer", optimizer), ("Schedule", schedule)]);
    let mut stages: Vec<&StageRecord> = Vec::new();
    for stage in phases.iter().flat_map(|phase| &phase.stages) {
        if stages.iter().all(|other| other.name != stage.name) {
            stages.push(stage);
        }
    }
    let mut heads = vec!["Stage".to_owned(), "Parameters".to_owned()];
    heads.extend(phases.iter().enumerate().map(phase_head));
    let row = |stage: &&StageRecord| {
        let mut cells = vec![escape(&stage.name), count(stage.parameters)];
        cells.extend(phases.iter().map(|phase| {
            let here = phase.stages.iter().find(|other| other.name == stage.name);
            here.map_or_else(String::new, state)
        }));
        cells
    };
    let mut rows: Vec<Vec<String>> = stages.iter().map(row).collect();
    if !rows.is_empty() {
        let all = total(stages.iter().map(|stage| stage.parameters));
        let mut sums = vec!["Trained".to_owned(), count(all)];
        sums.extend(phases.iter().map(|phase| trained(phase, all)));
        rows.push(sums);
    }
    words + &table("plan", "Plan by stage and phase", &heads, &rows)
}

pub(crate) fn data(data: Option<&Data>, items: ItemKind) -> String {
    let Some(Data { folder, preprocessing, pictures, classes, numbers, texts }) = data else {
        return String::new();
    };
    let tested = classes.iter().any(|class| class.test.is_some());
    let sum = |of: fn(&ClassCount) -> usize| total(classes.iter().map(of));
    // Of several labels an example may have.
    let (one, many) = match pictures {
        Some(_) => ("label", "labels"),
        None => ("class", "classes"),
    };
    let pictures = pictures.or_else(|| {
        let test = tested.then(|| sum(|class| class.test.unwrap_or(0)));
        let (train, validation) = (sum(|class| class.train), sum(|class| class.validation));
        (!classes.is_empty()).then_some(ExampleCount { train, validation, test })
    });
    let pictures = pictures.map_or_else(String::new, counts);
    let examples = capital(items.many());
    let from = if items.is_pictures() { "Folder" } else { "Source" };
    let [length, most, unknown] = texts.as_ref().map(lengths).unwrap_or_default();
    let words = pairs(&[
        (from, folder),
        (&examples, &pictures),
        ("Length", &length),
        ("Longest input", &most),
        ("Unknown tokens", &unknown),
        ("Preprocessing", preprocessing),
    ]) + &ranges(numbers, &examples);
    if classes.is_empty() {
        return words;
    }
    let mut series = vec!["training".to_owned(), "validation".to_owned()];
    if tested {
        series.push("test".to_owned());
    }
    let row = |class: &ClassCount| {
        let counts = [Some(class.train), Some(class.validation), class.test];
        let mut values: Vec<f64> = counts.iter().flatten().map(|count| *count as f64).collect();
        values.resize(series.len(), 0.0);
        BarRow { label: class.name.clone(), values }
    };
    let rows: Vec<BarRow> = classes.iter().map(row).collect();
    let title = format!("{examples} of each {one}");
    let chart = figure("chart-box", &bar_chart(&BarChart { title, series, rows }), "");
    let open = if classes.len() <= OPEN { " open" } else { "" };
    let number = counted(classes.len(), one, many);
    format!(
        "{words}<details{open}><summary>{number}</summary><div class=\"tall\" tabindex=\"0\" role=\"region\" aria-label=\"{examples} of each {one}\">{chart}</div></details>\n"
    )
}

/// Where numbers lie, a row a part of each column.
fn ranges(numbers: &[NumberRange], examples: &str) -> String {
    let row = |name: &str, part: &str, range: &PartRange| {
        // As short as a number of 32 bits reads back.
        let [low, median, high] =
            [range.low, range.median, range.high].map(|value| (value as f32).to_string());
        vec![format!("{}, {part}", escape(name)), count(range.pictures), low, median, high]
    };
    let rows = numbers.iter().flat_map(|NumberRange { name, train, validation, test }| {
        let parts = [("training", train), ("validation", validation), ("test", test)];
        parts.map(|(part, range)| range.as_ref().map(|range| row(name, part, range)))
    });
    let heads = ["Number", examples, "Least", "Median", "Greatest"].map(str::to_owned);
    table("numbers", "Where numbers lie", &heads, &rows.flatten().collect::<Vec<_>>())
}

/// How long texts are, how much of them is read, and how much of that is unknown, in words.
fn lengths(TextFacts { tokens, max_tokens, cut, unknown }: &TextFacts) -> [String; 3] {
    let [median, most, longest] = tokens.map(count);
    let read = counted(*max_tokens, "token", "tokens");
    let cut = match *cut {
        0.0 => "no text is cut".to_owned(),
        cut => format!("{} of the texts are longer and cut", percent(cut, 1)),
    };
    [
        format!("median {median} tokens, 95% at most {most}, the longest {longest}"),
        format!("{read}; {cut}"),
        format!("{} of all tokens", percent(*unknown, 2)),
    ]
}

/// Examples by what they are for, in words.
fn counts(ExampleCount { train, validation, test }: ExampleCount) -> String {
    let tested = test.map(|test| format!(", {} to test on", count(test)));
    let (train, validation) = (count(train), count(validation));
    format!("{train} to train on, {validation} to validate on{}", tested.unwrap_or_default())
}

pub(super) fn weights(weights: Option<&Weights>) -> String {
    let Some(Weights { name, origin, license, caution, sha256 }) = weights else {
        return String::new();
    };
    let warning = if caution.is_empty() {
        String::new()
    } else {
        format!(
            "<p class=\"caution\" role=\"note\"><strong>Caution:</strong> {}</p>\n",
            escape(caution)
        )
    };
    let mut list = String::new();
    for (term, text) in [("Name", name), ("Origin", origin), ("License", license)] {
        list += &pair(term, &linked(text));
    }
    list += &pair("SHA-256", &code(sha256));
    definitions(&list) + &warning
}

pub(super) fn notes(notes: &[String]) -> String {
    let lines: String = notes.iter().map(|note| format!("<li>{}</li>", escape(note))).collect();
    if lines.is_empty() { lines } else { format!("<ul class=\"notes\">{lines}</ul>\n") }
}

pub(super) fn again(run: &RunRecord) -> String {
    let Environment { rekindle, burn, device, threads, seed, started, seconds } = &run.environment;
    let command = if run.command.is_empty() {
        String::new()
    } else {
        format!("<pre><code>{}</code></pre>\n", escape(&run.command))
    };
    let text = |number: Option<String>| number.unwrap_or_default();
    command
        + &pairs(&[
            ("Rekindle", rekindle),
            ("Burn", burn),
            ("Device", device),
            ("Threads", &text(threads.map(count))),
            ("Seed", &text(seed.map(|seed| seed.to_string()))),
            ("Started", &text(started.map(moment))),
            ("Took", &text(seconds.map(duration))),
        ])
}

/// Terms and what they are; those without a text are left out.
fn pairs(pairs: &[(&str, &str)]) -> String {
    definitions(&pairs.iter().map(|(term, text)| pair(term, &escape(text))).collect::<String>())
}

/// A term and its text, which may hold markup.
fn pair(term: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<dt>{term}</dt><dd>{text}</dd>") }
}

fn definitions(list: &str) -> String {
    if list.is_empty() { String::new() } else { format!("<dl class=\"facts\">{list}</dl>\n") }
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<code>{}</code>", escape(text)) }
}

/// The text, as a link if it is an address of the web and nothing else.
fn linked(text: &str) -> String {
    let escaped = escape(text);
    let address = text.starts_with("https://") && !text.contains(char::is_whitespace);
    if address {
        format!("<a href=\"{escaped}\" rel=\"noreferrer\">{escaped}</a>")
    } else {
        escaped
    }
}

fn phase_head((place, phase): (usize, &PhaseRecord)) -> String {
    let PhaseRecord { name, first_epoch, epochs, .. } = phase;
    let span = match epochs {
        0 => "no epoch".to_owned(),
        1 => format!("epoch {first_epoch}"),
        _ => format!("epochs {first_epoch}–{}", first_epoch.saturating_add(epochs - 1)),
    };
    format!("{}. {}<small>{span}</small>", place + 1, escape(name))
}

fn state(stage: &StageRecord) -> String {
    let norm = match stage.batch_norm.as_str() {
        "" => String::new(),
        norm => format!("<small>{}</small>", escape(norm)),
    };
    match stage.state {
        StageState::Frozen => format!("<span class=\"frozen\">frozen</span>{norm}"),
        StageState::Trainable => {
            format!("<span class=\"trained\">{}</span>{norm}", number(stage.rate))
        }
    }
}

fn trained(phase: &PhaseRecord, all: usize) -> String {
    let moving = phase.stages.iter().filter(|stage| stage.state == StageState::Trainable);
    let sum = total(moving.map(|stage| stage.parameters));
    let share = percent(sum as f64 / all as f64, 2);
    format!("{}<small>{share}</small>", count(sum))
}
