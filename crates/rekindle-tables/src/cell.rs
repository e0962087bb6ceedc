//! Single cells: numbers, yes and no, and what stands for nothing.

/// What tools write where there is nothing: those of pandas, and a few signs.
const NOTHING: [&str; 15] = [
    "na", "n/a", "nan", "-nan", "null", "none", "#n/a", "#na", "<na>", "?", "-", "--", ".",
    "#n/a n/a", "nil",
];
const YES: [&str; 5] = ["yes", "y", "true", "t", "on"];
const NO: [&str; 5] = ["no", "n", "false", "f", "off"];
/// Characters of a cell in an error.
const SHOWN: usize = 40;

/// Whether a cell of numbers, dates, or of yes and no holds nothing: empty, or as tools write that (`NA`, `NaN`, `null`, `?`).
pub fn is_missing(cell: &str) -> bool {
    let cell = cell.trim();
    // Most cells are numbers, and are looked at in every epoch.
    let is_number = cell.as_bytes().first().is_some_and(u8::is_ascii_digit);
    !is_number && (cell.is_empty() || is_one(cell, &NOTHING))
}

/// A finite number of a cell.
///
/// # Errors
///
/// That it is none, in words.
pub fn number(cell: &str) -> Result<f64, String> {
    let found = cell.parse().ok().filter(|number: &f64| number.is_finite());
    found.ok_or_else(|| format!("`{}` is no number", short(cell)))
}

/// A count of a cell.
pub(crate) fn whole(cell: &str) -> Result<usize, String> {
    match number(cell)? {
        found if found >= 0.0 && found.fract() == 0.0 => Ok(found as usize),
        _ => Err(format!("`{}` is no whole number of 0 or more", short(cell))),
    }
}

/// Yes or no, as words or as 1 and 0.
pub(crate) fn yes_no(cell: &str) -> Option<bool> {
    match cell.trim() {
        cell if is_one(cell, &YES) => Some(true),
        cell if is_one(cell, &NO) => Some(false),
        cell => match cell.parse::<f64>() {
            Ok(1.0) => Some(true),
            Ok(0.0) => Some(false),
            _ => None,
        },
    }
}

fn is_one(cell: &str, words: &[&str]) -> bool {
    words.iter().any(|word| cell.eq_ignore_ascii_case(word))
}

/// How a cell begins.
pub(crate) fn short(cell: &str) -> String {
    let mut letters = cell.chars();
    let begin: String = letters.by_ref().take(SHOWN).collect();
    if letters.next().is_none() { begin } else { begin + "..." }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_in_many_ways() {
        for cell in ["", "  ", "NA", "NaN", "n/a", "NULL", "None", "?", "-"] {
            assert!(is_missing(cell), "{cell}");
        }
        for cell in ["0", "-1", "no", "nano", "x"] {
            assert!(!is_missing(cell), "{cell}");
        }
    }

    #[test]
    fn yes_and_no_are_words_or_numbers() {
        for (cell, expected) in [
            ("Yes", Some(true)),
            ("FALSE", Some(false)),
            ("1.0", Some(true)),
            ("0", Some(false)),
            ("2", None),
            ("maybe", None),
            ("", None),
        ] {
            assert_eq!(yes_no(cell), expected, "{cell}");
        }
    }
}
