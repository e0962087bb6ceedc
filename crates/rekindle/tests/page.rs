//! The page of `rekindle serve` in a real browser: it asks, it teaches, and it asks nobody else.
#![cfg(all(feature = "serve", unix))]
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::json;

#[path = "support/browser.rs"]
mod browser;
#[path = "support/program.rs"]
mod program;
#[path = "support/serving.rs"]
mod serving;
mod support;

use browser::Browser;
use program::text;
use serving::Serving;
use support::{doodles, starter};

/// The field for pictures of the label of this place.
fn field(label: usize) -> String {
    format!("document.querySelectorAll('#teach .box input[type=file]')[{label}]")
}

/// The labels of a folder, in order.
fn labels(folder: &Path) -> Vec<String> {
    let labels = fs::read_dir(folder).unwrap();
    let name = |label: fs::DirEntry| label.file_name().into_string().unwrap();
    let mut labels: Vec<String> = labels.map(|label| name(label.unwrap())).collect();
    labels.sort();
    labels
}

/// The pictures of a label, in order.
fn pictures(folder: &Path, label: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder.join(label)).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

fn paths(files: &[PathBuf]) -> Vec<&Path> {
    files.iter().map(PathBuf::as_path).collect()
}

/// Nothing is wider than the narrowest phone, and whatever takes the keyboard has a name.
fn fits_and_is_named(browser: &mut Browser) {
    for width in [360, 1200] {
        browser.widen(width);
        let found = browser.value("document.documentElement.scrollWidth");
        assert!(found.as_u64().unwrap() <= width as u64, "{found} of {width} pixels");
    }
    let tree = browser.ask("Accessibility.getFullAXTree", json!({}));
    let nodes = tree["nodes"].as_array().unwrap().iter();
    let taking = nodes.filter(|node| {
        let kinds = ["button", "textbox", "combobox", "tab", "link", "radio", "checkbox", "image"];
        kinds.contains(&node["role"]["value"].as_str().unwrap_or_default())
    });
    let mut count = 0;
    for node in taking {
        let name = node["name"]["value"].as_str().unwrap_or_default();
        assert!(!name.trim().is_empty(), "{node}");
        count += 1;
    }
    assert!(count > 5, "{count} controls");
}

/// The members of an archive that are stored as they are, where its list and their checksums say so.
fn members(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let number = |at: usize, bytes: usize| {
        (0..bytes).map(|byte| (archive[at + byte] as usize) << (8 * byte)).sum::<usize>()
    };
    let end = archive.len() - 22;
    assert_eq!(&archive[end..end + 4], b"PK\x05\x06");
    let mut at = number(end + 16, 4);
    let mut found = BTreeMap::new();
    for _ in 0..number(end + 10, 2) {
        assert_eq!(&archive[at..at + 4], b"PK\x01\x02");
        let [sum, size, length, place] =
            [(16, 4), (20, 4), (28, 2), (42, 4)].map(|(of, bytes)| number(at + of, bytes));
        let name = &archive[at + 46..at + 46 + length];
        assert_eq!(&archive[place..place + 4], b"PK\x03\x04");
        assert_eq!((number(place + 14, 4), number(place + 18, 4)), (sum, size));
        let content = &archive[place + 30 + length..][..size];
        assert_eq!(crc32fast::hash(content) as usize, sum);
        found.insert(String::from_utf8(name.to_vec()).unwrap(), content.to_vec());
        at += 46 + length;
    }
    assert_eq!(at, end);
    found
}

