//! Files that hold one text each.

use std::path::{Path, PathBuf};

use rekindle_base::read_regular;
use rekindle_data::{Gathered, Row, manifest::MAX_LIST_BYTES, not_utf8};

use crate::{Error, Text, error::problem};

/// Most bytes of a file that is one text.
pub const MAX_TEXT_BYTES: u64 = 1 << 20;
/// Problems that an error shows.
const SHOWN: usize = 5;

/// The text of a file that is one text, called as the file.
///
/// # Errors
///
/// If it cannot be read, has more than [`MAX_TEXT_BYTES`], or is not UTF-8.
pub fn read_text(path: &Path) -> Result<Text, Error> {
    let text = text(path).map_err(|cause| problem(path, format!("cannot be read: {cause}")))?;
    Ok(Text { name: path.display().to_string().into(), ..Text::new(text) })
}

/// The texts of files below a folder, which they are called relative to.
pub(crate) fn read(folder: &Path, found: Gathered<PathBuf>) -> Result<Gathered<Text>, Error> {
    let Gathered { rows, names, notes, lacking } = found;
    let (mut texts, mut problems, mut bytes) = (Vec::with_capacity(rows.len()), Vec::new(), 0);
    for Row { item: path, labels, numbers, weight, group, part } in rows {
        let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        match text(&path) {
            Ok(text) => {
                bytes += text.len() as u64;
                if bytes > MAX_LIST_BYTES {
                    let text = format!(
                        "its texts have more than the limit of {MAX_LIST_BYTES} bytes; split it"
                    );
                    return Err(problem(folder, text));
                }
                let item = Text { name: name.into(), ..Text::new(text) };
                texts.push(Row { item, labels, numbers, weight, group, part });
            }
            Err(cause) => problems.push(format!("{name}: {cause}")),
        }
    }
    if problems.is_empty() {
        return Ok(Gathered { rows: texts, names, notes, lacking });
    }
    let more = match problems.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    problems.truncate(SHOWN);
    let text = format!(
        "texts that cannot be read: {}{more}; save them as UTF-8, or remove them",
        problems.join("; ")
    );
    Err(problem(folder, text))
}

fn text(path: &Path) -> Result<String, String> {
    let bytes = read_regular(path, MAX_TEXT_BYTES).map_err(|error| error.to_string())?;
    let text = String::from_utf8(bytes).map_err(|error| not_utf8(&error))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
