//! Addresses: how they are put together, compared and shown.

use ureq::http::Uri;

/// What two addresses share if a token may be sent to both: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    pub(crate) fn of(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let usual = match scheme.as_str() {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let host = uri.host()?.to_ascii_lowercase();
        Some(Self { port: uri.port_u16().unwrap_or(usual), scheme, host })
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.scheme == "https"
    }
}

/// Where a redirect leads, seen from the address that answered it.
pub(crate) fn join(base: &str, location: &str) -> Option<String> {
    let base: Uri = base.parse().ok()?;
    let (scheme, authority) = (base.scheme_str()?, base.authority()?.as_str());
    let joined = match location {
        // Another scheme is found out by whoever asks for its origin.
        location if location.contains("://") => location.to_owned(),
        location if location.starts_with("//") => format!("{scheme}:{location}"),
        location if location.starts_with('/') => format!("{scheme}://{authority}{location}"),
        location => {
            let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{scheme}://{authority}{folder}/{location}")
        }
    };
    Some(joined)
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
pub(crate) fn shown(url: &str) -> String {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    match plain.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = authority.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}{path}")
        }
        None => plain.to_owned(),
    }
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
        assert!(Origin::of("file:///etc/passwd").is_none() && Origin::of("/a").is_none());
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
    }

    #[test]
    fn names_are_encoded_and_secrets_not_shown() {
        assert_eq!(encode("a b/ü.bin", Slashes::Separate), "a%20b/%C3%BC.bin");
        assert_eq!(encode("refs/pr/1", Slashes::Belong), "refs%2Fpr%2F1");
        assert_eq!(shown("https://u:p@h:1/a?X-Signature=s#f"), "https://h:1/a");
        assert_eq!(shown("https://u:p@h"), "https://h");
    }
}
