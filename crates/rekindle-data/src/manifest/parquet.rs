//! Lists in Apache Parquet, as pandas, Polars and databases write them.

use std::fs::File;
use std::panic::catch_unwind;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use super::Table;
use crate::error::panic_message;

/// All of a file, as text.
pub(super) fn read(path: &Path) -> Result<Table, String> {
    // The reader panics at some files that are damaged.
    catch_unwind(|| rows(path)).unwrap_or_else(|panic| Err(broken(&panic_message(&*panic))))
}

fn broken(error: &dyn std::fmt::Display) -> String {
    format!("cannot be read: {error}; write or fetch it anew")
}

fn rows(path: &Path) -> Result<Table, String> {
    let file = File::open(path).map_err(|error| broken(&error))?;
    let reader = SerializedFileReader::new(file).map_err(|error| broken(&error))?;
    let schema = reader.metadata().file_metadata().schema();
    let names: Vec<String> =
        schema.get_fields().iter().map(|field| field.name().to_owned()).collect();
    let rows = reader.get_row_iter(None).map_err(|error| broken(&error))?;
    let mut found = Vec::new();
    // Rows count as lines below the one that names the columns, as where the list is text.
    for (line, row) in (2..).zip(rows) {
        let row = row.map_err(|error| broken(&error))?;
        found.push((line, row.get_column_iter().map(|(_, field)| cell(field)).collect()));
    }
    Ok(Table { names, rows: found })
}

/// A cell as text; what is a list becomes its items.
fn cell(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        Field::Bytes(bytes) => String::from_utf8_lossy(bytes.data()).into_owned(),
        Field::ListInternal(items) => {
            items.elements().iter().map(cell).collect::<Vec<_>>().join("|")
        }
        other => other.to_string(),
    }
}
