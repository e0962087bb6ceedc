//! Documents for browsers: each complete in itself, and allowed to run nothing but what was put into it.

use axum::{
    body::Bytes,
    http::header,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

/// The page to use models by; its comments say where styles and scripts go.
const INDEX: &str = include_str!("../page/index.html");
const STYLE: &str = include_str!("../page/page.css");
/// One module: each may use what another declares, and the last begins.
const SCRIPTS: &str = concat!(
    include_str!("../page/dom.js"),
    include_str!("../page/api.js"),
    include_str!("../page/files.js"),
    include_str!("../page/pictures.js"),
    include_str!("../page/intake.js"),
    include_str!("../page/answers.js"),
    include_str!("../page/ask.js"),
    include_str!("../page/lesson.js"),
    include_str!("../page/teach.js"),
    include_str!("../page/taking.js"),
    include_str!("../page/main.js"),
);
/// The page about the interface.
const DOCS: &str = include_str!("docs.html");

/// A document with the policy of its own styles and scripts.
#[derive(Debug)]
pub(crate) struct Page {
    text: Bytes,
    policy: String,
}

impl Page {
    /// The page to use models by.
    pub(crate) fn index() -> Self {
        Self::new(&INDEX.replace("/* page.css */", STYLE).replace("/* scripts */", SCRIPTS))
    }

    /// The page about the interface.
    pub(crate) fn docs() -> Self {
        Self::new(DOCS)
    }

    fn new(text: &str) -> Self {
        // Browsers hash what they read, and they read lines that end in one way.
        let text = text.replace('\r', "");
        let [styles, scripts] = ["style", "script"].map(|tag| hashes(&text, tag));
        let policy = format!(
            "default-src 'none'; style-src {styles}; script-src {scripts}; img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        Self { text: text.into(), policy }
    }

    pub(crate) fn response(&self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, &self.policy),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::CACHE_CONTROL, "no-cache"),
        ];
        (headers, self.text.clone()).into_response()
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
        for (name, page) in [("index", Page::index()), ("docs", Page::docs())] {
            let text = String::from_utf8(page.text.to_vec()).unwrap();
            assert!(!text.contains("/* scripts */") && !text.contains("/* page.css */"), "{name}");
            for outside in
                ["http://", "https://", " src=\"/", "@import", "javascript:", " style=\""]
            {
                // A namespace is a name, and nothing is fetched of it.
                let text = text.replace("http://www.w3.org/", "");
                assert!(!text.contains(outside), "{name}: {outside}");
            }
            // What ends a script in the midst of it would leave the rest as text.
            assert_eq!((text.matches("<script").count(), text.matches("</script").count()), (1, 1));
        }
    }
}
