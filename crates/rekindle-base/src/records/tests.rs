use std::fs;

use super::*;

const NAME: &[u8] = b"test records ";
const WIDTH: usize = 12;

fn header(sizes: Sizes) -> Header {
    Header { name: NAME, version: b"1\n", key: [7; 32], sizes }
}

const BOTH: [Sizes; 2] = [Sizes::Equal(WIDTH), Sizes::Own];

/// The values of an item: of its own size where sizes may differ.
fn values(sizes: Sizes, item: u8) -> Vec<u8> {
    match sizes {
        Sizes::Equal(bytes) => vec![item; bytes],
        Sizes::Own => vec![item; usize::from(item) * 3],
    }
}

fn open(path: &Path, sizes: Sizes) -> RecordFile {
    RecordFile::open(path, &header(sizes)).unwrap()
}

fn fill(path: &Path, sizes: Sizes, items: u8) {
    let records = open(path, sizes);
    for item in 0..items {
        records.put(&[item; 32], &values(sizes, item)).unwrap();
    }
    records.flush().unwrap();
}

/// How many of the items are there; whatever is there must be right.
fn right(records: &RecordFile, items: u8) -> usize {
    (0..items)
        .filter(|&item| {
            let found = records.get(&[item; 32]).unwrap();
            assert!(
                found.as_ref().is_none_or(|found| { *found == values(records.header.sizes, item) })
            );
            found.is_some()
        })
        .count()
}

#[test]
fn what_was_put_is_there_again() {
    for sizes in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records");
        let records = open(&path, sizes);
        assert_eq!((records.opened(), records.is_empty()), (&Opened::Fresh, true));
        records.put(&[3; 32], &values(sizes, 3)).unwrap();
        // Before it is written, too.
        assert_eq!(right(&records, 9), 1);
        drop(records);
        fill(&path, sizes, 9);
        let records = open(&path, sizes);
        assert_eq!((records.opened(), records.len(), right(&records, 9)), (&Opened::Kept, 9, 9));
        let bytes: u64 =
            (0..9).map(|item| header(sizes).record_bytes(values(sizes, item).len())).sum();
        assert_eq!(records.bytes(), header(sizes).bytes() + bytes);
        assert_eq!(path.metadata().unwrap().len(), records.bytes());
        assert!(records.contains(&[8; 32]) && !records.contains(&[9; 32]));
    }
}

#[test]
fn while_one_writes_others_read() {
    for sizes in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records");
        fill(&path, sizes, 4);
        let writer = open(&path, sizes);
        let reader = open(&path, sizes);
        assert_eq!((reader.opened(), right(&reader, 9)), (&Opened::Busy, 4));
        assert!(!reader.is_writable() && writer.is_writable());
        assert!(reader.put(&[5; 32], &values(sizes, 5)).is_err());
        writer.put(&[5; 32], &values(sizes, 5)).unwrap();
        writer.flush().unwrap();
        // Nor does a reader disturb the file of a writer that has another key.
        let other = Header { key: [8; 32], ..header(sizes) };
        let other = RecordFile::open(&path, &other).unwrap();
        assert_eq!((other.opened(), other.len()), (&Opened::Busy, 0));
        drop((other, reader, writer));
        assert_eq!(right(&open(&path, sizes), 9), 5);
    }
}

#[test]
fn a_file_for_something_else_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records");
    let sizes = Sizes::Equal(WIDTH);
    for (changed, why) in [
        (Header { key: [8; 32], ..header(sizes) }, Unusable::Key),
        (Header { sizes: Sizes::Own, ..header(sizes) }, Unusable::Key),
        (Header { version: b"2\n", ..header(sizes) }, Unusable::Version),
    ] {
        let _ = fs::remove_file(&path);
        fill(&path, sizes, 4);
        let records = RecordFile::open(&path, &changed).unwrap();
        assert_eq!((records.opened(), records.len()), (&Opened::Rebuilt(why), 0));
        drop(records);
        assert_eq!(*RecordFile::open(&path, &changed).unwrap().opened(), Opened::Fresh);
    }
    fs::write(&path, &NAME[..5]).unwrap();
    assert_eq!(*open(&path, sizes).opened(), Opened::Rebuilt(Unusable::Cut));
}

