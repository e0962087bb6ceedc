//! Text that is safe inside HTML and SVG, and numbers as people read them.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::MetricUnit;

/// What stands for a value that is none.
pub(crate) const NONE: &str = "–";

/// The text with nothing left in it that HTML would take for markup, or that turns text around.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(letter),
            // Control characters, and those that change the direction of what follows them.
            _ if letter.is_control() => escaped.push('\u{fffd}'),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => escaped.push('\u{fffd}'),
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// The picture as an address that holds it; none where the bytes are of no known kind.
pub(crate) fn data_uri(bytes: &[u8]) -> Option<String> {
    let kind = match bytes {
        [0x89, b'P', b'N', b'G', ..] => "png",
        [0xff, 0xd8, 0xff, ..] => "jpeg",
        [b'G', b'I', b'F', b'8', ..] => "gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "webp",
        _ => return None,
    };
    Some(format!("data:image/{kind};base64,{}", STANDARD.encode(bytes)))
}

/// The sum, or the most there can be.
pub(crate) fn total(counts: impl IntoIterator<Item = usize>) -> usize {
    counts.into_iter().fold(0, usize::saturating_add)
}

/// A whole number, its thousands apart.
pub(crate) fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// The text with a large letter in front.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first.map_or_else(String::new, |first| first.chain(letters).collect())
}

/// How many there are of something, such as `1 picture` or `2 pictures`.
pub(crate) fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A share in percent with this many decimals at most.
pub(crate) fn percent(share: f64, decimals: usize) -> String {
    if !share.is_finite() {
        return NONE.to_owned();
    }
    format!("{}%", trimmed(format!("{:.decimals$}", share * 100.0)))
}

/// A value to about four digits, however large or small.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => NONE.to_owned(),
        0.0 => "0".to_owned(),
        1e-3..10.0 => trimmed(format!("{value:.4}")),
        10.0..1e5 => trimmed(format!("{value:.2}")),
        _ => {
            let text = format!("{value:.2e}");
            let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            format!("{}e{exponent}", trimmed(digits.to_owned()))
        }
    }
}

/// A value to about three digits, as the end of an interval is.
pub(crate) fn rough(value: f64) -> String {
    let size = value.abs();
    if !(1e-3..1e5).contains(&size) {
        return number(value);
    }
    let decimals = (2 - size.log10().floor() as i32).clamp(0, 5) as usize;
    trimmed(format!("{value:.decimals$}"))
}

/// A value in its unit.
pub(crate) fn value(value: f64, unit: MetricUnit) -> String {
    match unit {
        MetricUnit::Number => number(value),
        MetricUnit::Share => percent(value, 1),
    }
}

/// A length of time.
pub(crate) fn duration(seconds: f64) -> String {
    if !(0.0..1e12).contains(&seconds) {
        return NONE.to_owned();
    }
    if seconds < 10.0 {
        return format!("{} s", trimmed(format!("{seconds:.1}")));
    }
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// A moment, given in seconds since 1970-01-01 UTC.
pub(crate) fn moment(seconds: u64) -> String {
    let [year, month, day] = rekindle_base::date_of_day((seconds / 86_400).cast_signed());
    let (hour, minute) = (seconds / 3600 % 24, seconds / 60 % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

/// Decimals without the zeros that end them.
fn trimmed(decimals: String) -> String {
    if !decimals.contains('.') {
        return decimals;
    }
    let text = decimals.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_html_would_read() {
        let check = |text: &str, expected: &str| assert_eq!(escape(text), expected);
        check("a<b>&\"c'", "a&lt;b&gt;&amp;&quot;c&#39;");
        check("Käse 猫 🐈", "Käse 猫 🐈");
        check("a\0b\u{202e}c\x1b", "a\u{fffd}b\u{fffd}c\u{fffd}");
    }

    #[test]
    fn numbers_read_well() {
        let texts = [
            (number(0.48213), "0.4821"),
            (number(1e-3), "0.001"),
            (number(1.25e-4), "1.25e-4"),
            (number(123.456), "123.46"),
            (number(-0.00001), "-1e-5"),
            (number(f64::NAN), "–"),
            (rough(2.135_94), "2.14"),
            (rough(-0.012_345), "-0.0123"),
            (rough(1234.5), "1234"),
            (rough(0.0), "0"),
            (rough(f64::NAN), "–"),
            (percent(0.9467, 1), "94.7%"),
            (percent(0.5, 1), "50%"),
            (percent(-0.0, 1), "0%"),
            (percent(f64::INFINITY, 1), "–"),
            (count(11_176_512), "11\u{202f}176\u{202f}512"),
            (count(999), "999"),
            (duration(0.25), "0.2 s"),
            (duration(59.6), "1 min 0 s"),
            (duration(3725.0), "1 h 2 min"),
            (duration(f64::NAN), "–"),
            // date -u -d @TIME
            (moment(0), "1970-01-01 00:00 UTC"),
            (moment(1_709_210_096), "2024-02-29 12:34 UTC"),
            (moment(4_107_542_399), "2100-02-28 23:59 UTC"),
            (moment(4_107_542_400), "2100-03-01 00:00 UTC"),
        ];
        for (text, expected) in texts {
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn only_pictures_become_addresses() {
        assert_eq!(data_uri(b"GIF89a").as_deref(), Some("data:image/gif;base64,R0lGODlh"));
        assert_eq!(data_uri(b"<svg onload='alert(1)'>"), None);
        assert_eq!(data_uri(b""), None);
    }
}
