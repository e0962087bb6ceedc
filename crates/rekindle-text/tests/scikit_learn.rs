//! Baselines against scikit-learn's, whose answers `reference/logistic.py` wrote down.

use rekindle_text::{BaselineKind, Baselines, Sample, Text};
use serde_json::Value;

/// Probabilities within 1e-3 of the optimum that scikit-learn's solver finds with a tolerance of 1e-10; ours are closer.
#[test]
fn probabilities_are_scikit_learns() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("reference/logistic.json")).unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let classes = case["classes"].as_u64().unwrap() as usize;
        let sample = |row: &Value| {
            let text = Text::from(row[0].as_str().unwrap());
            Sample::new(text, row[1].as_u64().unwrap() as usize)
        };
        let train: Vec<Sample> = case["train"].as_array().unwrap().iter().map(sample).collect();
        let learned = Baselines::learn(&train, classes);
        assert!(learned.notes.is_empty());
        for (kind, key, tolerance) in [
            (BaselineKind::NaiveBayes, "bayes", 1e-5),
            (BaselineKind::LogisticRegression, "logistic", 1e-4),
        ] {
            let baseline = learned.all.iter().find(|baseline| baseline.kind() == kind).unwrap();
            let texts = case["val"].as_array().unwrap().iter();
            let rows = case[key].as_array().unwrap();
            assert_eq!(rows.len(), 20);
            for (text, row) in texts.zip(rows) {
                let found = baseline.probabilities(&Text::from(text.as_str().unwrap()));
                let expected = row.as_array().unwrap().iter().map(|it| it.as_f64().unwrap());
                assert_eq!(found.len(), classes);
                for (found, expected) in found.iter().zip(expected) {
                    let off = (found - expected).abs();
                    assert!(off < tolerance, "{key} of {classes}, {text}: {found} {expected}");
                }
            }
        }
    }
}
