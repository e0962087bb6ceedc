//! `rekindle doctor` and `finetune --doctor` on several labels and on numbers: what is planted is found, said everywhere, and
//! left out of what is trained on.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

#[path = "support/bars.rs"]
mod bars;
#[path = "support/plates.rs"]
mod plates;
#[path = "support/program.rs"]
mod program;
mod support;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use program::{objects, refused, text};
use rekindle_doodles::{SIZE, Task, set};
use serde_json::Value;
use tempfile::TempDir;

/// A list of a task, and what is planted in it.
struct Row {
    data: fn() -> (TempDir, PathBuf),
    asked: &'static [&'static str],
    /// What a copy of the first picture is said to be.
    other: &'static str,
    /// What that is found as, and as what in words.
    kind: &'static str,
    title: &'static str,
}

const TASKS: [Row; 2] = [
    Row {
        data: || {
            let plates::Plates { folder, list, .. } = plates::plates(15);
            (folder, list)
        },
        asked: &[],
        other: "other",
        kind: "different_labels",
        title: "one picture with other labels",
    },
    Row {
        data: || {
            let bars::Bars { folder, list, .. } = bars::bars(60);
            (folder, list)
        },
        asked: &bars::ALL,
        other: "12,0.5,0.5,1000000",
        kind: "different_numbers",
        title: "one picture with other numbers",
    },
];

/// What a command printed, which ended with this code.
fn ends(code: i32, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle"));
    let output = command.args(arguments).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {printed}\n{error}");
    printed
}

