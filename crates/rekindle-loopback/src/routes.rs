//! What is answered: the Hub's addresses, and those of its storage.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    Host, Request, Shared,
    http::Reply,
    lock,
    repository::{Blob, Repository, Revision},
    uploads,
};

pub(crate) fn route(shared: &Shared, request: &Request) -> Reply {
    if request.host == Host::Storage {
        return storage(shared, request);
    }
    let get = matches!(request.method.as_str(), "GET" | "HEAD");
    let path = request.path.split('?').next().unwrap_or_default();
    let parts: Vec<String> = path.trim_start_matches('/').split('/').map(decoded).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    if !get {
        return uploads::hub(shared, request, &parts);
    }
    match parts.as_slice() {
        ["api", "models", owner, name] => info(shared, request, owner, name, "main"),
        ["api", "models", owner, name, "revision", revision] => {
            info(shared, request, owner, name, revision)
        }
        ["api", "models", owner, name, "tree", revision, ..] => {
            let found =
                |_: &Repository, _: &str, revision: &Revision| Reply::json(200, &tree(revision));
            readable(shared, request, owner, name, revision, found)
        }
        [owner, name, "resolve", revision, file @ ..] => {
            let file = file.join("/");
            readable(shared, request, owner, name, revision, |_, commit, revision| {
                match revision.files.get(&file) {
                    Some(blob) => resolve(shared, request, commit, blob),
                    None => {
                        missing("EntryNotFound", "Entry not found").with("X-Repo-Commit", commit)
                    }
                }
            })
        }
        _ => Reply::json(
            404,
            &json!({ "error": "Sorry, we can't find the page you are looking for." }),
        ),
    }
}

/// Answers about a revision, unless it does not exist or is not for the one who asks.
fn readable(
    shared: &Shared,
    request: &Request,
    owner: &str,
    name: &str,
    revision: &str,
    found: impl FnOnce(&Repository, &str, &Revision) -> Reply,
) -> Reply {
    let repositories = lock(&shared.repositories);
    let Some(repository) = repositories.get(&format!("{owner}/{name}")) else {
        return missing("RepoNotFound", "Repository not found");
    };
    let bearer = repository.token.as_ref().map(|token| format!("Bearer {token}"));
    if bearer.is_some() && request.header("authorization") != bearer.as_deref() {
        let words = "Invalid username or password.";
        let reply = Reply::json(401, &json!({ "error": words }));
        return reply.with("X-Error-Code", "RepoNotFound").with("X-Error-Message", words);
    }
    match repository.find(revision) {
        Some((commit, revision)) => found(repository, commit, revision),
        None => missing("RevisionNotFound", "Invalid rev id"),
    }
}

fn missing(code: &str, message: &str) -> Reply {
    let reply = Reply::json(404, &json!({ "error": message }));
    reply.with("X-Error-Code", code).with("X-Error-Message", message)
}

fn info(shared: &Shared, request: &Request, owner: &str, name: &str, revision: &str) -> Reply {
    readable(shared, request, owner, name, revision, |repository, commit, revision| {
        let sibling = |(name, blob): (&String, &Blob)| {
            let mut sibling =
                json!({ "rfilename": name, "size": blob.bytes.len(), "blobId": blob.git });
            if let Some(sha256) = &blob.large {
                sibling["lfs"] =
                    json!({ "sha256": sha256, "size": blob.bytes.len(), "pointerSize": 134 });
            }
            sibling
        };
        let siblings: Vec<Value> = revision.files.iter().map(sibling).collect();
        let license = repository.license.as_deref();
        let tags: Vec<String> =
            license.iter().map(|license| format!("license:{license}")).collect();
        let card = license.map(|license| json!({ "license": license }));
        Reply::json(
            200,
            &json!({
                "id": format!("{owner}/{name}"), "modelId": format!("{owner}/{name}"), "sha": commit,
                "private": repository.token.is_some(), "gated": false, "disabled": false,
                "downloads": 0, "likes": 0, "tags": tags, "cardData": card, "siblings": siblings,
            }),
        )
    })
}

fn tree(revision: &Revision) -> Value {
    let entry = |(name, blob): (&String, &Blob)| {
        let mut entry =
            json!({ "type": "file", "path": name, "size": blob.bytes.len(), "oid": blob.git });
        if let Some(sha256) = &blob.large {
            entry["lfs"] = json!({ "oid": sha256, "size": blob.bytes.len(), "pointerSize": 134 });
        }
        entry
    };
    revision.files.iter().map(entry).collect()
}

/// A small file itself, or where a large one is.
fn resolve(shared: &Shared, request: &Request, commit: &str, blob: &Blob) -> Reply {
    let Some(sha256) = &blob.large else {
        let reply = Reply::new(200, Arc::clone(&blob.bytes)).with("X-Repo-Commit", commit);
        let reply = reply.with("Content-Type", "text/plain; charset=utf-8");
        return reply.with("ETag", &format!("\"{}\"", blob.git)).ranged(request);
    };
    let port = shared.storage.port();
    let etag = format!("\"{sha256}\"");
    Reply::new(302, Arc::from([]))
        .with("X-Repo-Commit", commit)
        .with("X-Linked-Size", &blob.bytes.len().to_string())
        .with("X-Linked-ETag", &etag)
        .with("ETag", &etag)
        .with("Location", &format!("http://localhost:{port}/{sha256}?X-Signature=secret"))
}

/// A large file, under a name of the storage's own.
fn storage(shared: &Shared, request: &Request) -> Reply {
    if request.header("authorization").is_some() {
        let words = "Only one auth mechanism allowed";
        return Reply::new(400, Arc::from(words.as_bytes()));
    }
    if request.method == "PUT" {
        return uploads::storage(shared, request);
    }
    let path = request.path.split('?').next().unwrap_or_default();
    let wanted = Some(path.trim_start_matches('/'));
    let repositories = lock(&shared.repositories);
    let revisions = repositories.values().flat_map(|repository| repository.revisions.values());
    let mut blobs = revisions.flat_map(|revision| revision.files.values());
    match blobs.find(|blob| blob.large.as_deref() == wanted) {
        Some(blob) => {
            let etag = format!("\"storage-{}\"", &blob.git);
            let reply = Reply::new(200, Arc::clone(&blob.bytes)).with("ETag", &etag);
            reply.with("Content-Type", "binary/octet-stream").ranged(request)
        }
        None => Reply::new(404, Arc::from([])),
    }
}

/// A part of a path without its percent signs.
fn decoded(part: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = (*first == b'%').then(|| after.get(..2)).flatten();
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
