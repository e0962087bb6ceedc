//! Texts with planted faults, in every layout: all are found where they are, and none elsewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rekindle_data::{DataConfig, TargetKind, manifest::Table};
use rekindle_doctor::{
    DataLayout, Diagnosis, EmbeddingOptions, Kind, Options, Severity, examine_texts, html, text,
    texts, write_manifest,
};
use rekindle_text::{TextConfig, Unit, Vocabulary, VocabularyConfig, open_texts, read_texts};

/// A text that is like no other: words drawn by its number.
fn plain(number: usize) -> String {
    let mut random = rekindle_data::Random::new(11, 0, number as u64);
    let words = (0..12).map(|_| format!("w{}", random.below(5000)));
    words.collect::<Vec<_>>().join(" ")
}

/// The faults, each with its part and label.
const FAULTS: &[(&str, &str, &str)] = &[
    ("   ", "train", "ant"),
    ("The Café was closÃ©d on mondays by order of the mayor", "train", "bee"),
    ("one more \u{fffd} letter went missing in the mail last week", "train", "bee"),
    ("a <b>bold</b> statement from the minister of finance today", "train", "ant"),
    ("p\u{430}ypal asks for your password again and again this year", "train", "bee"),
    ("погода сегодня хорошая в нашем городе весь день", "train", "ant"),
    // The same in two parts.
    ("the river rose over the old bridge during the night", "train", "ant"),
    ("the river rose over the old bridge during the night", "val", "ant"),
    // The same under two labels.
    ("nobody saw the lights go out above the harbor", "train", "ant"),
    ("nobody saw the lights go out above the harbor", "train", "bee"),
    // The same twice.
    ("seven swans were seen swimming south of the sound", "train", "bee"),
    ("seven swans were seen swimming south of the sound", "train", "bee"),
    // Almost the same, in two parts.
    ("Smoke over the northern hills, villages evacuated http://a.b/1", "train", "ant"),
    ("smoke over the northern hills -- villages EVACUATED! http://a.b/2", "test", "ant"),
];

fn rows() -> Vec<(String, &'static str, &'static str)> {
    let labels = ["ant", "bee"];
    let parts = ["train", "train", "train", "val", "test"];
    let plain = (0..100).map(|number| (plain(number), parts[number % 5], labels[number / 5 % 2]));
    let faults = FAULTS.iter().map(|(text, part, label)| ((*text).to_owned(), *part, *label));
    plain.chain(faults).collect()
}

/// What is expected: kind, severity, and the places of the faults.
const EXPECTED: &[(Kind, Severity, &[usize])] = &[
    (Kind::TwoLabels, Severity::Error, &[8, 9]),
    (Kind::Leak, Severity::Error, &[6, 7]),
    (Kind::EmptyText, Severity::Error, &[0]),
    (Kind::Leak, Severity::Warning, &[12, 13]),
    (Kind::ExactDuplicate, Severity::Warning, &[10, 11]),
    (Kind::Encoding, Severity::Warning, &[1, 2]),
    (Kind::MixedScript, Severity::Warning, &[4]),
    (Kind::Markup, Severity::Note, &[3]),
    (Kind::OtherScript, Severity::Note, &[5]),
];

fn found(diagnosis: &Diagnosis) -> BTreeSet<(Kind, Severity, BTreeSet<PathBuf>)> {
    let set = |finding: &rekindle_doctor::Finding| {
        (finding.kind, finding.severity, finding.files.iter().cloned().collect())
    };
    diagnosis.findings.iter().map(set).collect()
}

/// The faults by the names that a layout gives them.
fn expected(names: &[String]) -> BTreeSet<(Kind, Severity, BTreeSet<PathBuf>)> {
    let first = names.len() - FAULTS.len();
    let named = |(kind, severity, places): &(Kind, Severity, &[usize])| {
        let files = places.iter().map(|place| PathBuf::from(&names[first + place])).collect();
        (*kind, *severity, files)
    };
    EXPECTED.iter().map(named).collect()
}

