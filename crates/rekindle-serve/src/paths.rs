//! Addresses, as they are counted.

/// All addresses.
const PATHS: [&str; 13] = [
    "/",
    "/docs",
    "/health",
    "/metrics",
    "/openapi.json",
    "/v1/data",
    "/v1/embed",
    "/v1/explain",
    "/v1/models",
    "/v1/predict",
    "/v1/similar",
    "/v1/teach",
    "/v1/teach/model",
];

/// An address as it is counted: there are no more of them than of these.
pub(crate) fn known(path: &str) -> &'static str {
    PATHS.into_iter().find(|known| *known == path).unwrap_or("other")
}
