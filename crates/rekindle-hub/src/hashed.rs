//! Which files were hashed, so that each is hashed once a change and not once a use.
//!
//! A file counts as unchanged while its size, inode and times of change are. The second of those times is the
//! system's own, which no program sets: a file that was put back with its old date is hashed again. What is
//! lost with this index is time alone, so it is neither locked nor missed where it cannot be written. What is believed
//! with it are bytes, so it lies where nobody else can write, or in memory: see [`crate::trusted`].

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rekindle_base::{FileState, is_private, private_folder, write_private};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Hashing,
    digest::{self, Sums},
};

/// What a file was when it was hashed, and what came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct FetchRow {
    #[serde(with = "State")]
    state: FileState,
    sha256: String,
    git: Option<String>,
}

/// How the index spells what changes with a file.
#[derive(Serialize, Deserialize)]
#[serde(remote = "FileState")]
struct State {
    bytes: u64,
    /// Nanoseconds since 1970.
    modified: u128,
    /// Nanoseconds since 1970; zero where the system has no such time.
    changed: i128,
    /// Zero where the system has none.
    inode: u64,
}

type Rows = BTreeMap<PathBuf, FetchRow>;

/// The index, read when it is first needed.
#[derive(Debug)]
pub(crate) struct Hashed {
    /// None where it is kept in memory alone.
    path: Option<PathBuf>,
    hashing: Hashing,
    rows: Mutex<Option<Rows>>,
}

impl Hashed {
    pub(crate) fn new(path: Option<PathBuf>, hashing: Hashing) -> Self {
        Self { path, hashing, rows: Mutex::new(None) }
    }

    /// A file's hashes, from the index or computed.
    pub(crate) fn sums(&self, path: &Path) -> Result<Sums, Error> {
        let (real, state) = state(path)?;
        if self.hashing == Hashing::OnceAChange
            && let Some(row) = self.rows().as_ref().and_then(|rows| rows.get(&real))
            && row.state == state
        {
            let FetchRow { sha256, git, .. } = row.clone();
            return Ok(Sums { bytes: state.bytes, sha256, git });
        }
        self.hash_again(path)
    }

    /// A file's hashes, computed.
    pub(crate) fn hash_again(&self, path: &Path) -> Result<Sums, Error> {
        let (_, before) = state(path)?;
        let sums = digest::sums(path)?;
        let (_, after) = state(path)?;
        if before == after {
            self.remember(path, &sums);
        }
        Ok(sums)
    }

    /// Takes note of hashes that were computed while the file was written.
    pub(crate) fn remember(&self, path: &Path, sums: &Sums) {
        let Ok((real, state)) = state(path) else { return };
        let mut rows = self.rows();
        // What other processes added meanwhile is kept.
        let mut merged = self.read();
        merged.extend(rows.take().unwrap_or_default());
        merged.insert(real, FetchRow { state, sha256: sums.sha256.clone(), git: sums.git.clone() });
        merged.retain(|path, _| path.exists());
        if let (Some(path), Ok(text)) = (&self.path, serde_json::to_vec_pretty(&merged)) {
            let folder = path.parent().unwrap_or(path);
            let _ = private_folder(folder).and_then(|()| write_private(path, &text));
        }
        *rows = Some(merged);
    }

    fn rows(&self) -> MutexGuard<'_, Option<Rows>> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.get_or_insert_with(|| self.read());
        rows
    }

    /// The index as it is on the disk; one that cannot be read, or that others can write, is as good as none.
    fn read(&self) -> Rows {
        let believed = |path: &&PathBuf| path.parent().is_none_or(is_private) && is_private(path);
        let path = self.path.as_ref().filter(believed);
        let text = path.and_then(|path| fs::read(path).ok()).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }
}

/// Which file a path leads to, and the state that it is in.
fn state(path: &Path) -> Result<(PathBuf, FileState), Error> {
    let find = || {
        let real = fs::canonicalize(path)?;
        let state = FileState::of(&real)?;
        Ok((real, state))
    };
    find().map_err(Error::io("read", path))
}

#[cfg(test)]
mod tests {
    use std::{fs::File, thread, time::Duration};

    use super::*;

    fn forge_anew(index: &Path, sha256: &str) {
        let text = fs::read_to_string(index).unwrap();
        let forged = text.replace(&sha256[..8], "ffffffff");
        assert_ne!(forged, text);
        fs::write(index, forged).unwrap();
    }

    #[test]
    fn a_file_is_hashed_once_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let (index, file) = (folder.path().join("i.json"), folder.path().join("file"));
        fs::write(&file, "one").unwrap();
        let sums = |hashing| Hashed::new(Some(index.clone()), hashing).sums(&file).unwrap();
        let one = sums(Hashing::OnceAChange);

        // A forged row shows where the index is believed.
        forge_anew(&index, &one.sha256);
        assert!(sums(Hashing::OnceAChange).sha256.starts_with("ffffffff"));
        assert_eq!(sums(Hashing::Always), one);

        // Same size, same date: the system's own time tells.
        let date = file.metadata().unwrap().modified().unwrap();
        thread::sleep(Duration::from_millis(20));
        fs::write(&file, "two").unwrap();
        File::options().write(true).open(&file).unwrap().set_modified(date).unwrap();
        assert_eq!(file.metadata().unwrap().modified().unwrap(), date);
        assert_eq!(sums(Hashing::OnceAChange), digest::sums(&file).unwrap());

        // A clock that was wrong when the file was written does not matter.
        let future = date + Duration::from_secs(1 << 30);
        File::options().write(true).open(&file).unwrap().set_modified(future).unwrap();
        assert_eq!(sums(Hashing::OnceAChange), digest::sums(&file).unwrap());

        // What others could have written is not believed, and kept in memory nothing is written.
        #[cfg(unix)]
        for mode in [0o646, 0o664] {
            use std::os::unix::fs::PermissionsExt;
            forge_anew(&index, &sums(Hashing::OnceAChange).sha256);
            assert!(sums(Hashing::OnceAChange).sha256.starts_with("ffffffff"));
            fs::set_permissions(&index, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(sums(Hashing::OnceAChange), digest::sums(&file).unwrap(), "{mode:o}");
        }
        fs::remove_file(&index).unwrap();
        let in_memory = Hashed::new(None, Hashing::OnceAChange);
        assert_eq!(in_memory.sums(&file).unwrap(), digest::sums(&file).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

        for damage in ["", "{", "[]", "{\"a\": 1}"] {
            fs::write(&index, damage).unwrap();
            assert_eq!(sums(Hashing::OnceAChange), digest::sums(&file).unwrap(), "{damage}");
        }
    }
}
