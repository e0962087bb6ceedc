//! Requests to the Hub: who asks, which redirects are followed, what is tried again.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use serde::de::DeserializeOwned;
use ureq::{
    Agent, AsSendBody, Body,
    http::{HeaderMap, HeaderValue, Method, Request, Response, header},
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
};

use crate::{
    Answer, Error, HubSettings, NetworkAccess, Proxies, Token,
    refusal::{disconnected, refused},
    retry::{Failure, Patience, Tries},
    url::{Origin, join, shown},
    watch::Watch,
};

/// Redirects that are followed in a row.
const REDIRECTS: usize = 10;

/// The longest answer that is kept in memory, in bytes.
const LONGEST: u64 = 64 << 20;

/// Sends requests to one Hub.
///
/// The token goes to the endpoint's scheme, host and port alone, wherever an answer leads.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    endpoint: String,
    origin: Origin,
    token: Option<Token>,
    network: NetworkAccess,
    patience: Patience,
    /// Whether any server ever answered: without that, a host that is not found is no accident.
    answered: AtomicBool,
}

/// An answer's head, and its body to be read.
pub(crate) struct Answered {
    /// Where it came from, after redirects.
    pub(crate) url: String,
    pub(crate) response: Response<Body>,
}

/// Which redirects are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    /// All, to the bytes.
    All,
    /// Those before the Hub says what the file is.
    UntilDescribed,
}

