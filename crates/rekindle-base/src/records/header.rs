//! What a file of records starts with, and how long its parts are.

use crate::Key;

/// What a file of records starts with.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    /// What every version of the format starts with; a file that starts otherwise is never written to.
    pub name: &'static [u8],
    /// A file of another version is made anew.
    pub version: &'static [u8],
    /// What all records depend on: a file with another key is made anew.
    pub key: Key,
    /// How long values are.
    pub sizes: Sizes,
}

/// How long the values of records are, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizes {
    /// All alike.
    Equal(usize),
    /// As each record says, from 0 to 4 GiB.
    Own,
}

/// Why an older file was of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// Its header was cut short.
    Cut,
    /// It was written in another version of the format.
    Version,
    /// It has another key, or values of another size.
    Key,
    /// It has another name too, and is left to that.
    Linked,
}

pub(super) const ITEM: usize = size_of::<Key>();
pub(super) const CHECKSUM: usize = 4;
/// Bytes of the size of a record's values, and their checksum.
pub(super) const SIZE: usize = 4 + CHECKSUM;

impl Header {
    /// Bytes before the first record.
    pub fn bytes(&self) -> u64 {
        (self.name.len() + self.version.len() + ITEM + 8) as u64
    }

    /// Bytes of a record with so many bytes of values.
    pub fn record_bytes(&self, values: usize) -> u64 {
        (self.head() + values + CHECKSUM) as u64
    }

    /// Bytes of a record before its values.
    pub(super) fn head(&self) -> usize {
        match self.sizes {
            Sizes::Equal(_) => ITEM,
            Sizes::Own => ITEM + SIZE,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let values = match self.sizes {
            Sizes::Equal(bytes) => bytes as u64,
            Sizes::Own => 0,
        };
        [self.name, self.version, &self.key, &values.to_le_bytes()].concat()
    }

    /// Why a file with another header cannot be used; nothing if it is new.
    pub(super) fn why_not(&self, found: &[u8]) -> Option<Unusable> {
        match found.len() {
            0 => None,
            length if (length as u64) < self.bytes() => Some(Unusable::Cut),
            _ if !found[self.name.len()..].starts_with(self.version) => Some(Unusable::Version),
            _ => Some(Unusable::Key),
        }
    }
}
