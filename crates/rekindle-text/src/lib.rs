//! From texts to inputs.
//!
//! | step | here |
//! |---|---|
//! | a text, or a pair, by itself, on a list, in files or in documents | [`Text`], [`open_texts`] |
//! | to token numbers | a [`Tokenizer`] as a checkpoint has it, or one of words or characters that a [`Vocabulary`] learns |
//! | to batches | [`PrepareTexts`] |
//! | to vectors that others trained | [`WordVectors`] |
//! | what a network must beat | [`TextBaseline`], of [`WordCounts`], [`TfIdf`], [`NaiveBayes`], [`LogisticRegression`] |

mod baseline;
mod bayes;
mod counts;
mod documents;
mod encoded;
mod error;
mod files;
mod lbfgs;
mod list;
mod logistic;
mod prepare;
mod source;
mod text;
mod tokenizer;
mod vectors;
mod vocabulary;

pub use baseline::{
    BaselineKind, BaselineScore, Baselines, MAX_BASELINE_TEXTS, MAX_BASELINE_WEIGHTS, TextBaseline,
};
pub use bayes::NaiveBayes;
pub use counts::{Sparse, TfIdf, WordCounts};
pub use documents::is_documents;
pub use encoded::{Coverage, Encoded};
pub use error::Error;
pub use files::{MAX_TEXT_BYTES, read_text};
pub use list::{TEXT, TextConfig};
pub use logistic::LogisticRegression;
pub use prepare::PrepareTexts;
pub use source::{
    TextFiles, TextTable, is_texts, lists_of_texts, measure_texts, offer, open_texts, read_texts,
};
pub use text::{Place, Sample, Text};
pub use tokenizer::{TokenPlace, Tokenizer};
pub use vectors::{
    MAX_VECTOR_DIM, MAX_VECTOR_LINE_BYTES, MAX_VECTOR_NUMBERS, TokenTable, WantedWords, WordVectors,
};
pub use vocabulary::{Unit, Vocabulary, VocabularyConfig};
