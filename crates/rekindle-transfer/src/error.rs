//! Why a plan or a freezing request was refused.

/// What is wrong with a plan, before a step of it is taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The plan cannot be carried out on this network; everything that is wrong is listed.
    #[error("the plan cannot be carried out: {}", .0.join("; "))]
    Plan(Vec<String>),
}
