//! Tables of word vectors that others trained: GloVe's and word2vec's files, safetensors.
//!
//! | file | holds |
//! |---|---|
//! | GloVe, text | a word and its numbers a line, between spaces (Pennington, Socher and Manning 2014); a word may have spaces itself |
//! | word2vec and fastText, text | the same below a line of two numbers, how many words and how many numbers each |
//! | word2vec, binary | that line, then a word, a space and its numbers as 32-bit floats (Mikolov et al. 2013) |
//! | safetensors | a table, and the words of its rows in a file of their own, one a line |
//!
//! Files of lines and of words are read from their beginning to their end, and of them only what is [wanted](WantedWords) is
//! kept: a table of 400,000 words takes as much memory as the words that a vocabulary has.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use ahash::{AHashMap, AHashSet};
use rekindle_base::open_regular;
use rekindle_data::{Random, label::listed};
use rekindle_files::CheckpointFile;

use crate::{Error, Tokenizer};

mod binary;
mod lines;

/// Most numbers of a word.
pub const MAX_VECTOR_DIM: usize = 1 << 14;
/// Most bytes of a word, or of a line that has a word and its numbers.
pub const MAX_VECTOR_LINE_BYTES: usize = 1 << 20;
/// Most numbers that are kept of a table: a gibibyte of them.
pub const MAX_VECTOR_NUMBERS: usize = 1 << 28;
/// Most bytes of a file of words.
const MAX_WORDS_BYTES: u64 = 256 << 20;
/// Bytes behind the first line that are looked at to tell numbers as text from numbers as bytes.
const SNIFFED: usize = 4096;

/// Which words of a table are kept.
#[derive(Debug, Clone, Copy)]
pub enum WantedWords<'a> {
    /// All of them.
    All,
    /// These, and what of them the table lacks is told.
    Only(&'a [String]),
}

/// Words with a vector each.
#[derive(Debug, Clone, PartialEq)]
pub struct WordVectors {
    /// The words, in the order of their file.
    pub words: Vec<String>,
    /// Numbers a word.
    pub dim: usize,
    /// The numbers, `[words, dim]`.
    pub vectors: Vec<f32>,
    /// Words that are wanted and that the table lacks, in the order in which they are wanted.
    pub missing: Vec<String>,
    /// How many words the file has.
    pub of: usize,
    /// What was left out or is odd, a line each.
    pub notes: Vec<String>,
}

/// A table for the tokens of a tokenizer.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenTable {
    /// The numbers, `[tokens, dim]`.
    pub vectors: Vec<f32>,
    /// Tokens that had no vector, and got one by chance.
    pub missing: usize,
}