/// Writes the rows as a list, and as files of folders; their names in either.
fn written(folder: &Path) -> [(PathBuf, Vec<String>); 2] {
    let mut list = "label,Text,split,from\n".to_owned();
    let [mut lines, mut files] = [Vec::new(), Vec::new()];
    for (place, (text, part, label)) in rows().into_iter().enumerate() {
        list += &format!("{label},\"{}\",{part},\"a, b\"\n", text.replace('"', "\"\""));
        lines.push(format!("list.csv:{}", place + 2));
        let file = format!("{part}/{label}/{place:03}.txt");
        let path = folder.join("files").join(&file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        files.push(file);
    }
    fs::write(folder.join("list.csv"), list).unwrap();
    [(folder.join("list.csv"), lines), (folder.join("files"), files)]
}

#[test]
fn every_planted_fault_is_found_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for (path, names) in written(folder.path()) {
        let config = TextConfig::new(&path);
        let diagnosis = examine_texts(&config, &Options::default(), None).unwrap();
        let (expected, found) = (expected(&names), found(&diagnosis));
        let missed: Vec<_> = expected.difference(&found).collect();
        let invented: Vec<_> = found.difference(&expected).collect();
        assert!(
            missed.is_empty() && invented.is_empty(),
            "{}: missed {missed:#?}\ninvented {invented:#?}",
            path.display()
        );
        let layout = if path.is_dir() { DataLayout::Folders } else { DataLayout::List };
        assert_eq!((diagnosis.layout, diagnosis.examined.len()), (layout, 114));
        let said = text(&diagnosis, 99);
        assert!(said.ends_with("114 texts, 2 labels: 3 errors, 4 warnings, 2 notes\n"), "{said}");
        assert!(said.contains("error: one text under two labels (2 texts)"), "{said}");
        assert!(said.contains("the same text 2 times (\"nobody saw the lights"), "{said}");
        assert!(!said.contains("picture"), "{said}");
        let page = html(&diagnosis, 9);
        assert!(page.contains("One text in two parts of the data") && page.contains(&names[106]));
        let json = serde_json::to_string(&diagnosis).unwrap();
        assert_eq!(serde_json::from_str::<Diagnosis>(&json).unwrap(), diagnosis);
    }
}

#[test]
fn what_is_bad_is_left_out_of_a_list() {
    let folder = tempfile::tempdir().unwrap();
    for (path, _) in written(folder.path()) {
        let diagnosis = examine_texts(&TextConfig::new(&path), &Options::default(), None).unwrap();
        let good = folder.path().join("good.csv");
        let manifest = write_manifest(&diagnosis, &good).unwrap();
        // The empty one, both under two labels, one of each leak, one of the copies.
        assert_eq!((manifest.kept, manifest.left_out), (108, 6));
        let again = examine_texts(&TextConfig::new(&good), &Options::default(), None).unwrap();
        assert_eq!(again.count(Severity::Error), 0, "{:#?}", again.findings);
        let opened = open_texts::<usize>(&TextConfig::new(&good)).unwrap();
        assert_eq!([opened.train.len(), opened.val.len(), opened.test.len()], [66, 21, 21]);
        let written = fs::read_to_string(&good).unwrap();
        let first = if path.is_dir() { "text,label,split\n" } else { "label,Text,split,from\n" };
        assert!(written.starts_with(first), "{written:.100}");
        fs::remove_file(&good).unwrap();
    }
}

