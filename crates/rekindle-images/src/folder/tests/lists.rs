//! Lists of pictures, from their text to a data set.

use std::fs;
use std::path::Path;

use rekindle_data::manifest::Offer;
use rekindle_data::{DataConfig, Part, Split, Target, TargetKind};

use crate::{DataSet, Measurable, Sample, measure_pictures, offer, open_pictures};

/// A folder with 200 files and a list of this name.
fn folder(name: &str, text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("p")).unwrap();
    for number in 0..200 {
        fs::write(folder.path().join(format!("p/{number}.jpg")), "").unwrap();
    }
    fs::write(folder.path().join(name), text).unwrap();
    folder
}

fn config(folder: &Path, name: &str, targets: &[&str]) -> DataConfig {
    DataConfig {
        split: Split { fraction: 0.25, seed: 0 },
        targets: targets.iter().map(|&name| name.to_owned()).collect(),
        ..DataConfig::new(folder.join(name))
    }
}

fn opened<L: Target>(name: &str, text: &str, targets: &[&str]) -> Result<DataSet<L>, String> {
    let folder = folder(name, text);
    open_pictures(&config(folder.path(), name, targets)).map_err(|error| error.to_string())
}

fn open(text: &str) -> Result<DataSet, String> {
    opened("list.csv", text, &[])
}

fn numbers<L>(samples: &[Sample<L>]) -> Vec<usize> {
    let stem = |sample: &Sample<L>| sample.path().unwrap().file_stem().unwrap().to_owned();
    samples.iter().map(|sample| stem(sample).to_str().unwrap().parse().unwrap()).collect()
}

fn labels<L: Clone>(samples: &[Sample<L>]) -> Vec<L> {
    samples.iter().map(|sample| sample.label.clone()).collect()
}

#[test]
fn splits_and_labels_are_those_of_the_list() {
    let text = "\u{feff}Label, Image ,split,more\n\"b, or not\",p/3.jpg,Testing,x\na,p/2.jpg,,\na,p/1.jpg,train,\n\"b, or not\",p/4.jpg,dev,\nb, p/5.jpg ,,\n \"b, or not\" ,p/6.jpg,,\n";
    let found = open(text).unwrap();
    assert_eq!(found.names, ["a", "b", "b, or not"]);
    assert_eq!((numbers(&found.train), labels(&found.train)), (vec![1, 2, 5, 6], vec![0, 0, 1, 2]));
    assert_eq!((numbers(&found.val), labels(&found.val)), (vec![4], vec![2]));
    assert_eq!((numbers(&found.test), labels(&found.test)), (vec![3], vec![2]));
    assert!(found.notes.contains(&"list.csv: columns that are not read: [more]".to_owned()));
    let folder = folder("list.csv", text);
    let measured = |part| -> Measurable {
        measure_pictures(&config(folder.path(), "list.csv", &[]), part).unwrap()
    };
    assert_eq!(measured(None).part, Part::Test);
    assert_eq!(measured(Some(Part::Train)).samples.len(), 4);
    assert_eq!(measured(Some(Part::All)).samples.len(), 6);
}

#[test]
fn every_format_holds_the_same() {
    let rows = [("p/1.jpg", "a"), ("p/2.jpg", "b"), ("p/3.jpg", "a"), ("p/4.jpg", "b")];
    let text = |between: &str| -> String {
        let rows = rows.iter().map(|(path, label)| format!("{path}{between}{label}\n"));
        format!("path{between}label\n{}", rows.collect::<String>())
    };
    let lines =
        rows.iter().map(|(path, label)| format!("{{\"path\":\"{path}\",\"label\":\"{label}\"}}\n"));
    let lines: String = lines.collect();
    for (name, text) in [
        ("list.csv", text(",")),
        ("list.CSV", text(";")),
        ("list.tsv", text("\t")),
        ("list.tab", text("\t")),
        ("list.txt", text(" , ")),
        ("list.txt", text(";")),
        ("list.jsonl", lines.clone()),
        ("list.ndjson", lines),
    ] {
        let found: DataSet = opened(name, &text, &[]).unwrap();
        assert_eq!(
            (found.names, found.train.len()),
            (vec!["a".to_owned(), "b".to_owned()], 2),
            "{name}"
        );
        assert_eq!(found.val.len(), 2, "{name}");
    }
    let folder = folder("list.doc", "");
    let error = open_pictures::<usize>(&config(folder.path(), "list.doc", &[])).unwrap_err();
    assert!(
        error.to_string().contains("give a folder, or a list that ends in one of .csv, .tsv"),
        "{error}"
    );
}

