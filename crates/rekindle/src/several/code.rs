//! Cells as numbers: places, sizes, words.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::inputs::units;

/// How a cell becomes numbers, with what was learned of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum NumberCode {
    /// A whole number as one of so many; larger ones are the last.
    OneHot {
        /// How many.
        depth: usize,
    },
    /// A whole number as how many of 1 to this it reaches.
    Ordinal {
        /// How many.
        depth: usize,
    },
    /// A number, by mean and deviation; an empty cell is the mean.
    Standardized {
        /// Subtracted.
        mean: f64,
        /// Divides what is left.
        std: f64,
    },
    /// A word, as one of these; others are none of them.
    Category {
        /// The words.
        values: Vec<String>,
    },
}

/// Deviations below this count as this: a column of one number is zero.
const LEAST: f64 = 1e-12;
/// Characters of a cell in an error.
const SHOWN: usize = 40;
/// Most words of a category.
const MAX_WORDS: usize = 4096;

impl NumberCode {
    /// By mean and deviation of the cells that have a number.
    pub(super) fn standardized<'a>(cells: impl Iterator<Item = &'a str>) -> Self {
        let found: Vec<f64> = cells.filter_map(|cell| cell.parse().ok()).collect();
        let count = found.len().max(1) as f64;
        let mean = found.iter().sum::<f64>() / count;
        let variance = found.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
        Self::Standardized { mean, std: variance.sqrt().max(LEAST) }
    }

    /// By the words of the cells.
    ///
    /// # Errors
    ///
    /// If there are more than a network has use for.
    pub(super) fn category<'a>(cells: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let words: BTreeSet<&str> = cells.filter(|cell| !cell.is_empty()).collect();
        if words.len() > MAX_WORDS {
            return Err(format!(
                "has {} words, more than {MAX_WORDS}; read it as a text",
                words.len()
            ));
        }
        Ok(Self::Category { values: words.into_iter().map(str::to_owned).collect() })
    }

    /// Looks whether it can be, where it was read from a file.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::OneHot { depth } => units("one_hot", Some(*depth)),
            Self::Ordinal { depth } => units("ordinal", Some(*depth)),
            Self::Category { values } => units("values", Some(values.len())),
            Self::Standardized { mean, std }
                if mean.is_finite() && *std > 0.0 && std.is_finite() =>
            {
                Ok(())
            }
            Self::Standardized { mean, std } => {
                Err(format!("mean {mean} and deviation {std} are none"))
            }
        }
    }

    /// Numbers of a cell.
    pub fn width(&self) -> usize {
        match self {
            Self::OneHot { depth } | Self::Ordinal { depth } => *depth,
            Self::Standardized { .. } => 1,
            Self::Category { values } => values.len(),
        }
    }

    /// A cell as numbers.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub fn encode(&self, cell: &str) -> Result<Vec<f32>, String> {
        let mut row = vec![0.0; self.width()];
        match self {
            Self::OneHot { depth } => row[whole(cell)?.min(depth - 1)] = 1.0,
            Self::Ordinal { depth } => row[..whole(cell)?.min(*depth)].fill(1.0),
            Self::Standardized { .. } if cell.is_empty() => {}
            Self::Standardized { mean, std } => row[0] = ((number(cell)? - mean) / std) as f32,
            Self::Category { values } => {
                if let Ok(place) = values.binary_search_by(|value| value.as_str().cmp(cell)) {
                    row[place] = 1.0;
                }
            }
        }
        Ok(row)
    }
}

/// A number of a cell.
pub(super) fn number(cell: &str) -> Result<f64, String> {
    let found = cell.parse().ok().filter(|number: &f64| number.is_finite());
    found.ok_or_else(|| format!("`{}` is no number", short(cell)))
}

/// A count of a cell.
fn whole(cell: &str) -> Result<usize, String> {
    match number(cell)? {
        found if found >= 0.0 && found.fract() == 0.0 => Ok(found as usize),
        _ => Err(format!("`{}` is no whole number of 0 or more", short(cell))),
    }
}

/// How a cell begins.
fn short(cell: &str) -> String {
    let mut letters = cell.chars();
    let begin: String = letters.by_ref().take(SHOWN).collect();
    if letters.next().is_none() { begin } else { begin + "..." }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_become_numbers() {
        let (one_hot, ordinal) =
            (NumberCode::OneHot { depth: 3 }, NumberCode::Ordinal { depth: 3 });
        let size = NumberCode::standardized(["1", "3", ""].into_iter());
        let word = NumberCode::category(["b", "a", "b", ""].into_iter()).unwrap();
        for (code, cell, expected) in [
            (&one_hot, "0", &[1.0, 0.0, 0.0][..]),
            (&one_hot, "2.0", &[0.0, 0.0, 1.0]),
            (&one_hot, "99", &[0.0, 0.0, 1.0]),
            (&ordinal, "0", &[0.0, 0.0, 0.0]),
            (&ordinal, "2", &[1.0, 1.0, 0.0]),
            (&ordinal, "1e300", &[1.0, 1.0, 1.0]),
            (&size, "3", &[1.0]),
            (&size, "", &[0.0]),
            (&word, "b", &[0.0, 1.0]),
            (&word, "c", &[0.0, 0.0]),
        ] {
            assert_eq!(code.encode(cell).unwrap(), expected, "{code:?} {cell}");
        }
        for (code, cell, named) in [
            (&one_hot, "", "`` is no number"),
            (&one_hot, "-1", "no whole number"),
            (&ordinal, "1.5", "no whole number"),
            (&size, "x", "`x` is no number"),
            (&size, "inf", "`inf` is no number"),
        ] {
            let problem = code.encode(cell).unwrap_err();
            assert!(problem.contains(named), "{problem}");
        }
    }

    #[test]
    fn a_column_of_one_number_is_zero_and_saved_codes_are_checked() {
        let code = NumberCode::standardized(["2", "2"].into_iter());
        assert_eq!(code.encode("2").unwrap(), [0.0]);
        for wrong in [
            NumberCode::OneHot { depth: 0 },
            NumberCode::Ordinal { depth: usize::MAX },
            NumberCode::Standardized { mean: 0.0, std: 0.0 },
            NumberCode::Standardized { mean: f64::NAN, std: 1.0 },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }
}