impl Client {
    /// A client for the settings' endpoint, on behalf of their token.
    ///
    /// # Errors
    ///
    /// [`Error::Layout`] where the endpoint is no address or the token cannot be sent, and where the file of
    /// certificates holds none; [`Error::Io`] where it cannot be read.
    pub fn new(settings: &HubSettings) -> Result<Self, Error> {
        let endpoint = settings.endpoint.trim_end_matches('/').to_owned();
        let Some(origin) = Origin::of(&endpoint) else {
            let problem = format!("`{}` is not an address of http or https", shown(&endpoint));
            return Err(Error::Layout { path: "HF_ENDPOINT".into(), problem });
        };
        if settings.token.as_ref().is_some_and(|token| bearer(token).is_err()) {
            let problem = "it holds letters that no token has".to_owned();
            return Err(Error::Layout { path: "HF_TOKEN".into(), problem });
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // Followed here, so that the token stays where it belongs.
            .max_redirects(0)
            .user_agent(concat!("rekindle/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .timeout_connect(Some(settings.stall))
            .timeout_per_read(Some(settings.stall))
            .timeout_per_write(Some(settings.stall));
        if settings.proxies == Proxies::Unused {
            config = config.proxy(None);
        }
        if let Some(path) = &settings.certificates {
            config = config.tls_config(TlsConfig::builder().root_certs(roots(path)?).build());
        }
        let patience = Patience {
            attempts: settings.attempts.max(1),
            wait: settings.wait,
            longest: settings.longest_wait,
        };
        let (token, network) = (settings.token.clone(), settings.network);
        let agent = config.build().new_agent();
        let answered = AtomicBool::new(false);
        Ok(Self { agent, endpoint, origin, token, network, patience, answered })
    }

    /// The Hub's address, without a slash at the end.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Whether it speaks for somebody.
    #[must_use]
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// What the Hub has at a path, which begins with a slash, as JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Status`], [`Error::Answer`] and [`Error::Network`]; [`Error::Offline`].
    pub fn get_json<T: DeserializeOwned>(&self, path: &str, watch: Watch<'_>) -> Result<T, Error> {
        let url = format!("{}{path}", self.endpoint);
        self.retry(watch, || {
            let answered = self.get(&Method::GET, &url, &[], Follow::All)?;
            self.read(answered)
        })?
        .json()
    }

    /// Tries until it works, or until it is of no use.
    pub(crate) fn retry<T>(
        &self,
        watch: Watch<'_>,
        mut once: impl FnMut() -> Result<T, Failure>,
    ) -> Result<T, Error> {
        let mut tries = self.tries();
        loop {
            match once() {
                Ok(done) => return Ok(done),
                Err(failure) => tries.wait(failure, watch)?,
            }
        }
    }

    pub(crate) fn tries(&self) -> Tries<'_> {
        Tries::new(&self.patience)
    }

    /// One try to get something, redirects followed.
    pub(crate) fn get(
        &self,
        method: &Method,
        url: &str,
        headers: &[(header::HeaderName, &str)],
        follow: Follow,
    ) -> Result<Answered, Failure> {
        let mut url = url.to_owned();
        for _ in 0..=REDIRECTS {
            let mut request = self.request(method, &url)?;
            for (name, value) in headers {
                let value = HeaderValue::from_str(value).map_err(|_| unsendable(&url))?;
                request.headers_mut().insert(name, value);
            }
            let response = self.run(&url, request)?;
            let described = follow == Follow::UntilDescribed
                && response.headers().contains_key("x-linked-etag");
            let location = response.headers().get(header::LOCATION);
            match location.and_then(|location| location.to_str().ok()) {
                Some(location) if response.status().is_redirection() && !described => {
                    url = self.redirected(&url, location)?;
                }
                _ if response.status().is_redirection() && !described => {
                    let problem = "a redirect that leads nowhere; try again later".to_owned();
                    return Err(Error::Answer { url: shown(&url), problem }.into());
                }
                _ if response.status().is_success() || described => {
                    return Ok(Answered { url, response });
                }
                _ => return Err(refused(method, &self.endpoint, &url, response)),
            }
        }
        let problem = format!("more than {REDIRECTS} redirects in a row; try again later");
        Err(Error::Answer { url: shown(&url), problem }.into())
    }

    /// Where a redirect leads, unless it gives encryption up.
    fn redirected(&self, url: &str, location: &str) -> Result<String, Error> {
        let bad = |problem: &str| Error::Answer { url: shown(url), problem: problem.to_owned() };
        let next = join(url, location);
        let origin = next.as_deref().and_then(Origin::of);
        let (Some(next), Some(origin)) = (next, origin) else {
            return Err(bad("a redirect to something that is no address; try again later"));
        };
        let encrypted = Origin::of(url).is_some_and(|before| before.is_encrypted());
        if encrypted && !origin.is_encrypted() {
            return Err(bad("a redirect that gives encryption up; is there a proxy in between?"));
        }
        Ok(next)
    }

    /// A request without content, with the token where it may go.
    pub(crate) fn request(&self, method: &Method, url: &str) -> Result<Request<()>, Failure> {
        if self.network == NetworkAccess::Offline {
            return Err(Error::Offline { wanted: shown(url) }.into());
        }
        let request = Request::builder().method(method).uri(url).body(());
        let mut request = request.map_err(|_| unsendable(url))?;
        if let Some(token) = &self.token
            && Origin::of(url).as_ref() == Some(&self.origin)
        {
            let value = bearer(token).map_err(|_| unsendable(url))?;
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        Ok(request)
    }

    /// Sends one request, and waits for the head of its answer.
    pub(crate) fn run(
        &self,
        url: &str,
        request: Request<impl AsSendBody>,
    ) -> Result<Response<Body>, Failure> {
        let response = self.agent.run(request).map_err(|error| self.lost(url, error))?;
        self.answered.store(true, Ordering::Relaxed);
        Ok(response)
    }

    /// What to do about a connection that failed.
    pub(crate) fn lost(&self, url: &str, error: ureq::Error) -> Failure {
        disconnected(url, &error, self.answered.load(Ordering::Relaxed))
    }

    /// Reads a short answer.
    pub(crate) fn read(&self, answered: Answered) -> Result<Answer, Failure> {
        let Answered { url, response } = answered;
        plain(&url, response.headers())?;
        let text = |(name, value): (&header::HeaderName, &HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        let headers = response.headers().iter().filter_map(text).collect();
        let status = response.status().as_u16();
        let body = response.into_body().into_with_config().limit(LONGEST).read_to_vec();
        let content = body.map_err(|error| self.lost(&url, error))?;
        Ok(Answer { url: shown(&url), status, headers, content })
    }
}

/// Refuses what was compressed: its bytes are not the file's, and nobody asked for that.
pub(crate) fn plain(url: &str, headers: &HeaderMap) -> Result<(), Error> {
    match headers.get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok()) {
        None | Some("" | "identity") => Ok(()),
        Some(encoding) => {
            let problem = format!(
                "the answer is compressed ({encoding}), which was not asked for; a proxy in between may \
                 do that: set NO_PROXY, or HF_ENDPOINT to another mirror"
            );
            Err(Error::Answer { url: shown(url), problem })
        }
    }
}

fn bearer(token: &Token) -> Result<HeaderValue, header::InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.secret()))?;
    value.set_sensitive(true);
    Ok(value)
}

pub(crate) fn unsendable(url: &str) -> Failure {
    let problem = "the request cannot be written: odd letters in an address or a header".to_owned();
    Error::Answer { url: shown(url), problem }.into()
}

fn roots(path: &Path) -> Result<RootCerts, Error> {
    let text = std::fs::read(path).map_err(Error::io("read the certificates", path))?;
    let items = parse_pem(&text).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let found: Vec<_> = items.collect();
    if found.is_empty() {
        let problem = "it holds no certificate in PEM format".to_owned();
        return Err(Error::Layout { path: path.to_owned(), problem });
    }
    Ok(RootCerts::from(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_may_not_give_encryption_up() {
        let settings = HubSettings::new(Path::new("cache")).unwrap();
        let client = Client::new(&settings).unwrap();
        let next =
            |from: &str, to: &str| client.redirected(from, to).map_err(|error| error.to_string());
        assert_eq!(next("https://a/x", "https://b/y").as_deref(), Ok("https://b/y"));
        assert_eq!(next("https://a/x", "//b/y").as_deref(), Ok("https://b/y"));
        assert_eq!(next("http://a/x", "https://b/y").as_deref(), Ok("https://b/y"));
        assert!(next("https://a/x", "http://a/y").unwrap_err().contains("gives encryption up"));
        assert!(next("https://a/x", "file:///etc/passwd").is_err());
    }
}
