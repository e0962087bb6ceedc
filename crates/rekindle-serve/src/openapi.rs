//! What there is at which address, for programs.

use utoipa::OpenApi;

use crate::{routes, wire};

/// Models over HTTP.
#[derive(OpenApi)]
#[openapi(
    paths(
        routes::health,
        routes::metrics,
        routes::models,
        routes::predict,
        routes::embed,
        routes::explain,
        routes::similar,
        routes::teach,
        routes::taught,
        routes::data
    ),
    components(schemas(wire::PredictionSchema, wire::GuessSchema))
)]
struct Interface;

/// As JSON; empty where it cannot be written, which no request brings about.
pub(crate) fn json() -> String {
    Interface::openapi().to_json().unwrap_or_default()
}
