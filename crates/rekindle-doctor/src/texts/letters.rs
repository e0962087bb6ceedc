//! What is wrong with the letters of a text: read in another encoding than it was written in, or full of markup.

/// What Windows' code page 1252 has in the places of 0x80 to 0x9f, where it has anything.
const WINDOWS: [(char, u8); 27] = [
    ('€', 0x80),
    ('‚', 0x82),
    ('ƒ', 0x83),
    ('„', 0x84),
    ('…', 0x85),
    ('†', 0x86),
    ('‡', 0x87),
    ('ˆ', 0x88),
    ('‰', 0x89),
    ('Š', 0x8a),
    ('‹', 0x8b),
    ('Œ', 0x8c),
    ('Ž', 0x8e),
    ('‘', 0x91),
    ('’', 0x92),
    ('“', 0x93),
    ('”', 0x94),
    ('•', 0x95),
    ('–', 0x96),
    ('—', 0x97),
    ('˜', 0x98),
    ('™', 0x99),
    ('š', 0x9a),
    ('›', 0x9b),
    ('œ', 0x9c),
    ('ž', 0x9e),
    ('Ÿ', 0x9f),
];

/// Names of HTML's usual elements.
const ELEMENTS: [&str; 38] = [
    "a",
    "b",
    "blockquote",
    "body",
    "br",
    "center",
    "code",
    "div",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "hr",
    "html",
    "i",
    "img",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "script",
    "span",
    "strong",
    "style",
    "sub",
    "sup",
    "table",
    "td",
    "th",
    "tr",
    "u",
    "ul",
];
/// Most letters of a tag, and of an entity.
const TAG: usize = 200;
const ENTITY: usize = 10;

/// Whether letters were lost, or UTF-8 was read as another encoding.
pub(super) fn is_misread(text: &str) -> bool {
    let control = |letter: char| matches!(letter, '\u{80}'..='\u{84}' | '\u{86}'..='\u{9f}');
    if text.contains('\u{fffd}') || text.contains(control) {
        return true;
    }
    // Sequences of UTF-8 among what were bytes, as `Ã©` for `é`. Of those of two bytes only the first two leads: the others
    // are letters that stand before such signs in honest texts.
    let bytes: Vec<u8> = text.chars().map(|letter| byte(letter).unwrap_or_default()).collect();
    let follows = |at: usize| bytes.get(at).is_some_and(|byte| (0x80..0xc0).contains(byte));
    (0..bytes.len()).any(|at| match bytes[at] {
        0xc2 | 0xc3 => follows(at + 1),
        0xe0..=0xef => follows(at + 1) && follows(at + 2),
        0xf0..=0xf4 => (1..4).all(|next| follows(at + next)),
        _ => false,
    })
}

/// What byte a letter was, where it is none of ASCII.
fn byte(letter: char) -> Option<u8> {
    match u32::from(letter) {
        code @ 0xa0..=0xff => u8::try_from(code).ok(),
        _ => WINDOWS.iter().find(|(other, _)| *other == letter).map(|(_, byte)| *byte),
    }
}

/// Whether it has tags or entities of HTML.
pub(super) fn has_markup(text: &str) -> bool {
    text.match_indices(['<', '&']).any(|(at, sign)| match sign {
        "<" => is_tag(&text[at + 1..]),
        _ => is_entity(&text[at + 1..]),
    })
}

fn is_tag(text: &str) -> bool {
    let text = text.strip_prefix('/').unwrap_or(text);
    let name: String = text.chars().take_while(char::is_ascii_alphanumeric).take(TAG).collect();
    let rest = &text[name.len()..];
    let begins = rest.starts_with(['>', '/', ' ', '\n', '\t']);
    let end = rest.char_indices().take(TAG).find(|(_, letter)| matches!(letter, '<' | '>'));
    // What is behind a name is nothing or has a value, unlike in `a<b and c>d`.
    let ends = |(at, letter): (usize, char)| {
        letter == '>'
            && (rest[..at].trim_end_matches('/').trim().is_empty() || rest[..at].contains('='))
    };
    begins && end.is_some_and(ends) && ELEMENTS.contains(&name.to_ascii_lowercase().as_str())
}

fn is_entity(text: &str) -> bool {
    let Some((at, _)) = text.char_indices().take(ENTITY).find(|(_, letter)| *letter == ';') else {
        return false;
    };
    let name = &text[..at];
    match name.strip_prefix('#') {
        Some(number) => {
            let hex = number.strip_prefix(['x', 'X']);
            let is = |digits: &str, radix| {
                !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix))
            };
            hex.map_or_else(|| is(number, 10), |hex| is(hex, 16))
        }
        None => name.len() > 1 && name.chars().all(|letter| letter.is_ascii_alphabetic()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_encodings_are_told_from_honest_letters() {
        for text in [
            "cafÃ©",
            "donâ€™t",
            "Â£5",
            "ð\u{178}\u{2dc}\u{192} ok",
            "lost \u{fffd}",
            "\u{89}Û_",
            "itâ€\u{153}s",
        ] {
            assert!(is_misread(text), "{text}");
        }
        for text in [
            "café",
            "don’t",
            "£5",
            "NÃO É",
            "« CAFÉ »",
            "CAFÉ»",
            "“a – b”",
            "naïve",
            "日本",
            "Ñandú",
            "é€",
            "ascii",
            "",
            "Ünïcödé",
            "50–60 °C",
            "a\u{85}b",
        ] {
            assert!(!is_misread(text), "{text}");
        }
    }

    #[test]
    fn markup_is_told_from_signs() {
        for text in [
            "a<br />b",
            "<P>x",
            "</i>",
            "x &amp; y",
            "&#39;",
            "&#x27;",
            "<a href=\"x\">",
            "&nbsp;a",
        ] {
            assert!(has_markup(text), "{text}");
        }
        for text in [
            "a < b",
            "<3",
            "<user> said",
            "x & y; z",
            "AT&T",
            "a<b and c>d",
            "&;",
            "&#;",
            "<br",
            "R&D;",
            "<bx>",
        ] {
            assert!(!has_markup(text), "{text}");
        }
    }
}
