//! A word and its numbers a line.

use std::io::BufRead;

use super::{Keep, check_dim, line};

/// Reads all lines, the first of which may have been read; a header says how many there are to be.
pub(super) fn read(
    reader: &mut impl BufRead,
    header: Option<[usize; 2]>,
    first: Option<Vec<u8>>,
    keep: &mut Keep<'_>,
) -> Result<(), String> {
    let mut number = if header.is_some() { 1 } else { 0 };
    let mut buffer = Vec::new();
    if let Some(first) = first {
        if first.is_empty() {
            return Err("line 1: is empty; is it a table of word vectors?".to_owned());
        }
        let fields = fields(&first).count();
        check_dim(fields.saturating_sub(1))?;
        keep.dim = fields - 1;
        number = 1;
        row(&first, number, keep)?;
    }
    if let Some([_, dim]) = header {
        keep.dim = dim;
    }
    let mut empty = None;
    while line(reader, &mut buffer, number + 1)? {
        number += 1;
        // The last lines may be empty, no other.
        if buffer.is_empty() {
            empty.get_or_insert(number);
            continue;
        }
        if let Some(empty) = empty {
            return Err(format!("line {empty}: is empty"));
        }
        row(&buffer, number, keep)?;
    }
    match header {
        Some([words, _]) if words != keep.found.of => Err(format!(
            "line 1: says {words} words, but there are {}; fetch it again from its source",
            keep.found.of
        )),
        _ => Ok(()),
    }
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// What stands between blanks, those at the end of a line being none.
fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    trimmed(line).split(is_blank)
}

fn trimmed(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !is_blank(byte)).map_or(0, |last| last + 1);
    &line[..end]
}

fn row(line: &[u8], number: usize, keep: &mut Keep<'_>) -> Result<(), String> {
    let dim = keep.dim;
    let line = trimmed(line);
    // The last numbers are the vector: all before is the word, which may have blanks.
    let mut start = line.len();
    for found in 0..dim {
        match line[..start].iter().rposition(is_blank) {
            Some(blank) => start = blank,
            None => {
                return Err(format!("line {number}: has {found} numbers behind a word, not {dim}"));
            }
        }
    }
    let word = &line[..start];
    if !keep.wants(word) {
        return Ok(());
    }
    let told = |cause| format!("line {number}: {cause}");
    let text = std::str::from_utf8(word).map_err(|_| told("is not UTF-8".to_owned()))?;
    let numbers = line[start + 1..].split(is_blank);
    let parsed = |field: &[u8]| -> Result<f32, String> {
        let text = String::from_utf8_lossy(field);
        let number: f32 = text.parse().map_err(|_| format!("`{text:.40}` is no number"))?;
        number.is_finite().then_some(number).ok_or_else(|| format!("`{text:.40}` is not finite"))
    };
    let put = |to: &mut Vec<f32>| {
        for field in numbers {
            to.push(parsed(field)?);
        }
        Ok(())
    };
    keep.put(text, put).map_err(told)
}
