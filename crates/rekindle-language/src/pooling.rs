//! What sentence-transformers calls the ways in which tokens become a text.

use rekindle_layers::Pooling;

use crate::Error;

/// Names of ways of pooling, as sentence-transformers has them.
const POOLINGS: [(&str, Pooling); 4] = [
    ("mean", Pooling::Mean),
    ("cls", Pooling::First),
    ("max", Pooling::Max),
    ("lasttoken", Pooling::Last),
];

/// What a way of pooling is called.
pub(crate) fn pooling_name(pooling: Pooling) -> &'static str {
    POOLINGS.iter().find(|(_, known)| *known == pooling).map_or("", |(name, _)| name)
}

/// The way of pooling that is called so.
pub(crate) fn pooling_named(mode: String) -> Result<Pooling, Error> {
    match POOLINGS.iter().find(|(name, _)| *name == mode) {
        Some((_, pooling)) => Ok(*pooling),
        None => Err(Error::Field {
            field: "pooling_mode",
            value: mode,
            reason: "known are mean, cls, max and lasttoken".to_owned(),
        }),
    }
}