#[test]
fn a_contradiction_stops_a_run_and_is_left_out() {
    for task in &TASKS {
        let (folder, list) = (task.data)();
        let at = |name: &str| folder.path().join(name);
        fs::copy(at("0.png"), at("copy.png")).unwrap();
        let rows = fs::read_to_string(&list).unwrap();
        fs::write(&list, format!("{rows}copy.png,{},train\n", task.other)).unwrap();

        let doctor = |code: i32, data: &Path, more: &[&str]| {
            ends(code, &[&["doctor", text(data)], task.asked, more].concat())
        };
        let lines = doctor(2, &list, &["--json", "--least", "0"]);
        let lines: Vec<Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let found = lines.iter().find(|line| line["kind"] == task.kind).unwrap();
        assert_eq!(found["severity"], "error", "{found}");
        let files: BTreeSet<&str> =
            found["files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap()).collect();
        assert_eq!(files, BTreeSet::from(["0.png", "copy.png"]));
        let summary = lines.last().unwrap();
        assert!(summary["errors"].as_u64().unwrap() > 0, "{summary}");
        // How much there is of what.
        let numbers = summary["numbers"].as_array().map_or(0, Vec::len);
        assert_eq!(numbers, task.asked.len() / 2, "{summary}");
        assert_eq!(summary["labels"].as_array().unwrap().is_empty(), numbers > 0, "{summary}");

        let (page, good) = (at("page.html"), at("good.csv"));
        let told = doctor(2, &list, &["--html", text(&page), "--fix", text(&good)]);
        assert!(told.contains(&format!("error: {} (2 files)", task.title)), "{told}");
        assert!(told.contains("to train on"), "{told}");
        let page = fs::read_to_string(page).unwrap();
        assert!(page.contains("copy.png") && page.contains("data:image/jpeg"), "{}", task.title);
        assert!(page.contains(&task.title[1..]), "{}", task.title);

        // A run stops at it, or goes on and shows it; on what is left there is nothing to stop at.
        let (out, starter) = (at("run"), support::starter());
        let run = |data: &Path, more: &[&str]| -> Vec<String> {
            let own = ["finetune", "--data", text(data), "--out", text(&out), "--epochs", "1"];
            let from = ["--weights", text(&starter), "--no-probe"];
            let all = [&own, &from as &[&str], task.asked, more].concat();
            all.into_iter().map(str::to_owned).collect()
        };
        let run = |code: i32, data: &Path, more: &[&str]| {
            let arguments = run(data, more);
            ends(code, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let told = run(2, &list, &["--doctor"]);
        assert!(told.contains(task.title) && told.contains("nothing is trained"), "{told}");
        assert_eq!(told.contains("--target size"), !task.asked.is_empty(), "{told}");
        assert!(!out.exists());
        run(0, &list, &["--doctor=report"]);
        let report = fs::read_to_string(out.join("report.html")).unwrap();
        let checkup = report.split("<section id=\"checkup\"").nth(1).unwrap();
        let checkup = checkup.split("</section>").next().unwrap();
        assert!(checkup.contains("copy.png") && checkup.contains(&task.title[1..]), "{checkup}");
        run(0, &good, &["--doctor", "--overwrite"]);
    }
}

#[test]
fn a_list_of_numbers_alone_is_asked_for_its_columns() {
    let bars = bars::bars(20);
    let error = refused(&["doctor", text(&bars.list)]);
    assert!(error.contains("name the numbers to learn, such as the column `size`"), "{error}");
    let error = refused(&["doctor", text(&bars.list), "--target", "age"]);
    assert!(error.contains("has no column [age]"), "{error}");
}

/// What a doctor with the starter's weights doubts: the file, and the label or column.
fn doubted(list: &Path, kind: &str, asked: &[&str]) -> BTreeSet<(String, String)> {
    let starter = support::starter();
    let own = ["doctor", text(list), "--json", "--weights", text(&starter)];
    let lines = objects(&[&own, asked].concat());
    let found = lines.iter().filter(|line| line["kind"] == kind);
    let of = |line: &Value| {
        assert!(line["score"].is_number(), "{line}");
        let name = |key: &str| line[key][0].as_str().unwrap().to_owned();
        (name("files"), name("labels"))
    };
    found.map(of).collect()
}

/// Doodles with what they show and whether it is of the first half of the classes; one of these labels of every twenty-first is
/// given or taken away.
#[test]
fn several_labels_that_were_changed_are_found_a_label_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let classes = Task::Target.doodles();
    let mut list = "path,labels\n".to_owned();
    let mut planted = BTreeSet::new();
    for (place, doodle) in set(Task::Target, 60, 7).into_iter().enumerate() {
        let name = |class: usize| classes[class % classes.len()].name;
        let mut labels = BTreeSet::from([name(doodle.label)]);
        if doodle.label < classes.len() / 2 {
            labels.insert("half");
        }
        let file = format!("{place}.png");
        if place % 21 == 3 {
            let label = match place / 21 % 3 {
                0 => name(doodle.label),
                1 => name(doodle.label + 1),
                _ => "half",
            };
            if !labels.remove(label) {
                labels.insert(label);
            }
            planted.insert((file.clone(), label.to_owned()));
        }
        let size = SIZE as u32;
        let picture = image::RgbImage::from_raw(size, size, doodle.pixels).unwrap();
        picture.save(folder.path().join(&file)).unwrap();
        list += &format!("{file},{}\n", labels.into_iter().collect::<Vec<_>>().join("|"));
    }
    let path = folder.path().join("list.csv");
    fs::write(&path, list).unwrap();
    let found = doubted(&path, "label_error", &[]);
    let right = planted.intersection(&found).count();
    let all = format!("{right} of {} changed labels found, {} doubted", planted.len(), found.len());
    eprintln!("{all}");
    assert!(planted.len() > 20 && 2 * right > planted.len(), "{all}");
}

/// The size of every thirtieth bar is that of a bar at the other end.
#[test]
fn numbers_that_were_changed_are_found() {
    let bars = bars::bars(300);
    let text = fs::read_to_string(&bars.list).unwrap();
    let mut lines = text.lines().map(str::to_owned).collect::<Vec<_>>();
    let mut planted = BTreeSet::new();
    for place in (11..lines.len()).step_by(30) {
        let mut cells: Vec<String> = lines[place].split(',').map(str::to_owned).collect();
        let size: f64 = cells[1].parse().unwrap();
        cells[1] = if size < 18.0 { size + 15.0 } else { size - 15.0 }.to_string();
        planted.insert((cells[0].clone(), "size".to_owned()));
        lines[place] = cells.join(",");
    }
    fs::write(&bars.list, lines.join("\n") + "\n").unwrap();
    let found = doubted(&bars.list, "number_error", &["--target", "size", "--target", "sine"]);
    let right = planted.intersection(&found).count();
    let all =
        format!("{right} of {} changed numbers found, {} doubted", planted.len(), found.len());
    // The starter has never seen a bar.
    assert!(planted.len() == 10 && right >= 9 && found.len() <= 30, "{all}");
}
