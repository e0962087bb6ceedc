//! One file in two parts: by a link, a second spelling, or a name on the disk that another has too.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::error::problem;
use crate::label::SHOWN;
use crate::{Error, Item, Part, Sample};

/// What tells a file from all others, whatever it is called.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Identity {
    /// The device and the number of its entry there.
    #[cfg(unix)]
    Entry(u64, u64),
    /// The path without links.
    #[cfg_attr(unix, allow(dead_code, reason = "other systems do not number their files"))]
    Path(PathBuf),
}

/// The identity of a file; none where it is not there.
pub(crate) fn identity(path: &Path) -> Option<Identity> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        path.metadata().ok().map(|found| Identity::Entry(found.dev(), found.ino()))
    }
    #[cfg(not(unix))]
    path.canonicalize().ok().map(Identity::Path)
}

/// Refuses files that are learned and measured on; those that are only measured on twice are a note.
pub(super) fn between<L, I: Item>(
    path: &Path,
    parts: &[(Part, &Vec<Sample<L, I>>)],
) -> Result<Vec<String>, Error> {
    let mut seen: HashMap<Identity, (Part, &Path)> = HashMap::new();
    let (mut leaks, mut twice) = (Vec::new(), Vec::new());
    for (part, samples) in parts {
        for file in samples.iter().filter_map(Sample::path) {
            let Some(identity) = identity(file) else { continue };
            let (first, other) = *seen.entry(identity).or_insert((*part, file));
            if first == *part {
                continue;
            }
            let text = match other == file {
                true => file.display().to_string(),
                false => format!("{} (also {})", file.display(), other.display()),
            };
            let to = if first == Part::Train { &mut leaks } else { &mut twice };
            to.push((first, *part, text));
        }
    }
    let line = |found: &[(Part, Part, String)]| {
        let names: Vec<&str> = found.iter().take(SHOWN).map(|(.., text)| text.as_str()).collect();
        let (first, part) = found.first().map_or((Part::All, Part::All), |(a, b, _)| (*a, *b));
        let (count, first, part) = (found.len(), first.name(), part.name());
        format!("{count} files of {part} are files of {first} too, such as {}", names.join(", "))
    };
    if !leaks.is_empty() {
        let text = format!(
            "{}; what is learned must not be measured on, so keep each in one part",
            line(&leaks)
        );
        return Err(problem(path, text));
    }
    Ok(if twice.is_empty() { Vec::new() } else { vec![line(&twice)] })
}
