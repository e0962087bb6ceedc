//! The parts of a data set.

/// What a measurement is made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The training samples.
    Train,
    /// The validation samples.
    Val,
    /// The test samples.
    Test,
    /// All of a data set that is not divided.
    All,
}

impl Part {
    /// As its folder is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
            Self::All => "all",
        }
    }
}
