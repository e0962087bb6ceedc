//! Lists as text: values between commas, tabs or semicolons, as RFC 4180 quotes them.

use std::borrow::Cow;
use std::fs::File;

use rekindle_base::read_at_most;

use super::limits::{MAX_LIST_BYTES, check_columns, check_line, check_values};
use super::{PATH, Table, is_named};
use crate::error::not_utf8;

/// What may stand between values, as the line of names shows it; of several that fit, the first.
const DELIMITERS: [char; 4] = [',', '\t', ';', '|'];

/// All of a file as a table.
pub(super) fn read(file: File) -> Result<Table, String> {
    table(&read_text(file)?)
}

/// All of a file, as text.
pub(super) fn read_text(file: File) -> Result<String, String> {
    let broken = |error: &dyn std::fmt::Display| {
        format!("cannot be read: {error}; save it as text in UTF-8")
    };
    let bytes = read_at_most(file, MAX_LIST_BYTES).map_err(|error| broken(&error))?;
    text(bytes).map_err(|error| broken(&error))
}

/// The text of UTF-8, or of what spreadsheets call Unicode; both may begin with a mark of the order of bytes.
fn text(bytes: Vec<u8>) -> Result<String, String> {
    let unit: fn([u8; 2]) -> u16 = match bytes.get(..2) {
        Some([0xff, 0xfe]) => u16::from_le_bytes,
        Some([0xfe, 0xff]) => u16::from_be_bytes,
        _ => {
            let text = String::from_utf8(bytes).map_err(|error| not_utf8(&error))?;
            return Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text));
        }
    };
    let units: Vec<u16> = bytes[2..].as_chunks::<2>().0.iter().map(|pair| unit(*pair)).collect();
    String::from_utf16(&units).map_err(|_| "it is not UTF-16, as its first bytes say".to_owned())
}

/// A text as a table.
pub(super) fn table(text: &str) -> Result<Table, String> {
    let mut records = Records::new(text);
    let mut cells = Vec::new();
    let mut values = 0;
    let mut next = || -> Result<Option<(u64, Vec<String>)>, String> {
        let Some(line) = records.next_into(&mut cells)? else { return Ok(None) };
        check_columns(line, cells.len())?;
        values += cells.len();
        check_values(1, values)?;
        Ok(Some((line, cells.drain(..).map(Cow::into_owned).collect())))
    };
    let Some((_, names)) = next()? else {
        return Ok(Table { names: Vec::new(), rows: Vec::new() });
    };
    let mut rows = Vec::new();
    let (mut wrong, mut count) = (Vec::new(), 0_usize);
    while let Some((line, mut cells)) = next()? {
        // Spreadsheets fill lines up.
        while cells.len() > names.len() && cells.last().is_some_and(String::is_empty) {
            cells.pop();
        }
        if cells.len() != names.len() {
            count += 1;
            if count <= super::SHOWN {
                wrong.push(format!("line {line} has {} values", cells.len()));
            }
        }
        rows.push((line, cells));
    }
    if wrong.is_empty() {
        return Ok(Table { names, rows });
    }
    let more = match count.saturating_sub(super::SHOWN) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let (wrong, names) = (wrong.join(", "), names.len());
    Err(format!("{wrong}{more}, but the first line names {names} columns; quote what has commas"))
}

/// The lines of a text of values, one after the other. What stands between them is what its first line shows.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    rest: Rest<'a>,
    delimiter: char,
}

impl<'a> Records<'a> {
    /// Those of a text.
    pub fn new(text: &'a str) -> Self {
        Self { rest: Rest { text, line: 1 }, delimiter: delimiter(text) }
    }