#[test]
fn blanks_around_values_are_no_part_of_them() {
    let found = open("path, label, split\np/1.jpg, ant, train\np/2.jpg,ant ,\np/3.jpg,\tbee,\n p/4.jpg , bee , val \n").unwrap();
    assert_eq!(found.names, ["ant", "bee"]);
    assert_eq!([found.train.len(), found.val.len()], [3, 1]);
}

#[test]
fn a_list_validates_another() {
    let folder = folder("list.csv", "path,label\np/1.jpg,a\np/2.jpg,b\np/3.jpg,b\n");
    let at = |name: &str| folder.path().join(name);
    fs::write(at("more.tsv"), "path\tlabel\np/4.jpg\tb\n").unwrap();
    let given = |val: &str| {
        let config = config(folder.path(), "list.csv", &[]);
        open_pictures::<usize>(&DataConfig { val: Some(at(val)), ..config })
    };
    let found = given("more.tsv").unwrap();
    assert_eq!((numbers(&found.train), numbers(&found.val)), (vec![1, 2, 3], vec![4]));
    for (text, expected) in [
        ("path,label\np/4.jpg,c\n", "nothing is trained on: [c] in val"),
        ("path,label\np/../p/1.jpg,a\n", "1 files of val are files of train too"),
    ] {
        fs::write(at("wrong.csv"), text).unwrap();
        let error = given("wrong.csv").unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(given("list.csv").unwrap_err().to_string().contains("is what is trained on"));
    // By whichever path.
    for test in ["p/../list.csv", "more.tsv"] {
        let config = config(folder.path(), "list.csv", &[]);
        let config = DataConfig { val: Some(at("more.tsv")), test: Some(at(test)), ..config };
        let error = open_pictures::<usize>(&config).unwrap_err().to_string();
        assert!(error.contains("trained or chosen on; measure on other pictures"), "{error}");
    }
    // A folder of labels validates a list too.
    for label in ["a", "b"] {
        fs::create_dir_all(at("val").join(label)).unwrap();
        fs::write(at("val").join(label).join("9.jpg"), "").unwrap();
    }
    assert_eq!(given("val").unwrap().val.len(), 2);
}

#[test]
fn lists_of_parts_in_a_folder_are_a_data_set() {
    let folder = folder("Train.csv", "path,label\np/1.jpg,a\np/2.jpg,b\np/3.jpg,a\np/4.jpg,b\n");
    let open = || open_pictures::<usize>(&DataConfig::new(folder.path()));
    assert_eq!([open().unwrap().train.len(), open().unwrap().val.len()], [2, 2]);
    fs::write(folder.path().join("val.tsv"), "path\tlabel\np/5.jpg\tb\n").unwrap();
    fs::write(folder.path().join("test.csv"), "path\np/6.jpg\n").unwrap();
    let found = open().unwrap();
    assert_eq!([found.train.len(), found.val.len(), found.test.len()], [4, 1, 0]);
    let note = "test.csv has no column of labels, and is not read".to_owned();
    assert!(found.notes.contains(&note), "{:?}", found.notes);
    fs::write(folder.path().join("test.csv"), "path,label\np/6.jpg,a\n").unwrap();
    assert_eq!(open().unwrap().test.len(), 1);
    let measured: Measurable = measure_pictures(&DataConfig::new(folder.path()), None).unwrap();
    assert_eq!((measured.part, measured.samples.len()), (Part::Test, 1));
    fs::write(folder.path().join("dev.csv"), "path,label\np/7.jpg,a\n").unwrap();
    assert!(
        open().unwrap_err().to_string().contains("several lists for `val`, [dev.csv, val.tsv]")
    );
}

#[test]
fn a_picture_counts_as_the_list_says() {
    fn weights<L: Target>(targets: &[&str]) {
        let text =
            "path,label,age,split,weight\np/1.jpg,a,1,,0.25\np/2.jpg,b,2,,\np/3.jpg,a,3,val,3\n";
        let found: DataSet<L> = opened("list.csv", text, targets).unwrap();
        let of = |samples: &[Sample<L>]| samples.iter().map(|it| it.weight).collect::<Vec<_>>();
        assert_eq!((of(&found.train), of(&found.val)), (vec![0.25, 1.0], vec![3.0]));
    }
    weights::<usize>(&[]);
    weights::<Vec<usize>>(&[]);
    weights::<Vec<f32>>(&["age"]);
}

#[test]
fn a_picture_has_all_its_labels_or_none() {
    let text = "path,tags,split\np/1.jpg,sea | boat,train\np/2.jpg,,train\np/3.jpg,sea;sea,val\np/4.jpg,\"boat, sky\",\n";
    let found: DataSet<Vec<usize>> = opened("list.csv", text, &[]).unwrap();
    assert_eq!(found.names, ["boat", "sea", "sky"]);
    assert_eq!(labels(&found.train), [vec![], vec![0, 1], vec![0, 2]]);
    assert_eq!(labels(&found.val), [[1]]);
    assert_eq!(found.describe(), "3 labels, any number an item, 3 to train on, 1 to validate on");
    let weights = found.balance();
    assert_eq!(weights.iter().map(|weight| (weight * 3.0) as usize).collect::<Vec<_>>(), [2, 4, 4]);
    let error = open(text).unwrap_err();
    assert!(error.contains("several labels each"), "{error}");
}

#[test]
fn numbers_are_those_of_the_columns_that_are_named() {
    let text = "path,Height,age,split\np/1.jpg,1.5,-2,\np/2.jpg,1e3,0,val\np/3.jpg, 2 ,7,test\n";
    let found: DataSet<Vec<f32>> = opened("list.csv", text, &["age", "height"]).unwrap();
    assert_eq!(found.names, ["age", "Height"]);
    assert_eq!(
        [labels(&found.train), labels(&found.val), labels(&found.test)],
        [[[-2.0, 1.5]], [[0.0, 1000.0]], [[7.0, 2.0]]]
    );
    assert_eq!(
        found.describe(),
        "age from -2 to -2, Height from 1.5 to 1.5, 1 to train on, 1 to validate on, 1 to test on"
    );
    assert!(found.balance().is_empty());
    let folder = folder("list.csv", text);
    let measured: Measurable<Vec<f32>> =
        measure_pictures(&config(folder.path(), "list.csv", &["age", "height"]), Some(Part::Val))
            .unwrap();
    let names = ["Height", "age"].map(str::to_owned);
    assert_eq!(labels(&measured.clone().with_names(&names).unwrap().samples), [[1000.0, 0.0]]);
    for names in [&["Height"][..], &["Height", "age", "more"], &["Height", "years"]] {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        assert!(measured.clone().with_names(&names).is_err(), "{names:?}");
    }
    for (cells, targets, expected) in [
        (
            ["", "x", "1"],
            &["age"][..],
            "line 2: column `age` is empty; give a number, or remove the line; line 3: column `age` has `x`, which is not a number",
        ),
        (["inf", "1", "1"], &["age"], "line 2: column `age` has `inf`, which is no finite"),
        (["1", "NaN", "1"], &["age"], "line 3: column `age` has `NaN`, which is no finite"),
        (["1", "1", "1e39"], &["age"], "line 4: column `age` has `1e39`, which is no finite"),
        (["1", "2", "3"], &["age", "years"], "has no column [years]; it names [path, age]"),
        (["1", "2", "3"], &["age", "AGE"], "the column `AGE` is named twice"),
        (["1", "2", "3"], &[], "numbers are learned, but of no column"),
    ] {
        let rows: String =
            (1..).zip(cells).map(|(n, cell)| format!("p/{n}.jpg,{cell}\n")).collect();
        let error =
            opened::<Vec<f32>>("list.csv", &format!("path,age\n{rows}"), targets).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    let error = opened::<usize>("list.csv", "path,label,age\np/1.jpg,a,1\n", &["age"]).unwrap_err();
    assert!(error.contains("[age], but labels are learned"), "{error}");
}

#[test]
fn a_list_offers_what_its_columns_hold() {
    for (text, label, labels, numbers, kind) in [
        ("path,label\np/1.jpg,a\n", true, false, &[][..], TargetKind::Label),
        ("path,labels,weight\np/1.jpg,a,1\n", false, true, &[], TargetKind::Labels),
        ("path,label,tags\np/1.jpg,a,b\n", true, true, &[], TargetKind::Label),
        (
            "path,age,name,size\np/1.jpg,1,x,\np/2.jpg,2.5,3,4\n",
            false,
            false,
            &["age", "size"],
            TargetKind::Numbers,
        ),
    ] {
        let folder = folder("list.csv", text);
        let numbers = numbers.iter().map(|&name: &&str| name.to_owned()).collect();
        let found = offer(&folder.path().join("list.csv")).unwrap();
        assert_eq!(found.kind(), kind, "{text}");
        assert_eq!(found, Offer { label, labels, numbers }, "{text}");
        assert_eq!(offer(folder.path()).unwrap(), Offer::LABEL);
    }
}

#[test]
fn what_is_wrong_with_a_list_is_said_with_its_line() {
    for (text, expected) in [
        ("file\np/1.jpg\n", "has no column `label`; it names [file]"),
        ("path,label\np/1.jpg,\n", "line 2: no label"),
        (
            "path,label\np/1.jpg,\np/2.jpg,a\n,b\n",
            "line 2: no label; give one, or remove the line; line 4: no path",
        ),
        ("path,label,split\np/1.jpg,a,both\n", "line 2: `both` is no split"),
        ("path,label\np/1.jpg,a\np/2.jpg,a\n", "labels are [a]"),
        ("path,label\np/1.jpg,a\np/999.jpg,b\n", "1 of its files are not there"),
        (
            "path,label\np/1.jpg,a\np/1.jpg,a\np/2.jpg,b\n",
            "1.jpg: is listed twice, on lines 2 and 3",
        ),
        (
            "path,label,split\np/1.jpg,a,\np/2.jpg,b,\np/../p/1.jpg,a,val\n",
            "p/../p/1.jpg on line 4 is the same file as ",
        ),
        ("path,label\n,a\n", "line 2: no path"),
        ("path,label,weight\np/1.jpg,a,1\np/2.jpg,b,-1\n", "line 3: `-1` is no weight"),
        ("path,label,weight\np/1.jpg,a,nan\n", "line 2: `nan` is no weight"),
        ("path,label,weight\np/1.jpg,a,0\np/2.jpg,b,0\n", "every weight is 0"),
        ("path,labels\np/1.jpg,a|b\n", "several labels each"),
        ("path,label\np/1.jpg,a,x,y\n", "line 2 has 4 values"),
        (
            "path,label,split\np/1.jpg,a,\np/2.jpg,b,\np/3.jpg,c,val\n",
            "nothing is trained on: [c] in val, but train has [a, b]",
        ),
        (
            "path,label,split\np/1.jpg,a,\np/2.jpg,b,\np/3.jpg,c,val\np/4.jpg,c,test\n",
            "[c] in val and test",
        ),
        (
            "path,label\np/1.jpg,a\np/2.jpg,\"b\np/3.jpg,b\n",
            "line 3: a quote is opened and never closed",
        ),
        (
            "path,label\np/1.jpg,\"a\nb\"\np/2.jpg,\u{1b}b\n",
            "line 2: a label with line breaks or control characters, [a\\u{a}b]; line 4",
        ),
        ("path,label,split\np/1.jpg,a,val\np/2.jpg,b,val\n", "nothing to train on"),
        ("", "has no column `path`"),
        ("label\na\n", "has no column `path`; it names [label]"),
        ("p/1.jpg,a\np/2.jpg,b\n", "its first line is to name its columns"),
    ] {
        let error = open(text).unwrap_err();
        assert!(error.contains(expected) && error.contains("list.csv"), "{text}: {error}");
    }
    for (text, expected) in [
        ("path,labels\np/1.jpg,a\np/2.jpg,\n", "labels are [a]"),
        ("path,kind\np/1.jpg,a\n", "has no column `labels`"),
        ("path,labels\np/1.jpg,a|b\n", "nothing is left to validate on"),
        ("path,labels,split\np/1.jpg,a|b,val\n", "nothing to train on"),
    ] {
        let error = opened::<Vec<usize>>("list.csv", text, &[]).unwrap_err();
        assert!(error.contains(expected) && error.contains("list.csv"), "{text}: {error}");
    }
}

/// Of every kind, groups are whole, and each label is on both sides.
#[test]
fn groups_are_not_torn_apart() {
    fn check<L: Target>(text: &str, targets: &[&str], group: fn(usize) -> usize) {
        let folder = folder("list.csv", text);
        let mut drawn = std::collections::BTreeSet::new();
        for seed in 0..30 {
            let split = Split { fraction: 0.25, seed };
            let config = DataConfig { split, ..config(folder.path(), "list.csv", targets) };
            let found: DataSet<L> = open_pictures(&config).unwrap();
            let of = |samples: &[Sample<L>]| -> std::collections::BTreeSet<usize> {
                numbers(samples).into_iter().map(group).collect()
            };
            let (train, val) = (of(&found.train), of(&found.val));
            assert!(train.is_disjoint(&val), "{seed}: {train:?} {val:?}");
            let share = found.val.len() as f64 / (found.train.len() + found.val.len()) as f64;
            assert!((0.1..0.45).contains(&share), "{seed}: {share}");
            for label in 0..if L::KIND == TargetKind::Numbers { 0 } else { found.names.len() } {
                for samples in [&found.train, &found.val] {
                    assert!(
                        samples.iter().any(|it| it.label.labels().contains(&label)),
                        "{seed} {label}"
                    );
                }
            }
            let again: DataSet<L> = open_pictures(&config).unwrap();
            assert_eq!(numbers(&found.val), numbers(&again.val));
            drawn.insert(numbers(&found.val));
        }
        assert!(drawn.len() > 5, "{}", drawn.len());
    }
    let rows = |of: &dyn Fn(usize) -> String| (0..200).map(of).collect::<String>();
    // Label 2 is in two groups alone.
    let label = |n: usize| if matches!(n / 8, 3 | 17) { 2 } else { n % 2 };
    let text = rows(&|n| format!("p/{n}.jpg,{},g{}\n", label(n), n / 8));
    check::<usize>(&format!("path,label,group\n{text}"), &[], |n| n / 8);
    // What has no group is alone.
    let text = rows(&|n| format!("p/{n}.jpg,{},{}\n", n % 3, if n < 40 { "g" } else { "" }));
    check::<usize>(&format!("path,label,group\n{text}"), &[], |n| if n < 40 { 0 } else { n });
    let text = rows(&|n| format!("p/{n}.jpg,{}|{},g{}\n", n % 2, 5 + n % 7, n / 8));
    check::<Vec<usize>>(&format!("path,labels,group\n{text}"), &[], |n| n / 8);
    let text = rows(&|n| format!("p/{n}.jpg,{},g{}\n", n * n % 91, n / 8));
    check::<Vec<f32>>(&format!("path,age,group\n{text}"), &["age"], |n| n / 8);
}

#[test]
fn groups_that_leave_no_split_are_refused() {
    for (rows, expected) in [
        ("p/1.jpg,a,x\np/2.jpg,b,x\n", "one group alone"),
        (
            "p/1.jpg,a,x\np/2.jpg,b,y\np/3.jpg,b,y\np/4.jpg,a,z\n",
            "one group alone has all that there is of [b]",
        ),
        (
            "p/1.jpg,a,x\np/2.jpg,b,x\np/3.jpg,b,y\np/4.jpg,c,y\np/5.jpg,a,z\np/6.jpg,c,z\n",
            "groups leave no split with",
        ),
    ] {
        for seed in 0..10 {
            let folder = folder("list.csv", &format!("path,label,group\n{rows}"));
            let split = Split { fraction: 0.25, seed };
            let config = DataConfig { split, ..config(folder.path(), "list.csv", &[]) };
            match open_pictures::<usize>(&config) {
                Err(error) => assert!(error.to_string().contains(expected), "{error}"),
                Ok(found) => panic!("{rows}: {:?} {:?}", found.train, found.val),
            }
        }
    }
    // Of several labels, what one group alone has is learned, and a note says that it is not validated on.
    let rows = "p/1.jpg,a|c,x\np/2.jpg,b|c,x\np/3.jpg,b|a,y\np/4.jpg,a|b,z\n";
    let found: DataSet<Vec<usize>> =
        opened("list.csv", &format!("path,labels,group\n{rows}"), &[]).unwrap();
    assert!(found.train.iter().any(|sample| sample.label.contains(&2)));
    assert!(
        found.notes.iter().any(|note| note.contains("val has nothing of [c]")),
        "{:?}",
        found.notes
    );
}

/// Whatever goes together: of each label, and of pictures without any, the share is set aside to one or two.
#[test]
fn a_share_of_each_label_is_set_aside() {
    let named = |n: usize| {
        [(2, "even"), (3, "third"), (7, "seventh"), (60, "rare")]
            .into_iter()
            .filter(move |(every, _): &(usize, _)| n.is_multiple_of(*every))
            .map(|(_, name)| name)
    };
    let rows: String = (0..200)
        .map(|n| format!("p/{n}.jpg,{}\n", named(n).collect::<Vec<_>>().join("|")))
        .collect();
    let folder = folder("list.csv", &format!("path,labels\n{rows}"));
    for seed in 0..5 {
        let split = Split { fraction: 0.25, seed };
        let config = DataConfig { split, ..config(folder.path(), "list.csv", &[]) };
        let found: DataSet<Vec<usize>> = open_pictures(&config).unwrap();
        assert_eq!(found.train.len() + found.val.len(), 200);
        let count = |samples: &[Sample<Vec<usize>>], label: Option<usize>| {
            let has = |sample: &&Sample<Vec<usize>>| match label {
                Some(label) => sample.label.contains(&label),
                None => sample.label.is_empty(),
            };
            samples.iter().filter(has).count() as f64
        };
        for label in (0..4).map(Some).chain([None]) {
            let (train, val) = (count(&found.train, label), count(&found.val, label));
            let expected = (train + val) * 0.25;
            assert!((val - expected).abs() <= 2.0, "{seed} {label:?}: {val} of {expected}");
            assert!(val >= 1.0);
        }
        let again: DataSet<Vec<usize>> = open_pictures(&config).unwrap();
        assert_eq!(numbers(&found.val), numbers(&again.val));
    }
}

/// Small and large numbers are set aside alike.
#[test]
fn a_share_of_each_range_of_numbers_is_set_aside() {
    let rows: String = (0..200).map(|n| format!("p/{n}.jpg,{}\n", n * 37 % 200)).collect();
    let folder = folder("list.csv", &format!("path,age\n{rows}"));
    let mut drawn = Vec::new();
    for seed in 0..5 {
        let split = Split { fraction: 0.2, seed };
        let config = DataConfig { split, ..config(folder.path(), "list.csv", &["age"]) };
        let found: DataSet<Vec<f32>> = open_pictures(&config).unwrap();
        let in_range = |low: f32| {
            let within = |it: &&Sample<Vec<f32>>| (low..low + 20.0).contains(&it.label[0]);
            found.val.iter().filter(within).count()
        };
        assert_eq!([0.0, 20.0, 40.0, 100.0, 180.0].map(in_range), [4; 5]);
        drawn.push(numbers(&found.val));
    }
    assert_ne!(drawn[0], drawn[1]);
    let few: DataSet<Vec<f32>> =
        opened("list.csv", "path,age\np/1.jpg,1\np/2.jpg,2\n", &["age"]).unwrap();
    assert_eq!([few.train.len(), few.val.len()], [1, 1]);
    let error = opened::<Vec<f32>>("list.csv", "path,age\np/1.jpg,1\n", &["age"]).unwrap_err();
    assert!(error.contains("nothing is left to validate on"), "{error}");
}
