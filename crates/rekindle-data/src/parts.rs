//! What the parts of a data set are called, by those who name folders and fill columns.

use crate::Part;

/// Names of the parts, after what [`plain`] leaves of them.
const NAMES: [(Part, &[&str]); 3] = [
    (Part::Train, &["train", "training", "trn", "tr"]),
    (
        Part::Val,
        &[
            "val",
            "valid",
            "validation",
            "validate",
            "dev",
            "devel",
            "development",
            "eval",
            "evaluation",
        ],
    ),
    (Part::Test, &["test", "testing", "tst"]),
];

/// What is often written behind such a name, or before it, and says nothing.
const FILLERS: [&str; 8] =
    ["set", "data", "dataset", "images", "image", "imgs", "pictures", "split"];

/// The part that a name stands for, in any case and spelling: `Train`, `val`, `Validation`, `test_set`, `train2017`.
pub fn part_named(name: &str) -> Option<Part> {
    let plain = plain(name);
    NAMES.iter().find(|(_, names)| names.contains(&plain.as_str())).map(|(part, _)| *part)
}

/// The part that some word of a name stands for: `seg_train`, `flowers-test`.
pub fn part_within(name: &str) -> Option<Part> {
    let words = name.split(|letter: char| !letter.is_alphanumeric());
    let mut parts = words.filter_map(part_named);
    let first = parts.next()?;
    parts.all(|part| part == first).then_some(first)
}

/// Lower case, without marks between words, fillers and a year.
fn plain(name: &str) -> String {
    let lower: String = name
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    let mut rest = lower.as_str();
    let digits = rest.trim_end_matches(|letter: char| letter.is_ascii_digit());
    if rest.len() - digits.len() == 4 {
        rest = digits;
    }
    loop {
        let shorter = FILLERS.iter().find_map(|filler| {
            rest.strip_suffix(filler).or(rest.strip_prefix(filler)).filter(|rest| !rest.is_empty())
        });
        match shorter {
            Some(shorter) => rest = shorter,
            None => return rest.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_known_in_any_usual_spelling() {
        for (part, names) in [
            (
                Part::Train,
                [
                    "train",
                    "Train",
                    "TRAINING",
                    "train_set",
                    "training-data",
                    "train2017",
                    "Training Images",
                ],
            ),
            (Part::Val, ["val", "Val", "valid", "Validation", "dev", "validation_set", "val2017"]),
            (
                Part::Test,
                ["test", "Test", "TESTING", "test set", "images_test", "Test-Data", "tst"],
            ),
        ] {
            for name in names {
                assert_eq!(part_named(name), Some(part), "{name}");
            }
        }
        for name in
            ["trainer", "valley", "tested", "contest", "set", "data", "", "1999", "cat", "devil"]
        {
            assert_eq!(part_named(name), None, "{name}");
        }
        assert_eq!(part_within("seg_train"), Some(Part::Train));
        assert_eq!([part_within("train_test"), part_within("seg_trainer")], [None, None]);
    }
}
