//! Words and numbers as bytes.

use std::io::{BufRead, Read};

use super::{Keep, MAX_VECTOR_LINE_BYTES, finite};

pub(super) fn read(
    reader: &mut impl BufRead,
    [words, dim]: [usize; 2],
    keep: &mut Keep<'_>,
) -> Result<(), String> {
    keep.dim = dim;
    let mut word = Vec::new();
    let mut bytes = vec![0; dim * size_of::<f32>()];
    let mut numbers = Vec::with_capacity(dim);
    for number in 1..=words {
        let told = |cause: String| format!("word {number} of {words}: {cause}");
        let ends = || told("the file ends there; fetch it again from its source".to_owned());
        word.clear();
        let limit = MAX_VECTOR_LINE_BYTES as u64 + 1;
        let read = reader.by_ref().take(limit).read_until(b' ', &mut word);
        read.map_err(|error| told(error.to_string()))?;
        if word.pop() != Some(b' ') {
            return Err(match word.len() >= MAX_VECTOR_LINE_BYTES {
                true => told(format!("is longer than the limit of {MAX_VECTOR_LINE_BYTES} bytes")),
                false => ends(),
            });
        }
        reader.read_exact(&mut bytes).map_err(|_| ends())?;
        // Some programs end a vector as a line.
        let word = word.strip_prefix(b"\n").unwrap_or(&word);
        if !keep.wants(word) {
            continue;
        }
        let text = std::str::from_utf8(word).map_err(|_| told("is not UTF-8".to_owned()))?;
        numbers.clear();
        numbers.extend(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        keep.put(text, |to| finite(&numbers, to)).map_err(told)?;
    }
    let mut rest = [0; 2];
    let left = reader.read(&mut rest).map_err(|error| error.to_string())?;
    match &rest[..left] {
        [] | [b'\n'] => Ok(()),
        _ => Err(format!("line 1: says {words} words, but more bytes follow them")),
    }
}
