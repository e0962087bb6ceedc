//! What records and digests are found by.

use sha2::{Digest, Sha256};

/// A SHA-256.
pub type Key = [u8; 32];

/// The SHA-256 of a list of parts, each with its length, so that no two lists are alike.
pub fn key(parts: &[&[u8]]) -> Key {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
