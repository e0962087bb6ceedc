//! Embeddings as a NumPy array (format 1.0 of NEP 1): a line that says what it is, then the numbers.

use std::{
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use rekindle_base::{AtomicFile, read_regular};

use super::{Embeddings, MAX_FILE_BYTES, beside, unwritable, wrong};
use crate::Error;

const MAGIC: &[u8] = b"\x93NUMPY";
/// The numbers start at a multiple of these bytes.
const ALIGNMENT: usize = 64;
/// Magic, version and the length of the line.
const OPENING: usize = 10;

pub(super) fn save(embeddings: &Embeddings, path: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut written = beside::save_names(embeddings, path)?;
    written.extend(beside::save_maker(embeddings, path)?);
    let write = || {
        let mut file = BufWriter::new(AtomicFile::create(path)?);
        file.write_all(&header(embeddings.len(), embeddings.dim))?;
        embeddings.values.iter().try_for_each(|value| file.write_all(&value.to_le_bytes()))?;
        file.into_inner().map_err(|error| error.into_error())?.commit()
    };
    write().map_err(unwritable(path))?;
    written.push(path.to_owned());
    Ok(written)
}

fn header(items: usize, dim: usize) -> Vec<u8> {
    let mut line =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({items}, {dim}), }}");
    let length = (OPENING + line.len() + 1).next_multiple_of(ALIGNMENT) - OPENING;
    line += &" ".repeat(length - 1 - line.len());
    line.push('\n');
    // Two numbers of at most 20 digits: it fits.
    let length = (length as u16).to_le_bytes();
    [MAGIC, &[1, 0], &length, line.as_bytes()].concat()
}

pub(super) fn open(path: &Path) -> Result<Embeddings, Error> {
    let bytes = read_regular(path, MAX_FILE_BYTES).map_err(|error| {
        wrong(path, format!("cannot be read: {error}; look whether it is there"))
    })?;
    let damaged = || wrong(path, "is no whole NumPy array; embed once more");
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(damaged)?;
    // The length of the line takes two bytes in the first version, four in the others.
    let (length, rest) = match rest {
        [1, _, a, b, rest @ ..] => (usize::from(u16::from_le_bytes([*a, *b])), rest),
        [2 | 3, _, a, b, c, d, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, rest),
        _ => return Err(damaged()),
    };
    let (line, numbers) = rest.split_at_checked(length).ok_or_else(damaged)?;
    let line: String = String::from_utf8_lossy(line).split_whitespace().collect();
    if !line.contains("'descr':'<f4'") || !line.contains("'fortran_order':False") {
        let text = "holds no float32 numbers row by row; save them so, as in `numpy.ascontiguousarray(x, 'float32')`";
        return Err(wrong(path, text));
    }
    let shape = line.split_once("'shape':(").and_then(|(_, rest)| rest.split_once(')'));
    let shape: Option<Vec<usize>> = shape.and_then(|(shape, _)| {
        shape.split(',').filter(|axis| !axis.is_empty()).map(|axis| axis.parse().ok()).collect()
    });
    let Some(&[items, dim]) = shape.as_deref() else {
        return Err(wrong(path, "has not two axes, items and numbers; save `x[items, dim]`"));
    };
    if items.checked_mul(dim).and_then(|count| count.checked_mul(4)) != Some(numbers.len()) {
        return Err(damaged());
    }
    let values = numbers.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    Embeddings::of(path, (dim, values), beside::names(path)?, beside::maker(path)?)
}
