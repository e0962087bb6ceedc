//! Where the Hub and its cache are, who asks, and how patiently.
//!
//! The variables are those of Python's huggingface_hub, so that a machine is set up once for both.

use std::{
    ffi::OsString,
    fmt, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use rekindle_cards::{LicensePolicy, Pin};

use crate::{
    Error,
    policy::policy_of,
    url::{normal, shown},
};

/// The Hub itself, where `HF_ENDPOINT` names no other.
const ENDPOINT: &str = "https://huggingface.co";

/// What [`crate::Hub::new`] needs to know; [`HubSettings::from_env`] is what users expect.
#[derive(Clone)]
pub struct HubSettings {
    /// The Hub, without a slash at the end: `HF_ENDPOINT`. A password in it is shown nowhere.
    pub endpoint: String,
    /// The folder of repositories: `HF_HUB_CACHE`, or `hub` in `HF_HOME`.
    pub cache: PathBuf,
    /// The folder of what nobody but its user may write: hashes of files, and first uses where the cache is shared.
    /// `rekindle` in `XDG_STATE_HOME`, or in `~/.local/state`; without one, hashes are kept in memory alone.
    pub state: Option<PathBuf>,
    /// Under which licenses weights are taken: `REKINDLE_LICENSES`.
    pub licenses: Licenses,
    /// Who asks: `HF_TOKEN`, or the file that `hf auth login` writes.
    pub token: Option<Token>,
    /// Whether a socket may be opened: `HF_HUB_OFFLINE`.
    pub network: NetworkAccess,
    /// By what files are brought.
    pub transport: Transport,
    /// How a snapshot refers to its bytes: `HF_HUB_DISABLE_SYMLINKS`.
    pub links: Links,
    /// Whether `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are obeyed.
    pub proxies: Proxies,
    /// Certificates to trust instead of Mozilla's, a PEM file: `SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE`.
    pub certificates: Option<PathBuf>,
    /// The longest silence of a server before the connection is given up: `HF_HUB_DOWNLOAD_TIMEOUT`.
    pub stall: Duration,
    /// How often one request is sent, if no try gets any further than the one before.
    pub attempts: u32,
    /// The wait before the second try; it doubles with each.
    pub wait: Duration,
    /// The longest wait, whatever the server asks for.
    pub longest_wait: Duration,
    /// Files downloaded at the same time.
    pub connections: usize,
    /// When a file in the cache is hashed again.
    pub hashing: Hashing,
    /// Which bytes cards stand for.
    pub pins: Vec<Pin>,
}

impl fmt::Debug for HubSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HubSettings")
            .field("endpoint", &shown(&self.endpoint))
            .field("cache", &self.cache)
            .field("state", &self.state)
            .field("licenses", &self.licenses)
            .field("token", &self.token)
            .field("network", &self.network)
            .field("transport", &self.transport)
            .field("links", &self.links)
            .field("proxies", &self.proxies)
            .field("certificates", &self.certificates)
            .field("stall", &self.stall)
            .field("hashing", &self.hashing)
            .field("pins", &self.pins.len())
            .finish_non_exhaustive()
    }
}

/// Whether weights are held against licenses before they are fetched, and whenever they are located.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Licenses {
    /// No: whoever calls looks at them.
    Unchecked,
    /// The strictest of what the card, the Hub's page and the weights' config state is permissive, or accepted here.
    Checked(LicensePolicy),
}

impl Licenses {
    pub(crate) fn policy(&self) -> Option<&LicensePolicy> {
        match self {
            Self::Unchecked => None,
            Self::Checked(policy) => Some(policy),
        }
    }
}

/// Whether a socket may be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkAccess {
    /// Where something is missing in the cache.
    Online,
    /// Never.
    Offline,
}

/// By what files are brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// By our own client: it goes on where it was cut, hashes while it downloads, and believes no server.
    Http,
    /// By the `hf-hub` crate, for repositories that the Hub keeps in Xet alone. What it brings is hashed before it is used, but a
    /// download that was cut begins anew, and proxies and certificates are those that the crate finds by itself.
    #[cfg(feature = "xet")]
    Xet,
}

/// How a snapshot refers to its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// By a link, or a copy where the file system has no links.
    Symbolic,
    /// By being a copy.
    Copied,
}

/// Whether the environment's proxies are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxies {
    /// As `HTTPS_PROXY` and its kin say.
    Environment,
    /// Never.
    Unused,
}

/// When a file in the cache is hashed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hashing {
    /// When its size, times or inode have changed since.
    OnceAChange,
    /// Whenever it is located.
    Always,
}

/// A secret that is sent to the endpoint alone, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token, without the blanks that copying it may have added; `None` where nothing is left.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    pub(crate) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(hidden)")
    }
}

