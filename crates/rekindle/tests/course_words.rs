//! The examples of the course on texts and series, at toy size.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]
#![allow(dead_code, reason = "their mains are not run")]
#![allow(clippy::duplicate_mod, reason = "each example is whole by itself")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use rekindle::series::Verdict;

#[path = "../examples/embeddings.rs"]
mod embeddings;
#[path = "../examples/forecast/main.rs"]
mod forecast;
#[path = "../examples/four_inputs.rs"]
mod four_inputs;
#[path = "../examples/recurrent.rs"]
mod recurrent;
#[path = "../examples/tokens.rs"]
mod tokens;
#[path = "../examples/windows.rs"]
mod windows;

/// Weights are drawn from a generator that all threads share.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Of a wave the week is learned; of a walk there is nothing to learn, and nothing is.
#[test]
fn windows_tell_what_there_is_to_tell() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let found = windows::run(None, 1, folder.path()).unwrap();
    let [wave, walk] = &found[..] else { panic!("{found:?}") };
    for (wave, walk) in wave.iter().zip(walk) {
        if wave.name.starts_with("naive") {
            assert_eq!((wave.of_naive, walk.of_naive), (1.0, 1.0));
            continue;
        }
        assert!(wave.verdict == Verdict::Better && wave.of_naive < 0.7, "{wave:?}");
        assert!(walk.verdict != Verdict::Better, "{walk:?}");
    }
    for name in ["wave.svg", "walk.svg"] {
        assert!(std::fs::read_to_string(folder.path().join(name)).unwrap().starts_with("<svg"));
    }
}

/// A network of the example's own learns, an ensemble is no worse than its members, and only what was learned of how far off it may
/// be holds what it should.
#[test]
fn a_network_of_ones_own_forecasts() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let found = forecast::run(None, 3, folder.path()).unwrap();
    let [_, by_mae, by_mse, by_huber, quantiles, ensemble] = &found.rows[..] else {
        panic!("{:?}", found.rows)
    };
    for row in [by_mae, by_mse, by_huber, quantiles, ensemble] {
        assert!(row.verdict == Verdict::Better && row.of_naive < 0.5, "{row:?}");
    }
    assert!(ensemble.mae <= (by_mae.mae + by_mse.mae + by_huber.mae) / 3.0, "{:?}", found.rows);
    let [_, spread, sure] = found.coverage;
    assert!(spread < 0.7 && sure > 0.85, "{:?}", found.coverage);
    // One day of a hundred is off by about all of its value.
    assert!(found.turkey[1] > 1.3 * found.turkey[0], "{:?}", found.turkey);
    let fan = std::fs::read_to_string(folder.path().join("fan.svg")).unwrap();
    assert!(fan.starts_with("<svg") && fan.matches("<path").count() >= 5, "{fan}");
}

/// Words that were not seen are unknown, their characters and pieces are not; tokenizers are written as others read them.
#[test]
fn tokens_are_words_characters_and_pieces() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let rows = tokens::run(None, None, folder.path()).unwrap();
    let [words, characters, pieces] = &rows[..] else { panic!("{rows:?}") };
    assert!(words.unknown > 10.0 && characters.unknown == 0.0 && pieces.unknown == 0.0, "{rows:?}");
    assert!(words.lengths[0] < pieces.lengths[0] && pieces.lengths[0] < characters.lengths[0]);
    assert!(characters.known < pieces.known && pieces.known < words.known, "{rows:?}");
    for (name, model) in
        [("words", "WordLevel"), ("characters", "WordLevel"), ("pieces", "WordPiece")]
    {
        let text =
            std::fs::read_to_string(folder.path().join(name).join("tokenizer.json")).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["model"]["type"], model);
    }
}

/// Words of a subject are near each other, and vectors that know that are worth most where few texts have labels.
#[test]
fn vectors_are_near_where_words_are_alike() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (vectors, rows) = embeddings::run(1, folder.path()).unwrap();
    let (mut alike, mut all) = (0, 0);
    for (_, words) in embeddings::SUBJECTS {
        for place in words.split(' ').filter_map(|word| vectors.find(word)) {
            let near = vectors.neighbors(vectors.row(place), 5, Some(place));
            all += near.len();
            alike += near.iter().filter(|it| words.contains(&vectors.items()[it.place])).count();
        }
    }
    assert!(all >= 500 && alike * 10 > all * 9, "{alike} of {all}");
    let [nothing, kept, trained] = &rows[..] else { panic!("{rows:?}") };
    assert!(kept.value > nothing.value + 0.1 && kept.value >= trained.value, "{rows:?}");
    assert!(folder.path().join("vectors.npy.names.txt").exists());
}

/// Counted words and their mean do not know what is "good, not bad"; what reads them in order does.
#[test]
fn order_matters() {
    let _alone = alone();
    let rows = recurrent::run(None, None, 1, 5).unwrap();
    for row in &rows {
        let knows = !["TF-IDF + naive Bayes", "mean"].contains(&row.name.as_str());
        assert!(if knows { row.value > 0.95 } else { row.value < 0.65 }, "{row:?}");
    }
}

/// Where a sentence stands says what its words and characters do not.
#[test]
fn four_inputs_say_more_than_one() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let data = four_inputs::abstracts(folder.path()).unwrap();
    let rows = four_inputs::run(&data, None, 1, 6, ["", ""]).unwrap();
    let [characters, sentence, both, all, near] = &rows[..] else { panic!("{rows:?}") };
    assert!(characters.value > 0.5 && sentence.value > 0.5 && both.value > 0.5, "{rows:?}");
    assert!(all.value > both.value.max(sentence.value) + 0.05 && all.value > 0.85, "{rows:?}");
    assert!(near.value > 0.85, "{rows:?}");
}
