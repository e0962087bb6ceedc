//! Pages of made-up runs: whole, safe whatever the labels, and silent about what there is not.

use base64::{Engine, engine::general_purpose::STANDARD};
use rekindle_report::chart::{
    Axis, AxisScale, Band, BarChart, BarRow, IntervalChart, LineChart, Mark, ReliabilityChart,
    Series, bar_chart, interval_chart, line_chart, reliability_chart,
};
use rekindle_report::{
    Better, Checkup, CheckupFinding, CheckupGroup, GroupRate, History, MetricUnit, Monitored,
    Results, RunRecord, SingleLabelResults, Thumbnail, checkup, compare, forecasts, html,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

mod check;
mod forecast;
#[path = "../sample/mod.rs"]
mod sample;
mod tasks;
mod texts;

/// What was measured first, of a run with one label a picture.
fn single(run: &mut RunRecord) -> &mut SingleLabelResults {
    match &mut run.evaluations[0].results {
        Results::SingleLabel(found) => found,
        other => panic!("{other:?}"),
    }
}

fn runs(count: u64) -> Vec<RunRecord> {
    (1..=count).map(|seed| sample::run(&format!("pets {seed}"), 10, seed)).collect()
}

#[test]
fn pages_are_whole() {
    for classes in [2, 10, 100] {
        check::whole(&html(&sample::run("Pets", classes, 1)));
    }
    for count in [0, 1, 2, 20] {
        check::whole(&compare(&runs(count)));
    }
}

#[test]
fn the_first_sentence_is_the_result() {
    let page = html(&sample::run("Pets", 2, 1));
    let sentence = "<strong>98.3%</strong> of 60 validation pictures right <span class=\"keep\">(91–100%)\
                    </span>, where the most frequent label is right for 50%.";
    assert!(page.contains(sentence));
    for part in ["head", "upper", "rekindle finetune", "resnet18.a1_in1k", "Apache-2.0", "❄"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.contains("1. head<small>epochs 1–4</small>"));
    assert!(
        page.contains("1\u{202f}026<small>0.01%</small>"),
        "the share that the first phase trains"
    );
}

#[test]
fn pictures_are_most_of_a_page() {
    let run = sample::run("Pets", 2, 1);
    let pictures = run.galleries.iter().flat_map(|gallery| &gallery.pictures);
    let shown: usize = pictures.map(|picture| picture.image.len() + picture.overlay.len()).sum();
    let groups = run.checkup.iter().flat_map(|checkup| &checkup.groups);
    let found = groups.flat_map(|group| &group.findings).flat_map(|finding| &finding.pictures);
    let bytes = shown + found.map(|thumbnail| thumbnail.image.len()).sum::<usize>();
    let size = html(&run).len();
    assert!(size < bytes * 4 / 3 + 70_000, "{size} bytes, {bytes} of them pictures");
    let many = html(&sample::run("Pets", 100, 1)).len();
    assert!(many < bytes * 4 / 3 + 400_000, "{many} bytes for a hundred classes");
}

/// A name that is no name.
const HOSTILE: &str = "</title></script><script>alert(1)</script>\"><img src=x onerror='alert(1)'> & <b> \u{202e}猫\0";

/// Panics if it was taken for anything but one.
fn refuse_markup(page: &str) {
    for part in ["<script>alert", "<img src=x", "\u{202e}", "\0", "</title></script>"] {
        assert!(!page.contains(part), "{part}");
    }
    assert!(page.contains("&lt;b&gt; \u{fffd}猫"));
}

#[test]
fn no_label_becomes_markup() {
    for (run, least) in [
        (sample::run("Pets", 10, 1), 200),
        (sample::multi_label("Photos", 10, 1), 120),
        (sample::regression("Photos", 1), 100),
        (sample::texts("Reports", 1), 90),
    ] {
        let mut record = serde_json::to_value(run).unwrap();
        let changed = spoil(&mut record, HOSTILE);
        assert!(changed > least, "{changed}");
        let run: RunRecord = serde_json::from_value(record).unwrap();
        for page in [html(&run), compare(&[run.clone(), run])] {
            check::whole(&page);
            refuse_markup(&page);
        }
    }
}

/// Puts the text in front of every text that is not one of a few words, or a picture.
fn spoil(value: &mut Value, text: &str) -> usize {
    const KEPT: [&str; 7] = ["items", "image", "overlay", "state", "better", "unit", "verdict"];
    match value {
        Value::String(old) => {
            old.insert_str(0, text);
            1
        }
        Value::Array(values) => values.iter_mut().map(|value| spoil(value, text)).sum(),
        Value::Object(fields) => {
            let fields = fields.iter_mut().filter(|(name, _)| !KEPT.contains(&name.as_str()));
            fields.map(|(_, value)| spoil(value, text)).sum()
        }
        _ => 0,
    }
}

/// Nothing runs and nothing is applied but the script and the style of ours, byte for byte.
#[test]
fn the_policy_names_what_the_page_holds() {
    let between = |page: &str, from: &str, to: &str| -> String {
        let start = page.find(from).unwrap() + from.len();
        page[start..start + page[start..].find(to).unwrap()].to_owned()
    };
    let run = sample::run("Pets", 10, 1);
    let found = run.checkup.clone().unwrap();
    let pages = [
        html(&run),
        html(&sample::multi_label("Photos", 10, 1)),
        html(&sample::regression("Photos", 1)),
        html(&sample::texts("Reports", 1)),
        compare(&runs(3)),
        checkup(&found),
        forecasts(&sample::forecast("")),
    ];
    for page in pages {
        let hash = |tag: &str| {
            let text = between(&page, &format!("<{tag}>"), &format!("</{tag}>"));
            STANDARD.encode(Sha256::digest(text))
        };
        let policy = between(&page, "Content-Security-Policy\" content=\"", "\"");
        let (style, script) = (hash("style"), hash("script"));
        let parts: Vec<&str> = policy.split("; ").collect();
        let expected = [
            "default-src 'none'",
            "img-src data:",
            &format!("style-src 'sha256-{style}'"),
            &format!("script-src 'sha256-{script}'"),
            "base-uri 'none'",
            "form-action 'none'",
        ];
        assert_eq!(parts, expected);
        // Which the policy would not let pass.
        let body = &page[page.find("<body>").unwrap()..];
        assert!(!body.contains(" style=\"") && !body.contains("<style"));
    }
}

#[test]
fn an_address_that_runs_code_is_no_link() {
    for origin in ["javascript:alert(1)", "data:text/html,x", "https://a b", "http://a.example/"] {
        let mut run = sample::run("Pets", 2, 1);
        run.weights.as_mut().unwrap().origin = origin.to_owned();
        assert!(!html(&run).contains("<a href=\"h"), "{origin}");
    }
    assert!(html(&sample::run("Pets", 2, 1)).contains("<a href=\"https://"));
}

#[test]
fn what_is_missing_leaves_nothing_behind() {
    type Remove = fn(&mut RunRecord);
    let parts: [(&str, Remove); 8] = [
        ("training", |run| run.history = None),
        ("evaluation-0", |run| run.evaluations.clear()),
        ("pictures", |run| run.galleries.clear()),
        ("plan", |run| run.plan = None),
        ("data", |run| run.data = None),
        ("checkup", |run| run.checkup = None),
        ("weights", |run| run.weights = None),
        ("notes", |run| run.notes.clear()),
    ];
    let whole = sample::run("Pets", 2, 1);
    for (id, remove) in parts {
        let mut run = whole.clone();
        remove(&mut run);
        let page = html(&run);
        check::whole(&page);
        for (other, _) in parts {
            let there = page.contains(&format!("<section id=\"{other}\""));
            assert_eq!(there, other != id, "{other} without {id}");
        }
        check::whole(&compare(&[run.clone(), whole.clone(), run]));
    }
    let bare = html(&RunRecord { title: "bare".to_owned(), ..RunRecord::default() });
    check::whole(&bare);
    assert!(!bare.contains("<section") && !bare.contains("<nav") && !bare.contains("lead\""));
}

#[test]
fn a_run_that_watches_its_loss_shows_another_metric_too() {
    let mut run = sample::run("Pets", 2, 1);
    let history = run.history.as_mut().unwrap();
    history.monitored =
        Monitored { name: "loss".to_owned(), better: Better::Lower, unit: MetricUnit::Number };
    let page = html(&run);
    assert!(
        page.contains("aria-label=\"Loss by epoch")
            && page.contains("aria-label=\"Accuracy by epoch")
    );
    assert!(page.contains("with a validation loss of"));
}

#[test]
fn a_thousand_classes_have_no_table_but_a_list() {
    let mut run = sample::run("Pets", 2, 1);
    let evaluation = single(&mut run);
    evaluation.classes.clear();
    evaluation.confusion = vec![vec![0; 1000]; 1000];
    evaluation.confusion[7][9] = 60;
    let page = html(&run);
    check::whole(&page);
    assert!(page.contains("class 8<small>taken for class 10</small>"));
    assert!(page.contains("A table of 1\u{202f}000 classes") && page.len() < 400_000);
}

#[test]
fn empty_parts_leave_nothing_behind_either() {
    let mut run = sample::run("Pets", 2, 1);
    let found = single(&mut run);
    found.classes.clear();
    found.confusion.clear();
    found.calibration = None;
    run.history = Some(History::default());
    run.galleries[0].pictures.clear();
    run.galleries.truncate(1);
    let page = html(&run);
    check::whole(&page);
    for id in ["training", "evaluation-0", "pictures"] {
        assert!(!page.contains(&format!("id=\"{id}\"")), "{id}");
    }
}

#[test]
fn values_that_are_no_number_break_no_chart() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
        // None, one, all but one, all: each leaves another shape of curve.
        for spoiled in [vec![], vec![5], (1..12).collect(), (0..12).collect::<Vec<usize>>()] {
            let mut run = sample::run("Pets", 2, 1);
            let epochs = &mut run.history.as_mut().unwrap().epochs;
            for place in &spoiled {
                let epoch = &mut epochs[*place];
                epoch.train.iter_mut().chain(&mut epoch.validation).for_each(|it| it.value = value);
                epoch.rates.push(GroupRate { group: "odd".to_owned(), rate: value });
                epoch.seconds = value;
            }
            // Pictures may spell anything.
            run.galleries.clear();
            let accuracy = single(&mut run);
            (accuracy.accuracy.low, accuracy.log_loss) = (value, Some(value));
            accuracy.calibration.as_mut().unwrap().bins[9].confidence = value;
            let page = html(&run);
            check::whole(&page);
            check::whole(&compare(&[run.clone(), run]));
            assert!(!page.contains("NaN") && !page.contains(">inf"), "{value} {spoiled:?}");
            assert_eq!(
                page.contains("nothing to draw"),
                spoiled.len() == 12,
                "{value} {spoiled:?}"
            );
        }
    }
}

