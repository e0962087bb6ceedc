//! Runs whose answers are several labels or numbers, and runs of older versions.

use rekindle_report::{
    ColumnRecord, ColumnsRecord, GroupRecord, MetricUnit, Results, RunRecord, compare, html,
};
use serde_json::{Value, json};

use crate::{check, sample};

fn has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "no `{part}` in {page}");
    }
}

#[test]
fn every_kind_of_answers_is_kept_and_shown() {
    for (run, parts) in [
        (
            sample::run("Pets", 2, 1),
            vec![
                "of 60 validation pictures right",
                "temperature of 1.37, which these pictures chose: calibration error 8.9% before, 4.1% after; log loss 0.2212 \
                 before, 0.1834 after.",
            ],
        ),
        (
            sample::multi_label("Photos", 5, 1),
            vec![
                "A mean average precision of <strong>",
                "where always giving no label reaches 33%",
                "on 80 validation pictures",
                "<dt>F1 (macro)</dt>",
                "<dt>Exact match</dt>",
                "<th scope=\"col\">Threshold</th>",
                "61% before, where each was 0.5",
                "aria-label=\"mAP by epoch",
                "300 to train on, 80 to validate on",
                "has <b>cat, rabbit</b><em class=\"wrong\">wrong</em>",
                "<b>cat</b> <em class=\"wrong\">missed</em>",
                "dog <em class=\"wrong\">wrongly given</em>",
                "<b>rabbit</b> ✓",
            ],
        ),
        (
            sample::regression("Photos", 1),
            vec![
                "A mean absolute error of <strong>",
                "where always the mean (50.1, 1.512) reaches 8.13",
                "<dt>RMSE</dt>",
                "size: predicted against true",
                "weight in kg: residuals",
                "<th scope=\"row\">mean</th>",
                "aria-label=\"MAE by epoch",
                "<span>size</span><span><b>",
                "with a validation mean absolute error of",
            ],
        ),
    ] {
        assert_eq!(run.problems(), Vec::<String>::new());
        let record = serde_json::to_string(&run).unwrap();
        let again: RunRecord = serde_json::from_str(&record).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), record);
        let page = html(&again);
        check::whole(&page);
        has(&page, &parts);
        assert!(!page.contains(">NaN") && !page.contains(" NaN"));
    }
}

/// What versions wrote that knew only one label.
#[test]
fn an_older_record_is_read_and_compared() {
    let old = json!({
        "set": "validation",
        "pictures": 4,
        "accuracy": { "value": 0.75, "low": 0.3, "high": 0.95, "level": 0.95 },
        "baselines": [{ "name": "the most frequent label (ant)", "accuracy": 0.5 }],
        "log_loss": 0.4,
        "auroc": null,
        "calibration": {
            "error": 0.1,
            "bins": [
                { "count": 4, "confidence": 0.85, "accuracy": 0.75 },
                { "count": 0, "confidence": null, "accuracy": null },
            ],
        },
        "classes": [
            { "name": "ant", "support": 2, "precision": 1.0, "recall": 0.5, "f1": 0.6667 },
            { "name": "bee", "support": 2, "precision": 0.6667, "recall": 1.0, "f1": 0.8 },
        ],
        "confusion": [[1, 1], [0, 2]],
    });
    let mut record = serde_json::to_value(sample::run("Pets", 2, 1)).unwrap();
    record["evaluations"] = json!([old]);
    let run: RunRecord = serde_json::from_value(record.clone()).unwrap();
    assert_eq!(run.problems(), Vec::<String>::new());
    let sentence = "<strong>75%</strong> of 4 validation pictures right <span class=\"keep\">(30–95%)</span>, where the most \
                    frequent label (ant) is right for 50%.";
    has(&html(&run), &[sentence]);
    has(&compare(&[run.clone(), sample::run("Pets", 2, 2)]), &["75% (30–95%)", "The best is"]);
    // One label is still kept where it was.
    let written = serde_json::to_value(&run).unwrap();
    for key in ["set", "pictures", "accuracy", "log_loss", "classes", "confusion"] {
        assert_eq!(written["evaluations"][0][key], old[key], "{key}");
    }

    let spoil = |change: fn(&mut Value)| {
        let mut record = record.clone();
        change(&mut record["evaluations"][0]);
        serde_json::from_value::<RunRecord>(record).unwrap_err().to_string()
    };
    let one_of = "one of `accuracy`, `multi_label` and `regression`";
    for (error, part) in [
        (spoil(|it| _ = it.as_object_mut().unwrap().remove("accuracy")), one_of),
        (
            spoil(|it| {
                it["regression"] = json!({ "targets": [], "average": {
                    "mae": it["accuracy"], "rmse": it["accuracy"], "r2": it["accuracy"], "mape": it["accuracy"] } });
            }),
            one_of,
        ),
        (spoil(|it| it["anything"] = json!(1)), "unknown field `anything`"),
    ] {
        assert!(error.contains(part), "no `{part}` in {error}");
    }
}

