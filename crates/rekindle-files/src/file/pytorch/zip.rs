//! The ZIP archive that PyTorch has written since 1.6: `data.pkl`, and an entry for each storage.
//!
//! The fewest features that read those: entries stored as they are, none on top of another, and
//! each with the same name in its own header as in the directory. Anything else is refused, so that
//! no two programs can see two contents in one file. Layout: PKWARE's APPNOTE.TXT 6.3.10, section 4.3.

use std::collections::BTreeMap;

use super::machine::{Machine, Persistent};
use super::{Extent, Parsed, Problem};
use crate::file::positioned::PositionedFile;
use crate::file::section::Section;

/// How every ZIP archive with an entry starts: with the header of that entry.
pub(super) const MAGIC: &[u8] = b"PK\x03\x04";

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const END64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR64: [u8; 4] = *b"PK\x06\x07";

/// Bytes of each of these records, without what is of variable length.
const LOCAL_BYTES: u64 = 30;
const CENTRAL_BYTES: u64 = 46;
const END_BYTES: u64 = 22;
const END64_BYTES: u64 = 56;
const LOCATOR64_BYTES: u64 = 20;

/// What 32 and 16 bits hold where the number is in the longer record.
const ELSEWHERE32: u64 = u32::MAX as u64;
const ELSEWHERE16: u64 = u16::MAX as u64;
/// The extra field that has the longer numbers.
const EXTRA64: u16 = 1;
/// The flag of entries that are encrypted.
const ENCRYPTED: u16 = 1;

/// Entries that an archive may have: a storage each, and a handful of others.
const MAX_ENTRIES: u64 = 100_000;
/// Bytes that the name of an entry may have.
const MAX_NAME_BYTES: usize = 1024;
/// Bytes that the pickle may have.
const MAX_PICKLE_BYTES: u64 = 64 << 20;
const PICKLE: &str = "data.pkl";

/// Reads the directory of an archive and the pickle in it.
pub(super) fn parse(file: &PositionedFile, length: u64) -> Result<Parsed, Problem> {
    let mut entries = entries(file, length)?;
    let root = entries.keys().filter_map(|name| name.strip_suffix(PICKLE));
    let root =
        root.filter(|root| root.is_empty() || root.ends_with('/')).min_by_key(|root| root.len());
    let Some(root) = root.map(str::to_owned) else {
        return Err(Problem::Damaged(format!("its ZIP archive has no {PICKLE}")));
    };
    if let Some(order) = entries.get(&format!("{root}byteorder")) {
        let mut text = [0; 6];
        let text = text.get_mut(..order.bytes as usize).unwrap_or_default();
        file.read_exact_at(text, order.offset)?;
        if text != b"little" {
            return Err(Problem::Refused("it was saved on a big-endian machine".into()));
        }
    }

    let Some(pickle) = entries.remove(&format!("{root}{PICKLE}")) else {
        return Err(Problem::Damaged(format!("its ZIP archive has no {PICKLE}")));
    };
    if pickle.bytes > MAX_PICKLE_BYTES {
        let reason = format!("its pickle has more than {MAX_PICKLE_BYTES} bytes");
        return Err(Problem::Refused(reason));
    }
    check_sum(file, &pickle)?;
    let mut machine = Machine::new();
    let mut input = Section::new(file, pickle.offset, pickle.offset + pickle.bytes);
    let object = machine.read(&mut input, &Persistent::Storages)?;

    let data = format!("{root}data/");
    let storages = entries.into_iter().filter_map(|(name, extent)| {
        let key = name.strip_prefix(&data)?;
        Some((key.to_owned(), extent))
    });
    Ok(Parsed { values: machine.values, root: object, storages: storages.collect() })
}

