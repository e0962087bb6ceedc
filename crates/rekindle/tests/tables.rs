//! Tables from the command line: columns that are found, learned, saved and predicted by, on tables that are made here and on
//! real ones.
#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use rekindle_skip::real_data;
use serde_json::Value;

#[path = "support/program.rs"]
mod program;

use program::{ends_the_same_when_killed, number, objects, printed, refused, text};

/// The rows, counted from 0, that scikit-learn's `train_test_split(rows, test_size=0.2, random_state=42)` tests on of 1,338.
const INSURANCE: &str = include_str!("support/insurance_test_rows.txt");
/// The same of the 342 penguins that were measured, `stratify=species`; rows of the whole list.
const PENGUINS: &str = include_str!("support/penguins_test_rows.txt");

/// A table of loans: amounts with heavy tails and gaps, yes and no, dates, towns that are rare, notes, and what tells nothing.
fn loans(folder: &Path) -> PathBuf {
    let mut lines =
        vec!["loan_id,amount,owner,since,town,note,same,nothing,paid,size,split".to_owned()];
    for row in 0..720_usize {
        let draw = |by: usize, of: usize| row * by % 1009 % of;
        let amount = (f64::from(u32::try_from(draw(37, 100)).unwrap()) / 12.0).exp();
        let shown = if draw(53, 11) == 0 { "NA".to_owned() } else { format!("{amount:.2}") };
        let owner = ["yes", "no"][draw(29, 2)];
        let (month, day) = (1 + draw(71, 12), 1 + draw(13, 28));
        let town = match row {
            7 => "Nowhere",
            _ => ["Bern", "Basel", "Chur"][draw(101, 3)],
        };
        let note = format!("loan {row} paid in month {month}");
        let paid = amount.ln() + f64::from(u8::from(owner == "yes")) * 2.0
            - if town == "Bern" { 3.0 } else { 0.0 };
        let size = if paid > 3.0 { "large" } else { "small" };
        let split = ["train", "train", "train", "val", "test"][row % 5];
        lines.push(format!(
            "L{row:05},{shown},{owner},2023-{month:02}-{day:02},{town},{note},x,,{paid:.4},{size},{split}"
        ));
    }
    let path = folder.join("loans.csv");
    fs::write(&path, lines.join("\n")).unwrap();
    path
}

fn last(asked: &[&str]) -> Value {
    objects(asked).pop().unwrap()
}

