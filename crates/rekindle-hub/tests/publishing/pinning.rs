//! A pin is what the repository holds, and what contradicts the card is found.

use rekindle_cards::{Card, Pin};
use rekindle_hub::{Hub, Pinned, Trust, unwatched};
use rekindle_loopback::{Fault, Rule, sha256};

use crate::support::{Stage, card, config, safetensors, weights};

const REPOSITORY: &str = "timm/test_resnet.r160_in1k";

fn published(config: &str, weights: &[u8]) -> (Stage, String) {
    let stage = Stage::new();
    let files = [("README.md", &b"---"[..]), ("config.json", config.as_bytes())];
    let files = [&files[..], &[("model.safetensors", weights)]].concat();
    let commit = stage.server.publish(REPOSITORY, &files);
    stage.server.set_license(REPOSITORY, "Apache-2.0");
    (stage, commit)
}

#[test]
fn a_pin_is_what_the_repository_holds() {
    let (stage, commit) = published(&config(), &weights());
    let Pinned { pin, differences } = stage.hub().pin(card()).unwrap();
    assert_eq!(differences, Vec::<String>::new());
    assert_eq!((pin.repository.as_str(), pin.commit), (REPOSITORY, commit));
    assert_eq!((pin.bytes, pin.sha256), (weights().len() as u64, sha256(&weights())));
    assert_eq!((pin.license.as_deref(), pin.classes), (Some("apache-2.0"), 1000));
    assert_eq!((pin.classifier.as_str(), pin.parameters), ("fc", card().parameters));
    assert_eq!(pin.input, card().input);
    let sent: usize = stage
        .server
        .requests()
        .iter()
        .filter_map(|request| request.header("range")?.strip_prefix("bytes=")?.split_once('-'))
        .map(|(start, end)| end.parse::<usize>().unwrap() + 1 - start.parse::<usize>().unwrap())
        .sum();
    assert!(sent > 0 && sent < 2000, "only the header is asked for, not {sent} bytes");
    assert!(!stage.hub().cache().exists(), "nothing is cached");
}

#[test]
fn a_pin_of_todays_bytes_fetches_them() {
    let (stage, _) = published(&config(), &weights());
    let pin = stage.hub().pin(card()).unwrap().pin;
    let mut settings = stage.settings();
    settings.pins = vec![pin];
    let located = Hub::new(settings).fetch(card(), &unwatched).unwrap();
    assert_eq!(located.trust, Trust::Pinned);
    assert!(located.files.iter().all(|file| file.trust == Trust::Pinned), "{located:?}");
}

/// A small file and a large one, which the Hub keeps elsewhere.
#[test]
fn further_files_of_a_card_are_pinned_and_obeyed() {
    const NAMES: [&str; 2] = ["tokenizer.json", "vocab.bin"];
    let card = Card { files: NAMES.map(str::to_owned).into(), ..card().clone() };
    let (small, large) = (b"{\"words\": []}".to_vec(), vec![7; 5000]);
    let (config, weights) = (config(), weights());
    let publish = |stage: &Stage, small: &[u8]| {
        let files = [
            ("config.json", config.as_bytes()),
            ("model.safetensors", &weights),
            (NAMES[0], small),
            (NAMES[1], &large),
        ];
        stage.server.publish(REPOSITORY, &files);
        stage.server.set_license(REPOSITORY, "apache-2.0");
    };
    let stage = Stage::new();
    publish(&stage, &small);
    let Pinned { pin, differences } = stage.hub().pin(&card).unwrap();
    assert_eq!(differences, Vec::<String>::new());
    let [first, further @ ..] = &pin.files[..] else { panic!() };
    let known = (Pin::CONFIG, config.len() as u64, sha256(config.as_bytes()));
    assert_eq!((first.name.as_str(), first.bytes, first.sha256.clone()), known);
    let found: Vec<_> =
        further.iter().map(|file| (file.name.as_str(), file.bytes, &file.sha256)).collect();
    let expected = [&small, &large].map(|bytes| (bytes.len() as u64, sha256(bytes)));
    let expected: Vec<_> = NAMES
        .into_iter()
        .zip(&expected)
        .map(|(name, (bytes, hash))| (name, *bytes, hash))
        .collect();
    assert_eq!(found, expected);
    let whole = stage.server.requests().iter().any(|request| request.path.contains(NAMES[1]));
    assert!(!whole, "the Hub says what a large file is");

    // Those bytes or none.
    let hub =
        |pin: Pin| Hub::new(rekindle_hub::HubSettings { pins: vec![pin], ..stage.settings() });
    for name in NAMES {
        let mut other = pin.clone();
        let file = other.files.iter_mut().find(|file| file.name == name).unwrap();
        file.sha256 = "f".repeat(64);
        let message = hub(other).fetch(&card, &unwatched).unwrap_err().to_string();
        assert!(message.contains(&"f".repeat(64)) && message.contains(name), "{message}");
    }
    let located = hub(pin).fetch(&card, &unwatched).unwrap();
    assert_eq!(located.trust, Trust::Pinned);
    for name in NAMES {
        let file = located.files.iter().find(|file| file.name == name).unwrap();
        assert_eq!(file.trust, Trust::Pinned, "{name}");
    }

    // What the repository lacks speaks against the card.
    let (stage, _) = published(&config, &weights);
    let found = stage.hub().pin(&card).unwrap();
    assert_eq!(found.differences, ["files is none, the card says tokenizer.json, vocab.bin"]);
}

