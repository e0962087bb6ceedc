//! Where what is to be believed later is kept: the record of first uses, and the index of hashes.
//!
//! Whoever can write into these can have any bytes taken for the right ones. So both are kept where nobody but their
//! user and the administrator can write: the record in the cache, unless others may write there; the index, and the
//! record of a cache that is shared, in a folder of the user's own. Without such a folder nothing is kept.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rekindle_base::{is_private, key, private_folder};

use crate::layout::Layout;

/// The record of first uses.
const LEDGER: &str = "rekindle-lock.toml";

/// The index of hashes.
const HASHED: &str = "hashed.json";

/// How many digits of a path's hash tell caches apart.
const DIGITS: usize = 16;

/// The places of one cache.
#[derive(Debug, Clone)]
pub(crate) struct Trusted {
    layout: Layout,
    /// The user's own folder.
    state: Option<PathBuf>,
}

impl Trusted {
    pub(crate) fn new(layout: &Layout, state: Option<&Path>) -> Self {
        Self { layout: layout.clone(), state: state.map(Path::to_owned) }
    }

    /// Where first uses are recorded; none where everybody could write into it.
    pub(crate) fn ledger(&self) -> Option<PathBuf> {
        if !self.is_shared() {
            return Some(self.in_cache());
        }
        let cache = &self.layout.cache;
        let real = fs::canonicalize(cache).unwrap_or_else(|_| cache.clone());
        let digits = key(&[real.as_os_str().as_encoded_bytes()]);
        let digits: String = digits.iter().map(|byte| format!("{byte:02x}")).collect();
        let folder = self.state.as_ref()?.join(digits.get(..DIGITS).unwrap_or_default());
        private_folder(&folder).ok()?;
        let folders = [self.state.as_deref()?, &folder];
        folders.into_iter().all(is_private).then(|| folder.join(LEDGER))
    }

    /// Where first uses are recorded in a cache of one's own.
    pub(crate) fn in_cache(&self) -> PathBuf {
        self.layout.locks().join(LEDGER)
    }

    /// Where hashes are kept, in a folder that is yet to be made; none where others could write into it.
    pub(crate) fn hashed(&self) -> Option<PathBuf> {
        let state = self.state.as_ref()?;
        (is_private(state) || state.symlink_metadata().is_err()).then(|| state.join(HASHED))
    }

    /// Whether others may put files into the cache. One that is not there yet is made for its user alone.
    fn is_shared(&self) -> bool {
        let cache = fs::canonicalize(&self.layout.cache).ok();
        let locks = self.layout.locks();
        let locks = locks.symlink_metadata().is_ok().then_some(locks);
        cache.into_iter().chain(locks).any(|folder| !is_private(&folder))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_believed_lies_where_nobody_else_can_write() {
        let folder = tempfile::tempdir().unwrap();
        let (cache, state) = (folder.path().join("cache"), folder.path().join("state"));
        let layout = Layout { cache: cache.clone() };
        let with = |state: Option<&Path>| Trusted::new(&layout, state);
        let mode = |path: &Path, mode| {
            fs::create_dir_all(path).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let in_cache = cache.join(".locks").join(LEDGER);
        assert_eq!(with(None).ledger().as_ref(), Some(&in_cache), "it is yet to be made");
        assert_eq!((with(None).hashed(), state.exists()), (None, false));
        assert_eq!(with(Some(&state)).hashed(), Some(state.join(HASHED)));
        for (own, locks, shared) in [
            (0o755, 0o755, false),
            (0o775, 0o755, true),
            (0o755, 0o777, true),
            (0o777, 0o755, true),
        ] {
            mode(&cache, own);
            mode(&cache.join(".locks"), locks);
            let ledger = with(Some(&state)).ledger().unwrap();
            assert_eq!(ledger.starts_with(&state), shared, "{own:o} {locks:o}");
            assert_eq!(with(None).ledger().is_none(), shared, "{own:o} {locks:o}");
        }
        // A folder for the lot of them is none of one's own.
        mode(&cache, 0o777);
        mode(&state, 0o777);
        assert_eq!((with(Some(&state)).ledger(), with(Some(&state)).hashed()), (None, None));
        // Caches are told apart.
        mode(&state, 0o700);
        let other = Layout { cache: folder.path().join("other") };
        mode(&other.cache, 0o777);
        let other = Trusted::new(&other, Some(&state)).ledger();
        assert_ne!(other, with(Some(&state)).ledger());
    }
}
