//! A made-up run on texts.

use rekindle_report::{
    Checkup, CheckupFinding, CheckupGroup, ExampleRecord, Gallery, GuessRecord, ItemKind,
    RunRecord, TextFacts, Thumbnail, WordRecord,
};

/// Where it lies, its label, the answer and how sure it is, and the words with what they had to do with it.
type Row = (&'static str, usize, f64, &'static [(&'static str, f64)]);

const ROWS: [Row; 4] = [
    (
        "line 118",
        0,
        0.97,
        &[
            ("The", 0.01),
            (" crowd", 0.22),
            (" went", 0.0),
            (" wild", 0.35),
            (" and the roof is on ", 0.04),
            ("fire", 1.0),
            ("!!", 0.41),
            (" best night of the ", -0.02),
            ("tour", -0.62),
        ],
    ),
    (
        "line 1304",
        1,
        0.88,
        &[("Water", -0.31), (" is up to the second step now,", -0.02), (" lovely", 0.74)],
    ),
    ("line 77", 0, 0.71, &[("שריפה", 0.6), (" ביער", 0.2), ("\nanother line <b>", 0.0)]),
    ("line 2", 1, 0.6, &[]),
];

/// A run on short texts of two labels.
pub(crate) fn texts(title: &str, seed: u64) -> RunRecord {
    let mut run = super::run(title, 2, seed);
    run.items = ItemKind::Texts;
    run.command =
        "rekindle finetune --data data/reports.csv --text text --label label --out runs/reports"
            .to_owned();
    if let Some(data) = &mut run.data {
        data.folder = "data/reports.csv".to_owned();
        data.preprocessing = "tokens of tokenizer.json, lower case".to_owned();
        data.texts =
            Some(TextFacts { tokens: [18, 31, 74], max_tokens: 64, cut: 0.0021, unknown: 0.0004 });
    }
    if let Some(weights) = &mut run.weights {
        weights.name = "all-MiniLM-L6-v2".to_owned();
        weights.origin = "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2".to_owned();
        weights.caution.clear();
    }
    let gallery = |title: &str, text: &str, rows: &[Row]| Gallery {
        title: title.to_owned(),
        text: text.to_owned(),
        pictures: rows.iter().map(example).collect(),
    };
    run.galleries = vec![
        gallery("Most wrong", "Wrongly predicted, the highest loss first.", &ROWS[..2]),
        gallery("Most uncertain", "The first two answers are about as likely.", &ROWS[2..]),
    ];
    run.checkup = Some(checkup());
    run.notes = vec!["3 of 300 rows have no text and were left out".to_owned()];
    run
}

fn example((file, label, sure, words): &Row) -> ExampleRecord {
    let names = ["cat", "dog"];
    let guess = |class: usize, probability| GuessRecord {
        class: names[class].to_owned(),
        probability,
        verdict: None,
    };
    let word =
        |(text, weight): &(&str, f64)| WordRecord { text: (*text).to_owned(), weight: *weight };
    ExampleRecord {
        file: (*file).to_owned(),
        label: names[*label].to_owned(),
        guesses: vec![guess(1 - label, *sure), guess(*label, 1.0 - sure)],
        words: words.iter().map(word).collect(),
        ..ExampleRecord::default()
    }
}

fn checkup() -> Checkup {
    let shown = |file: &str, text: &str| Thumbnail {
        file: file.to_owned(),
        label: "cat".to_owned(),
        text: text.to_owned(),
        ..Thumbnail::default()
    };
    let finding =
        |text: &str, pictures| CheckupFinding { text: text.to_owned(), pictures, more: 0 };
    let group = |title: &str, severity: &str, findings| CheckupGroup {
        title: title.to_owned(),
        severity: severity.to_owned(),
        findings,
        more: 0,
    };
    let leak =
        vec![shown("line 4", "Smoke over the hill"), shown("line 90", "smoke over the hill!")];
    Checkup {
        items: ItemKind::Texts,
        lead: "300 texts, 2 labels: 1 error, 1 warning.".to_owned(),
        groups: vec![
            group(
                "One text in two parts of the data",
                "error",
                vec![finding("nearly equal", leak)],
            ),
            group("Empty texts", "warning", vec![finding("no letter", vec![shown("line 7", "")])]),
        ],
        ..Checkup::default()
    }
}
