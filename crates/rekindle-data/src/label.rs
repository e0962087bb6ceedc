//! How labels are written: what may be in one, and which look the same.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// How many names a message shows.
pub(crate) const SHOWN: usize = 5;

/// Compatibility forms composed, in lower case, the spaces between words one each: what looks the same is the same.
pub fn folded(label: &str) -> String {
    let lower: String = label.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    let space = |letter: char| letter.is_whitespace() || letter == '_' || letter == '-';
    lower.split(space).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The label in backticks, with escapes for accents of their own and for what cannot be seen.
pub fn written(label: &str) -> String {
    let visible = |letter: char| letter == ' ' || (!letter.is_whitespace() && !letter.is_control());
    let is_plain = |letter: char| visible(letter) && !is_combining_mark(letter);
    format!("`{}`", escaped(label, is_plain))
}

/// The label with every letter outside of ASCII as an escape, in backticks: two that look the same do not any more.
pub fn spelled(label: &str) -> String {
    format!("`{}`", escaped(label, |letter| letter.is_ascii() && !letter.is_control()))
}

/// The first of some names in brackets, with escapes for what would move a terminal's cursor.
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let first: Vec<String> =
        names.iter().take(SHOWN).map(|name| escaped(name, |letter| !letter.is_control())).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => format!("[{}]", first.join(", ")),
        more => format!("[{}, and {more} more]", first.join(", ")),
    }
}

/// Whether no label may be so: control characters, line breaks and what turns the direction of text.
pub fn is_unfit(label: &str) -> bool {
    let turns = |letter: char| matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    label.chars().any(|letter| letter.is_control() || turns(letter))
}

/// Names that look the same, in groups of two and more.
pub(crate) fn alike(names: &[String]) -> Vec<Vec<&str>> {
    let mut groups: std::collections::BTreeMap<String, Vec<&str>> = Default::default();
    names.iter().for_each(|name| groups.entry(folded(name)).or_default().push(name));
    groups.into_values().filter(|names| names.len() > 1).collect()
}

fn escaped(label: &str, is_plain: impl Fn(char) -> bool) -> String {
    let letters = label.chars().map(|letter| match letter {
        letter if is_plain(letter) => letter.to_string(),
        letter => letter.escape_unicode().to_string(),
    });
    letters.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_the_same_is_folded_the_same() {
        for (one, other) in [
            ("Cat", "cat"),
            ("hot dog", "hot_dog"),
            ("hot dog", "hot  dog "),
            ("caf\u{e9}", "cafe\u{301}"),
            ("CAFÉ", "café"),
            ("ｃａｔ", "cat"),
            ("hot\u{a0}dog", "hot-dog"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
        }
        for (one, other) in [("cat", "cats"), ("cafe", "café"), ("hot dog", "hotdog"), ("1", "2")]
        {
            assert_ne!(folded(one), folded(other), "{one} {other}");
        }
        assert_eq!(written("cafe\u{301} \u{a0}"), "`cafe\\u{301} \\u{a0}`");
        assert_ne!(spelled("caf\u{e9}"), spelled("cafe\u{301}"));
    }

    #[test]
    fn what_moves_a_cursor_is_unfit_and_shown_as_an_escape() {
        for label in ["a\nb", "\u{1b}[31m", "a\tb", "\u{7f}", "\u{202e}gpj", "\u{85}"] {
            assert!(is_unfit(label), "{label:?}");
            assert!(!listed([label]).contains(['\n', '\u{1b}', '\t']), "{label:?}");
        }
        for label in ["a b", "café", "cafe\u{301}", "日本", "c++", "a|b"] {
            assert!(!is_unfit(label), "{label:?}");
        }
        assert_eq!(listed(["a", "b", "c", "d", "e", "f", "g"]), "[a, b, c, d, e, and 2 more]");
    }
}
