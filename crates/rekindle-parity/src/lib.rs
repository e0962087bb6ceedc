//! Compares every architecture with golden results of the reference library.
