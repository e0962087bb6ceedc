use std::{fs, io};

use rekindle_base::causes;

use super::*;

/// A file that was cut off is continued after its last whole record, and no event is lost.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_nothing_that_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut events = EventFile::create(folder.path(), 1).unwrap();
    events.scalar("loss", 1, 0.5).unwrap();
    events.flush().unwrap();
    let before = fs::read(events.path()).unwrap();

    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut disk = std::mem::replace(&mut events.file, full);
    events.scalar("loss", 2, 0.25).unwrap();
    let error = events.flush().unwrap_err();
    assert!(
        matches!(&error, EventFileError::Write { source, .. } if source.kind() == io::ErrorKind::StorageFull)
    );
    let text = causes(&error);
    for part in [events.path().to_str().unwrap(), "No space left", "free space on the disk"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(fs::read(events.path()).unwrap(), before);

    // As if half a record had got to the disk.
    let waiting = events.waiting.clone();
    disk.write_all(&waiting[..waiting.len() / 2]).unwrap();
    events.file = disk;
    events.flush().unwrap();
    assert_eq!(fs::read(events.path()).unwrap(), [before, waiting].concat());
}

#[cfg(target_os = "linux")]
#[test]
fn memory_stays_bounded_while_the_disk_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let mut events = EventFile::create(folder.path(), 1).unwrap();
    events.file = File::options().write(true).open("/dev/full").unwrap();
    let text = "x".repeat(WAITING / 4);
    let results: Vec<_> = (0..20).map(|step| events.text("t", step, &text)).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 4);
    assert!(events.waiting.len() < 2 * WAITING);
}

#[test]
fn a_later_file_has_a_later_name() {
    let folder = tempfile::tempdir().unwrap();
    let future = format!("{PREFIX}9000000000.elsewhere.1.0");
    for name in [&future, "events.out.tfevents.99999999999.x", "events.out.tfevents.", "plan.md"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    let name = |events: &EventFile| events.path().file_name().unwrap().to_str().unwrap().to_owned();
    let first = EventFile::create(folder.path(), 1).unwrap();
    let second = EventFile::create(folder.path(), 1).unwrap();
    assert!(name(&first) > future && name(&second) > name(&first), "{first:?} {second:?}");
}

#[test]
fn what_cannot_be_shown_is_refused_and_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut events = EventFile::create(folder.path(), 1).unwrap();
    let error = events.histogram("w", 3, &[1.0, f32::NAN, f32::INFINITY]).unwrap_err();
    assert!(error.to_string().contains("2 of 3 values of histogram `w` in step 3"), "{error}");
    let error = events.image("face", 3, b"GIF89a").unwrap_err();
    assert!(error.to_string().contains("picture `face` of step 3 is no PNG"), "{error}");
    assert!(events.waiting.is_empty());
}

#[test]
fn a_file_in_place_of_the_folder_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = EventFile::create(file.path(), 1).unwrap_err().to_string();
    assert!(error.contains(file.path().to_str().unwrap()) && error.contains("folder"), "{error}");
}
