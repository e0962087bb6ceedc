//! `rekindle explain`: what spoke for an answer, on a terminal, as JSON, as a picture and as a page. `rekindle drift`: whether what
//! a model meets is what it learned.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

use std::fs;

#[path = "support/program.rs"]
mod program;
mod support;

use program::{number, objects, printed, refused, text};
use support::{doodles, starter};

#[test]
fn what_spoke_for_an_answer_is_shown() {
    let data = doodles(1, 1);
    let weights = starter();
    let folder = fs::read_dir(data.path().join("val")).unwrap().next().unwrap().unwrap().path();
    let picture = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let asked = ["explain", "--weights", text(&weights), text(&picture)];

    let found = objects(&[&asked[..], &["--json"]].concat()).remove(0);
    let answer = objects(&["predict", "--weights", text(&weights), text(&picture), "--json"]);
    let top = &answer[0]["top"][0];
    assert_eq!((&found["label"], &found["index"]), (&top["label"], &top["index"]));
    assert_eq!(number(&found, "probability"), number(top, "probability"));
    let rows: Vec<Vec<f64>> = serde_json::from_value(found["map"].clone()).unwrap();
    let heat: Vec<f64> = rows.concat();
    assert!(heat.iter().all(|heat| (0.0..=1.0).contains(heat)), "{heat:?}");
    assert!(heat.contains(&1.0) && heat.iter().any(|heat| *heat < 0.5), "{heat:?}");
    // Another label is spoken for by other places.
    let second = answer[0]["top"][1]["label"].as_str().unwrap();
    let other = objects(&[&asked[..], &["--json", "--of", second]].concat()).remove(0);
    assert_eq!(other["label"], second);
    assert_ne!(other["map"], found["map"]);
    assert!(printed(&asked).contains("looked most"));

    let (overlay, page) = (data.path().join("heat.png"), data.path().join("heat.html"));
    printed(&[&asked[..], &["--out", text(&overlay)]].concat());
    let size = image::open(&overlay).unwrap().into_rgb8().dimensions();
    assert_eq!(size, (32, 32));
    printed(&[&asked[..], &["--out", text(&page)]].concat());
    let html = fs::read_to_string(&page).unwrap();
    let label = found["label"].as_str().unwrap();
    assert!(html.contains(label) && html.contains("data:image/jpeg"), "{html}");
    assert!(!html.contains("http://") && !html.contains("https://"), "{html}");

    for (more, said) in [
        (vec!["--of", "wasps"], "no such label"),
        (vec!["--out", "heat.gif"], ".html"),
        (vec![text(&picture), "--out", text(&overlay)], "one picture, not 2"),
    ] {
        let error = refused(&[&asked[..], &more].concat());
        assert!(error.contains(said), "{error}");
    }
}

/// Two draws of the same doodles are alike, darker ones are not.
#[test]
fn what_has_drifted_is_found() {
    let data = doodles(40, 40);
    let weights = starter();
    let (known, met) = (data.path().join("train"), data.path().join("val"));
    let compare = |other: &std::path::Path| {
        let asked = ["drift", "--weights", text(&weights), "--json", "--reference", text(&known)];
        objects(&[&asked[..], &["--data", text(other)]].concat()).remove(0)
    };
    let same = compare(&met);
    assert_eq!(same["drift"], false, "{same}");
    assert_eq!((number(&same, "reference"), number(&same, "data")), (120.0, 120.0));
    assert!(number(&same, "detectable") < 1.0, "{same}");
    let answers = &same["answers"][0];
    assert!(number(answers, "psi") < number(answers, "noise") * 2.0, "{answers}");
    assert_eq!(same, compare(&met), "drawn otherwise");

    let darker = data.path().join("darker");
    fs::create_dir(&darker).unwrap();
    let folders = fs::read_dir(&met).unwrap().map(|entry| entry.unwrap().path());
    let pictures = folders.flat_map(|folder| fs::read_dir(folder).unwrap());
    for (place, picture) in pictures.enumerate() {
        let mut picture = image::open(picture.unwrap().path()).unwrap().into_rgb8();
        picture.pixels_mut().for_each(|pixel| pixel.0 = pixel.0.map(|value| value / 4));
        picture.save(darker.join(format!("{place}.png"))).unwrap();
    }
    let other = compare(&darker);
    assert_eq!(other["drift"], true, "{other}");
    assert!(number(&other, "p_value") <= 0.01, "{other}");
    let asked = ["drift", "--weights", text(&weights), "--reference", text(&known)];
    refused(&[&asked[..], &["--data", text(&darker), "--fail"]].concat());
    let missing = data.path().join("missing");
    let error = refused(&[&asked[..], &["--data", text(&missing)]].concat());
    assert!(error.contains("missing"), "{error}");
    let error = refused(&[&asked[..], &["--data", text(&met), "--level", "2"]].concat());
    assert!(error.contains("--level"), "{error}");
}