#[test]
fn a_record_that_contradicts_itself_is_shown_and_says_so() {
    let mut run = sample::run("Pets", 10, 1);
    assert_eq!(run.problems(), Vec::<String>::new());
    run.history.as_mut().unwrap().best = Some(99);
    run.history.as_mut().unwrap().epochs.swap(2, 3);
    let evaluation = single(&mut run);
    evaluation.confusion[3].truncate(4);
    evaluation.confusion.pop();
    evaluation.accuracy.low = 0.999;
    evaluation.classes[0].scores.support += 1;
    evaluation.calibration.as_mut().unwrap().bins[9].examples = usize::MAX;
    let problems = run.problems().join("\n");
    for part in [
        "not in order: [1, 2, 4, 3",
        "the best epoch, 99",
        "not square",
        "10 classes, but 9 rows",
        "is not in [0.999",
        "in the confusion matrix",
        "in the classes",
        "in the calibration",
    ] {
        assert!(problems.contains(part), "no `{part}` in {problems}");
    }
    let page = html(&run);
    check::whole(&page);
    assert!(page.contains("The record contradicts itself") && page.contains("the best epoch, 99"));
    assert!(compare(&[run.clone(), run]).contains("The record contradicts itself"));
}

#[test]
fn charts_stand_alone() {
    let axis = |scale| Axis { label: "pictures".to_owned(), scale, ..Axis::default() };
    let line = |count: u32| {
        let points = (0..count).map(|step| (10_f64.powi(step as i32 % 7 - 3), f64::from(step)));
        Series { name: "error <b>".to_owned(), points: points.collect(), style: 3 }
    };
    for scale in [AxisScale::Linear, AxisScale::Whole, AxisScale::Log] {
        for count in [0, 1, 2, 1000] {
            let series = vec![line(count), Series::default(), line(1)];
            let bands = vec![Band { label: "a <i>".to_owned(), from: -1.0, to: 1e9 }];
            let marks = vec![Mark { label: "&".to_owned(), at: 10.0 }];
            let (x, y) = (axis(scale), axis(scale));
            let chart = LineChart { x, y, series, bands, marks, ..LineChart::default() };
            let drawn = line_chart(&chart);
            let names: Vec<String> = check::tags(&drawn).into_iter().map(|tag| tag.name).collect();
            assert_eq!(names[0], "svg");
            let curve = names.iter().any(|name| name == "path");
            assert!(curve || count < 2, "{scale:?} {count}: {names:?}");
        }
    }
    let row =
        |label: &str, values: &[f64]| BarRow { label: label.to_owned(), values: values.to_vec() };
    let rows = vec![row("a <b>", &[3.0, f64::NAN]), row("none", &[]), row("less", &[-1.0, 1e300])];
    check::tags(&bar_chart(&BarChart { rows, ..BarChart::default() }));
    check::tags(&bar_chart(&BarChart::default()));
    check::tags(&interval_chart(&IntervalChart::default()));
    check::tags(&reliability_chart(&ReliabilityChart::default()));
}

