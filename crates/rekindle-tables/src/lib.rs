//! Columns of tables: what they hold, and how their cells become numbers.
//!
//! | module | from | to |
//! |---|---|---|
//! | [`FoundColumn`] | the cells of a column | whether they are numbers, categories, dates, yes or no, texts, identifiers |
//! | [`NumberCode`] | the training cells of a column | what is learned of them: means, quantiles, words; a cell as numbers |
//!
//! Nothing here knows networks or files.

mod category;
mod cell;
mod code;
mod column;
mod date;
mod number;

pub use category::{CategoryCode, MAX_ONE_HOT, MAX_WORDS};
pub use cell::{is_missing, number};
pub use code::{MAX_PLACES, NumberCode};
pub use column::{ColumnKind, FoundColumn};
pub use date::{DateCode, DatePart, ScaledPart};
pub use number::{BINS, BinnedNumber, Squash};
