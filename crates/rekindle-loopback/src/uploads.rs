//! What is written to a Hub: repositories, large files by git-lfs in one piece or in parts, commits.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{
    Request, Shared,
    http::Reply,
    lock,
    repository::{Blob, Repository, Revision, sha256},
};

/// Bytes on their way into a repository, and who may send some.
#[derive(Debug, Default)]
pub(crate) struct Uploads {
    /// The token that may write; nobody may where there is none.
    pub(crate) token: Option<String>,
    /// Objects longer than this go up in parts of this many bytes.
    pub(crate) part: Option<usize>,
    /// What storage holds besides what is committed, by hash.
    stored: BTreeMap<String, Arc<[u8]>>,
    /// Parts of objects, by hash and number.
    parts: BTreeMap<(String, usize), Vec<u8>>,
}

/// Answers a request of the Hub that writes.
pub(crate) fn hub(shared: &Shared, request: &Request, parts: &[&str]) -> Reply {
    let sent = request.header("authorization").and_then(|text| text.strip_prefix("Bearer "));
    let writer = lock(&shared.uploads).token.clone();
    match (sent, &writer) {
        (None, _) => return refused(401, "Invalid username or password."),
        (Some(sent), Some(writer)) if sent == writer => {}
        _ => return refused(403, "You don't have the rights to write here"),
    }
    let content = || serde_json::from_slice::<Value>(&request.content).unwrap_or_default();
    match parts {
        ["api", "repos", "create"] => create(shared, &content(), sent.unwrap_or_default()),
        ["api", "models", owner, name, "preupload", "main"] => {
            within(shared, owner, name, |repository| preupload(repository, &content()))
        }
        ["api", "models", owner, name, "commit", "main"] => {
            let uploads = lock(&shared.uploads);
            let url = format!("http://{}/{owner}/{name}/commit", shared.hub);
            within(shared, owner, name, |repository| {
                commit(&uploads, repository, &request.content, &url)
            })
        }
        [_, _, "info", "lfs", "objects", "batch"] => batch(shared, &content()),
        ["api", "verify"] => verify(shared, &content()),
        ["api", "complete"] => complete(shared, &content()),
        _ => refused(404, "Sorry, we can't find the page you are looking for."),
    }
}

/// Keeps what is put into storage, whole or in part.
pub(crate) fn storage(shared: &Shared, request: &Request) -> Reply {
    let path = request.path.split('?').next().unwrap_or_default();
    let content = request.content.clone();
    let mut uploads = lock(&shared.uploads);
    let etag = format!("\"part-{}\"", sha256(&content));
    match path.trim_start_matches('/').split_once('/') {
        Some((object, number)) => {
            uploads.parts.insert((object.to_owned(), number.parse().unwrap_or_default()), content);
        }
        None if sha256(&content) == path.trim_start_matches('/') => {
            uploads.stored.insert(sha256(&content), Arc::from(content));
        }
        None => return refused(400, "The SHA-256 you specified did not match what we received"),
    }
    Reply::new(200, Arc::from([])).with("ETag", &etag)
}

fn refused(status: u16, words: &str) -> Reply {
    Reply::json(status, &json!({ "error": words })).with("X-Error-Message", words)
}

fn within(
    shared: &Shared,
    owner: &str,
    name: &str,
    answer: impl FnOnce(&mut Repository) -> Reply,
) -> Reply {
    match lock(&shared.repositories).get_mut(&format!("{owner}/{name}")) {
        Some(repository) => answer(repository),
        None => refused(404, "Repository not found"),
    }
}

fn create(shared: &Shared, content: &Value, token: &str) -> Reply {
    let text = |key: &str| content.get(key).and_then(Value::as_str).unwrap_or_default();
    let name = format!("{}/{}", text("organization"), text("name"));
    let mut repositories = lock(&shared.repositories);
    if repositories.contains_key(&name) {
        return refused(409, "You already created this model repo");
    }
    let private = text("visibility") == "private" || content.get("private") == Some(&json!(true));
    let repository = repositories.entry(name.clone()).or_default();
    repository.token = private.then(|| token.to_owned());
    repository.add(Revision::new(vec![(".gitattributes".to_owned(), Arc::from([]))]));
    let url = format!("http://{}/{name}", shared.hub);
    Reply::json(200, &json!({ "url": url, "name": name, "id": "0" }))
}

fn preupload(repository: &Repository, content: &Value) -> Reply {
    let files = content.get("files").and_then(Value::as_array).into_iter().flatten();
    let answer = |file: &Value| {
        let path = file.get("path").and_then(Value::as_str).unwrap_or_default();
        let blank = Revision::new(vec![(path.to_owned(), Arc::from([]))]);
        let large = blank.files.values().any(|blob| blob.large.is_some());
        let there = repository.find("main").and_then(|(_, revision)| revision.files.get(path));
        let oid = there.map(|blob| blob.large.as_ref().unwrap_or(&blob.git));
        let mode = if large { "lfs" } else { "regular" };
        let ignored = path.ends_with(".ignored");
        json!({ "path": path, "uploadMode": mode, "shouldIgnore": ignored, "oid": oid })
    };
    let answers: Vec<Value> = files.map(answer).collect();
    Reply::json(200, &json!({ "files": answers, "commitOid": repository.main }))
}