#[test]
fn columns_are_found_and_learned_and_what_was_saved_predicts() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (loans(folder.path()), folder.path().join("run"));
    let asked = ["finetune", "--data", text(&data), "--target", "paid", "--ignore", "size"];
    let said = printed(&[&asked[..], &["--out", text(&out)]].concat());
    for line in [
        "amount: number",
        "tails drawn in",
        "flagged where missing",
        "owner: yes/no",
        "since: date as year-month-day, 4 numbers",
        "town: category of 3 words (Basel, Bern, Chur) and a place for others",
        "note: texts of up to",
        "loan_id: identifier; left out",
        "same: one value alone (x); left out",
        "nothing: nothing but missing values; left out",
        "linear regression:",
    ] {
        assert!(said.contains(line), "no `{line}` in: {said}");
    }
    assert!(!said.contains("size:"), "{said}");
    let again = [&asked[..], &["--out", text(&out), "--overwrite", "--json"]].concat();
    let all = last(&again);
    let linear = number(&all["baselines_val"], "linear regression");
    assert!(number(&all, "best_val_mae") < 0.5 * linear, "{all}");
    assert!(number(&all, "test_mae") < 0.4, "{all}");
    // The report says which columns answers depend on.
    let record = fs::read_to_string(out.join("run.json")).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    let columns = record["columns"]["columns"].as_array().unwrap();
    let shuffled = |name: &str| {
        let column = columns.iter().find(|column| column["name"] == name);
        number(column.unwrap(), "shuffled")
    };
    assert!(shuffled("town") > 2.0 * shuffled("since"), "{columns:?}");
    assert!(shuffled("since") < 2.0 * number(&record["columns"], "whole"), "{columns:?}");
    let towns = columns.iter().find(|column| column["name"] == "town").unwrap();
    assert_eq!(towns["groups"].as_array().unwrap().len(), 3, "{towns}");
    let weights = out.join("best.safetensors");
    let weights = text(&weights);
    let measured = last(&["evaluate", "--weights", weights, "--data", text(&data), "--json"]);
    assert_eq!((&measured["mae"], &measured["rows"]), (&all["test_mae"], &Value::from(144)));
    // Rows stand as in the list; more columns than are known, none of what was learned, and a town that nobody has seen.
    let rows = folder.path().join("rows.csv");
    let head = "more,amount,owner,since,town,note";
    let lines = [
        "1,20.5,yes,2023-01-01,Bern,loan 1 paid in month 1",
        "1,20.5,yes,2023-01-01,Atlantis,loan 1 paid in month 1",
        "1,,no,,,",
    ];
    fs::write(&rows, [head, lines[0], lines[1], lines[2]].join("\n")).unwrap();
    let predict = ["predict", "--weights", weights, "--data", text(&rows), "--json"];
    let found = objects(&predict);
    let names: Vec<&str> = found.iter().map(|row| row["row"].as_str().unwrap()).collect();
    assert_eq!(names, ["rows.csv:2", "rows.csv:3", "rows.csv:4"]);
    let paid = |row: usize| number(&found[row]["numbers"], "paid");
    assert!((paid(0) - (20.5_f64.ln() - 1.0)).abs() < 0.7, "{}", paid(0));
    // Wherever Atlantis is, it is not Bern.
    assert!(paid(1) > paid(0) + 1.0, "{} {}", paid(1), paid(0));
    assert!(paid(2).is_finite());
    // A column that is missing, and a cell that is no number.
    for (lines, named) in [
        ("more,owner,since,town,note\n1,yes,2023-01-01,Bern,x", "has no column `amount`"),
        ("amount,town\n1,Bern", "has no columns `note`, `owner`, `since`"),
        (
            "amount,owner,since,town,note\nmuch,yes,2023-01-01,Bern,x",
            "line 2: column `amount`: `much` is no number",
        ),
        (
            "amount,owner,since,town,note\n1,yes,01.02.2023,Bern,x",
            "`01.02.2023` is no date of the form year-month-day",
        ),
    ] {
        fs::write(&rows, lines).unwrap();
        let problem = refused(&predict[..5]);
        assert!(problem.contains(named), "no `{named}` in: {problem}");
    }
}

#[test]
fn labels_of_a_table_are_learned_by_layers_that_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let data = loans(folder.path());
    for (name, more, least) in [
        ("usual", &[][..], 0.85),
        ("blocks", &["--hidden", "32,32,32", "--residual"], 0.85),
        ("neuron", &["--hidden", "0"], 0.75),
    ] {
        let out = folder.path().join(name);
        let asked = [
            "finetune",
            "--data",
            text(&data),
            "--label",
            "size",
            "--ignore",
            "paid",
            "--ignore",
            "note",
        ];
        let all = last(&[&asked[..], more, &["--out", text(&out), "--json"]].concat());
        assert!(number(&all, "test_accuracy") > least, "{name}: {all}");
        assert!(all["baselines_val"]["logistic regression"].is_f64(), "{all}");
        let weights = out.join("best.safetensors");
        let asked = ["evaluate", "--weights", text(&weights), "--data", text(&data)];
        let measured = last(&[&asked[..], &["--label", "size", "--json"]].concat());
        assert_eq!(measured["accuracy"], all["test_accuracy"], "{name}");
    }
}

#[test]
fn a_run_on_a_table_that_is_killed_ends_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let data = loans(folder.path());
    ends_the_same_when_killed(
        folder.path(),
        &["--data", text(&data), "--target", "paid", "--epochs", "40"],
    );
}

