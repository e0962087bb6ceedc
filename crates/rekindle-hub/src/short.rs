//! How long the short files beside weights may be.

/// The longest `config.json` that is downloaded or read, in bytes: that of a thousand labels takes 100,000.
pub(crate) const LONGEST_CONFIG: u64 = 16 << 20;

/// The longest index of shards, in bytes: 100,000 tensors take 15 million.
pub(crate) const LONGEST_INDEX: u64 = 64 << 20;
