//! The binary in folders that others prepared: links and pipes in place of what it writes, names that lead elsewhere, text
//! that a terminal or a spreadsheet would obey, reports that are not to say where they were made.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]
#![cfg(unix)]

mod support;

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

/// Runs a command, which must not panic.
fn rekindle(arguments: &[&dyn AsRef<OsStr>]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle"));
    arguments.iter().for_each(|argument| _ = command.arg(argument));
    let output = command.output().unwrap();
    assert!(!text(&output.stderr).contains("panicked"), "{}", text(&output.stderr));
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A short run from the starter.
fn finetune(data: &Path, out: &Path, more: &[&str]) -> Output {
    let starter = support::starter();
    let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![
        &"finetune",
        &"--no-probe",
        &"--batch=6",
        &"--epochs=2",
        &"--state-seconds=0",
        &"--data",
        &data,
        &"--weights",
        &starter,
        &"--out",
        &out,
    ];
    arguments.extend(more.iter().map(|argument| argument as &dyn AsRef<OsStr>));
    rekindle(&arguments)
}

/// All files below a folder, and what they hold.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => _ = found.insert(path.clone(), fs::read(&path).unwrap()),
        }
    }
    found
}

/// What a run writes.
const WRITTEN: [&str; 12] = [
    "best.safetensors",
    "epoch-0001.safetensors",
    "last.state",
    "log.jsonl",
    "log.csv",
    "run.json",
    "report.html",
    "embeddings.bin",
    "digests.bin",
    "bad_files.csv",
    ".lock",
    "tensorboard",
];

#[test]
fn a_run_writes_through_no_link() {
    let data = support::doodles(6, 3);
    // So that there is something to list.
    let label = fs::read_dir(data.path().join("train")).unwrap().next().unwrap().unwrap().path();
    fs::write(label.join("torn.png"), "no picture").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let theirs = folder.path().join("theirs");
    fs::create_dir_all(theirs.join("folder")).unwrap();
    fs::write(theirs.join("file"), "a letter to somebody").unwrap();
    let before = files(&theirs);
    for (place, name) in WRITTEN.into_iter().enumerate() {
        let to = if name == "tensorboard" { "folder" } else { "file" };
        for to in [theirs.join(to), theirs.join("nowhere")] {
            for more in [&["--overwrite"][..], &["--resume"]] {
                let row = format!("{name} -> {}, {more:?}", to.display());
                let out = folder.path().join(place.to_string());
                let _ = fs::remove_dir_all(&out);
                fs::create_dir(&out).unwrap();
                symlink(&to, out.join(name)).unwrap();
                let more = [more, &["--bad-files=skip", "--every=1"]].concat();
                let output = finetune(data.path(), &out, &more);
                assert!(files(&theirs) == before, "{row}: {}", text(&output.stderr));
                assert!(theirs.join("folder").is_dir(), "{row}");
                let is_link = fs::symlink_metadata(out.join(name)).unwrap().is_symlink();
                // It is replaced, or the run says what is in its way.
                match output.status.success() {
                    true => assert!(!is_link, "{row}"),
                    false => assert!(text(&output.stderr).contains(name), "{row}: {output:?}"),
                }
            }
        }
    }
}

