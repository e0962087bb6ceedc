//! What every page has: its frame, its sections, its tables.

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use crate::markup::escape;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// A part of a page, with its place in the list of contents.
pub(crate) struct Section {
    id: String,
    title: String,
    content: String,
}

/// A part of a page; it is left out if there is nothing in it.
pub(crate) fn section(id: &str, title: &str, content: &str) -> Section {
    Section { id: id.to_owned(), title: title.to_owned(), content: content.to_owned() }
}

/// The styles, with a class for the length of each bar.
fn style() -> String {
    let shares = (0..=100).map(|share| format!(".s{share} {{ --share: {share}% }}\n"));
    shares.fold(text(STYLE), |style, share| style + &share)
}

/// A file of ours as browsers read it, whose lines end alike however it was checked out.
fn text(file: &str) -> String {
    file.replace('\r', "")
}

/// What a policy calls the text of a script or a style.
fn source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

/// The whole page. Its policy forbids it to fetch anything, and to run or to apply anything but its own script and style:
/// what markup a label might ever become is shown and not obeyed.
pub(crate) fn document(title: &str, opening: &str, sections: &[Section]) -> String {
    let sections = || sections.iter().filter(|section| !section.content.is_empty());
    let entry = |section: &Section| {
        format!("<li><a href=\"#{}\">{}</a></li>", section.id, escape(&section.title))
    };
    let part = |section: &Section| {
        let (id, title, content) = (&section.id, escape(&section.title), &section.content);
        format!(
            "<section id=\"{id}\" aria-labelledby=\"{id}-title\"><h2 id=\"{id}-title\">{title}</h2>\n{content}</section>\n"
        )
    };
    let entries: String = sections().map(entry).collect();
    let contents = if entries.is_empty() {
        String::new()
    } else {
        format!("<nav aria-label=\"Contents\"><ul>{entries}</ul></nav>\n")
    };
    let parts: String = sections().map(part).collect();
    let title = escape(title);
    let (style, script) = (style(), text(SCRIPT));
    let [styles, scripts] = [&style, &script].map(|text| source(text));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; \
         style-src {styles}; script-src {scripts}; base-uri 'none'; form-action 'none'\">\n\
         <title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n\
         <header><h1>{title}</h1>\n{opening}</header>\n{contents}<main>\n{parts}</main>\n\
         <footer>Made by Rekindle. This file is complete in itself.</footer>\n\
         <script>{script}</script>\n</body>\n</html>\n"
    )
}

/// What is wrong with the record, if anything.
pub(crate) fn problems(problems: &[String]) -> String {
    if problems.is_empty() {
        return String::new();
    }
    let lines: String = problems.iter().map(|line| format!("<li>{}</li>", escape(line))).collect();
    format!(
        "<div class=\"caution\" role=\"note\"><strong>The record contradicts itself:</strong><ul>{lines}</ul></div>\n"
    )
}

/// A chart or a table with a line below it; `words` may hold markup.
pub(crate) fn figure(class: &str, content: &str, words: &str) -> String {
    if content.is_empty() {
        return String::new();
    }
    let caption =
        if words.is_empty() { String::new() } else { format!("<figcaption>{words}</figcaption>") };
    format!("<figure class=\"{class}\">{content}{caption}</figure>\n")
}

/// A table in a frame of its own, which scrolls where the page is too narrow.
///
/// The first cell of each row is its heading. All cells may hold markup; those of `class` `numbers`
/// stand to the right.
pub(crate) fn table(class: &str, name: &str, heads: &[String], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let heads: String = heads.iter().map(|head| format!("<th scope=\"col\">{head}</th>")).collect();
    let row = |cells: &Vec<String>| {
        let cell = |(place, cell): (usize, &String)| match place {
            0 => format!("<th scope=\"row\">{cell}</th>"),
            _ => format!("<td>{cell}</td>"),
        };
        let cells: String = cells.iter().enumerate().map(cell).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = rows.iter().map(row).collect();
    let name = escape(name);
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{name}\">\
         <table class=\"{class}\"><thead><tr>{heads}</tr></thead>\n<tbody>{rows}</tbody></table></div>\n"
    )
}