    /// Reads the next line that is not empty into cells, in place of what they were, and tells its number, counted from one;
    /// none at the end. Blanks around a value are no part of it unless it is quoted.
    ///
    /// # Errors
    ///
    /// What is wrong with a line, in words that follow the file's name.
    pub fn next_into(&mut self, cells: &mut Vec<Cow<'a, str>>) -> Result<Option<u64>, String> {
        let (rest, delimiter) = (&mut self.rest, self.delimiter);
        while !rest.text.is_empty() {
            let (line, left) = (rest.line, rest.text.len());
            cells.clear();
            loop {
                cells.push(rest.value(delimiter)?);
                check_line(line, left - rest.text.len())?;
                match rest.take() {
                    Some(found) if found == delimiter => {}
                    _ => break,
                }
            }
            // An empty line is one empty value.
            if cells.len() > 1 || !cells[0].is_empty() {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }
}

/// What stands between the names of the first line: what makes one of them a column of paths, else what makes several of it.
fn delimiter(text: &str) -> char {
    let lines = text.split(['\n', '\r']);
    let first = lines.into_iter().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let names = |delimiter| {
        let mut names = Vec::new();
        let found =
            Records { rest: Rest { text: first, line: 1 }, delimiter }.next_into(&mut names);
        if found.is_err() { Vec::new() } else { names }
    };
    let fits = |delimiter: &char| {
        let names = names(*delimiter);
        names.len() > 1 && names.iter().any(|name| is_named(name, PATH))
    };
    let several = |delimiter: &char| names(*delimiter).len() > 1;
    let found = DELIMITERS.into_iter().find(fits).or_else(|| DELIMITERS.into_iter().find(several));
    found.unwrap_or(DELIMITERS[0])
}

/// What is not read yet, and the line that it begins on.
#[derive(Debug, Clone)]
struct Rest<'a> {
    text: &'a str,
    line: u64,
}

impl<'a> Rest<'a> {
    /// The next letter; the end of a line is one, whatever it is written as.
    fn take(&mut self) -> Option<char> {
        let letter = self.text.chars().next()?;
        let is_pair = letter == '\r' && self.text.as_bytes().get(1) == Some(&b'\n');
        let length = if is_pair { 2 } else { letter.len_utf8() };
        self.text = &self.text[length..];
        if matches!(letter, '\n' | '\r') {
            self.line += 1;
            return Some('\n');
        }
        Some(letter)
    }

    /// The next value, up to what stands behind it.
    fn value(&mut self, delimiter: char) -> Result<Cow<'a, str>, String> {
        let blank = |letter: char| letter != delimiter && matches!(letter, ' ' | '\t');
        self.text = self.text.trim_start_matches(blank);
        if self.text.starts_with('"') {
            return self.quoted(delimiter).map(Cow::Owned);
        }
        // Whatever stands between values is one byte, and no part of another letter.
        let ends = |byte: u8| char::from(byte) == delimiter || matches!(byte, b'\n' | b'\r');
        let end = self.text.bytes().position(ends);
        let (value, rest) = self.text.split_at(end.unwrap_or(self.text.len()));
        check_line(self.line, value.len())?;
        self.text = rest;
        Ok(Cow::Borrowed(value.trim_end_matches(blank)))
    }