#[test]
fn a_foreign_file_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let [path, link] = ["records", "link"].map(|name| folder.path().join(name));
    let mut rows = vec![b"a letter to somebody".to_vec(), b"x".to_vec(), vec![0; 1000]];
    // A flip in the name: it may be anybody's.
    rows.extend((0..NAME.len()).map(|place| {
        let mut bytes = [NAME, b"1\n", &[7; 60]].concat();
        bytes[place] ^= 0x10;
        bytes
    }));
    for bytes in rows {
        fs::write(&path, &bytes).unwrap();
        let mut places = vec![&path];
        #[cfg(unix)]
        {
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(&path, &link).unwrap();
            places.push(&link);
        }
        for place in places {
            let error = RecordFile::open(place, &header(Sizes::Own)).unwrap_err();
            assert!(matches!(&error, Error::Foreign(found) if found == place), "{error}");
        }
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    let rows: &[&str] = if cfg!(target_os = "linux") { &["/dev/zero", "/dev/full"] } else { &[] };
    for device in rows {
        let error = RecordFile::open(Path::new(device), &header(Sizes::Own)).unwrap_err();
        assert!(matches!(error, Error::Foreign(_)), "{error}");
    }
    let error = RecordFile::open(folder.path(), &header(Sizes::Own)).unwrap_err();
    assert!(matches!(&error, Error::Io(error) if error.path == folder.path()), "{error}");
}

/// A link to a file of ours, too: it may be another run's, of another key.
#[cfg(unix)]
#[test]
fn no_link_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let [theirs, link] = ["theirs", "link"].map(|name| folder.path().join(name));
    let sizes = Sizes::Equal(WIDTH);
    for changed in [
        header(sizes),
        Header { key: [8; 32], ..header(sizes) },
        Header { version: b"2\n", ..header(sizes) },
        header(Sizes::Own),
    ] {
        let _ = fs::remove_file(&theirs);
        fill(&theirs, sizes, 4);
        let before = fs::read(&theirs).unwrap();
        for to in [theirs.as_path(), &folder.path().join("nowhere"), Path::new("/dev/null")] {
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(to, &link).unwrap();
            let error = RecordFile::open(&link, &changed).unwrap_err();
            assert!(matches!(&error, Error::Foreign(found) if *found == link), "{error}");
        }
        assert_eq!(fs::read(&theirs).unwrap(), before);
        assert!(!folder.path().join("nowhere").exists());

        // By another name that it has, neither: a new one takes the place.
        fs::remove_file(&link).unwrap();
        fs::hard_link(&theirs, &link).unwrap();
        let records = RecordFile::open(&link, &changed).unwrap();
        assert_eq!(records.opened(), &Opened::Rebuilt(Unusable::Linked));
        let item = match changed.sizes {
            Sizes::Equal(bytes) => vec![9; bytes],
            Sizes::Own => vec![9; 5],
        };
        records.put(&[9; 32], &item).unwrap();
        let busy = RecordFile::open(&link, &changed).unwrap();
        assert_eq!(busy.opened(), &Opened::Busy, "it is held");
        drop((records, busy));
        assert_eq!(RecordFile::open(&link, &changed).unwrap().get(&[9; 32]).unwrap(), Some(item));
        assert_eq!(fs::read(&theirs).unwrap(), before);
    }
}

#[test]
fn what_is_forgotten_can_be_put_again() {
    for sizes in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records");
        fill(&path, sizes, 4);
        let records = open(&path, sizes);
        // One of them not written yet.
        records.put(&[4; 32], &values(sizes, 4)).unwrap();
        records.forget().unwrap();
        assert_eq!((records.len(), right(&records, 5)), (0, 0));
        assert_eq!(path.metadata().unwrap().len(), header(sizes).bytes());
        records.put(&[2; 32], &values(sizes, 2)).unwrap();
        drop(records);
        let records = open(&path, sizes);
        assert_eq!((records.len(), right(&records, 5)), (1, 1));
        // A reader forgets for itself alone.
        let reader = open(&path, sizes);
        reader.forget().unwrap();
        assert_eq!((right(&reader, 5), right(&records, 5)), (0, 1));
    }
}

#[test]
fn its_folder_is_made_where_it_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one/two/records");
    fill(&path, Sizes::Own, 3);
    assert_eq!(right(&open(&path, Sizes::Own), 3), 3);
    let beneath = path.join("three/records");
    let error = RecordFile::open(&beneath, &header(Sizes::Own)).unwrap_err();
    let said = format!("{}: cannot be made", path.join("three").display());
    assert!(error.to_string().starts_with(&said), "{error}");
}

