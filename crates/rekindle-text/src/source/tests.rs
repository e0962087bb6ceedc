use std::fs;

use rekindle_data::{DataConfig, Split};
use tempfile::TempDir;

use super::*;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn open(path: &Path) -> Result<DataSet<usize, Text>, Error> {
    open_texts(&TextConfig::new(path))
}

fn counts<L: Target>(set: &DataSet<L, Text>) -> [usize; 3] {
    [set.train.len(), set.val.len(), set.test.len()]
}

const RCT: &str = "###1\nA\tone .\nB\ttwo .\nA\tthree .\n\n###2\nB\tfour .\nA\tfive .\n\n###3\nA\tsix .\nB\tseven .\n";

#[test]
fn lists_of_parts_are_one_data_set() {
    let folder = folder(&[
        ("train.csv", "text,label\nant one,a\n\"bee, two\",b\nant three,a\n"),
        ("dev.tsv", "label\ttext\nb\tbee, four\n"),
        ("test.jsonl", "{\"text\": \"ant five\", \"label\": \"a\"}\n"),
        ("notes.txt", "nothing"),
    ]);
    let set = open(folder.path()).unwrap();
    assert_eq!((counts(&set), &set.names[..]), ([3, 1, 1], &["a".to_owned(), "b".to_owned()][..]));
    assert_eq!((&*set.val[0].item.text, &*set.val[0].item.name), ("bee, four", "dev.tsv:2"));
    assert!(is_texts(folder.path()) && offer(&TextConfig::new(folder.path())).unwrap().label);
    // What is to be predicted has no labels.
    fs::write(folder.path().join("test.jsonl"), "{\"text\": \"ant five\"}\n").unwrap();
    let set = open(folder.path()).unwrap();
    assert_eq!(counts(&set), [3, 1, 0]);
    assert!(set.notes.concat().contains("test.jsonl has no column of labels"), "{:?}", set.notes);
    // A list that is given to validate on.
    let other = self::folder(&[("other.csv", "text,label\nbee six,b\nant,a\n")]);
    let data = DataConfig {
        val: Some(other.path().join("other.csv")),
        ..DataConfig::new(folder.path().join("train.csv"))
    };
    let set = open_texts::<usize>(&TextConfig { data, ..TextConfig::default() }).unwrap();
    assert_eq!(counts(&set), [3, 2, 0]);
}

#[test]
fn files_are_texts_of_their_folders_label() {
    let folder = folder(&[
        ("train/pos/1.txt", "good"),
        ("train/pos/2.txt", "\u{feff}very good\nindeed"),
        ("train/neg/1.txt", "bad"),
        ("train/neg/scores.csv", "1,2"),
        ("test/pos/9.TXT", "fine"),
        ("test/neg/9.txt", "  \n"),
        ("val/pos/1.txt", "nice"),
        ("val/neg/1.txt", "ugly"),
    ]);
    let set = open(folder.path()).unwrap();
    assert_eq!(
        (counts(&set), &set.names[..]),
        ([3, 2, 2], &["neg".to_owned(), "pos".to_owned()][..])
    );
    let texts: Vec<&str> = set.train.iter().map(|sample| &*sample.item.text).collect();
    assert_eq!(texts, ["bad", "good", "very good\nindeed"]);
    assert_eq!(&*set.train[0].item.name, "train/neg/1.txt");
    let notes = set.notes.join("; ");
    assert!(notes.contains("1 have no text, such as test/neg/9.txt"), "{notes}");
    assert!(notes.contains("1 files that are no texts are not read: [.csv 1]"), "{notes}");
    assert!(is_texts(folder.path()));
    let measured = measure_texts::<usize>(&TextConfig::new(folder.path()), None).unwrap();
    assert_eq!((measured.part, measured.samples.len()), (Part::Test, 2));
    // Without parts a share of each label is set aside.
    let set = open(&folder.path().join("train")).unwrap();
    assert_eq!(counts(&set), [2, 1, 0]);
    // A folder to validate on.
    let data = DataConfig {
        val: Some(folder.path().join("test")),
        ..DataConfig::new(folder.path().join("train"))
    };
    let set = open_texts::<usize>(&TextConfig { data, ..TextConfig::default() }).unwrap();
    assert_eq!(counts(&set), [3, 2, 0]);
}

