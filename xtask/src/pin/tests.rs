use std::time::Duration;

use rekindle_cards::{HubConfig, PinnedFile, find};
use rekindle_hub::HubSettings;
use rekindle_loopback::Server;
use tempfile::TempDir;

use super::*;

const NAMES: [&str; 2] = ["test_resnet.r160_in1k", "resnet18.a1_in1k"];

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

struct Stage {
    server: Server,
    root: TempDir,
}

/// As many parameters as the card says; `version` makes other bytes of them.
fn weights(card: &Card, version: u8) -> Vec<u8> {
    let head = card.classes * 4;
    let body = card.parameters - head;
    let header = format!(
        r#"{{"fc.weight":{{"dtype":"U8","shape":[{},4],"data_offsets":[0,{head}]}},"#,
        card.classes
    ) + &format!(
        r#""body":{{"dtype":"U8","shape":[{body}],"data_offsets":[{head},{}]}}}}"#,
        card.parameters
    );
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.bytes());
    file.resize(8 + header.len() + card.parameters, version);
    file
}

impl Stage {
    fn new() -> Self {
        let stage = Self { server: Server::start().unwrap(), root: tempfile::tempdir().unwrap() };
        fs::create_dir(stage.root.path().join("weights")).unwrap();
        for name in NAMES {
            stage.publish(name, 0, "apache-2.0", "");
        }
        stage
    }

    fn publish(&self, name: &str, version: u8, license: &str, readme: &str) {
        let card = find(name).unwrap();
        let config = HubConfig::from_card(card).to_json().unwrap();
        let weights = weights(card, version);
        let files = [
            ("README.md", readme.as_bytes()),
            ("config.json", config.as_bytes()),
            ("model.safetensors", &weights),
        ];
        let repository = card.repository.as_deref().unwrap();
        self.server.publish(repository, &files);
        self.server.set_license(repository, license);
    }

    fn pin(&self, names: &[&str], options: Options) -> (bool, Vec<Status>) {
        let mut settings = HubSettings::new(&self.root.path().join("cache")).unwrap();
        settings.endpoint = self.server.endpoint();
        settings.wait = Duration::from_millis(1);
        let (hub, cards) = (Hub::new(settings), cards(&owned(names)).unwrap());
        let mut found = Vec::new();
        let mut tell = |_: &Card, status: &Status| {
            found.push(match status {
                Status::Left(reasons) => Status::Left(reasons.clone()),
                Status::New => Status::New,
                Status::Unchanged => Status::Unchanged,
                Status::Changed => Status::Changed,
            });
        };
        let clean = pin(self.root.path(), &hub, &cards, options, &mut tell).unwrap();
        (clean, found)
    }

    fn text(&self) -> String {
        fs::read_to_string(self.root.path().join("weights/resnet.toml")).unwrap_or_default()
    }

    fn commits(&self) -> Vec<String> {
        let pins = Pin::parse("weights/resnet.toml", &self.text()).unwrap();
        pins.into_iter().map(|pin| pin.commit).collect()
    }
}

const FORCE: Options = Options { dry_run: false, force: true };
const PLAIN: Options = Options { dry_run: false, force: false };

#[test]
fn the_file_is_the_same_whatever_the_order_and_however_often() {
    let stage = Stage::new();
    assert_eq!(stage.pin(&NAMES, PLAIN), (true, vec![Status::New, Status::New]));
    let text = stage.text();
    assert_eq!(stage.pin(&NAMES, PLAIN), (true, vec![Status::Unchanged, Status::Unchanged]));
    assert_eq!(stage.text(), text);
    let other = Stage::new();
    other.pin(&[NAMES[1]], PLAIN);
    other.pin(&[NAMES[0]], PLAIN);
    assert_eq!(other.text(), text);
    let [first, second] = &Pin::parse("weights/resnet.toml", &text).unwrap()[..] else { panic!() };
    assert_eq!([second.card.as_str(), &first.card], NAMES);
    let left = fs::read_dir(stage.root.path().join("weights")).unwrap().count();
    assert_eq!(left, 1, "nothing is left beside the file");
}

#[test]
fn a_dry_run_writes_nothing() {
    let stage = Stage::new();
    let options = Options { dry_run: true, ..PLAIN };
    assert_eq!(stage.pin(&NAMES, options), (true, vec![Status::New, Status::New]));
    assert_eq!(stage.text(), "");
}

#[test]
fn what_contradicts_its_card_is_left_and_the_others_are_pinned() {
    let stage = Stage::new();
    stage.publish(NAMES[0], 0, "cc-by-nc-4.0", "");
    let (clean, found) = stage.pin(&NAMES, PLAIN);
    let [Status::Left(reasons), Status::New] = &found[..] else { panic!("{found:?}") };
    assert!(!clean && reasons.join("\n").contains("cc-by-nc-4.0"), "{reasons:?}");
    assert_eq!(stage.commits().len(), 1);
    let (clean, found) = stage.pin(&NAMES, FORCE);
    assert_eq!((clean, found), (true, vec![Status::New, Status::Unchanged]));
    assert!(stage.text().contains("license = \"cc-by-nc-4.0\""));
    // Once looked at, it is still told.
    assert!(!stage.pin(&NAMES, PLAIN).0);
}

