//! What the tables of the families have in common.

/// A row of a family's table: timm's name, the learned parameters with the classifier of the
/// original task, and what tells the network from its siblings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Variant<C>(pub &'static str, pub usize, pub C);

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
