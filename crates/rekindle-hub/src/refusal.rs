//! Why a request failed, what its user can do about it, and whether trying again may help.

use ureq::http::{HeaderMap, header, response::Parts};

use crate::{
    Error,
    retry::{Again, Failure, retry_after},
    url::shown,
};

/// How much of a server's words is repeated, in letters.
const WORDS: usize = 200;

/// A server that answered with an error, and what it said of it.
pub(crate) fn refused(endpoint: &str, url: &str, head: &Parts, message: String) -> Failure {
    let (status, headers) = (head.status.as_u16(), &head.headers);
    let again = match status {
        408 | 429 | 500..=599 => {
            let (wait, date) = (text(headers, "retry-after"), text(headers, "date"));
            let asked = wait.and_then(|wait| retry_after(wait, date));
            asked.map_or(Again::Later, Again::After)
        }
        _ => Again::Never,
    };
    let remedy = remedy(status, headers, endpoint, url);
    Error::Status { url: shown(url), status, message, remedy }.again(again)
}

/// A server that did not answer, or stopped in the middle.
pub(crate) fn disconnected(url: &str, error: &ureq::Error, answered: bool) -> Failure {
    let problem = error.to_string();
    let network = |problem: String, again| {
        let url = shown(url);
        Error::Network { url, problem, attempts: 1, bytes: 0 }.again(again)
    };
    if problem.to_ascii_lowercase().contains("certificate") {
        let hint = "is this machine's clock right? Behind a proxy that opens connections, set SSL_CERT_FILE";
        return network(format!("{problem} ({hint})"), Again::Never);
    }
    // The standard library has no kind for it.
    let unknown_host = matches!(error, ureq::Error::HostNotFound)
        || problem.contains("failed to lookup address information");
    match error {
        ureq::Error::Timeout(_) => network("the server stopped sending".to_owned(), Again::Later),
        // Before any answer there is no network, or no such host; after one it is an interruption.
        _ if unknown_host => {
            let again = if answered { Again::Later } else { Again::Never };
            network("the host was not found".to_owned(), again)
        }
        ureq::Error::InvalidProxyUrl => network(problem, Again::Never),
        _ => network(problem, Again::Later),
    }
}

/// The server's own words, in its header or its JSON.
pub(crate) fn words(headers: &HeaderMap, content: &[u8]) -> String {
    let said = text(headers, "x-error-message").map(str::to_owned).or_else(|| {
        let json: serde_json::Value = serde_json::from_slice(content).ok()?;
        Some(json.get("error")?.as_str()?.to_owned())
    });
    repeated(&said.unwrap_or_default())
}

/// A server's words as they are repeated: short, and nothing that a terminal would obey.
pub(crate) fn repeated(words: &str) -> String {
    words.chars().filter(|letter| !letter.is_control()).take(WORDS).collect()
}

fn remedy(status: u16, headers: &HeaderMap, endpoint: &str, url: &str) -> String {
    let code = text(headers, "x-error-code").unwrap_or_default();
    let page = || {
        let path = url.strip_prefix(endpoint).unwrap_or_default();
        let parts = path.trim_start_matches("/api/models").trim_start_matches('/').split('/');
        format!("{}/{}", shown(endpoint), parts.take(2).collect::<Vec<_>>().join("/"))
    };
    match (status, code) {
        (_, "GatedRepo") => {
            format!("accept its terms at {} and set HF_TOKEN to a token of that account", page())
        }
        (401, _) => {
            "no such repository, or a private one: check the name, and set HF_TOKEN to a token \
                     that may read it"
                .to_owned()
        }
        (403, _) => {
            format!("ask for access at {}, or set HF_TOKEN to a token that may read it", page())
        }
        (404, "RevisionNotFound") => "the repository has no such revision".to_owned(),
        (404, "EntryNotFound") => "the revision has no such file".to_owned(),
        (404, _) => "check the name; a private repository needs HF_TOKEN as well".to_owned(),
        (408 | 429 | 500..=599, _) => "the server is busy or broken: try again later".to_owned(),
        _ => "check HF_ENDPOINT, and whether a proxy answers in its place".to_owned(),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(header::HeaderName::try_from(name).ok()?)?.to_str().ok()
}