impl WordVectors {
    /// Reads a file of GloVe's or word2vec's, whichever it is by its content.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, is none, ends early, or has more of something than a limit allows; with the line, or the number
    /// of the word, that is wrong.
    pub fn read(path: &Path, wanted: WantedWords<'_>) -> Result<Self, Error> {
        let file =
            open_regular(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Self::read_from(BufReader::new(file), wanted).map_err(|cause| broken(path, cause))
    }

    /// The same of what a reader gives.
    pub(crate) fn read_from(
        mut reader: BufReader<impl Read>,
        wanted: WantedWords<'_>,
    ) -> Result<Self, String> {
        let mut first = Vec::new();
        line(&mut reader, &mut first, 1)?;
        if first.starts_with(&[0x1f, 0x8b]) || first.starts_with(b"PK\x03\x04") {
            return Err("is packed; unpack it first".to_owned());
        }
        let mut keep = Keep::new(wanted);
        match header(&first)? {
            Some(header) => {
                let next = reader.fill_buf().map_err(|error| error.to_string())?;
                // Text has no such bytes, and of a few 32-bit floats some are.
                let is_control = |byte: &u8| *byte < b'\t' || (0x0e..0x20).contains(byte);
                match next.iter().take(SNIFFED).any(is_control) {
                    true => binary::read(&mut reader, header, &mut keep)?,
                    false => lines::read(&mut reader, Some(header), None, &mut keep)?,
                }
            }
            None => lines::read(&mut reader, None, Some(first), &mut keep)?,
        }
        keep.finish()
    }

    /// Reads a table of safetensors whose rows are the words of a file, one a line.
    ///
    /// All of the table is in memory while it is read.
    ///
    /// # Errors
    ///
    /// Where one cannot be read, or they do not fit each other.
    pub fn read_safetensors(
        path: &Path,
        words: &Path,
        wanted: WantedWords<'_>,
    ) -> Result<Self, Error> {
        let names = rekindle_base::read_text(words, MAX_WORDS_BYTES)
            .map_err(|source| Error::Read { path: words.to_owned(), source })?;
        let names: Vec<&str> = names.lines().collect();
        let (table, [rows, dim]) = table(path)?;
        if rows != names.len() {
            let cause =
                format!("has {rows} rows, but {} has {} words", words.display(), names.len());
            return Err(broken(path, cause));
        }
        let mut keep = Keep::new(wanted);
        keep.dim = dim;
        for (place, (word, row)) in names.into_iter().zip(table.chunks(dim.max(1))).enumerate() {
            let told = |cause| broken(path, format!("row {place}: {cause}"));
            if keep.wants(word.as_bytes()) {
                keep.put(word, |to| finite(row, to)).map_err(told)?;
            }
        }
        keep.finish().map_err(|cause| broken(path, cause))
    }

    /// The vector of a word.
    #[must_use]
    pub fn get(&self, word: &str) -> Option<&[f32]> {
        let place = self.words.iter().position(|other| other == word)?;
        self.vectors.get(place * self.dim..(place + 1) * self.dim)
    }

    /// How many of the words that were wanted there are, in a line.
    #[must_use]
    pub fn describe(&self) -> String {
        let (found, of, dim) = (self.words.len(), self.of, self.dim);
        if self.missing.is_empty() {
            return format!("{found} words of {of} in the table, {dim} numbers each");
        }
        let missing = self.missing.len();
        let share = 100.0 * missing as f64 / (found + missing) as f64;
        let names = listed(self.missing.iter().map(String::as_str));
        format!(
            "{found} words of {of} in the table, {dim} numbers each; {missing} are missing ({share:.1}%), such as {names}"
        )
    }

    /// A table of all tokens of a tokenizer, in their order; padding is zeros, and what is missing is drawn by the seed and the
    /// token's number, with the spread that each column has.
    #[must_use]
    pub fn table(&self, tokenizer: &Tokenizer, seed: u64) -> TokenTable {
        let places: AHashMap<&str, usize> =
            self.words.iter().enumerate().map(|(place, word)| (word.as_str(), place)).collect();
        let columns = self.spread();
        let mut vectors = Vec::with_capacity(tokenizer.len() * self.dim);
        let mut missing = 0;
        for id in 0..tokenizer.len() as u32 {
            let token = tokenizer.token(id);
            let place = token.as_deref().and_then(|token| places.get(token));
            if let Some(place) = place {
                vectors.extend(&self.vectors[place * self.dim..(place + 1) * self.dim]);
            } else if id == tokenizer.pad() {
                vectors.extend(std::iter::repeat_n(0.0, self.dim));
            } else {
                missing += 1;
                let mut random = Random::new(seed, 0, u64::from(id));
                let drawn =
                    |&[mean, deviation]: &[f64; 2]| (mean + deviation * random.normal()) as f32;
                vectors.extend(columns.iter().map(drawn));
            }
        }
        TokenTable { vectors, missing }
    }

    /// Mean and deviation of each column.
    fn spread(&self) -> Vec<[f64; 2]> {
        let count = self.words.len().max(1) as f64;
        let column = |place: usize| {
            let numbers =
                || self.vectors.iter().skip(place).step_by(self.dim).map(|x| f64::from(*x));
            let mean = numbers().sum::<f64>() / count;
            let square = numbers().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
            [mean, square.sqrt()]
        };
        (0..self.dim).map(column).collect()
    }
}

/// What is kept of a table while it is read.
struct Keep<'a> {
    wanted: Option<&'a [String]>,
    open: AHashSet<&'a str>,
    found: WordVectors,
    taken: AHashSet<String>,
    dim: usize,
    doubled: usize,
    unreadable: usize,
}

impl<'a> Keep<'a> {
    fn new(wanted: WantedWords<'a>) -> Self {
        let wanted = match wanted {
            WantedWords::All => None,
            WantedWords::Only(words) => Some(words),
        };
        let (words, vectors, missing, notes) = Default::default();
        Self {
            wanted,
            open: wanted.into_iter().flatten().map(String::as_str).collect(),
            found: WordVectors { words, dim: 0, vectors, missing, of: 0, notes },
            taken: AHashSet::new(),
            dim: 0,
            doubled: 0,
            unreadable: 0,
        }
    }

    /// Whether a word of the table is kept; each word of the table is asked for once.
    fn wants(&mut self, word: &[u8]) -> bool {
        self.found.of += 1;
        match std::str::from_utf8(word) {
            Ok(word) if self.taken.contains(word) => {
                self.doubled += 1;
                false
            }
            Ok(word) => self.wanted.is_none() || self.open.contains(word),
            Err(_) => {
                self.unreadable += 1;
                false
            }
        }
    }