/// Two circles within each other, and two half moons, which no line tells apart.
#[test]
fn circles_and_moons_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let circles = |row: usize, noise: [f64; 2]| {
        let (label, angle) = (row % 2, row as f64 * 0.37);
        let radius = [1.0, 0.8][label];
        (label, [radius * angle.cos() + noise[0], radius * angle.sin() + noise[1]])
    };
    let moons = |row: usize, noise: [f64; 2]| {
        let (label, angle) = (row % 2, (row as f64 * 0.37) % std::f64::consts::PI);
        let point = [[angle.cos(), angle.sin()], [1.0 - angle.cos(), 0.5 - angle.sin()]][label];
        (label, [point[0] + noise[0], point[1] + noise[1]])
    };
    type Shape<'a> = &'a dyn Fn(usize, [f64; 2]) -> (usize, [f64; 2]);
    for (name, shape) in [("circles", &circles as Shape<'_>), ("moons", &moons)] {
        let mut lines = vec!["x,y,label,split".to_owned()];
        for row in 0..1000_usize {
            let noise = [7, 11].map(|by| ((row * by % 101) as f64 / 50.0 - 1.0) * 0.05);
            let (label, [x, y]) = shape(row, noise);
            let split = if row % 10 < 8 { "train" } else { "test" };
            lines.push(format!("{x:.5},{y:.5},{label},{split}"));
        }
        let data = folder.path().join(format!("{name}.csv"));
        fs::write(&data, lines.join("\n")).unwrap();
        let out = folder.path().join(name);
        let all = last(&["finetune", "--data", text(&data), "--out", text(&out), "--json"]);
        assert_eq!(all["test_accuracy"], 1.0, "{name}: {all}");
        let linear = number(&all["baselines_val"], "logistic regression");
        assert!(linear < 0.95, "{name}: {all}");
    }
}

#[test]
fn what_a_table_lacks_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (loans(folder.path()), folder.path().join("run"));
    let asked = |data: &Path, more: &[&str]| {
        let asked = ["finetune", "--data", text(data), "--out", text(&out)];
        refused(&[&asked[..], more].concat())
    };
    for (more, named) in [
        (&["--label", "species"][..], "has no column `species`"),
        (&["--target", "charges"], "has no column [charges]"),
        (&["--target", "paid", "--ignore", "colour"], "has no column `colour`"),
        (&["--target", "paid", "--ignore", "split"], "says the split of each row"),
        (&["--target", "paid", "--ignore", "paid"], "`paid` is learned, and cannot be ignored"),
        (&["--target", "town"], "which is not a number"),
        (&["--target", "paid", "--hidden", "8,4", "--residual"], "layers of one width"),
        (&[], "has no column `label` or `labels`"),
    ] {
        let problem = asked(&data, more);
        assert!(problem.contains(named), "no `{named}` in: {problem}");
    }
    // A number to learn that is none.
    let lines = fs::read_to_string(&data).unwrap();
    let lacking = folder.path().join("lacking.csv");
    let row = lines.lines().nth(3).unwrap();
    let cells: Vec<&str> = row.split(',').collect();
    let with_nan = row.replace(cells[8], "NaN");
    fs::write(&lacking, lines.replace(row, &with_nan)).unwrap();
    let problem = asked(&lacking, &["--target", "paid"]);
    assert!(problem.contains("line 4: column `paid` has `NaN`"), "{problem}");
    // Nothing to learn from.
    let alone = folder.path().join("alone.csv");
    fs::write(&alone, "same,label\nx,a\nx,b\n").unwrap();
    let problem = asked(&alone, &[]);
    assert!(problem.contains("no column to learn from"), "{problem}");
}

