//! From texts to inputs.
//!
//! | step | here |
//! |---|---|
//! | a text, or a pair, by itself or on a list | [`Text`], [`open_texts`] |
//! | to token numbers | a [`Tokenizer`] as a checkpoint has it, or one of words or characters that a [`Vocabulary`] learns |
//! | to batches | [`PrepareTexts`] |
//! | what a network must beat | [`TextBaseline`], of [`WordCounts`], [`TfIdf`], [`NaiveBayes`], [`LogisticRegression`] |

mod baseline;
mod bayes;
mod counts;
mod error;
mod lbfgs;
mod list;
mod logistic;
mod prepare;
mod text;
mod tokenizer;
mod vocabulary;

pub use baseline::{
    BaselineKind, BaselineScore, Baselines, MAX_BASELINE_TEXTS, MAX_BASELINE_WEIGHTS, TextBaseline,
};
pub use bayes::NaiveBayes;
pub use counts::{Sparse, TfIdf, WordCounts};
pub use error::Error;
pub use list::{TEXT, TextConfig, measure_texts, offer, open_texts, read_texts};
pub use logistic::LogisticRegression;
pub use prepare::PrepareTexts;
pub use text::{Sample, Text};
pub use tokenizer::{Encoded, Tokenizer};
pub use vocabulary::{Unit, Vocabulary, VocabularyConfig};
