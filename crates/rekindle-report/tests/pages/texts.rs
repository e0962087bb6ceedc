//! Runs that are about texts, and about what else is no picture.

use rekindle_report::{ItemKind, Results, RunRecord, checkup, compare, html};

use crate::{check, sample};

fn has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "no `{part}` in {page}");
    }
}

#[test]
fn a_page_of_texts_shows_texts_and_speaks_of_texts() {
    let run = sample::texts("Reports", 1);
    assert_eq!(run.problems(), Vec::<String>::new());
    let text = serde_json::to_string(&run).unwrap();
    let again: RunRecord = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), text);
    let words = |run: &RunRecord| run.galleries[0].pictures[0].words.clone();
    assert_eq!(words(&again), words(&run));
    let page = html(&again);
    check::whole(&page);
    has(
        &page,
        &[
            "of 60 validation texts right",
            "<h2 id=\"texts-title\">Texts worth a look</h2>",
            "Results on 60 validation texts",
            "A row holds the texts of a class",
            "The bars count texts. Logits are divided by a temperature of 1.37, which these texts chose",
            ">Texts</th>",
            "60 texts in bins by confidence",
            "<dt>Source</dt><dd>data/reports.csv</dd>",
            "<dt>Length</dt><dd>median 18 tokens, 95% at most 31, the longest 74</dd>",
            "<dt>Longest input</dt><dd>64 tokens; 0.2% of the texts are longer and cut</dd>",
            "<dt>Unknown tokens</dt><dd>0.04% of all tokens</dd>",
            "aria-label=\"Texts of each class\"",
            "<div class=\"gallery texts\">",
            "<p class=\"words\" dir=\"auto\">The <mark class=\"for r3\" title=\"for: +0.22\">crowd</mark> went",
            "<mark class=\"for r10\" title=\"for: +1\">fire</mark>",
            "<mark class=\"against w7\" title=\"against: \u{2212}0.62\">tour</mark></p>",
            "\nanother line &lt;b&gt;</p>",
            "(an empty text)",
            "Smoke over the hill</p>",
            "is <b>cat</b><em class=\"wrong\">wrong</em>",
            "<dt>For comparison</dt><dd><b>50%</b><span>the most frequent label</span></dd>",
        ],
    );
    for part in ["icture", "<img", "class=\"pair\"", "cannot be shown", "older"] {
        assert!(!page.contains(part), "{part}: {page}");
    }
    assert_eq!(page.matches("<mark class=\"for r5\">spoke for</mark>").count(), 1, "one key");
}

#[test]
fn marks_that_nobody_sees_have_no_key() {
    let mut run = sample::texts("Reports", 1);
    let examples = run.galleries.iter_mut().flat_map(|gallery| &mut gallery.pictures);
    examples.flat_map(|example| &mut example.words).for_each(|word| word.weight = 0.0);
    let page = html(&run);
    check::whole(&page);
    has(&page, &["wild and the roof is on fire!! best night"]);
    assert!(!page.contains("<mark") && !page.contains("spoke for"));
}

#[test]
fn a_checkup_of_texts_shows_texts() {
    let found = sample::texts("Reports", 1).checkup.unwrap();
    let page = checkup(&found);
    check::whole(&page);
    has(
        &page,
        &["smoke over the hill!</p>", "(an empty text)", "One text in two parts of the data"],
    );
    assert!(!page.contains("icture") && !page.contains("cannot be shown"), "{page}");
}

/// Nothing is added to what was kept before there were texts, and that is read as it was.
#[test]
fn a_record_of_pictures_is_as_it_was() {
    let run = sample::run("Pets", 2, 1);
    let text = serde_json::to_string(&run).unwrap();
    for key in ["\"items\"", "\"words\"", "\"texts\"", "\"text\":\"\",\"image\""] {
        assert!(!text.contains(key), "{key}");
    }
    let example = serde_json::to_value(&run.galleries[0].pictures[0]).unwrap();
    let keys: Vec<&String> = example.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["file", "guesses", "image", "label", "overlay"]);
    assert_eq!(serde_json::from_str::<RunRecord>(&text).unwrap().items, ItemKind::Pictures);
}

#[test]
fn every_kind_has_its_nouns() {
    for (items, one, many) in [
        (ItemKind::Pictures, "picture", "pictures"),
        (ItemKind::Texts, "text", "texts"),
        (ItemKind::Series, "series", "series"),
        (ItemKind::Rows, "row", "rows"),
    ] {
        assert_eq!((items.one(), items.many()), (one, many));
        let mut run = sample::multi_label("Some", 5, 1);
        run.items = items;
        let examples = run.galleries.iter_mut().flat_map(|gallery| &mut gallery.pictures);
        examples.filter(|_| items != ItemKind::Pictures).for_each(|example| {
            example.image.clear();
            example.overlay.clear();
        });
        run.checkup = None;
        let page = html(&run);
        check::whole(&page);
        has(
            &page,
            &[&format!("on 80 validation {many}"), &format!("These {many} chose the thresholds")],
        );
        has(&page, &[" worth a look</h2>", &format!("<section id=\"{many}\"")]);
        assert_eq!(page.contains("<img"), items == ItemKind::Pictures, "{one}");
        assert!(!page.contains("no picture of a known kind"), "{one}");
        run.evaluations[0].pictures = 79;
        assert!(run.problems().join("\n").contains(&format!("79 {many}, but 80 measured")));

        let private = run.without_paths();
        assert_eq!(private.galleries[0].pictures[1].file, format!("{one} 2"));
    }
}

#[test]
fn a_private_record_of_texts_keeps_the_texts_and_no_place() {
    let run = sample::texts("Reports", 1).without_paths();
    let text = serde_json::to_string(&run).unwrap();
    for part in ["reports.csv", "line 118", "smoke over", "rekindle finetune"] {
        assert!(!text.contains(part), "{part}");
    }
    has(&text, &["best night of the ", "\"file\":\"text 1\"", "300 texts, 2 labels"]);
    check::whole(&html(&run));
}

#[test]
fn runs_on_texts_are_compared_with_each_other_and_not_with_pictures() {
    let mut runs = [1, 2].map(|seed| sample::texts(&format!("reports {seed}"), seed));
    runs[1].evaluations[0].pictures += 1;
    let Results::SingleLabel(found) = &mut runs[1].evaluations[0].results else { panic!() };
    found.confusion.clear();
    found.calibration = None;
    found.classes.clear();
    let page = compare(&runs);
    check::whole(&page);
    has(&page, &["validation texts right", "measured on the same texts", "class=\"badge\""]);
    assert!(!page.contains("icture"), "{page}");

    let [one, _] = runs;
    let page = compare(&[one, sample::run("Pets", 2, 1)]);
    check::whole(&page);
    has(&page, &["the runs answer different questions"]);
    assert!(!page.contains("class=\"badge\""));
}

#[test]
fn facts_of_texts_that_contradict_themselves_are_told() {
    let mut run = sample::texts("Reports", 1);
    let facts = run.data.as_mut().unwrap().texts.as_mut().unwrap();
    (facts.tokens, facts.cut, facts.unknown) = ([18, 90, 74], 1.5, f64::NAN);
    let problems = run.problems();
    assert_eq!(problems.len(), 2, "{problems:?}");
    has(&problems.join("\n"), &["not in order: [18, 90, 74]", "texts that are cut is 1.5"]);
    let page = html(&run);
    check::whole(&page);
    has(&page, &["The record contradicts itself", "<dt>Unknown tokens</dt><dd>– of all tokens"]);
}