/// Cut at every byte and flipped at every byte: never a wrong value, and what is added later is found.
#[test]
fn damage_costs_records_and_nothing_else() {
    const ITEMS: u8 = 5;
    for sizes in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records");
        fill(&path, sizes, ITEMS);
        let good = fs::read(&path).unwrap();
        let first = header(sizes).bytes() as usize;
        let mut ends = vec![first];
        for item in 0..ITEMS {
            let bytes = header(sizes).record_bytes(values(sizes, item).len());
            ends.push(ends[usize::from(item)] + bytes as usize);
        }
        let whole = |place: usize| ends[1..].iter().filter(|&&end| end <= place).count();
        for cut in 0..good.len() {
            fs::write(&path, &good[..cut]).unwrap();
            assert_eq!(right(&open(&path, sizes), ITEMS), whole(cut), "{sizes:?} cut at {cut}");
            fill(&path, sizes, ITEMS);
            assert_eq!(right(&open(&path, sizes), ITEMS), 5, "{sizes:?} after a cut at {cut}");
        }
        for flip in NAME.len()..good.len() {
            let mut bad = good.clone();
            bad[flip] ^= 0x10;
            fs::write(&path, &bad).unwrap();
            let (record, inside) = (whole(flip), flip - ends[whole(flip)].min(flip));
            let expected = match sizes {
                _ if flip < first => 0,
                // Where it says how long it is, no other record can be found behind it.
                Sizes::Own if inside < ITEM + SIZE => record,
                _ => 4,
            };
            let records = open(&path, sizes);
            assert_eq!(right(&records, ITEMS), expected, "{sizes:?} flipped at {flip}");
            // What was found to be damaged may be put again.
            for item in 0..ITEMS {
                records.put(&[item; 32], &values(sizes, item)).unwrap();
            }
            drop(records);
            assert_eq!(right(&open(&path, sizes), ITEMS), 5, "{sizes:?} after a flip at {flip}");
        }
    }
}

#[test]
fn what_is_cut_while_it_is_open_is_missing() {
    for sizes in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records");
        fill(&path, sizes, 4);
        let records = open(&path, sizes);
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(records.bytes() - 1).unwrap();
        assert_eq!((right(&records, 4), records.len()), (3, 3));
    }
}

#[test]
fn threads_may_put_and_get_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records");
    let records = open(&path, Sizes::Own);
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let records = &records;
            scope.spawn(move || {
                for number in 0..50_u8 {
                    let mut item = [thread; 32];
                    item[0] = number;
                    // Large enough for several writes.
                    records.put(&item, &vec![number; 40_000]).unwrap();
                    assert_eq!(records.get(&item).unwrap(), Some(vec![number; 40_000]));
                }
            });
        }
    });
    drop(records);
    let records = open(&path, Sizes::Own);
    assert_eq!(records.len(), 200);
    assert_eq!(records.get(&[3; 32]).unwrap(), Some(vec![3; 40_000]));
}

/// A system that lets no file grow beyond some blocks fails as a full disk does.
#[cfg(unix)]
#[test]
fn a_full_disk_keeps_what_was_written() {
    const WIDE: usize = 1_200_000;
    let sizes = Sizes::Equal(WIDE);
    if let Some(path) = crate::again::place() {
        let records = open(&path, sizes);
        for item in 0..2 {
            records.put(&[item; 32], &values(sizes, item)).unwrap();
        }
        for item in 2..5 {
            let error = records.put(&[item; 32], &values(sizes, item)).unwrap_err().to_string();
            assert!(error.contains(&path.display().to_string()), "{error}");
        }
        assert_eq!(right(&records, 5), 2);
        return;
    }
    let test = "records::tests::a_full_disk_keeps_what_was_written";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records");
    // 6000 blocks of 512 bytes: two records, and a part of the third. No signal, but an error.
    let (passed, said) = crate::again::run(test, "trap '' XFSZ; ulimit -f 6000", &path);
    assert!(passed, "{said}");
    let records = open(&path, sizes);
    assert_eq!((records.opened(), right(&records, 5)), (&Opened::Kept, 2));
    let whole = header(sizes).bytes() + 2 * header(sizes).record_bytes(WIDE);
    assert_eq!(path.metadata().unwrap().len(), whole);
    records.put(&[2; 32], &values(sizes, 2)).unwrap();
    assert_eq!(right(&records, 5), 3);
}