    /// Keeps a word, whose numbers are written to the end of what there is.
    fn put(
        &mut self,
        word: &str,
        numbers: impl FnOnce(&mut Vec<f32>) -> Result<(), String>,
    ) -> Result<(), String> {
        if self.found.vectors.len() + self.dim > MAX_VECTOR_NUMBERS {
            return Err(format!(
                "there are more than the limit of {MAX_VECTOR_NUMBERS} numbers to keep; ask for fewer words"
            ));
        }
        numbers(&mut self.found.vectors)?;
        self.found.words.push(word.to_owned());
        self.taken.insert(word.to_owned());
        Ok(())
    }

    fn finish(mut self) -> Result<WordVectors, String> {
        if self.found.of == 0 {
            return Err("holds no word".to_owned());
        }
        self.found.dim = self.dim;
        let wanted = self.wanted.into_iter().flatten();
        let mut told = AHashSet::new();
        self.found.missing = wanted
            .filter(|word| !self.taken.contains(*word) && told.insert(word.as_str()))
            .cloned()
            .collect();
        if self.doubled > 0 {
            let text = "words stand twice or more, of which the first vector is taken";
            self.found.notes.push(format!("{} {text}", self.doubled));
        }
        if self.unreadable > 0 {
            let text = "words are not UTF-8, and not read";
            self.found.notes.push(format!("{} {text}", self.unreadable));
        }
        Ok(self.found)
    }
}

/// How many words there are, and how many numbers each, where a line says that.
fn header(line: &[u8]) -> Result<Option<[usize; 2]>, String> {
    let Ok(text) = std::str::from_utf8(line) else { return Ok(None) };
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let [words, dim] = fields[..] else { return Ok(None) };
    let (Ok(words), Ok(dim)) = (words.parse(), dim.parse()) else { return Ok(None) };
    check_dim(dim).map(|()| Some([words, dim]))
}

fn check_dim(dim: usize) -> Result<(), String> {
    match dim {
        1..=MAX_VECTOR_DIM => Ok(()),
        _ => Err(format!(
            "line 1: says {dim} numbers a word, of at least 1 and at most {MAX_VECTOR_DIM}"
        )),
    }
}

/// The next line without its end; whether there is one.
fn line(reader: &mut impl BufRead, to: &mut Vec<u8>, number: usize) -> Result<bool, String> {
    to.clear();
    let limit = MAX_VECTOR_LINE_BYTES as u64 + 1;
    let read = reader.by_ref().take(limit).read_until(b'\n', to);
    let read = read.map_err(|error| format!("line {number}: {error}"))?;
    if to.last() == Some(&b'\n') {
        to.pop();
    } else if to.len() > MAX_VECTOR_LINE_BYTES {
        return Err(format!(
            "line {number}: is longer than the limit of {MAX_VECTOR_LINE_BYTES} bytes; is it a table of word vectors?"
        ));
    }
    if to.last() == Some(&b'\r') {
        to.pop();
    }
    Ok(read > 0)
}

/// Numbers that are all finite.
fn finite(numbers: &[f32], to: &mut Vec<f32>) -> Result<(), String> {
    if let Some(place) = numbers.iter().position(|number| !number.is_finite()) {
        return Err(format!("number {} is {}, not finite", place + 1, numbers[place]));
    }
    to.extend(numbers);
    Ok(())
}

/// The one table of a file, `[rows, dim]`.
fn table(path: &Path) -> Result<(Vec<f32>, [usize; 2]), Error> {
    let file = CheckpointFile::open(path)?;
    let tables: Vec<(&str, &[usize])> = file
        .tensors()
        .filter(|(_, info)| info.shape.len() == 2 && info.dtype.is_float())
        .map(|(name, info)| (name, &info.shape[..]))
        .collect();
    let named = tables.iter().find(|(name, _)| *name == "embeddings");
    let (name, shape) = match (named, &tables[..]) {
        (Some(found), _) | (None, [found]) => *found,
        (None, _) => {
            let names = listed(tables.iter().map(|(name, _)| *name));
            let cause = format!("has no tensor `embeddings`, but the tables {names}");
            return Err(broken(path, cause));
        }
    };
    let [rows, dim] = [shape[0], shape[1]];
    check_dim(dim).map_err(|_| {
        broken(
            path,
            format!("`{name}` has {dim} columns, of at least 1 and at most {MAX_VECTOR_DIM}"),
        )
    })?;
    if rows.saturating_mul(dim) > MAX_VECTOR_NUMBERS {
        let cause = format!(
            "`{name}` has {rows} x {dim} numbers, more than the limit of {MAX_VECTOR_NUMBERS}"
        );
        return Err(broken(path, cause));
    }
    Ok((file.read_f32(name)?, [rows, dim]))
}

fn broken(path: &Path, cause: String) -> Error {
    Error::Vectors { path: path.to_owned(), cause }
}

#[cfg(test)]
mod tests;
