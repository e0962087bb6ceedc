//! What is said of data sets: of generated ones with planted faults, and of odd files from elsewhere.

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

mod cases;
mod damaged;
mod edge;
mod folders;
mod listed;
mod lists;
mod numbers;
mod packed;
mod pictures;
mod planted;
mod real;
mod several;
mod texts;
