//! Reads a page as a strict reader would: tags that close, texts for pictures, nothing to fetch.

/// A tag that opens, and its attributes.
pub(crate) struct Tag {
    pub(crate) name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(attribute, _)| attribute == name);
        found.map(|(_, value)| value.as_str())
    }
}

const NEVER_CLOSED: [&str; 2] = ["meta", "img"];
/// What makes a browser fetch something.
const FETCHING: [&str; 8] = ["link", "iframe", "object", "embed", "audio", "video", "base", "use"];

/// Every tag that opens. Panics if one does not close, or in the wrong order.
pub(crate) fn tags(page: &str) -> Vec<Tag> {
    let (mut tags, mut open) = (Vec::new(), Vec::<String>::new());
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        assert!(!rest[..start].contains('>'), "a stray > in: {}", &rest[..start]);
        let Some(long) = rest[start..].find('>') else { panic!("a tag without an end: {rest}") };
        let end = start + long;
        let inner = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if inner.starts_with('!') {
            assert_eq!(inner, "!DOCTYPE html");
        } else if let Some(name) = inner.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closed in the wrong order");
        } else {
            let tag = tag(inner.trim_end_matches('/'));
            if !inner.ends_with('/') && !NEVER_CLOSED.contains(&tag.name.as_str()) {
                open.push(tag.name.clone());
            }
            if tag.name == "script" || tag.name == "style" {
                let close = format!("</{}>", tag.name);
                let Some(end) = rest.find(&close) else { panic!("no {close}") };
                rest = &rest[end..];
            }
            tags.push(tag);
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    tags
}

fn tag(inner: &str) -> Tag {
    let (name, mut rest) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
    assert!(name.chars().all(|letter| letter.is_ascii_alphanumeric()), "no tag: <{inner}>");
    let mut attributes = Vec::new();
    while let Some((name, after)) = rest.trim_start().split_once("=\"") {
        let Some((value, after)) = after.split_once('"') else { panic!("an open quote: {inner}") };
        assert!(
            name.chars().all(|letter| letter.is_alphanumeric() || "-:".contains(letter)),
            "{name}"
        );
        attributes.push((name.to_owned(), value.to_owned()));
        rest = after;
    }
    if rest.trim() == "open" {
        attributes.push(("open".to_owned(), String::new()));
    } else {
        assert_eq!(rest.trim(), "", "left over in <{inner}>");
    }
    Tag { name: name.to_owned(), attributes }
}

/// Panics unless the page is whole: it fetches nothing, and can be read without eyes.
pub(crate) fn whole(page: &str) {
    let tags = tags(page);
    for tag in &tags {
        let has =
            |attribute: &str| assert!(tag.get(attribute).is_some(), "{}: no {attribute}", tag.name);
        assert!(!FETCHING.contains(&tag.name.as_str()), "<{}> fetches", tag.name);
        for source in ["src", "srcset", "data", "poster", "xlink:href"] {
            let fetched =
                tag.get(source).is_some_and(|address| !address.starts_with("data:image/"));
            assert!(!fetched, "{}: {source} fetches", tag.name);
        }
        if let Some(link) = tag.get("href") {
            assert_eq!(tag.name, "a");
            assert!(link.starts_with('#') || link.starts_with("https://"), "{link}");
        }
        let handler = tag.attributes.iter().find(|(name, _)| name.starts_with("on"));
        assert!(handler.is_none(), "{handler:?}");
        match tag.name.as_str() {
            "img" => has("alt"),
            "th" => has("scope"),
            "section" => has("aria-labelledby"),
            "svg" if tag.get("aria-hidden").is_none() => has("aria-label"),
            _ => {}
        }
        if let Some(path) = tag.get("d") {
            numbers(path);
        }
        for place in ["x", "y", "width", "height", "r", "cx", "cy"] {
            tag.get(place).iter().for_each(|value| numbers(value));
        }
    }
    let ids: Vec<&str> = tags.iter().filter_map(|tag| tag.get("id")).collect();
    assert!(ids.iter().all(|id| ids.iter().filter(|other| *other == id).count() == 1), "{ids:?}");
    let links = tags.iter().filter_map(|tag| tag.get("href")?.strip_prefix('#'));
    links.for_each(|link| assert!(ids.contains(&link), "#{link} leads nowhere"));
    assert!(!page.contains("</h2>\n</section>"), "an empty section");
    assert!(!page.contains("url(") && !page.contains("@import"));
    assert_eq!(tags.iter().filter(|tag| tag.name == "script").count(), 1);
}

/// Panics if what is drawn is anything but commands and numbers, such as NaN.
fn numbers(drawn: &str) {
    let drawable = |letter: char| letter.is_ascii_digit() || "MLHVmlhvaz.- ".contains(letter);
    assert!(drawn.chars().all(drawable), "not drawable: {drawn}");
}
