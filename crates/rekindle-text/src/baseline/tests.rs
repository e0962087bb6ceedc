use super::*;

fn samples(rows: &[(&str, usize)]) -> Vec<Sample<usize>> {
    rows.iter().map(|&(text, label)| Sample::new(text.into(), label)).collect()
}

const TEXTS: [(&str, usize); 6] = [
    ("fire in the forest", 0),
    ("forest fire near the lake", 0),
    ("a calm lake at noon", 1),
    ("noon tea and cake", 1),
    ("cake for the queen", 1),
    ("the lake is calm", 2),
];

#[test]
fn limits_are_told() {
    let train = samples(&TEXTS);
    for (texts, weights, expected) in [
        (6, 1000, &[][..]),
        (4, 1000, &["baselines learn from 4 of 6 texts, drawn by chance: the limit"]),
        (
            6,
            9,
            &["baselines know the 3 most frequent of 15 words: the limit is 9 words times labels"],
        ),
    ] {
        let found = Baselines::learn_at_most(&train, 3, texts, weights);
        assert_eq!(found.notes, expected);
        assert_eq!(found.all.len(), 3);
        assert_eq!(found.measure(&train).len(), 3);
    }
}

#[test]
fn the_most_frequent_label_is_the_answer_without_words() {
    let scores = TextBaseline::all(&samples(&TEXTS), &samples(&TEXTS), 3);
    assert_eq!((scores[0].right, scores[0].texts), (3, 6));
    assert_eq!(scores[0].to_string(), "most frequent label 50.00%");
    // No word of these is known, so that shares decide.
    for baseline in Baselines::learn(&samples(&TEXTS), 3).all {
        assert_eq!(baseline.predict(&"zebra".into()), 1, "{:?}", baseline.kind());
        let sum: f64 = baseline.probabilities(&"fire".into()).iter().sum();
        assert!((sum - 1.0).abs() < 1e-9, "{:?}: {sum}", baseline.kind());
    }
}

/// Nothing to learn from, nothing in it, and a label that nothing shows: an answer, and no panic.
#[test]
fn what_is_missing_is_survived() {
    for rows in [&[][..], &[("", 0)], &[("", 0), ("", 1)], &[("ant", 2)], &TEXTS] {
        for classes in [3, 7] {
            let found = Baselines::learn(&samples(rows), classes);
            for baseline in &found.all {
                assert!(baseline.predict(&"the forest".into()) < classes);
            }
        }
    }
}

/// A pair's words are counted together.
#[test]
fn a_pair_is_one_bag() {
    let found = Baselines::learn(&samples(&TEXTS), 3);
    let pair = Text { pair: Some("near the lake".into()), ..Text::new("forest fire") };
    for baseline in &found.all {
        let both = baseline.probabilities(&"forest fire near the lake".into());
        assert_eq!(baseline.probabilities(&pair), both);
    }
}
