use super::*;

#[test]
fn what_is_no_regular_file_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let check = |path: &Path, expected: &str| {
        for error in [
            open_regular(path).map(drop).unwrap_err(),
            read_regular(path, 1 << 20).map(drop).unwrap_err(),
            read_text(path, 1 << 20).map(drop).unwrap_err(),
        ] {
            assert!(error.to_string().contains(expected), "{path:?}: {error}");
        }
    };
    check(folder.path(), "it is a folder");
    #[cfg(unix)]
    {
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        check(&socket, "no regular file");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        check(&link, "no regular file");
        // Where the system has the command: nobody ever writes to it.
        let pipe = folder.path().join("pipe");
        if std::process::Command::new("mkfifo").arg(&pipe).status().is_ok_and(|it| it.success()) {
            check(&pipe, "no regular file");
        }
    }
    let error = open_regular(&folder.path().join("missing")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn what_is_longer_than_its_limit_is_refused_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "12345").unwrap();
    for (limit, fits) in [(4, false), (5, true), (u64::MAX, true)] {
        let found = read_text(&path, limit);
        assert_eq!(found.is_ok(), fits, "{limit}");
        if let Err(error) = found {
            assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
            assert!(error.to_string().contains("more than 4 bytes, the limit"), "{error}");
        }
    }
    // A terabyte, of which nothing is on the disk, nor ever in memory.
    File::create(&path).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(read_regular(&path, 1 << 20).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    assert!(read_at_most(io::repeat(0), 1 << 20).is_err());
    fs::write(&path, [0xff]).unwrap();
    assert_eq!(read_text(&path, 1).unwrap_err().kind(), io::ErrorKind::InvalidData);
}
