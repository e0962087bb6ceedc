//! What is wrong with pictures or texts of one label, several labels or numbers, in folders, on a list or packed, found before
//! training.
//!
//! | asked | here |
//! |---|---|
//! | what is wrong | [`examine`], or [`examine_texts`], gives a [`Diagnosis`]: data, for [`text`](text()), [`html`] or JSON |
//! | what is wrong, in the report of a run | [`record`] |
//! | without what is bad | [`write_manifest`]: a list of the rest |
//!
//! | found | as | severity |
//! |---|---|---|
//! | files that cannot be decoded, were cut short | [`Kind::Unreadable`], [`Kind::Truncated`] | error |
//! | one picture under two labels, with other labels or numbers, or in two parts | [`Kind::TwoLabels`], [`Kind::DifferentLabels`], [`Kind::DifferentNumbers`], [`Kind::Leak`] | error; warning where they are alike but not the same |
//! | pictures that belong together by a list, in two parts | [`Kind::TornGroup`] | warning |
//! | labels without pictures, in one part only, or alone | [`Kind::EmptyLabel`], [`Kind::MissingLabel`], [`Kind::OneLabel`] | error |
//! | numbers that are missing, or never change | [`Kind::MissingNumber`], [`Kind::ConstantNumber`] | error; warning where they are only measured on |
//! | labels or numbers that similar pictures contradict, where [`Options::embeddings`] says what is similar | [`Kind::LabelError`], [`Kind::NumberError`] | warning |
//! | numbers that lie far out, or elsewhere in one part | [`Kind::Outlier`], [`Kind::DifferentRanges`] | warning |
//! | of several labels those that are always together, or on every picture; pictures without any | [`Kind::AlwaysTogether`], [`Kind::EveryPicture`]; [`Kind::NoLabel`] | warning; note |
//! | labels that differ by case, space or normalization | [`Kind::SimilarLabels`] | warning |
//! | duplicates | [`Kind::ExactDuplicate`], [`Kind::NearDuplicate`] | warning; note where nothing is split by chance |
//! | imbalance, too few pictures for a plan | [`Kind::Imbalance`], [`Kind::TooFew`] | warning |
//! | names that mislead | [`Kind::WrongExtension`], [`Kind::Ignored`], [`Kind::Unlabelled`], [`Kind::NotUnicode`] | warning |
//! | tiny, or very long or high | [`Kind::Tiny`], [`Kind::ExtremeRatio`] | warning |
//! | of texts: no word, wrong encodings, words in two scripts | [`Kind::EmptyText`]; [`Kind::Encoding`], [`Kind::MixedScript`] | error; warning |
//! | of texts: markup, other scripts, beyond what is read | [`Kind::Markup`], [`Kind::OtherScript`], [`Kind::LongText`] | note |
//! | frames, EXIF, alpha, CMYK, 16 bits, grayscale | [`Kind::Animated`] and so on | note |
//!
//! The user's files are read and never written.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use rekindle_doctor::{Options, Severity, examine, text};
//!
//! let diagnosis = examine(Path::new("pets"), &Options::default())?;
//! print!("{}", text(&diagnosis, 5));
//! assert_eq!(diagnosis.count(Severity::Error), 0);
//! # Ok::<(), rekindle_doctor::Error>(())
//! ```

mod case;
mod contents;
mod copies;
mod diagnosis;
mod doubts;
mod error;
mod examine;
mod files;
mod folder;
mod header;
mod judged;
mod labels;
mod list;
mod manifest;
mod measure;
mod near;
mod neighbors;
mod noun;
mod numbers;
mod open;
mod options;
mod page;
mod several;
mod signature;
mod terminal;
mod texts;

pub use diagnosis::{
    DataLayout, Diagnosis, Examined, Finding, Kind, LabelCount, NumberSpread, Severity, Spread,
    TextColumns,
};
pub use error::Error;
pub use examine::{examine, pictures};
pub use manifest::{Manifest, write_manifest};
pub use options::{EmbeddingOptions, MOST_BITS, Options, least_for};
pub use page::{html, record};
pub use terminal::text;
pub use texts::{examine_texts, texts};
