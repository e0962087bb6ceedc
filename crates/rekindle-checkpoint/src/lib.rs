//! Reading, accounting for and writing checkpoints.
