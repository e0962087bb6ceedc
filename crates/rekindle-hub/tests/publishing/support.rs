//! A server, a cache, and files small enough to make up.

use std::{collections::BTreeMap, path::Path, time::Duration};

use rekindle_cards::{Card, HubConfig, ModelCard, find};
use rekindle_hub::{Hub, HubSettings, push::Upload};
use rekindle_loopback::Server;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) folder: TempDir,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self { server: Server::start().unwrap(), folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn settings(&self) -> HubSettings {
        let mut settings = HubSettings::new(&self.folder.path().join("cache")).unwrap();
        settings.endpoint = self.server.endpoint();
        settings.wait = Duration::from_millis(1);
        settings.stall = Duration::from_secs(5);
        settings
    }

    pub(crate) fn hub(&self) -> Hub {
        Hub::new(self.settings())
    }
}

/// The smallest network there is a card of.
pub(crate) fn card() -> &'static Card {
    find("test_resnet").unwrap()
}

/// Its config, as timm writes it.
pub(crate) fn config() -> String {
    HubConfig::from_card(card()).to_json().unwrap()
}

/// Weights of as many parameters as its card says, though not of its layers, and a batch norm's statistics.
pub(crate) fn weights() -> Vec<u8> {
    let classifier = 1000 * 96 + 1000;
    safetensors(&[
        ("body.weight", "F32", vec![card().parameters - classifier]),
        ("bn1.running_mean", "F32", vec![32]),
        ("bn1.running_var", "F32", vec![32]),
        ("bn1.num_batches_tracked", "I64", vec![]),
        ("fc.weight", "F32", vec![1000, 96]),
        ("fc.bias", "F32", vec![1000]),
    ])
}

pub(crate) fn safetensors(tensors: &[(&str, &str, Vec<usize>)]) -> Vec<u8> {
    let mut header = BTreeMap::from([("__metadata__", json!({ "format": "pt" }))]);
    let mut end = 0;
    for (name, dtype, shape) in tensors {
        let bytes = shape.iter().product::<usize>() * if *dtype == "I64" { 8 } else { 4 };
        let offsets = [end, end + bytes];
        header.insert(name, json!({ "dtype": dtype, "shape": shape, "data_offsets": offsets }));
        end += bytes;
    }
    let text = serde_json::to_string::<BTreeMap<&str, Value>>(&header).unwrap();
    let mut file = (text.len() as u64).to_le_bytes().to_vec();
    file.extend(text.bytes());
    file.extend((0..end).map(|place| (place % 251) as u8));
    file
}

/// The files of a repository of pictures.
pub(crate) fn files_of(card: &ModelCard, weights: &Path) -> Vec<Upload> {
    let config = card.config.to_json().unwrap() + "\n";
    Upload::model(card, vec![("config.json".to_owned(), config)], weights)
}
