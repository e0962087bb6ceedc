//! The book's blocks of code, compiled and run by `cargo test`.

#[doc = include_str!("../../../book/src/intro.md")]
mod intro {}
#[doc = include_str!("../../../book/src/from_keras.md")]
mod from_keras {}
#[doc = include_str!("../../../book/src/from_timm.md")]
mod from_timm {}
#[doc = include_str!("../../../book/src/from_fastai.md")]
mod from_fastai {}
#[doc = include_str!("../../../book/src/freezing.md")]
mod freezing {}
#[doc = include_str!("../../../book/src/repeatable.md")]
mod repeatable {}
#[doc = include_str!("../../../book/src/from_sentence_transformers.md")]
mod from_sentence_transformers {}
#[doc = include_str!("../../../book/src/burn.md")]
mod burn {}