    fn quoted(&mut self, delimiter: char) -> Result<String, String> {
        let opened = self.line;
        self.take();
        let mut value = String::new();
        loop {
            match self.take() {
                None => {
                    return Err(format!(
                        "line {opened}: a quote is opened and never closed; close it, or double it where one is meant"
                    ));
                }
                Some('"') if self.text.starts_with('"') => {
                    self.take();
                    value.push('"');
                }
                Some('"') => break,
                Some(letter) => value.push(letter),
            }
            check_line(opened, value.len())?;
        }
        let blank = |letter: char| letter != delimiter && matches!(letter, ' ' | '\t');
        self.text = self.text.trim_start_matches(blank);
        let ends = |letter: char| letter == delimiter || matches!(letter, '\n' | '\r');
        if self.text.is_empty() || self.text.starts_with(ends) {
            return Ok(value);
        }
        let line = self.line;
        Err(format!(
            "line {line}: text follows the end of a quote that was opened on line {opened}; close that one, or double it where one is meant"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Vec<String>> {
        let table = table(text).unwrap();
        std::iter::once(table.names).chain(table.rows.into_iter().map(|(_, row)| row)).collect()
    }

    #[test]
    fn values_are_told_apart_by_what_the_names_are() {
        for text in [
            "path,label\n1.jpg,a b\n2.jpg,c\n",
            "path, label\r\n1.jpg, a b\r\n2.jpg , c \r\n",
            "path\tlabel\n1.jpg\ta b\n\n2.jpg\tc",
            "path;label\n\"1.jpg\";\"a b\"\n2.jpg ;c;;\n",
            "path|label\r1.jpg|a b\r2.jpg|c\r",
            "label,path\n\na b , \"1.jpg\" \nc,2.jpg\n",
        ] {
            let found = rows(text);
            let column = |wanted: &str| found[0].iter().position(|name| name == wanted).unwrap();
            let of = |row: usize| [&*found[row][column("path")], &*found[row][column("label")]];
            assert_eq!([of(1), of(2)], [["1.jpg", "a b"], ["2.jpg", "c"]], "{text}");
        }
        // What is quoted is kept as it is.
        let found = rows("path,label\n\" 1.jpg\",\"a \"\"b\"\", or\nnot\"\n5\"2.jpg,c\n");
        assert_eq!(found[1], [" 1.jpg", "a \"b\", or\nnot"]);
        assert_eq!(found[2], ["5\"2.jpg", "c"]);
    }

    /// Lists of texts have no paths.
    #[test]
    fn what_makes_several_names_stands_between_them() {
        for (text, expected) in [
            ("label\ttext\nham\tno, thanks; bye\n", ["ham", "no, thanks; bye"]),
            ("label;text\nham;no, thanks\n", ["ham", "no, thanks"]),
            ("label,text\nham,\"no, thanks\"\n", ["ham", "no, thanks"]),
        ] {
            assert_eq!(rows(text)[1], expected, "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_told_by_their_place() {
        for (bytes, expected) in [
            (
                &b"text,label\nant,a\nb\xe9e,b\n"[..],
                "line 3, column 2 is the byte 0xe9, which is not UTF-8",
            ),
            (b"\xffext,label\n", "line 1, column 1 is the byte 0xff"),
            ("caf\u{e9}".as_bytes().split_last().unwrap().1, "line 1, column 4 is the byte 0xc3"),
        ] {
            let error = text(bytes.to_vec()).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn spreadsheets_unicode_is_read() {
        let words = "path\tlabel\n1.jpg\tcafé\n";
        let little: Vec<u8> = "\u{feff}"
            .encode_utf16()
            .chain(words.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        let big: Vec<u8> = "\u{feff}"
            .encode_utf16()
            .chain(words.encode_utf16())
            .flat_map(u16::to_be_bytes)
            .collect();
        for bytes in
            [little, big, words.as_bytes().to_vec(), format!("\u{feff}{words}").into_bytes()]
        {
            assert_eq!(text(bytes).unwrap_or_default(), words);
        }
        assert!(text(vec![0xff, 0xfe, 0, 0xd8]).is_err() && text(vec![b'a', 0xe9]).is_err());
    }

    #[test]
    fn lines_ask_for_no_more_than_a_list_may_have() {
        use super::super::{MAX_COLUMNS, MAX_LINE_BYTES, MAX_VALUES};
        let long = "x".repeat(MAX_LINE_BYTES + 1);
        let names = format!("path{}", ",a".repeat(MAX_COLUMNS - 1));
        for (what, text, expected) in [
            ("a long name", long.clone(), "line 1: is longer than the limit of 1048576 bytes"),
            ("a long value", format!("path,label\n1,{long}\n"), "line 2: is longer than the limit"),
            ("a long quote", format!("path,label\n1,\"{long}"), "line 2: is longer than the limit"),
            (
                "a long line",
                format!("path,label\n{}", format!("{},", &long[..1000]).repeat(1100)),
                "line 2: is longer than the limit",
            ),
            (
                "many columns",
                format!("{names},a\n"),
                "line 1: has more than the limit of 16384 columns",
            ),
            (
                "many values",
                format!("{names}\n")
                    + &(",".repeat(MAX_COLUMNS - 1) + "\n").repeat(MAX_VALUES / MAX_COLUMNS),
                "more than the limit of 16777216 values",
            ),
        ] {
            let error = table(&text).unwrap_err();
            assert!(error.contains(expected), "{what}: {error}");
        }
        assert!(table(&format!("{names}\n{names}\n")).is_ok());
        // What is wrong with every line is told of the first of them.
        let error = table(&format!("path,label\n{}", "1\n".repeat(1000))).unwrap_err();
        assert!(
            error.contains("line 6 has 1 values, and 995 more") && error.len() < 300,
            "{error}"
        );
    }

    #[test]
    fn quotes_that_do_not_end_are_refused_where_they_begin() {
        for (text, expected) in [
            ("path,label\n1,a\n2,\"b\n3,c\n", "line 3: a quote is opened and never closed"),
            (
                "path,label\n1,\"a\n2,b\n3,\"c\"\n",
                "line 4: text follows the end of a quote that was opened on line 2",
            ),
            (
                "path,label\n1,\"a\n2,\"b\n",
                "line 3: text follows the end of a quote that was opened on line 2",
            ),
            (
                "path,label\n1,a,b\n2\n3,c\n",
                "line 2 has 3 values, line 3 has 1 values, but the first line names 2",
            ),
        ] {
            let error = table(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
