//! A look at PyTorch's containers before their parser sees them.
//!
//! A parsed pickle takes up to two hundred times its size in memory, and a compressed one in an
//! archive a thousand times more than that: 20 KB made 3.6 GB of objects. So its opcodes are
//! counted first, and what PyTorch never writes (compression, sparse files) is refused.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::positioned::PositionedFile;
use super::{pickle, tar};
use crate::Error;

/// Where the magic of a TAR archive is, and what it is.
const TAR_MAGIC: (usize, &[u8]) = (257, b"ustar");
/// How every ZIP archive with an entry starts, and an empty one.
const ZIP_MAGICS: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];
/// As many bytes as it takes to see all of them.
pub(super) const OPENING_BYTES: usize = 262;

/// Pickles at the start of a legacy file: magic, version, system, the object, keys of storages.
const LEGACY_PICKLES: usize = 5;
/// Opcodes that a file may have. A tensor takes about 40, so this is 25,000 of them.
const MAX_OPCODES: usize = 1_000_000;

/// Whether a file opens like one of PyTorch's containers.
pub(super) fn starts_like(opening: &[u8]) -> bool {
    // Pickles of protocol 2 and up, and the magic number as protocols 0 and 1 write it.
    is_zip(opening)
        || is_tar(opening)
        || opening.starts_with(b"\x80")
        || opening.starts_with(b"L1195470")
}

fn is_zip(opening: &[u8]) -> bool {
    ZIP_MAGICS.iter().any(|magic| opening.starts_with(magic))
}

fn is_tar(opening: &[u8]) -> bool {
    let (offset, magic) = TAR_MAGIC;
    opening.get(offset..).is_some_and(|rest| rest.starts_with(magic))
}

/// Refuses containers that stand for far more than they are; returns the file's length in bytes.
pub(super) fn check(path: &Path) -> Result<u64, Error> {
    check_file(path)
        .map_err(|source| Error::Read { path: path.to_owned(), source })?
        .map_err(|reason| Error::Refused { path: path.to_owned(), reason: reason.to_owned() })
}

/// The length of a file, or why it is refused.
fn check_file(path: &Path) -> io::Result<Result<u64, &'static str>> {
    let mut file = BufReader::new(File::open(path)?);
    let length = file.get_ref().metadata()?.len();
    let mut opening = Vec::new();
    file.by_ref().take(OPENING_BYTES as u64).read_to_end(&mut opening)?;
    file.seek(SeekFrom::Start(0))?;

    let problem = if is_zip(&opening) {
        zip_problem(file)?
    } else if is_tar(&opening) {
        let is_plain = tar::is_plain(&PositionedFile::new(file.into_inner()), length)?;
        (!is_plain).then_some("its TAR archive holds more than plain files")
    } else {
        pickle_problem(&mut file, LEGACY_PICKLES)?
    };
    Ok(problem.map_or(Ok(length), Err))
}

/// What is wrong with a ZIP archive; one that cannot be read is left to the parser to refuse.
fn zip_problem(file: BufReader<File>) -> io::Result<Option<&'static str>> {
    // The parser's own crate, so that both see the same entries whatever a file pretends.
    let Ok(mut archive) = zip::ZipArchive::new(file) else { return Ok(None) };
    for index in 0..archive.len() {
        let Ok(entry) = archive.by_index_raw(index) else { return Ok(None) };
        if entry.compression() != zip::CompressionMethod::Stored {
            return Ok(Some("its ZIP archive is compressed, which PyTorch's never are"));
        }
        let is_pickle = entry.name().is_ok_and(|name| name.ends_with("data.pkl"));
        if is_pickle && let Some(problem) = pickle_problem(&mut BufReader::new(entry), 1)? {
            return Ok(Some(problem));
        }
    }
    Ok(None)
}

fn pickle_problem(reader: &mut impl BufRead, pickles: usize) -> io::Result<Option<&'static str>> {
    let is_bounded = pickle::is_bounded(reader, pickles, MAX_OPCODES)?;
    Ok((!is_bounded).then_some("its pickle has more than a million steps"))
}
