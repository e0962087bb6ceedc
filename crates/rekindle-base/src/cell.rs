//! Cells of lists that people open in a spreadsheet, which computes what looks like a formula.
//!
//! | list | for | text that begins like a formula |
//! |---|---|---|
//! | `bad_files.csv`, `log.csv`, `predict` and `similar --format csv` | people | gets a `'` in front, a path `./` |
//! | what `doctor --fix` writes, JSON, embeddings and their lists of names | programs | stays as it is |

use std::borrow::Cow;

/// What a spreadsheet takes for the start of a formula, or skips to find one.
const STARTS: [char; 11] = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r', '\n'];

/// The text as a cell that no spreadsheet computes; numbers are left as they are.
pub fn text_cell(text: &str) -> Cow<'_, str> {
    match is_formula(text) {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}

/// A path as a cell that no spreadsheet computes: it leads where it led.
pub fn path_cell(path: &str) -> Cow<'_, str> {
    match is_formula(path) {
        true => Cow::Owned(format!("./{path}")),
        false => Cow::Borrowed(path),
    }
}

fn is_formula(text: &str) -> bool {
    text.trim_start_matches(' ').starts_with(STARTS) && text.trim().parse::<f64>().is_err()
}

/// A line of comma-separated values (RFC 4180), without its end; cells that hold what some spreadsheets separate by are
/// quoted as well.
pub fn csv_line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let quoted = |cell: &'a str| match cell.contains([',', ';', '"', '\t', '\n', '\r']) {
        true => Cow::Owned(format!("\"{}\"", cell.replace('"', "\"\""))),
        false => Cow::Borrowed(cell),
    };
    cells.into_iter().map(quoted).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (text, cell, path) in [
            ("cat", "cat", "cat"),
            ("a=b-c@d", "a=b-c@d", "a=b-c@d"),
            ("=HYPERLINK(\"x\")", "'=HYPERLINK(\"x\")", "./=HYPERLINK(\"x\")"),
            ("@SUM(1)", "'@SUM(1)", "./@SUM(1)"),
            ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0", "./+cmd|' /C calc'!A0"),
            ("-1+1", "'-1+1", "./-1+1"),
            ("\t=1+1", "'\t=1+1", "./\t=1+1"),
            ("\r=1+1", "'\r=1+1", "./\r=1+1"),
            ("  =1+1", "'  =1+1", "./  =1+1"),
            // Numbers are what they are.
            ("-1", "-1", "-1"),
            ("+0.5e-3", "+0.5e-3", "+0.5e-3"),
            ("-inf", "-inf", "-inf"),
            ("", "", ""),
            ("/data/=x", "/data/=x", "/data/=x"),
        ] {
            assert_eq!((&*text_cell(text), &*path_cell(text)), (cell, path), "{text:?}");
        }
    }

    #[test]
    fn cells_are_told_apart_by_every_spreadsheet() {
        for (cells, line) in [
            (vec!["a", "b c", ""], "a,b c,"),
            (vec!["a,b", "c\"d", "e\nf"], "\"a,b\",\"c\"\"d\",\"e\nf\""),
            // Where a comma is a decimal point, cells end at semicolons.
            (vec!["cat;=1+1", "x\t=1"], "\"cat;=1+1\",\"x\t=1\""),
        ] {
            assert_eq!(csv_line(cells), line);
        }
    }
}