impl HubSettings {
    /// Settings that ask nobody's environment: the public Hub, no token, no proxy, the pins of the cards. Licenses are
    /// the caller's to look at, and nothing is kept outside of the cache.
    ///
    /// # Errors
    ///
    /// [`Error::Cards`] where the pins cannot be read.
    pub fn new(cache: &Path) -> Result<Self, Error> {
        Ok(Self {
            endpoint: ENDPOINT.to_owned(),
            cache: cache.to_owned(),
            state: None,
            licenses: Licenses::Unchecked,
            token: None,
            network: NetworkAccess::Online,
            transport: Transport::Http,
            links: Links::Symbolic,
            proxies: Proxies::Unused,
            certificates: None,
            stall: Duration::from_secs(10),
            attempts: 5,
            wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(60),
            connections: 4,
            hashing: Hashing::OnceAChange,
            pins: rekindle_cards::pins()?.to_vec(),
        })
    }

    /// What the environment says.
    ///
    /// # Errors
    ///
    /// [`Error::Layout`] where a variable has a value that cannot be meant, [`Error::Io`] where the file of the
    /// token exists or that of licenses is named, and cannot be read, [`Error::Cards`] where the pins or that file cannot.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(&|name| std::env::var_os(name))
    }

    /// As [`HubSettings::from_env`], with another way to look variables up.
    pub(crate) fn from_variables(
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, Error> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &str| set(name).map(|value| value.to_string_lossy().into_owned());
        let truth = |name: &str| {
            let value = text(name).unwrap_or_default().to_ascii_uppercase();
            ["1", "ON", "YES", "TRUE"].contains(&value.as_str())
        };
        let user = set("HOME").or_else(|| set("USERPROFILE")).map(PathBuf::from);
        let path = |name: &str| set(name).map(|value| expanded(Path::new(&value), user.as_deref()));

        let caches = path("XDG_CACHE_HOME").or_else(|| Some(user.as_ref()?.join(".cache")));
        let home = path("HF_HOME").or_else(|| Some(caches?.join("huggingface")));
        let cache = path("HF_HUB_CACHE")
            .or_else(|| path("HUGGINGFACE_HUB_CACHE"))
            .or_else(|| Some(home.as_ref()?.join("hub")));
        let Some(cache) = cache else {
            let problem = "neither HF_HOME nor HOME is set, so there is no folder for the cache";
            return Err(Error::Layout { path: "HF_HOME".into(), problem: problem.to_owned() });
        };

        let mut settings = Self::new(&cache)?;
        settings.proxies = Proxies::Environment;
        let states = path("XDG_STATE_HOME").or_else(|| Some(user.as_ref()?.join(".local/state")));
        settings.state = states.map(|states| states.join("rekindle"));
        settings.licenses = Licenses::Checked(policy_of(variable(LicensePolicy::VARIABLE))?);
        if let Some(endpoint) = text("HF_ENDPOINT") {
            settings.endpoint = endpoint.trim_end_matches('/').to_owned();
        }
        if truth("HF_HUB_OFFLINE") || truth("TRANSFORMERS_OFFLINE") {
            settings.network = NetworkAccess::Offline;
        }
        settings.transport = transport(&text(TRANSPORT).unwrap_or_default())?;
        if truth("HF_HUB_DISABLE_SYMLINKS") {
            settings.links = Links::Copied;
        }
        if let Some(seconds) = text("HF_HUB_DOWNLOAD_TIMEOUT") {
            let whole = seconds.parse().ok().filter(|seconds| *seconds > 0);
            settings.stall = Duration::from_secs(whole.ok_or_else(|| Error::Layout {
                path: "HF_HUB_DOWNLOAD_TIMEOUT".into(),
                problem: format!("`{seconds}` is not a number of seconds above 0"),
            })?);
        }
        settings.certificates = path("SSL_CERT_FILE").or_else(|| path("REQUESTS_CA_BUNDLE"));
        if !truth("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
            let given = text("HF_TOKEN").or_else(|| text("HUGGING_FACE_HUB_TOKEN"));
            let file = path("HF_TOKEN_PATH").or_else(|| Some(home?.join("token")));
            settings.token = match (given, file) {
                (Some(given), _) => Token::new(&given),
                (None, Some(file)) => token_file(&file)?,
                (None, None) => None,
            };
        }
        Ok(settings)
    }

    /// The endpoint as it is recorded, compared and shown: without a password.
    pub(crate) fn origin(&self) -> String {
        normal(&self.endpoint)
    }
}

/// Names the transport: `http`, or `xet` where this was built with that feature.
const TRANSPORT: &str = "REKINDLE_TRANSPORT";

