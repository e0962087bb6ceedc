//! The list of what is left when the bad is left out.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use crate::{Diagnosis, Error};

/// The first line of every manifest.
const HEAD: &str = "path,label,split\n";

/// What a manifest holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manifest {
    /// How many pictures are in it.
    pub kept: usize,
    /// How many were left out.
    pub left_out: usize,
}

/// Writes `path,label,split` of all examined files but those that findings leave out, as `rekindle-data` reads lists:
/// paths start at the list's own folder, and are absolute where the pictures do not lie below that.
///
/// It is written beside `path` and renamed: a reader finds the old file or the new one. Fields are quoted as RFC 4180 has it.
///
/// # Errors
///
/// [`Error::Exists`] if there is another file than a manifest, which is then left as it is; [`Error::Write`] if the folder of `path` does not exist or cannot be written to.
pub fn write_manifest(diagnosis: &Diagnosis, path: &Path) -> Result<Manifest, Error> {
    if is_other(path) {
        return Err(Error::Exists { path: path.to_owned() });
    }
    let left_out: BTreeSet<_> =
        diagnosis.findings.iter().flat_map(|finding| &finding.left_out).collect();
    let start = start(&diagnosis.folder, path);
    let mut lines = vec![HEAD.to_owned()];
    for examined in &diagnosis.examined {
        // Names that are not Unicode are all left out.
        if let (false, Some(file)) = (left_out.contains(&examined.file), examined.file.to_str()) {
            let file = start.join(file).to_string_lossy().into_owned();
            let fields = [&file, &examined.label, &examined.split].map(|text| field(text));
            lines.push(fields.join(",") + "\n");
        }
    }
    let kept = lines.len() - 1;
    replace(path, &lines).map_err(|source| Error::Write { path: path.to_owned(), source })?;
    Ok(Manifest { kept, left_out: diagnosis.examined.len() - kept })
}

/// Whether there is something that is not for us to write over. An empty file is.
fn is_other(path: &Path) -> bool {
    match path.metadata() {
        Ok(metadata) if metadata.is_file() && metadata.len() == 0 => return false,
        Ok(metadata) if !metadata.is_file() => return true,
        _ => {}
    }
    let mut start = vec![0; HEAD.len()];
    match File::open(path).and_then(|mut file| file.read_exact(&mut start)) {
        Ok(()) => start != HEAD.as_bytes(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// What is put in front of names that are relative to `folder`, for a list at `path`.
fn start(folder: &Path, path: &Path) -> PathBuf {
    let absolute = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let own = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let own = own.unwrap_or(Path::new(".")).canonicalize();
    let below = own.ok().and_then(|own| absolute.strip_prefix(own).ok().map(Path::to_owned));
    below.unwrap_or(absolute)
}

fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) || text.trim() != text {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

/// Writes beside `path`, then renames.
fn replace(path: &Path, lines: &[String]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".manifest-").suffix(".tmp");
    // Those of any new file: a temporary one is its owner's alone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(folder)?;
    let mut writer = BufWriter::new(file.as_file());
    lines.iter().try_for_each(|line| writer.write_all(line.as_bytes()))?;
    writer.flush()?;
    drop(writer);
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
