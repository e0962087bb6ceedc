//! Cells as numbers, with what was learned of the training cells.

use serde::{Deserialize, Serialize};

use crate::category::CategoryCode;
use crate::cell::{is_missing, number, short, whole, yes_no};
use crate::date::DateCode;
use crate::number::{BinnedNumber, moments};

/// Most places of a number, so that a file cannot take all memory.
pub const MAX_PLACES: usize = 1 << 16;

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
    /// A number, by mean and deviation; a missing one is the mean.
    Standardized {
        /// Subtracted.
        mean: f64,
        /// Divides what is left.
        std: f64,
    },
    /// A number: filled, flagged, scaled, and among quantiles.
    Binned(BinnedNumber),
    /// Yes or no, by mean and deviation; a missing one is the mean.
    YesNo {
        /// The share of yes.
        mean: f64,
        /// The deviation of 1 and 0.
        std: f64,
        /// Whether cells were missing in training, so that there is a flag for those.
        flagged: bool,
    },
    /// A date, as numbers of the calendar.
    Date(DateCode),
    /// A word, as one of some.
    Category(CategoryCode),
}

impl NumberCode {
    /// By mean and deviation of the cells that have a number.
    pub fn standardized<'a>(cells: impl Iterator<Item = &'a str>) -> Self {
        let found: Vec<f64> = cells.filter_map(|cell| number(cell).ok()).collect();
        let (mean, std) = moments(&found);
        Self::Standardized { mean, std }
    }

    /// By quantiles, tails and gaps of the cells.
    pub fn binned<'a>(cells: impl Iterator<Item = &'a str>) -> Self {
        Self::Binned(BinnedNumber::learn(cells))
    }

    /// By the share of yes.
    pub fn yes_no<'a>(cells: impl Iterator<Item = &'a str>) -> Self {
        let (mut found, mut all) = (Vec::new(), 0_usize);
        for cell in cells {
            all += 1;
            found.extend(yes_no(cell).map(|yes| f64::from(u8::from(yes))));
        }
        let (mean, std) = moments(&found);
        Self::YesNo { mean, std, flagged: found.len() < all && !found.is_empty() }
    }

    /// By the calendar.
    ///
    /// # Errors
    ///
    /// If no form of dates is that of all cells.
    pub fn date<'a>(cells: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        DateCode::learn(cells).map(Self::Date)
    }

    /// By the words of the cells.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn category<'a>(cells: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let code = CategoryCode::learn(cells);
        match code.one_hot_width() {
            0 => Err("has no word to train on; leave it out".to_owned()),
            _ => Ok(Self::Category(code)),
        }
    }

    /// Looks whether it can be, where it was read from a file.
    ///
    /// # Errors
    ///
    /// What cannot, in words.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::OneHot { depth } => places("one_hot", *depth),
            Self::Ordinal { depth } => places("ordinal", *depth),
            Self::Category(code) => {
                places("values", code.one_hot_width()).and_then(|()| code.check())
            }
            Self::Binned(code) => code.check(),
            Self::Date(code) => code.check(),
            Self::Standardized { mean, std } | Self::YesNo { mean, std, .. } => {
                match mean.is_finite() && *std > 0.0 && std.is_finite() {
                    true => Ok(()),
                    false => Err(format!("mean {mean} and deviation {std} are none")),
                }
            }
        }
    }

    /// Numbers of a cell.
    pub fn width(&self) -> usize {
        match self {
            Self::OneHot { depth } | Self::Ordinal { depth } => *depth,
            Self::Standardized { .. } => 1,
            Self::Binned(code) => code.width(),
            Self::YesNo { flagged, .. } => 1 + usize::from(*flagged),
            Self::Date(code) => code.width(),
            Self::Category(code) => code.width(),
        }
    }

    /// Where a cell's only number is the row of a table of vectors that is learned: its rows, and how long each is.
    pub fn embedding(&self) -> Option<[usize; 2]> {
        match self {
            Self::Category(code) => code.embed.map(|dim| [code.one_hot_width(), dim]),
            _ => None,
        }
    }

    /// A cell as numbers.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub fn encode(&self, cell: &str) -> Result<Vec<f32>, String> {
        let mut row = Vec::with_capacity(self.width());
        match self {
            Self::OneHot { depth } => {
                row.resize(*depth, 0.0);
                row[whole(cell)?.min(depth - 1)] = 1.0;
            }
            Self::Ordinal { depth } => {
                row.resize(*depth, 0.0);
                row[..whole(cell)?.min(*depth)].fill(1.0);
            }
            Self::Standardized { .. } if is_missing(cell) => row.push(0.0),
            Self::Standardized { mean, std } => row.push(((number(cell)? - mean) / std) as f32),
            Self::Binned(code) => code.encode(cell, &mut row)?,
            Self::YesNo { mean, std, flagged } => {
                let missing = is_missing(cell);
                row.push(match missing {
                    true => 0.0,
                    false => {
                        let yes = yes_no(cell)
                            .ok_or_else(|| format!("`{}` is neither yes nor no", short(cell)))?;
                        ((f64::from(u8::from(yes)) - mean) / std) as f32
                    }
                });
                row.extend(flagged.then(|| f32::from(missing)));
            }
            Self::Date(code) => code.encode(cell, &mut row)?,
            Self::Category(code) => code.encode(cell, &mut row),
        }
        Ok(row)
    }

    /// A cell as a linear regression takes it: a number by mean and deviation alone, a word in a place of its own however
    /// many there are.
    ///
    /// # Errors
    ///
    /// Those of [`encode`](Self::encode).
    pub fn linear(&self, cell: &str) -> Result<Vec<f32>, String> {
        match self {
            Self::Binned(code) => Ok(vec![code.linear(cell)?]),
            Self::Category(code) => {
                let mut row = Vec::new();
                code.one_hot(cell, &mut row);
                Ok(row)
            }
            _ => self.encode(cell),
        }
    }

    /// Numbers of a cell as a linear regression takes it.
    pub fn linear_width(&self) -> usize {
        match self {
            Self::Binned(_) => 1,
            Self::Category(code) => code.one_hot_width(),
            _ => self.width(),
        }
    }
}

