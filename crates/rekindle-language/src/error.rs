//! What can be wrong with a `config.json`.

/// A `config.json` of no encoder that is known here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is no JSON, or a field is of another type.
    #[error("not the config.json of a text encoder")]
    Json(#[from] serde_json::Error),
    /// A file cannot be read.
    #[error("{}: cannot be read; check that it exists and that its permissions allow it", path.display())]
    Read {
        /// The file.
        path: std::path::PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// Another kind of model.
    #[error("model_type `{found}` is not known; known are {}", known.join(", "))]
    Family {
        /// What the config says.
        found: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// There is no network from nothing of this name.
    #[error("there is no network `{found}` that begins from nothing; there are {}", known.join(", "))]
    Scratch {
        /// What was asked for.
        found: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// A given vector does not fit a network's table of tokens.
    #[error("a vector of {length} numbers for token {token} does not fit {table}")]
    Vector {
        /// The token's number.
        token: usize,
        /// Numbers of the vector.
        length: usize,
        /// What there is: rows and numbers of each, or why there is none.
        table: String,
    },
    /// A field that is needed is missing.
    #[error("the config of a {family} lacks `{field}`")]
    Lacks {
        /// The `model_type`.
        family: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A field has a value that cannot be honored.
    #[error("the config says {field} {value}: {reason}")]
    Field {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// Why it cannot be.
        reason: String,
    },
}
