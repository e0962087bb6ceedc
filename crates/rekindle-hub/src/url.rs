//! Addresses: how they are put together, compared and shown.

use std::net::IpAddr;

use ureq::http::Uri;

/// What two addresses share if a token may be sent to both: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    /// The origin of an address of http or https; none where it is no such address, or its port none.
    pub(crate) fn of(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let usual = usual_port(&scheme)?;
        let authority = uri.authority()?;
        let host = authority.host();
        let after = authority.as_str().rsplit('@').next()?.strip_prefix(host)?;
        let port = match after.strip_prefix(':') {
            Some(port) => port.parse().ok()?,
            None => usual,
        };
        let host = host.to_ascii_lowercase();
        (!host.is_empty()).then_some(Self { scheme, host, port })
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.scheme == "https"
    }

    /// Whether what is sent there does not leave this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self.bare_host().parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// The host in lower case, an address of IPv6 without its brackets.
    pub(crate) fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Scheme, host and, unless it is the usual one, port.
    fn shown(&self) -> String {
        let Self { scheme, host, port } = self;
        match usual_port(scheme) == Some(*port) {
            true => format!("{scheme}://{host}"),
            false => format!("{scheme}://{host}:{port}"),
        }
    }
}

fn usual_port(scheme: &str) -> Option<u16> {
    match scheme {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    }
}

/// Where a redirect leads, seen from the address that answered it: RFC 3986, section 5.2.
pub(crate) fn join(base: &str, location: &str) -> Option<String> {
    let base: Uri = base.parse().ok()?;
    let (scheme, authority) = (base.scheme_str()?, base.authority()?.as_str());
    let location = location.split('#').next().unwrap_or_default();
    // Another scheme is found out by whoever asks for its origin.
    if has_scheme(location) {
        return Some(location.to_owned());
    }
    if location.starts_with("//") {
        return Some(format!("{scheme}:{location}"));
    }
    let (path, query) = match location.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (location, String::new()),
    };
    let path = match path {
        "" => base.path().to_owned(),
        path if path.starts_with('/') => without_dots(path),
        path => {
            let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            without_dots(&format!("{folder}/{path}"))
        }
    };
    Some(format!("{scheme}://{authority}{path}{query}"))
}

/// Whether a location begins with a scheme: a colon later on belongs to a path or a query.
fn has_scheme(location: &str) -> bool {
    let Some((scheme, _)) = location.split_once(':') else { return false };
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(letter)
}

/// An absolute path without `.` and `..` in it.
fn without_dots(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let last = path.rsplit('/').next().unwrap_or_default();
    for part in path.split('/').skip(1) {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let end = if matches!(last, "." | "..") { "/" } else { "" };
    match parts.join("/") {
        empty if empty.is_empty() => "/".to_owned(),
        parts => format!("/{parts}{end}"),
    }
}

/// Encodes what a path of an address cannot hold; slashes stay where they separate.
pub(crate) fn encode(text: &str, slashes: Slashes) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            b'/' if slashes == Slashes::Separate => encoded.push('/'),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// What a slash in a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slashes {
    /// A separator of folders.
    Separate,
    /// A letter like any other: revisions may have one.
    Belong,
}

/// An address as it may be shown: signatures are in queries, passwords before the host.
///
/// A password that was not encoded can make an address of another kind of it, or be taken for a path: what may hold one
/// is not shown.
pub(crate) fn shown(url: &str) -> String {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    if !url.contains('@') {
        return plain.to_owned();
    }
    let rest = plain.split_once("://").map_or("", |(_, rest)| rest);
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match Origin::of(plain) {
        Some(origin) if authority.contains('@') && url.matches('@').count() == 1 => {
            format!("{}{path}", origin.shown())
        }
        _ => HIDDEN.to_owned(),
    }
}

/// What is shown of an address that may hold a password anywhere.
const HIDDEN: &str = "(an address that is not shown)";