#[test]
fn a_page_asks_and_teaches() {
    let Some(mut browser) = Browser::start() else { return };
    let data = doodles(12, 2);
    let kept = tempfile::tempdir().unwrap();
    let server = Serving::of_starter(&["--data", text(kept.path())]);
    let (train, val) = (data.path().join("train"), data.path().join("val"));
    let labels = labels(&train);
    let address = format!("http://{}/", server.address);
    browser.open(&address, 1200);

    browser.until("!document.getElementById('ask').hidden");
    let picture = &pictures(&val, &labels[0])[0];
    browser.give("document.querySelector('#ask input[type=file]')", &[picture]);
    browser.until("document.querySelectorAll('#ask .guess').length === 5");
    let bytes = fs::read(picture).unwrap();
    let said = server.client().post("/v1/predict", "image/png", &bytes).unwrap().json();
    let best = browser.value("document.querySelector('#ask .guess .name').textContent");
    assert_eq!(best, said["predictions"][0]["top"][0]["label"]);
    browser.press("#ask button", "Show what spoke for it");
    browser.until("document.querySelector('#ask .seen img').src.startsWith('data:image/png')");
    fits_and_is_named(&mut browser);

    browser.press("[role=tab]", "Teach");
    for (place, label) in labels[..2].iter().enumerate() {
        browser.value(&format!(
            "{{ const name = document.querySelectorAll('#teach .boxhead input')[{place}]; name.value = '{label}'; name.dispatchEvent(new Event('change')) }}"
        ));
        browser.give(&field(place), &paths(&pictures(&train, label)));
    }
    browser.until("document.querySelector('#teach .tiles')");
    let tiles = browser.value("document.querySelector('#teach .tiles').innerText");
    let tiles: Vec<&str> = tiles.as_str().unwrap().lines().filter(|it| !it.is_empty()).collect();
    let share = |text: &str| text.trim_end_matches('%').parse::<f64>().unwrap();
    assert_eq!((tiles[0], tiles[3]), ("Accuracy", "measured by leave-one-out"), "{tiles:?}");
    assert!(share(tiles[1]) >= 80.0, "{tiles:?}");
    assert_eq!((tiles[4], tiles[5]), ("By chance", "50%"), "{tiles:?}");

    // A picture of the other label is told, and moved by a click.
    let stray = &pictures(&val, &labels[1])[..1];
    browser.give(&field(0), &paths(stray));
    browser.until("document.querySelector('#teach .example.wrong')");
    let move_it = format!("It is {}", labels[1]);
    browser.press("#teach .mistake:first-child button", &move_it);
    browser.until("document.querySelectorAll('#teach .examples')[1].children.length === 13");
    browser.until("/of 25/.test(document.querySelector('#teach .tiles').innerText)");

    browser.until("document.querySelector('[aria-labelledby=try-title] input')");
    browser.give("document.querySelector('[aria-labelledby=try-title] input')", &[picture]);
    browser.until("document.querySelectorAll('[aria-labelledby=try-title] .guess').length === 2");
    let tried = browser
        .value("document.querySelector('[aria-labelledby=try-title] .guess .name').textContent");
    assert_eq!(tried, json!(labels[0]));
    fits_and_is_named(&mut browser);

    browser.press("#teach button", "Examples (.zip)");
    let archive = members(&browser.downloaded("examples.zip"));
    assert_eq!(archive.len(), 2 * 12 + 1 + 1);
    let manifest = String::from_utf8(archive["manifest.csv"].clone()).unwrap();
    assert!(manifest.starts_with(&format!("path,label\n{0}/0001.png,{0}\n", labels[0])));
    let first = &archive[&format!("{}/0001.png", labels[0])];
    assert_eq!(*first, fs::read(&pictures(&train, &labels[0])[0]).unwrap());
    browser.press("#teach button", "Model (safetensors)");
    let name = "resnet20_cifar.doodles.taught.safetensors";
    fs::write(kept.path().join("taught.safetensors"), browser.downloaded(name)).unwrap();
    let taught = kept.path().join("taught.safetensors");
    let predicted =
        program::objects(&["predict", "--json", "--weights", text(&taught), text(picture)]);
    assert_eq!(predicted[0]["top"][0]["label"], json!(labels[0]));
    browser.press("#teach button", "Keep the examples");
    browser.until("/25 examples kept on/.test(document.getElementById('teach').innerText)");
    assert_eq!(pictures(kept.path(), &labels[1]).len(), 13);

    assert_eq!(browser.complaints(), [""; 0]);
    let outside =
        |asked: &&&str| !["data:", "blob:", &*address].iter().any(|own| asked.starts_with(own));
    let asked = browser.asked();
    assert!(asked.len() > 8, "{asked:?}");
    assert_eq!(asked.iter().filter(outside).collect::<Vec<_>>(), [&""; 0]);
}

#[test]
fn a_page_says_what_is_wrong_where_it_belongs() {
    let Some(mut browser) = Browser::start() else { return };
    let data = doodles(1, 1);
    let server = Serving::start(&["--weights", text(&starter())], "open");
    browser.open(&format!("http://{}/", server.address), 360);
    let enter = |browser: &mut Browser, token: &str| {
        browser.until("document.querySelector('dialog input')");
        browser.value(&format!("document.querySelector('dialog input').value = '{token}'"));
        browser.press("dialog button", "Go on");
    };
    enter(&mut browser, "shut");
    browser.until("document.querySelector('dialog .problem')");
    enter(&mut browser, "open");
    browser.until("!document.getElementById('ask').hidden");

    let broken = data.path().join("broken.png");
    fs::write(&broken, b"no picture").unwrap();
    let train = data.path().join("train");
    let good = pictures(&train, &labels(&train)[0]);
    browser.give("document.querySelector('#ask input[type=file]')", &[&broken, &good[0]]);
    browser.until("document.querySelectorAll('#ask .guess').length === 5");
    browser.until("document.querySelectorAll('#ask [role=alert] p').length === 1");
    let shown = browser.value("document.querySelector('#ask [role=alert] p').textContent");
    let client = server.client().with("Authorization", "Bearer open");
    let said = { client }.post("/v1/predict", "image/png", b"no picture").unwrap().json();
    let message = said["error"]["message"].as_str().unwrap().to_owned();
    let (_, message) = message.split_once(": ").unwrap();
    assert_eq!(shown.as_str().unwrap().to_lowercase(), message.to_lowercase());

    browser.press("[role=tab]", "Teach");
    browser.give(&field(0), &[&broken, &good[0]]);
    browser.until("document.querySelectorAll('#teach .example.failed').length === 1");
    browser.until("/1 example could not be read/.test(document.getElementById('teach').innerText)");
    drop(server);
    browser.give(&field(1), &paths(&good));
    browser.until("document.querySelectorAll('#teach .example.failed').length === 2");
    let told = browser
        .value("document.querySelectorAll('#teach .examples')[1].querySelector('button').title");
    assert!(told.as_str().is_some_and(|it| it.contains("does not answer")), "{told}");
    let complaints = browser.complaints();
    assert!(
        complaints.iter().all(|it| !it.contains("Uncaught") && !it.contains("Policy")),
        "{complaints:?}"
    );
}
