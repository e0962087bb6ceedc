//! Lists of comma-separated values.

use std::path::Path;

use super::Table;

/// All of a file, as text.
pub(super) fn read(path: &Path) -> Result<Table, String> {
    let broken = |error: &dyn std::fmt::Display| {
        format!("cannot be read: {error}; save it as comma-separated values in UTF-8")
    };
    let text = std::fs::read_to_string(path).map_err(|error| broken(&error))?;
    // Spreadsheets write it in front.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(text.as_bytes());
    let names = reader.headers().map_err(|error| broken(&error))?;
    let names = names.iter().map(str::to_owned).collect();
    let row = |record: Result<csv::StringRecord, csv::Error>| {
        let record = record.map_err(|error| broken(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        Ok((line, record.iter().map(str::to_owned).collect()))
    };
    let rows: Result<Vec<_>, String> = reader.into_records().map(row).collect();
    Ok(Table { names, rows: rows? })
}