/// An address in the one way that it is compared in, and may be shown in.
pub(crate) fn normal(url: &str) -> String {
    let shown = shown(url);
    let Some(origin) = Origin::of(&shown) else { return shown };
    let path = shown.parse::<Uri>().map(|uri| uri.path().to_owned()).unwrap_or_default();
    format!("{}{}", origin.shown(), path.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_may_go_to_the_same_scheme_host_and_port() {
        let same =
            |left: &str, right: &str| Origin::of(left).unwrap() == Origin::of(right).unwrap();
        assert!(same("https://Hub.example/a", "https://hub.example:443/b?c"));
        assert!(!same("https://hub.example", "http://hub.example"));
        assert!(!same("https://hub.example", "https://hub.example:444"));
        assert!(!same("https://hub.example", "https://hub.example.evil"));
        assert!(!same("http://127.0.0.1:1", "http://localhost:1"));
        // What looks like the host is a user's name.
        assert!(!same("https://hub.example/", "https://hub.example@evil.example/"));
        for none in
            ["file:///etc/passwd", "/a", "http://user:pa/ss@host", "http://h:port", "http://"]
        {
            assert!(Origin::of(none).is_none(), "{none}");
        }
    }

    #[test]
    fn this_machine_is_told_from_all_others() {
        for (url, loopback) in [
            ("http://localhost:1", true),
            ("http://127.0.0.1", true),
            ("http://127.8.9.1:80", true),
            ("http://[::1]:8080", true),
            ("http://localhost.example", false),
            ("http://127.0.0.1.example", false),
            ("http://10.0.0.1", false),
            ("http://[::2]", false),
            ("http://0.0.0.0", false),
            ("http://localhost@hub.example", false),
        ] {
            assert_eq!(Origin::of(url).unwrap().is_loopback(), loopback, "{url}");
        }
    }

    #[test]
    fn a_location_is_read_from_where_it_was_answered() {
        let check = |location: &str, expected: &str| {
            assert_eq!(join("http://h:1/a/b?q", location).as_deref(), Some(expected));
        };
        check("https://o/x", "https://o/x");
        check("//o/x", "http://o/x");
        check("/x?y", "http://h:1/x?y");
        check("x", "http://h:1/a/x");
        // Whatever its query holds, a path is a path.
        check("/x?go=https://o/y", "http://h:1/x?go=https://o/y");
        check("x?go=https://o", "http://h:1/a/x?go=https://o");
        check("/a:b/https://o", "http://h:1/a:b/https://o");
        check("?page=2", "http://h:1/a/b?page=2");
        check("../x/./y", "http://h:1/x/y");
        check("../../../x/..", "http://h:1/");
        check("/x#https://o", "http://h:1/x");
        check("file:///etc/passwd", "file:///etc/passwd");
    }

    #[test]
    fn names_are_encoded_and_secrets_not_shown() {
        assert_eq!(encode("a b/ü.bin", Slashes::Separate), "a%20b/%C3%BC.bin");
        assert_eq!(encode("refs/pr/1", Slashes::Belong), "refs%2Fpr%2F1");
        assert_eq!(shown("https://u:p@h:1/a?X-Signature=s#f"), "https://h:1/a");
        assert_eq!(shown("https://u:p@h"), "https://h");
        assert_eq!(shown("http://u:p@h:8080/hub/"), "http://h:8080/hub/");
        assert_eq!(shown("huggingface.co"), "huggingface.co");
        // A secret is not shown, wherever it was put by mistake.
        for url in [
            "http://user:sec/ret@h/x",
            "http://user:sec?ret@h/x",
            "http://user:sec#ret@h/x",
            "user:sec@h",
            "http:/user:sec@h",
            "http://user:sec@h:port",
            "//user:sec@h",
            "http://h/user:sec@x",
            "http://user:sec@@h",
        ] {
            assert!(
                !shown(url).contains("sec") && !normal(url).contains("sec"),
                "{url}: {}",
                shown(url)
            );
        }
    }

    #[test]
    fn addresses_are_compared_in_one_way() {
        for url in ["https://Hub.example", "https://hub.example:443/", "https://u:p@hub.example//"]
        {
            assert_eq!(normal(url), "https://hub.example", "{url}");
        }
        assert_eq!(normal("http://h:8080/hub/"), "http://h:8080/hub");
        assert_ne!(normal("http://h"), normal("https://h"));
    }
}