#[test]
fn runs_of_any_kind_are_compared_by_their_own_metric() {
    let mut runs = [1, 2, 3].map(|seed| sample::regression(&format!("sizes {seed}"), seed));
    for (run, value) in runs.iter_mut().zip([3.0, 2.0, 2.5]) {
        let Results::Regression(found) = &mut run.evaluations[0].results else { panic!() };
        let mae = &mut found.average.mae;
        (mae.value, mae.low, mae.high) = (value, value - 0.1, value + 0.1);
    }
    let page = compare(&runs);
    check::whole(&page);
    has(
        &page,
        &[
            "The best is <strong>sizes 2</strong>: a mean absolute error of <strong>2</strong> on 80",
            "<th scope=\"col\">MAE</th>",
            "2.5 (2.4–2.6)",
            "Validation mean absolute error",
        ],
    );
    assert!(!page.contains("overlap") && !page.contains("Accuracy"), "{page}");

    let labels = [1, 2].map(|seed| sample::multi_label(&format!("photos {seed}"), 5, seed));
    let page = compare(&labels);
    check::whole(&page);
    has(&page, &["<th scope=\"col\">mAP</th>", "The best is <strong>photos"]);

    let [one, _] = labels;
    let page = compare(&[one, runs[0].clone(), sample::run("Pets", 2, 1)]);
    check::whole(&page);
    has(
        &page,
        &[
            "answer different questions",
            "<th scope=\"col\">mAP</th>",
            "<th scope=\"col\">MAE</th>",
            "<th scope=\"col\">Accuracy</th>",
        ],
    );
    assert!(!page.contains("class=\"badge\"") && !page.contains("The best is"));
    assert!(!page.contains("Validation loss"), "losses of different kinds on one axis");
}

#[test]
fn an_error_in_percent_of_zero_is_not_shown() {
    let mut run = sample::regression("Photos", 1);
    assert!(html(&run).contains("<dt>MAPE</dt>"));
    let Results::Regression(found) = &mut run.evaluations[0].results else { panic!() };
    let errors = found.targets.iter_mut().map(|target| &mut target.errors);
    for errors in errors.chain([&mut found.average]) {
        (errors.mape.value, errors.mape.high) = (7.7e14, 1.3e15);
    }
    let page = html(&run);
    check::whole(&page);
    assert!(!page.contains("<dt>MAPE</dt>") && !page.contains("7700000"), "{page}");

    // Where every true value is zero there is none, in JSON too, and the page says why.
    let Results::Regression(found) = &mut run.evaluations[0].results else { panic!() };
    for errors in found.targets.iter_mut().map(|it| &mut it.errors).chain([&mut found.average]) {
        errors.mape.value = f64::NAN;
        (errors.mape.low, errors.mape.high, errors.zeros) = (f64::NAN, f64::NAN, 80);
    }
    let text = serde_json::to_string(&run).unwrap();
    assert!(text.contains("\"mape\":{\"value\":null,\"low\":null,\"high\":null"), "{text}");
    let run: RunRecord = serde_json::from_str(&text).unwrap();
    let page = html(&run);
    check::whole(&page);
    has(&page, &["MAPE leaves out", "80 true values of 0"]);
    assert!(!page.contains("NaN") && !page.contains("<dt>MAPE</dt>"), "{page}");
    has(&page, &["<td>–</td>"]);
}

#[test]
fn a_record_of_other_answers_that_contradicts_itself_says_so() {
    let mut labels = sample::multi_label("Photos", 5, 1);
    labels.evaluations[0].pictures = 79;
    let Results::MultiLabel(found) = &mut labels.evaluations[0].results else { panic!() };
    found.labels.pop();
    found.scores.map.value = 1.5;
    found.scores.labels[0].scores.support = 99;
    let mut numbers = sample::regression("Photos", 1);
    numbers.evaluations[0].pictures = 10;
    let Results::Regression(found) = &mut numbers.evaluations[0].results else { panic!() };
    found.targets[0].errors.mae.value = 1e9;
    for (run, parts) in [
        (
            &labels,
            vec!["4 labels, but scores of 5", "80 measured", "99 have cat", "1.5 is no share"],
        ),
        (&numbers, vec!["80 values of size", "the MAE of size is above its RMSE"]),
    ] {
        let problems = run.problems().join("\n");
        parts.iter().for_each(|part| assert!(problems.contains(part), "no `{part}` in {problems}"));
        let page = html(run);
        check::whole(&page);
        has(&page, &["The record contradicts itself"]);
    }
}

#[test]
fn columns_are_shown_by_what_they_are_worth() {
    let column = |name: &str, shuffled: f64| ColumnRecord {
        name: name.to_owned(),
        shuffled,
        groups: vec![GroupRecord { name: "18 to <27>".to_owned(), rows: 1500, value: 0.75 }],
    };
    let columns = ColumnsRecord {
        metric: "accuracy".to_owned(),
        unit: MetricUnit::Share,
        rows: 2000,
        whole: 0.9,
        // The second is worth more, the third nothing.
        columns: vec![column("age", 0.8), column("smoker & co", 0.5), column("region", 0.91)],
    };
    let run = RunRecord { columns: Some(columns), ..sample::run("Rows", 2, 1) };
    let text = serde_json::to_string(&run).unwrap();
    assert!(serde_json::from_str::<RunRecord>(&text).unwrap().columns == run.columns);
    let page = html(&run);
    has(
        &page,
        &[
            "Permutation importance, in accuracy",
            "among 2\u{202f}000 validation rows; 90% as they are",
            "smoker &amp; co 0.4; age 0.1; region 0",
            "<th scope=\"row\">age: 18 to &lt;27&gt;</th><td>1\u{202f}500</td><td>75%</td>",
        ],
    );
    check::whole(&page);
    assert!(!html(&sample::run("Rows", 2, 1)).contains("Permutation"));
}
