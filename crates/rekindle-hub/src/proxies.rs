//! By which proxy requests go: the environment's variables, read as Python's clients read them.
//!
//! `https_proxy` says it for addresses of https, `http_proxy` for those of http, and `all_proxy` for those of which the
//! former says nothing; each may be in capitals, and is looked for in small letters first. `no_proxy` lists hosts that
//! are asked directly. What is named there and cannot be used is an error: nothing goes directly that was to take
//! another way.

use std::{ffi::OsString, net::Ipv4Addr};

use ureq::{Agent, Proxy};

use crate::{Error, Proxies, url::Origin};

/// The kinds of proxies that are spoken to.
const KINDS: [&str; 2] = ["http", "https"];

/// Looks an environment variable up.
pub(crate) type Variable<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The ways that requests take.
#[derive(Debug)]
pub(crate) struct Routes {
    direct: Agent,
    http: Way,
    https: Way,
    /// Hosts that are asked directly.
    bypassed: Vec<String>,
}

/// How requests of one scheme go, to hosts that are not asked directly.
enum Way {
    Direct,
    Proxy(Agent),
    /// Not at all: this variable has this problem.
    Refused {
        variable: String,
        problem: String,
    },
}

impl std::fmt::Debug for Way {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A proxy's address may hold a password.
        formatter.write_str(match self {
            Self::Direct => "Direct",
            Self::Proxy(_) => "Proxy",
            Self::Refused { .. } => "Refused",
        })
    }
}

impl Routes {
    /// Reads the variables, if they are obeyed; `agent` makes what sends requests by a proxy, or directly.
    pub(crate) fn new(
        proxies: Proxies,
        variable: Variable<'_>,
        agent: &dyn Fn(Option<Proxy>) -> Agent,
    ) -> Self {
        let direct = agent(None);
        if proxies == Proxies::Unused {
            return Self { direct, http: Way::Direct, https: Way::Direct, bypassed: Vec::new() };
        }
        let way = |scheme: &str| match chosen(scheme, variable) {
            None => Way::Direct,
            Some((variable, value)) => match parsed(&value) {
                Ok(proxy) => Way::Proxy(agent(Some(proxy))),
                Err(problem) => Way::Refused { variable, problem },
            },
        };
        let bypassed = either("no_proxy", variable).map_or_else(String::new, |(_, value)| value);
        let bypassed = bypassed.split(',').map(|host| host.trim().to_ascii_lowercase());
        let bypassed = bypassed.filter(|host| !host.is_empty()).collect();
        Self { direct, http: way("http"), https: way("https"), bypassed }
    }

    /// What sends a request to an address.
    ///
    /// # Errors
    ///
    /// [`Error::Layout`] where a variable names a proxy that cannot be used.
    pub(crate) fn agent(&self, to: &Origin) -> Result<&Agent, Error> {
        match self.way(to) {
            Way::Direct => Ok(&self.direct),
            Way::Proxy(agent) => Ok(agent),
            Way::Refused { variable, problem } => {
                Err(Error::Layout { path: variable.into(), problem: problem.clone() })
            }
        }
    }

    /// Whether an address is asked without a proxy in between.
    pub(crate) fn is_direct(&self, to: &Origin) -> bool {
        matches!(self.way(to), Way::Direct)
    }

    fn way(&self, to: &Origin) -> &Way {
        if self.bypassed.iter().any(|entry| bypasses(entry, to)) {
            return &Way::Direct;
        }
        if to.is_encrypted() { &self.https } else { &self.http }
    }
}

/// The proxy of a scheme, and the variable that names it.
fn chosen(scheme: &str, variable: Variable<'_>) -> Option<(String, String)> {
    let own = either(&format!("{scheme}_proxy"), variable);
    // A server's own variable of this name would be what a client's header says: httpoxy.
    let capital = own.as_ref().is_some_and(|(name, _)| name == "HTTP_PROXY");
    let own = own.filter(|_| !(capital && variable("REQUEST_METHOD").is_some()));
    let stated = |(_, value): &(String, String)| !value.is_empty();
    own.filter(stated).or_else(|| either("all_proxy", variable).filter(stated))
}