#[test]
fn pipes_are_not_waited_for() {
    let data = support::doodles(6, 3);
    let folder = tempfile::tempdir().unwrap();
    for name in ["log.csv", "embeddings.bin", "digests.bin", ".lock", "report.html"] {
        let out = folder.path().join(name);
        fs::create_dir(&out).unwrap();
        let pipe = out.join(name);
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let output = finetune(data.path(), &out, &["--resume"]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(text(&output.stderr).contains(name), "{name}: {}", text(&output.stderr));
    }
}

/// What commands write where they are told to, and a ladder in its folder.
#[test]
fn no_command_writes_through_a_link() {
    let data = support::doodles(6, 3);
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let [one, two] = ["one", "two"].map(at);
    for run in [&one, &two] {
        assert!(finetune(data.path(), run, &[]).status.success());
    }
    let starter = support::starter();
    let label = fs::read_dir(data.path().join("val")).unwrap().next().unwrap().unwrap().path();
    let picture = fs::read_dir(label).unwrap().next().unwrap().unwrap().path();
    let (data, ladder, climbed) = (data.path(), at("ladder.toml"), at("climbed"));
    let of_ladder = format!(
        "data = {data:?}\n[[candidates]]\nname = \"head\"\nweights = {starter:?}\nepochs = 1\n\
         [[rungs]]\nclasses = 1.0\npictures = 1.0\n"
    );
    fs::write(&ladder, of_ladder).unwrap();
    let theirs = at("theirs");
    fs::create_dir_all(theirs.join("folder")).unwrap();
    fs::write(theirs.join("file"), "a letter to somebody").unwrap();
    let before = files(&theirs);
    type Row<'a> = (&'a str, Vec<&'a dyn AsRef<OsStr>>);
    let climb: Vec<&dyn AsRef<OsStr>> = vec![&"ladder", &ladder, &"--out", &climbed];
    let rows: Vec<Row<'_>> = vec![
        ("sheet.png", vec![&"augment", &picture, &"--views=2", &"--size=32", &"--out"]),
        ("rates.svg", vec![&"find-rate", &"--data", &data, &"--weights", &starter, &"--out"]),
        ("both.html", vec![&"compare", &one, &two, &"--out"]),
        ("page.html", vec![&"doctor", &data, &"--html"]),
        ("fixed.csv", vec![&"doctor", &data, &"--fix"]),
        ("all.safetensors", vec![&"embed", &picture, &"--weights", &starter, &"--out"]),
        ("all.npy", vec![&"embed", &picture, &"--weights", &starter, &"--out"]),
        ("all.jsonl", vec![&"embed", &picture, &"--weights", &starter, &"--out"]),
        ("climbed/results.jsonl", climb.clone()),
        ("climbed/ladder.md", climb.clone()),
        ("climbed/accuracy.svg", climb.clone()),
        ("climbed/1-head", climb),
    ];
    for (name, arguments) in &rows {
        let to = if name.ends_with("1-head") { "folder" } else { "file" };
        for to in [theirs.join(to), theirs.join("nowhere")] {
            let _ = fs::remove_dir_all(&climbed);
            fs::create_dir(&climbed).unwrap();
            let path = at(name);
            let _ = fs::remove_file(&path);
            symlink(&to, &path).unwrap();
            let mut arguments = arguments.clone();
            if !name.starts_with("climbed") {
                arguments.push(&path);
            }
            let output = rekindle(&arguments);
            assert!(files(&theirs) == before, "{name}: {}", text(&output.stderr));
            // The doctor has another code for what it finds.
            match output.status.code() {
                Some(1) => assert!(text(&output.stderr).contains(name), "{name}: {output:?}"),
                _ => assert!(fs::symlink_metadata(&path).unwrap().len() > 20, "{name}"),
            }
        }
    }
}

#[test]
fn no_candidate_leads_out_of_a_ladders_folder() {
    let data = support::doodles(6, 3);
    let folder = tempfile::tempdir().unwrap();
    let (ladder, out) = (folder.path().join("ladder.toml"), folder.path().join("deep/out"));
    let starter = support::starter();
    for name in ["x/../../y", "../../../y", "y/z", "a\\u001b[31mb", "a\\nb", ""] {
        let of_ladder = format!(
            "data = {:?}\n[[candidates]]\nname = \"{name}\"\nweights = {starter:?}\nepochs = 1\n\
             [[rungs]]\nclasses = 1.0\npictures = 1.0\n",
            data.path()
        );
        fs::write(&ladder, of_ladder).unwrap();
        // The folder that such a path would need on the way.
        fs::create_dir_all(out.join("1-x")).unwrap();
        let output = rekindle(&[&"ladder", &ladder, &"--out", &out]);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {error}");
        assert!(error.contains("its name") || error.contains("no name"), "{name}: {error}");
        assert!(!error.contains('\u{1b}') && error.lines().count() < 4, "{name}: {error}");
        let left: Vec<_> = files(folder.path()).into_keys().collect();
        assert_eq!(left, [ladder.as_path()], "{name}");
    }
}

#[test]
fn a_plans_phases_are_shown_and_not_obeyed() {
    let data = support::doodles(6, 3);
    let folder = tempfile::tempdir().unwrap();
    let (plan, out) = (folder.path().join("plan.toml"), folder.path().join("run"));
    let phase = "[[phases]]\nname = \"=cmd\\u001b[31m\\nbest: all\\u202e\"\nepochs = 1\nfrozen = \"backbone\"\nlr = 0.01\n";
    fs::write(&plan, phase).unwrap();
    let starter = support::starter();
    let output = rekindle(&[
        &"finetune",
        &"--data",
        &data.path(),
        &"--weights",
        &starter,
        &"--out",
        &out,
        &"--plan",
        &plan,
        &"--batch=6",
        &"--no-probe",
    ]);
    let [said, error] = [text(&output.stdout), text(&output.stderr)];
    assert!(output.status.success(), "{error}");
    for shown in [&said, &error] {
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
        assert!(!shown.lines().any(|line| line.starts_with("best: all")), "{shown}");
    }
    assert!(said.contains("\\u{1b}[31m\\nbest: all\\u{202e}"), "{said}");
    // In a list for people it is no formula; programs read what it is.
    let log = fs::read_to_string(out.join("log.csv")).unwrap();
    assert!(log.lines().any(|line| line.starts_with("1,\"'=cmd")), "{log}");
    let line = fs::read_to_string(out.join("log.jsonl")).unwrap();
    let line: Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    assert_eq!(line["phase"], "=cmd\u{1b}[31m\nbest: all\u{202e}");
}

