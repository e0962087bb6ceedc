//! Documents for browsers: each complete in itself, and allowed to run nothing but what was put into it.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

/// The page to use models by.
pub(crate) const INDEX: &str = include_str!("../page/index.html");
/// The page about the interface.
pub(crate) const DOCS: &str = include_str!("docs.html");

/// A document with the policy of its own styles and scripts.
#[derive(Debug)]
pub(crate) struct Page {
    text: &'static str,
    policy: String,
}

impl Page {
    pub(crate) fn new(text: &'static str) -> Self {
        let [styles, scripts] = ["style", "script"].map(|tag| hashes(text, tag));
        let policy = format!(
            "default-src 'none'; style-src {styles}; script-src {scripts}; img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        Self { text, policy }
    }

    pub(crate) fn response(&self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, &self.policy),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::CACHE_CONTROL, "no-cache"),
        ];
        (headers, self.text).into_response()
    }
}

/// The sources of a policy that allow what stands between these tags.
fn hashes(text: &str, tag: &str) -> String {
    let (open, close) = (format!("<{tag}"), format!("</{tag}>"));
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once(&open) {
        let Some((attributes, behind)) = behind.split_once('>') else { break };
        let Some((content, behind)) = behind.split_once(&close) else { break };
        rest = behind;
        // Not `<styles>`, say.
        if attributes.is_empty() || attributes.starts_with(char::is_whitespace) {
            found.push(format!("'sha256-{}'", STANDARD.encode(Sha256::digest(content))));
        }
    }
    if found.is_empty() { "'none'".to_owned() } else { found.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_runs_is_allowed_by_its_hash() {
        // `printf 'let a;' | openssl dgst -sha256 -binary | base64`
        let text = "<style>b{}</style><script type=\"module\">let a;</script><scripts>";
        let known = "'sha256-81WALLbUROF1pWdYjuQYKuIcGgY/+TqVJr8UsV6Tkvo='";
        assert_eq!(hashes(text, "script"), known);
        assert_eq!(hashes("<p>", "script"), "'none'");
        for (name, page) in [("index", INDEX), ("docs", DOCS)] {
            for outside in ["http://", "https://", " src=\"/", "@import", "javascript:"] {
                // A namespace is a name, and nothing is fetched of it.
                let text = page.replace("http://www.w3.org/", "");
                assert!(!text.contains(outside), "{name}: {outside}");
            }
        }
    }
}
