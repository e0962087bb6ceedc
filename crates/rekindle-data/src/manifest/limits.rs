//! What a list may ask for. Anyone may have written it: each limit is far above what lists of pictures have, and named where
//! it is passed.

/// Most bytes of a list.
pub const MAX_LIST_BYTES: u64 = 512 << 20;
/// Most bytes of a line, or of what stands in one row.
pub const MAX_LINE_BYTES: usize = 1 << 20;
/// Most columns, as many as spreadsheets have.
pub const MAX_COLUMNS: usize = 16_384;
/// Most values in all, rows times columns: each takes 24 bytes beside its text.
pub const MAX_VALUES: usize = 1 << 24;

/// Refuses a line, or a value in one, of so many bytes.
pub(super) fn check_line(line: u64, bytes: usize) -> Result<(), String> {
    if bytes <= MAX_LINE_BYTES {
        return Ok(());
    }
    Err(format!(
        "line {line}: is longer than the limit of {MAX_LINE_BYTES} bytes; look for a quote that is never closed, or for line breaks that are missing"
    ))
}

/// Refuses a line that names or has so many columns.
pub(super) fn check_columns(line: u64, columns: usize) -> Result<(), String> {
    if columns <= MAX_COLUMNS {
        return Ok(());
    }
    Err(format!("line {line}: has more than the limit of {MAX_COLUMNS} columns; leave some out"))
}

/// Refuses so many rows of so many values.
pub(super) fn check_values(rows: usize, columns: usize) -> Result<(), String> {
    if rows.checked_mul(columns).is_some_and(|values| values <= MAX_VALUES) {
        return Ok(());
    }
    Err(format!(
        "holds more than the limit of {MAX_VALUES} values, rows times columns; leave columns out, or split it"
    ))
}
