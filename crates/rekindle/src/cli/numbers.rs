//! Numbers as arguments: each with its range, refused by name and range before anything begins.

use std::{fmt::Display, num::NonZeroUsize, ops::RangeInclusive, str::FromStr};

use rekindle::transfer::Plan;

/// Epochs of a recipe in all.
pub(super) const EPOCHS: RangeInclusive<usize> = 1..=Plan::MOST_EPOCHS;
/// Pictures a step.
pub(super) const BATCH: RangeInclusive<usize> = 1..=65_536;
/// More than any machine has cores; each takes a stack.
const THREADS: RangeInclusive<usize> = 1..=1024;

/// What an argument's name and text give: the number, or what is wrong.
type Parsed<T> = Result<T, String>;

/// `--epochs`.
pub(super) fn epochs(text: &str) -> Parsed<usize> {
    within("the number of epochs", EPOCHS, text)
}

/// `--batch`.
pub(super) fn batch(text: &str) -> Parsed<usize> {
    within("the batch size", BATCH, text)
}

/// `--threads`.
pub(super) fn threads(text: &str) -> Parsed<NonZeroUsize> {
    let count = within("the number of threads", THREADS, text)?;
    NonZeroUsize::new(count).ok_or_else(|| "there must be a thread".to_owned())
}

/// How many of something: at least one.
pub(super) fn count(text: &str) -> Parsed<usize> {
    within("it", 1..=1_000_000, text)
}

/// How many of something, or none.
pub(super) fn count_or_none(text: &str) -> Parsed<usize> {
    within("it", 0..=1_000_000, text)
}

/// As [`count`], for what takes no zero.
pub(super) fn nonzero(text: &str) -> Parsed<NonZeroUsize> {
    NonZeroUsize::new(count(text)?).ok_or_else(|| "it must be at least 1".to_owned())
}

/// Views on a sheet.
pub(super) fn views(text: &str) -> Parsed<u64> {
    within("it", 0..=10_000, text)
}

/// Units of a layer; none of no layer.
pub(super) fn units(text: &str) -> Parsed<usize> {
    within("it", 0..=rekindle::MAX_UNITS, text)
}

/// Cells in a row.
pub(super) fn columns(text: &str) -> Parsed<usize> {
    within("it", 1..=1000, text)
}

/// Pixels along a side.
pub(super) fn pixels(text: &str) -> Parsed<usize> {
    within("it", 1..=8192, text)
}

/// A learning rate: above one no optimizer converges on a pretrained network.
pub(super) fn rate(text: &str) -> Parsed<f64> {
    let rate: f64 = within("the learning rate", 0.0..=1.0, text)?;
    if rate > 0.0 { Ok(rate) } else { Err("the learning rate is 0; give more".to_owned()) }
}

/// A share of something.
pub(super) fn share(text: &str) -> Parsed<f64> {
    within("it", 0.0..=1.0, text)
}

/// A number that is not negative, and finite.
pub(super) fn amount(text: &str) -> Parsed<f64> {
    within("it", 0.0..=1e9, text)
}

/// A number in a range, both ends included; NaN is in none.
fn within<T>(what: &str, range: RangeInclusive<T>, text: &str) -> Parsed<T>
where
    T: FromStr<Err: Display> + PartialOrd + Display,
{
    let (low, high) = (range.start(), range.end());
    let number: T = text
        .trim()
        .parse()
        .map_err(|error: T::Err| format!("{error}; {what} goes from {low} to {high}"))?;
    match range.contains(&number) {
        true => Ok(number),
        false => Err(format!("{what} is {number}; it goes from {low} to {high}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_beyond_their_range_are_refused_with_it() {
        let fine = |text: &str| {
            [
                ("epochs", epochs(text).is_ok()),
                ("batch", batch(text).is_ok()),
                ("threads", threads(text).is_ok()),
                ("rate", rate(text).is_ok()),
                ("share", share(text).is_ok()),
                ("amount", amount(text).is_ok()),
            ]
            .into_iter()
            .filter(|(_, fine)| *fine)
            .map(|(name, _)| name)
            .collect::<Vec<_>>()
        };
        for (text, takers) in [
            ("0", vec!["share", "amount"]),
            ("1", vec!["epochs", "batch", "threads", "rate", "share", "amount"]),
            ("0.01", vec!["rate", "share", "amount"]),
            ("1024", vec!["epochs", "batch", "threads", "amount"]),
            ("5000", vec!["epochs", "batch", "amount"]),
            ("1000000000000", vec![]),
            ("18446744073709551615", vec![]),
            ("18446744073709551616", vec![]),
            ("-1", vec![]),
            ("-0.01", vec![]),
            ("NaN", vec![]),
            ("inf", vec![]),
            ("1e999", vec![]),
            ("ten", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(fine(text), takers, "{text}");
        }
        let error = epochs("18446744073709551616").unwrap_err();
        assert!(error.contains("1 to 100000"), "{error}");
    }
}