#[test]
fn the_best_of_the_runs_is_marked_once() {
    let badge = "<span class=\"badge\">best</span>";
    let check = |runs: &[RunRecord], expected: &str| {
        let page = compare(runs);
        let marked: Vec<&str> = page.lines().filter(|line| line.contains(badge)).collect();
        let [row] = marked[..] else { panic!("{} marked", marked.len()) };
        assert!(row.contains(&format!("{expected}{badge}")), "{row}");
        assert!(page.contains(&format!("The best is <strong>{expected}</strong>")));
    };
    let mut runs = runs(3);
    for (run, accuracy) in runs.iter_mut().zip([0.8, 0.9, 0.9]) {
        let estimate = &mut single(run).accuracy;
        (estimate.value, estimate.low, estimate.high) =
            (accuracy, accuracy - 0.02, accuracy + 0.02);
    }
    check(&runs, "pets 2");
    assert!(compare(&runs).contains("The interval of one other run overlaps"));
    single(&mut runs[2]).log_loss = Some(0.01);
    check(&runs, "pets 3");
    single(&mut runs[2]).accuracy.value = f64::NAN;
    check(&runs, "pets 2");
    assert!(!compare(&runs[..1]).contains(badge), "of one there is no best");

    for (run, accuracy) in runs.iter_mut().zip([0.8, 0.7, 0.6]) {
        run.evaluations.clear();
        run.history.as_mut().unwrap().epochs[10].validation[1].value = accuracy;
    }
    check(&runs, "pets 1");
}