#[test]
fn a_document_is_never_divided() {
    let json: String = ["one .|two .|three .", "four .|five .", "six .|seven ."]
        .iter()
        .zip(["A|B|A", "B|A", "A|B"])
        .map(|(sentences, labels)| {
            let [sentences, labels] = [sentences, labels].map(|it| it.split('|').collect::<Vec<_>>());
            serde_json::json!({"abstract_id": 0, "sentences": sentences, "labels": labels, "confs": [1]})
                .to_string()
                + "\n"
        })
        .collect();
    let crlf = RCT.replace('\n', "\r\n");
    let folder = folder(&[("rct.txt", RCT), ("crlf.txt", &crlf), ("json.jsonl", &json)]);
    for (name, stands) in [("rct.txt", "3"), ("crlf.txt", "3"), ("json.jsonl", "1#2")] {
        let path = folder.path().join(name);
        assert!(is_texts(&path), "{name}");
        for seed in 0..5 {
            let mut config = TextConfig::new(&path);
            config.data.split = Split { fraction: 0.4, seed };
            let set = open_texts::<usize>(&config).unwrap();
            assert_eq!(set.names, ["A", "B"], "{name}");
            let texts = |samples: &[crate::Sample]| -> Vec<String> {
                samples.iter().map(|sample| sample.item.text.to_string()).collect()
            };
            let val = texts(&set.val);
            let documents =
                [&["one .", "two .", "three ."][..], &["four .", "five ."], &["six .", "seven ."]];
            assert!(!val.is_empty() && val.len() < 7, "{name} {val:?}");
            for document in documents {
                let there =
                    document.iter().filter(|text| val.contains(&(**text).to_owned())).count();
                assert!(there == 0 || there == document.len(), "{name}: {val:?}");
            }
        }
        let all = read_texts(&TextConfig::new(&path), TargetKind::Label).unwrap();
        let two = all.rows.iter().find(|row| &*row.item.text == "two .").unwrap();
        let place = two.item.place.clone().unwrap();
        assert_eq!((place.position, place.total), (1, 3), "{name}");
        assert_eq!(
            (place.before.as_deref(), place.after.as_deref()),
            (Some("one ."), Some("three ."))
        );
        assert_eq!(&*two.item.name, format!("{name}:{stands}"));
        let first = all.rows.iter().find(|row| &*row.item.text == "four .").unwrap();
        let place = first.item.place.clone().unwrap();
        assert_eq!((place.position, place.total, place.before), (0, 2, None), "{name}");
    }
    for (name, stands) in
        [("rct.txt", ["3", "11"]), ("crlf.txt", ["3", "11"]), ("json.jsonl", ["1#2", "3#1"])]
    {
        let path = folder.path().join(name);
        let TextTable { table, names, is_documents, .. } = TextTable::open(&path).unwrap();
        assert!(is_documents);
        let columns = ["text", "label", "line_number", "total_lines", "previous", "next"];
        assert_eq!(table.names[..6], columns, "{name}");
        for (row, stands, cells) in [
            (1, stands[0], ["two .", "B", "1", "3", "one .", "three ."]),
            (5, stands[1], ["six .", "A", "0", "2", "", "seven ."]),
        ] {
            assert_eq!(
                (&table.rows[row].1[..6], &*names[row]),
                (&cells.map(str::to_owned)[..], &*format!("{name}:{stands}"))
            );
        }
        let groups: std::collections::BTreeSet<&String> =
            table.rows.iter().map(|row| &row.1[6]).collect();
        assert_eq!(groups.len(), 3, "{name}");
    }
    let parts = self::folder(&[("train.txt", RCT), ("dev.txt", RCT), ("test.txt", RCT)]);
    let lists = lists_of_texts(parts.path()).unwrap();
    assert_eq!(
        lists.iter().map(|list| list.0).collect::<Vec<_>>(),
        [Part::Train, Part::Val, Part::Test]
    );
    let set = open(parts.path()).unwrap();
    assert_eq!(counts(&set), [7, 7, 7]);
    assert!(is_texts(parts.path()));
}