#[test]
fn what_is_mistyped_is_shown_and_not_obeyed() {
    for argument in ["--\u{1b}]0;title\u{7}", "--no\u{202e}pe", "--a\nerror: all is lost"] {
        for arguments in
            [vec![argument], vec!["predict", argument], vec!["models", "--sort", argument]]
        {
            let arguments: Vec<&dyn AsRef<OsStr>> =
                arguments.iter().map(|argument| argument as &dyn AsRef<OsStr>).collect();
            let output = rekindle(&arguments);
            assert_eq!(output.status.code(), Some(2), "{argument:?}");
            let error = text(&output.stderr);
            assert!(!error.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{error:?}");
            assert!(!error.lines().any(|line| line.starts_with("error: all")), "{error}");
        }
    }
}

/// A label and names of files that a spreadsheet would compute.
#[test]
fn lists_for_people_hold_no_formulas() {
    let data = support::doodles(6, 3);
    for part in ["train", "val"] {
        let part = data.path().join(part);
        let mut labels: Vec<PathBuf> =
            fs::read_dir(&part).unwrap().map(|label| label.unwrap().path()).collect();
        labels.sort();
        fs::rename(&labels[0], part.join("=HELLO(1)")).unwrap();
        fs::rename(&labels[1], part.join("-7")).unwrap();
    }
    fs::write(data.path().join("train/=HELLO(1)/torn.png"), "no picture").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let output = finetune(data.path(), &out, &["--bad-files=skip"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let list = fs::read_to_string(out.join("bad_files.csv")).unwrap();
    assert!(list.contains("torn.png"), "{list}");

    let picture = "=1+1.png";
    let label = fs::read_dir(data.path().join("val/=HELLO(1)")).unwrap();
    let from = label.map(|entry| entry.unwrap().path()).next().unwrap();
    fs::copy(from, folder.path().join(picture)).unwrap();
    let weights = out.join("best.safetensors");
    let predict = |format: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle"));
        command.current_dir(folder.path()).args(["predict", "--top=3", "--format", format]);
        text(&command.arg("--weights").arg(&weights).arg(picture).output().unwrap().stdout)
    };
    let table = predict("csv");
    let cells: Vec<&str> = table.lines().nth(1).unwrap().split(',').collect();
    assert_eq!(cells[0], "./=1+1.png");
    assert!(cells.contains(&"'=HELLO(1)") && cells.contains(&"-7"), "{table}");
    assert!(!cells.iter().any(|cell| cell.starts_with(['=', '@', '+'])), "{table}");
    let object: Value = serde_json::from_str(&predict("json")).unwrap();
    assert_eq!(object["image"], picture);
    let labels: Vec<&str> =
        object["top"].as_array().unwrap().iter().map(|it| it["label"].as_str().unwrap()).collect();
    assert!(labels.contains(&"=HELLO(1)"), "{labels:?}");

    // A list for programs is read again: its labels are what they are.
    let fixed = folder.path().join("fixed.csv");
    rekindle(&[&"doctor", &data.path(), &"--fix", &fixed]);
    assert!(fs::read_to_string(&fixed).unwrap().contains(",=HELLO(1),"));
}

#[test]
fn a_private_report_says_not_where_it_was_made() {
    let data = support::doodles(6, 3);
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home-of-somebody");
    fs::create_dir(&home).unwrap();
    // A list whose pictures lie elsewhere.
    let mut list = "path,label,split\n".to_owned();
    for path in files(data.path()).into_keys() {
        let label = path.parent().unwrap();
        let split = label.parent().unwrap().file_name().unwrap().display();
        list += &format!("{},{},{split}\n", path.display(), label.file_name().unwrap().display());
    }
    let listed = home.join("secret-list.csv");
    fs::write(&listed, list).unwrap();
    let run = |name: &str, more: &[&str]| {
        let out = home.join(name);
        let output = finetune(&listed, &out, &[&["--doctor=report"][..], more].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let [record, page] =
            ["run.json", "report.html"].map(|file| fs::read_to_string(out.join(file)).unwrap());
        (record, page, text(&output.stderr))
    };
    let (record, page, said) = run("open", &[]);
    assert!(record.contains("secret-list") && page.contains("secret-list"));
    assert!(said.contains("--private-report") && said.contains("outside"), "{said}");
    let (record, page, said) = run("private", &["--private-report"]);
    assert!(!said.contains("outside"), "{said}");
    let data = data.path().display().to_string();
    let home = home.display().to_string();
    let starter = support::starter().display().to_string();
    for secret in [&data, &home, "secret-list", "home-of-somebody", &starter, "--data", ".png"] {
        assert!(!record.contains(secret), "run.json tells {secret}");
        assert!(!page.contains(secret), "report.html tells {secret}");
    }
    // It still is a report.
    assert!(page.contains("data:image/jpeg;base64,") && page.contains("<svg"));
}
