//! Transfer learning: a classifier on a backbone, freezing, and plans of phases.
