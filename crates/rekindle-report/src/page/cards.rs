//! Examples with what the model took them for, and what it went by: a grid of pictures, a list of texts.

use super::{classes::meter, words};
use crate::{
    ExampleRecord, Gallery, GuessRecord, ItemKind, PredictedNumber, Verdict,
    markup::{data_uri, escape, number, percent},
};

/// How many guesses or numbers are listed below an example.
const LISTED: usize = 6;

pub(super) fn content(galleries: &[Gallery], items: ItemKind) -> String {
    let galleries = || galleries.iter().filter(|gallery| !gallery.pictures.is_empty());
    let key = marked(galleries().flat_map(|gallery| &gallery.pictures));
    let shown: String = galleries().map(|it| gallery(it, items)).collect();
    key.to_owned() + &shown
}

/// What marks mean, where words are marked.
pub(crate) fn marked<'a>(examples: impl IntoIterator<Item = &'a ExampleRecord>) -> &'static str {
    let mut examples = examples.into_iter();
    if examples.any(|it| words::any_marked(&it.words)) { words::KEY } else { "" }
}

/// The class of a list of cards: texts take the whole width.
pub(crate) fn layout(items: ItemKind) -> &'static str {
    match items {
        ItemKind::Texts => "gallery texts",
        _ => "gallery",
    }
}

fn gallery(gallery: &Gallery, items: ItemKind) -> String {
    let text = if gallery.text.is_empty() {
        String::new()
    } else {
        format!("<p>{}</p>", escape(&gallery.text))
    };
    let cards: String = gallery.pictures.iter().map(|it| card(it, items)).collect();
    let (title, layout) = (escape(&gallery.title), layout(items));
    format!("<h3>{title}</h3>{text}<div class=\"{layout}\">{cards}</div>\n")
}

/// An example with what a model takes it for.
pub(crate) fn card(example: &ExampleRecord, items: ItemKind) -> String {
    let ExampleRecord { file, label, guesses, numbers, .. } = example;
    let (file, label) = (escape(file), escape(label));
    let shown = shown(example, items);
    let listed = guesses.iter().map(|guess| line(guess, &example.label));
    let listed: String = listed.chain(numbers.iter().map(predicted)).take(LISTED).collect();
    let is = match guesses.iter().any(|guess| guess.verdict.is_some()) {
        true => "has",
        false => "is",
    };
    let verdict = verdict(guesses, &example.label);
    let label = match label.is_empty() {
        true => String::new(),
        false => format!(
            "<span class=\"label\">{is} <b>{label}</b><em class=\"{verdict}\">{verdict}</em></span>"
        ),
    };
    format!(
        "<figure class=\"card\">{shown}<figcaption>\
         <span class=\"file\" title=\"{file}\">{file}</span>\
         {label}\
         <ul>{listed}</ul></figcaption></figure>\n"
    )
}

/// Whether the answer is right, in a word.
fn verdict(guesses: &[GuessRecord], label: &str) -> &'static str {
    let wrong = |verdict| matches!(verdict, Verdict::FalsePositive | Verdict::FalseNegative);
    let given = guesses.iter().filter_map(|guess| guess.verdict);
    match guesses.first() {
        None => "",
        Some(GuessRecord { verdict: Some(_), .. }) if given.clone().any(wrong) => "wrong",
        Some(GuessRecord { verdict: Some(_), .. }) => "right",
        Some(first) if first.class == label => "right",
        Some(_) => "wrong",
    }
}

/// The example itself: its text, its picture, or both; of a row of a table there may be neither.
fn shown(example: &ExampleRecord, items: ItemKind) -> String {
    let ExampleRecord { file, label, words, image, overlay, .. } = example;
    let (file, label) = (escape(file), escape(label));
    let mut shown = String::new();
    if items.is_pictures() || !image.is_empty() {
        let labeled = if label.is_empty() { String::new() } else { format!(", labeled {label}") };
        let mut images = picture(image, &format!("{file}{labeled}"));
        if !overlay.is_empty() {
            images += &picture(overlay, &format!("where the model looked in {file}"));
        }
        shown = format!("<div class=\"pair\">{images}</div>");
    }
    if items == ItemKind::Texts || !words.is_empty() {
        shown += &words::marked(words);
    }
    shown
}

fn picture(bytes: &[u8], words: &str) -> String {
    match data_uri(bytes) {
        Some(address) => format!("<img src=\"{address}\" alt=\"{words}\">"),
        None => format!("<span class=\"missing\">no picture of a known kind: {words}</span>"),
    }
}

fn line(guess: &GuessRecord, label: &str) -> String {
    let class = escape(&guess.class);
    let named = match guess.verdict {
        Some(Verdict::TruePositive) => format!("<b>{class}</b> ✓"),
        Some(Verdict::FalsePositive) => format!("{class} <em class=\"wrong\">wrongly given</em>"),
        Some(Verdict::FalseNegative) => format!("<b>{class}</b> <em class=\"wrong\">missed</em>"),
        None if guess.class == label => format!("<b>{class}</b> ✓"),
        Some(Verdict::TrueNegative) | None => class,
    };
    let probability = percent(guess.probability, 1);
    let meter = meter(guess.probability);
    format!("<li><span>{named}</span><span>{probability}</span>{meter}</li>")
}

fn predicted(of: &PredictedNumber) -> String {
    let PredictedNumber { name, right, predicted } = of;
    format!(
        "<li><span>{}</span><span><b>{}</b>, predicted {}</span></li>",
        escape(name),
        number(*right),
        number(*predicted)
    )
}