/// What is learned is no input, however its name is written; an input may be called as labels are, and columns without a name
/// are left out.
#[test]
fn names_of_columns_are_understood_in_one_way() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = vec!["width,class,Price,,area,split".to_owned()];
    for row in 0..200_usize {
        let (width, class) = (row * 37 % 101, ["first", "second"][row * 29 % 7 % 2]);
        let price = width as f64 * 2.0 + if class == "first" { 40.0 } else { 0.0 };
        let split = if row % 5 == 0 { "val" } else { "train" };
        // One that no number is written as.
        let area = if row == 71 { "1'234".to_owned() } else { (row * 3).to_string() };
        lines.push(format!("{width},{class},{price},{},{area},{split}", row % 17));
    }
    let (data, out) = (folder.path().join("x.csv"), folder.path().join("run"));
    fs::write(&data, lines.join("\n")).unwrap();
    let said =
        printed(&["finetune", "--data", text(&data), "--target", "price ", "--out", text(&out)]);
    assert!(
        said.contains("class: category of 2 words") && said.contains("column 4 has no name"),
        "{said}"
    );
    assert!(said.contains("area: 159 of 160 cells are numbers, but `1'234` is none"), "{said}");
    assert!(!said.contains("Price: number") && !said.contains("price: number"), "{said}");
    // Rows to predict whose `class` is an input, here and there none.
    let new = folder.path().join("new.csv");
    fs::write(&new, "width,class,area\n10,first,1\n20,,2\n30,second,3\n").unwrap();
    let weights = out.join("best.safetensors");
    let rows = objects(&["predict", "--weights", text(&weights), "--data", text(&new), "--json"]);
    assert_eq!(rows.len(), 3, "{rows:?}");
}

/// A list with a column that says which rows are tested on.
fn divided(
    folder: &Path,
    list: &Path,
    rows: &str,
    part: &str,
    keeps: impl Fn(&str) -> bool,
) -> PathBuf {
    let tested: Vec<usize> = rows.split_whitespace().map(|row| row.parse().unwrap()).collect();
    let text = fs::read_to_string(list).unwrap();
    let mut lines = text.lines();
    let mut found = vec![format!("{},split", lines.next().unwrap())];
    for (row, line) in lines.enumerate().filter(|(_, line)| keeps(line)) {
        let part = if tested.contains(&row) { part } else { "train" };
        found.push(format!("{line},{part}"));
    }
    let path = folder.join(format!("{part}.csv"));
    fs::write(&path, found.join("\n")).unwrap();
    path
}

/// On scikit-learn's split: its linear regression to the cent, and a net below the course's best of 3,171.
#[test]
fn insurance_is_learned_better_than_by_a_line() {
    let Some(data) = real_data() else { return };
    let list = data.join("tabular/insurance.csv");
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("run");
    let run = |data: &Path, more: &[&str]| {
        let asked = ["finetune", "--data", text(data), "--target", "charges", "--json"];
        last(&[&asked[..], &["--overwrite", "--out", text(&out)], more].concat())
    };
    let validated = divided(work.path(), &list, INSURANCE, "val", |_| true);
    let all = run(&validated, &["--epochs", "1"]);
    let linear = number(&all["baselines_val"], "linear regression");
    assert!((linear - 4181.1948).abs() < 0.01, "{linear}");
    let tested = divided(work.path(), &list, INSURANCE, "test", |_| true);
    for seed in ["0", "1", "2"] {
        let all = run(&tested, &["--seed", seed, "--split-seed", seed]);
        assert!(number(&all, "test_mae") < 1700.0, "{all}");
    }
}

#[test]
fn penguins_are_told_apart() {
    let Some(data) = real_data() else { return };
    let work = tempfile::tempdir().unwrap();
    let measured = |line: &str| !line.contains(",,,,");
    let list = data.join("tabular/penguins.csv");
    let list = divided(work.path(), &list, PENGUINS, "test", measured);
    let out = work.path().join("run");
    let asked = ["finetune", "--data", text(&list), "--label", "species", "--out", text(&out)];
    let all = last(&[&asked[..], &["--json"]].concat());
    assert_eq!(all["test_accuracy"], 1.0, "{all}");
}
