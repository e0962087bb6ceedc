//! A text as it stands, with the words marked that spoke for the answer or against it.

use crate::{
    WordRecord,
    markup::{count, escape, number},
};

/// The most characters of a text that a page shows; the record has all of them.
const MOST: usize = 3000;
/// The least weight that is marked: less can hardly be told from none.
const LEAST: f64 = 0.05;

/// What the marks mean; they differ in color and in the line below them.
pub(super) const KEY: &str = "<p class=\"words-key\"><mark class=\"for r5\">spoke for</mark> the answer, \
     <mark class=\"against w5\">spoke against</mark> it; the darker, the more.</p>\n";

/// The pieces of a text in a row, each as dark as its weight.
pub(super) fn marked(words: &[WordRecord]) -> String {
    let mut left = MOST;
    let mut shown = String::new();
    for WordRecord { text, weight } in words {
        let part: String = text.chars().take(left).collect();
        left -= part.chars().count();
        shown += &mark(&tidied(&part), *weight);
        if left == 0 {
            break;
        }
    }
    let all: usize = words.iter().map(|word| word.text.chars().count()).sum();
    paragraph(&shown, all.saturating_sub(MOST))
}

/// A text of which nothing is explained.
pub(crate) fn plain(text: &str) -> String {
    let part: String = text.chars().take(MOST).collect();
    paragraph(&tidied(&part), text.chars().count().saturating_sub(MOST))
}

/// Whether a mark of these words would be seen.
pub(super) fn any_marked(words: &[WordRecord]) -> bool {
    words.iter().any(|word| is_marked(word.weight) && !word.text.trim().is_empty())
}

fn is_marked(weight: f64) -> bool {
    weight.abs() >= LEAST
}

/// Safe to show; of line ends one character is enough.
fn tidied(text: &str) -> String {
    escape(&text.replace('\r', ""))
}

fn mark(escaped: &str, weight: f64) -> String {
    let word = escaped.trim();
    if word.is_empty() || !is_marked(weight) {
        return escaped.to_owned();
    }
    // Spaces around it are left as they are.
    let (before, after) = escaped.split_once(word).unwrap_or_default();
    let (side, shade, sign) =
        if weight > 0.0 { ("for", "r", "+") } else { ("against", "w", "\u{2212}") };
    let step = (weight.abs() * 10.0).ceil().clamp(1.0, 10.0);
    let size = number((weight.abs() * 100.0).round() / 100.0);
    format!(
        "{before}<mark class=\"{side} {shade}{step}\" title=\"{side}: {sign}{size}\">{word}</mark>{after}"
    )
}

fn paragraph(shown: &str, hidden: usize) -> String {
    let rest = match hidden {
        0 => String::new(),
        hidden => format!("<span class=\"faint\"> … and {} more characters</span>", count(hidden)),
    };
    match shown.trim() {
        "" if hidden == 0 => "<p class=\"words faint\">(an empty text)</p>".to_owned(),
        _ => format!("<p class=\"words\" dir=\"auto\">{shown}{rest}</p>"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, weight: f64) -> WordRecord {
        WordRecord { text: text.to_owned(), weight }
    }

    #[test]
    fn a_weight_is_a_class_a_line_and_a_title() {
        let check = |weight, expected: &str| assert_eq!(mark("fire", weight), expected, "{weight}");
        check(0.0, "fire");
        check(0.049, "fire");
        check(-0.049, "fire");
        check(f64::NAN, "fire");
        check(0.05, "<mark class=\"for r1\" title=\"for: +0.05\">fire</mark>");
        check(0.314, "<mark class=\"for r4\" title=\"for: +0.31\">fire</mark>");
        check(1.0, "<mark class=\"for r10\" title=\"for: +1\">fire</mark>");
        check(-0.5, "<mark class=\"against w5\" title=\"against: \u{2212}0.5\">fire</mark>");
        // Beyond what a record may hold.
        check(1e9, "<mark class=\"for r10\" title=\"for: +1e9\">fire</mark>");
        check(f64::INFINITY, "<mark class=\"for r10\" title=\"for: +–\">fire</mark>");
        assert_eq!(mark(" \n", 1.0), " \n", "a space has nothing to mark");
        let spaced = " <mark class=\"for r5\" title=\"for: +0.5\">a b</mark>\n";
        assert_eq!(mark(" a b\n", 0.5), spaced);
    }

    #[test]
    fn a_text_is_shown_as_it_is_up_to_a_limit() {
        let check = |words: &[WordRecord], expected: &str| assert_eq!(marked(words), expected);
        check(
            &[word("a <b>", 0.0), word("\r\n", 0.3), word("c", -1.0)],
            "<p class=\"words\" dir=\"auto\">a &lt;b&gt;\n<mark class=\"against w10\" title=\"against: \u{2212}1\">c</mark></p>",
        );
        let empty = "<p class=\"words faint\">(an empty text)</p>";
        check(&[], empty);
        check(&[word(" ", 1.0), word("", 0.2)], empty);
        assert_eq!(plain(""), empty);
        for text in
            [marked(&[word(&"é".repeat(2999), 0.0), word("fghi", 0.5)]), plain(&"é".repeat(3003))]
        {
            assert!(text.ends_with(" … and 3 more characters</span></p>"), "{text}");
            assert!(text.chars().filter(|letter| *letter == 'é').count() <= MOST);
            assert!(!text.contains('g'), "{text}");
        }
        assert!(plain(&"é".repeat(3000)).ends_with("é</p>"));
        assert!(any_marked(&[word("a", 0.1)]) && !any_marked(&[word("a", 0.01), word(" ", 1.0)]));
    }
}
