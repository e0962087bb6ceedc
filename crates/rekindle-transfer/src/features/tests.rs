use super::*;

const NAME: &str = "rekindle features ";
/// Bytes before the first record.
const HEADER: u64 = 60;

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
    assert!(matches!(error, Error::File(rekindle_base::Error::Foreign(_))), "{error}");
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
    for place in NAME.len()..good.len() {
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
fn its_folder_is_made_and_one_that_cannot_be_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run/features.bin");
    drop(filled(&path, 4));
    let beneath = path.join("again");
    let error = FeatureStore::open(&beneath.join("f.bin"), &[7; 32], WIDTH, Precision::F32);
    let error = error.unwrap_err().to_string();
    assert!(error.contains(&beneath.display().to_string()), "{error}");
}

#[test]
fn another_version_starts_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("features.bin");
    drop(filled(&path, 4));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[NAME.len()] = b'2';
    std::fs::write(&path, bytes).unwrap();
    let store = FeatureStore::open(&path, &[7; 32], WIDTH, Precision::F32).unwrap();
    assert!(matches!(&store.opened, Opened::Rebuilt(why) if why.contains("version")));
    assert_eq!(right(&store, 4), 0);
}

#[test]
fn a_flip_in_the_name_leaves_the_file_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("features.bin");
    drop(filled(&path, 2));
    let good = std::fs::read(&path).unwrap();
    for place in 0..NAME.len() {
        let mut bad = good.clone();
        bad[place] ^= 0x10;
        std::fs::write(&path, &bad).unwrap();
        let error = FeatureStore::open(&path, &[7; 32], WIDTH, Precision::F32).unwrap_err();
        assert!(
            matches!(error, Error::File(rekindle_base::Error::Foreign(_))),
            "flipped at {place}: {error}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), bad, "flipped at {place}");
    }
}

#[test]
fn what_is_damaged_or_cut_while_it_is_open_is_absent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("features.bin");
    let store = filled(&path, 3);
    let good = std::fs::read(&path).unwrap();
    let mut bad = good.clone();
    bad[HEADER as usize + 40] ^= 1;
    std::fs::write(&path, &bad[..bad.len() - 1]).unwrap();
    let mut found = [0.0; WIDTH];
    for item in [0, 2] {
        let error = store.get_into(&[item; 32], &mut found).unwrap_err();
        assert!(matches!(error, Error::Absent), "item {item}: {error}");
    }
    store.get_into(&[1; 32], &mut found).unwrap();
    assert_eq!(found, values(1));
}

#[test]
fn what_was_put_can_be_read_before_it_is_flushed() {
    let folder = tempfile::tempdir().unwrap();
    let mut store =
        FeatureStore::open(&folder.path().join("f.bin"), &[7; 32], WIDTH, Precision::F32).unwrap();
    store.put(&[1; 32], &values(1)).unwrap();
    assert_eq!(right(&store, 2), 1);
}

#[test]
fn halves_are_rounded_as_half_rounds_and_never_become_infinite() {
    // More values than are converted at once.
    let values: Vec<f32> = (0..1000u16).map(|n| (f32::from(n) - 500.0) * 1.2345).collect();
    let rounded: Vec<f32> = values.iter().map(|&value| f16::from_f32(value).to_f32()).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("features.bin");
    let mut found = vec![0.0; 1000];
    let mut store = FeatureStore::open(&path, &[7; 32], 1000, Precision::F16).unwrap();
    store.put(&[1; 32], &values).unwrap();
    store.flush().unwrap();
    store.get_into(&[1; 32], &mut found).unwrap();
    assert_eq!(found, rounded);

    // 65504 is the largest half; from 65520 on, rounding gives infinity.
    let mut large = values.clone();
    large[7] = 65519.0;
    store.put(&[2; 32], &large).unwrap();
    store.get_into(&[2; 32], &mut found).unwrap();
    assert_eq!(found[7], 65504.0);
    large[7] = -65520.0;
    let error = store.put(&[3; 32], &large).unwrap_err();
    assert!(error.to_string().contains("-65520"), "{error}");
    assert!(!store.contains(&[3; 32]));
    // What was infinite already is kept as it is.
    large[7] = f32::INFINITY;
    store.put(&[4; 32], &large).unwrap();
    store.get_into(&[4; 32], &mut found).unwrap();
    assert_eq!(found[7], f32::INFINITY);
}

