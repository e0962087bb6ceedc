//! The second transport against the Hub on the loopback interface, under the same rules: the right bytes, or one clear error and
//! nothing bad in the cache. Xet's own servers are not there: what is asked for here is what the crate fetches plainly.
#![cfg(feature = "xet")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

use std::{fs, path::Path, time::Duration};

use rekindle_hub::{Error, Hub, HubSettings, Located, Token, Transport, unwatched};
use rekindle_loopback::{Fault, Rule, Server, sha256};

const REPOSITORY: &str = "timm/resnet18.a1_in1k";
const NAME: &str = "resnet18.a1_in1k";
const CONFIG: &[u8] = b"{\"architecture\": \"resnet18\"}";

/// A server with one repository, and a folder for the cache.
struct Stage {
    server: Server,
    folder: tempfile::TempDir,
    weights: Vec<u8>,
}

impl Stage {
    fn new() -> Self {
        let weights: Vec<u8> = (0..300_007_u32).map(|place| (place * 7 % 251) as u8).collect();
        let server = Server::start().unwrap();
        server.publish(REPOSITORY, &[("config.json", CONFIG), ("model.safetensors", &weights)]);
        Self { server, folder: tempfile::tempdir().unwrap(), weights }
    }

    fn settings(&self) -> HubSettings {
        HubSettings {
            endpoint: self.server.endpoint(),
            transport: Transport::Xet,
            attempts: 3,
            wait: Duration::from_millis(10),
            pins: Vec::new(),
            ..HubSettings::new(&self.folder.path().join("hub")).unwrap()
        }
    }

    fn fetch(&self) -> Result<Located, Error> {
        Hub::new(self.settings()).fetch(rekindle_cards::find(NAME).unwrap(), &unwatched)
    }
}

/// Every file in a folder and below it.
fn files(folder: &Path, found: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path().is_dir() {
            true => files(&entry.path(), found),
            false => found.push(fs::read(entry.path()).unwrap_or_default()),
        }
    }
}

#[test]
fn what_it_brings_is_hashed_and_found_again_without_it() {
    let stage = Stage::new();
    let located = stage.fetch().unwrap();
    assert_eq!(fs::read(located.folder.join("model.safetensors")).unwrap(), stage.weights);
    let file = located.files.iter().find(|file| file.name == "model.safetensors").unwrap();
    assert_eq!(file.sha256, sha256(&stage.weights));
    stage.server.requests();
    let plain = HubSettings { transport: Transport::Http, ..stage.settings() };
    let again = Hub::new(plain).fetch(rekindle_cards::find(NAME).unwrap(), &unwatched);
    assert_eq!(again.unwrap().downloaded, 0);
    assert!(stage.server.requests().is_empty(), "what is in the cache was asked for again");
}

#[test]
fn every_fault_leads_to_the_right_bytes_or_one_clear_error() {
    let status = |code| Fault::Instead(code, Vec::new(), b"{\"error\": \"so it is\"}".to_vec());
    let table: Vec<(&str, Rule)> = vec![
        ("cut once", Rule::storage(1, Fault::Cut(100_000))),
        ("cut for ever", Rule::storage(usize::MAX, Fault::Cut(100_000))),
        ("a bit flipped", Rule::storage(usize::MAX, Fault::Flip(123_456))),
        ("a bit flipped once", Rule::storage(1, Fault::Flip(123_456))),
        ("503 once", Rule::storage(1, status(503))),
        ("503", Rule::storage(usize::MAX, status(503))),
        ("404", Rule::storage(usize::MAX, status(404))),
        ("a page", Rule::storage(usize::MAX, Fault::Instead(200, Vec::new(), b"<html>".to_vec()))),
    ];
    for (name, rule) in table {
        let stage = Stage::new();
        stage.server.order(rule);
        match stage.fetch() {
            Ok(located) => {
                let bytes = fs::read(located.folder.join("model.safetensors")).unwrap();
                assert!(bytes == stage.weights, "{name}: other bytes");
            }
            Err(error) => {
                let text = error.to_string();
                assert!(text.len() < 600 && !text.contains('\n'), "{name}: {text}");
            }
        }
        // Nothing but the right bytes lies in the cache, under any name.
        let mut found = Vec::new();
        files(&stage.folder.path().join("hub/models--timm--resnet18.a1_in1k/blobs"), &mut found);
        let good = |bytes: &Vec<u8>| *bytes == stage.weights || bytes == CONFIG;
        assert!(found.iter().all(good), "{name}: {} files", found.len());
        // And the next call recovers.
        stage.server.clear();
        let located = stage.fetch().unwrap();
        assert!(fs::read(located.folder.join("model.safetensors")).unwrap() == stage.weights);
    }
}

#[test]
fn a_token_is_not_sent_in_clear_and_a_first_use_is_remembered() {
    let stage = Stage::new();
    let settings = HubSettings {
        endpoint: "http://hub.invalid".to_owned(),
        token: Token::new("hf_secret"),
        ..stage.settings()
    };
    let card = rekindle_cards::find(NAME).unwrap();
    let error = Hub::new(settings).fetch(card, &unwatched).unwrap_err();
    assert!(!error.to_string().contains("hf_secret"), "{error}");

    stage.fetch().unwrap();
    let other: Vec<u8> = stage.weights.iter().map(|byte| byte ^ 1).collect();
    stage.server.publish(REPOSITORY, &[("config.json", CONFIG), ("model.safetensors", &other)]);
    fs::remove_dir_all(stage.folder.path().join("hub/models--timm--resnet18.a1_in1k")).unwrap();
    let located = stage.fetch().unwrap();
    let bytes = fs::read(located.folder.join("model.safetensors")).unwrap();
    assert!(bytes == stage.weights, "a branch is the commit that it was first");
}