/// Where each entry's bytes are, by its name.
fn entries(file: &PositionedFile, length: u64) -> Result<BTreeMap<String, Extent>, Problem> {
    let directory = directory(file, length)?;
    if directory.entries > MAX_ENTRIES {
        let reason = format!("its ZIP archive has more than {MAX_ENTRIES} entries");
        return Err(Problem::Refused(reason));
    }
    let mut section = Section::new(file, directory.start, directory.end);
    let mut entries = BTreeMap::new();
    let mut places = Vec::new();
    for _ in 0..directory.entries {
        let (name, header, extent) = entry(file, &mut section, directory.start)?;
        places.push((header, extent.offset + extent.bytes));
        if entries.contains_key(&name) {
            return Err(Problem::Damaged(format!("its ZIP archive has {name:?} twice")));
        }
        entries.insert(name, extent);
    }
    if section.left() > 0 {
        return Err(Problem::Damaged("its ZIP directory is longer than its entries".into()));
    }
    places.sort_unstable();
    if places.is_sorted_by(|(_, end), (start, _)| end <= start) {
        Ok(entries)
    } else {
        Err(Problem::Refused("entries of its ZIP archive overlap".into()))
    }
}

/// One entry of the directory: its name, where its own header is, and where its bytes are.
fn entry(
    file: &PositionedFile,
    section: &mut Section<'_>,
    data_end: u64,
) -> Result<(String, u64, Extent), Problem> {
    let record: [u8; CENTRAL_BYTES as usize] = section.array()?;
    if record[..4] != CENTRAL {
        return Err(Problem::Damaged("its ZIP directory has something else in it".into()));
    }
    let mut name = vec![0; usize::from(short(&record, 28))];
    if name.len() > MAX_NAME_BYTES {
        let reason = format!("its ZIP archive has a name of more than {MAX_NAME_BYTES} bytes");
        return Err(Problem::Refused(reason));
    }
    section.fill(&mut name)?;
    let mut extra = vec![0; usize::from(short(&record, 30))];
    section.fill(&mut extra)?;
    section.skip(short(&record, 32).into())?;

    if short(&record, 8) & ENCRYPTED != 0 {
        return Err(Problem::Refused("its ZIP archive is encrypted".into()));
    }
    let (mut stored, mut bytes, mut header) =
        (long(&record, 20), long(&record, 24), long(&record, 42));
    // In this order, and only those that did not fit.
    let mut longer = longer(&extra);
    for number in [&mut bytes, &mut stored, &mut header] {
        if *number == ELSEWHERE32 {
            *number =
                longer.next().ok_or_else(|| damaged("a size in its ZIP archive is missing"))?;
        }
    }
    if short(&record, 10) != 0 || stored != bytes {
        let reason = "its ZIP archive is compressed, which PyTorch's never are";
        return Err(Problem::Refused(reason.into()));
    }

    // Two numbers of the header say where the bytes start; the name must be the same.
    let mut local = vec![0; LOCAL_BYTES as usize + name.len()];
    let fits = header.checked_add(local.len() as u64).is_some_and(|end| end <= data_end);
    if !fits {
        return Err(damaged("an entry of its ZIP archive is outside of it"));
    }
    file.read_exact_at(&mut local, header)?;
    let same_name = usize::from(short(&local, 26)) == name.len() && local.ends_with(&name);
    if local[..4] != LOCAL || !same_name || short(&local, 8) != 0 {
        return Err(damaged("an entry of its ZIP archive and the directory disagree"));
    }
    let offset = header + local.len() as u64 + u64::from(short(&local, 28));
    if offset.checked_add(bytes).is_none_or(|end| end > data_end) {
        return Err(damaged("an entry of its ZIP archive reaches past its end"));
    }
    let name =
        String::from_utf8(name).map_err(|_| damaged("a name in its ZIP archive is no text"))?;
    // PyTorch writes a zero where it was told to compute no checksums.
    let checksum = Some(long(&record, 16) as u32).filter(|checksum| *checksum != 0);
    Ok((name, header, Extent { offset, bytes, checksum }))
}

/// Where the directory is.
struct Directory {
    entries: u64,
    start: u64,
    end: u64,
}

