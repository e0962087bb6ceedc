//! `rekindle explain`: what spoke for an answer, on a terminal, as JSON, as a picture and as a page.
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
