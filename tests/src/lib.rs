//! The rules that span crates.