#[test]
fn documents_keep_their_groups() {
    let folder = tempfile::tempdir().unwrap();
    let mut documents = String::new();
    for document in 0..12 {
        documents += &format!("###{document}\n");
        for line in 0..5 {
            let label = ["aim", "result"][(document + line) % 2];
            documents += &format!("{label}\t{}\n", plain(document * 5 + line));
        }
        documents += "\n";
    }
    documents += "###12\naim\t&lt;p&gt; one more\nresult\t  \n";
    let path = folder.path().join("abstracts.txt");
    fs::write(&path, documents).unwrap();
    let diagnosis = examine_texts(&TextConfig::new(&path), &Options::default(), None).unwrap();
    let kinds: Vec<(Kind, &Path)> =
        diagnosis.findings.iter().map(|it| (it.kind, it.files[0].as_path())).collect();
    let expected = [
        (Kind::EmptyText, Path::new("abstracts.txt:87")),
        (Kind::Markup, Path::new("abstracts.txt:86")),
    ];
    assert_eq!(kinds, expected);
    let good = folder.path().join("good.csv");
    assert_eq!(write_manifest(&diagnosis, &good).unwrap().kept, 61);
    let found = read_texts(&TextConfig::new(&good), TargetKind::Label).unwrap();
    let groups: BTreeSet<&str> = found.rows.iter().map(|row| row.group.as_str()).collect();
    assert_eq!((found.rows.len(), groups.len()), (61, 13));
}

#[test]
fn several_labels_and_numbers_are_examined() {
    let folder = tempfile::tempdir().unwrap();
    let mut labels = "text,labels\n".to_owned();
    let mut numbers = "text,stars\n".to_owned();
    for number in 0..40 {
        labels += &format!("{},{}\n", plain(number), ["a", "b", "a|b"][number % 3]);
        numbers += &format!("{},{}\n", plain(number), number % 5);
    }
    labels += &format!("{},b\n{},\n", plain(0), plain(40));
    numbers += &format!("{},9\n{},\n", plain(3), plain(40));
    for (name, content) in [("labels.csv", labels), ("numbers.csv", numbers)] {
        fs::write(folder.path().join(name), content).unwrap();
    }
    let kinds = |config: &TextConfig| -> Vec<Kind> {
        let found = examine_texts(config, &Options::default(), None).unwrap();
        assert!(!text(&found, 9).contains("picture"), "{}", text(&found, 9));
        found.findings.iter().map(|finding| finding.kind).collect()
    };
    let labels = TextConfig::new(folder.path().join("labels.csv"));
    assert_eq!(kinds(&labels), [Kind::DifferentLabels, Kind::NoLabel]);
    let numbers = TextConfig::new(folder.path().join("numbers.csv"));
    let error = examine_texts(&numbers, &Options::default(), None).unwrap_err().to_string();
    assert!(error.contains("such as the column `stars`"), "{error}");
    let data = DataConfig { targets: vec!["stars".to_owned()], ..numbers.data.clone() };
    let numbers = TextConfig { data, ..numbers };
    assert_eq!(kinds(&numbers), [Kind::DifferentNumbers, Kind::MissingNumber]);
}

