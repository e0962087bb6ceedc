//! Whatever a request to `rekindle serve` holds, it is items or a problem that is the client's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rekindle_serve::{Bytes, Content, MAX_ITEMS, asked, lesson};

const KINDS: [&str; 5] = [
    "application/json",
    "multipart/form-data; boundary=b",
    "text/plain",
    "application/octet-stream",
    "image/jpeg",
];
/// Numbers of an embedding.
const DIM: usize = 2;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, body)) = bytes.split_first() else { return };
    let kind = usize::from(*kind) % (KINDS.len() + 2);
    if let Some(kind) = KINDS.get(kind) {
        return look(kind, body);
    }
    if kind == KINDS.len() {
        match lesson(body, DIM) {
            Ok(found) => {
                assert!(found.names.len() > 1 && !found.labels.is_empty());
                assert_eq!(found.embeddings.len(), DIM * found.labels.len());
                assert!(found.labels.iter().all(|label| *label < found.names.len()));
            }
            Err(problem) => assert!((400..500).contains(&problem.code.status())),
        }
        return;
    }
    // A content type of the client's own, up to the first line break.
    let end = body.iter().position(|byte| *byte == b'\n').unwrap_or(body.len());
    look(&String::from_utf8_lossy(&body[..end]), &body[end..]);
});

fn look(kind: &str, body: &[u8]) {
    match asked(Some(kind), &Bytes::copy_from_slice(body)) {
        Ok(found) => {
            assert!((1..=MAX_ITEMS).contains(&found.items.len()));
            for item in &found.items {
                assert!(!item.field.is_empty());
                // What is taken is part of the body: it cannot grow.
                let bytes = match &item.content {
                    Content::Picture(bytes) => bytes.len(),
                    Content::Text { text, .. } => text.len(),
                    Content::Row(row) => row.len(),
                };
                assert!(bytes <= body.len());
            }
        }
        Err(problem) => {
            assert!((400..500).contains(&problem.code.status()));
            assert!((1..4000).contains(&problem.message.len()));
        }
    }
}
