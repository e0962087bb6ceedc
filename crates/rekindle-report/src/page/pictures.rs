//! Pictures with what the model took them for, and where it looked.

use crate::{
    Gallery, Guess, Picture,
    markup::{data_uri, escape, percent},
};

/// How many guesses are listed below a picture.
const GUESSES: usize = 3;

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

fn card(picture: &Picture) -> String {
    let Picture { file, label, guesses, image, overlay } = picture;
    let (file, label) = (escape(file), escape(label));
    let mut images = shown(image, &format!("{file}, labeled {label}"));
    if !overlay.is_empty() {
        images += &shown(overlay, &format!("where the model looked in {file}"));
    }
    let listed: String =
        guesses.iter().take(GUESSES).map(|guess| line(guess, &picture.label)).collect();
    let verdict = match guesses.first() {
        Some(first) if first.class == picture.label => "right",
        Some(_) => "wrong",
        None => "",
    };
    format!(
        "<figure class=\"card\"><div class=\"pair\">{images}</div><figcaption>\
         <span class=\"file\" title=\"{file}\">{file}</span>\
         <span class=\"label\">is <b>{label}</b><em class=\"{verdict}\">{verdict}</em></span>\
         <ul>{listed}</ul></figcaption></figure>\n"
    )
}

fn shown(bytes: &[u8], words: &str) -> String {
    match data_uri(bytes) {
        Some(address) => format!("<img src=\"{address}\" alt=\"{words}\">"),
        None => format!("<span class=\"missing\">no picture of a known kind: {words}</span>"),
    }
}

fn line(guess: &Guess, label: &str) -> String {
    let class = escape(&guess.class);
    let named = if guess.class == label { format!("<b>{class}</b> ✓") } else { class };
    let wide = (guess.probability.clamp(0.0, 1.0) * 100.0).round();
    let probability = percent(guess.probability, 1);
    format!(
        "<li><span>{named}</span><span>{probability}</span><i style=\"--share:{wide}%\"></i></li>"
    )
}
