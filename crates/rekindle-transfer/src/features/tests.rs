use super::*;

const WIDTH: usize = 3;

fn values(item: u8) -> [f32; WIDTH] {
    [f32::from(item) / 3.0, -1.0, 1e-3 * f32::from(item)]
}

fn filled(path: &Path, items: u8) -> FeatureStore {
    let mut store = FeatureStore::open(path, &[7; 32], WIDTH, Precision::F32).unwrap();
    for item in 0..items {
        store.put(&[item; 32], &values(item)).unwrap();
    }
    store.flush().unwrap();
    store
}

/// How many of the items are there; whatever is there must be right.
fn right(store: &FeatureStore, items: u8) -> usize {
    let mut found = [0.0; WIDTH];
    (0..items)
        .filter(|&item| store.contains(&[item; 32]))
        .inspect(|&item| {
            store.get_into(&[item; 32], &mut found).unwrap();
            assert_eq!(found, values(item), "item {item}");
        })
        .count()
}

#[test]
fn what_was_put_is_there_again_in_file_and_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("features.bin");
    let store = filled(&path, 9);
    assert_eq!((store.opened.clone(), right(&store, 9)), (Opened::Fresh, 9));
    // While it is open, another store does not disturb it.
    let busy = FeatureStore::open(&path, &[8; 32], WIDTH, Precision::F32).unwrap();
    assert_eq!((busy.opened, right(&store, 9)), (Opened::Busy, 9));
    drop(store);
    let bytes = std::fs::metadata(&path).unwrap().len();
    assert_eq!(bytes, bytes_needed(9, WIDTH, Precision::F32));
    let store = filled(&path, 12);
    assert_eq!((store.opened.clone(), right(&store, 12)), (Opened::Kept, 12));
    assert!(matches!(store.get_into(&[99; 32], &mut [0.0; WIDTH]), Err(Error::Absent)));

    let mut memory = FeatureStore::memory(WIDTH, Precision::F16);
    memory.put(&[1; 32], &values(1)).unwrap();
    let mut found = [0.0; WIDTH];
    memory.get_into(&[1; 32], &mut found).unwrap();
    assert_eq!(found, values(1).map(|value| f16::from_f32(value).to_f32()));
}

#[test]
fn another_network_starts_anew_and_a_foreign_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("features.bin");
    let open =
        |key: u8, precision| FeatureStore::open(&path, &[key; 32], WIDTH, precision).unwrap();
    drop(filled(&path, 4));
    assert!(matches!(open(8, Precision::F32).opened, Opened::Rebuilt(_)));
    assert!(open(8, Precision::F32).is_empty());
    assert!(matches!(open(8, Precision::F16).opened, Opened::Rebuilt(_)));
    std::fs::write(&path, "a letter to somebody").unwrap();
    let error = FeatureStore::open(&path, &[7; 32], WIDTH, Precision::F32).unwrap_err();
    assert!(matches!(error, Error::Foreign(_)), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"a letter to somebody");
}

#[test]
fn cut_anywhere_or_flipped_anywhere_nothing_wrong_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("features.bin");
    drop(filled(&path, 5));
    let good = std::fs::read(&path).unwrap();
    let record = (good.len() - HEADER as usize) / 5;
    for end in 0..good.len() {
        std::fs::write(&path, &good[..end]).unwrap();
        let store = FeatureStore::open(&path, &[7; 32], WIDTH, Precision::F32).unwrap();
        assert_eq!(right(&store, 5), end.saturating_sub(HEADER as usize) / record, "cut at {end}");
        drop(store);
        assert_eq!(right(&filled(&path, 5), 5), 5, "filled again after a cut at {end}");
    }
    for place in MAGIC.len()..good.len() {
        let mut bad = good.clone();
        bad[place] ^= 0x10;
        std::fs::write(&path, &bad).unwrap();
        let store = FeatureStore::open(&path, &[7; 32], WIDTH, Precision::F32).unwrap();
        let expected = if place < HEADER as usize { 0 } else { 4 };
        assert_eq!(right(&store, 5), expected, "flipped at {place}");
        drop(store);
        assert_eq!(right(&filled(&path, 5), 5), 5, "filled again after a flip at {place}");
    }
}

#[test]
fn keys_tell_lists_apart_and_a_full_disk_is_named() {
    assert_ne!(key(&[b"ab", b"c"]), key(&[b"a", b"bc"]));
    assert_ne!(key(&[b"ab"]), key(&[b"ab", b""]));
    let missing =
        FeatureStore::open(Path::new("/nowhere/f.bin"), &[0; 32], 1, Precision::F32).unwrap_err();
    assert!(missing.to_string().contains("/nowhere/f.bin"), "{missing}");
}