fn places(key: &str, places: usize) -> Result<(), String> {
    match (1..=MAX_PLACES).contains(&places) {
        true => Ok(()),
        false => Err(format!("{key} is {places}, outside 1..={MAX_PLACES}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_become_numbers() {
        let (one_hot, ordinal) =
            (NumberCode::OneHot { depth: 3 }, NumberCode::Ordinal { depth: 3 });
        let size = NumberCode::standardized(["1", "3", ""].into_iter());
        let word = NumberCode::category(["b", "a", "b", "a"].into_iter()).unwrap();
        let smokes = NumberCode::yes_no(["yes", "no", ""].into_iter());
        for (code, cell, expected) in [
            (&one_hot, "0", &[1.0, 0.0, 0.0][..]),
            (&one_hot, "2.0", &[0.0, 0.0, 1.0]),
            (&one_hot, "99", &[0.0, 0.0, 1.0]),
            (&ordinal, "0", &[0.0, 0.0, 0.0]),
            (&ordinal, "2", &[1.0, 1.0, 0.0]),
            (&ordinal, "1e300", &[1.0, 1.0, 1.0]),
            (&size, "3", &[1.0]),
            (&size, "", &[0.0]),
            (&size, "NA", &[0.0]),
            (&word, "b", &[0.0, 1.0]),
            (&word, "c", &[0.5, 0.5]),
            (&smokes, "Yes", &[1.0, 0.0]),
            (&smokes, "0", &[-1.0, 0.0]),
            (&smokes, "NaN", &[0.0, 1.0]),
        ] {
            assert_eq!(code.encode(cell).unwrap(), expected, "{code:?} {cell}");
            assert_eq!(code.width(), expected.len());
        }
        for (code, cell, named) in [
            (&one_hot, "", "`` is no number"),
            (&one_hot, "-1", "no whole number"),
            (&ordinal, "1.5", "no whole number"),
            (&size, "x", "`x` is no number"),
            (&size, "inf", "`inf` is no number"),
            (&smokes, "maybe", "`maybe` is neither yes nor no"),
        ] {
            let problem = code.encode(cell).unwrap_err();
            assert!(problem.contains(named), "{problem}");
        }
    }

    #[test]
    fn a_column_of_one_number_is_zero_and_saved_codes_are_checked() {
        let code = NumberCode::standardized(["2", "2"].into_iter());
        assert_eq!(code.encode("2").unwrap(), [0.0]);
        let binned = NumberCode::binned((0..64).map(|_| "1").chain(["2"]));
        for code in [&code, &binned] {
            let text = serde_json::to_string(code).unwrap();
            assert_eq!(&serde_json::from_str::<NumberCode>(&text).unwrap(), code);
        }
        // As it was saved before words had shares.
        let old: NumberCode = serde_json::from_str(r#"{"category":{"values":["a","b"]}}"#).unwrap();
        assert_eq!(old.encode("c").unwrap(), [0.0, 0.0]);
        for (wrong, named) in [
            (r#"{"one_hot":{"depth":0}}"#, "one_hot is 0"),
            (r#"{"ordinal":{"depth":18446744073709551615}}"#, "ordinal is"),
            (r#"{"standardized":{"mean":0.0,"std":0.0}}"#, "deviation 0"),
            (r#"{"yes_no":{"mean":0.5,"std":-1.0,"flagged":false}}"#, "deviation -1"),
            (r#"{"category":{"values":[]}}"#, "values is 0"),
            (r#"{"category":{"values":["b","a"]}}"#, "not sorted"),
            (r#"{"category":{"values":["a"],"shares":[2.0]}}"#, "shares"),
            (r#"{"category":{"values":["a"],"embed":3}}"#, "embed is 3"),
            (
                r#"{"binned":{"mean":0.0,"std":1.0,"fill":0.0,"flagged":false,"squash":null,"edges":[2.0,1.0,3.0]}}"#,
                "ends of its bins",
            ),
        ] {
            let code: NumberCode = serde_json::from_str(wrong).unwrap();
            let problem = code.check().unwrap_err();
            assert!(problem.contains(named), "{wrong}: {problem}");
        }
    }

    #[test]
    fn a_linear_regression_takes_numbers_and_words_as_they_are() {
        let cells: Vec<String> = (0..64).map(|x| x.to_string()).collect();
        let code = NumberCode::binned(cells.iter().map(String::as_str));
        assert_eq!((code.linear_width(), code.linear("31.5").unwrap()), (1, vec![0.0]));
        assert!(code.width() > 1);
        let words: Vec<String> = (0..100).map(|word| format!("w{}", word % 50)).collect();
        let code = NumberCode::category(words.iter().map(String::as_str)).unwrap();
        assert_eq!(code.embedding(), Some([50, 14]));
        assert_eq!(code.linear("w0").unwrap().len(), code.linear_width());
        assert_eq!((code.width(), code.linear_width()), (1, 50));
    }
}
