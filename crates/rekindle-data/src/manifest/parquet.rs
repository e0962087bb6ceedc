//! Lists in Apache Parquet, as pandas, Polars and databases write them.

use std::fs::File;
use std::panic::catch_unwind;

use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use rekindle_base::read_at_most;

use super::Table;
use super::limits::{MAX_LIST_BYTES, check_columns, check_line, check_values};
use crate::error::panic_message;

mod pages;

/// All of a file, as text.
pub(super) fn read(file: File) -> Result<Table, String> {
    // The reader panics at some files that are damaged.
    catch_unwind(|| rows(file)).unwrap_or_else(|panic| Err(broken(&panic_message(&*panic))))
}

fn broken(error: &dyn std::fmt::Display) -> String {
    format!("cannot be read: {error}; write or fetch it anew")
}

fn rows(file: File) -> Result<Table, String> {
    let bytes = read_at_most(&file, MAX_LIST_BYTES).map_err(|error| broken(&error))?;
    let reader = SerializedFileReader::new(file).map_err(|error| broken(&error))?;
    let schema = reader.metadata().file_metadata().schema();
    let names: Vec<String> =
        schema.get_fields().iter().map(|field| field.name().to_owned()).collect();
    check_columns(1, names.len())?;
    check_sizes(reader.metadata(), names.len())?;
    pages::check(&bytes, reader.metadata())?;
    drop(bytes);
    let rows = reader.get_row_iter(None).map_err(|error| broken(&error))?;
    let mut found = Vec::new();
    let mut bytes = 0;
    // Rows count as lines below the one that names the columns, as where the list is text.
    for (line, row) in (2..).zip(rows) {
        let row = row.map_err(|error| broken(&error))?;
        let cells: Vec<String> = row.get_column_iter().map(|(_, field)| cell(field)).collect();
        // A value that stands in the file once may be that of every row.
        let length = cells.iter().map(String::len).sum();
        check_line(line, length)?;
        bytes += length as u64;
        check_bytes(bytes)?;
        check_values(found.len() + 1, cells.len())?;
        found.push((line, cells));
    }
    Ok(Table { names, rows: found })
}

/// Refuses what is larger unpacked than a list may be, by what the file says of itself, before anything is unpacked.
fn check_sizes(metadata: &ParquetMetaData, columns: usize) -> Result<(), String> {
    let count = |number: i64| u64::try_from(number).unwrap_or(u64::MAX);
    let mut rows = 0_u64;
    let mut bytes = 0_u64;
    for group in metadata.row_groups() {
        rows = rows.saturating_add(count(group.num_rows()));
        for column in group.columns() {
            bytes = bytes.saturating_add(count(column.uncompressed_size()));
            check_values(1, usize::try_from(column.num_values()).unwrap_or(usize::MAX))?;
        }
    }
    check_bytes(bytes)?;
    check_values(usize::try_from(rows).unwrap_or(usize::MAX), columns.max(1))
}

fn check_bytes(bytes: u64) -> Result<(), String> {
    if bytes <= MAX_LIST_BYTES {
        return Ok(());
    }
    Err(format!("holds more than the limit of {MAX_LIST_BYTES} bytes, unpacked; split it"))
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