#[test]
fn a_thousand_puts_and_reopenings_agree_with_a_map() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("features.bin");
    let open = || FeatureStore::open(&path, &[7; 32], WIDTH, Precision::F32).unwrap();
    let mut model = HashMap::new();
    let mut store = open();
    let mut state = 1u64;
    let mut reopened = 0;
    for step in 0..1000 {
        // Knuth's MMIX generator; its high bits are the good ones.
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let item = (state >> 33) % 300;
        let id = key(&[&item.to_le_bytes()]);
        let values = [step as f32, item as f32, f32::from_bits((state >> 34) as u32)];
        store.put(&id, &values).unwrap();
        // The first put of an item is the one that stays.
        model.entry(id).or_insert(values);
        if (state >> 60) == 0 {
            drop(store);
            store = open();
            assert_eq!(store.opened, Opened::Kept);
            reopened += 1;
        }
        assert_eq!(store.len(), model.len());
        let mut found = [0.0; WIDTH];
        store.get_into(&id, &mut found).unwrap();
        assert_eq!(found.map(f32::to_bits), model[&id].map(f32::to_bits), "step {step}");
    }
    assert!(reopened > 30, "{reopened}");
    drop(store);
    let store = open();
    for (id, values) in &model {
        let mut found = [0.0; WIDTH];
        store.get_into(id, &mut found).unwrap();
        assert_eq!(found.map(f32::to_bits), values.map(f32::to_bits));
    }
}

/// Runs itself again where the system refuses to let a file grow beyond a few kilobytes, as a full disk does.
#[cfg(unix)]
#[test]
fn a_file_that_may_not_grow_keeps_what_it_has() {
    const THIS: &str = "features::tests::a_file_that_may_not_grow_keeps_what_it_has";
    const WIDE: usize = 300_000;
    let row = |item: u8| vec![f32::from(item); WIDE];
    let open = |path: &Path| FeatureStore::open(path, &[7; 32], WIDE, Precision::F32).unwrap();
    let check = |store: &FeatureStore, items: u8| {
        let mut found = vec![0.0; WIDE];
        for item in 0..items {
            store.get_into(&[item; 32], &mut found).unwrap();
            assert_eq!(found, row(item), "item {item}");
        }
    };
    if let Some(path) = std::env::var_os("REKINDLE_SMALL_FILE") {
        let path = Path::new(&path);
        let mut store = open(path);
        for item in 0..2 {
            store.put(&[item; 32], &row(item)).unwrap();
        }
        store.flush().unwrap();
        for item in 2..5 {
            let error = store.put(&[item; 32], &row(item)).and_then(|()| store.flush());
            let error = error.unwrap_err().to_string();
            assert!(error.contains(&path.display().to_string()), "{error}");
        }
        check(&store, 2);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("features.bin");
    // 6000 blocks of 512 bytes: two records of 1.2 MB, and a part of the third. No signal, but an error.
    let status = std::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 6000; exec \"$0\" --exact \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg(THIS)
        .env("REKINDLE_SMALL_FILE", &path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.status.success() && said.contains("1 passed"), "{said}");
    // Whole records, and nothing of the third.
    assert_eq!(std::fs::metadata(&path).unwrap().len(), bytes_needed(2, WIDE, Precision::F32));
    let mut store = open(&path);
    assert_eq!((store.opened.clone(), store.len()), (Opened::Kept, 2));
    store.put(&[2; 32], &row(2)).unwrap();
    check(&store, 3);
}
