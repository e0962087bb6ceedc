//! What the tables of the families have in common.

/// A row of a family's table: timm's name, the learned parameters with the classifier of the
/// original task, and what tells the network from its siblings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Variant<C>(pub &'static str, pub usize, pub C);

/// What a caller chooses when a network is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Init {
    /// Channels of the images.
    pub channels_in: usize,
    /// Dropout and stochastic depth.
    pub regularization: Regularization,
    /// Height and width of the images for which tables of positions are made; that of the paper unless said.
    pub size: Option<[usize; 2]>,
}

impl Default for Init {
    /// Color images, the paper's regularization and size.
    fn default() -> Self {
        Self { channels_in: 3, regularization: Regularization::Paper, size: None }
    }
}

/// Whether a network is built with the dropout and stochastic depth of its paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Regularization {
    /// As the paper trains it.
    #[default]
    Paper,
    /// Without, as timm builds a network unless told otherwise.
    None,
}

impl Regularization {
    /// The rate to build with, given the paper's.
    pub(crate) fn rate(self, paper: f64) -> f64 {
        match self {
            Self::Paper => paper,
            Self::None => 0.0,
        }
    }
}