/// A variable in small letters, even if it says nothing, else in capitals; and its name.
fn either(name: &str, variable: Variable<'_>) -> Option<(String, String)> {
    [name.to_owned(), name.to_ascii_uppercase()].into_iter().find_map(|name| {
        let value = variable(&name)?.to_string_lossy().trim().to_owned();
        Some((name, value))
    })
}

/// A proxy from its address; one without a scheme is of http, as Python has it.
fn parsed(value: &str) -> Result<Proxy, String> {
    let (kind, rest) = match value.split_once("://") {
        Some((kind, rest)) => (kind.to_ascii_lowercase(), rest),
        None => (KINDS[0].to_owned(), value),
    };
    let url = format!("{kind}://{rest}");
    if !KINDS.contains(&kind.as_str()) {
        // Of what is no scheme nothing is shown: it may be a password.
        let known = kind.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !kind.is_empty();
        let kind = if known { kind } else { "another kind".to_owned() };
        return Err(format!("is a proxy of {kind}, and http:// and https:// are spoken to"));
    }
    // What is malformed is not shown: it may hold a password.
    let malformed = || "is no address of a proxy; http://HOST:PORT would be one".to_owned();
    if Origin::of(&url).is_none() {
        return Err(malformed());
    }
    Proxy::new(&url).map_err(|_| malformed())
}