#[test]
fn what_contradicts_the_card_or_itself_is_found() {
    let check = |config: &str, weights: &[u8], license: &str, expected: &[&str]| {
        let (stage, _) = published(config, weights);
        stage.server.set_license(REPOSITORY, license);
        let found = stage.hub().pin(card()).unwrap().differences;
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "no `{expected}` in: {found}");
        }
    };
    let (good, bytes) = (config(), weights());
    let relicensed =
        ["license is cc-by-nc-4.0, the card says apache-2.0", "says license apache-2.0"];
    check(&good, &bytes, "cc-by-nc-4.0", &relicensed);
    let crop = good.replace("\"crop_pct\": 0.95", "\"crop_pct\": 0.875");
    assert_ne!(crop, good);
    check(&crop, &bytes, "apache-2.0", &["crop_pct is 0.875, the card says 0.95"]);
    let other = good.replace("\"test_resnet\"", "\"resnet18\"");
    check(&other, &bytes, "apache-2.0", &["config.json is of resnet18"]);
    let classes = good.replace("\"num_classes\": 1000", "\"num_classes\": 10");
    check(&classes, &bytes, "apache-2.0", &["config.json says 10 classes, the weights have 1000"]);
    let headless = safetensors(&[("body.weight", "F32", vec![7, 11])]);
    let expected = ["classes is 0", "parameters is 77", "the weights have 0"];
    check(&good, &headless, "apache-2.0", &expected);
}

#[test]
fn a_repository_that_cannot_be_pinned_is_an_error_that_says_why() {
    let check = |weights: &[u8], rule: Option<Rule>, expected: &str| {
        let (stage, _) = published(&config(), weights);
        rule.into_iter().for_each(|rule| stage.server.order(rule));
        let message = stage.hub().pin(card()).unwrap_err().to_string();
        assert!(message.contains(expected), "no `{expected}` in: {message}");
    };
    let good = weights();
    check(&good[..good.len() - 1], None, "of another size");
    check(&good[..6], None, "wrong length");
    check(b"\xff\xff\xff\xff\xff\xff\xff\x7f{}", None, "the length of its header");
    check(&good, Some(Rule::storage(9, Fault::NoRanges)), "whole file");
    check(&good, Some(Rule::storage(9, Fault::Flip(8))), "no safetensors");
    check(
        &good,
        Some(Rule::hub("config.json", 1, Fault::Instead(200, vec![], b"[".to_vec()))),
        "JSON",
    );

    let stage = Stage::new();
    stage.server.publish(REPOSITORY, &[("pytorch_model.bin", b"pickle")]);
    let message = stage.hub().pin(card()).unwrap_err().to_string();
    assert!(message.contains("pytorch_model.bin"), "{message}");
    let message = Stage::new().hub().pin(card()).unwrap_err().to_string();
    assert!(message.contains(REPOSITORY), "{message}");
    let local = rekindle_cards::find("resnet20_cifar").unwrap();
    let message = Stage::new().hub().pin(local).unwrap_err().to_string();
    assert!(message.contains("only as a file"), "{message}");
}