#[test]
fn differences_and_what_is_the_same_are_told_apart() {
    let mut runs = runs(2);
    runs[1].weights.as_mut().unwrap().name = "resnet50.a1_in1k".to_owned();
    runs[1].title = "pets 1".to_owned();
    let page = compare(&runs);
    assert!(
        page.contains("<th scope=\"col\">Weights</th>")
            && page.contains("<th scope=\"col\">Seed</th>")
    );
    assert!(
        !page.contains("<th scope=\"col\">Burn</th>")
            && page.contains("<dt>Burn</dt><dd>0.22.1</dd>")
    );
    assert!(page.contains("pets 1 (1)") && page.contains("pets 1 (2)"), "equal titles get numbers");
    let caution = "not all runs were measured on the same pictures";
    assert!(!page.contains(caution));
    runs[1].evaluations[0].pictures += 1;
    assert!(compare(&runs).contains(caution));
}

#[test]
fn a_run_says_what_the_doctor_found() {
    let run = sample::run("Pets", 10, 1);
    let page = html(&run);
    let section = page.split("<section id=\"checkup\"").nth(1).unwrap();
    let section = section.split("</section>").next().unwrap();
    for part in [
        "300 pictures, 10 labels: 1 error, 5 warnings.",
        "<summary>One picture in two parts of the data (1 error)</summary>",
        "<p>the same bytes 2 times, in train and val; keep it in val alone</p>",
        "validation/cat/IMG_0030.jpg",
        "<summary>Tiny pictures (5 warnings)</summary>",
        "and 3 more",
    ] {
        assert!(section.contains(part), "{part}");
    }
    assert_eq!(section.matches("<img src=\"data:image/png").count(), 4);
    // The record keeps them, and reads those that had none.
    let mut record = serde_json::to_value(&run).unwrap();
    assert_eq!(serde_json::from_value::<RunRecord>(record.clone()).unwrap().checkup, run.checkup);
    record.as_object_mut().unwrap().remove("checkup");
    assert_eq!(serde_json::from_value::<RunRecord>(record).unwrap().checkup, None);
}

#[test]
fn a_checkup_shows_what_it_found_and_no_markup_of_names() {
    const HOSTILE: &str = "</p><script>alert(1)</script>\"'>.png";
    let name = || HOSTILE.to_owned();
    let shown = |image: &[u8]| Thumbnail {
        file: name(),
        label: name(),
        image: image.to_vec(),
        ..Thumbnail::default()
    };
    let finding = |more| CheckupFinding {
        text: name(),
        pictures: vec![shown(b"GIF89a"), shown(b"<svg>"), Thumbnail::default()],
        more,
    };
    let group = |severity: &str, more| CheckupGroup {
        title: name(),
        severity: severity.to_owned(),
        findings: vec![finding(0), finding(3)],
        more,
    };
    let data = sample::run("Pets", 10, 1).data.map(Box::new);
    let mut single = group("warning", 0);
    single.findings.iter_mut().for_each(|it| it.pictures.truncate(1));
    single.findings.truncate(1);
    let groups = vec![group("error", 0), group("note", 7), single, CheckupGroup::default()];
    let page =
        checkup(&Checkup { title: name(), lead: name(), data, groups, ..Checkup::default() });
    check::whole(&page);
    assert!(!page.contains("<script>alert"));
    for part in
        ["(2 errors)", "(9 notes)", "(1 warning)", "and 3 more", "and 7 more", "cannot be shown"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("data:image/gif").count(), 5);
    check::whole(&checkup(&Checkup::default()));
}
