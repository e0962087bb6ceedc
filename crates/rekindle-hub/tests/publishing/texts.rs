//! The checkpoint of an encoder of texts: weights, transformers' config, and the files that turn a text into a vector.

use std::fs;

use rekindle_cards::{Card, Pin, find};
use rekindle_hub::{Hub, HubSettings, Pinned, Trust, unwatched};
use rekindle_loopback::sha256;

use crate::support::{Stage, safetensors};

const CONFIG: &str = r#"{"model_type": "bert", "architectures": ["BertModel"], "hidden_size": 4}"#;

/// The card, of a network that is small enough to make up.
fn card() -> Card {
    Card { parameters: 40, ..find("all-MiniLM-L6-v2").unwrap().clone() }
}

/// Positions are counted, and learned by nobody.
fn weights() -> Vec<u8> {
    safetensors(&[
        ("embeddings.position_ids", "I64", vec![1, 16]),
        ("embeddings.word_embeddings.weight", "F32", vec![10, 4]),
    ])
}

/// Every file of the card, each with its name in it.
fn further(card: &Card) -> Vec<(String, Vec<u8>)> {
    card.files
        .iter()
        .map(|name| (name.clone(), format!("{{\"{name}\": 1}}").into_bytes()))
        .collect()
}

fn publish(stage: &Stage, card: &Card, further: &[(String, Vec<u8>)]) -> String {
    let repository = card.repository.as_deref().unwrap();
    let weights = weights();
    let mut files: Vec<(&str, &[u8])> =
        vec![("config.json", CONFIG.as_bytes()), ("model.safetensors", &weights)];
    files.extend(further.iter().map(|(name, content)| (name.as_str(), content.as_slice())));
    let commit = stage.server.publish(repository, &files);
    stage.server.set_license(repository, "apache-2.0");
    commit
}

fn hub(stage: &Stage, name: &str, pins: Vec<Pin>) -> Hub {
    let cache = stage.folder.path().join(name);
    Hub::new(HubSettings { pins, cache, ..stage.settings() })
}

#[test]
fn the_files_of_a_text_card_are_pinned_and_fetched_with_their_folders() {
    let (stage, card) = (Stage::new(), card());
    let files = further(&card);
    assert!(files.iter().any(|(name, _)| name == "1_Pooling/config.json"));
    let commit = publish(&stage, &card, &files);

    let Pinned { pin, differences } = stage.hub().pin(&card).unwrap();
    assert_eq!(differences, Vec::<String>::new());
    assert_eq!((pin.commit.as_str(), pin.classes, pin.parameters), (commit.as_str(), 0, 40));
    assert_eq!((&pin.input, pin.classifier.as_str()), (&card.input, "classifier"));
    let names: Vec<&str> = pin.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names[0], Pin::CONFIG);
    assert_eq!(names[1..], card.files.iter().map(String::as_str).collect::<Vec<_>>());
    let text = Pin::to_toml("bert", std::slice::from_ref(&pin)).unwrap();
    assert_eq!(Pin::parse("weights/bert.toml", &text).unwrap(), std::slice::from_ref(&pin));

    // With the pin and without, and once more from the cache.
    for (name, pins, trust) in
        [("pinned", vec![pin.clone()], Trust::Pinned), ("first", vec![], Trust::FirstUse)]
    {
        let hub = hub(&stage, name, pins);
        let located = hub.fetch(&card, &unwatched).unwrap();
        assert_eq!((&located.commit, located.trust), (&commit, trust));
        assert_eq!(located.files.len(), 2 + files.len());
        assert_eq!(fs::read(located.folder.join("config.json")).unwrap(), CONFIG.as_bytes());
        assert_eq!(fs::read(located.folder.join("model.safetensors")).unwrap(), weights());
        for (name, content) in &files {
            assert_eq!(&fs::read(located.folder.join(name)).unwrap(), content, "{name}");
            let file = located.files.iter().find(|file| file.name == *name).unwrap();
            assert_eq!(file.trust, trust, "{name}");
        }
        let again = hub.locate(&card).unwrap();
        assert_eq!((again.folder, again.downloaded), (located.folder, 0));
    }

    // Other bytes than the pinned ones are refused, those in a folder too.
    for file in ["tokenizer.json", "1_Pooling/config.json"] {
        let mut other = pin.clone();
        let pinned = other.files.iter_mut().find(|pinned| pinned.name == file).unwrap();
        pinned.sha256 = sha256(b"another");
        let hub = hub(&stage, &format!("other {}", file.len()), vec![other]);
        let message = hub.fetch(&card, &unwatched).unwrap_err().to_string();
        assert!(message.contains(file) && message.contains(&sha256(b"another")), "{message}");
    }
}

#[test]
fn a_file_that_the_card_names_and_the_repository_lacks_is_told() {
    let (stage, card) = (Stage::new(), card());
    let mut files = further(&card);
    files.retain(|(name, _)| name != "1_Pooling/config.json");
    publish(&stage, &card, &files);
    let differences = stage.hub().pin(&card).unwrap().differences;
    assert!(
        differences.len() == 1 && differences[0].starts_with("files is tokenizer.json"),
        "{differences:?}"
    );
    let message = hub(&stage, "cache", vec![]).fetch(&card, &unwatched).unwrap_err().to_string();
    assert!(message.contains("1_Pooling/config.json"), "{message}");
}

/// A config of transformers says what texts are, and nothing of a card's images.
#[test]
fn a_card_of_images_takes_no_config_of_transformers() {
    let (stage, images) = (Stage::new(), find("test_resnet").unwrap());
    publish(&stage, images, &[]);
    let message = stage.hub().pin(images).unwrap_err().to_string();
    assert!(message.contains("transformers"), "{message}");
    let (stage, texts) = (Stage::new(), card());
    let other = Card { parameters: 41, ..texts };
    publish(&stage, &other, &further(&other));
    let differences = stage.hub().pin(&other).unwrap().differences;
    assert_eq!(differences, ["parameters is 40, the card says 41"]);
}
