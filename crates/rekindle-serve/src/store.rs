//! Items that are kept: a folder a label, whole files, names that never lead out of the folder of data.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use rekindle_base::{own_folder, write_file};

use crate::{Code, Problem};

/// Most bytes of a name.
const MAX_NAME: usize = 100;
/// Most files of a label.
const MOST: usize = 1_000_000;

/// The folder of data.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    /// One at a time, so that none takes a name that another is about to take.
    writing: Mutex<()>,
}

impl Store {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, writing: Mutex::default() }
    }

    /// Puts bytes into the folder of a label, under a name or the next free number, and says where.
    pub(crate) fn put(
        &self,
        label: &str,
        name: Option<&str>,
        ending: &str,
        bytes: &[u8],
    ) -> Result<String, Problem> {
        check("label", label)?;
        name.map_or(Ok(()), |name| check("name", name))?;
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |_: io::Error| {
            let message = "the folder of data cannot be written; look at its permissions and at the disk's space";
            Problem::new(Code::Internal, message)
        };
        let folder = self.folder.join(label);
        own_folder(&folder).map_err(failed)?;
        let file = match name {
            Some(name) => format!("{name}.{ending}"),
            None => free(&folder, ending).map_err(failed)?,
        };
        if fs::symlink_metadata(folder.join(&file)).is_ok() {
            let what = format!("`{label}/{file}` is there already; take another name, or none");
            return Err(Problem::of(Code::BadRequest, "name", what));
        }
        write_file(&folder.join(&file), bytes).map_err(failed)?;
        Ok(format!("{label}/{file}"))
    }
}

/// The next number that no file has.
fn free(folder: &Path, ending: &str) -> io::Result<String> {
    let numbers = fs::read_dir(folder)?.filter_map(|entry| {
        let name = entry.ok()?.file_name();
        Path::new(&name).file_stem()?.to_str()?.parse::<usize>().ok()
    });
    let next = numbers.filter(|number| *number < MOST).max().map_or(1, |number| number + 1);
    Ok(format!("{next:04}.{ending}"))
}

/// Refuses what is no name of one file or folder on every system.
fn check(field: &str, name: &str) -> Result<(), Problem> {
    let forbidden = |letter: char| letter.is_control() || "/\\:*?\"<>|".contains(letter);
    let problem = if name.is_empty() {
        "is empty"
    } else if name.len() > MAX_NAME {
        "has more than 100 bytes"
    } else if name.starts_with('.') || name.ends_with('.') {
        "begins or ends with a dot"
    } else if name.trim() != name {
        "begins or ends with a blank"
    } else if name.contains(forbidden) {
        "has a letter that no file's name may have: / \\ : * ? \" < > | or a control character"
    } else {
        return Ok(());
    };
    Err(Problem::of(Code::BadRequest, field, format!("{problem}; choose another")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_never_lead_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        let store = Store::new(data.clone());
        for label in ["..", ".", "", "a/b", "../a", "a\\b", "/a", "a\0", "a\n", " a", "c:", "a."] {
            assert!(store.put(label, None, "jpg", b"x").is_err(), "{label:?}");
            assert!(store.put("fine", Some(label), "jpg", b"x").is_err(), "{label:?}");
        }
        assert!(store.put(&"a".repeat(101), None, "jpg", b"x").is_err());
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(folder.path(), data.join("link")).unwrap();
            assert!(store.put("link", None, "jpg", b"x").is_err());
        }
        for (label, name, ending, expected) in [
            ("ant", None, "jpg", "ant/0001.jpg"),
            ("ant", None, "png", "ant/0002.png"),
            ("ant", Some("small one"), "jpg", "ant/small one.jpg"),
            ("蜂", None, "txt", "蜂/0001.txt"),
        ] {
            assert_eq!(store.put(label, name, ending, b"x").unwrap(), expected);
            assert_eq!(fs::read(data.join(expected)).unwrap(), b"x");
        }
        assert!(store.put("ant", Some("small one"), "jpg", b"y").is_err(), "none is written over");
        let outside: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(outside.len(), 1);
    }
}
