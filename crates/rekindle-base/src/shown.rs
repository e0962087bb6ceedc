//! Text from elsewhere where people read it: labels, names of files, what a server said.
//!
//! A terminal does more with some characters than showing them: it moves its cursor, changes colors, turns text around,
//! begins a line that seems to be ours. Here they become escapes, as Rust writes them.

/// What becomes of line breaks and tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaks {
    /// They are ours.
    Kept,
    /// They may be ours; what follows one is indented, so that it is no line of its own.
    Indented,
    /// They are shown as escapes: the text is on one line whatever it holds.
    Escaped,
}

/// The text with escapes for all that a terminal would obey.
pub fn visible(text: &str, breaks: Breaks) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, breaks) {
            ('\n', Breaks::Indented) => {
                let indented = letters.peek().is_none_or(|next| [' ', '\n'].contains(next));
                shown.push_str(if indented { "\n" } else { "\n  " });
            }
            ('\n' | '\t', Breaks::Escaped) => shown.extend(letter.escape_default()),
            _ if is_obeyed(letter) => shown.extend(letter.escape_default()),
            _ => shown.push(letter),
        }
    }
    shown
}

/// Whether a terminal does something else with a character than showing it; line breaks and tabs apart.
pub fn is_obeyed(letter: char) -> bool {
    match letter {
        '\n' | '\t' => false,
        // Line and paragraph separators, marks and overrides of direction (Unicode's Bidi_Control) with their deprecated
        // kin, the byte order mark, annotations and tags, which are not shown at all.
        '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{feff}' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' => true,
        '\u{e0000}'..='\u{e007f}' => true,
        _ => letter.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown_and_everything_else_is_left_alone() {
        for (text, one, several) in [
            ("ant", "ant", "ant"),
            ("Ameise ä 蟻 🐜 \u{200d}", "Ameise ä 蟻 🐜 \u{200d}", "Ameise ä 蟻 🐜 \u{200d}"),
            ("a\x1b[31mb", "a\\u{1b}[31mb", "a\\u{1b}[31mb"),
            ("a\nb\tc\r", "a\\nb\\tc\\r", "a\nb\tc\\r"),
            ("\u{9b}2J\u{7f}\u{85}", "\\u{9b}2J\\u{7f}\\u{85}", "\\u{9b}2J\\u{7f}\\u{85}"),
            ("cod.\u{202e}gpj", "cod.\\u{202e}gpj", "cod.\\u{202e}gpj"),
            ("\u{2066}x\u{e0041}", "\\u{2066}x\\u{e0041}", "\\u{2066}x\\u{e0041}"),
            ("\u{206a}\u{fff9}", "\\u{206a}\\u{fff9}", "\\u{206a}\\u{fff9}"),
        ] {
            assert_eq!(visible(text, Breaks::Escaped), one, "{text:?}");
            assert_eq!(visible(text, Breaks::Kept), several, "{text:?}");
        }
        for (text, indented) in [
            ("a\nerror: b", "a\n  error: b"),
            ("a\n  unused b\n\nc\n", "a\n  unused b\n\n  c\n"),
            ("a\r\nb", "a\\r\n  b"),
        ] {
            assert_eq!(visible(text, Breaks::Indented), indented, "{text:?}");
        }
    }
}
