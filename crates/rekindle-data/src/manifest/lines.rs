//! Lists in JSON lines: an object a line, whose keys are the columns.

use std::collections::HashMap;
use std::fs::File;

use rekindle_base::read_at_most;
use serde_json::{Map, Value};

use super::Table;
use super::limits::{MAX_LIST_BYTES, check_columns, check_line, check_values};
use crate::error::not_utf8;

/// All of a file, as text.
pub(super) fn read(file: File) -> Result<Table, String> {
    let broken = |error: &dyn std::fmt::Display| {
        format!("cannot be read: {error}; save it as JSON lines in UTF-8")
    };
    let bytes = read_at_most(file, MAX_LIST_BYTES).map_err(|error| broken(&error))?;
    let text = String::from_utf8(bytes).map_err(|error| broken(&not_utf8(&error)))?;
    table(text.strip_prefix('\u{feff}').unwrap_or(&text))
}

fn table(text: &str) -> Result<Table, String> {
    let mut names: Vec<String> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut rows: Vec<(u64, Vec<String>)> = Vec::new();
    for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        check_line(line, text.len())?;
        let object: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
            format!("line {line}: is no JSON object: {error}; write an object a line")
        })?;
        let mut cells = vec![String::new(); names.len()];
        for (name, value) in object {
            let place = *places.entry(name).or_insert_with_key(|name| {
                names.push(name.clone());
                names.len() - 1
            });
            if place >= cells.len() {
                cells.resize(place + 1, String::new());
            }
            cells[place] = cell(value);
        }
        check_columns(line, names.len())?;
        // Lines that each name a column of their own make a table of their square.
        check_values(rows.len() + 1, names.len())?;
        rows.push((line, cells));
    }
    rows.iter_mut().for_each(|(_, cells)| cells.resize(names.len(), String::new()));
    Ok(Table { names, rows })
}

/// A value as text; what is a list becomes its items.
fn cell(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        Value::Array(items) => items.into_iter().map(cell).collect::<Vec<_>>().join("|"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_ask_for_no_more_than_a_list_may_have() {
        use super::super::{MAX_COLUMNS, MAX_LINE_BYTES};
        let keys = |count: usize| -> String {
            let keys: Vec<String> = (0..count).map(|key| format!("\"{key}\": 1")).collect();
            format!("{{\"path\": \"1.jpg\", {}}}", keys.join(", "))
        };
        // Each line names a column of its own: 4,200 lines are 17 million values.
        let square: String = (0..4200).map(|key| format!("{{\"{key}\": 1}}\n")).collect();
        for (what, text, expected) in [
            (
                "a long line",
                format!("{{\"path\": \"{}\"}}", "x".repeat(MAX_LINE_BYTES)),
                "line 1: is longer than the limit of 1048576 bytes",
            ),
            ("brackets", "[".repeat(MAX_LINE_BYTES), "line 1: is no JSON object"),
            ("many columns", keys(MAX_COLUMNS), "line 1: has more than the limit of 16384 columns"),
            ("columns of their own", square, "more than the limit of 16777216 values"),
        ] {
            let error = table(&text).unwrap_err();
            assert!(error.contains(expected), "{what}: {error}");
        }
        assert!(table(&keys(MAX_COLUMNS - 1)).is_ok());
    }

    #[test]
    fn objects_are_rows() {
        let text = "{\"path\": \"1.jpg\", \"labels\": [\"a\", \"b\"]}\n\n{\"age\": 2.5, \"path\": \"2.jpg\", \"labels\": null}\n";
        let found = table(text).unwrap();
        let mut columns = found.names.clone();
        columns.sort();
        assert_eq!(columns, ["age", "labels", "path"]);
        let of = |row: usize| -> Vec<&str> {
            let cell = |name: &String| {
                let place = found.names.iter().position(|other| other == name).unwrap();
                found.rows[row].1[place].as_str()
            };
            columns.iter().map(cell).collect()
        };
        assert_eq!((of(0), of(1)), (vec!["", "a|b", "1.jpg"], vec!["2.5", "", "2.jpg"]));
        assert_eq!(found.rows[1].0, 3);
        for text in ["[1]", "{\"path\": 1", "path,label"] {
            assert!(table(text).unwrap_err().starts_with("line 1: is no JSON object"), "{text}");
        }
    }
}