/// Whether an entry of `no_proxy` is about a host: its name, a name that it lies under, its address or a block of those,
/// or all.
fn bypasses(entry: &str, to: &Origin) -> bool {
    let (host, port) = (to.bare_host(), to.port());
    if entry == "*" || entry == host || entry.trim_matches(['[', ']']) == host {
        return true;
    }
    if let Some((name, digits)) = entry.rsplit_once(':')
        && digits.parse() == Ok(port)
        && bypasses(name, to)
    {
        return true;
    }
    if let (Some((block, bits)), Ok(address)) = (entry.split_once('/'), host.parse::<Ipv4Addr>()) {
        let (block, bits) = (block.parse::<Ipv4Addr>(), bits.parse::<u32>());
        return block.is_ok_and(|block| {
            bits.is_ok_and(|bits| {
                bits <= 32 && (u32::from(block) ^ u32::from(address)).leading_zeros() >= bits
            })
        });
    }
    let domain = entry.trim_start_matches('*').trim_start_matches('.');
    let under = host.strip_suffix(domain).is_some_and(|above| above.ends_with('.'));
    !domain.is_empty() && (host == domain || under)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HUB: &str = "https://hub.example";
    const PLAIN: &str = "http://hub.example:8080";

    fn routes(variables: &[(&str, &str)]) -> Routes {
        let agent = |proxy| Agent::config_builder().proxy(proxy).build().new_agent();
        let variable = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Routes::new(Proxies::Environment, &variable, &agent)
    }

    /// `direct`, the proxy that is asked, or the variable that cannot be obeyed.
    fn way(variables: &[(&str, &str)], url: &str) -> String {
        let (routes, origin) = (routes(variables), Origin::of(url).unwrap());
        let way = match routes.agent(&origin) {
            Ok(agent) => match agent.config().proxy() {
                Some(proxy) => format!("{}:{}", proxy.host(), proxy.port()),
                None => "direct".to_owned(),
            },
            Err(Error::Layout { path, problem }) => {
                assert!(!problem.contains("secret"), "{problem}");
                path.display().to_string()
            }
            Err(error) => panic!("{error}"),
        };
        assert_eq!(routes.is_direct(&origin), way == "direct", "{variables:?}");
        way
    }

    #[test]
    fn variables_say_what_they_say_to_python() {
        let one = ("https_proxy", "http://one:1");
        let two = ("http_proxy", "http://two:2");
        let all = ("all_proxy", "http://all:3");
        let capital = ("HTTPS_PROXY", "http://capital:4");
        let capital_http = ("HTTP_PROXY", "http://capital:5");
        for (variables, https, http) in [
            (&[][..], "direct", "direct"),
            (&[one], "one:1", "direct"),
            (&[two], "direct", "two:2"),
            (&[all], "all:3", "all:3"),
            (&[one, all], "one:1", "all:3"),
            (&[one, two, all], "one:1", "two:2"),
            (&[capital], "capital:4", "direct"),
            (&[capital, one], "one:1", "direct"),
            (&[capital, ("https_proxy", "")], "direct", "direct"),
            (&[capital, ("https_proxy", ""), all], "all:3", "all:3"),
            (&[("ALL_PROXY", "")], "direct", "direct"),
            (&[capital_http], "direct", "capital:5"),
            (&[capital_http, ("REQUEST_METHOD", "GET")], "direct", "direct"),
            (&[two, ("REQUEST_METHOD", "GET")], "direct", "two:2"),
            (&[("https_proxy", "bare:6")], "bare:6", "direct"),
            (&[("https_proxy", "user:secret@bare:6")], "bare:6", "direct"),
            (&[("https_proxy", "HTTPS://user:secret@tls")], "tls:443", "direct"),
        ] {
            assert_eq!(way(variables, HUB), https, "{variables:?}");
            assert_eq!(way(variables, PLAIN), http, "{variables:?}");
        }
        let agent = |proxy| Agent::config_builder().proxy(proxy).build().new_agent();
        let set = |_: &str| Some(OsString::from("nonsense://"));
        let unused = Routes::new(Proxies::Unused, &set, &agent);
        assert!(unused.is_direct(&Origin::of(HUB).unwrap()));
    }

    #[test]
    fn what_cannot_be_used_is_refused_and_nothing_goes_directly() {
        for value in [
            "socks5://secret@proxy:1080",
            "socks5h://proxy",
            "ftp://proxy",
            "secret word://proxy",
            "://proxy",
            "http://",
            "http:///",
            "http://user:sec/secret@proxy",
            "http://proxy:port",
            "http://proxy:99999",
            "proxy:",
            "two words",
        ] {
            for (name, scheme) in [("https_proxy", HUB), ("http_proxy", PLAIN)] {
                for name in [name, &name.to_uppercase(), "all_proxy", "ALL_PROXY"] {
                    assert_eq!(way(&[(name, value)], scheme), name, "{value}");
                }
                // The next variable is no way out.
                let both = [(name, value), ("all_proxy", "http://all:3")];
                assert_eq!(way(&both, scheme), name, "{value}");
            }
            // What the other scheme would use is nobody's business here.
            assert_eq!(way(&[("http_proxy", value)], HUB), "direct");
        }
    }

    #[test]
    fn hosts_that_are_named_are_asked_directly_and_no_others() {
        for (list, url, direct) in [
            ("*", HUB, true),
            ("hub.example", HUB, true),
            (" other.example , HUB.example ", HUB, true),
            (".example", HUB, true),
            ("*.example", HUB, true),
            ("example", HUB, true),
            ("hub.example:443", HUB, true),
            ("hub.example:80", HUB, false),
            ("ub.example", HUB, false),
            ("www.hub.example", HUB, false),
            ("", HUB, false),
            (",,", HUB, false),
            (".", HUB, false),
            ("10.1.0.0/16", "http://10.1.2.3:5", true),
            ("10.2.0.0/16", "http://10.1.2.3:5", false),
            ("10.1.0.0/99", "http://10.1.2.3:5", false),
            ("10.1.2.3", "http://10.1.2.3:5", true),
            ("::1", "http://[::1]:5", true),
            ("[::1]", "http://[::1]:5", true),
            ("::2", "http://[::1]:5", false),
        ] {
            for name in ["no_proxy", "NO_PROXY"] {
                let found = way(&[("all_proxy", "http://all:3"), (name, list)], url);
                assert_eq!(found == "direct", direct, "{list} {url}");
            }
        }
    }
}