fn batch(shared: &Shared, content: &Value) -> Reply {
    let repositories = lock(&shared.repositories);
    let mut uploads = lock(&shared.uploads);
    let objects = content.get("objects").and_then(Value::as_array).into_iter().flatten();
    let answer = |object: &Value| {
        let oid = object.get("oid").and_then(Value::as_str).unwrap_or_default();
        let size = object.get("size").and_then(Value::as_u64).unwrap_or_default() as usize;
        if let Some(bytes) = committed(&repositories, oid) {
            uploads.stored.insert(oid.to_owned(), bytes);
        }
        if uploads.stored.contains_key(oid) {
            return json!({ "oid": oid, "size": size });
        }
        let storage = format!("http://localhost:{}/{oid}", shared.storage.port());
        let verify = json!({ "href": format!("http://{}/api/verify", shared.hub) });
        let upload = match uploads.part.filter(|part| size > *part) {
            Some(part) => {
                let mut header = serde_json::Map::new();
                header.insert("chunk_size".to_owned(), json!(part.to_string()));
                for number in 1..=size.div_ceil(part) {
                    let url = format!("{storage}/{number}?X-Signature=secret");
                    header.insert(format!("{number:05}"), json!(url));
                }
                json!({ "href": format!("http://{}/api/complete", shared.hub), "header": header })
            }
            None => json!({ "href": format!("{storage}?X-Signature=secret") }),
        };
        json!({ "oid": oid, "size": size, "actions": { "upload": upload, "verify": verify } })
    };
    let answers: Vec<Value> = objects.map(answer).collect();
    Reply::json(200, &json!({ "transfer": "basic", "objects": answers }))
}

fn complete(shared: &Shared, content: &Value) -> Reply {
    let oid = content.get("oid").and_then(Value::as_str).unwrap_or_default();
    let mut uploads = lock(&shared.uploads);
    let mut whole = Vec::new();
    for part in content.get("parts").and_then(Value::as_array).into_iter().flatten() {
        let number = part.get("partNumber").and_then(Value::as_u64).unwrap_or_default() as usize;
        let Some(bytes) = uploads.parts.remove(&(oid.to_owned(), number)) else {
            return refused(400, "A part is missing");
        };
        if part.get("etag") != Some(&json!(format!("\"part-{}\"", sha256(&bytes)))) {
            return refused(400, "A part is another");
        }
        whole.extend(bytes);
    }
    if sha256(&whole) != oid {
        return refused(400, "The SHA-256 you specified did not match what we received");
    }
    uploads.stored.insert(oid.to_owned(), Arc::from(whole));
    Reply::json(200, &json!({}))
}

fn verify(shared: &Shared, content: &Value) -> Reply {
    let oid = content.get("oid").and_then(Value::as_str).unwrap_or_default();
    match lock(&shared.uploads).stored.get(oid) {
        Some(bytes) if content.get("size") == Some(&json!(bytes.len())) => {
            Reply::json(200, &json!({}))
        }
        _ => refused(404, "Object not found"),
    }
}

/// All of a commit's lines, or nothing.
fn commit(uploads: &Uploads, repository: &mut Repository, content: &[u8], url: &str) -> Reply {
    let before = repository.find("main").map(|(_, revision)| revision.clone()).unwrap_or_default();
    let mut files: BTreeMap<String, Arc<[u8]>> =
        before.files.into_iter().map(|(name, blob)| (name, blob.bytes)).collect();
    for line in content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let line: Value = serde_json::from_slice(line).unwrap_or_default();
        let value = line.get("value").cloned().unwrap_or_default();
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        match line.get("key").and_then(Value::as_str) {
            Some("header") => {
                let parent = value.get("parentCommit").and_then(Value::as_str);
                if parent.is_some_and(|parent| parent != repository.main) {
                    return refused(
                        412,
                        "A commit has happened since. Please refresh and try again.",
                    );
                }
                if text("summary").is_empty() {
                    return refused(400, "A commit needs a summary");
                }
            }
            Some("file") => match BASE64_STANDARD.decode(text("content")) {
                Ok(bytes) => {
                    files.insert(text("path").to_owned(), Arc::from(bytes));
                }
                Err(_) => return refused(400, "The content is no base64"),
            },
            Some("lfsFile") => {
                let there = files.values().find(|bytes| sha256(bytes) == text("oid")).cloned();
                match uploads.stored.get(text("oid")).cloned().or(there) {
                    Some(bytes) => {
                        files.insert(text("path").to_owned(), bytes);
                    }
                    None => return refused(400, "Your push was rejected: a large file is missing"),
                }
            }
            _ => return refused(400, "No such operation"),
        }
    }
    let commit = repository.add(Revision::new(files.into_iter().collect()));
    let url = format!("{url}/{commit}");
    Reply::json(200, &json!({ "success": true, "commitOid": commit, "commitUrl": url }))
}

/// The bytes of a hash, in whatever repository.
fn committed(repositories: &BTreeMap<String, Repository>, oid: &str) -> Option<Arc<[u8]>> {
    let revisions = repositories.values().flat_map(|repository| repository.revisions.values());
    let mut blobs = revisions.flat_map(|revision| revision.files.values());
    let found: Option<&Blob> = blobs.find(|blob| blob.large.as_deref() == Some(oid));
    found.map(|blob| Arc::clone(&blob.bytes))
}
