use super::*;

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_appears_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    for text in ["one", "a second, longer"] {
        write_file(&path, text).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    let mut file = AtomicFile::create(&path).unwrap();
    file.write_all(b"half").unwrap();
    assert_eq!(fs::read_to_string(file.aside()).unwrap(), "half");
    drop(file);
    assert_eq!(fs::read_to_string(&path).unwrap(), "a second, longer");
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn what_cannot_be_replaced_is_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("folder");
    fs::create_dir(&path).unwrap();
    assert!(write_file(&path, "text").is_err());
    let error = write_file(&folder.path().join("nowhere/file"), "text").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    if cfg!(unix) {
        let error = write_file(Path::new("/dev/null"), "text").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    }
    assert!(path.is_dir());
    assert_eq!(names(folder.path()), ["folder"]);
}

#[cfg(unix)]
#[test]
fn a_link_is_replaced_and_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let [file, inner] = ["file", "inner"].map(|name| folder.path().join(name));
    fs::write(&file, "of somebody else").unwrap();
    fs::create_dir(&inner).unwrap();
    for target in [file.as_path(), &inner, Path::new("/nowhere/at/all")] {
        let link = folder.path().join("link");
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(target, &link).unwrap();
        write_file(&link, "ours").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_file(), "{}", target.display());
        assert_eq!(fs::read_to_string(&link).unwrap(), "ours");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "of somebody else");
    assert!(names(&inner).is_empty());
}

/// Whatever the umask is, and whatever the permissions of the file before.
#[cfg(unix)]
#[test]
fn permissions_are_those_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    if let Some(path) = crate::again::place() {
        write_file(&path, "text").unwrap();
        return;
    }
    let test = "atomic::tests::permissions_are_those_of_any_new_file";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    for (umask, expected) in [("022", 0o644), ("002", 0o664), ("027", 0o640), ("077", 0o600)] {
        let (passed, said) = crate::again::run(test, &format!("umask {umask}"), &path);
        assert!(passed, "{said}");
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, expected, "umask {umask}: {mode:o}");
    }
}

#[cfg(unix)]
#[test]
fn a_kill_before_the_rename_leaves_the_old_file() {
    if let Some(path) = crate::again::place() {
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        file.file.as_file().sync_all().unwrap();
        std::process::abort();
    }
    let test = "atomic::tests::a_kill_before_the_rename_leaves_the_old_file";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "old").unwrap();
    let (passed, said) = crate::again::run(test, "ulimit -c 0", &path);
    assert!(!passed, "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    // It was killed where it should be: what it wrote lies aside.
    assert_eq!(names(folder.path()).len(), 2);
    write_file(&path, "newer").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "newer");
}

/// A system that lets no file grow beyond a few kilobytes fails as a full disk does.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_the_old_file_and_nothing_else() {
    if let Some(path) = crate::again::place() {
        write_file(&path, vec![1; 100_000]).unwrap_err();
        return;
    }
    let test = "atomic::tests::a_full_disk_leaves_the_old_file_and_nothing_else";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "old").unwrap();
    let (passed, said) = crate::again::run(test, "trap '' XFSZ; ulimit -f 16", &path);
    assert!(passed, "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(names(folder.path()), ["file"]);
}
