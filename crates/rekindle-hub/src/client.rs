//! Requests to the Hub: who asks, which redirects are followed, what is tried again.

use std::{
    fmt,
    io::Read,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use serde::de::DeserializeOwned;
use ureq::{
    Agent, AsSendBody, Body, BodyReader, Proxy,
    http::{HeaderMap, HeaderValue, Method, Request, Response, header},
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
};

use crate::{
    Answer, Error, HubSettings, NetworkAccess, Token,
    pace::{Paced, WINDOW},
    proxies::Routes,
    refusal::{disconnected, refused, words},
    retry::{Failure, Patience, Tries},
    url::{Origin, join, shown},
    watch::Watch,
};

/// Redirects that are followed in a row.
const REDIRECTS: usize = 10;

/// The longest answer that is kept in memory, in bytes: a list of 100,000 files takes 25 million.
const LONGEST: u64 = 32 << 20;

/// The longest refusal that is read, in bytes.
const LONGEST_REFUSAL: u64 = 1 << 16;

/// Sends requests to one Hub.
///
/// The token goes to the endpoint's scheme, host and port alone, wherever an answer leads, and in clear to no other
/// machine.
pub struct Client {
    routes: Routes,
    /// The endpoint, with a password where it holds one.
    base: String,
    /// The same as it may be shown.
    endpoint: String,
    origin: Origin,
    token: Option<Token>,
    network: NetworkAccess,
    patience: Patience,
    /// The longest silence of a server.
    silence: Duration,
    /// Whether any server ever answered: without that, a host that is not found is no accident.
    answered: AtomicBool,
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("endpoint", &self.endpoint)
            .field("routes", &self.routes)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
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
    /// certificates holds none; [`Error::Io`] where it cannot be read. A proxy that cannot be used is an error of the
    /// requests that were to go by it.
    pub fn new(settings: &HubSettings) -> Result<Self, Error> {
        let base = settings.endpoint.trim_end_matches('/').to_owned();
        let endpoint = shown(&base);
        let Some(origin) = Origin::of(&base) else {
            let problem = format!("`{endpoint}` is not an address of http or https");
            return Err(Error::Layout { path: "HF_ENDPOINT".into(), problem });
        };
        if settings.token.as_ref().is_some_and(|token| bearer(token).is_err()) {
            let problem = "it holds letters that no token has".to_owned();
            return Err(Error::Layout { path: "HF_TOKEN".into(), problem });
        }
        let tls = settings.certificates.as_deref().map(roots).transpose()?;
        let tls = tls.map(|roots| TlsConfig::builder().root_certs(roots).build());
        let silence = settings.stall;
        let agent = |proxy: Option<Proxy>| {
            let config = Agent::config_builder()
                .http_status_as_error(false)
                // Followed here, so that the token stays where it belongs.
                .max_redirects(0)
                .user_agent(concat!("rekindle/", env!("CARGO_PKG_VERSION")))
                .accept_encoding("identity")
                .timeout_connect(Some(silence))
                .timeout_per_read(Some(silence))
                .timeout_per_write(Some(silence))
                // A head is short: who sends it byte by byte is waited for no longer.
                .timeout_recv_response(Some(silence.saturating_mul(WINDOW)))
                .proxy(proxy);
            let config = match &tls {
                Some(tls) => config.tls_config(tls.clone()),
                None => config,
            };
            config.build().new_agent()
        };
        let routes = Routes::new(settings.proxies, &|name| std::env::var_os(name), &agent);
        let patience = Patience {
            attempts: settings.attempts.max(1),
            wait: settings.wait,
            longest: settings.longest_wait,
        };
        let (token, network) = (settings.token.clone(), settings.network);
        let answered = AtomicBool::new(false);
        Ok(Self { routes, base, endpoint, origin, token, network, patience, silence, answered })
    }

    /// The Hub's address as it may be shown, without a slash at the end.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The address of a path of the Hub, which begins with a slash.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Whether it speaks for somebody.
    #[must_use]
    pub fn has_token(&self) -> bool {
        self.token.is_some() && !self.withholds_token()
    }

    /// Whether there is a token that is not sent: in clear it would leave this machine.
    #[must_use]
    pub fn withholds_token(&self) -> bool {
        let here = self.origin.is_loopback() && self.routes.is_direct(&self.origin);
        self.token.is_some() && !self.origin.is_encrypted() && !here
    }

    /// Refuses to hand the token to a client that would send it in clear.
    #[cfg(feature = "xet")]
    pub(crate) fn check_token(&self) -> Result<(), Error> {
        if !self.withholds_token() {
            return Ok(());
        }
        let problem =
            "the transport xet would send the token in clear; use https://, or the transport http";
        Err(Error::Answer { url: self.endpoint.clone(), problem: problem.to_owned() })
    }

    /// What the Hub has at a path, which begins with a slash, as JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Status`], [`Error::Answer`] and [`Error::Network`]; [`Error::Offline`].
    pub fn get_json<T: DeserializeOwned>(&self, path: &str, watch: Watch<'_>) -> Result<T, Error> {
        let url = self.address(path);
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
                _ => return Err(self.refused(method, &url, response)),
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
        let origin = Origin::of(url).ok_or_else(|| unsendable(url))?;
        if self.origin.is_encrypted() && !origin.is_encrypted() {
            let problem =
                "the Hub names an address that gives encryption up; is there a proxy in between?";
            return Err(Error::Answer { url: shown(url), problem: problem.to_owned() }.into());
        }
        if let Some(token) = &self.token
            && origin == self.origin
            && !self.withholds_token()
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
        let origin = Origin::of(url).ok_or_else(|| unsendable(url))?;
        let agent = self.routes.agent(&origin)?;
        let response = agent.run(request).map_err(|error| self.lost(url, error))?;
        self.answered.store(true, Ordering::Relaxed);
        Ok(response)
    }

    /// What to do about a connection that failed.
    pub(crate) fn lost(&self, url: &str, error: ureq::Error) -> Failure {
        disconnected(url, &error, self.answered.load(Ordering::Relaxed))
    }

    /// What a server says that refused something.
    pub(crate) fn refused(&self, method: &Method, url: &str, response: Response<Body>) -> Failure {
        let (head, body) = response.into_parts();
        let mut said = Vec::new();
        if *method != Method::HEAD {
            // What cannot be read of it is not repeated.
            let _ = self.paced(body).take(LONGEST_REFUSAL).read_to_end(&mut said);
        }
        let message = self.without_secrets(words(&head.headers, &said));
        let Failure { mut error, again } = refused(&self.base, url, &head, message);
        if let Error::Status { status: 401 | 403 | 404, remedy, .. } = error.as_mut()
            && self.withholds_token()
        {
            remedy.push_str(
                "; the token was not sent, for http:// would carry it in clear: use https://",
            );
        }
        Failure { error, again }
    }

    /// A server may repeat what it was sent.
    fn without_secrets(&self, text: String) -> String {
        match &self.token {
            Some(token) => text.replace(token.secret(), "(the token)"),
            None => text,
        }
    }

    /// A body that is given up where it comes too slowly.
    pub(crate) fn paced(&self, body: Body) -> Paced<BodyReader<'static>> {
        Paced::new(body.into_reader(), self.silence)
    }

    /// Something to send, which is given up where nobody takes it.
    pub(crate) fn paced_upload<R: Read>(&self, from: R) -> Paced<R> {
        Paced::new(from, self.silence)
    }

    /// Reads a short answer.
    pub(crate) fn read(&self, answered: Answered) -> Result<Answer, Failure> {
        let Answered { url, response } = answered;
        plain(&url, response.headers())?;
        let long = || {
            let problem =
                format!("the answer is longer than {LONGEST} bytes, the limit of an answer");
            Failure::from(Error::Answer { url: shown(&url), problem })
        };
        if response.body().content_length().is_some_and(|bytes| bytes > LONGEST) {
            return Err(long());
        }
        let text = |(name, value): (&header::HeaderName, &HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        let headers = response.headers().iter().filter_map(text).collect();
        let status = response.status().as_u16();
        let mut content = Vec::new();
        let mut body = self.paced(response.into_body()).take(LONGEST + 1);
        body.read_to_end(&mut content).map_err(|error| self.lost(&url, error.into()))?;
        if content.len() as u64 > LONGEST {
            return Err(long());
        }
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

    fn client(endpoint: &str) -> Client {
        let settings = HubSettings {
            endpoint: endpoint.to_owned(),
            token: Token::new("hf_secret"),
            ..HubSettings::new(Path::new("cache")).unwrap()
        };
        Client::new(&settings).unwrap()
    }

    #[test]
    fn a_redirect_may_not_give_encryption_up() {
        let client = client("https://hub.example");
        let next =
            |from: &str, to: &str| client.redirected(from, to).map_err(|error| error.to_string());
        assert_eq!(next("https://a/x", "https://b/y").as_deref(), Ok("https://b/y"));
        assert_eq!(next("https://a/x", "//b/y").as_deref(), Ok("https://b/y"));
        assert_eq!(next("http://a/x", "https://b/y").as_deref(), Ok("https://b/y"));
        assert_eq!(
            next("https://a/x", "/y?go=https://b").as_deref(),
            Ok("https://a/y?go=https://b")
        );
        assert!(next("https://a/x", "http://a/y").unwrap_err().contains("gives encryption up"));
        assert!(next("https://a/x", "file:///etc/passwd").is_err());
    }

    /// Whoever names the address: a redirect, an answer to an upload, a caller.
    #[test]
    fn no_request_gives_encryption_up_and_no_token_goes_in_clear() {
        for (endpoint, url, sent, token) in [
            ("https://hub.example", "https://hub.example/x", true, true),
            ("https://hub.example", "https://storage.example/x", true, false),
            ("https://hub.example", "http://storage.example/x", false, false),
            ("https://hub.example", "http://hub.example/x", false, false),
            ("https://hub.example", "http://127.0.0.1/x", false, false),
            ("http://127.0.0.1:1", "http://127.0.0.1:1/x", true, true),
            ("http://[::1]:1", "http://[::1]:1/x", true, true),
            ("http://hub.example", "http://hub.example/x", true, false),
            ("http://10.0.0.1", "http://10.0.0.1/x", true, false),
            ("http://localhost.example", "http://localhost.example/x", true, false),
        ] {
            let client = client(endpoint);
            for method in [Method::GET, Method::PUT, Method::POST] {
                let request = client.request(&method, url);
                let found = request
                    .as_ref()
                    .is_ok_and(|request| request.headers().contains_key(header::AUTHORIZATION));
                assert_eq!((request.is_ok(), found), (sent, token), "{endpoint} {url}");
            }
            let clear = endpoint.starts_with("http:") && !token;
            assert_eq!(
                (client.withholds_token(), client.has_token()),
                (clear, !clear),
                "{endpoint}"
            );
        }
    }

    #[test]
    fn a_password_of_the_endpoint_is_shown_nowhere() {
        let settings = HubSettings {
            endpoint: "https://user:password@hub.example/mirror".to_owned(),
            network: NetworkAccess::Offline,
            ..HubSettings::new(Path::new("cache")).unwrap()
        };
        let client = Client::new(&settings).unwrap();
        assert_eq!(client.endpoint(), "https://hub.example/mirror");
        let offline = client.request(&Method::GET, &client.address("/x")).unwrap_err().error;
        let failed = disconnected(&client.address("/x"), &ureq::Error::HostNotFound, false).error;
        for text in [
            format!("{settings:?} {client:?}"),
            settings.origin(),
            offline.to_string(),
            failed.to_string(),
            format!("{:?}", crate::Hub::new(settings.clone())),
        ] {
            assert!(!text.contains("password") && text.contains("hub.example"), "{text}");
        }
        for endpoint in
            ["user:password@hub.example", "http://user:pass/word@h", "ftp://u:password@h"]
        {
            let settings = HubSettings { endpoint: endpoint.to_owned(), ..settings.clone() };
            let text = Client::new(&settings).unwrap_err().to_string();
            assert!(!text.contains("pass") && text.contains("HF_ENDPOINT"), "{text}");
        }
    }
}
