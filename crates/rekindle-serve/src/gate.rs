//! What every request passes: who may ask, what browsers are told, the log, the counters.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    Code, Problem,
    body::refused,
    host::{Host, milliseconds},
    paths,
};

/// What a handler notes of a request for the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
pub(crate) struct Noted {
    /// Of the body.
    pub(crate) bytes: usize,
    pub(crate) items: usize,
    pub(crate) model: Option<String>,
}

impl Tally {
    pub(crate) fn note(&self, note: impl FnOnce(&mut Noted)) {
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Lets a request through, or says why not; whatever is answered is logged and counted.
pub(crate) async fn pass(
    State(host): State<Arc<Host>>,
    mut request: Request,
    next: Next,
) -> Response {
    let start = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let origin = request.headers().get(header::ORIGIN).cloned();
    let tally = Tally::default();
    request.extensions_mut().insert(tally.clone());
    let mut response = match admitted(&host, &request) {
        Ok(()) if method == Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
        Ok(()) => next.run(request).await,
        Err(problem) => refused(request, problem).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if host.is_stopping() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    allow_origin(&host, origin.as_ref(), headers);
    let (status, took) = (response.status().as_u16(), start.elapsed());
    host.metrics.answered(paths::known(&path), status, took);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let noted = std::mem::take(&mut *tally.0.lock().unwrap_or_else(PoisonError::into_inner));
    let line = json!({
        "time": (since.as_secs_f64() * 1e3).round() / 1e3,
        "method": method.as_str(),
        "path": path,
        "status": status,
        "ms": milliseconds(took),
        "bytes": noted.bytes,
        "items": noted.items,
        "model": noted.model,
    });
    (host.log)(&line.to_string());
    response
}

/// Who may ask.
fn admitted(host: &Host, request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    let named = headers.get(header::HOST).and_then(|it| it.to_str().ok());
    if host.is_local && host.token.is_none() && !named.is_none_or(is_this_machine) {
        // A page of somebody else's whose name was made to lead here.
        let what = "requests to this machine name it `localhost`, or by its address; set REKINDLE_TOKEN to serve other names";
        return Err(Problem::new(Code::UnknownHost, what));
    }
    let is_guarded = request.uri().path().starts_with("/v1/") || request.uri().path() == "/metrics";
    if !is_guarded {
        return Ok(());
    }
    let origin = headers.get(header::ORIGIN).map(|it| it.to_str().unwrap_or("unreadable"));
    if let Some(origin) = origin
        && !may_ask(host, origin, named)
    {
        let what = "pages of other origins may not ask; start the server with `--cors ORIGIN`";
        return Err(Problem::new(Code::Forbidden, what));
    }
    // What browsers ask before they ask has no token.
    if request.method() == Method::OPTIONS || is_known(host.token, headers) {
        return Ok(());
    }
    let what = "the request has no valid token; send `Authorization: Bearer TOKEN`, the one that REKINDLE_TOKEN has at the server";
    Err(Problem::new(Code::Unauthorized, what))
}

/// Whether a page of an origin may ask: the server's own, or one that was named.
fn may_ask(host: &Host, origin: &str, named: Option<&str>) -> bool {
    let own = origin.split_once("://").map(|(_, authority)| authority);
    let same = own.is_some() && own == named;
    same || host.cors.as_deref().is_some_and(|known| known == "*" || known == origin)
}

fn allow_origin(host: &Host, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
    let (Some(known), Some(origin)) = (&host.cors, origin) else { return };
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if known != "*" && known.as_bytes() != origin.as_bytes() {
        return;
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    const ALLOWED: [(HeaderName, &str); 3] = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    for (name, value) in ALLOWED {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Whether a `Host` is an address, or the name of this machine for itself.
fn is_this_machine(named: &str) -> bool {
    let name = match named.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => named.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// The digest of a token: digests are compared, which takes as long whatever differs.
pub(crate) fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

fn is_known(token: Option<[u8; 32]>, headers: &HeaderMap) -> bool {
    let Some(token) = token else { return true };
    let given = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let given = given.and_then(|it| it.split_once(' '));
    let Some((scheme, given)) = given else { return false };
    let difference = digest(given.trim()).iter().zip(token).fold(0, |all, (a, b)| all | (a ^ b));
    scheme.eq_ignore_ascii_case("bearer") && difference == 0
}
