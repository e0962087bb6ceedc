//! From bodies to items: a picture or a text as it is, several parts of a form, JSON.

use axum::body::Bytes;
use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::de::DeserializeOwned;

use crate::{
    Asked, Code, Content, Item, Problem,
    item::{item, shown, utf8},
    multipart,
    wire::{ItemBody, ItemsBody},
};

/// The items of a body, as its content type says.
///
/// # Errors
///
/// [`Code::UnsupportedMediaType`], or what is wrong with a body of this type.
pub fn asked(content_type: Option<&str>, body: &Bytes) -> Result<Asked, Problem> {
    // Without one it is what it is: `curl -T` says none.
    let content_type = content_type.unwrap_or("application/octet-stream");
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let one = |content| Asked { items: vec![item("body", content)], ..Asked::default() };
    let found = match kind.as_str() {
        "application/octet-stream" => one(Content::Picture(body.clone())),
        "text/plain" => one(Content::Text { text: utf8("body", body)?, pair: None }),
        "application/json" => of_json(json(body)?)?,
        "multipart/form-data" => multipart::asked(content_type, body)?,
        _ if kind.starts_with("image/") => one(Content::Picture(body.clone())),
        _ => {
            return Err(Problem::new(
                Code::UnsupportedMediaType,
                format!(
                    "bodies of the content type `{}` are not read; send image/*, application/octet-stream, text/plain, multipart/form-data or application/json, as in `curl -H 'Content-Type: image/jpeg' --data-binary @ant.jpg`",
                    shown(&kind)
                ),
            ));
        }
    };
    if found.items.is_empty() {
        return Err(Problem::of(Code::BadRequest, "items", "there are none; send one or more"));
    }
    Ok(found)
}

/// JSON as an endpoint takes it; what is wrong with it says where.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut text = serde_json::Deserializer::from_slice(body);
    let found = serde_path_to_error::deserialize(&mut text).map_err(|error| {
        // What is broken itself has no name: then it is what that is in.
        let path = error.path().to_string();
        let field = path.trim_end_matches(['.', '?']);
        let field = if field.is_empty() { "body" } else { &shortened(field) };
        // A name that nobody knows is in the text, however long.
        Problem::of(Code::BadJson, field, shortened(&error.inner().to_string()))
    })?;
    text.end().map_err(|error| Problem::of(Code::BadJson, "body", error))?;
    Ok(found)
}

fn of_json(ItemsBody { model, top, items }: ItemsBody) -> Result<Asked, Problem> {
    let items = items.into_iter().enumerate();
    let items = items.map(|(place, body)| of_body(&format!("items[{place}]"), body));
    Ok(Asked { model, top, items: items.collect::<Result<_, _>>()? })
}

/// The item of a body of JSON, which calls it `field`.
pub(crate) fn of_body(field: &str, body: ItemBody) -> Result<Item, Problem> {
    match body {
        ItemBody { image: Some(image), text: None, pair: None, row: None } => {
            let field = format!("{field}.image");
            let content = Content::Picture(of_base64(&field, &image)?);
            Ok(Item { field, content })
        }
        ItemBody { image: None, text: Some(text), pair, row: None } => {
            Ok(item(&format!("{field}.text"), Content::Text { text, pair }))
        }
        ItemBody { image: None, text: None, pair: None, row: Some(row) } => {
            Ok(item(&format!("{field}.row"), Content::Row(row)))
        }
        _ => Err(Problem::of(
            Code::BadRequest,
            field,
            "is to have one of `image`, `text` and `row`; `pair` goes with `text`",
        )),
    }
}

fn of_base64(field: &str, text: &str) -> Result<Bytes, Problem> {
    // With or without what fills up the last four letters.
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let found = GeneralPurpose::new(&STANDARD, config).decode(text);
    let wrong = |error| Problem::of(Code::BadRequest, field, format!("is no base64: {error}"));
    found.map(Bytes::from).map_err(wrong)
}

/// No more of a text than people read.
fn shortened(text: &str) -> String {
    text.chars().take(300).collect()
}