/// Finds the directory by the record at the very end, behind which a comment is refused.
fn directory(file: &PositionedFile, length: u64) -> Result<Directory, Problem> {
    let no_end = || damaged("its ZIP archive has no end, so it is cut off or has a comment");
    let end_start = length.checked_sub(END_BYTES).ok_or_else(no_end)?;
    let mut record = [0; END_BYTES as usize];
    file.read_exact_at(&mut record, end_start)?;
    if record[..4] != END {
        return Err(no_end());
    }
    let mut directory = Directory {
        entries: short(&record, 10).into(),
        start: long(&record, 16),
        end: long(&record, 16).saturating_add(long(&record, 12)),
    };
    let mut data_end = end_start;
    let is_longer = directory.entries == ELSEWHERE16
        || long(&record, 16) == ELSEWHERE32
        || long(&record, 12) == ELSEWHERE32;
    let locator = end_start.checked_sub(LOCATOR64_BYTES + END64_BYTES);
    let mut longer = [0; (END64_BYTES + LOCATOR64_BYTES) as usize];
    if let Some(start) = locator {
        file.read_exact_at(&mut longer, start)?;
        let locator = &longer[END64_BYTES as usize..];
        if locator[..4] == LOCATOR64 && longer[..4] == END64 && very_long(locator, 8) == start {
            let (size, start64) = (very_long(&longer, 40), very_long(&longer, 48));
            directory.entries = very_long(&longer, 32);
            directory.start = start64;
            directory.end = start64.saturating_add(size);
            data_end = start;
        } else if is_longer {
            return Err(no_end());
        }
    } else if is_longer {
        return Err(no_end());
    }
    if directory.start > directory.end || directory.end != data_end {
        return Err(damaged("its ZIP directory is not where it should be"));
    }
    Ok(directory)
}

/// The numbers of 64 bits in the extra field that is for them.
fn longer(extra: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let mut rest = extra;
    let field = std::iter::from_fn(move || {
        let (opening, after) = rest.split_first_chunk::<4>()?;
        let (kind, bytes) = (short(opening, 0), usize::from(short(opening, 2)));
        let (field, after) = after.split_at_checked(bytes)?;
        rest = after;
        Some((kind, field))
    });
    let mut fields = field.filter(|(kind, _)| *kind == EXTRA64).map(|(_, field)| field);
    fields
        .next()
        .unwrap_or_default()
        .as_chunks::<8>()
        .0
        .iter()
        .map(|bytes| u64::from_le_bytes(*bytes))
}

/// Compares a whole entry with its checksum.
fn check_sum(file: &PositionedFile, extent: &Extent) -> Result<(), Problem> {
    let Some(checksum) = extent.checksum else { return Ok(()) };
    let mut section = Section::new(file, extent.offset, extent.offset + extent.bytes);
    let mut hasher = crc32fast::Hasher::new();
    let mut chunk = [0; 4096];
    while section.left() > 0 {
        let chunk = &mut chunk[..section.left().min(4096) as usize];
        section.fill(chunk)?;
        hasher.update(chunk);
    }
    if hasher.finalize() == checksum {
        Ok(())
    } else {
        Err(damaged("its pickle does not have the checksum that it should have"))
    }
}

/// Little-endian numbers of 16, 32 and 64 bits; zero where there are not that many.
fn short(bytes: &[u8], at: usize) -> u16 {
    number(bytes, at, 2) as u16
}

fn long(bytes: &[u8], at: usize) -> u64 {
    number(bytes, at, 4)
}

fn very_long(bytes: &[u8], at: usize) -> u64 {
    number(bytes, at, 8)
}

fn number(bytes: &[u8], at: usize, count: usize) -> u64 {
    let mut number = [0; 8];
    number[..count].copy_from_slice(&bytes[at..at + count]);
    u64::from_le_bytes(number)
}

fn damaged(reason: &str) -> Problem {
    Problem::Damaged(reason.to_owned())
}
