//! Why a plan, a recipe or a freezing request was refused.

/// What is wrong with a plan, before a step of it is taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The plan cannot be carried out on this network; everything that is wrong is listed.
    #[error("the plan cannot be carried out: {}", .0.join("; "))]
    Plan(Vec<String>),
    /// The text is no plan; the source names line, column and what was expected.
    #[error("the plan cannot be read")]
    Read(#[source] Box<toml::de::Error>),
    /// The plan holds something that TOML has no words for.
    #[error("the plan cannot be written as TOML")]
    Write(#[source] Box<toml::ser::Error>),
    /// A change to a plan is none.
    #[error("the plan cannot be changed by `{change}`: {cause}")]
    Change {
        /// As it was written.
        change: String,
        /// What is wrong with it.
        cause: String,
    },
    /// There is no such recipe.
    #[error("there is no recipe `{name}`; recipes are {}", .known.join(", "))]
    UnknownRecipe {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<&'static str>,
    },
}
