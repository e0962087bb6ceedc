//! Large file storage: git-lfs's batch, then each object in one piece or, as the Hub has it, in parts.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Source, Told, told::Place};
use crate::{
    Client, Error,
    answer::Answer,
    names::MAIN,
    refusal::repeated,
    send::{Content, Outgoing, Verb},
    watch::{DownloadEvent, Watch},
};

/// What git-lfs's requests and answers are made of.
const LFS: &str = "application/vnd.git-lfs+json";

#[derive(Deserialize)]
struct Batch {
    objects: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    oid: String,
    actions: Option<Actions>,
    error: Option<Refused>,
}

#[derive(Deserialize)]
struct Refused {
    code: u16,
    message: String,
}

#[derive(Deserialize)]
struct Actions {
    upload: Option<Action>,
    verify: Option<Action>,
}

#[derive(Deserialize)]
struct Action {
    href: String,
    #[serde(default)]
    header: Option<BTreeMap<String, Value>>,
}

/// Stores the bytes of changed large files; returns the hashes of those that were there already.
pub(super) fn store(
    client: &Client,
    repository: &str,
    told: &[Told<'_>],
    watch: Watch<'_>,
) -> Result<BTreeSet<String>, Error> {
    let wanted: Vec<&Told<'_>> =
        told.iter().filter(|told| told.place == Place::Lfs && !told.unchanged).collect();
    let mut known = BTreeSet::new();
    if wanted.is_empty() {
        return Ok(known);
    }
    let objects: Vec<Value> = wanted
        .iter()
        .map(|told| json!({ "oid": told.sums.sha256, "size": told.sums.bytes }))
        .collect();
    let asked = json!({
        "operation": "upload", "transfers": ["basic", "multipart"], "objects": objects,
        "hash_algo": "sha256", "ref": { "name": MAIN },
    });
    let url = format!("/{repository}.git/info/lfs/objects/batch");
    let answer = post(client, &url, &asked)?;
    let batch: Batch = answer.json()?;
    let total = wanted.iter().map(|told| told.sums.bytes).sum();
    let mut done = 0;
    for told in wanted {
        let problem = |problem: String| Error::Answer {
            url: answer.url.clone(),
            problem: format!("{}: {problem}", told.upload.path),
        };
        let object = batch.objects.iter().find(|object| object.oid == told.sums.sha256);
        let object = object.ok_or_else(|| problem("not answered; try again later".to_owned()))?;
        if let Some(Refused { code, message }) = &object.error {
            return Err(problem(format!("refused with {code}: {}", repeated(message))));
        }
        let before = done;
        let progress = |sent: u64| watch(DownloadEvent::Bytes { done: before + sent, total });
        match object.actions.as_ref().and_then(|actions| actions.upload.as_ref()) {
            Some(action) => send(client, told, action, &progress).map_err(|error| match error {
                Sending::Parts(count) => problem(format!(
                    "the Hub asks for {count} parts, which do not make up {} bytes; try again later",
                    told.sums.bytes
                )),
                Sending::Failed(error) => error,
            })?,
            None => {
                known.insert(told.sums.sha256.clone());
            }
        }
        done += told.sums.bytes;
        watch(DownloadEvent::Bytes { done, total });
        if let Some(verify) = object.actions.as_ref().and_then(|actions| actions.verify.as_ref()) {
            let object = json!({ "oid": told.sums.sha256, "size": told.sums.bytes });
            post(client, &verify.href, &object)?;
        }
    }
    Ok(known)
}

/// Why an object was not sent.
enum Sending {
    /// This many parts are asked for, and they do not fit.
    Parts(usize),
    Failed(Error),
}

impl From<Error> for Sending {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

fn send(
    client: &Client,
    told: &Told<'_>,
    action: &Action,
    progress: &dyn Fn(u64),
) -> Result<(), Sending> {
    let header = action.header.clone().unwrap_or_default();
    // A number, or a text that is one.
    let chunk = header.get("chunk_size").map(|size| match size {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    });
    let Some(chunk) = chunk else {
        let headers: Vec<(&str, &str)> = header
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
            .collect();
        put(client, told, &action.href, &headers, 0..told.sums.bytes)?;
        return Ok(());
    };
    let mut urls: Vec<(u32, &str)> = header
        .iter()
        .filter_map(|(number, url)| Some((number.parse().ok()?, url.as_str()?)))
        .collect();
    urls.sort_unstable();
    let chunk = chunk.filter(|chunk| *chunk > 0).ok_or(Sending::Parts(urls.len()))?;
    if told.sums.bytes.div_ceil(chunk) != urls.len() as u64 {
        return Err(Sending::Parts(urls.len()));
    }
    let mut parts = Vec::new();
    let mut start = 0;
    for (place, (_, url)) in urls.iter().enumerate() {
        let end = (start + chunk).min(told.sums.bytes);
        let answer = put(client, told, url, &[], start..end)?;
        let etag = answer.header("etag").ok_or_else(|| Error::Answer {
            url: answer.url.clone(),
            problem: "a part was stored without an ETag; is there a proxy in between?".to_owned(),
        })?;
        parts.push(json!({ "partNumber": place + 1, "etag": etag }));
        progress(end);
        start = end;
    }
    post(client, &action.href, &json!({ "oid": told.sums.sha256, "parts": parts }))?;
    Ok(())
}

/// Sends a part of a file; nothing of it stays in memory.
fn put(
    client: &Client,
    told: &Told<'_>,
    url: &str,
    headers: &[(&str, &str)],
    range: std::ops::Range<u64>,
) -> Result<Answer, Error> {
    let content = match &told.upload.source {
        Source::File(path) => {
            Content::Part { path, start: range.start, bytes: range.end - range.start }
        }
        Source::Text(text) => {
            let range = range.start as usize..range.end as usize;
            Content::Bytes(text.as_bytes().get(range).unwrap_or_default())
        }
    };
    let content_type = "application/octet-stream";
    client.send(&Outgoing { method: Verb::Put, url, content_type, headers, content })
}

fn post(client: &Client, url: &str, content: &Value) -> Result<Answer, Error> {
    client.send(&Outgoing {
        method: Verb::Post,
        url,
        content_type: LFS,
        headers: &[("accept", LFS)],
        content: Content::Bytes(content.to_string().as_bytes()),
    })
}