#[test]
fn other_bytes_are_an_alarm_and_another_page_is_nothing() {
    let stage = Stage::new();
    stage.pin(&NAMES[..1], PLAIN);
    let before = stage.commits();
    stage.publish(NAMES[0], 0, "apache-2.0", "a better page");
    assert_eq!(stage.pin(&NAMES[..1], PLAIN), (true, vec![Status::Unchanged]));
    assert_eq!(stage.commits(), before);
    stage.publish(NAMES[0], 1, "apache-2.0", "");
    let (clean, found) = stage.pin(&NAMES[..1], PLAIN);
    let [Status::Left(reasons)] = &found[..] else { panic!("{found:?}") };
    assert!(!clean && reasons[0].contains("others than those pinned"), "{reasons:?}");
    assert_eq!(stage.commits(), before);
    assert_eq!(stage.pin(&NAMES[..1], FORCE), (true, vec![Status::Changed]));
    assert_ne!(stage.commits(), before);
}

#[test]
fn other_bytes_of_any_pinned_file_are_an_alarm() {
    let stage = Stage::new();
    stage.pin(&NAMES[..1], PLAIN);
    let mut pin = Pin::parse("weights/resnet.toml", &stage.text()).unwrap().remove(0);
    let file = |name: &str, digit: &str| PinnedFile {
        name: name.to_owned(),
        bytes: 1,
        sha256: digit.repeat(64),
    };
    pin.files = vec![file("vocab.txt", "0"), file("merges.txt", "1")];
    let now = |files: Vec<PinnedFile>| Pinned {
        pin: Pin { files, commit: "f".repeat(40), ..pin.clone() },
        differences: Vec::new(),
    };
    let mut pins = vec![pin.clone()];
    assert_eq!(place(&mut pins, now(pin.files.clone()), false), Status::Unchanged);
    let other = vec![file("vocab.txt", "0"), file("merges.txt", "2")];
    let Status::Left(reasons) = place(&mut pins, now(other.clone()), false) else { panic!() };
    assert!(reasons.len() == 1 && reasons[0].contains("bytes of merges.txt"), "{reasons:?}");
    assert_eq!(pins, [pin.clone()]);
    // A file more is no other bytes, but another pin.
    let more = [&pin.files[..], &[file("new.json", "3")]].concat();
    assert_eq!(place(&mut pins, now(more.clone()), false), Status::Changed);
    assert_eq!(place(&mut pins, now(other), true), Status::Changed);
    assert_eq!(pins.len(), 1);
}

#[test]
fn a_repository_that_does_not_answer_is_told_and_keeps_its_pin() {
    let stage = Stage::new();
    stage.pin(&NAMES, PLAIN);
    let text = stage.text();
    stage.server.require_token("timm/resnet18.a1_in1k", "hf_other");
    let (clean, found) = stage.pin(&NAMES, FORCE);
    let [Status::Unchanged, Status::Left(reasons)] = &found[..] else { panic!("{found:?}") };
    assert!(!clean && reasons[0].contains("timm/resnet18.a1_in1k"), "{reasons:?}");
    assert_eq!(stage.text(), text);
}

#[test]
fn a_damaged_file_of_pins_is_an_error_and_left_as_it_is() {
    let stage = Stage::new();
    fs::write(stage.root.path().join("weights/resnet.toml"), "[[pin]]\n").unwrap();
    let settings = HubSettings::new(stage.root.path()).unwrap();
    let cards = cards(&owned(&NAMES)).unwrap();
    let error = pin(stage.root.path(), &Hub::new(settings), &cards, FORCE, &mut |_, _| {});
    assert!(error.unwrap_err().to_string().contains("weights/resnet.toml"));
    assert_eq!(stage.text(), "[[pin]]\n");
}

#[test]
fn names_mean_every_card_that_is_on_the_hub() {
    let cards = |names: &[&str]| cards(&owned(names));
    let all = cards(&[]).unwrap();
    assert!(all.len() > 150 && all.iter().all(|card| card.repository.is_some()));
    assert!(cards(&["resnet_cifar"]).unwrap().is_empty());
    // Named itself it is asked for, and then told to have no repository.
    assert_eq!(cards(&["resnet20_cifar.cifar10"]).unwrap().len(), 1);
    assert_eq!(cards(&["resnet18.a1_in1k", "resnet18"]).unwrap().len(), 7);
    assert!(cards(&["no_such_net"]).is_err());
}