#[test]
fn balance_lengths_and_doubts_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.jsonl");
    let row = |number: usize| {
        let label = if number < 60 { "ant" } else { "bee" };
        let text = if number == 7 { [&*plain(7); 40].join(" ") } else { plain(number) };
        serde_json::json!({"text": text, "label": label}).to_string() + "\n"
    };
    fs::write(&path, (0..68).map(row).collect::<String>()).unwrap();
    let config = TextConfig::new(&path);
    let kinds = |options: &Options, tokenizer| -> Vec<Kind> {
        let found = examine_texts(&config, options, tokenizer).unwrap();
        found.findings.iter().map(|finding| finding.kind).collect()
    };
    let expected = [Kind::Imbalance, Kind::TooFew, Kind::LongText];
    assert_eq!(kinds(&Options::default(), None), expected);
    let options = Options { most_words: 1000, ..Options::default() };
    assert_eq!(kinds(&options, None), expected[..2]);
    // A tokenizer knows how much it reads.
    let all: Vec<_> = texts(&config).unwrap();
    let learned: Vec<_> = all.iter().map(|(_, text)| text.clone()).collect();
    let learned = Vocabulary::learn(&learned, &VocabularyConfig::new(Unit::Word)).unwrap();
    assert_eq!(kinds(&options, Some(&learned.tokenizer)), expected);
    // What a network sees contradicts one label.
    let rows = all.iter().map(|(name, text)| {
        let line: usize = name.to_str().unwrap().rsplit_once(':').unwrap().1.parse().unwrap();
        let side = if line - 1 < 60 && line != 31 { 1.0 } else { -1.0 };
        (name.clone(), vec![side, text.text.len() as f32 * 1e-4])
    });
    let embeddings = Some(EmbeddingOptions { rows: rows.collect() });
    let options = Options {
        neighbors: 7,
        embeddings,
        least_examples: 0,
        most_imbalance: 99.0,
        ..Options::default()
    };
    let found = examine_texts(&config, &options, None).unwrap();
    let doubted: Vec<&Path> = found
        .findings
        .iter()
        .filter(|finding| finding.kind == Kind::LabelError)
        .map(|finding| finding.files[0].as_path())
        .collect();
    assert_eq!(doubted, [Path::new("list.jsonl:31")]);
}

#[test]
fn what_cannot_be_read_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content, expected) in [
        ("a.csv", &b"text,label\nca\xe9,a\n"[..], "at line 2, column 3 is the byte 0xe9"),
        ("b.csv", b"text,label\n", "holds no texts"),
        ("c.csv", b"words,label\nant,a\n", "has no column `text`"),
        ("d.txt", b"###1\nant\n", "line 2: has no tab"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let error = examine_texts(&TextConfig::new(&path), &Options::default(), None).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(expected) && error.contains(name), "{error}");
    }
}

/// Of the 762 tweets that the course validates on, 12 are trained on too.
#[test]
fn copies_among_the_tweets_of_a_course_are_found() {
    let Some(data) = rekindle_skip::real_data() else { return };
    let source = data.join("text/text_disaster_tweets");
    let ids = fs::read_to_string(source.join("course_validation_ids.txt")).unwrap();
    let val: BTreeSet<&str> = ids.split_whitespace().collect();
    let table = Table::open(&source.join("train.csv")).unwrap();
    let [id, text, target] = ["id", "text", "target"].map(|it| table.column(&[it]).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("tweets.jsonl");
    let line = |(_, cells): &(u64, Vec<String>)| {
        let split = if val.contains(cells[id].as_str()) { "val" } else { "train" };
        serde_json::json!({"text": cells[text], "target": cells[target], "split": split})
            .to_string()
            + "\n"
    };
    fs::write(&list, table.rows.iter().map(line).collect::<String>()).unwrap();
    let config = TextConfig { label: Some("target".to_owned()), ..TextConfig::new(list) };
    let diagnosis = examine_texts(&config, &Options::default(), None).unwrap();
    let part = |file: &PathBuf| {
        let examined = diagnosis.examined.iter().find(|it| it.file == *file).unwrap();
        examined.split.clone()
    };
    let is_copy = |finding: &&rekindle_doctor::Finding| {
        let kinds = [Kind::TwoLabels, Kind::Leak];
        finding.severity == Severity::Error && kinds.contains(&finding.kind)
    };
    let mut leaked = 0;
    for finding in diagnosis.findings.iter().filter(is_copy) {
        let parts: Vec<String> = finding.files.iter().map(part).collect();
        if parts.iter().any(|part| part == "train") {
            leaked += parts.iter().filter(|part| *part == "val").count();
        }
    }
    assert_eq!(leaked, 12);
    let count = |kind: Kind| diagnosis.findings.iter().filter(|it| it.kind == kind).count();
    let counts = [Kind::TwoLabels, Kind::Encoding, Kind::Markup].map(count);
    assert_eq!(counts[1..], [1, 1], "{counts:?}");
}
