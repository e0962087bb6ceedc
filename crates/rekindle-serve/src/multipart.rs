//! Forms of several parts (RFC 7578), from a body that is there as a whole.
//!
//! A part with a file is a picture, or a text where it says so; fields are `text` (an item), `model` and `top`.

use axum::body::Bytes;
use memchr::memmem;

use crate::{
    Asked, Code, Content, MAX_ITEMS, Problem,
    item::{item, shown, utf8},
};

/// Most bytes of what stands before a part.
const MAX_HEAD: usize = 8 << 10;

/// What the form asks for.
pub(crate) fn asked(content_type: &str, body: &Bytes) -> Result<Asked, Problem> {
    let boundary = parameter(content_type, "boundary");
    let boundary = boundary.filter(|it| !it.is_empty() && it.len() <= 70).ok_or_else(|| {
        Problem::new(Code::BadRequest, "a multipart body without a boundary of 1 to 70 letters")
    })?;
    let mut asked = Asked::default();
    for (head, content) in parts(body, &boundary)? {
        add(&mut asked, &head, content)?;
    }
    Ok(asked)
}

fn add(asked: &mut Asked, head: &str, content: Bytes) -> Result<(), Problem> {
    let field = format!("items[{}]", asked.items.len());
    if asked.items.len() == MAX_ITEMS {
        let problem = format!("is one more than the {MAX_ITEMS} items that a request may have");
        return Err(Problem::of(Code::TooManyItems, &field, problem));
    }
    let disposition = line(head, "content-disposition").unwrap_or_default();
    let name = parameter(disposition, "name").unwrap_or_default();
    let is_file = parameter(disposition, "filename").is_some();
    let is_text =
        line(head, "content-type").is_some_and(|kind| kind.trim_start().starts_with("text/"));
    match (name.as_str(), is_file) {
        (_, true) if !is_text => asked.items.push(item(&field, Content::Picture(content))),
        ("text", _) | (_, true) => {
            let text = utf8(&field, &content)?;
            asked.items.push(item(&field, Content::Text { text, pair: None }));
        }
        ("image", false) => asked.items.push(item(&field, Content::Picture(content))),
        ("model", false) => asked.model = Some(utf8("model", &content)?),
        ("top", false) => {
            let text = utf8("top", &content)?;
            let wrong = |_| Problem::of(Code::BadRequest, "top", "is to be a whole number");
            asked.top = Some(text.trim().parse().map_err(wrong)?);
        }
        _ => {
            return Err(Problem::of(
                Code::BadRequest,
                &shown(&name),
                "no such field; there are files, `image`, `text`, `model` and `top`",
            ));
        }
    }
    Ok(())
}

/// What stands before each part, and what is in it.
fn parts(body: &Bytes, boundary: &str) -> Result<Vec<(String, Bytes)>, Problem> {
    let broken = |what: &str| Problem::new(Code::BadRequest, format!("a multipart body {what}"));
    let delimiter = format!("\r\n--{boundary}");
    let finder = memmem::Finder::new(&delimiter);
    // The first may be at the very beginning.
    let mut place = match body.starts_with(&delimiter.as_bytes()[2..]) {
        true => delimiter.len() - 2,
        false => finder.find(body).ok_or_else(|| broken("without its boundary"))? + delimiter.len(),
    };
    let mut parts = Vec::new();
    loop {
        let rest = &body[place..];
        if rest.starts_with(b"--") {
            return Ok(parts);
        }
        let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if !rest[blank..].starts_with(b"\r\n") {
            return Err(broken("that is cut off"));
        }
        // What stands before a part may be nothing: then its blank line is the boundary's.
        let head = &rest[blank..];
        let end = memmem::find(&head[..head.len().min(MAX_HEAD)], b"\r\n\r\n");
        let end = end.ok_or_else(|| broken("with a part that has no content"))?;
        let lines = std::str::from_utf8(&head[..end]).map_err(|_| broken("that is no UTF-8"))?;
        let start = place + blank + end + 4;
        let length = finder.find(&body[start..]).ok_or_else(|| broken("that is cut off"))?;
        parts.push((lines.to_owned(), body.slice(start..start + length)));
        if parts.len() > MAX_ITEMS + 2 {
            return Err(broken(&format!("of more than {MAX_ITEMS} items")));
        }
        place = start + length + delimiter.len();
    }
}

/// The value of one of the lines.
fn line<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.trim().eq_ignore_ascii_case(name).then_some(value)
    })
}

/// `name="..."` or `name=...` behind a semicolon.
fn parameter(value: &str, name: &str) -> Option<String> {
    let mut rest = value;
    while let Some((_, behind)) = rest.split_once(';') {
        rest = behind;
        let Some((found, value)) = behind.split_once('=') else { continue };
        if !found.trim().eq_ignore_ascii_case(name) {
            continue;
        }
        return Some(match value.trim_start().strip_prefix('"') {
            Some(quoted) => {
                let mut text = String::new();
                let mut letters = quoted.chars();
                while let Some(letter) = letters.next().filter(|letter| *letter != '"') {
                    text.push(if letter == '\\' { letters.next()? } else { letter });
                }
                text
            }
            None => value.split(';').next().unwrap_or_default().trim().to_owned(),
        });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_those_that_were_put_together() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nants\r\n\
                    --b \t\r\ncontent-disposition: form-data; name=file; filename=\"a;\\\"b.jpg\"\r\n\
                    Content-Type: image/jpeg\r\n\r\n\u{ff}\r\n--x\r\n\r\n--b\r\n\
                    Content-Disposition: form-data; name=\"text\"\r\n\r\n\r\n--b\r\n\
                    Content-Disposition: form-data; name=top\r\n\r\n3\r\n--b--\r\n";
        let found = asked("multipart/form-data; boundary=\"b\"", &Bytes::from(body)).unwrap();
        assert_eq!((found.model.as_deref(), found.top), (Some("ants"), Some(3)));
        let picture = Content::Picture("\u{ff}\r\n--x\r\n".into());
        let text = Content::Text { text: String::new(), pair: None };
        assert_eq!(found.items, [item("items[0]", picture), item("items[1]", text)]);
        // Cut anywhere it is refused, and nothing panics.
        for end in 0..body.len() - 4 {
            if body.is_char_boundary(end) {
                let cut = Bytes::from(&body[..end]);
                assert!(asked("multipart/form-data; boundary=b", &cut).is_err(), "{end}");
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_form_is_said() {
        let part = |head: &str, content: &str| format!("--b\r\n{head}\r\n\r\n{content}\r\n--b--");
        let field = |name: &str, content: &str| {
            part(&format!("Content-Disposition: form-data; name=\"{name}\""), content)
        };
        for (content_type, body, expected) in [
            ("multipart/form-data", String::new(), "without a boundary"),
            ("multipart/form-data; boundary=", String::new(), "without a boundary"),
            ("multipart/form-data; boundary=b", "no form".to_owned(), "without its boundary"),
            ("multipart/form-data; boundary=b", field("top", "many"), "top: is to be a whole"),
            ("multipart/form-data; boundary=b", field("colour", "red"), "colour: no such field"),
            ("multipart/form-data; boundary=b", part("X: y", ""), ": no such field"),
        ] {
            let problem = asked(content_type, &Bytes::from(body)).unwrap_err();
            assert!(problem.message.contains(expected), "{}", problem.message);
        }
    }
}