/// The transport of a name.
fn transport(name: &str) -> Result<Transport, Error> {
    match name {
        "" | "http" => Ok(Transport::Http),
        #[cfg(feature = "xet")]
        "xet" => Ok(Transport::Xet),
        #[cfg(not(feature = "xet"))]
        "xet" => Err(Error::Layout {
            path: TRANSPORT.into(),
            problem: "this was built without the feature `xet`".to_owned(),
        }),
        _ => Err(Error::Layout {
            path: TRANSPORT.into(),
            problem: format!("`{name}` is no transport; there are http and xet"),
        }),
    }
}

/// The token that `hf auth login` left, if there is one.
fn token_file(path: &Path) -> Result<Option<Token>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Token::new(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read the token", path)(error)),
    }
}

/// `~` at the start stands for the user's folder, as the shell has it.
fn expanded(path: &Path, user: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), user) {
        (Ok(rest), Some(user)) => user.join(rest),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<HubSettings, Error> {
        HubSettings::from_variables(&|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn the_cache_is_where_python_has_it() {
        let check = |variables: &[(&str, &str)], cache: &str| {
            let settings = read(variables).unwrap();
            assert_eq!(settings.cache, Path::new(cache), "{variables:?}");
        };
        check(&[("HOME", "/u")], "/u/.cache/huggingface/hub");
        check(&[("HOME", "/u"), ("HF_HOME", "")], "/u/.cache/huggingface/hub");
        check(&[("HOME", "/u"), ("XDG_CACHE_HOME", "/x")], "/x/huggingface/hub");
        check(&[("HOME", "/u"), ("XDG_CACHE_HOME", "/x"), ("HF_HOME", "/h")], "/h/hub");
        check(&[("HOME", "/u"), ("HF_HOME", "~/h")], "/u/h/hub");
        check(&[("HF_HOME", "/h"), ("HUGGINGFACE_HUB_CACHE", "/o")], "/o");
        check(&[("HF_HOME", "/h"), ("HUGGINGFACE_HUB_CACHE", "/o"), ("HF_HUB_CACHE", "/c")], "/c");
        assert!(read(&[]).unwrap_err().to_string().contains("HF_HOME"));
    }

    #[test]
    fn every_variable_says_what_it_says_to_python() {
        let with = |name: &str, value: &str| read(&[("HOME", "/u"), (name, value)]).unwrap();
        assert_eq!(
            with("HF_ENDPOINT", "https://mirror.example/").endpoint,
            "https://mirror.example"
        );
        assert_eq!(with("HF_ENDPOINT", "").endpoint, ENDPOINT);
        for (value, network) in [
            ("1", NetworkAccess::Offline),
            ("yes", NetworkAccess::Offline),
            ("True", NetworkAccess::Offline),
        ]
        .into_iter()
        .chain([
            ("0", NetworkAccess::Online),
            ("", NetworkAccess::Online),
            ("off", NetworkAccess::Online),
        ]) {
            assert_eq!(with("HF_HUB_OFFLINE", value).network, network, "{value}");
            assert_eq!(with("TRANSFORMERS_OFFLINE", value).network, network, "{value}");
        }
        assert_eq!(with("HF_HUB_DISABLE_SYMLINKS", "1").links, Links::Copied);
        assert_eq!(with("HF_HUB_DOWNLOAD_TIMEOUT", "30").stall, Duration::from_secs(30));
        let bad = read(&[("HOME", "/u"), ("HF_HUB_DOWNLOAD_TIMEOUT", "soon")]).unwrap_err();
        assert!(bad.to_string().contains("soon"), "{bad}");
        assert_eq!(with("SSL_CERT_FILE", "/c.pem").certificates, Some("/c.pem".into()));
        assert_eq!(with("REQUESTS_CA_BUNDLE", "/r.pem").certificates, Some("/r.pem".into()));
    }

    #[test]
    fn a_token_is_found_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap().to_owned();
        let token = |variables: &[(&str, &str)]| {
            let all: Vec<_> =
                [("HF_HOME", home.as_str())].iter().chain(variables).copied().collect();
            let settings = read(&all).unwrap();
            assert!(!format!("{settings:?}").contains("hf_"), "{settings:?}");
            settings.token.map(|token| token.secret().to_owned())
        };
        assert_eq!(token(&[]), None);
        fs::write(folder.path().join("token"), "hf_file\n").unwrap();
        fs::write(folder.path().join("other"), "hf_other\n").unwrap();
        let other = folder.path().join("other");
        assert_eq!(token(&[]).as_deref(), Some("hf_file"));
        assert_eq!(
            token(&[("HF_TOKEN_PATH", other.to_str().unwrap())]).as_deref(),
            Some("hf_other")
        );
        assert_eq!(token(&[("HF_TOKEN", " hf_given\n")]).as_deref(), Some("hf_given"));
        assert_eq!(token(&[("HUGGING_FACE_HUB_TOKEN", "hf_old")]).as_deref(), Some("hf_old"));
        assert_eq!(
            token(&[("HF_TOKEN", "hf_given"), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]),
            None
        );
    }
}
