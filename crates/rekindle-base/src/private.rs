//! Files and folders that nobody but their user can change: what is to be believed later is kept in such.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use crate::AtomicFile;

/// Whether nobody but this program's user and the administrator can change what is at a path.
///
/// It belongs to one of them, its permissions let nobody else write, and it is no link. Where the system knows no owners
/// it is whatever exists.
#[cfg(unix)]
pub fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::symlink_metadata(path).is_ok_and(|found| {
        let ours = found.uid() == 0 || Some(found.uid()) == user();
        ours && !found.is_symlink() && found.mode() & OTHERS_WRITE == 0
    })
}

/// Whether nobody but this program's user and the administrator can change what is at a path.
#[cfg(not(unix))]
pub fn is_private(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| !found.is_symlink())
}

/// Makes a folder that nobody else can look into, and those that it lies in, where there is none.
///
/// # Errors
///
/// If it cannot be made. One that exists is left as it is: [`is_private`] tells.
pub fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a whole file at once, as [`write_file`](crate::write_file) does, to which nobody else may write.
///
/// # Errors
///
/// If it cannot be written; what was at `path` is then as it was.
pub fn write_private(path: &Path, bytes: impl AsRef<[u8]>) -> io::Result<()> {
    let mut file = AtomicFile::create(path)?;
    // The umask may leave it to the group.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(file.aside())?.permissions().mode();
        fs::set_permissions(file.aside(), fs::Permissions::from_mode(mode & !OTHERS_WRITE))?;
    }
    file.write_all(bytes.as_ref())?;
    file.commit()
}

/// The bits of a mode that let the group and everybody write.
#[cfg(unix)]
const OTHERS_WRITE: u32 = 0o022;

/// Who this program's files belong to: the owner of one that it makes.
#[cfg(unix)]
fn user() -> Option<u32> {
    use std::{os::unix::fs::MetadataExt, sync::OnceLock};
    static USER: OnceLock<Option<u32>> = OnceLock::new();
    let find = || Some(tempfile::tempfile().ok()?.metadata().ok()?.uid());
    *USER.get_or_init(find)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn what_others_can_change_is_not_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write_private(&path, "text").unwrap();
        assert!(is_private(&path) && is_private(folder.path()));
        for (mode, private) in
            [(0o600, true), (0o644, true), (0o755, true), (0o664, false), (0o646, false)]
        {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_private(&path), private, "{mode:o}");
        }
        write_private(&path, "anew").unwrap();
        assert!(is_private(&path), "it is another file now");
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(!is_private(&link) && !is_private(&folder.path().join("none")));
    }

    #[test]
    fn a_private_folder_is_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        for _ in 0..2 {
            private_folder(&path).unwrap();
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        private_folder(&path).unwrap();
        assert!(!is_private(&path), "what was there is not changed");
    }
}
