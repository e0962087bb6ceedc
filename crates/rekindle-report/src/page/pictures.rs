//! Pictures with what the model took them for, and where it looked.

use super::classes::meter;
use crate::{
    Gallery, GuessRecord, PictureRecord, PredictedNumber, Verdict,
    markup::{data_uri, escape, number, percent},
};

/// How many guesses or numbers are listed below a picture.
const LISTED: usize = 6;

pub(super) fn content(galleries: &[Gallery]) -> String {
    galleries.iter().filter(|gallery| !gallery.pictures.is_empty()).map(gallery).collect()
}

fn gallery(gallery: &Gallery) -> String {
    let text = if gallery.text.is_empty() {
        String::new()
    } else {
        format!("<p>{}</p>", escape(&gallery.text))
    };
    let cards: String = gallery.pictures.iter().map(card).collect();
    format!("<h3>{}</h3>{text}<div class=\"gallery\">{cards}</div>\n", escape(&gallery.title))
}

fn card(picture: &PictureRecord) -> String {
    let PictureRecord { file, label, guesses, numbers, image, overlay } = picture;
    let (file, label) = (escape(file), escape(label));
    let labeled = if label.is_empty() { String::new() } else { format!(", labeled {label}") };
    let mut images = shown(image, &format!("{file}{labeled}"));
    if !overlay.is_empty() {
        images += &shown(overlay, &format!("where the model looked in {file}"));
    }
    let listed = guesses.iter().map(|guess| line(guess, &picture.label));
    let listed: String = listed.chain(numbers.iter().map(predicted)).take(LISTED).collect();
    let is = match guesses.iter().any(|guess| guess.verdict.is_some()) {
        true => "has",
        false => "is",
    };
    let verdict = verdict(guesses, &picture.label);
    let label = match label.is_empty() {
        true => String::new(),
        false => format!(
            "<span class=\"label\">{is} <b>{label}</b><em class=\"{verdict}\">{verdict}</em></span>"
        ),
    };
    format!(
        "<figure class=\"card\"><div class=\"pair\">{images}</div><figcaption>\
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

fn shown(bytes: &[u8], words: &str) -> String {
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