#[test]
fn what_is_learned_is_offered() {
    let folder = folder(&[
        ("tweets.csv", "id,keyword,text,target\n1,fire,1 ant,0\n2,,bee,1\n"),
        ("labels.csv", "sentence,labels\n1,a|b\n2,\n"),
        ("stars.csv", "review,stars\ngood,4.5\nbad,1\n"),
        ("pictures.csv", "path,label\n1.jpg,a\n"),
        ("captions.csv", "image,text,label\n1.jpg,an ant,a\n"),
    ]);
    let path = |name: &str| folder.path().join(name);
    let named = |name: &str, label: &str| TextConfig {
        label: Some(label.to_owned()),
        ..TextConfig::new(path(name))
    };
    for (config, expected) in [
        (TextConfig::new(path("tweets.csv")), (false, false, &["id", "target"][..])),
        (named("tweets.csv", "target"), (true, false, &["id"])),
        (TextConfig::new(path("labels.csv")), (false, true, &[])),
        (TextConfig::new(path("stars.csv")), (false, false, &["stars"])),
        (
            TextConfig { text: vec!["id".into(), "text".into()], ..named("tweets.csv", "target") },
            (true, false, &[]),
        ),
    ] {
        let offer = offer(&config).unwrap();
        let numbers: Vec<&str> = offer.numbers.iter().map(String::as_str).collect();
        assert_eq!((offer.label, offer.labels, &numbers[..]), expected, "{config:?}");
    }
    for (name, expected) in [
        ("tweets.csv", true),
        ("labels.csv", true),
        ("pictures.csv", false),
        ("captions.csv", false),
        ("none.csv", false),
    ] {
        assert_eq!(is_texts(&path(name)), expected, "{name}");
    }
    for (config, expected) in [
        (named("tweets.csv", "Label"), "has no column `Label`"),
        (TextConfig::new(path("pictures.csv")), "has no column `text`"),
        (TextConfig::new(path("none.csv")), "cannot be read"),
    ] {
        let error = offer(&config).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let pictures =
        self::folder(&[("a/1.jpg", "x"), ("a/notes.txt", "x"), ("a/2.jpg", "x"), ("b/1.jpg", "x")]);
    assert!(!is_texts(pictures.path()));
}

#[test]
fn what_is_wrong_is_told_by_its_place() {
    let long = "x".repeat(1 << 20);
    let long_line = format!("###1\nA\tone\nB\t{long}\n");
    let csv = format!("text,label\nant,a\n{long}x,b\n");
    let object = |text: &str| format!("{{\"sentences\": [\"a\"], \"labels\": [\"A\"]}}\n{text}\n");
    for (name, content, expected) in [
        ("a.txt", "###1\nA\tone\nB two\n", "line 3: has no tab between a label and a sentence"),
        ("a.txt", "###1\nA\tone\n\tx\n", "line 3: has no label before its tab"),
        ("a.txt", "###1\nA\tone\n\nB\ttwo\n", "line 4: is a sentence of no document"),
        ("a.txt", &long_line, "line 3: is longer than the limit of 1048576 bytes"),
        ("a.csv", &csv, "line 3: is longer than the limit of 1048576 bytes"),
        ("a.csv", "text,label\nant,\n", "line 2: no label"),
        ("a.csv", "words,label\nant,a\n", "has no column `text`; it names [words, label]"),
        ("a.jsonl", &object("{"), "line 2: is no JSON object"),
        (
            "a.jsonl",
            &object("{\"sentences\": [\"a\"], \"labels\": []}"),
            "line 2: has 1 sentences, but 0 labels",
        ),
        (
            "a.jsonl",
            &object("{\"sentences\": [1], \"labels\": [2]}"),
            "line 2: has no `sentences` and `labels`",
        ),
        ("a/1.txt", &long_line, "a/1.txt"),
        ("a.md", "ant", "is no list"),
    ] {
        let folder = folder(&[(name, content), ("b/1.txt", "x")]);
        let path =
            if name.contains('/') { folder.path().to_owned() } else { folder.path().join(name) };
        let error = open(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
        assert!(error.len() < 1000, "{name}: {error}");
    }
    // Bytes that are no text.
    let folder = folder(&[("a/1.txt", "x"), ("b/2.txt", "x")]);
    for (name, bytes, expected) in [
        (
            "a/1.txt",
            &b"good\nca\xe9"[..],
            "a/1.txt: at line 2, column 3 is the byte 0xe9, which is not UTF-8",
        ),
        ("a.txt", b"###1\nA\tca\xe9\n", "at line 2, column 5 is the byte 0xe9"),
        ("a.csv", b"text,label\nca\xe9,a\n", "at line 2, column 3 is the byte 0xe9"),
    ] {
        fs::write(folder.path().join(name), bytes).unwrap();
        let path =
            if name.contains('/') { folder.path().to_owned() } else { folder.path().join(name) };
        let error = open(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
    // What has no columns has none that is named.
    let folder = self::folder(&[("a.txt", RCT)]);
    let config = TextConfig {
        text: vec!["text".to_owned()],
        ..TextConfig::new(folder.path().join("a.txt"))
    };
    let error = open_texts::<usize>(&config).unwrap_err().to_string();
    assert!(error.contains("is no list, and has no column `text`"), "{error}");
    let error = open_texts::<Vec<f32>>(&TextConfig::new(folder.path().join("a.txt"))).unwrap_err();
    assert!(error.to_string().contains("has no numbers"), "{error}");
}

#[test]
fn nul_characters_are_counted() {
    let folder = folder(&[("a.csv", "text,label\nan\0t,a\nbee,b\nant,a\nbee two,b\n")]);
    let set = open(&folder.path().join("a.csv")).unwrap();
    assert!(
        set.notes.concat().contains("1 have NUL characters in them, such as a.csv:2"),
        "{:?}",
        set.notes
    );
}
